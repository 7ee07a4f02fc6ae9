//! The edge's end, as one connection follows it.

use std::pin::Pin;
use std::sync::Arc;
use std::task::Context;

use super::Viewer;
use crate::worker::{Draining, Worker};

/// How far the edge's end has come, and the wait for its next step.
pub(super) struct Drain {
    /// What this connection has followed.
    state: Draining,
    next: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// `next` knows whom to wake.
    is_heard: bool,
}

impl Drain {
    pub(super) fn begun(worker: Arc<Worker>) -> Drain {
        Drain::to(worker, Draining::No, Draining::Begun)
    }

    fn ending(worker: Arc<Worker>) -> Drain {
        Drain::to(worker, Draining::Begun, Draining::Ending)
    }

    fn to(worker: Arc<Worker>, state: Draining, next: Draining) -> Drain {
        let next = Box::pin(async move { worker.shared.drained_to(next).await });
        Drain { state, next, is_heard: false }
    }

    /// Whether it begins now; asked once, so that it knows whom to wake.
    pub(super) fn begins(&mut self, cx: &mut Context<'_>) -> bool {
        self.state == Draining::No && !self.is_heard && self.is_over(cx)
    }

    fn is_over(&mut self, cx: &mut Context<'_>) -> bool {
        self.is_heard = true;
        self.next.as_mut().poll(cx).is_ready()
    }
}

impl Viewer {
    /// Tells the viewer of a drain, and whoever still waits for a head when it is nearly over to ask again.
    pub(super) fn follow_drain(&mut self, cx: &mut Context<'_>, output: &mut Vec<u8>) {
        if self.drain.state == Draining::No && self.worker.shared.is_draining() {
            self.connection.drain(output);
            self.drain = Drain::ending(self.worker.clone());
        }
        if self.drain.state == Draining::Begun && self.drain.is_over(cx) {
            self.connection.tell_drain(output);
            self.drain.state = Draining::Ending;
        }
        if self.drain.state == Draining::Ending {
            for reply in &mut self.replies {
                reply.end_wait(&self.worker);
            }
        }
    }
}
