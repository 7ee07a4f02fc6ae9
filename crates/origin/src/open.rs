//! The bytes of a segment that is coming in, shared with viewers who read it while it grows.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::channel::{Channel, Sender};
use tokio::sync::watch;

use crate::channel::Pipeline;

/// Parts that wait for a reader of an open segment to take them; a slower one is waited for.
const READER_PARTS: usize = 8;

/// The parts of one track's open segment that are listed. Dropping it ends its readers: with the segment's end where it
/// was [`finish`](Self::finish)ed, else by breaking off, so that nobody takes a part of it for the whole.
#[derive(Debug)]
pub(crate) struct Open {
    grown: watch::Sender<Growth>,
    /// A publisher sent some of it twice: the bytes kept are not all of the last body.
    pub(crate) resumed: bool,
    /// Whose its first part is.
    pub(crate) pipeline: Pipeline,
}

#[derive(Clone, Debug, Default)]
struct Growth {
    parts: Arc<Vec<Bytes>>,
    whole: bool,
}

impl Open {
    pub(crate) fn new(pipeline: Pipeline) -> Self {
        Self { grown: watch::Sender::new(Growth::default()), resumed: false, pipeline }
    }

    pub(crate) fn push(&self, part: Bytes) {
        self.grown.send_modify(|growth| Arc::make_mut(&mut growth.parts).push(part));
    }

    pub(crate) fn part(&self, index: usize) -> Option<Bytes> {
        self.grown.borrow().parts.get(index).cloned()
    }

    /// All of them.
    pub(crate) fn parts(&self) -> Arc<Vec<Bytes>> {
        self.grown.borrow().parts.clone()
    }

    /// Nothing more will come: what there is, is the segment.
    pub(crate) fn finish(&self) {
        self.grown.send_modify(|growth| growth.whole = true);
    }

    /// A body that gives what there is and then what comes.
    pub(crate) fn body(&self) -> Channel<Bytes, Unfinished> {
        let (sender, body) = Channel::new(READER_PARTS);
        tokio::spawn(feed(sender, self.grown.subscribe()));
        body
    }
}

/// The segment was given up before it was whole.
#[derive(Debug, thiserror::Error)]
#[error("the segment was not finished")]
pub(crate) struct Unfinished;

async fn feed(mut reader: Sender<Bytes, Unfinished>, mut grown: watch::Receiver<Growth>) {
    let mut sent = 0;
    loop {
        let Growth { parts, whole } = grown.borrow_and_update().clone();
        for part in &parts[sent..] {
            if reader.send_data(part.clone()).await.is_err() {
                return;
            }
        }
        sent = parts.len();
        if whole {
            return;
        }
        if grown.changed().await.is_err() {
            reader.abort(Unfinished);
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn early_and_late_readers_get_the_whole_and_nobody_takes_a_torn_one_for_it() {
        let open = Open::new(Pipeline::default());
        let early = tokio::spawn(open.body().collect());
        open.push(Bytes::from_static(b"one "));
        tokio::task::yield_now().await;
        open.push(Bytes::from_static(b"two"));
        let late = tokio::spawn(open.body().collect());
        open.finish();
        drop(open);
        for reader in [early, late] {
            assert_eq!(reader.await.unwrap().unwrap().to_bytes(), "one two");
        }
        let torn = Open::new(Pipeline::default());
        torn.push(Bytes::from_static(b"one"));
        let reader = tokio::spawn(torn.body().collect());
        tokio::task::yield_now().await;
        drop(torn);
        assert!(reader.await.unwrap().is_err());
    }
}
