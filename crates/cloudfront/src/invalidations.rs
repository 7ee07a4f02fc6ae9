//! Invalidations: carried out, then kept to be shown.

use aws::{Error, Map, Value};
use door::Caller;
use http_cache::KeyRules;
use http_cache::purge::Pattern;
use store::{Document, Expect, Key, New, Owner, Resource, Tags};

use crate::error::{invalid, of_store, of_store_as};
use crate::page::Asked;
use crate::policies::config_of;
use crate::read::{text, texts};
use crate::{CloudFront, REGION, ids, quantities};

/// What invalidations are called in the store; the id is the distribution's and its own.
const INVALIDATION: &str = "cloudfront-invalidation";
/// Paths of one, as AWS has it.
const MAX_PATHS: usize = 3_000;
/// Those that are kept of a distribution, the newest.
const KEPT: usize = 100;
/// Longest path, in bytes.
const MAX_PATH: usize = 4_000;

impl CloudFront {
    pub(crate) async fn create_invalidation(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let distribution = self.face_of(caller, text(&input, "DistributionId")).await?;
        let id = distribution.id.as_str();
        let batch = input.get("InvalidationBatch").and_then(Value::as_map).cloned().unwrap_or_default();
        quantities::check(&batch)?;
        let paths = texts(&batch, "Paths");
        check(&paths)?;
        let reference = text(&batch, "CallerReference");
        if reference.is_empty() || reference.len() > 512 {
            return Err(invalid("CallerReference is 1 to 512 characters"));
        }
        // The same reference is the same invalidation, which is made once.
        let own = ids::id('I', &format!("{}/{id}/{reference}", caller.account));
        let key =
            Key::new(INVALIDATION, &caller.account, REGION, &format!("{id}/{own}")).map_err(of_store)?;
        let location =
            format!("https://cloudfront.amazonaws.com/2020-05-31/distribution/{id}/invalidation/{own}");
        if let Ok(before) = self.store.resource(&key, caller.at).await
            && before.deleted.is_none()
        {
            let kept = config_of(&before)?;
            if kept != batch {
                return Err(invalid(
                    "This CallerReference was used with other paths: give each batch its own.",
                ));
            }
            return Ok(Map::new()
                .with("Invalidation", show(&own, before.created, kept))
                .with("Location", location));
        }
        for path in &paths {
            self.purge.purge(&distribution.name, path).await.map_err(|fault| {
                Error::new(
                    "ServiceUnavailable",
                    format!("The edge's cache could not be reached: {}", fault.why),
                )
                .with_status(503)
            })?;
        }
        let new = New {
            key,
            arn: format!("arn:aws:cloudfront::{}:distribution/{id}/invalidation/{own}", caller.account),
            name: own.clone(),
            owner: Owner::Api,
            desired: Document::of(&batch).map_err(of_store)?,
            tags: Tags::new(),
        };
        let made = self.store.create(caller.audit(), new, None).await;
        self.forget_invalidations(caller, &format!("{id}/"), KEPT).await?;
        let created = match made {
            Ok(made) => made.created,
            // The same call at the same moment.
            Err(error) if error.code() == "Conflict" => caller.at,
            Err(error) => return Err(of_store(error)),
        };
        Ok(Map::new().with("Invalidation", show(&own, created, batch)).with("Location", location))
    }

    pub(crate) async fn invalidation(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let distribution = self.face_of(caller, text(&input, "DistributionId")).await?;
        let own = text(&input, "Id");
        let missing = || Error::new("NoSuchInvalidation", "The specified invalidation does not exist.");
        let id = format!("{}/{own}", distribution.id);
        let key = Key::new(INVALIDATION, &caller.account, REGION, &id).map_err(|_| missing())?;
        let found = self.store.resource(&key, caller.at).await;
        let found = found.map_err(|error| of_store_as(error, "NoSuchInvalidation"))?;
        Ok(Map::new().with("Invalidation", show(own, found.created, config_of(&found)?)))
    }

    pub(crate) async fn list_invalidations(&self, caller: &Caller, input: Map) -> Result<Map, Error> {
        let distribution = self.face_of(caller, text(&input, "DistributionId")).await?;
        let asked = Asked::of(&input)?;
        let of = format!("{}/", distribution.id);
        let all = self.invalidations_of(caller, &of).await?.into_iter().map(|one| {
            let own = one.key.id()[of.len()..].to_owned();
            let summary = Map::new()
                .with("Id", own.as_str())
                .with("CreateTime", one.created)
                .with("Status", "Completed");
            (own, summary)
        });
        let (items, next) = asked.cut(all.collect());
        Ok(Map::new().with("InvalidationList", asked.list(items, next)))
    }

    /// Those of a distribution, whose ids begin with `of`; the newest first, as AWS has it.
    async fn invalidations_of(&self, caller: &Caller, of: &str) -> Result<Vec<Resource>, Error> {
        let mut all = self.every(caller, INVALIDATION).await?;
        all.retain(|one| one.key.id().starts_with(of));
        all.sort_by(|one, other| (other.created, other.key.id()).cmp(&(one.created, one.key.id())));
        Ok(all)
    }

    /// Keeps the newest so many of a distribution.
    pub(crate) async fn forget_invalidations(
        &self,
        caller: &Caller,
        of: &str,
        keep: usize,
    ) -> Result<(), Error> {
        for old in self.invalidations_of(caller, of).await?.iter().skip(keep) {
            match self.store.delete(caller.audit(), &old.key, Expect::Any, caller.at).await {
                Ok(_) => {}
                // Somebody else did.
                Err(error) if error.code() == "NotFound" => {}
                Err(error) => return Err(of_store(error)),
            }
        }
        Ok(())
    }
}

/// Whether every path can be carried out.
fn check(paths: &[String]) -> Result<(), Error> {
    if paths.is_empty() {
        return Err(invalid("Your request contains no invalidation paths."));
    }
    if paths.len() > MAX_PATHS {
        return Err(Error::new("BatchTooLarge", format!("A batch holds at most {MAX_PATHS} paths.")));
    }
    let rules = KeyRules::hls();
    for path in paths {
        let fault = match Pattern::parse_below("//e", path, &rules) {
            _ if path.len() > MAX_PATH => format!("a path is at most {MAX_PATH} characters"),
            _ if path.is_empty() => "a path is empty".to_owned(),
            Err(fault) => fault.to_string(),
            Ok(_) => continue,
        };
        return Err(invalid(format!(
            "Your request contains one or more invalid invalidation paths: `{path}`: {fault}"
        )));
    }
    Ok(())
}

/// An invalidation as answers show it: it is carried out before anything is said of it.
fn show(id: &str, created: media::Utc, batch: Map) -> Map {
    Map::new()
        .with("Id", id)
        .with("Status", "Completed")
        .with("CreateTime", created)
        .with("InvalidationBatch", batch)
}
