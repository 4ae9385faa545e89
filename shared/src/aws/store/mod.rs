//! The four tables in DynamoDB.
//!
//! | table | key | holds |
//! |---|---|---|
//! | Users | `public_id` | `name`, `email`, `groups` (string set, absent when empty), `created_at` (seconds since 1970), `disabled`, `version` |
//! | Credentials | `email`, in its one spelling | `public_id`, `password_hash` (PHC string), `disabled`, `version` |
//! | Sessions | `public_id`, `session_id` | `token_hash`; of the last exchange `previous_hash`, `salt`, `rotated_at` (milliseconds since 1970), and of the one before it `older_hash`, `older_salt`, `older_at`; `expires_at` (seconds, the table's TTL), `ends_at` (seconds), `others_ended_at` (seconds), `version` |
//! | Throttle | `id`, see [`crate::domain::throttle::ThrottleKey`] | of a pair `failures`, `guessed_at`, `until` (milliseconds since 1970), `by` (its last guess), `known_until` (milliseconds); of a rate `arrival` (milliseconds), `by`, `given_back`; `expires_at` (seconds, the table's TTL) |
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
mod throttle;
mod transaction;
mod users;

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextRef, InterceptorContext},
        retry::{ClassifyRetry, RetryAction, RetryConfig, RetryPartition, TokenBucket},
        timeout::TimeoutConfig,
    },
    error::BoxError,
    types::AttributeValue,
};
use aws_smithy_types::{
    body::SdkBody,
    config_bag::{Storable, StoreReplace},
};

pub use self::{
    callers::{CallerStore, Record},
    changes::{Account, AccountStore, Change},
    credentials::{CredentialStore, Credentials},
    sessions::{Rotation, SessionStore},
    sign_ups::{AccountCreator, Creation},
    throttle::{Admission, Guess, ThrottleStore},
    users::{Page, UserStore},
};
use crate::domain::user::{PublicId, PublicUser};

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

/// A client whose calls end well within a request's time limit (`http::service::TIME_LIMIT`).
///
/// An attempt takes milliseconds when all is well. One that takes a second is lost, and a call has time for several.
pub fn connect(aws: &SdkConfig) -> Client {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(1))
        .operation_attempt_timeout(Duration::from_secs(1))
        .operation_timeout(Duration::from_secs(3))
        .build();
    // Pauses of random length, up to 50 ms at first and half a second in the end.
    let retries = RetryConfig::standard()
        .with_max_attempts(6)
        .with_initial_backoff(Duration::from_millis(50))
        .with_max_backoff(Duration::from_millis(500));
    // Attempts and time bound what is tried again. The SDK's own bound is a bucket of tokens for all calls of the process: a burst
    // of throttling would use it up, and the calls after that would fail at the first fault.
    let partition = RetryPartition::custom("postern").token_bucket(TokenBucket::unlimited()).build();
    let config = aws_sdk_dynamodb::config::Builder::from(aws)
        .timeout_config(timeouts)
        .retry_config(retries)
        .retry_partition(partition)
        .retry_classifier(RetryConflicts)
        .interceptor(CallTimer)
        .build();
    Client::from_conf(config)
}

/// Makes the connections that the first request will use: two, since most ask for two things at once. Its outcome is nobody's
/// concern: a call makes its own connection if need be.
///
/// What is sent is `GET /`, which DynamoDB answers to anybody, at no cost and without a line in CloudTrail. It goes through the SDK like any
/// call, so that what the SDK does once is done as well.
pub async fn warm_up(client: &Client) {
    tokio::join!(touch(client), touch(client));
}

async fn touch(client: &Client) {
    let once = aws_sdk_dynamodb::config::Builder::default().retry_config(RetryConfig::disabled());
    let call = client.describe_endpoints().customize().config_override(once).mutate_request(|request| {
        // It is a method; were it none, DynamoDB would refuse what is sent, and the connection would stand.
        let _ = request.set_method("GET");
        for header in ["content-length", "content-type", "x-amz-target"] {
            request.headers_mut().remove(header);
        }
        *request.body_mut() = SdkBody::empty();
    });
    let _ = call.send().await;
}

/// Measures each call, all its attempts and pauses included.
#[derive(Debug)]
struct CallTimer;

/// When a call began.
#[derive(Debug)]
struct StartedAt(Instant);

impl Storable for StartedAt {
    type Storer = StoreReplace<Self>;
}

impl Intercept for CallTimer {
    fn name(&self) -> &'static str {
        "time of calls"
    }

    fn read_before_execution(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        bag.interceptor_state().store_put(StartedAt(Instant::now()));
        Ok(())
    }

    fn read_after_execution(
        &self,
        _: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        bag: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(StartedAt(begun)) = bag.load::<StartedAt>() {
            metrics::histogram!("StoreMilliseconds").record(begun.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(())
    }
}

/// Has the SDK try again when a write met a transaction on the same item, which it would give up at.
#[derive(Debug)]
struct RetryConflicts;

impl ClassifyRetry for RetryConflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        // What went well is not searched: it may be a page of a hundred users.
        let refusal = context.response().filter(|response| response.status().is_client_error());
        let body = refusal.and_then(|response| response.body().bytes()).unwrap_or_default();
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

fn profile(item: &mut Item) -> Result<PublicUser, StoreError> {
    Ok(PublicUser {
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
