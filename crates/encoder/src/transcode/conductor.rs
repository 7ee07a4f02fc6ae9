//! The thread that leads a channel: it takes what its inputs send, shows one of them, and drives the output by the
//! clock where that one fails to.

mod inputs;
mod stand_in;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ffmpeg::{Colour, Frame};
use media::Utc;
use wire::Content;

use super::alarms::{Alarms, InputAlarms};
use super::av_drift::AvDrift;
use super::cadence::{frame_time_ns, nearest_frame};
use super::cuts::SOUND_RATE;
use super::effort::Effort;
use super::failover::{Failover, Side};
use super::feed::Feed;
use super::fill::{Patience, Schedule};
use super::flow::Flow;
use super::frame_sync::{Arrival, FrameSync, MAX_AHEAD_NS, Placed};
use super::input::{Decoded, Input, nanoseconds};
use super::key_frames::KeyFrames;
use super::output::{Output, samples_at};
use super::pyramid::Picture;
use super::slate::Slates;
use super::sound::Expect;
use super::speed::Speed;
use super::stills::{StillPictures, Stills};
use super::track::{Ending, Sink};
use super::{Pace, Settings, Sources, Start, TranscodeError};
use crate::fault;
use crate::metrics::{Cause, ChannelFigures, TranscodeMetrics};
use crate::pulse::Lane;
use crate::source::{Envelope, Event};

/// Offline, a hole in the pictures up to this long is filled with the frame before it, in nanoseconds; a longer one
/// stays a hole in the output.
const GAP_NS: i64 = 3_000_000_000;
/// Blocks of sound of each audio rendition that may wait for the first picture (some ten seconds of AAC); the oldest goes
/// first.
const MAX_WAITING_SOUND: usize = 512;
/// A slot long past: output begins at the first cut after the pictures that come.
const AT_NEXT_CUT: i64 = 0;
/// While pictures are dropped, one in so many is shown still: a slide show says more than a still.
const SHOWN_WHILE_DROPPING: u64 = 6;
/// How often the drain is looked at.
const LOOK: Duration = Duration::from_millis(250);
/// How often inputs are compared where there are two.
const COMPARE: Duration = Duration::from_millis(50);
/// One log line for so many damaged units.
const FAULTS_PER_LINE: u64 = 100;
/// How long a channel waits for its source before it begins on slate, in nanoseconds.
const START_WAIT_NS: i64 = 750_000_000;
/// Most slate of the time before it that a channel begins with, in nanoseconds: what has to be made at once.
const MOST_BACK_NS: i64 = 2_000_000_000;
/// Most fill made before the source is looked at again, in nanoseconds.
const FILL_STRETCH_NS: i64 = 1_000_000_000;
/// Output so far behind the clock is given up, in nanoseconds: the machine slept, or cannot even encode a still.
const GIVEN_UP_NS: i64 = 13_000_000_000;
/// Once black or the slate is shown, a source's pictures come steadily for this long before they replace it, in
/// nanoseconds: one that connects and drops many times a second does not flicker.
const STEADY_NS: i64 = 300_000_000;
/// Sound is waited for while some came within this time, in nanoseconds.
const SOUND_ALIVE_NS: i64 = 1_000_000_000;

pub(crate) struct Conductor<S> {
    settings: Settings,
    output: Output<S>,
    figures: ChannelFigures,
    alarms: Alarms,
    /// The primary and the backup, which never brings anything where there is none.
    feeds: [Feed; 2],
    /// Chooses between them; `None` where there is one.
    failover: Option<(Failover, InputAlarms)>,
    sync: FrameSync,
    start: Start,
    flow: Flow,
    effort: Effort,
    /// Each rung's work when it was last weighed, and when.
    worked: (Vec<u64>, Instant),
    schedule: Schedule,
    patience: Patience,
    stills: Stills,
    slates: Slates,
    /// Those of the run.
    still_pictures: Option<StillPictures>,
    colour: Colour,
    /// Sound that came before it was known how the source lies on the output.
    waiting_sound: VecDeque<Heard>,
    /// The source's latest picture, and its output time.
    last: Option<(Arc<Picture>, i64)>,
    /// When the conductor began, a picture last came, sound last came or was announced, and a source came back whose
    /// pictures are not shown yet: the channel's clock, in nanoseconds.
    began_ns: Option<i64>,
    heard_ns: Option<i64>,
    sound_heard_ns: i64,
    back_since_ns: Option<i64>,
    speed: Speed,
    /// How the source that is shown is coded.
    key_frames: KeyFrames,
    av_drift: AvDrift,
    faults: u64,
    /// Something could not be decoded since the last picture.
    is_damaged: bool,
    dropped_in_a_row: u64,
    /// While nothing is encoded, this thread's own turns are what must go on; then the rungs' frames are.
    idle: Option<Lane>,
}

/// A block of sound, of an audio rendition or for all; `at` in samples since the epoch.
enum Heard {
    Decoded { rendition: usize, frame: Frame, at: i64 },
    Raw { left: Vec<f32>, right: Vec<f32>, at: i64 },
}

impl<S: Sink + 'static> Conductor<S> {
    pub(crate) fn start(
        settings: Settings,
        sinks: Vec<S>,
        metrics: &TranscodeMetrics,
    ) -> Result<Self, TranscodeError> {
        let slates = Slates::new(sinks.iter().map(Sink::slate_door));
        let output = Output::start(&settings, sinks, metrics)?;
        let figures = metrics.channel(&settings.channel);
        let largest = settings.rungs.iter().max_by_key(|rung| rung.width * rung.height);
        let size = largest.map(|rung| (rung.width, rung.height)).expect("a ladder has rungs");
        let stills = Stills::new(&settings.fill.slate, &settings.channel, size, &settings.door)
            .map_err(TranscodeError::Scaler)?;
        let (now, segment) = (Instant::now(), settings.segment());
        let backup = settings.backup.as_ref();
        let failover = backup.map(|backup| {
            (
                Failover::new(backup, settings.prefers),
                InputAlarms::new(metrics.inputs(&settings.channel), settings.prefers),
            )
        });
        Ok(Self {
            alarms: Alarms::new(&figures),
            feeds: [Feed::new(backup), Feed::new(backup)],
            failover,
            sync: FrameSync::new(output.cuts.slowest()),
            output,
            figures,
            start: settings.start,
            flow: Flow::start(now),
            effort: Effort::new(&settings.rungs, segment, now),
            worked: (Vec::new(), now),
            schedule: Schedule::new(&settings.fill),
            patience: Patience::new(settings.latency),
            stills,
            slates,
            still_pictures: None,
            colour: Colour::BT709,
            waiting_sound: VecDeque::new(),
            last: None,
            began_ns: None,
            heard_ns: None,
            sound_heard_ns: 0,
            back_since_ns: None,
            speed: Speed::default(),
            key_frames: KeyFrames::default(),
            av_drift: AvDrift::default(),
            faults: 0,
            is_damaged: false,
            dropped_in_a_row: 0,
            idle: None,
            settings,
        })
    }

    /// Takes events until the primary source has gone.
    pub(crate) fn run(mut self, mut sources: Sources) -> Result<Vec<S>, TranscodeError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .map_err(TranscodeError::Thread)?;
        let outcome = loop {
            self.beat();
            let wait = self.wait(Instant::now());
            let received = runtime.block_on(async { tokio::time::timeout(wait, sources.receive()).await });
            let outcome = match received {
                Ok(Some((side, envelope))) => {
                    let more_waits = !sources.is_empty(side);
                    self.take(side, envelope, Instant::now(), more_waits)
                }
                Ok(None) => break self.end_of_source(Ending::Over),
                Err(_) => Ok(()),
            };
            // What waits may be the picture that is missing.
            let waits = [self.active(), self.active().other()].map(|side| !sources.is_empty(side));
            let outcome = outcome.and_then(|()| match waits {
                [true, _] => Ok(()),
                [false, other_waits] => self.idle(Instant::now(), other_waits),
            });
            if outcome.is_err() {
                break outcome;
            }
            // What still waits would only delay the end.
            if self.settings.drain.is_requested() {
                break self.end_of_source(Ending::Left);
            }
        };
        // Sources must not wait for a transcoder that takes nothing more.
        drop(sources);
        self.output.finish(outcome)
    }

    fn beat(&mut self) {
        match self.output.next_frame() {
            Some(_) => self.idle = None,
            None => self.idle.get_or_insert_with(|| self.settings.pulse.lane()).mark(),
        }
    }

    /// The input that is shown.
    fn active(&self) -> Side {
        self.failover.as_ref().map_or(Side::Primary, |(failover, _)| failover.active())
    }

    fn feed(&mut self) -> &mut Feed {
        let active = self.active().index();
        &mut self.feeds[active]
    }

    /// What is done whenever nothing of the input that is shown waits. While something of the other one does, that one is not
    /// silent: this thread is late.
    fn idle(&mut self, now: Instant, other_waits: bool) -> Result<(), TranscodeError> {
        if !other_waits {
            self.compare(now)?;
        }
        self.fill(now)
    }

    /// Takes one event of an input at `now`; `more_waits`: others wait behind it.
    fn take(
        &mut self,
        side: Side,
        envelope: Envelope,
        now: Instant,
        more_waits: bool,
    ) -> Result<(), TranscodeError> {
        let arrived = envelope.arrived;
        let arrived_ns = self.nanoseconds_at(arrived);
        self.began_ns.get_or_insert(arrived_ns);
        if side != self.active() {
            self.stand_by(side, envelope.event, arrived_ns);
            return Ok(());
        }
        if self.settings.pace == Pace::Live {
            self.keep_up(arrived, now)?;
        }
        let mut decoded = Decoded::default();
        let outcome = match envelope.event {
            Event::Tracks(tracks) => {
                self.drain_input(arrived_ns)?;
                self.sync = FrameSync::new(self.output.cuts.slowest());
                self.back_since_ns = None;
                self.looked_at_anew();
                if let Some(formats) = self.feed().comes_with(&tracks) {
                    self.alarms.changed(side, &formats);
                }
                let input = self.open(&tracks);
                input.tell(&self.figures);
                self.feed().open(input);
                self.sound_heard_ns = arrived_ns;
                Ok(())
            }
            Event::Sample(sample) => {
                self.settings.pulse.decodes(side.into());
                fault::strike(&sample.data);
                let feed = &mut self.feeds[side.index()];
                feed.keep(&sample, arrived_ns);
                let input = &mut feed.input;
                if let Some(time_ns) = input.time_of_picture(&sample) {
                    self.alarms.long_gop(self.key_frames.see(time_ns, sample.sync));
                }
                input.decode(&sample, &mut decoded)
            }
            Event::Picture { frame, time } => {
                self.figures.has_video.set(1);
                decoded.pictures.push((nanoseconds(time), frame));
                Ok(())
            }
            Event::Sound { left, right, at } => {
                self.figures.has_audio.set(1);
                self.sound_heard_ns = arrived_ns;
                self.hear(Heard::Raw { left, right, at });
                Ok(())
            }
            Event::Ended(reason) => {
                tracing::info!("the source ended: {reason}");
                self.drain_input(arrived_ns)?;
                self.feed().open(Input::default());
                self.waiting_sound.clear();
                self.back_since_ns = None;
                return Ok(());
            }
            Event::Fault(reason) => {
                self.faulty(&reason);
                Ok(())
            }
        };
        if let Err(fault) = outcome {
            self.count_fault(fault);
        }
        self.show(decoded, arrived_ns, more_waits)
    }

    fn nanoseconds_at(&self, instant: Instant) -> i64 {
        self.settings.clock.at(instant).0 * 1_000
    }

    /// Another source is shown, or the same in another format.
    fn looked_at_anew(&mut self) {
        self.key_frames = KeyFrames::default();
        self.av_drift = AvDrift::default();
        self.alarms.long_gop(false);
        self.alarms.sound_drifts(false, 0);
    }

    fn count_fault(&mut self, fault: ffmpeg::Error) {
        self.figures.source_faults.inc();
        self.is_damaged = true;
        self.figures.decode_errors.inc();
        if self.faults.is_multiple_of(FAULTS_PER_LINE) {
            tracing::warn!(so_far = self.faults, "damaged sample: {fault}");
        }
        self.faults += 1;
    }

    /// Shows what the decoders still hold, and closes them.
    fn drain_input(&mut self, arrived_ns: i64) -> Result<(), TranscodeError> {
        let mut decoded = Decoded::default();
        if let Err(fault) = self.feed().input.finish(&mut decoded) {
            self.count_fault(fault);
        }
        self.show(decoded, arrived_ns, false)
    }

    fn show(&mut self, decoded: Decoded, arrived_ns: i64, more_waits: bool) -> Result<(), TranscodeError> {
        for (rendition, time_ns, frame) in decoded.sounds {
            self.sound_heard_ns = arrived_ns;
            let at = samples_at(time_ns);
            let length =
                frame.samples() as i64 * i64::from(SOUND_RATE) / i64::from(frame.sample_rate().max(1));
            if rendition == 0 {
                self.av_drift.hear(at, length);
            }
            self.hear(Heard::Decoded { rendition, frame, at });
        }
        for (time_ns, frame) in decoded.pictures {
            self.figures.frames_in.inc();
            self.figures.decode_errors.inc_by(frame.is_damaged().into());
            self.feed().see(&frame, arrived_ns);
            self.picture(time_ns, frame, arrived_ns, more_waits)?;
        }
        self.alarms.sound_drifts(self.av_drift.is_over(), self.av_drift.late_ms());
        self.encode_sound(arrived_ns)
    }

    /// Places one source picture.
    fn picture(
        &mut self,
        time_ns: i64,
        frame: Frame,
        arrived_ns: i64,
        more_waits: bool,
    ) -> Result<(), TranscodeError> {
        if self.flow == Flow::Skipping && self.output.next_frame().is_none() {
            self.figures.frames_dropped.inc();
            return Ok(());
        }
        if self.is_unsteady(arrived_ns) {
            return Ok(());
        }
        let now_ns = match self.settings.pace {
            Pace::Live => arrived_ns,
            Pace::Offline => time_ns,
        };
        self.heard_ns = self.heard_ns.max(Some(now_ns));
        let next_ns = self.output.next_ns();
        let shift_before = self.sync.shift_ns();
        let at_ns = match self.sync.place(time_ns, Arrival { now_ns, next_ns, more_waits }) {
            Placed::At(at_ns) => at_ns,
            Placed::Jumped { at_ns, by_ns } => {
                self.alarms.jumped(by_ns);
                at_ns
            }
            Placed::Late => return Ok(()),
        };
        if self.sync.shift_ns() != shift_before {
            for heard in std::mem::take(&mut self.waiting_sound) {
                self.hear(heard);
            }
        }
        self.alarms.drifts(self.sync.drift_ppm());
        if let (Some((_, last_ns)), Some(next_ns)) = (&self.last, next_ns) {
            if at_ns <= *last_ns {
                // Shown already: ingest repeats samples when its connection is made again.
                return Ok(());
            }
            if self.settings.pace == Pace::Live {
                self.fill_hole(at_ns)?;
            } else if at_ns - next_ns > GAP_NS {
                let gap_ms = (at_ns - last_ns) / 1_000_000;
                tracing::warn!(gap_ms, "a hole in the source's pictures: starting afresh");
                self.end_run()?;
            }
        }
        if self.output.next_frame().is_none() {
            let nearest = nearest_frame(at_ns, self.output.cuts.slowest());
            let Some(first) = self.first_frame(nearest) else { return Ok(()) };
            // A live channel's headers are the same whatever it begins with, slate or a source, and whichever process makes
            // them: other colours are converted.
            let colour = match self.settings.pace {
                Pace::Live => Colour::BT709,
                Pace::Offline => frame.colour(),
            };
            self.begin_run(first, colour)?;
        }
        let shown_of = match self.flow {
            _ if self.last.is_none() => Some(1),
            Flow::Skipping => None,
            Flow::Dropping => Some(SHOWN_WHILE_DROPPING),
            Flow::Live | Flow::CatchingUp { .. } if self.effort.halves() => Some(2),
            Flow::Live | Flow::CatchingUp { .. } => Some(1),
        };
        self.dropped_in_a_row += 1;
        if shown_of.is_none_or(|shown_of| self.dropped_in_a_row < shown_of) {
            self.figures.frames_dropped.inc();
            self.output.show(at_ns, None, Content::Dropped)?;
            self.last.as_mut().expect("without one, pictures are not dropped").1 = at_ns;
        } else {
            self.dropped_in_a_row = 0;
            let picture = Arc::new(self.output.pyramid.picture(frame, self.colour));
            let content = self.content(arrived_ns);
            self.output.show(at_ns, Some(&picture), content)?;
            self.last = Some((picture, at_ns));
        }
        self.alarms.shown(arrived_ns);
        self.speed.tell(at_ns, &self.figures);
        Ok(())
    }

    /// What is wrong with the picture that is shown next.
    fn content(&mut self, now_ns: i64) -> Content {
        if std::mem::take(&mut self.is_damaged) {
            return Content::Damaged;
        }
        match self.feed().fault(now_ns) {
            Some(Cause::Black) => Content::Black,
            Some(Cause::Frozen) => Content::Frozen,
            Some(Cause::Loss | Cause::Silence) | None => Content::Source,
        }
    }

    /// Whether a source that has just come back is not yet let onto the output in the place of black or the slate.
    fn is_unsteady(&mut self, arrived_ns: i64) -> bool {
        if self.settings.pace == Pace::Offline || !self.alarms.hides_source() {
            return false;
        }
        arrived_ns - *self.back_since_ns.get_or_insert(arrived_ns) < STEADY_NS
    }

    /// The frame of the slowest rung at which a run may begin with a picture that stands nearest to `nearest`;
    /// `None` while it is too early.
    fn first_frame(&mut self, nearest: i64) -> Option<i64> {
        if nearest < self.output.ended_at() {
            return None;
        }
        let Start::Slot(slot) = self.start else { return Some(nearest) };
        let cut = self.output.cuts.frame(slot);
        if nearest < cut {
            return None;
        }
        // A picture missing right at the cut is made up for by the next one.
        if nearest <= cut + 1 {
            return Some(cut);
        }
        let next = self.output.cuts.slot_of_frame(nearest, self.output.cuts.slowest()) + 1;
        if slot != AT_NEXT_CUT {
            tracing::info!(wanted = slot, next, "the source does not reach back to the slot to go on with");
        }
        self.start = Start::Slot(next);
        None
    }

    fn begin_run(&mut self, first: i64, colour: Colour) -> Result<(), TranscodeError> {
        if self.output.ended_at() != i64::MIN {
            self.figures.restarts.inc();
        }
        let at = Utc(frame_time_ns(first, self.output.cuts.slowest()) / 1_000);
        tracing::info!("encoding from {at}");
        self.start = Start::Now;
        self.colour = colour;
        let stills = self.stills.pictures(&self.output.pyramid, colour).map_err(TranscodeError::Scaler)?;
        self.still_pictures = Some(stills);
        self.slates.want(&self.settings, &self.stills, colour)?;
        self.last = None;
        self.output.begin(first, colour)
    }

    fn end_run(&mut self) -> Result<(), TranscodeError> {
        self.last = None;
        self.output.end(Ending::Over)
    }

    /// Encodes sound up to where the picture is.
    fn encode_sound(&mut self, now_ns: i64) -> Result<(), TranscodeError> {
        let input = &self.feeds[self.active().index()].input;
        // Raw sources send sound beside pictures without having announced tracks.
        let may_come = |rendition| input.sounds(rendition) || !(input.has_audio() || input.has_video());
        // Of a source that has brought neither for as long as pictures are awaited, no sound is either.
        let heard_ns = self.heard_ns.map(|heard_ns| heard_ns.max(self.sound_heard_ns));
        let is_gone = heard_ns.is_some_and(|heard_ns| heard_ns <= self.patience.until(now_ns));
        let is_alive = match self.settings.pace {
            Pace::Live => !is_gone && now_ns - self.sound_heard_ns < SOUND_ALIVE_NS,
            Pace::Offline => true,
        };
        self.output.encode_sound(|rendition| match may_come(rendition) && is_alive {
            true => Expect::Sound,
            false => Expect::Silence,
        })
    }

    /// Moves between keeping everything, dropping pictures, and jumping to the live edge.
    fn keep_up(&mut self, arrived: Instant, now: Instant) -> Result<(), TranscodeError> {
        let shown = self.output.next_ns().map(|next_ns| Utc(next_ns / 1_000));
        let age = now.saturating_duration_since(arrived);
        let clock = self.settings.clock.at(now);
        let next = self.flow.after(age, self.settings.segment(), now, clock, shown);
        if std::mem::discriminant(&next) != std::mem::discriminant(&self.flow) {
            let behind_ms = age.as_millis() as u64;
            match next {
                Flow::Live => tracing::info!("encoding keeps up with the source"),
                Flow::Dropping => {
                    tracing::warn!(behind_ms, "encoding is slower than real time: dropping pictures")
                }
                Flow::Skipping => {
                    tracing::warn!(behind_ms, "encoding cannot keep up: the picture stands still");
                }
                Flow::CatchingUp { .. } => {}
            }
        }
        self.flow = next;
        if self.flow == Flow::Skipping && shown.is_some_and(|shown| (clock.0 - shown.0) * 1_000 > GIVEN_UP_NS)
        {
            tracing::warn!("not even a still can be encoded in time: jumping to the live edge");
            self.end_run()?;
            self.start = Start::Slot(AT_NEXT_CUT);
        }
        // What a replay leaves waiting says nothing of the machine.
        if !matches!(self.flow, Flow::CatchingUp { .. }) && self.effort.waited(age, now) {
            self.weigh(now);
        }
        Ok(())
    }

    /// Gives quality up, or takes it back.
    fn weigh(&mut self, now: Instant) {
        let (before, since) = std::mem::replace(&mut self.worked, (self.output.worked_ns(), now));
        let passed_ns = now.saturating_duration_since(since).as_nanos() as f64;
        let worked = self.worked.0.iter().zip(before).map(|(after, before)| after.saturating_sub(before));
        let load = worked.max().unwrap_or(0) as f64 / passed_ns.max(1.0);
        if self.effort.weigh(load, now) {
            self.output.take_step(self.effort.step());
            self.alarms.slow(self.effort.step(), self.effort.deepest());
        }
    }

    /// Lays sound on its line, shifted as the pictures are; until a picture tells by how much, it waits. So does sound of
    /// times that have jumped ahead, until a picture tells by how much they have.
    fn hear(&mut self, heard: Heard) {
        // Where there are no pictures at all, sound is heard when it says.
        let input = &self.feed().input;
        let alone = (input.has_audio() && !input.has_video()).then_some(0);
        let (Heard::Decoded { at, .. } | Heard::Raw { at, .. }) = &heard;
        let latest = match self.settings.pace {
            Pace::Live => samples_at(self.sound_heard_ns + MAX_AHEAD_NS),
            Pace::Offline => i64::MAX,
        };
        let shift_ns = self.sync.shift_ns().or(alone);
        let Some(shift_ns) = shift_ns.filter(|shift_ns| at + samples_at(*shift_ns) <= latest) else {
            if self.waiting_sound.len() >= MAX_WAITING_SOUND * self.output.sounds.len() {
                self.waiting_sound.pop_front();
            }
            self.waiting_sound.push_back(heard);
            return;
        };
        let shift = samples_at(shift_ns);
        let outcome = match heard {
            Heard::Decoded { rendition, frame, at } => {
                let peak = self.output.sounds[rendition].push_frame(&frame, at + shift);
                // Whether an input is silent, its first rendition tells.
                peak.map(|peak| (rendition == 0).then_some(peak))
            }
            Heard::Raw { left, right, at } => {
                let sounds = self.output.sounds.iter_mut();
                Ok(sounds.map(|sound| sound.push_samples(&left, &right, at + shift)).next_back())
            }
        };
        let heard_ns = self.sound_heard_ns;
        match outcome {
            Ok(Some(peak)) => self.feed().listen(peak, heard_ns),
            Ok(None) => {}
            Err(fault) => self.count_fault(fault),
        }
    }

    fn end_of_source(&mut self, ending: Ending) -> Result<(), TranscodeError> {
        self.drain_input(self.nanoseconds_at(Instant::now()))?;
        self.last = None;
        self.output.end(ending)
    }
}

#[cfg(test)]
mod tests;
