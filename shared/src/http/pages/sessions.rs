//! The sessions on the account page.

use std::fmt;

use time::OffsetDateTime;

use crate::domain::{
    session::{ListedSession, SessionId},
    time::UnixSeconds,
};

/// A session on the account page.
#[derive(Debug, Clone)]
pub(super) struct SessionRow {
    pub(super) id: SessionId,
    /// Browser and system, or the name of the program.
    pub(super) agent: String,
    pub(super) network: Option<String>,
    pub(super) created_at: Option<Moment>,
    pub(super) used_at: Option<Moment>,
    pub(super) is_current: bool,
}

impl SessionRow {
    /// The rows of these sessions, of which `current` is the caller's.
    pub(super) fn list(sessions: &[ListedSession], current: Option<SessionId>) -> Vec<Self> {
        sessions.iter().map(|session| Self::new(session, current)).collect()
    }

    fn new(session: &ListedSession, current: Option<SessionId>) -> Self {
        Self {
            id: session.id,
            agent: session.client.agent.clone().unwrap_or_else(|| "Unknown device".to_owned()),
            network: session.client.network.clone(),
            created_at: session.created_at.and_then(Moment::new),
            used_at: session.used_at.and_then(Moment::new),
            is_current: Some(session.id) == current,
        }
    }

    /// What the button of the row does. Its text alone would be the same in every row.
    pub(super) fn label(&self) -> String {
        match self.used_at {
            Some(used_at) => format!("Log out {}, last used {used_at}", self.agent),
            None => format!("Log out {}", self.agent),
        }
    }
}

/// A time for readers, to the minute.
#[derive(Debug, Clone, Copy)]
pub(super) struct Moment(OffsetDateTime);

impl Moment {
    fn new(time: UnixSeconds) -> Option<Self> {
        OffsetDateTime::from_unix_timestamp(i64::try_from(time.get()).ok()?).ok().map(Self)
    }

    /// The time for `datetime=`, in the format of RFC 3339.
    pub(super) fn machine(&self) -> String {
        let (date, hour, minute) = (self.0.date(), self.0.hour(), self.0.minute());
        format!("{:04}-{:02}-{:02}T{hour:02}:{minute:02}Z", date.year(), u8::from(date.month()), date.day())
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (date, hour, minute) = (self.0.date(), self.0.hour(), self.0.minute());
        write!(f, "{} {} {}, {hour:02}:{minute:02} UTC", date.day(), date.month(), date.year())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_shown_to_the_minute_in_utc() {
        let shown = |seconds| Moment::new(UnixSeconds::new(seconds)).map(|time| (time.to_string(), time.machine()));
        let expected = |text: &str, machine: &str| Some((text.to_owned(), machine.to_owned()));
        assert_eq!(shown(1_795_334_459), expected("22 November 2026, 08:00 UTC", "2026-11-22T08:00Z"));
        assert_eq!(shown(951_782_400), expected("29 February 2000, 00:00 UTC", "2000-02-29T00:00Z"));
        assert_eq!((shown(u64::MAX), shown(1 << 60)), (None, None), "no date");
    }
}
