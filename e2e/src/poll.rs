//! The one way to wait.

use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

const PAUSE: Duration = Duration::from_millis(25);

/// Asks `look` until it has something, and gives up once `bound` has passed. An error ends the wait at once: only
/// "not yet" (`None`) is worth asking again.
pub fn wait_for<T>(
    what: &str,
    bound: Duration,
    mut look: impl FnMut() -> Result<Option<T>>,
) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if start.elapsed() > bound {
            bail!("waited {bound:?} in vain for {what}");
        }
        thread::sleep(PAUSE);
    }
}
