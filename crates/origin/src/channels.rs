//! The channels there are: opened at the start, and anew whenever the role is told which they shall be.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use daemon::EpochClock;
use media::ChannelName;

use crate::channel::Channel;
use crate::log::{self, Log};
use crate::metrics::Metrics;
use crate::{Channel as Settings, Error};

/// Every channel by its name.
pub(crate) type Listed = BTreeMap<ChannelName, Arc<Channel>>;

/// The channels there are. Whoever holds one that is closed keeps it; what it gets is heard by nobody.
pub(crate) struct Channels {
    listed: RwLock<Arc<Listed>>,
    opener: Opener,
}

/// Opens channels: all that they share.
pub(crate) struct Opener {
    /// The folder of every channel's log.
    pub(crate) root: PathBuf,
    /// Gone at the drain, so that the log's thread ends.
    pub(crate) log: RwLock<Option<Log>>,
    pub(crate) metrics: Metrics,
    pub(crate) clock: EpochClock,
}

impl Channels {
    /// Opens the first ones.
    pub(crate) fn open(settings: &[Settings], opener: Opener) -> Result<Self, Error> {
        let this = Self { listed: RwLock::default(), opener };
        this.set(settings)?;
        Ok(this)
    }

    pub(crate) fn get(&self, name: &ChannelName) -> Option<Arc<Channel>> {
        self.all().get(name).cloned()
    }

    /// All of them, as they are now.
    pub(crate) fn all(&self) -> Arc<Listed> {
        self.listed.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Opens and closes channels so that those of `settings` are there. Those that stay as they are go on untouched. What the log
    /// has of a channel that is closed stays on disk, and is what it begins with when it is opened again.
    ///
    /// Reads and waits for the disk; one call at a time. Where one cannot be opened, nothing is changed.
    pub(crate) fn set(&self, settings: &[Settings]) -> Result<(), Error> {
        let before = self.all();
        let stays =
            |wanted: &Settings| before.get(&wanted.name).filter(|channel| channel.settings == *wanted);
        let goes = |channel: &Channel| !settings.contains(&channel.settings);
        // Those with other settings first: their files must be at rest before they are read again.
        for channel in before.values().filter(|channel| goes(channel)) {
            self.close(channel);
        }
        let mut listed = Listed::new();
        for wanted in settings {
            let channel = match stays(wanted) {
                Some(channel) => channel.clone(),
                None => Arc::new(self.opener.open(wanted)?),
            };
            listed.insert(wanted.name.clone(), channel);
        }
        *self.listed.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(listed);
        Ok(())
    }

    fn close(&self, channel: &Channel) {
        channel.close_log();
        if let Some(log) = self.opener.log() {
            log.close(&channel.name);
        }
    }

    /// No channel keeps anything on disk any more: the log's thread writes what it has, and ends.
    pub(crate) fn close_logs(&self) {
        self.all().values().for_each(|channel| channel.close_log());
        *self.opener.log.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl Opener {
    fn log(&self) -> Option<Log> {
        self.log.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn open(&self, settings: &Settings) -> Result<Channel, Error> {
        let log = self.log();
        if let Some(log) = &log {
            log.open(&settings.name)?;
        }
        let kept = log::recover(&self.root, &settings.name, &self.metrics)?;
        Ok(Channel::restore(settings, kept, log, self.metrics.clone(), self.clock))
    }
}
