//! Sessions.

mod agent;
mod id;
mod limit;
mod refresh_token;

use std::time::Duration;

pub use self::{
    agent::short_agent,
    id::SessionId,
    limit::{MAX_SESSIONS, is_check_due, is_hint_outdated},
    refresh_token::{RefreshToken, Salt, TokenHash},
};
use crate::domain::{
    client_ip::{AddressForm, ClientAddress},
    time::UnixSeconds,
};

/// Lifetimes of sessions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// Without use: `SESSION_IDLE`.
    pub idle: Duration,
    /// In total: `SESSION_MAX`.
    pub max: Duration,
}

/// A stored session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Session {
    /// The user's version at which the session began, or to which it was carried over. At another version it is
    /// revoked.
    pub version: u64,
    /// When it expires unless it is used.
    pub expires_at: UnixSeconds,
    /// When it expires in any case.
    pub ends_at: UnixSeconds,
    /// When the user logged in. `None` for sessions from before this attribute existed.
    pub created_at: Option<UnixSeconds>,
}

impl Session {
    /// Time until the session expires if it is not used. Zero: it has expired, though DynamoDB may not have removed
    /// it yet.
    pub fn remaining(&self, now: UnixSeconds) -> Duration {
        self.expires_at.min(self.ends_at).since(now)
    }
}

/// The client that started a session, in a form that suffices for its user to recognize it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionClient {
    /// The network: /24 for IPv4, /48 for IPv6.
    pub network: Option<String>,
    /// Browser and system, or the name of the program: see [`short_agent`].
    pub agent: Option<String>,
}

impl SessionClient {
    /// The client at this address, with this `User-Agent`.
    pub fn new(address: ClientAddress, user_agent: Option<&str>) -> Self {
        Self { network: address.to_log(AddressForm::Network), agent: user_agent.and_then(short_agent) }
    }
}

/// An active session in a list of a user's own sessions. Sessions from before an attribute existed lack it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSession {
    /// The identifier.
    pub id: SessionId,
    /// When the user logged in.
    pub created_at: Option<UnixSeconds>,
    /// When it was last refreshed, or else when the user logged in.
    pub used_at: Option<UnixSeconds>,
    /// When it expires unless it is used.
    pub expires_at: UnixSeconds,
    /// The client that logged in.
    pub client: SessionClient,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_expires_at_the_earlier_of_its_two_times() {
        let time = UnixSeconds::new;
        let session = Session { version: 0, expires_at: time(100), ends_at: time(90), created_at: None };
        let remaining = [80, 90, 95].map(|now| session.remaining(time(now)).as_secs());
        assert_eq!(remaining, [10, 0, 0]);
    }
}
