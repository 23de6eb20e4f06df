//! How slow an answer may be.
//!
//! A timeout for each read is no bound: a server that sends a byte every few seconds keeps it from
//! ever passing. So an answer as a whole has a least rate, after a grace period as long as that
//! timeout.

use std::time::{Duration, Instant};

/// The least rate, in bytes a second: that of the slowest modem still in use.
const LEAST_RATE: u64 = 4 << 10;

/// An answer on its way.
#[derive(Debug)]
pub(super) struct Pace {
    started: Instant,
    grace: Duration,
    received: u64,
}

impl Pace {
    /// An answer that begins now.
    pub(super) fn new(grace: Duration) -> Pace {
        Pace {
            started: Instant::now(),
            grace,
            received: 0,
        }
    }

    /// Notes what arrived. `false`: the answer is too slow.
    pub(super) fn advance(&mut self, count: usize) -> bool {
        self.received += count as u64;
        allows(self.grace, self.received, self.started.elapsed())
    }
}

/// Whether so many bytes may have taken so long.
fn allows(grace: Duration, received: u64, elapsed: Duration) -> bool {
    elapsed <= grace.saturating_add(Duration::from_secs(received / LEAST_RATE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drip_is_too_slow_and_a_modem_is_not() {
        let seconds = Duration::from_secs;
        let grace = seconds(30);
        assert!(allows(grace, 0, seconds(30)) && !allows(grace, 0, seconds(31)));
        // A byte every two seconds.
        assert!(!allows(grace, 20, seconds(40)));
        // Five kilobytes a second, for a day.
        assert!(allows(grace, 5_000 * 86_400, seconds(86_400)));
        assert!(allows(Duration::MAX, 1, seconds(1)));
    }
}
