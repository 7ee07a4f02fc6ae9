//! What workers report.

use media::Utc;

use crate::changes::{What, record};
use crate::database::Store;
use crate::error::Error;
use crate::read::find;
use crate::resource::Observation;
use crate::turn::Turn;

impl Store {
    /// Takes reports, all in one transaction. One that says nothing new, is about an earlier generation than the last, or about
    /// what is no more, is passed over; tombstones take reports too, for a worker may still be stopping. Gives how many were taken.
    pub async fn observe(&self, reports: &[Observation], at: Utc) -> Result<usize, Error> {
        let mut turn = Turn::take(self).await?;
        let (mut taken, mut newest) = (0, 0);
        for Observation { key, generation, observed } in reports {
            let Some(known) = find(turn.connection(), key).await? else { continue };
            let told = known.observed_generation == *generation && known.observed.as_ref() == Some(observed);
            if told || *generation < known.observed_generation || *generation > known.generation {
                continue;
            }
            sqlx::query(
                "UPDATE resources SET observed = $5, observed_generation = $6 \
                 WHERE kind = $1 AND account = $2 AND region = $3 AND id = $4",
            )
            .bind(&key.kind)
            .bind(&key.account)
            .bind(&key.region)
            .bind(&key.id)
            .bind(observed.text())
            .bind(generation)
            .execute(turn.connection())
            .await?;
            newest = record(turn.connection(), at, key, What::Observed, known.generation).await?;
            taken += 1;
        }
        turn.commit(newest).await?;
        Ok(taken)
    }
}
