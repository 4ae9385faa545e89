//! A change of one user: find, decide, write, record.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    aws::store::{
        Change,
        admin::{Account, Identity},
    },
    domain::time::UnixSeconds,
};

use super::{
    audit::Audit,
    connection::{Connection, Table},
    output::json_line,
    user_name,
};
use crate::{failure::Failure, options::users::Common, report::Report};

/// How often a change is tried while others change the same account.
const ATTEMPTS: u32 = 20;

/// A user whose two items belong together.
pub(crate) struct Found {
    pub(crate) account: Account,
    pub(crate) identity: Identity,
}

/// What an attempt did.
pub(crate) enum Attempt {
    /// The account is already as requested. Nothing was written.
    Unchanged(String),
    /// The change was written.
    Changed(String, Map<String, Value>),
    /// The account was changed by another process in the meantime. Nothing was written.
    Conflict,
}

impl Attempt {
    /// The outcome of a write, with the line for the operator and the details of the audit line.
    pub(crate) fn of(change: Change, text: String, details: Map<String, Value>) -> Self {
        match change {
            Change::Done(()) => Self::Changed(text, details),
            Change::Conflict => Self::Conflict,
        }
    }
}

/// The output of a change with `--json`.
#[derive(Serialize)]
struct Outcome<'a> {
    changed: bool,
    event: &'a str,
    public_id: Option<String>,
    message: &'a str,
}

/// Finds the user, and calls `attempt` until it does not conflict with another change.
pub(crate) async fn change(
    (options, user): (&Common, &str),
    (event, extra): (&str, &[Table]),
    now: UnixSeconds,
    attempt: impl AsyncFn(&Connection, &Found) -> Result<Attempt, Failure>,
) -> Result<Report, Failure> {
    let name = user_name::parse(user)?;
    let tables = [&Table::ACCOUNT[..], extra].concat();
    let connection = Connection::open(options, &tables).await?;
    let mut audit = None;
    for round in 0..ATTEMPTS {
        if round > 0 {
            tokio::time::sleep(Duration::from_millis(20 << round.min(5))).await;
        }
        let account = match connection.store.find(&name).await {
            Ok(Some(account)) => account,
            Ok(None) => return Err(user_name::not_found(&name)),
            Err(error) => return Err(connection.failure(error).await),
        };
        let identity = account.identity().map_err(|problem| {
            Failure::Failed(format!("nothing is written: {problem}; `admin users show` prints both items"))
        })?;
        if audit.is_none() {
            audit = Some(Audit::open(&connection, options, now).await?);
        }
        let found = Found { account, identity };
        let (changed, message) = match attempt(&connection, &found).await? {
            Attempt::Conflict => continue,
            Attempt::Unchanged(message) => (false, message),
            Attempt::Changed(message, details) => {
                if let Some(audit) = &mut audit {
                    audit.record(event, Some(found.identity.public_id), details)?;
                }
                (true, message)
            }
        };
        let public_id = Some(found.identity.public_id.to_string());
        return report(options, event, changed, public_id, &message);
    }
    Err(Failure::Failed(format!("nothing is written: {user} is being changed by other processes; try again")))
}

/// The report of a change.
pub(crate) fn report(
    options: &Common,
    event: &str,
    changed: bool,
    public_id: Option<String>,
    message: &str,
) -> Result<Report, Failure> {
    if options.json {
        return json_line(&Outcome { changed, event, public_id, message }).map(Report::from);
    }
    Ok(Report::from(format!("{message}\n")))
}
