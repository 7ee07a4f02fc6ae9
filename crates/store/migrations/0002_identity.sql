CREATE TABLE users (
  account KEYTEXT NOT NULL,
  name KEYTEXT NOT NULL,
  document TEXT NOT NULL,
  password BYTES,
  created_us BIGINT NOT NULL,
  PRIMARY KEY (account, name)
);

CREATE TABLE access_keys (
  id KEYTEXT PRIMARY KEY,
  account KEYTEXT NOT NULL,
  user_name KEYTEXT NOT NULL,
  sealed BYTES NOT NULL,
  active BIGINT NOT NULL,
  created_us BIGINT NOT NULL,
  last_used_us BIGINT,
  FOREIGN KEY (account, user_name) REFERENCES users (account, name)
);
CREATE INDEX access_keys_by_user ON access_keys (account, user_name);

CREATE TABLE policies (
  account KEYTEXT NOT NULL,
  name KEYTEXT NOT NULL,
  document TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  PRIMARY KEY (account, name)
);

CREATE TABLE attachments (
  account KEYTEXT NOT NULL,
  user_name KEYTEXT NOT NULL,
  policy_name KEYTEXT NOT NULL,
  PRIMARY KEY (account, user_name, policy_name),
  FOREIGN KEY (account, user_name) REFERENCES users (account, name),
  FOREIGN KEY (account, policy_name) REFERENCES policies (account, name)
);

CREATE TABLE secrets (
  account KEYTEXT NOT NULL,
  region KEYTEXT NOT NULL,
  name KEYTEXT NOT NULL,
  sealed BYTES NOT NULL,
  updated_us BIGINT NOT NULL,
  PRIMARY KEY (account, region, name)
);
