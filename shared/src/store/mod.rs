//! The three tables in DynamoDB.
//!
//! | table | key | holds |
//! |---|---|---|
//! | Users | `public_id` | `name`, `email`, `groups` (string set, absent when empty), `created_at` (seconds since 1970), `disabled`, `version` |
//! | Credentials | `email`, in its one spelling | `public_id`, `password_hash` (PHC string), `disabled`, `version` |
//! | Sessions | `public_id`, `session_id` | `token_hash`; of the last exchange `previous_hash`, `salt`, `rotated_at` (milliseconds since 1970), and of the one before it `older_hash`, `older_salt`, `older_at`; `expires_at` (seconds, the table's TTL), `ends_at` (seconds), `others_ended_at` (seconds), `version` |
//!
//! Listing users cannot read a password hash, and log-in reads one item.
//! All reads are consistent: an account is usable and listed the moment its sign-up is answered.
//!
//! `version` counts how often a user's sessions were ended together: by a new password, or by logging out everywhere or everywhere
//! else. Absent means 0. It stands on both items of an account, and a session of another version is over. So ending every session is
//! one transaction, however many there are.

mod callers;
mod changes;
mod credentials;
mod sessions;
mod sign_ups;
mod transaction;
mod users;

use std::{collections::HashMap, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    config::{
        interceptors::InterceptorContext,
        retry::{ClassifyRetry, RetryAction, RetryConfig},
        timeout::TimeoutConfig,
    },
    types::AttributeValue,
};

pub use self::{
    callers::{CallerStore, Record},
    changes::{Account, AccountChanges, Change},
    credentials::{CredentialStore, Credentials},
    sessions::{Rotation, SessionStore},
    sign_ups::{AccountWriter, Creation},
    users::{Page, UserStore},
};
use crate::user::{Profile, PublicId};

type Item = HashMap<String, AttributeValue>;

/// A failure of the database, never "not there" and never "already there".
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No answer, or a refusal that trying again may cure: throttling, a time-out, a conflict between transactions.
    #[error("database did not carry out {operation}")]
    Unavailable {
        /// DynamoDB's name for the operation.
        operation: &'static str,
        /// What the SDK says.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An item is not as this module writes it.
    #[error("item in {table} lacks a sound {attribute}")]
    Corrupt {
        /// Which table.
        table: &'static str,
        /// Which attribute.
        attribute: &'static str,
    },
}

/// A client whose calls end well within a function's time limit.
pub fn connect(aws: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(2))
        .operation_timeout(Duration::from_secs(7))
        .build();
    let config = aws_sdk_dynamodb::config::Builder::from(aws)
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(4))
        .retry_classifier(Conflicts)
        .build();
    Client::from_conf(config)
}

/// Has the SDK try again when a write met a transaction on the same item, which it would give up at.
#[derive(Debug)]
struct Conflicts;

impl ClassifyRetry for Conflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let body = context.response().and_then(|response| response.body().bytes()).unwrap_or_default();
        let name = b"#TransactionConflictException";
        let is_conflict = body.windows(name.len()).any(|part| part == name);
        if is_conflict { RetryAction::transient_error() } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "conflicts with transactions"
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
}

fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

fn octets(value: &[u8]) -> AttributeValue {
    AttributeValue::B(value.to_vec().into())
}

fn unavailable(operation: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable { operation, source: source.into() }
}

fn profile(item: &mut Item) -> Result<Profile, StoreError> {
    Ok(Profile {
        public_id: public_id(item, "Users")?,
        name: take_text(item, "Users", "name")?,
        email: take_text(item, "Users", "email")?,
    })
}

fn public_id(item: &Item, table: &'static str) -> Result<PublicId, StoreError> {
    let id = item.get("public_id").and_then(|value| value.as_s().ok()).and_then(|id| PublicId::parse(id));
    id.ok_or(StoreError::Corrupt { table, attribute: "public_id" })
}

fn take_text(item: &mut Item, table: &'static str, attribute: &'static str) -> Result<String, StoreError> {
    match item.remove(attribute) {
        Some(AttributeValue::S(value)) => Ok(value),
        _ => Err(StoreError::Corrupt { table, attribute }),
    }
}

fn get_number(item: &Item, table: &'static str, attribute: &'static str) -> Result<u64, StoreError> {
    let number = item.get(attribute).and_then(|value| value.as_n().ok()).and_then(|number| number.parse().ok());
    number.ok_or(StoreError::Corrupt { table, attribute })
}

/// How often all sessions were ended; an account that is new has no such attribute.
fn version(item: &Item, table: &'static str) -> Result<u64, StoreError> {
    if item.contains_key("version") { get_number(item, table, "version") } else { Ok(0) }
}

/// Anything but an absent attribute and `false` shuts the user out: who sets it by hand means it.
fn is_disabled(item: &Item) -> bool {
    !matches!(item.get("disabled"), None | Some(AttributeValue::Bool(false)))
}
