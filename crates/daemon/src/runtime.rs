//! The runtime a role turns on.

use std::io;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

/// How long a thread for work that blocks waits for some: as long as the process lives.
const KEPT: Duration = Duration::from_secs(100 * 365 * 86_400);

/// A runtime of one thread, and one more for work that blocks (files, names), which is there from the start and stays.
/// So where the system gives no thread any more, such work waits for that one; without any, tokio panics.
pub fn runtime() -> io::Result<Runtime> {
    // Where not even one can be had, that is an error and no panic.
    let first = std::thread::Builder::new().spawn(|| ())?;
    // It does nothing that could panic.
    let _ = first.join();
    let runtime = Builder::new_current_thread().enable_all().thread_keep_alive(KEPT).build()?;
    drop(runtime.spawn_blocking(|| ()));
    Ok(runtime)
}
