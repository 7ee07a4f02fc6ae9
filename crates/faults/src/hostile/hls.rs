//! A hostile HLS server, and a well-behaved one at the same address.
//!
//! Under `/well` are the files of a folder; under a target's name is what is for a channel that fetches: its playlists list what is to
//! be fetched next, and what is answered to each request is a publish.
//!
//! - [`answer`]: what is answered.
//! - [`list`](mod@list): playlists.

mod answer;
mod list;

use std::io::{self, BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::material::Material;
use crate::random::Random;

/// How long nobody asks before nothing more is answered: a fetch that fails is tried again after ten seconds at most, and what was fetched
/// may lie thirty seconds ahead.
const NOBODY: Duration = Duration::from_secs(120);
/// How long a client may be silent on a connection.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longest request.
const MAX_REQUEST: usize = 16 << 10;

/// The server; it ends with the process.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    well: PathBuf,
    material: Arc<Material>,
    /// What is answered next. Filled by [`Server::be_hostile`].
    turn: Mutex<Turn>,
    moved: Condvar,
    /// The number of the next segment of any list.
    numbers: AtomicU64,
}

/// Whose turn it is: one hostile answer after the other.
#[derive(Debug)]
enum Turn {
    /// Answers are dull: an empty list.
    Dull,
    /// An answer is wanted.
    Wanted,
    /// The chances of one.
    Chances(Random),
    /// It was given.
    Given(&'static str),
}

/// A request.
#[derive(Debug)]
struct Request {
    /// What follows the target's name.
    file: String,
    /// The folder: the target's name.
    folder: String,
}

impl Server {
    /// Serves the files in `well`, and is dull otherwise.
    pub fn start(well: &Path, material: Arc<Material>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            well: well.to_owned(),
            material,
            turn: Mutex::new(Turn::Dull),
            moved: Condvar::new(),
            numbers: AtomicU64::new(1),
        });
        let serving = shared.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = serving.clone();
                // A client that goes is nothing.
                thread::spawn(move || drop(shared.serve(&stream)));
            }
        });
        Ok(Self { address, shared })
    }

    /// The URL of `path`.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Gives a hostile answer for each that `next` yields; what was done `tell` hears.
    pub fn be_hostile(&self, next: &mut dyn FnMut() -> Option<Random>, tell: &dyn Fn(&'static str)) {
        let shared = &*self.shared;
        *lock(&shared.turn) = Turn::Wanted;
        while let Some(random) = next() {
            let mut turn = lock(&shared.turn);
            *turn = Turn::Chances(random);
            shared.moved.notify_all();
            let given = shared.moved.wait_timeout_while(turn, NOBODY, |turn| !matches!(turn, Turn::Given(_)));
            (turn, _) = given.unwrap_or_else(PoisonError::into_inner);
            match std::mem::replace(&mut *turn, Turn::Wanted) {
                Turn::Given(done) => tell(done),
                Turn::Dull | Turn::Wanted | Turn::Chances(_) => break,
            }
        }
        self.hush();
    }

    /// From here on every answer is dull.
    pub fn hush(&self) {
        *lock(&self.shared.turn) = Turn::Dull;
        self.shared.moved.notify_all();
    }
}

impl Shared {
    fn serve(&self, stream: &TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream);
        while let Some(request) = read(&mut reader)? {
            if request.folder == "well" {
                let body = std::fs::read(self.well.join(&request.file));
                match body {
                    Ok(body) => write_answer(stream, 200, &body)?,
                    Err(_) => write_answer(stream, 404, b"")?,
                }
                continue;
            }
            if !self.answer(stream, &request)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Answers a target's request; whether the connection can go on.
    fn answer(&self, mut stream: &TcpStream, request: &Request) -> io::Result<bool> {
        let is_list = request.file.ends_with(".m3u8");
        let Some(mut random) = self.chances() else {
            write_answer(stream, 200, list::DULL.as_bytes())?;
            return Ok(true);
        };
        // The lists that lead to the next answers are as they should be, and no publish.
        let untouched = random.clone();
        if is_list && !random.one_in(3) {
            self.give_back(untouched);
            let first = self.numbers.fetch_add(list::LISTED, Ordering::Relaxed);
            write_answer(stream, 200, list::carrier(&mut Random::new(first), first).as_bytes())?;
            return Ok(true);
        }
        let answer = answer::to(&request.file, &mut random, &self.material);
        self.given(answer.done);
        answer.write(&mut stream)?;
        Ok(answer.goes_on())
    }

    /// The chances of the next hostile answer, when its time has come; `None` where there is none.
    fn chances(&self) -> Option<Random> {
        let turn = self.moved.wait_timeout_while(lock(&self.turn), Duration::from_secs(5), |turn| {
            !matches!(turn, Turn::Chances(_) | Turn::Dull)
        });
        let (mut turn, _) = turn.unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *turn, Turn::Wanted) {
            Turn::Chances(random) => Some(random),
            other => {
                *turn = other;
                None
            }
        }
    }

    /// The answer was none that counts.
    fn give_back(&self, random: Random) {
        let mut turn = lock(&self.turn);
        if matches!(*turn, Turn::Wanted) {
            *turn = Turn::Chances(random);
            self.moved.notify_all();
        }
    }

    fn given(&self, done: &'static str) {
        let mut turn = lock(&self.turn);
        if matches!(*turn, Turn::Wanted) {
            *turn = Turn::Given(done);
            self.moved.notify_all();
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The next request; `None` at the end.
fn read(reader: &mut impl BufRead) -> io::Result<Option<Request>> {
    let mut path = None;
    let mut length = 0;
    loop {
        let mut line = String::new();
        let read = reader.read_line(&mut line)?;
        length += read;
        if read == 0 || length > MAX_REQUEST {
            return Ok(None);
        }
        let line = line.trim_end();
        match &path {
            None => path = Some(line.split(' ').nth(1).unwrap_or("/").to_owned()),
            Some(path) if line.is_empty() => {
                let path = path.split('?').next().unwrap_or_default().trim_start_matches('/');
                let (folder, file) = path.split_once('/').unwrap_or(("", path));
                // Files of one folder, and nothing above it.
                let file = file.rsplit('/').next().unwrap_or_default();
                return Ok(Some(Request { file: file.to_owned(), folder: folder.to_owned() }));
            }
            Some(_) => {}
        }
    }
}

/// A whole answer of a server that knows what it does.
fn write_answer(mut stream: &TcpStream, status: u16, body: &[u8]) -> io::Result<()> {
    let head = format!("HTTP/1.1 {status} x\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)
}
