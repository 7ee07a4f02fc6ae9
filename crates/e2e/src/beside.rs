//! Something that goes on beside a test.

use std::sync::atomic::{AtomicBool, Ordering};

/// Does `deed` again and again on a thread beside `main`, until that is done or has failed.
pub fn beside<T>(deed: impl Fn() + Sync, main: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                deed();
            }
        });
        let _raised = Raised(&is_over);
        main()
    })
}

/// Raises a flag when it goes.
struct Raised<'a>(&'a AtomicBool);

impl Drop for Raised<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
