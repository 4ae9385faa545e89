//! `admin users show`: everything that is stored about a user, except hashes.

use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    aws::store::admin::{Account, CredentialsRecord, SessionRecord, UserRecord},
    domain::{
        password::PasswordHash,
        time::{UnixMillis, UnixSeconds},
    },
};

use super::{
    connection::{Connection, Table},
    counters::{self, Counter},
    output::{escape, json_text, pad},
    user_name,
};
use crate::{failure::Failure, options::users::OneUser, report::Report, utc::utc};

/// A user, rendered as JSON or as text.
#[derive(Serialize)]
struct Shown {
    public_id: Option<String>,
    name: Option<String>,
    email: Option<String>,
    email_verified: Option<bool>,
    disabled: bool,
    groups: Vec<String>,
    claims: Map<String, Value>,
    created_at: Option<String>,
    version: u64,
    password: Option<Password>,
    sessions: Vec<Session>,
    counters: Vec<Counter>,
    /// Attributes that Postern does not write, by table.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    other: BTreeMap<&'static str, BTreeMap<String, Value>>,
    /// What the functions would not have written.
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Password {
    scheme: Option<String>,
    set_at: Option<String>,
}

#[derive(Serialize)]
struct Session {
    #[serde(rename = "session_id")]
    id: String,
    state: &'static str,
    created_at: Option<String>,
    used_at: Option<String>,
    refreshed_at: Option<String>,
    network: Option<String>,
    agent: Option<String>,
    expires_at: Option<String>,
    ends_at: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    other: BTreeMap<String, Value>,
}

pub(crate) async fn run(options: &OneUser, now: UnixSeconds) -> Result<Report, Failure> {
    let name = user_name::parse(&options.user)?;
    let connection = Connection::open(&options.common, &Table::ALL).await?;
    let account = connection.checked(connection.store.find(&name).await).await?;
    let account = account.ok_or_else(|| user_name::not_found(&name))?;
    let id = account.user.as_ref().and_then(UserRecord::id);
    let id = id.or_else(|| account.credentials.as_ref().and_then(|credentials| credentials.public_id));
    let sessions = match id {
        Some(id) => connection.checked(connection.store.sessions_of(id).await).await?,
        None => Vec::new(),
    };
    let email = account.credentials.as_ref().map(|credentials| credentials.email.clone());
    let email = email.or_else(|| account.user.as_ref().and_then(|user| user.email.clone()));
    let keys = counters::keys_of_user(email.as_deref(), id, &sessions, None);
    let counters = counters::read(&connection, &keys).await?;
    let shown = shown(account, sessions, counters, now);
    if options.common.json { json_text(&shown).map(Report::from) } else { Ok(Report::from(text(&shown))) }
}

fn shown(account: Account, sessions: Vec<SessionRecord>, counters: Vec<Counter>, now: UnixSeconds) -> Shown {
    let problems = account.problems();
    let disabled = account.is_disabled();
    let has_user = account.user.is_some();
    let user = account.user.unwrap_or_default();
    let credentials = account.credentials;
    let id = credentials.as_ref().and_then(|credentials| credentials.public_id).map(|id| id.to_string());
    let email = credentials.as_ref().map(|credentials| credentials.email.clone());
    let other = [("Users", Some(user.other)), ("Credentials", credentials.as_ref().map(|item| item.other.clone()))];
    Shown {
        public_id: if has_user { Some(user.public_id) } else { id },
        name: user.name,
        email: user.email.or(email),
        email_verified: user.email_verified.or(credentials.as_ref().and_then(|credentials| credentials.email_verified)),
        disabled,
        groups: user.groups,
        claims: user.claims.as_object().clone(),
        created_at: user.created_at.and_then(utc),
        version: user.version,
        password: credentials.as_ref().map(password),
        sessions: sessions.into_iter().map(|session| self::session(session, user.version, now)).collect(),
        counters,
        other: other
            .into_iter()
            .filter_map(|(table, other)| Some((table, other.filter(|other| !other.is_empty())?)))
            .collect(),
        problems,
    }
}

fn password(credentials: &CredentialsRecord) -> Password {
    Password {
        scheme: credentials.password_hash.as_ref().map(scheme),
        set_at: credentials.password_set_at.map(UnixMillis::seconds).and_then(utc),
    }
}

/// The scheme of a hash and its cost, without salt and hash.
fn scheme(hash: &PasswordHash) -> String {
    match hash.inspect() {
        Ok(scheme) if scheme.is_legacy() => format!("{scheme} (until the next log-in)"),
        Ok(scheme) => scheme.to_string(),
        Err(problem) => problem.to_string(),
    }
}

fn session(session: SessionRecord, version: u64, now: UnixSeconds) -> Session {
    let has_expired = |at: Option<UnixSeconds>| at.is_some_and(|at| at <= now);
    let state = if session.version != version {
        "revoked"
    } else if has_expired(session.expires_at) || has_expired(session.ends_at) {
        "expired"
    } else {
        "active"
    };
    Session {
        id: session.session_id,
        state,
        created_at: session.created_at.and_then(utc),
        used_at: session.used_at.and_then(utc),
        refreshed_at: session.rotated_at.map(UnixMillis::seconds).and_then(utc),
        network: session.network,
        agent: session.agent,
        expires_at: session.expires_at.and_then(utc),
        ends_at: session.ends_at.and_then(utc),
        other: session.other,
    }
}

fn text(user: &Shown) -> String {
    let mut text = String::new();
    let unknown = || "unknown".to_owned();
    let or_unknown = |value: &Option<String>| value.as_deref().map_or_else(unknown, escape);
    let mut line = |label: &str, value: &str| {
        let _ = writeln!(text, "{}{value}", pad(label, 16));
    };
    line("email", &or_unknown(&user.email));
    line("public_id", &or_unknown(&user.public_id));
    line("name", &or_unknown(&user.name));
    line("status", if user.disabled { "disabled" } else { "active" });
    line("email verified", user.email_verified.map_or("unknown", |verified| if verified { "yes" } else { "no" }));
    line("created", &or_unknown(&user.created_at));
    let none = |is_empty: bool, text: String| if is_empty { "none".to_owned() } else { escape(&text) };
    line("groups", &none(user.groups.is_empty(), user.groups.join(", ")));
    line("claims", &none(user.claims.is_empty(), Value::Object(user.claims.clone()).to_string()));
    if let Some(password) = &user.password {
        line("password", &format!("{}, set {}", or_unknown(&password.scheme), or_unknown(&password.set_at)));
    }
    line("version", &user.version.to_string());
    for (table, attributes) in &user.other {
        for (name, value) in attributes {
            line("other", &format!("{} in {table}: {}", escape(name), escape(&value.to_string())));
        }
    }
    let _ = writeln!(text, "\nsessions: {}", user.sessions.len());
    for session in &user.sessions {
        let _ = writeln!(text, "  {}  {}", escape(&session.id), describe(session));
    }
    let _ = writeln!(text, "\ncounters of the rate limiter: {}", user.counters.len());
    for counter in &user.counters {
        let _ = writeln!(text, "  {}", counter.describe());
    }
    if !user.problems.is_empty() {
        let _ = writeln!(text, "\nproblems:");
    }
    for problem in &user.problems {
        let _ = writeln!(text, "  {}", escape(problem));
    }
    text
}

/// The state, times and origin of a session, as far as they are stored.
fn describe(session: &Session) -> String {
    let at = |label: &str, value: &Option<String>| value.as_ref().map(|value| format!("{label} {}", escape(value)));
    let other = session.other.iter().map(|(name, value)| format!("{} {}", escape(name), escape(&value.to_string())));
    let parts = [
        at("created", &session.created_at),
        at("used", &session.used_at),
        at("refreshed", &session.refreshed_at),
        at("from", &session.network),
        at("with", &session.agent),
        at("expires", &session.expires_at),
        at("ends", &session.ends_at),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().chain(other).collect();
    format!("{}; {}", session.state, parts.join(", "))
}
