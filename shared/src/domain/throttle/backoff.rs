//! Exponential backoff for guesses at one account from one address or device.

use std::time::Duration;

use super::gcra::{GcraLimit, HOUR};
use crate::domain::time::UnixMillis;

/// How often one pair of account and address, or of account and device, may guess and log in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffPolicy {
    /// Failures before the first wait: `THROTTLE_PAIR_FAILURES`.
    pub failures: u32,
    /// The first wait; each further failure doubles it: `THROTTLE_PAIR_WAIT`.
    pub wait: Duration,
    /// The longest wait: `THROTTLE_PAIR_MAX_WAIT`.
    pub max_wait: Duration,
    /// Successful log-ins: `THROTTLE_PAIR_LOGINS`. `None`: unlimited.
    pub log_ins: Option<GcraLimit>,
}

impl BackoffPolicy {
    /// How long failures count after the last one: an hour, or twice the longest wait if that is longer.
    pub fn memory(&self) -> Duration {
        HOUR.max(2 * self.max_wait)
    }

    /// Failures before this time do not count any more.
    pub fn forgotten_before(&self, now: UnixMillis) -> UnixMillis {
        UnixMillis::default() + now.since(UnixMillis::default() + self.memory())
    }
}

/// The recorded attempts of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attempts {
    /// Guesses that failed or are still in progress.
    pub failures: u32,
    /// When the last guess began.
    pub guessed_at: UnixMillis,
    /// No guess is accepted before this time.
    pub until: UnixMillis,
    /// The last guess is at the limit of failures and has not been settled. If it is right, the failures are cleared.
    pub in_progress: bool,
    /// The theoretical arrival time of successful log-ins (see [`GcraLimit`]).
    pub log_ins: UnixMillis,
    /// When the user chose the password with which the pair last logged in.
    pub password_set_at: UnixMillis,
    /// Until this time the pair counts as one that has logged in.
    pub known_until: UnixMillis,
}

impl Attempts {
    /// The attempts with one more guess, which counts as failed until it is confirmed. `Err`: how long to wait first.
    pub fn guess(self, policy: &BackoffPolicy, now: UnixMillis) -> Result<Self, Duration> {
        let earlier = if now < self.forgotten_at(policy) { self.failures } else { 0 };
        let backoff = if earlier > 0 { self.until.since(now) } else { Duration::ZERO };
        let wait = policy.log_ins.map_or(backoff, |limit| backoff.max(limit.wait(self.log_ins, now)));
        if !wait.is_zero() {
            return Err(wait);
        }
        let failures = earlier.saturating_add(1);
        let until = match failures.checked_sub(policy.failures) {
            None => UnixMillis::default(),
            Some(doublings) => {
                let factor = 1_u32.checked_shl(doublings).unwrap_or(u32::MAX);
                now + policy.wait.saturating_mul(factor).min(policy.max_wait)
            }
        };
        Ok(Self { failures, guessed_at: now, until, in_progress: failures >= policy.failures, ..self })
    }

    /// Whether the pair has logged in recently, with the password that the user chose at `password_set_at`.
    pub fn is_known(&self, password_set_at: UnixMillis, now: UnixMillis) -> bool {
        // Compared as an identifier: two processes may disagree about the order of a log-in and a password change.
        now < self.known_until && password_set_at == self.password_set_at
    }

    /// When the failures no longer count.
    pub fn forgotten_at(&self, policy: &BackoffPolicy) -> UnixMillis {
        self.guessed_at + policy.memory()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixMillis = UnixMillis::new(1_795_334_400_000);
    const POLICY: BackoffPolicy =
        BackoffPolicy { failures: 5, wait: Duration::from_secs(30), max_wait: Duration::from_secs(900), log_ins: None };
    const MILLI: Duration = Duration::from_millis(1);

    fn before(time: UnixMillis) -> UnixMillis {
        UnixMillis::new(time.get() - 1)
    }

    #[test]
    fn after_five_failures_the_wait_doubles_up_to_15_minutes() {
        let (mut attempts, mut now) = (Attempts::default(), NOW);
        for _ in 0..5 {
            attempts = attempts.guess(&POLICY, now).unwrap();
        }
        let mut waits = Vec::new();
        for _ in 0..8 {
            let wait = attempts.guess(&POLICY, now).unwrap_err();
            assert!(attempts.guess(&POLICY, before(now + wait)).is_err());
            now = now + wait;
            attempts = attempts.guess(&POLICY, now).unwrap();
            waits.push(wait.as_secs());
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900, 900]);
    }

    #[test]
    fn failures_are_forgotten_an_hour_after_the_last_one() {
        let until = NOW + Duration::from_secs(480);
        let failed = Attempts { failures: 9, guessed_at: NOW, until, ..Attempts::default() };
        assert_eq!(failed.guess(&POLICY, before(NOW + HOUR)).unwrap().failures, 10);
        assert_eq!(failed.guess(&POLICY, NOW + HOUR).unwrap().failures, 1);
    }

    #[test]
    fn a_pair_is_known_until_its_time_or_a_new_password() {
        let end = NOW + HOUR;
        let attempts = Attempts { password_set_at: NOW, known_until: end, ..Attempts::default() };
        assert!(attempts.is_known(NOW, before(end)) && !attempts.is_known(NOW, end));
        for changed_at in [before(NOW), NOW + MILLI] {
            assert!(!attempts.is_known(changed_at, NOW + MILLI), "another password");
        }
        let guessed = attempts.guess(&POLICY, NOW + MILLI).unwrap();
        assert_eq!((guessed.failures, guessed.is_known(NOW, NOW + MILLI)), (1, true));
    }

    #[test]
    fn successful_log_ins_are_limited_whatever_the_failures() {
        let policy = BackoffPolicy { log_ins: GcraLimit::per_hour(60), ..POLICY };
        let limit = policy.log_ins.unwrap();
        let attempts = Attempts { log_ins: limit.latest(NOW), ..Attempts::default() };
        assert!(attempts.guess(&policy, NOW).is_ok());
        let attempts = Attempts { log_ins: attempts.log_ins + limit.interval(), ..attempts };
        assert_eq!(attempts.guess(&policy, NOW).unwrap_err(), limit.interval());
        assert!(attempts.guess(&policy, NOW + limit.interval()).is_ok());
    }

    #[test]
    fn only_a_guess_at_the_limit_is_one_to_wait_for() {
        let mut attempts = Attempts::default();
        for expected in [false, false, false, false, true] {
            attempts = attempts.guess(&POLICY, NOW).unwrap();
            assert_eq!(attempts.in_progress, expected, "{}", attempts.failures);
        }
    }

    #[test]
    fn many_failures_do_not_overflow() {
        let attempts = Attempts { failures: u32::MAX, guessed_at: NOW, ..Attempts::default() };
        assert_eq!(attempts.guess(&POLICY, NOW).unwrap().until, NOW + POLICY.max_wait);
        let policy = BackoffPolicy { failures: 1, wait: Duration::from_secs(3600), ..POLICY };
        let attempts = Attempts { failures: 80, ..attempts };
        assert_eq!(attempts.guess(&policy, NOW).unwrap().until, NOW + POLICY.max_wait);
    }
}
