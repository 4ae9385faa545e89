//! A change of one user: find, decide, write, record.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    aws::store::{
        Change,
        admin::{AdminError, CompleteAccount, UserName},
    },
    domain::time::UnixSeconds,
};

use super::{
    audit::Audit,
    connection::{Connection, Table},
    output::{escape, json_line},
    signals::Signals,
    user_name,
};
use crate::{failure::Failure, options::users::Common, report::Report};

/// How often a change is tried while others change the same account.
const ATTEMPTS: u32 = 20;

/// What an attempt did.
pub(crate) enum Attempt {
    /// The account is already as requested. Nothing was written.
    Unchanged(String),
    /// The change was written.
    Changed(String, Map<String, Value>),
    /// The account was changed by another process in the meantime. Nothing was written.
    Conflict,
    /// The write failed, and may have been made all the same.
    Unknown(Failure, Map<String, Value>),
}

impl Attempt {
    /// The outcome of a write, with the line for the operator and the details of the audit line.
    pub(crate) async fn of(
        connection: &Connection,
        result: Result<Change, AdminError>,
        text: String,
        details: Map<String, Value>,
    ) -> Result<Self, Failure> {
        match result {
            Ok(Change::Done(())) => Ok(Self::Changed(text, details)),
            Ok(Change::Conflict) => Ok(Self::Conflict),
            Err(error) if error.is_outcome_unknown() => Ok(Self::Unknown(connection.failure(error).await, details)),
            Err(error) => Err(connection.failure(error).await),
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

/// A user who was found, before the first attempt.
pub(crate) struct Subject<'a> {
    options: &'a Common,
    user: &'a str,
    event: &'a str,
    name: UserName,
    connection: Connection,
    audit: Audit,
    pub(crate) account: CompleteAccount,
}

/// Finds the user, and calls `attempt` until it does not conflict with another change.
pub(crate) async fn change(
    subject: (&Common, &str),
    event: (&str, &[Table]),
    now: UnixSeconds,
    attempt: impl AsyncFn(&Connection, &CompleteAccount) -> Result<Attempt, Failure>,
) -> Result<Report, Failure> {
    Subject::find(subject, event, now).await?.change(attempt).await
}

impl<'a> Subject<'a> {
    /// Finds the user and opens the audit log. Nothing is written.
    pub(crate) async fn find(
        (options, user): (&'a Common, &'a str),
        (event, extra): (&'a str, &[Table]),
        now: UnixSeconds,
    ) -> Result<Self, Failure> {
        let name = user_name::parse(user)?;
        let tables = [&Table::ACCOUNT[..], extra].concat();
        let connection = Connection::open(options, &tables).await?;
        let account = find(&connection, &name).await?;
        let audit = Audit::open(&connection, options, now).await?;
        Ok(Self { options, user, event, name, connection, audit, account })
    }

    /// Calls `attempt` until it does not conflict with another change of the same account.
    ///
    /// A signal ends the command only between two attempts, so that every change that is made is recorded.
    pub(crate) async fn change(
        mut self,
        attempt: impl AsyncFn(&Connection, &CompleteAccount) -> Result<Attempt, Failure>,
    ) -> Result<Report, Failure> {
        let mut signals = Signals::new()?;
        for round in 1..=ATTEMPTS {
            let public_id = self.account.public_id;
            let (changed, message) = match attempt(&self.connection, &self.account).await? {
                Attempt::Unchanged(message) => (false, message),
                Attempt::Changed(message, details) => {
                    self.audit.record(self.event, Some(public_id), details)?;
                    (true, message)
                }
                Attempt::Unknown(failure, details) => {
                    let command = format!("admin users show {}", escape(self.user));
                    return Err(self.audit.record_unknown((self.event, Some(public_id), details), &failure, &command));
                }
                Attempt::Conflict => {
                    let pause = Duration::from_millis(20 << round.min(5));
                    let found = async {
                        tokio::time::sleep(pause).await;
                        find(&self.connection, &self.name).await
                    };
                    let found = tokio::select! {
                        biased;
                        () = signals.next() => {
                            return Err(Failure::Failed("interrupted: nothing is written".to_owned()));
                        }
                        found = found => found?,
                    };
                    self.account = self.same(found)?;
                    continue;
                }
            };
            return report(self.options, self.event, changed, Some(public_id.to_string()), &message);
        }
        let user = self.user;
        Err(Failure::Failed(format!("nothing is written: {user} is being changed by other processes; try again")))
    }

    /// Refuses another account than the one that was found first, which the operator meant.
    fn same(&self, now: CompleteAccount) -> Result<CompleteAccount, Failure> {
        let (user, first) = (self.user, &self.account);
        if first.public_id != now.public_id {
            return Err(Failure::Failed(format!(
                "nothing is written: {user} now belongs to another account ({}); run the command again",
                now.public_id
            )));
        }
        if first.email != now.email {
            return Err(Failure::Failed(format!(
                "nothing is written: {user} now has another address ({}); run the command again",
                now.email
            )));
        }
        Ok(now)
    }
}

async fn find(connection: &Connection, name: &UserName) -> Result<CompleteAccount, Failure> {
    let account = connection.checked(connection.store.find(name).await).await?;
    let account = account.ok_or_else(|| user_name::not_found(name))?;
    account.complete().map_err(|problem| {
        Failure::Failed(format!("nothing is written: {problem}; `admin users show` prints both items"))
    })
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
    Ok(Report::from(escape(message) + "\n"))
}
