-- What is known of a policy beside its statements: id, path, description, tags.
ALTER TABLE policies ADD COLUMN about TEXT NOT NULL DEFAULT '{}';

-- Policies that are one user's own.
CREATE TABLE user_policies (
  account KEYTEXT NOT NULL,
  user_name KEYTEXT NOT NULL,
  name KEYTEXT NOT NULL,
  document TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  PRIMARY KEY (account, user_name, name),
  FOREIGN KEY (account, user_name) REFERENCES users (account, name)
);

-- What a key last signed for.
ALTER TABLE access_keys ADD COLUMN last_used_service TEXT;
ALTER TABLE access_keys ADD COLUMN last_used_region TEXT;
