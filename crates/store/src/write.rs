//! One call's mutations, all of them or none.

use crate::audit::{self, Call};
use crate::changes::{What, record};
use crate::database::Store;
use crate::document::Document;
use crate::error::Error;
use crate::read::find;
use crate::resource::{Key, New, Resource, Tags, check_tags};
use crate::token::Token;
use crate::turn::Turn;
use media::Utc;

/// What the caller believes a resource to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Whatever it is.
    Any,
    /// This generation (If-Match); another is [`Error::Stale`].
    Generation(i64),
}

/// The store's one writer, in the midst of a transaction. Reads through it see what it wrote. Await nothing else while holding
/// it: everybody who writes is waiting. Dropped without [`Write::settle`], it leaves nothing behind.
pub struct Write {
    pub(crate) turn: Turn,
    pub(crate) call: Call,
    subject: String,
}

impl Store {
    /// Waits for its turn to write, at most five seconds ([`Error::Busy`]).
    pub async fn write(&self, call: Call) -> Result<Write, Error> {
        audit::check(&call)?;
        Ok(Write { turn: Turn::take(self).await?, call, subject: String::new() })
    }

    /// Makes a resource; with a token that came before, gives the resource as it was made then.
    pub async fn create(&self, call: Call, new: New, token: Option<&Token>) -> Result<Resource, Error> {
        let mut write = self.write(call).await?;
        let made = async {
            if let Some(token) = token
                && let Some(answer) = write.replay(token).await?
            {
                return answer.read();
            }
            let made = write.create(new).await?;
            if let Some(token) = token {
                write.remember(token, &Document::of(&made)?).await?;
            }
            Ok(made)
        }
        .await;
        write.settle(made).await
    }

    /// Changes what is wanted of a resource.
    pub async fn change(
        &self,
        call: Call,
        key: &Key,
        expect: Expect,
        desired: Document,
    ) -> Result<Resource, Error> {
        let mut write = self.write(call).await?;
        let changed = write.change(key, expect, desired).await;
        write.settle(changed).await
    }

    /// Deletes a resource, and shows its tombstone until `until`.
    pub async fn delete(&self, call: Call, key: &Key, expect: Expect, until: Utc) -> Result<Resource, Error> {
        let mut write = self.write(call).await?;
        let deleted = write.delete(key, expect, until).await;
        write.settle(deleted).await
    }

    /// Changes a resource's tags from what they are at that moment, so that of two calls at once neither undoes the other.
    pub async fn retag(
        &self,
        call: Call,
        key: &Key,
        change: impl FnOnce(&mut Tags),
    ) -> Result<Resource, Error> {
        let mut write = self.write(call).await?;
        let tagged = async {
            let mut tags = write.resource(key).await?.tags;
            change(&mut tags);
            write.tag(key, tags).await
        }
        .await;
        write.settle(tagged).await
    }

    /// Writes a line about a call that was refused before it came here.
    pub async fn refused(&self, call: Call, subject: &str, outcome: &str) -> Result<(), Error> {
        let mut write = self.write(call).await?;
        write.about(subject);
        write.line(outcome).await
    }
}

impl Write {
    /// Ends the call: what succeeded is durable when this returns, with its audit line; what was refused is taken back, and the
    /// line says so. After a fault of the store itself nothing is written.
    pub async fn settle<T>(mut self, outcome: Result<T, Error>) -> Result<T, Error> {
        match outcome {
            Ok(answer) => self.line("ok").await.map(|()| answer),
            Err(refusal) if refusal.is_refusal() => {
                let code = refusal.code();
                let written = match self.turn.again().await {
                    Ok(()) => self.line(code).await,
                    Err(fault) => Err(fault),
                };
                if let Err(fault) = written {
                    tracing::warn!(%fault, code, "a refused call could not be written to the audit log");
                }
                Err(refusal)
            }
            Err(fault) => Err(fault),
        }
    }

    /// Writes the audit line, and commits.
    async fn line(mut self, outcome: &str) -> Result<(), Error> {
        let revision = audit::record(self.turn.connection(), &self.call, &self.subject, outcome).await?;
        self.turn.commit(revision).await
    }

    /// Says what the call is about, for its audit line; the first one stays.
    pub fn about(&mut self, subject: &str) {
        if self.subject.is_empty() {
            self.subject = subject.chars().filter(|sign| *sign != '\0').take(Call::MAX_TEXT / 4).collect();
        }
    }

    /// A resource that is there. [`Error::NotFound`] for a tombstone.
    pub async fn resource(&mut self, key: &Key) -> Result<Resource, Error> {
        let found = find(self.turn.connection(), key).await?;
        found.filter(|found| found.deleted.is_none()).ok_or_else(|| Error::NotFound(key.to_string()))
    }

    /// Makes a resource. One with its key or ARN is a [`Error::Conflict`]; a tombstone of the same key gives way, and the
    /// generation goes on from it, so that nobody takes the one for the other.
    pub async fn create(&mut self, new: New) -> Result<Resource, Error> {
        self.about(&new.arn);
        new.check()?;
        let New { key, arn, name, owner, desired, tags } = new;
        let generation = match find(self.turn.connection(), &key).await? {
            None => 1,
            Some(Resource { deleted: None, .. }) => {
                return Err(Error::Conflict(format!("{key} is there already")));
            }
            Some(tombstone) => {
                self.erase(&key).await?;
                tombstone.generation + 1
            }
        };
        let at = self.call.at;
        sqlx::query(
            "INSERT INTO resources (kind, account, region, id, arn, name, owner, generation, desired, observed, \
             observed_generation, tags, created_us, updated_us, deleted_us, forget_us) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, 0, $10, $11, $11, NULL, NULL)",
        )
        .bind(&key.kind)
        .bind(&key.account)
        .bind(&key.region)
        .bind(&key.id)
        .bind(&arn)
        .bind(&name)
        .bind(owner.word())
        .bind(generation)
        .bind(desired.text())
        .bind(Document::of(&tags)?.text())
        .bind(at.0)
        .execute(self.turn.connection())
        .await?;
        record(self.turn.connection(), at, &key, What::Created, generation).await?;
        let (created, updated) = (at, at);
        let (observed, observed_generation, deleted) = (None, 0, None);
        Ok(Resource {
            key,
            arn,
            name,
            owner,
            generation,
            desired,
            observed,
            observed_generation,
            tags,
            created,
            updated,
            deleted,
        })
    }

    /// Changes what is wanted. The same document again changes nothing, not even the generation.
    pub async fn change(&mut self, key: &Key, expect: Expect, desired: Document) -> Result<Resource, Error> {
        let mut resource = self.expected(key, expect).await?;
        if resource.desired != desired {
            resource.desired = desired;
            resource.generation += 1;
            resource.updated = self.call.at;
            self.save(&resource, What::Changed).await?;
        }
        Ok(resource)
    }

    /// Sets the tags to these.
    pub async fn tag(&mut self, key: &Key, tags: Tags) -> Result<Resource, Error> {
        let mut resource = self.expected(key, Expect::Any).await?;
        check_tags(&tags)?;
        if resource.tags != tags {
            resource.tags = tags;
            resource.updated = self.call.at;
            self.save(&resource, What::Tagged).await?;
        }
        Ok(resource)
    }

    /// Makes a tombstone of it, which is described until `until`, and listed no more.
    pub async fn delete(&mut self, key: &Key, expect: Expect, until: Utc) -> Result<Resource, Error> {
        let mut resource = self.expected(key, expect).await?;
        resource.deleted = Some((self.call.at, until));
        resource.updated = self.call.at;
        resource.generation += 1;
        self.save(&resource, What::Deleted).await?;
        Ok(resource)
    }

    async fn expected(&mut self, key: &Key, expect: Expect) -> Result<Resource, Error> {
        let resource = match self.resource(key).await {
            Ok(resource) => resource,
            Err(error) => {
                self.about(&key.to_string());
                return Err(error);
            }
        };
        self.about(&resource.arn);
        match expect {
            Expect::Generation(expected) if expected != resource.generation => {
                Err(Error::Stale { what: key.to_string(), expected, now: resource.generation })
            }
            _ => Ok(resource),
        }
    }

    async fn save(&mut self, resource: &Resource, what: What) -> Result<(), Error> {
        let Resource { key, generation, desired, tags, updated, deleted, .. } = resource;
        sqlx::query(
            "UPDATE resources SET generation = $5, desired = $6, tags = $7, updated_us = $8, deleted_us = $9, \
             forget_us = $10 WHERE kind = $1 AND account = $2 AND region = $3 AND id = $4",
        )
        .bind(&key.kind)
        .bind(&key.account)
        .bind(&key.region)
        .bind(&key.id)
        .bind(generation)
        .bind(desired.text())
        .bind(Document::of(tags)?.text())
        .bind(updated.0)
        .bind(deleted.map(|(at, _)| at.0))
        .bind(deleted.map(|(_, until)| until.0))
        .execute(self.turn.connection())
        .await?;
        record(self.turn.connection(), self.call.at, key, what, *generation).await?;
        Ok(())
    }

    async fn erase(&mut self, key: &Key) -> Result<(), Error> {
        sqlx::query("DELETE FROM resources WHERE kind = $1 AND account = $2 AND region = $3 AND id = $4")
            .bind(&key.kind)
            .bind(&key.account)
            .bind(&key.region)
            .bind(&key.id)
            .execute(self.turn.connection())
            .await?;
        Ok(())
    }
}
