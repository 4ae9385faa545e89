//! Limits on guesses and sign-ups.

use std::time::Duration;

use super::{
    env::{ConfigError, Env, Variable},
    sessions,
};
use crate::domain::throttle::{BackoffPolicy, GcraLimit, GuessLimits};

/// Enough for a user who tries several passwords of their own.
pub(super) const PAIR_FAILURES: Variable = Variable::fixed("THROTTLE_PAIR_FAILURES", "5");
/// Long enough to stop a program, short enough for a user to wait.
pub(super) const PAIR_WAIT: Variable = Variable::fixed("THROTTLE_PAIR_WAIT", "30");
/// An attacker who continues for a day has about a hundred guesses.
pub(super) const PAIR_MAX_WAIT: Variable = Variable::fixed("THROTTLE_PAIR_MAX_WAIT", "900");
/// More than a user or a script needs, and little for one that logs in for each request.
pub(super) const PAIR_LOG_INS: Variable = Variable::fixed("THROTTLE_PAIR_LOGINS", "60");
/// As long as an unused session.
pub(super) const KNOWN: Variable = Variable::fixed("THROTTLE_KNOWN", "2592000");
/// Longer than any session by default, so a user who logs in again after one is on a known device.
pub(super) const DEVICE: Variable = Variable::fixed("THROTTLE_DEVICE", "31536000");
/// NIST SP 800-63B-4 section 3.2.2 allows 100 consecutive failures; this limit applies to each hour.
pub(super) const ACCOUNT_GUESSES: Variable = Variable::fixed("THROTTLE_ACCOUNT_GUESSES", "100");
/// Enough for a school or an office behind one address, and little for an attacker who tries one password on many
/// accounts.
pub(super) const ADDRESS_GUESSES: Variable = Variable::fixed("THROTTLE_ADDRESS_GUESSES", "300");
/// Enough for a class that signs up together, and little for filling the table.
pub(super) const ADDRESS_SIGN_UPS: Variable = Variable::fixed("THROTTLE_ADDRESS_SIGNUPS", "100");

/// `THROTTLE_…`.
#[derive(Debug, Clone)]
pub struct ThrottleSettings {
    /// Limits on password guesses.
    pub guesses: GuessLimits,
    /// Limit on sign-ups from one address: `THROTTLE_ADDRESS_SIGNUPS`.
    pub sign_ups: Option<GcraLimit>,
}

impl ThrottleSettings {
    pub(super) fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        let failures = env.number(&PAIR_FAILURES, 1..=100)?;
        let wait = env.number(&PAIR_WAIT, 1..=3600)?;
        let max_wait = max_wait(env, wait)?;
        let log_ins = rate(env, &PAIR_LOG_INS, 10_000)?;
        let known = env.number(&KNOWN, 0..=sessions::LONGEST)?;
        let device = env.number(&DEVICE, 0..=sessions::LONGEST)?;
        let account = rate(env, &ACCOUNT_GUESSES, 10_000)?;
        let address = rate(env, &ADDRESS_GUESSES, 100_000)?;
        let sign_ups = rate(env, &ADDRESS_SIGN_UPS, 100_000)?;
        let seconds = Duration::from_secs;
        let log_ins = GcraLimit::per_hour(log_ins);
        Ok(Self {
            guesses: GuessLimits {
                pair: BackoffPolicy { failures, wait: seconds(wait), max_wait: seconds(max_wait), log_ins },
                known: seconds(known),
                device: seconds(device),
                account: GcraLimit::per_hour(account),
                address: GcraLimit::per_hour(address),
            },
            sign_ups: GcraLimit::per_hour(sign_ups),
        })
    }
}

/// The longest wait, at least `wait`. A default below `wait` is raised to it.
fn max_wait(env: &Env<'_>, wait: u64) -> Result<u64, ConfigError> {
    let is_default = env.given(&PAIR_MAX_WAIT)?.is_none_or(|text| text.is_empty());
    if is_default { Ok(default(&PAIR_MAX_WAIT).max(wait)) } else { env.number(&PAIR_MAX_WAIT, wait..=86_400) }
}

/// An hourly limit. 0 disables it.
fn rate(env: &Env<'_>, variable: &Variable, most: u32) -> Result<u32, ConfigError> {
    match env.number(variable, 0..=most)? {
        1 => Err(variable.error(format!("must be 0, which disables the limit, or a whole number from 2 to {most}"))),
        limit => Ok(limit),
    }
}

/// The default of a variable of this section. Each is a number in every profile, which a test checks.
fn default(variable: &Variable) -> u64 {
    let text = variable.default_in(super::security_profile::SecurityProfile::Strict).unwrap_or_default();
    text.parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_default_is_a_number() {
        let variables = [
            PAIR_FAILURES,
            PAIR_WAIT,
            PAIR_MAX_WAIT,
            PAIR_LOG_INS,
            KNOWN,
            DEVICE,
            ACCOUNT_GUESSES,
            ADDRESS_GUESSES,
            ADDRESS_SIGN_UPS,
        ];
        assert!(variables.iter().all(|variable| default(variable) > 0));
    }
}
