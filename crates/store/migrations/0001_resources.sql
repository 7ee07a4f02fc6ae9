-- KEYTEXT is text ordered by bytes, BYTES is binary. Times are microseconds since 1970.

CREATE TABLE numbers (
  name KEYTEXT PRIMARY KEY,
  value BIGINT NOT NULL
);
-- `revision` numbers every line of `changes` and `audit`; changes up to `changes_forgotten` are gone.
INSERT INTO numbers (name, value) VALUES ('revision', 0), ('changes_forgotten', 0);

CREATE TABLE resources (
  kind KEYTEXT NOT NULL,
  account KEYTEXT NOT NULL,
  region KEYTEXT NOT NULL,
  id KEYTEXT NOT NULL,
  arn KEYTEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  owner TEXT NOT NULL,
  generation BIGINT NOT NULL,
  desired TEXT NOT NULL,
  observed TEXT,
  observed_generation BIGINT NOT NULL,
  tags TEXT NOT NULL,
  created_us BIGINT NOT NULL,
  updated_us BIGINT NOT NULL,
  deleted_us BIGINT,
  forget_us BIGINT,
  PRIMARY KEY (kind, account, region, id)
);

CREATE TABLE changes (
  revision BIGINT PRIMARY KEY,
  at_us BIGINT NOT NULL,
  kind KEYTEXT NOT NULL,
  account KEYTEXT NOT NULL,
  region KEYTEXT NOT NULL,
  id KEYTEXT NOT NULL,
  what TEXT NOT NULL,
  generation BIGINT NOT NULL
);

CREATE TABLE audit (
  revision BIGINT PRIMARY KEY,
  at_us BIGINT NOT NULL,
  account TEXT NOT NULL,
  who TEXT NOT NULL,
  source TEXT NOT NULL,
  action TEXT NOT NULL,
  request_id TEXT NOT NULL,
  subject TEXT NOT NULL,
  outcome TEXT NOT NULL,
  chain TEXT NOT NULL
);

CREATE TABLE tokens (
  account KEYTEXT NOT NULL,
  action KEYTEXT NOT NULL,
  token KEYTEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  answer TEXT NOT NULL,
  expires_us BIGINT NOT NULL,
  PRIMARY KEY (account, action, token)
);
CREATE INDEX tokens_by_expiry ON tokens (expires_us);
