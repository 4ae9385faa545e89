//! How often somebody may guess: rules alone, without table and clock. Times are milliseconds since 1970.
//!
//! | what is counted | under | rule |
//! |---|---|---|
//! | guesses at an account from one address, or with one session | the pair of both | [`BackoffPolicy`]: some at once, then each after a longer wait |
//! | guesses at an account from everywhere together | the account | [`GcraLimit`] |
//! | guesses at all accounts from one address | the address | [`GcraLimit`] |
//! | sign-ups from one address | the address | [`GcraLimit`] |
//!
//! A pair that has logged in is known, and goes by the first rule alone. So nobody who guesses from elsewhere locks the owner out.

use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::domain::{client_ip::ClientAddress, session::SessionId, user::PublicId};

const HOUR: u64 = 60 * 60 * 1000;

/// Under which identifier something is counted: SHA-256 in base64url without padding. The table holds no address in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThrottleKey(String);

impl ThrottleKey {
    /// Guesses at an account from one address. An account is named by its e-mail address in its one spelling; text that is none
    /// counts as it is.
    pub fn pair(account: &str, client: ClientAddress) -> Self {
        Self::under("pair", &[account, &client.to_string()])
    }

    /// Guesses at one's own account by whoever has one of its sessions, or a token of none.
    pub fn session_pair(user: PublicId, session: Option<SessionId>) -> Self {
        let session = session.map(|session| session.to_string()).unwrap_or_default();
        Self::under("session-pair", &[&user.to_string(), &session])
    }

    /// Guesses at an account.
    pub fn account(account: &str) -> Self {
        Self::under("account", &[account])
    }

    /// Guesses from an address.
    pub fn address(client: ClientAddress) -> Self {
        Self::under("address", &[&client.to_string()])
    }

    /// Sign-ups from an address.
    pub fn sign_ups(client: ClientAddress) -> Self {
        Self::under("sign-ups", &[&client.to_string()])
    }

    fn under(kind: &str, parts: &[&str]) -> Self {
        let mut digest = Context::new(&SHA256);
        digest.update(kind.as_bytes());
        for part in parts {
            // No part but the first can hold the octet that divides them.
            digest.update(&[0]);
            digest.update(part.as_bytes());
        }
        Self(URL_SAFE_NO_PAD.encode(digest.finish()))
    }

    /// The identifier.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How often a pair may guess.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffPolicy {
    /// Failures until it has to wait: `THROTTLE_PAIR_FAILURES`.
    pub failures: u32,
    /// The first wait; each failure doubles it: `THROTTLE_PAIR_WAIT`.
    pub wait: Duration,
    /// The longest one: `THROTTLE_PAIR_MAX_WAIT`.
    pub max_wait: Duration,
    /// How long a pair that has logged in is known: `THROTTLE_KNOWN`.
    pub known: Duration,
}

/// What is known of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Attempts {
    /// Guesses that failed, or are under way.
    pub failures: u32,
    /// When the last one began.
    pub guessed_at: u64,
    /// No guess before.
    pub until: u64,
    /// Until then, the pair counts as one that has logged in.
    pub known_until: u64,
}

impl Attempts {
    /// The pair with one guess more, which counts as failed until it is known to be right. `Err`: how long to wait first.
    pub fn guess(self, limit: &BackoffPolicy, now: u64) -> Result<Self, Duration> {
        let earlier = if now < self.forgets_at(limit) { self.failures } else { 0 };
        if earlier > 0 && now < self.until {
            return Err(Duration::from_millis(self.until - now));
        }
        let failures = earlier.saturating_add(1);
        let until = match failures.checked_sub(limit.failures) {
            None => 0,
            Some(doublings) => {
                let wait = millis(limit.wait).saturating_mul(1_u64.checked_shl(doublings).unwrap_or(u64::MAX));
                now + wait.min(millis(limit.max_wait))
            }
        };
        Ok(Self { failures, guessed_at: now, until, ..self })
    }

    /// The pair after it has logged in.
    pub fn logged_in(limit: &BackoffPolicy, now: u64) -> Self {
        Self { known_until: now + millis(limit.known), ..Self::default() }
    }

    /// Whether it has logged in, not too long ago.
    pub fn is_known(&self, now: u64) -> bool {
        now < self.known_until
    }

    /// When the failures no longer count: an hour after the last one, and not before the longest wait is over twice.
    pub fn forgets_at(&self, limit: &BackoffPolicy) -> u64 {
        self.guessed_at.saturating_add(HOUR.max(2 * millis(limit.max_wait)))
    }
}

/// So many in any hour and no more: half of them at once, the others one by one as the hour goes on.
///
/// That is the Generic Cell GcraLimit Algorithm: all there is to keep is one time, the theoretical arrival time. Windows of an hour
/// would take twice as many around the turn of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GcraLimit {
    /// Milliseconds for one.
    interval: u64,
    /// How far ahead the arrival time may be.
    tolerance: u64,
}

impl GcraLimit {
    /// At most `limit` an hour. `None` for fewer than two, which is no rate.
    pub fn an_hour(limit: u32) -> Option<Self> {
        let at_once = u64::from(limit.div_ceil(2));
        let others = u64::from(limit).checked_sub(at_once).filter(|others| *others > 0)?;
        let interval = HOUR.div_ceil(others);
        Some(Self { interval, tolerance: (at_once - 1) * interval })
    }

    /// How much later one more makes the arrival time.
    pub fn interval(&self) -> u64 {
        self.interval
    }

    /// The latest arrival time with which one more is taken at `now`.
    pub fn latest(&self, now: u64) -> u64 {
        now + self.tolerance
    }

    /// How long to wait at `now`, when the arrival time is `arrival`.
    pub fn wait(&self, arrival: u64, now: u64) -> Duration {
        Duration::from_millis(arrival.saturating_sub(self.latest(now)))
    }
}

/// All limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of guesses under one pair.
    pub pair: BackoffPolicy,
    /// Of guesses at one account from pairs that are not known: `THROTTLE_ACCOUNT_GUESSES`.
    pub account: Option<GcraLimit>,
    /// Of guesses from one address, by pairs that are not known: `THROTTLE_ADDRESS_GUESSES`.
    pub address: Option<GcraLimit>,
    /// Of sign-ups from one address: `THROTTLE_ADDRESS_SIGNUPS`.
    pub sign_ups: Option<GcraLimit>,
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: u64 = 1_795_334_400_000;
    const LIMIT: BackoffPolicy = BackoffPolicy {
        failures: 5,
        wait: Duration::from_secs(30),
        max_wait: Duration::from_secs(900),
        known: Duration::from_secs(2_592_000),
    };

    #[test]
    fn after_five_failures_a_pair_waits_longer_each_time_up_to_a_quarter_of_an_hour() {
        let (mut pair, mut now) = (Attempts::default(), NOW);
        for _ in 0..5 {
            pair = pair.guess(&LIMIT, now).unwrap();
        }
        let mut waits = Vec::new();
        for _ in 0..8 {
            let wait = pair.guess(&LIMIT, now).unwrap_err();
            assert!(pair.guess(&LIMIT, now + millis(wait) - 1).is_err());
            now += millis(wait);
            pair = pair.guess(&LIMIT, now).unwrap();
            waits.push(wait.as_secs());
        }
        assert_eq!(waits, [30, 60, 120, 240, 480, 900, 900, 900]);
    }

    #[test]
    fn failures_are_forgotten_an_hour_after_the_last_one() {
        let failed = Attempts { failures: 9, guessed_at: NOW, until: NOW + 480_000, known_until: 0 };
        assert_eq!(failed.guess(&LIMIT, NOW + HOUR - 1).unwrap().failures, 10);
        assert_eq!(failed.guess(&LIMIT, NOW + HOUR).unwrap().failures, 1);
    }

    #[test]
    fn a_log_in_clears_a_pair_and_makes_it_known_for_a_while() {
        let pair = Attempts::logged_in(&LIMIT, NOW);
        assert!(pair.is_known(NOW + 2_592_000_000 - 1) && !pair.is_known(NOW + 2_592_000_000));
        let guessed = pair.guess(&LIMIT, NOW + 1).unwrap();
        assert_eq!((guessed.failures, guessed.is_known(NOW + 1)), (1, true));
    }

    #[test]
    fn many_failures_do_not_overflow() {
        let pair = Attempts { failures: u32::MAX, guessed_at: NOW, until: 0, known_until: 0 };
        assert_eq!(pair.guess(&LIMIT, NOW).unwrap().until, NOW + 900_000);
        let rules = BackoffPolicy { failures: 1, wait: Duration::from_secs(3600), ..LIMIT };
        let pair = Attempts { failures: 80, ..pair };
        assert_eq!(pair.guess(&rules, NOW).unwrap().until, NOW + 900_000);
    }

    #[test]
    fn what_is_counted_apart_has_identifiers_of_its_own_that_show_no_address() {
        let client = ClientAddress::from(std::net::IpAddr::from([192, 0, 2, 7]));
        let ids = [
            ThrottleKey::pair("ada@example.com", client),
            ThrottleKey::pair("ada@example.com", ClientAddress::default()),
            ThrottleKey::account("ada@example.com"),
            ThrottleKey::address(client),
            ThrottleKey::sign_ups(client),
            ThrottleKey::session_pair(PublicId::from_bytes([7; 16]), None),
        ];
        for (place, id) in ids.iter().enumerate() {
            assert_eq!(id.as_str().len(), 43);
            assert!(!ids[..place].contains(id));
        }
    }

    /// README shows how an operator computes one: `printf 'account\0ada@example.com' | openssl dgst -sha256 -binary | basenc --base64url`.
    #[test]
    fn an_identifier_is_computed_as_readme_says() {
        assert_eq!(ThrottleKey::account("ada@example.com").as_str(), "fiG_0JNchwmkMN7ZeFtUYIN1GdzECFp3PP9IwHavEJ4");
    }

    /// Takes as many as the rate lets through, tried at these times.
    fn taken(rate: GcraLimit, times: &[u64]) -> Vec<u64> {
        let mut arrival = 0;
        let mut taken = Vec::new();
        for &now in times {
            if arrival <= rate.latest(now) {
                arrival = arrival.max(now) + rate.interval();
                taken.push(now);
            } else {
                assert!(rate.wait(arrival, now) > Duration::ZERO);
            }
        }
        taken
    }

    #[test]
    fn half_of_an_hours_guesses_may_come_at_once() {
        let rate = GcraLimit::an_hour(100).unwrap();
        assert_eq!(taken(rate, &[NOW; 200]).len(), 50);
        assert_eq!(rate.interval(), 72_000);
        assert_eq!(GcraLimit::an_hour(1), None);
        assert_eq!(GcraLimit::an_hour(0), None);
        assert_eq!(taken(GcraLimit::an_hour(2).unwrap(), &[NOW; 9]).len(), 1);
    }

    proptest! {
        #[test]
        fn no_hour_sees_more_than_its_limit(limit in 2_u32..200, steps in proptest::collection::vec(0_u64..60_000, 1..600)) {
            let times: Vec<u64> = steps.iter().scan(NOW, |now, step| { *now += step; Some(*now) }).collect();
            let taken = taken(GcraLimit::an_hour(limit).unwrap(), &times);
            for (place, start) in taken.iter().enumerate() {
                let within = taken[place..].iter().take_while(|time| **time < start + HOUR).count();
                prop_assert!(within <= limit as usize, "{within} of {limit}");
            }
        }
    }
}
