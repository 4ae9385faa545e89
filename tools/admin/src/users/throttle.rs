//! `admin users throttle`: the counters of the rate limiter.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    aws::store::admin::UserName,
    domain::{client_ip::ClientAddress, throttle::ThrottleKey, time::UnixSeconds, user::PublicId},
};

use super::{
    audit::Audit,
    change,
    connection::{Connection, Table},
    counters::{self, Counter},
    output::{escape, json_text},
    signals::Signals,
    user_name,
};
use crate::{failure::Failure, options::users::Throttle, report::Report};

/// What the counters belong to.
struct Subject {
    /// For the operator.
    text: String,
    /// Whether this is a user, or an email address, and not a client.
    is_user: bool,
    public_id: Option<PublicId>,
    keys: Vec<(&'static str, ThrottleKey)>,
    /// Why there is no user. Unknown addresses are counted too.
    unknown: Option<Failure>,
}

#[derive(Serialize)]
struct Shown<'a> {
    public_id: Option<String>,
    counters: &'a [Counter],
}

pub(crate) async fn run(options: &Throttle, now: UnixSeconds) -> Result<Report, Failure> {
    let (connection, subject) = match options.subject.trim().parse::<IpAddr>() {
        Ok(_) if options.address.is_some() => {
            return Err(Failure::Usage("--address is for a user; an address is given already".to_owned()));
        }
        Ok(address) => {
            let client = ClientAddress::from(address);
            let keys = counters::keys_of_client(client);
            let connection = Connection::open(&options.common, &[Table::Throttle]).await?;
            (connection, Subject { text: client.to_string(), is_user: false, public_id: None, keys, unknown: None })
        }
        Err(_) => user(options).await?,
    };
    let counters = counters::read(&connection, &subject.keys).await?;
    let notes =
        if options.reset && subject.is_user && options.address.is_none() { vec![HINT.to_owned()] } else { vec![] };
    if let Some(failure) = subject.unknown.filter(|_| counters.is_empty()) {
        return Err(Failure::Failed(format!("{failure}, and no counter was found")));
    }
    if !options.reset {
        return shown(options, &subject.text, subject.public_id, &counters);
    }
    if counters.is_empty() {
        let message = format!("There is no counter of {}.", subject.text);
        let report =
            change::report(&options.common, EVENT, false, subject.public_id.map(|id| id.to_string()), &message)?;
        return Ok(Report { notes, ..report });
    }
    let mut audit = Audit::open(&connection, &options.common, now).await?;
    let ids: Vec<&str> = counters.iter().map(|counter| counter.id.as_str()).collect();
    // A signal waits until the change is recorded.
    let _signals = Signals::new()?;
    let kinds: Vec<Value> = counters.iter().map(|counter| counter.kind.into()).collect();
    let details = Map::from_iter([("counters".to_owned(), Value::Array(kinds))]);
    match connection.store.delete_counters(&ids).await {
        Ok(()) => audit.record(EVENT, subject.public_id, details)?,
        Err(error) if error.is_outcome_unknown() => {
            let (failure, command) =
                (connection.failure(error).await, format!("admin users throttle {}", subject.text));
            return Err(audit.record_unknown((EVENT, subject.public_id, details), &failure, &command));
        }
        Err(error) => return Err(connection.failure(error).await),
    }
    let kinds: Vec<&str> = counters.iter().map(|counter| counter.kind).collect();
    let message = format!("Reset for {}: {}.", subject.text, kinds.join(", "));
    let report = change::report(&options.common, EVENT, true, subject.public_id.map(|id| id.to_string()), &message)?;
    Ok(Report { notes, ..report })
}

/// The counter of a pair cannot be found without the address of the client.
const HINT: &str = "if the user still gets 429, repeat the command with --address and the address of the user's client";

const EVENT: &str = "rate-limit-reset";

async fn user(options: &Throttle) -> Result<(Connection, Subject), Failure> {
    let name = user_name::parse(&options.subject).map_err(|failure| match failure {
        Failure::Usage(text) => Failure::Usage(format!("{text}, nor an IP address")),
        failure @ Failure::Failed(_) => failure,
    })?;
    let tables = [&Table::ACCOUNT[..], &[Table::Sessions, Table::Throttle]].concat();
    let connection = Connection::open(&options.common, &tables).await?;
    let account = connection.checked(connection.store.find(&name).await).await?;
    let account = account.map(|account| account.complete()).transpose();
    let account =
        account.map_err(|problem| Failure::Failed(format!("{problem}; `admin users show` prints both items")))?;
    let (email, id) = match (account, &name) {
        (Some(account), _) => (account.email, Some(account.public_id)),
        (None, UserName::Email(email)) => (email.as_str().to_owned(), None),
        (None, UserName::Id(_)) => return Err(user_name::not_found(&name)),
    };
    let sessions = match id {
        Some(id) => connection.checked(connection.store.sessions_of(id).await).await?,
        None => Vec::new(),
    };
    let address = options.address.map(ClientAddress::from);
    let keys = counters::keys_of_user(Some(&email), id, &sessions, address);
    let unknown = id.is_none().then(|| user_name::not_found(&name));
    Ok((connection, Subject { text: email, is_user: true, public_id: id, keys, unknown }))
}

fn shown(options: &Throttle, subject: &str, id: Option<PublicId>, counters: &[Counter]) -> Result<Report, Failure> {
    if options.common.json {
        return json_text(&Shown { public_id: id.map(|id| id.to_string()), counters }).map(Report::from);
    }
    if counters.is_empty() {
        return Ok(Report::from(format!("There is no counter of {}.\n", escape(subject))));
    }
    Ok(Report::from(counters.iter().map(|counter| counter.describe() + "\n").collect::<String>()))
}
