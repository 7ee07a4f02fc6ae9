//! Tells the supervisor that work goes on: which thread has brought nothing for how long, and whose samples are decoded.
//!
//! Each thread that must bring something marks its [`Lane`]; a thread of its own reports the one that is furthest behind,
//! five times a second. A process that is stopped, or whose threads hang in a codec, is known by it within two seconds.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use rustix::net::sockopt::socket_type;
use rustix::net::{SendFlags, SocketType, send};
use wire::report::{Beat, Report};
use wire::sample_stream::FeedInput;

/// Between two beats.
const BEAT: Duration = Duration::from_millis(200);

/// The process's pulse. Clones share it; the default one tells nobody.
#[derive(Clone, Debug)]
pub struct Pulse(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    line: Option<OwnedFd>,
    began: Instant,
    lanes: Mutex<Vec<Weak<AtomicU64>>>,
    frames: AtomicU32,
    segments: AtomicU32,
    /// The input that was told last, from 1; 0 before the first.
    decodes: AtomicU8,
}

impl Default for Pulse {
    fn default() -> Self {
        Self::on(None)
    }
}

impl Pulse {
    /// On standard input, where a supervisor has put a stream socket.
    pub fn on_standard_input() -> io::Result<Self> {
        let input = io::stdin();
        Ok(match socket_type(input.as_fd()) {
            Ok(SocketType::STREAM) => Self::on(Some(input.as_fd().try_clone_to_owned()?)),
            _ => Self::default(),
        })
    }

    pub(crate) fn on(line: Option<OwnedFd>) -> Self {
        Self(Arc::new(Shared {
            line,
            began: Instant::now(),
            lanes: Mutex::default(),
            frames: AtomicU32::new(0),
            segments: AtomicU32::new(0),
            decodes: AtomicU8::new(0),
        }))
    }

    /// Whether there is a supervisor that is told.
    pub fn is_told(&self) -> bool {
        self.0.line.is_some()
    }

    /// Says that the process waits for its job.
    pub fn ready(&self) {
        self.tell(Report::Ready);
    }

    /// Beats from now on, for as long as the process lives.
    pub fn start(&self) -> io::Result<()> {
        if self.0.line.is_none() {
            return Ok(());
        }
        let pulse = self.clone();
        let beat = move || loop {
            pulse.tell(Report::Beat(pulse.beat()));
            std::thread::sleep(BEAT);
        };
        std::thread::Builder::new().name("pulse".into()).spawn(beat).map(drop)
    }

    /// For a thread that from now on brings something all the time.
    pub fn lane(&self) -> Lane {
        let lane = Lane { marked_ms: Arc::default(), pulse: self.clone() };
        lane.mark();
        let mut lanes = self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        lanes.retain(|lane| lane.strong_count() > 0);
        lanes.push(Arc::downgrade(&lane.marked_ms));
        lane
    }

    /// Says which publishing session an input has; 0 for what is no publisher.
    pub fn session(&self, input: FeedInput, session: u64) {
        self.tell(Report::Session { input, session });
    }

    /// Says that `input`'s samples are decoded next. Cheap to say again.
    pub fn decodes(&self, input: FeedInput) {
        let word = input as u8 + 1;
        if self.0.decodes.swap(word, Ordering::Relaxed) != word {
            self.tell(Report::Decodes { input });
        }
    }

    /// Says which input the operator wants shown, so that the next process goes on with it; `None`: the channel chooses.
    pub fn chose(&self, input: Option<FeedInput>) {
        self.tell(Report::Chosen { input });
    }

    fn beat(&self) -> Beat {
        let now_ms = self.0.now_ms();
        let lanes = self.0.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        let age_ms = |lane: &Weak<AtomicU64>| {
            lane.upgrade().map(|marked| now_ms.saturating_sub(marked.load(Ordering::Relaxed)))
        };
        Beat {
            stalled_ms: lanes
                .iter()
                .filter_map(age_ms)
                .max()
                .map_or(0, |ms| ms.try_into().unwrap_or(u32::MAX)),
            frames: self.0.frames.load(Ordering::Relaxed),
            segments: self.0.segments.load(Ordering::Relaxed),
        }
    }

    fn tell(&self, report: Report) {
        let Some(line) = &self.0.line else { return };
        // A supervisor that does not listen must not hold the process up; what it misses is told again soon. One that
        // has gone is known by the end of standard input.
        let _ = send(line, &report.encode(), SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
    }
}

impl Shared {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// One thread's work. Nothing is expected of it any more once this is dropped.
#[derive(Debug)]
pub struct Lane {
    marked_ms: Arc<AtomicU64>,
    pulse: Pulse,
}

impl Lane {
    /// Something was brought.
    pub fn mark(&self) {
        self.marked_ms.store(self.pulse.0.now_ms(), Ordering::Relaxed);
    }

    /// A frame was encoded that is to be shown `ahead` from now; `begins_segment`: a segment begins with it. A source that sends faster
    /// than time goes is followed, and when it stops nothing is expected before what it sent is over.
    pub fn frame(&self, begins_segment: bool, ahead: Duration) {
        let ahead_ms = u64::try_from(ahead.as_millis()).unwrap_or(u64::MAX);
        self.marked_ms.store(self.pulse.0.now_ms().saturating_add(ahead_ms), Ordering::Relaxed);
        let pulse = &self.pulse;
        pulse.0.segments.fetch_add(begins_segment.into(), Ordering::Relaxed);
        // The first one is told at once: with it the process is well.
        if pulse.0.frames.fetch_add(1, Ordering::Relaxed) == 0 {
            pulse.tell(Report::Beat(pulse.beat()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use wire::report::REPORT_BYTES;

    use super::*;

    fn told(supervisor: &mut UnixStream) -> Report {
        let mut bytes = [0; REPORT_BYTES];
        supervisor.read_exact(&mut bytes).expect("something is told");
        Report::decode(&bytes).expect("a report")
    }

    #[test]
    fn the_lane_that_is_furthest_behind_is_told_until_it_ends() {
        let pulse = Pulse::default();
        assert_eq!(pulse.beat(), Beat::default(), "nothing is expected of anybody");
        let (busy, hung) = (pulse.lane(), pulse.lane());
        std::thread::sleep(Duration::from_millis(20));
        busy.frame(true, Duration::ZERO);
        busy.frame(false, Duration::ZERO);
        let beat = pulse.beat();
        assert!(beat.stalled_ms >= 20, "{beat:?}");
        assert_eq!((beat.frames, beat.segments), (2, 1));
        let stalled_ms = beat.stalled_ms;
        drop(hung);
        busy.mark();
        assert!(pulse.beat().stalled_ms < stalled_ms.max(20));
    }

    #[test]
    fn who_has_brought_frames_in_advance_is_not_behind_until_they_are_over() {
        let pulse = Pulse::default();
        let lane = pulse.lane();
        lane.frame(true, Duration::from_secs(3_600));
        std::thread::sleep(Duration::from_millis(20));
        assert_eq!(pulse.beat().stalled_ms, 0);
        lane.frame(false, Duration::ZERO);
        std::thread::sleep(Duration::from_millis(20));
        assert!(pulse.beat().stalled_ms >= 20);
    }

    #[test]
    fn an_input_is_told_once_before_it_is_decoded_and_again_after_another() {
        let (mut supervisor, line) = UnixStream::pair().expect("a pair");
        let pulse = Pulse::on(Some(line.into()));
        pulse.ready();
        for input in [FeedInput::Primary, FeedInput::Primary, FeedInput::Backup, FeedInput::Primary] {
            pulse.decodes(input);
        }
        pulse.session(FeedInput::Backup, 9);
        let decodes = |input| Report::Decodes { input };
        let expected = [
            Report::Ready,
            decodes(FeedInput::Primary),
            decodes(FeedInput::Backup),
            decodes(FeedInput::Primary),
            Report::Session { input: FeedInput::Backup, session: 9 },
        ];
        assert_eq!(expected.map(|_| told(&mut supervisor)), expected);
    }

    #[test]
    fn a_supervisor_that_does_not_listen_holds_nobody_up() {
        let (supervisor, line) = UnixStream::pair().expect("a pair");
        let pulse = Pulse::on(Some(line.into()));
        // Far more than a socket holds.
        for session in 0..100_000 {
            pulse.session(FeedInput::Primary, session);
        }
        drop(supervisor);
        pulse.ready();
    }
}
