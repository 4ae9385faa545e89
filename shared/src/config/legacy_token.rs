//! Tokens of the Flask application that Postern replaces.

use std::time::Duration;

use aws_smithy_types::{DateTime, date_time::Format};

use super::{
    env::{ConfigError, Env, Variable},
    keys::{KeySource, location},
};
use crate::domain::{deployment::Deployment, time::UnixSeconds};

pub(super) const SECRET_KEY: Variable = Variable::unset("JWT_LEGACY_SECRET_KEY");
pub(super) const SECRET_ARN: Variable = Variable::unset("JWT_LEGACY_SECRET_ARN");
pub(super) const UNTIL: Variable = Variable::unset("JWT_LEGACY_UNTIL");
pub(super) const ACCEPT_WEAK_KEY: Variable = Variable::fixed("JWT_LEGACY_ACCEPT_WEAK_KEY", "off");

const DAY: u64 = 24 * 60 * 60;

/// Most days from the start of a function to the end of the period.
const MAX_DAYS: u64 = 90;

/// Tokens of the old application, which `list-users` accepts for a limited time.
#[derive(Debug, Clone)]
pub struct LegacyTokenSettings {
    /// `JWT_LEGACY_SECRET_KEY` or `JWT_LEGACY_SECRET_ARN`.
    pub key: KeySource,
    /// The variable that is set.
    pub variable: &'static str,
    /// `JWT_LEGACY_UNTIL`, as it is set.
    pub date: String,
    /// The beginning of that day in UTC. The tokens are accepted before it.
    pub until: UnixSeconds,
    /// `JWT_LEGACY_ACCEPT_WEAK_KEY`.
    pub accepts_weak_key: bool,
}

impl LegacyTokenSettings {
    pub(super) fn read(env: &Env<'_>, deployment: Deployment) -> Result<Option<Self>, ConfigError> {
        let accepts_weak_key = env.switch(&ACCEPT_WEAK_KEY)?;
        let date = env.text(&UNTIL)?;
        let until = date.as_deref().map(|date| start_of_day(date).ok_or_else(|| UNTIL.error(DATE))).transpose()?;
        let (key, variable) = match (env.text(&SECRET_KEY)?, location(env, &SECRET_ARN, deployment)?) {
            (Some(_), Some(_)) => {
                return Err(SECRET_KEY.error("and JWT_LEGACY_SECRET_ARN are both set: remove one of them"));
            }
            (Some(key), None) => (KeySource::Inline(key.into()), SECRET_KEY.name),
            (None, Some(stored)) => (stored, SECRET_ARN.name),
            (None, None) if until.is_some() => {
                return Err(UNTIL.error("is set without JWT_LEGACY_SECRET_KEY or JWT_LEGACY_SECRET_ARN: remove it"));
            }
            (None, None) => return Ok(None),
        };
        let (Some(date), Some(until)) = (date, until) else {
            let problem = format!("is not set, but {variable} is: the date ends the period in which old tokens work");
            return Err(UNTIL.error(problem));
        };
        Ok(Some(Self { key, variable, date, until, accepts_weak_key }))
    }

    /// Whether the period has ended at `now`.
    pub fn has_ended(&self, now: UnixSeconds) -> bool {
        now >= self.until
    }

    /// Checks at the start of a function that the period is not too long. A date in the past is valid.
    pub fn check_period(&self, now: UnixSeconds) -> Result<(), ConfigError> {
        let today = now.get() / DAY * DAY;
        if self.until.since(UnixSeconds::new(today)) > Duration::from_secs(MAX_DAYS * DAY) {
            return Err(UNTIL.error(format!("must be at most {MAX_DAYS} days ahead")));
        }
        Ok(())
    }
}

const DATE: &str = "must be a date such as 2027-01-31";

/// The beginning of a day in UTC. `date` is `YYYY-MM-DD` (RFC 3339 `full-date`).
fn start_of_day(date: &str) -> Option<UnixSeconds> {
    let is_date = date.len() == 10
        && date
            .bytes()
            .enumerate()
            .all(|(index, b)| if matches!(index, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
    let start = DateTime::from_str(&format!("{date}T00:00:00Z"), Format::DateTime).ok().filter(|_| is_date)?;
    u64::try_from(start.secs()).ok().map(UnixSeconds::new)
}

#[cfg(test)]
mod tests {
    use super::{super::env::with_env, *};

    const ARN: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:flask-AbCdEf";
    const KEY: (&str, &str) = ("JWT_LEGACY_SECRET_KEY", "super-secret");
    const DATE: (&str, &str) = ("JWT_LEGACY_UNTIL", "2026-12-31");

    fn read(variables: &[(&str, &str)]) -> Result<Option<LegacyTokenSettings>, ConfigError> {
        with_env(variables, |env| LegacyTokenSettings::read(env, Deployment::Aws))
    }

    fn named(variables: &[(&str, &str)]) -> &'static str {
        read(variables).unwrap_err().variable
    }

    #[test]
    fn a_key_and_a_date_are_required_together() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[("JWT_LEGACY_SECRET_KEY", ""), ("JWT_LEGACY_UNTIL", "")]).unwrap().is_none());
        let settings = read(&[KEY, DATE]).unwrap().unwrap();
        assert!(!settings.accepts_weak_key && matches!(settings.key, KeySource::Inline(_)));
        assert_eq!(settings.variable, "JWT_LEGACY_SECRET_KEY");
        let stored = read(&[("JWT_LEGACY_SECRET_ARN", ARN), DATE]).unwrap().unwrap();
        assert!(matches!(stored.key, KeySource::Stored(..)) && stored.variable == "JWT_LEGACY_SECRET_ARN");
        assert_eq!(named(&[KEY]), "JWT_LEGACY_UNTIL");
        assert_eq!(named(&[DATE]), "JWT_LEGACY_UNTIL");
        assert_eq!(named(&[KEY, DATE, ("JWT_LEGACY_SECRET_ARN", ARN)]), "JWT_LEGACY_SECRET_KEY");
        assert_eq!(named(&[DATE, ("JWT_LEGACY_SECRET_ARN", "flask")]), "JWT_LEGACY_SECRET_ARN");
        assert_eq!(named(&[DATE, ("JWT_LEGACY_SECRET_ARN", "file:key")]), "JWT_LEGACY_SECRET_ARN", "it is deployed");
        assert_eq!(named(&[KEY, DATE, ("JWT_LEGACY_ACCEPT_WEAK_KEY", "yes")]), "JWT_LEGACY_ACCEPT_WEAK_KEY");
    }

    #[test]
    fn the_date_is_the_beginning_of_a_day_in_utc() {
        let until = |date| read(&[KEY, ("JWT_LEGACY_UNTIL", date)]).map(|settings| settings.unwrap().until.get());
        assert_eq!(until("2026-12-31"), Ok(1_798_675_200));
        assert_eq!(until("2028-02-29"), Ok(1_835_395_200));
        for date in [
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-12-32",
            "2026-1-1",
            "31.12.2026",
            "2026/12/31",
            "20261231",
            "2026-12-31T00:00:00Z",
            "2026-12-31 ",
            "+026-12-31",
            "1969-12-31",
            "tomorrow",
            "1798675200",
            "２０26-12-31",
        ] {
            assert_eq!(until(date).unwrap_err().variable, "JWT_LEGACY_UNTIL", "{date}");
        }
    }

    #[test]
    fn the_period_is_at_most_90_days_from_the_start_and_may_have_ended() {
        let at = |now: u64| read(&[KEY, DATE]).unwrap().unwrap().check_period(UnixSeconds::new(now));
        let until = 1_798_675_200;
        // On 2026-10-02 and at any time of that day, the date is 90 days ahead.
        for now in [until - 90 * DAY, until - 89 * DAY - 1, until - 1, until, until + 1000 * DAY] {
            assert_eq!(at(now), Ok(()), "{now}");
        }
        let error = at(until - 90 * DAY - 1).unwrap_err();
        let expected = "environment variable JWT_LEGACY_UNTIL must be at most 90 days ahead";
        assert_eq!(error.to_string(), expected);
    }
}
