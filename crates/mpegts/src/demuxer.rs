//! From bytes to tracks and samples.

use std::collections::{BTreeMap, VecDeque};

use bytes::Bytes;
use media::Format;

use crate::announce::Announcer;
use crate::clock::{Clock, Jump};
use crate::continuity::{Continuity, Step as Order};
use crate::event::Event;
use crate::packet::{PACKET_BYTES, Packet};
use crate::program;
use crate::psi::{Entry, Pat, Pmt};
use crate::section::{SectionFault, Sections};
use crate::stream::{Elementary, Step};
use crate::stream_type::Kind;
use crate::sync::{Found, Sync};
use crate::unwrap::StampLine;
use crate::{Language, Select, Warning};

const PAT_PID: u16 = 0;
/// A continuity counter has four bits.
const COUNTER_VALUES: u64 = 16;

/// A demultiplexer of one program of a transport stream.
#[derive(Debug)]
pub struct Demuxer {
    select: Select,
    sync: Sync,
    association: Table,
    program: Option<Program>,
    streams: Vec<Elementary>,
    /// Time stamps of all streams are unwrapped by the latest of any.
    line: StampLine,
    announcer: Announcer,
    events: VecDeque<Event>,
    counts: BTreeMap<&'static str, u64>,
    over: Over,
    /// A program asked for that is missing is told once.
    missed: bool,
}

#[derive(Debug, PartialEq)]
enum Over {
    No,
    /// No more bytes come; some are unread.
    Finishing,
    Yes,
}

/// A PID that carries tables.
#[derive(Debug, Default)]
struct Table {
    continuity: Continuity,
    sections: Sections,
}

#[derive(Debug)]
struct Program {
    number: u16,
    map_pid: u16,
    table: Table,
    map: Option<Pmt>,
    clock: Option<Clock>,
}

impl Demuxer {
    /// A demultiplexer of what `select` names.
    pub fn new(select: Select) -> Self {
        Self {
            select,
            sync: Sync::default(),
            association: Table::default(),
            program: None,
            streams: Vec::new(),
            line: StampLine::default(),
            announcer: Announcer::new(),
            events: VecDeque::new(),
            counts: BTreeMap::new(),
            over: Over::No,
            missed: false,
        }
    }

    /// Takes bytes of the stream, cut anywhere. Call [`Self::poll`] until `None` after it: past
    /// [`crate::limits::MAX_UNREAD_BYTES`] the oldest are dropped.
    pub fn push(&mut self, bytes: &[u8]) {
        let dropped = self.sync.push(bytes);
        if dropped > 0 {
            self.warn(Warning::Unread { dropped });
        }
    }

    /// At least `packets` transport packets are missing before the next bytes, as whoever brings the stream knows. Fewer than
    /// sixteen show in the packets' counters; more may not, and then every stream begins anew at its next unit. Call it
    /// between [`Self::poll`]'s `None` and [`Self::push`].
    pub fn lost(&mut self, packets: u64) {
        if packets < COUNTER_VALUES {
            return;
        }
        self.association.lost();
        if let Some(program) = &mut self.program {
            program.table.lost();
        }
        for at in 0..self.streams.len() {
            let (stream, mut steps) = (&mut self.streams[at], Vec::new());
            stream.continuity = Continuity::default();
            stream.lost(&mut steps);
            self.steps(at, steps);
        }
    }

    /// The stream is over: [`Self::poll`] gives what is held, then [`Event::Ended`].
    pub fn finish(&mut self) {
        if self.over == Over::No {
            self.over = Over::Finishing;
            self.sync.finish();
        }
    }

    /// The next event; `None` when more bytes are wanted, or after the end.
    pub fn poll(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            match self.sync.next() {
                Some(Found::Packet(packet)) => self.packet(&packet),
                Some(Found::Skipped(skipped)) => self.warn(Warning::Sync { skipped }),
                None if self.over == Over::Finishing => {
                    self.over = Over::Yes;
                    self.end();
                }
                None => return None,
            }
        }
    }

    /// How many warnings of each kind there were, by [`Warning::label`].
    pub const fn warnings(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }

    /// The latest clock reference of the program (PCR), unwrapped, in 27 MHz.
    pub fn clock(&self) -> Option<i64> {
        self.program.as_ref()?.clock.as_ref()?.latest()
    }

    fn warn(&mut self, warning: Warning) {
        *self.counts.entry(warning.label()).or_default() += 1;
        self.events.push_back(Event::Warning(warning));
    }

    fn packet(&mut self, bytes: &[u8; PACKET_BYTES]) {
        let pid = u16::from_be_bytes([bytes[1], bytes[2]]) & 0x1FFF;
        let is_map = self.program.as_ref().is_some_and(|program| program.map_pid == pid);
        let stream = self.streams.iter().position(|stream| stream.pid() == pid);
        let is_clock = self.clock_of(pid).is_some();
        if pid != PAT_PID && !is_map && stream.is_none() && !is_clock {
            return;
        }
        let Ok(packet) = Packet::read(bytes) else {
            return self.warn(Warning::Packet { pid });
        };
        if packet.damaged {
            return self.warn(Warning::TransportError { pid });
        }
        if let Some(Jump(step)) = self.clock_of(pid).and_then(|clock| clock.packet(&packet)) {
            self.events.push_back(Event::ClockJump { pid, step });
        }
        match stream {
            _ if pid == PAT_PID => {
                let sections = self.association.packet(&packet);
                self.sections(pid, sections, Self::associate);
            }
            _ if is_map => {
                let sections = self.program.as_mut().map(|program| program.table.packet(&packet));
                self.sections(pid, sections.unwrap_or_default(), Self::map);
            }
            Some(at) => self.stream(at, &packet),
            None => {}
        }
    }

    fn clock_of(&mut self, pid: u16) -> Option<&mut Clock> {
        self.program.as_mut()?.clock.as_mut().filter(|clock| clock.pid == pid)
    }

    fn sections(
        &mut self,
        pid: u16,
        sections: Vec<Result<Bytes, SectionFault>>,
        take: impl Fn(&mut Self, &[u8]),
    ) {
        for section in sections {
            match section {
                Ok(section) => take(self, &section),
                Err(fault) => self.warn(Warning::Section { pid, fault }),
            }
        }
    }

    /// A program association section: which program, and where its map is.
    fn associate(&mut self, section: &[u8]) {
        let Some(pat) = Pat::read(section) else {
            return;
        };
        let current = self.program.as_ref().map(|program| program.number);
        let number = self.select.program.or_else(|| {
            let still = |number| pat.programs.iter().any(|(program, _)| *program == number);
            match current {
                Some(current) if still(current) || !pat.whole => Some(current),
                _ => pat.programs.first().map(|(program, _)| *program),
            }
        });
        let found = pat.programs.iter().find(|(program, _)| Some(*program) == number);
        match (found, self.select.program) {
            (Some(&(number, map_pid)), _) => {
                let same = |program: &Program| (program.number, program.map_pid) == (number, map_pid);
                if !self.program.as_ref().is_some_and(same) {
                    let table = Table::default();
                    self.program = Some(Program { number, map_pid, table, map: None, clock: None });
                }
                self.missed = false;
            }
            (None, Some(program)) if pat.whole && !self.missed => {
                self.missed = true;
                self.warn(Warning::NoProgram { program });
            }
            _ => {}
        }
    }

    /// A program map section: which streams there are.
    fn map(&mut self, section: &[u8]) {
        let (Some(program), Some(map)) = (&mut self.program, Pmt::read(section)) else {
            return;
        };
        if map.program != program.number || program.map.as_ref() == Some(&map) {
            return;
        }
        if program.clock.as_ref().is_none_or(|clock| clock.pid != map.pcr_pid) {
            program.clock = Some(Clock::on(map.pcr_pid));
        }
        program.map = Some(map.clone());
        let mut warnings = Vec::new();
        let wanted = program::choose(&map, &self.select, &mut warnings);
        for warning in warnings {
            self.warn(warning);
        }
        self.leave(&wanted);
        let told_before = told(&self.streams);
        self.streams = program::follow(std::mem::take(&mut self.streams), &wanted);
        let told_now = told(&self.streams);
        if told_now != told_before && self.announcer.is_announced() {
            match told_now.is_empty() {
                true => self.announcer = Announcer::new(),
                false => self.announcer.announce(&self.streams, &mut self.events),
            }
        }
    }

    /// Gives out what streams hold that are not wanted any more.
    fn leave(&mut self, wanted: &[(&Entry, Kind)]) {
        for at in 0..self.streams.len() {
            if program::stays(&self.streams[at], wanted) {
                continue;
            }
            let mut steps = Vec::new();
            self.streams[at].finish(&mut self.line, &mut steps);
            self.steps(at, steps);
            if self.streams[at].track.is_some() && !self.announcer.is_announced() {
                self.announcer.announce(&self.streams, &mut self.events);
            }
        }
    }

    fn stream(&mut self, at: usize, packet: &Packet<'_>) {
        let stream = &mut self.streams[at];
        let pid = stream.pid();
        if packet.scrambled {
            let is_news = !std::mem::replace(&mut stream.scrambled, true);
            match is_news {
                true => self.warn(Warning::Scrambled { pid }),
                false => *self.counts.entry(Warning::Scrambled { pid }.label()).or_default() += 1,
            }
            return;
        }
        stream.scrambled = false;
        let order = stream.continuity.step(packet);
        let Some(payload) = packet.payload.filter(|_| order != Order::Duplicate) else {
            return;
        };
        let mut steps = Vec::new();
        match order {
            Order::Lost(missing) => {
                steps.push(Step::Warning(Warning::Continuity { pid, missing }));
                stream.lost(&mut steps);
            }
            // What is open ends in good order where the next begins.
            Order::Break if !packet.starts => stream.lost(&mut steps),
            Order::Break | Order::Next | Order::Duplicate => {}
        }
        stream.packet(payload, packet.starts, &mut self.line, &mut steps);
        self.steps(at, steps);
    }

    fn steps(&mut self, at: usize, steps: Vec<Step>) {
        for step in steps {
            let pid = self.streams[at].pid();
            match step {
                Step::NewFormat(format) => self.format(at, format),
                Step::Sample(coded) => {
                    let stream = &self.streams[at];
                    let Some(track) = &stream.track else {
                        continue;
                    };
                    let sample = stream.sample(coded);
                    self.announcer.sample(sample, track.timescale, &self.streams, &mut self.events);
                }
                Step::Section(data) => {
                    let near = self.line.last();
                    self.events.push_back(Event::Section { pid, data, near });
                }
                Step::Id3 { pts, data } => self.events.push_back(Event::Id3 { pid, pts, data }),
                Step::Warning(warning) => self.warn(warning),
            }
        }
    }

    fn format(&mut self, at: usize, format: Format) {
        let track = self.streams[at].track_of(format);
        if self.streams[at].track.as_ref() == Some(&track) {
            return;
        }
        // Samples that wait are of the format before.
        if self.streams[at].track.is_some() && !self.announcer.is_announced() {
            self.announcer.announce(&self.streams, &mut self.events);
        }
        self.streams[at].track = Some(track);
        let mut media = self.streams.iter().filter(|stream| stream.is_media());
        if self.announcer.is_announced() || media.all(|stream| stream.track.is_some()) {
            self.announcer.announce(&self.streams, &mut self.events);
        }
    }

    fn end(&mut self) {
        for at in 0..self.streams.len() {
            let mut steps = Vec::new();
            self.streams[at].finish(&mut self.line, &mut steps);
            self.steps(at, steps);
        }
        if !self.announcer.is_announced() && self.streams.iter().any(|stream| stream.track.is_some()) {
            self.announcer.announce(&self.streams, &mut self.events);
        }
        self.events.push_back(Event::Ended);
    }
}

/// What was said, or would be, of the streams whose tracks are known.
fn told(streams: &[Elementary]) -> Vec<(u16, Option<Language>)> {
    let known = streams.iter().filter(|stream| stream.track.is_some());
    known.map(|stream| (stream.pid(), stream.language)).collect()
}

impl Table {
    fn lost(&mut self) {
        self.continuity = Continuity::default();
        self.sections.reset();
    }

    fn packet(&mut self, packet: &Packet<'_>) -> Vec<Result<Bytes, SectionFault>> {
        let mut found = Vec::new();
        let order = self.continuity.step(packet);
        if let Some(payload) = packet.payload.filter(|_| order != Order::Duplicate && !packet.scrambled) {
            if !matches!(order, Order::Next) {
                self.sections.reset();
            }
            self.sections.packet(payload, packet.starts, |section| found.push(section));
        }
        found
    }
}
