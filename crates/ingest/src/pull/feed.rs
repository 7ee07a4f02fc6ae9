//! Chooses a stream and follows it, again and again.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::mpsc;

use super::Pull;
use super::lane::{End, Lane, Piece};
use super::round::{LANES, Round};
use super::told::Told;
use crate::pause::Pause;

/// Longest pause before a stream is chosen anew; one that brought a segment makes it short again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// Where each lane's pieces go.
pub(super) type Outs = [mpsc::Sender<Piece>; LANES];

/// Feeds for ever.
pub(super) async fn feed(pull: &Pull, outs: &Outs) {
    let told = Told::new(pull);
    let mut pause = Pause::up_to(LONGEST_PAUSE);
    for number in 1.. {
        if let Some(chosen) = pull.from.choose(&told).await {
            let segments = pull.metrics.segments.get();
            let files = pull.from.files();
            let round = Arc::new(Round::new(number, chosen.clone(), |url| files.is_there(url)));
            tokio::select! {
                () = follow(pull, &round, &told, outs) => {}
                () = pull.from.is_left(&chosen) => {}
            }
            if pull.metrics.segments.get() > segments {
                pause.renew();
            }
        }
        pause.wait().await;
    }
}

/// Follows the playlists of a round, each for itself, until it is over: of a ladder once none of them can be read any more.
async fn follow(pull: &Pull, round: &Arc<Round>, told: &Told<'_>, outs: &Outs) {
    let unreadable = Unreadable::default();
    let lanes = round.lanes();
    let lane = |at: usize| {
        let (url, unreadable) = (round.url(at).cloned(), &unreadable);
        async move {
            let Some(url) = url else { return };
            let mut lane = Lane::new(&pull.from, url, round.clone());
            let mut pause = Pause::up_to(LONGEST_PAUSE);
            loop {
                lane.until_there().await;
                let segments = pull.metrics.segments.get();
                unreadable.set(at, false);
                match lane.follow(told, &outs[at]).await {
                    _ if !round.is_ladder() => return,
                    End::Anew => lane.begin_anew(),
                    End::Unreadable => {
                        unreadable.set(at, true);
                        if unreadable.count() == lanes.iter().count() {
                            return;
                        }
                        if pull.metrics.segments.get() > segments {
                            pause.renew();
                        }
                        pause.wait().await;
                    }
                }
            }
        }
    };
    let mut running: Vec<Pin<Box<dyn Future<Output = ()> + Send + '_>>> = Vec::new();
    for at in lanes.iter() {
        running.push(Box::pin(lane(at)));
    }
    // The first that ends ends the round.
    poll_fn(|context| {
        let is_over = running.iter_mut().any(|lane| lane.as_mut().poll(context).is_ready());
        if is_over { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// Lanes whose playlist could not be read when they last tried.
#[derive(Default)]
struct Unreadable(AtomicU32);

impl Unreadable {
    fn set(&self, lane: usize, is_so: bool) {
        let bit = 1 << lane;
        match is_so {
            true => self.0.fetch_or(bit, Ordering::Relaxed),
            false => self.0.fetch_and(!bit, Ordering::Relaxed),
        };
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed).count_ones() as usize
    }
}
