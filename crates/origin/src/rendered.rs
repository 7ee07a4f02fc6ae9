//! What was made of a channel's present timeline.

use std::collections::HashMap;
use std::sync::Arc;

use manifest::Timeline;

use crate::window::Stored;

/// What was made of the present timeline, until it changes.
#[derive(Default)]
pub(crate) struct Rendered {
    /// Texts, by file name, or by an endpoint's manifest and what it is.
    pub(crate) texts: HashMap<String, Stored>,
    /// The timeline as endpoints' manifests show it, by the endpoint's number and the manifest's place.
    pub(crate) views: HashMap<(u64, usize), Arc<Timeline>>,
}

impl Rendered {
    /// The timeline has changed.
    pub(crate) fn clear(&mut self) {
        self.texts.clear();
        self.views.clear();
    }
}
