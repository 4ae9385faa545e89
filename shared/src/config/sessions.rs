//! Lifetimes of sessions.

use std::time::Duration;

use super::env::{ConfigError, Env, Variable};
use crate::domain::session::Lifetime;

pub(super) const IDLE: Variable = Variable::fixed("SESSION_IDLE", "2592000");
/// The strict profile has NIST's limit (SP 800-63B-4 section 2.1.3).
pub(super) const MAX: Variable = Variable::per_profile("SESSION_MAX", "7776000", "2592000");

/// Covers a retry after a lost response on a slow network, and leaves a thief little time.
pub(super) const GRACE: Variable = Variable::fixed("SESSION_GRACE", "10");

/// Longest life of a session, in seconds: a year.
pub(super) const LONGEST: u64 = 365 * 24 * 60 * 60;

/// The lifetimes; `None` if `SESSION_IDLE` is 0, which disables sessions.
pub(super) fn read(env: &Env<'_>) -> Result<Option<Lifetime>, ConfigError> {
    let max = env.number(&MAX, 1..=LONGEST)?;
    let mut idle = env.number(&IDLE, 0..=LONGEST)?;
    if idle > max {
        if env.given(&IDLE)?.is_some_and(|text| !text.is_empty()) {
            return Err(IDLE.error("must not be more than SESSION_MAX, after which a session ends in any case"));
        }
        // The default is not an error where SESSION_MAX is shorter.
        idle = max;
    }
    Ok((idle > 0).then_some(Lifetime { idle: Duration::from_secs(idle), max: Duration::from_secs(max) }))
}

/// How long a refresh token stays valid after its rotation.
pub(super) fn grace(env: &Env<'_>) -> Result<Duration, ConfigError> {
    env.number(&GRACE, 1..=60).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::{super::env::with_env, *};

    #[test]
    fn the_default_idle_time_is_capped_by_the_maximum_lifetime() {
        let seconds = |variables: &[(&str, &str)]| {
            let sessions = with_env(variables, read).unwrap();
            sessions.map(|lifetime| (lifetime.idle.as_secs(), lifetime.max.as_secs()))
        };
        assert_eq!(seconds(&[("SESSION_MAX", "86400")]), Some((86_400, 86_400)));
        assert_eq!(seconds(&[("SESSION_IDLE", "0"), ("SESSION_MAX", "60")]), None);
        let error = with_env(&[("SESSION_IDLE", "61"), ("SESSION_MAX", "60")], read).unwrap_err();
        assert_eq!(error.variable, "SESSION_IDLE");
    }
}
