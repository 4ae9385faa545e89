//! Counters of the rate limiter whose identifiers can be computed.

use serde::Serialize;
use shared::{
    aws::store::admin::{CounterRecord, SessionRecord},
    domain::{client_ip::ClientAddress, session::SessionId, throttle::ThrottleKey, time::UnixMillis, user::PublicId},
};

use super::connection::Connection;
use crate::{failure::Failure, utc::utc};

/// A counter, rendered as JSON or as text.
#[derive(Serialize)]
pub(crate) struct Counter {
    pub(crate) kind: &'static str,
    #[serde(skip)]
    pub(crate) id: String,
    /// Failed and pending guesses of a pair.
    failures: Option<u64>,
    last_guess: Option<String>,
    /// A pair is refused until then.
    refused_until: Option<String>,
    /// Until when a pair is known.
    known_until: Option<String>,
    /// When everything that the counter counted has been forgotten.
    empty_at: Option<String>,
    expires_at: Option<String>,
}

/// The kind and the identifier of each counter of a user that may exist.
pub(crate) fn keys_of_user(
    email: Option<&str>,
    id: Option<PublicId>,
    sessions: &[SessionRecord],
    address: Option<ClientAddress>,
) -> Vec<(&'static str, ThrottleKey)> {
    let mut keys = Vec::new();
    if let Some(email) = email {
        keys.push(("account", ThrottleKey::account(email)));
        keys.extend(address.map(|address| ("pair", ThrottleKey::pair(email, address))));
    }
    if let Some(id) = id {
        let sessions = sessions.iter().filter_map(|session| SessionId::parse(&session.session_id)).map(Some);
        keys.extend(sessions.chain([None]).map(|session| ("session-pair", ThrottleKey::session_pair(id, session))));
    }
    keys
}

/// The kind and the identifier of each counter of a client.
pub(crate) fn keys_of_client(address: ClientAddress) -> Vec<(&'static str, ThrottleKey)> {
    vec![("address", ThrottleKey::address(address)), ("sign-ups", ThrottleKey::sign_ups(address))]
}

/// The counters that exist, in the order of `keys`.
pub(crate) async fn read(
    connection: &Connection,
    keys: &[(&'static str, ThrottleKey)],
) -> Result<Vec<Counter>, Failure> {
    let ids: Vec<ThrottleKey> = keys.iter().map(|(_, key)| key.clone()).collect();
    let records = connection.checked(connection.store.counters(&ids).await).await?;
    let record = |(kind, key): &(&'static str, ThrottleKey)| {
        records.iter().find(|record| record.id == key.as_str()).map(|record| Counter::new(kind, record))
    };
    Ok(keys.iter().filter_map(record).collect())
}

impl Counter {
    fn new(kind: &'static str, record: &CounterRecord) -> Self {
        let time = |time: Option<UnixMillis>| {
            time.filter(|time| time.get() > 0).map(UnixMillis::seconds_rounded_up).and_then(utc)
        };
        Self {
            kind,
            id: record.id.clone(),
            failures: record.failures,
            last_guess: time(record.guessed_at),
            refused_until: time(record.until),
            known_until: time(record.known_until),
            empty_at: time(record.arrival.max(record.log_ins)),
            expires_at: record.expires_at.and_then(utc),
        }
    }

    /// One line of text.
    pub(crate) fn describe(&self) -> String {
        let at = |label: &str, value: &Option<String>| value.as_ref().map(|value| format!("{label} {value}"));
        let parts = [
            self.failures.map(|failures| format!("{failures} failed or pending guesses")),
            at("last guess", &self.last_guess),
            at("refused until", &self.refused_until),
            at("known until", &self.known_until),
            at("empty at", &self.empty_at),
            at("expires", &self.expires_at),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        format!("{}: {}", self.kind, parts.join(", "))
    }
}
