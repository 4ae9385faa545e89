//! `admin users log-out`.

use serde_json::{Map, Value};
use shared::{
    aws::store::{Change, admin::AdminError},
    domain::{session::SessionId, time::UnixSeconds},
};

use super::{
    audit::Audit,
    change::{self, Attempt, change},
    connection::{Connection, Table},
    progress::Progress,
    signals::Signals,
};
use crate::{confirm::confirm, failure::Failure, options::users::LogOut, report::Report};

const EVENT: &str = "sessions-ended";

/// Why no more sessions are ended.
enum End {
    Complete,
    Interrupted,
    Failed(AdminError),
}

pub(crate) async fn run(options: &LogOut, now: UnixSeconds) -> Result<Report, Failure> {
    match (&options.user, &options.session) {
        (Some(user), Some(session)) => one_session(options, user, session, now).await,
        (Some(user), None) => all_sessions(options, user, now).await,
        (None, _) => everyone(options, now).await,
    }
}

async fn all_sessions(options: &LogOut, user: &str, now: UnixSeconds) -> Result<Report, Failure> {
    change((&options.common, user), (EVENT, &[]), now, async |connection, account| {
        let outcome = connection.store.end_all_sessions(account).await;
        Attempt::of(connection, outcome, format!("All sessions of {} are ended.", account.email), Map::new()).await
    })
    .await
}

async fn one_session(options: &LogOut, user: &str, session: &str, now: UnixSeconds) -> Result<Report, Failure> {
    let unknown = |problem: String| Failure::Failed(format!("{problem}; `admin users show` lists the sessions"));
    let id = SessionId::parse(session).ok_or_else(|| {
        Failure::Usage(format!("{session} is not the identifier of a session: 43 characters in base64url"))
    })?;
    change((&options.common, user), (EVENT, &[Table::Sessions]), now, async |connection, account| {
        let sessions = connection.checked(connection.store.sessions_of(account.public_id).await).await?;
        if sessions.iter().all(|stored| SessionId::parse(&stored.session_id) != Some(id)) {
            return Err(unknown(format!("{} has no session {session}", account.email)));
        }
        let outcome = connection.store.end_session(account.public_id, id).await.map(Change::Done);
        let details = Map::from_iter([("session".to_owned(), Value::from(session))]);
        let text = format!("The session {session} of {} is ended.", account.email);
        Attempt::of(connection, outcome, text, details).await
    })
    .await
}

/// Deletes every session. An interrupted run is completed by another one.
///
/// A signal ends it between two pages, so that the sessions that are ended are recorded.
async fn everyone(options: &LogOut, now: UnixSeconds) -> Result<Report, Failure> {
    let connection = Connection::open(&options.common, &[Table::Sessions]).await?;
    let table = &connection.store.tables().sessions;
    confirm(
        &format!("All sessions of all users would be ended: every item in {table} would be deleted."),
        options.common.yes,
    )?;
    let mut audit = Audit::open(&connection, &options.common, now).await?;
    let mut signals = Signals::new()?;
    let progress = Progress::new("sessions ended");
    let (mut count, mut start) = (0, None);
    let end = loop {
        match connection.store.end_sessions_page(start).await {
            Ok((ended, next)) => {
                progress.add(ended);
                count += ended;
                start = next;
            }
            Err(error) => break End::Failed(error),
        }
        if start.is_none() {
            break End::Complete;
        }
        if signals.has_arrived().await {
            break End::Interrupted;
        }
    };
    drop(progress);
    match end {
        End::Complete => {}
        End::Interrupted => {
            audit.record(EVENT, None, details(count, false))?;
            let text = format!("interrupted: {count} sessions are ended, but not all; run the command again");
            return Err(Failure::Failed(text));
        }
        End::Failed(error) => {
            let is_refused = matches!(error, AdminError::Denied { .. } | AdminError::NoTable { .. });
            let failure = connection.failure(error).await;
            if count == 0 && is_refused {
                return Err(failure);
            }
            audit.record(EVENT, None, details(count, false))?;
            return Err(Failure::Failed(format!(
                "more than {count} sessions may be ended: {failure}; run the command again"
            )));
        }
    }
    if count > 0 {
        audit.record(EVENT, None, details(count, true))?;
    }
    let message = match count {
        0 => "There are no sessions.".to_owned(),
        1 => "1 session is ended.".to_owned(),
        count => format!("{count} sessions are ended."),
    };
    change::report(&options.common, EVENT, count > 0, None, &message)
}

/// The details of the audit line.
fn details(count: usize, complete: bool) -> Map<String, Value> {
    let details = [("scope", Value::from("all users")), ("count", count.into()), ("complete", complete.into())];
    details.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
