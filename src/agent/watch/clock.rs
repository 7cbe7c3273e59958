//! Time limits, on the clock that runs on while the computer sleeps.

use std::time::Duration;

use super::Ending;
use crate::agent::limits::{CLOCK_CHECK, CLOCK_GAP, IDLE, LIFE};

/// One moment on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Since the computer started, sleep included. Never the wall clock, which anybody may set.
    pub boot: Duration,
    /// The same without sleep.
    pub awake: Duration,
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// Returns this moment.
    fn now(&self) -> Moment;
}

/// The clocks of this computer.
#[derive(Debug, Clone, Copy, Default)]
pub struct ThisClock;

#[cfg(unix)]
impl Clock for ThisClock {
    fn now(&self) -> Moment {
        use rustix::time::{ClockId, Timespec, clock_gettime};
        let read = |clock| {
            let Timespec { tv_sec, tv_nsec } = clock_gettime(clock);
            Duration::new(u64::try_from(tv_sec).unwrap_or(0), u32::try_from(tv_nsec).unwrap_or(0))
        };
        #[cfg(target_os = "linux")]
        let (boot, awake) = (ClockId::Boottime, ClockId::Monotonic);
        // Darwin's monotonic clock counts sleep, and only the one of uptime does not. Elsewhere there may be no second
        // clock: the limits hold, and sleep does not show.
        #[cfg(not(target_os = "linux"))]
        let (boot, awake) = (ClockId::Monotonic, ClockId::Monotonic);
        // In this order, so that the first is never behind.
        let awake = read(awake);
        Moment { boot: read(boot), awake }
    }
}

#[cfg(windows)]
impl Clock for ThisClock {
    fn now(&self) -> Moment {
        /// How many of the units of the second clock are a microsecond.
        const TENTHS: u64 = 10;
        let boot = Duration::from_millis(winsafe::GetTickCount64());
        // "Unbiased" is what Windows calls a clock that stands still during sleep.
        let awake = winsafe::QueryUnbiasedInterruptTime();
        // Without it the limits hold, and sleep does not show.
        Moment { boot, awake: awake.map_or(boot, |ticks| Duration::from_micros(ticks / TENTHS)) }
    }
}

/// How long an agent may live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Unused.
    pub idle: Duration,
    /// In all.
    pub life: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { idle: IDLE, life: LIFE }
    }
}

/// The time since an agent was unlocked.
#[derive(Debug)]
pub struct Timer {
    limits: Limits,
    start: Duration,
    /// How far the clocks are apart, at the last look.
    gap: Duration,
}

impl Timer {
    /// Starts now.
    pub fn new(limits: Limits, now: Moment) -> Self {
        Self { limits, start: now.boot, gap: now.boot.saturating_sub(now.awake) }
    }

    /// Tells whether the agent has to end; `used` is when it was last used, on the boot-time clock.
    pub fn check(&mut self, now: Moment, used: Duration) -> Option<Ending> {
        let gap = now.boot.saturating_sub(now.awake);
        if gap.saturating_sub(self.gap) > CLOCK_GAP {
            return Some(Ending::Slept);
        }
        // The two clocks are read one after the other, so that a little apart means nothing: only a sleep counts.
        self.gap = self.gap.min(gap);
        if self.life_left(now).is_zero() {
            return Some(Ending::Life);
        }
        self.idle_left(now, used).is_zero().then_some(Ending::Idle)
    }

    /// Returns how long the agent may live yet.
    pub fn life_left(&self, now: Moment) -> Duration {
        self.start.saturating_add(self.limits.life).saturating_sub(now.boot)
    }

    /// Returns how long the agent may stay unused yet.
    pub fn idle_left(&self, now: Moment, used: Duration) -> Duration {
        used.max(self.start).saturating_add(self.limits.idle).saturating_sub(now.boot)
    }

    /// Returns when to look again.
    pub fn next_look(&self, now: Moment, used: Duration) -> Duration {
        self.life_left(now).min(self.idle_left(now, used)).min(CLOCK_CHECK)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Moment = Moment { boot: Duration::from_secs(1000), awake: Duration::from_secs(900) };
    const LIMITS: Limits = Limits { idle: Duration::from_secs(60), life: Duration::from_secs(600) };

    /// Some seconds after the start, of which the computer slept some.
    fn after(seconds: u64, asleep: u64) -> Moment {
        Moment {
            boot: START.boot + Duration::from_secs(seconds),
            awake: START.awake + Duration::from_secs(seconds - asleep),
        }
    }

    #[test]
    fn an_agent_ends_when_it_was_not_used() {
        let mut timer = Timer::new(LIMITS, START);
        let never = Duration::ZERO;
        assert_eq!(timer.check(after(59, 0), never), None);
        assert_eq!(timer.check(after(60, 0), never), Some(Ending::Idle));
        let used = after(30, 0).boot;
        assert_eq!(timer.check(after(89, 0), used), None);
        assert_eq!(timer.next_look(after(89, 0), used), Duration::from_secs(1));
        assert_eq!(timer.check(after(90, 0), used), Some(Ending::Idle));
    }

    #[test]
    fn an_agent_ends_when_its_life_is_over_however_busy() {
        let mut timer = Timer::new(LIMITS, START);
        for second in 0..600 {
            assert_eq!(timer.check(after(second, 0), after(second, 0).boot), None, "{second}");
        }
        assert_eq!(timer.check(after(600, 0), after(600, 0).boot), Some(Ending::Life));
    }

    #[test]
    fn a_sleep_of_the_computer_shows_afterwards() {
        let mut timer = Timer::new(LIMITS, START);
        assert_eq!(timer.check(after(10, 5), after(10, 5).boot), None);
        assert_eq!(timer.check(after(20, 6), after(20, 6).boot), Some(Ending::Slept));
        // Many short sleeps are a sleep as well.
        let mut timer = Timer::new(LIMITS, START);
        let ended = (1..9).find_map(|second| timer.check(after(second * 2, second), after(second * 2, second).boot));
        assert_eq!(ended, Some(Ending::Slept));
    }

    #[test]
    fn limits_that_no_clock_reaches_are_no_limits() {
        let limits = Limits { idle: Duration::MAX, life: Duration::MAX };
        let mut timer = Timer::new(limits, START);
        assert_eq!(timer.check(after(1_000_000, 0), Duration::ZERO), None);
        assert_eq!(timer.next_look(START, Duration::ZERO), CLOCK_CHECK);
    }

    #[test]
    fn the_clocks_of_this_computer_run() {
        let before = ThisClock.now();
        std::thread::sleep(Duration::from_millis(20));
        let after = ThisClock.now();
        assert!(after.boot - before.boot >= Duration::from_millis(20));
        assert!(after.awake - before.awake >= Duration::from_millis(20));
        assert!(after.boot >= after.awake || !cfg!(target_os = "linux"));
    }
}
