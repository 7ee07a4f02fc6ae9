//! Every door there is, and what keeps them: opened at the start, and anew whenever the role is told which they shall be.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::{AbortHandle, JoinSet};

use crate::channel::Channel;
use crate::config::{Door, Error, Publisher, PushPlace, Sources};
use crate::download::{self, Download};
use crate::pull::{self, Pull, Supply};
use crate::push::{Place, Push, Room};
use crate::replay::{self, Replay};
use crate::ticks::Ticks;
use crate::{Call, Ingest, Inlet, Route, RtmpRoute, SrtRoute, datagrams, rtmp_caller, srt_caller, udp};

/// How often SRT connections are looked at where bytes are not to gather.
const LEAST_SRT_BATCH: Duration = Duration::from_millis(10);

/// What publishers and subscribers find, at one moment.
#[derive(Debug, Default)]
pub(crate) struct Doors {
    pub(crate) channels: Vec<Arc<Channel>>,
    pub(crate) rtmp: Vec<Arc<Route>>,
    pub(crate) srt: Vec<Arc<SrtRoute>>,
    /// By path.
    pub(crate) push: HashMap<String, Arc<Place>>,
}

/// Opens and closes doors. Dropped, it lets go of everybody it fetches from or receives.
pub(crate) struct Keeper {
    ingest: Arc<Ingest>,
    open: Vec<Open>,
    downloads: Vec<(Download, AbortHandle)>,
    /// What bounds them, from the first on.
    bounds: Option<Arc<download::Bounds>>,
    /// What pushed files take.
    room: Arc<Room>,
    /// One of each period.
    ticks: Vec<Arc<Ticks>>,
    tasks: JoinSet<()>,
}

/// A channel's input.
struct Open {
    settings: Publisher,
    channel: Arc<Channel>,
    way: Way,
}

/// How publishers come to it.
enum Way {
    Rtmp(Arc<Route>),
    Srt(Arc<SrtRoute>),
    /// A task goes and gets it.
    Fetched(AbortHandle),
    /// A task reads what was pushed.
    Pushed(Arc<Push>, AbortHandle),
}

impl Keeper {
    pub(crate) fn new(ingest: Arc<Ingest>) -> Self {
        let (open, downloads, ticks, tasks) = (Vec::new(), Vec::new(), Vec::new(), JoinSet::new());
        Self { ingest, open, downloads, bounds: None, room: Arc::default(), ticks, tasks }
    }

    /// Sees to it that these doors are open and no others. Those that stay as they are go on untouched; a publisher of one that
    /// is closed is let go, and subscribers hear that nothing more will come.
    ///
    /// # Errors
    /// [`Error::SameDoor`], and then nothing is changed. [`Error::Bind`] where a port cannot be had: all others are as wanted.
    pub(crate) fn set(&mut self, sources: Sources) -> Result<(), Error> {
        let Sources { publishers, downloads } = sources;
        tell_apart(&publishers)?;
        for open in &mut self.open {
            open.admit_as(&publishers);
        }
        for gone in self.open.extract_if(.., |open| !publishers.contains(&open.settings)) {
            gone.close(&self.ingest);
        }
        let mut outcome = Ok(());
        for publisher in publishers {
            if self.open.iter().any(|open| open.settings == publisher) {
                continue;
            }
            match self.opened(publisher) {
                Ok(open) => self.open.push(open),
                Err(fault) => outcome = outcome.and(Err(fault)),
            }
        }
        self.fetch(downloads);
        self.show();
        outcome
    }

    /// What is found from now on.
    fn show(&self) {
        let mut doors = Doors::default();
        for open in &self.open {
            doors.channels.push(open.channel.clone());
            match &open.way {
                Way::Rtmp(route) => doors.rtmp.push(route.clone()),
                Way::Srt(route) => doors.srt.push(route.clone()),
                Way::Pushed(push, _) => {
                    let places = push.places().iter().map(|place| (place.path.clone(), place.clone()));
                    doors.push.extend(places);
                }
                Way::Fetched(_) => {}
            }
        }
        self.ingest.set_doors(doors);
    }

    fn fetch(&mut self, wanted: Vec<Download>) {
        for (_, task) in self.downloads.extract_if(.., |(download, _)| !wanted.contains(download)) {
            task.abort();
        }
        if wanted.is_empty() {
            return;
        }
        let bounds = self.bounds.get_or_insert_with(|| Arc::new(download::Bounds::of(&wanted)));
        for download in wanted {
            if self.downloads.iter().all(|(known, _)| *known != download) {
                let running = download::run(download.clone(), bounds.clone(), self.ingest.metrics.clone());
                let task = self.tasks.spawn(running);
                self.downloads.push((download, task));
            }
        }
    }

    fn opened(&mut self, settings: Publisher) -> Result<Open, Error> {
        let Publisher { feed: name, door, admission, batch, keep } = settings.clone();
        let ingest = self.ingest.clone();
        let metrics = &ingest.metrics;
        let room = if door.is_of_ladder() { replay::MAX_LADDER_BYTES } else { replay::MAX_BYTES };
        let replay = Replay::new(keep, room);
        let channel = Arc::new(Channel::new(name.clone(), replay, admission, metrics.channel(&name)));
        let lazy = (!batch.is_zero()).then_some(batch);
        let way = match door {
            Door::Rtmp { app, key } => {
                let (app, key) = (application(&app).to_owned(), rtmp::Key::new(&key));
                let ticks = lazy.map(|batch| self.ticks(batch));
                Way::Rtmp(Arc::new(Route { app, key, ticks, channel: channel.clone() }))
            }
            Door::Srt { stream_id, terms, select } => {
                let ticks = self.ticks(batch.max(LEAST_SRT_BATCH));
                let (link, channel) = (metrics.srt(&name), channel.clone());
                Way::Srt(Arc::new(SrtRoute { stream_id, terms, select, ticks, link, channel }))
            }
            Door::SrtCall(to) => {
                let ticks = self.ticks(batch.max(LEAST_SRT_BATCH));
                let call = Call { to, ticks, link: metrics.srt(&name), channel: channel.clone() };
                self.task(srt_caller::call(ingest.clone(), Arc::new(call)))
            }
            Door::Datagrams { source, bound, select } => {
                let bound = match bound {
                    Some(bound) => bound,
                    None => udp::Bound::bind(source)
                        .map_err(|source| Error::Bind { feed: name.clone(), source })?,
                };
                let figures = metrics.datagrams(&name, bound.source());
                let gather = batch.clamp(udp::LEAST_GATHER, udp::MOST_GATHER);
                let inlet = Inlet { bound, select, gather, figures, channel: channel.clone() };
                let input = udp::Input::open(&inlet.bound, inlet.gather).map_err(Error::Datagrams)?;
                self.task(datagrams::receive(ingest.clone(), inlet, input))
            }
            Door::RtmpCall(from) => {
                let ticks = lazy.map(|batch| self.ticks(batch));
                let route = RtmpRoute { from, ticks, channel: channel.clone() };
                self.task(rtmp_caller::call(ingest.clone(), Arc::new(route)))
            }
            Door::Hls(from) => {
                let (from, metrics) = (Supply::Fetched(from), metrics.pull(&name));
                let pull = Pull { from, metrics, channel: channel.clone() };
                self.task(pull::run(ingest.clone(), Arc::new(pull)))
            }
            Door::HlsPush(push) => {
                let (stream, metrics) = metrics.push(&name);
                let place = |place: PushPlace| {
                    Place::new(place.path, place.login, channel.clone(), &self.room, metrics.clone())
                };
                let places = push.places.into_iter().map(place).map(Arc::new).collect();
                let push = Arc::new(Push::new(places, push.choice, metrics.clone()));
                let from = Supply::Pushed(push.clone());
                let pull = Pull { from, metrics: stream, channel: channel.clone() };
                Way::Pushed(push, self.tasks.spawn(pull::run(ingest.clone(), Arc::new(pull))))
            }
        };
        Ok(Open { settings, channel, way })
    }

    fn task(&mut self, task: impl Future<Output = ()> + Send + 'static) -> Way {
        Way::Fetched(self.tasks.spawn(task))
    }

    fn ticks(&mut self, period: Duration) -> Arc<Ticks> {
        if let Some(ticks) = self.ticks.iter().find(|ticks| ticks.period() == period) {
            return ticks.clone();
        }
        let ticks = Arc::new(Ticks::every(period));
        let running = ticks.clone();
        self.tasks.spawn(async move { running.run().await });
        self.ticks.push(ticks.clone());
        ticks
    }

    /// Lets go of everybody, and tells subscribers.
    pub(crate) async fn close(mut self) {
        self.tasks.shutdown().await;
        self.open.iter().for_each(|open| open.channel.close());
    }
}

impl Open {
    /// Where one of these differs in nothing but whom it lets in, it is this one from now on, and its publisher stays if it may.
    fn admit_as(&mut self, publishers: &[Publisher]) {
        let is_this = |wanted: &&Publisher| {
            Publisher { admission: self.settings.admission.clone(), ..(*wanted).clone() } == self.settings
        };
        let Some(wanted) = publishers.iter().find(is_this) else { return };
        if wanted.admission != self.settings.admission {
            self.settings.admission = wanted.admission.clone();
            self.channel.set_admission(wanted.admission.clone());
        }
        if let (Way::Pushed(push, _), Door::HlsPush(wanted)) = (&self.way, &wanted.door) {
            for (place, wanted) in push.places().iter().zip(&wanted.places) {
                place.set_login(wanted.login.clone());
            }
        }
    }

    fn close(self, ingest: &Ingest) {
        if let Way::Fetched(task) | Way::Pushed(_, task) = &self.way {
            task.abort();
        }
        self.channel.close();
        ingest.metrics.forget(&self.settings.feed);
    }
}

/// The application of an RTMP URL, however it was written.
fn application(app: &str) -> &str {
    app.trim_matches('/')
}

/// Publishers have to say which channel they mean.
fn tell_apart(publishers: &[Publisher]) -> Result<(), Error> {
    let said = |publisher: &'_ Publisher| match &publisher.door {
        Door::Rtmp { app, key } => vec![format!("rtmp {} {key}", application(app))],
        Door::Srt { stream_id, .. } => vec![format!("srt {stream_id}")],
        Door::HlsPush(push) => push.places.iter().map(|place| format!("hls {}", place.path)).collect(),
        _ => Vec::new(),
    };
    let mut heard = HashMap::new();
    for publisher in publishers {
        for said in said(publisher) {
            if let Some(first) = heard.insert(said, &publisher.feed) {
                return Err(Error::SameDoor { first: first.clone(), second: publisher.feed.clone() });
            }
        }
    }
    Ok(())
}
