-- Messages in queues: of SQS, and those on their way to subscribers. `number` is the same whatever queue a message moves to.
INSERT INTO numbers (name, value) VALUES ('message', 0);

CREATE TABLE messages (
  queue KEYTEXT NOT NULL,
  number BIGINT NOT NULL,
  sent_us BIGINT NOT NULL,
  due_us BIGINT NOT NULL,
  expires_us BIGINT NOT NULL,
  taken BIGINT NOT NULL,
  first_taken_us BIGINT,
  head TEXT NOT NULL,
  body TEXT NOT NULL,
  PRIMARY KEY (queue, number)
);
CREATE INDEX messages_by_due ON messages (queue, due_us, number);
CREATE INDEX messages_by_expiry ON messages (expires_us);
