//! The two tables in DynamoDB.
//!
//! | table | key | holds |
//! |---|---|---|
//! | Users | `public_id` | `name`, `email`, `groups` (string set, absent when empty), `created_at` (seconds since 1970), `disabled` |
//! | Credentials | `email`, in its one spelling | `public_id`, `password_hash` (PHC string), `disabled` |
//!
//! Listing users cannot read a password hash, and log-in reads one item.
//! All reads are consistent: an account is usable and listed the moment its sign-up is answered.

use std::{collections::HashMap, time::Duration};

use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    Client,
    config::{retry::RetryConfig, timeout::TimeoutConfig},
    error::SdkError,
    operation::{transact_write_items::TransactWriteItemsError, update_item::UpdateItemError},
    types::{AttributeValue, CancellationReason, Put, TransactWriteItem},
};

use crate::{
    email::Email,
    password::PasswordHash,
    user::{NewUser, Profile, PublicId, User},
};

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

/// What became of a sign-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// Both items were written.
    Created,
    /// The mailbox has an account; nothing was written.
    EmailTaken,
}

/// What log-in needs to know of an account.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Whose they are.
    pub public_id: PublicId,
    /// Of their password.
    pub password_hash: PasswordHash,
    /// The operator has shut the user out.
    pub disabled: bool,
}

/// A page of users, in the table's own order.
pub struct Page {
    /// At most as many as asked for; fewer where DynamoDB's limit of 1 MB a page comes first.
    pub users: Vec<Profile>,
    /// Where the next page begins, if there is one.
    pub next: Option<PublicId>,
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
        .build();
    Client::from_conf(config)
}

/// Writes accounts. Needs `dynamodb:PutItem` on both tables.
#[derive(Clone)]
pub struct AccountWriter {
    client: Client,
    users: String,
    credentials: String,
}

impl AccountWriter {
    /// A writer to these tables.
    pub fn new(client: Client, users_table: &str, credentials_table: &str) -> Self {
        Self { client, users: users_table.to_owned(), credentials: credentials_table.to_owned() }
    }

    /// Writes both items of an account, or none. `created_at` is in seconds since 1970.
    ///
    /// The database decides the race for an address. The identifier, new for each sign-up, is the request's token too:
    /// when an answer is lost and the SDK sends the same again, DynamoDB knows it and answers as the first time.
    pub async fn create(&self, user: &NewUser, hash: &PasswordHash, created_at: u64) -> Result<Creation, StoreError> {
        // Two sign-ups for one address may cancel each other, each finding the other under way: the loser of that has not
        // lost the address yet. And when an answer was late, the first of two equal requests may be under way still.
        let mut attempt = 0;
        loop {
            let outcome = self.transact(user, hash, created_at).await;
            let Err(error) = outcome else { return Ok(Creation::Created) };
            match Cancellation::of(&error) {
                Cancellation::EmailTaken => return Ok(Creation::EmailTaken),
                Cancellation::UnderWay if attempt < 4 => {
                    attempt += 1;
                    tokio::time::sleep(pause(user.public_id, attempt)).await;
                }
                Cancellation::UnderWay | Cancellation::Other => return Err(unavailable("TransactWriteItems", error)),
            }
        }
    }

    async fn transact(
        &self,
        user: &NewUser,
        hash: &PasswordHash,
        created_at: u64,
    ) -> Result<(), SdkError<TransactWriteItemsError>> {
        let id = user.public_id.to_string();
        let credentials = Put::builder()
            .table_name(&self.credentials)
            .item("email", text(user.email.as_str()))
            .item("public_id", text(&id))
            .item("password_hash", text(hash.as_str()))
            .condition_expression("attribute_not_exists(email)");
        let profile = Put::builder()
            .table_name(&self.users)
            .item("public_id", text(&id))
            .item("name", text(user.name.as_str()))
            .item("email", text(user.email.as_str()))
            .item("created_at", AttributeValue::N(created_at.to_string()))
            .condition_expression("attribute_not_exists(public_id)");
        let mut request = self.client.transact_write_items().client_request_token(&id);
        // The order tells the reasons of a cancellation apart: credentials first.
        for put in [credentials, profile] {
            let put = put.build().map_err(SdkError::construction_failure)?;
            request = request.transact_items(TransactWriteItem::builder().put(put).build());
        }
        request.send().await.map(drop)
    }
}

/// Why DynamoDB did not carry out a sign-up's transaction.
enum Cancellation {
    EmailTaken,
    UnderWay,
    Other,
}

impl Cancellation {
    fn of(error: &SdkError<TransactWriteItemsError>) -> Self {
        let cancelled = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled,
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => return Self::UnderWay,
            _ => return Self::Other,
        };
        let codes: Vec<&str> = cancelled.cancellation_reasons().iter().filter_map(CancellationReason::code).collect();
        match codes[..] {
            ["ConditionalCheckFailed", _] => Self::EmailTaken,
            _ if codes.contains(&"TransactionConflict") => Self::UnderWay,
            _ => Self::Other,
        }
    }
}

/// 20 to 40 ms, doubled with each attempt. The identifier's random octets keep rivals from meeting again.
fn pause(id: PublicId, attempt: u32) -> Duration {
    let random = id.as_bytes()[attempt as usize % 4];
    Duration::from_millis(20 + u64::from(random) * 20 / 255) * 2_u32.pow(attempt - 1)
}

/// Reads credentials and renews hashes. Needs `dynamodb:GetItem` and `dynamodb:UpdateItem` on Credentials.
#[derive(Clone)]
pub struct CredentialStore {
    client: Client,
    table: String,
}

impl CredentialStore {
    /// A store in this table.
    pub fn new(client: Client, credentials_table: &str) -> Self {
        Self { client, table: credentials_table.to_owned() }
    }

    /// The credentials of a mailbox, or `None` where it has no account.
    pub async fn find(&self, email: &Email) -> Result<Option<Credentials>, StoreError> {
        let answer =
            self.client.get_item().table_name(&self.table).key("email", text(email.as_str())).consistent_read(true);
        let answer = answer.send().await.map_err(|error| unavailable("GetItem", error))?;
        let Some(mut item) = answer.item else { return Ok(None) };
        Ok(Some(Credentials {
            public_id: public_id(&item, "Credentials")?,
            disabled: is_disabled(&item),
            password_hash: PasswordHash::from_stored(take_text(&mut item, "Credentials", "password_hash")?),
        }))
    }

    /// Puts `new` in the place of `old`. Does nothing if the hash is no longer `old`: somebody has changed the password
    /// meanwhile, and that counts.
    pub async fn replace_hash(&self, email: &Email, old: &PasswordHash, new: &PasswordHash) -> Result<(), StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("email", text(email.as_str()))
            .update_expression("SET password_hash = :new")
            .condition_expression("password_hash = :old")
            .expression_attribute_values(":new", text(new.as_str()))
            .expression_attribute_values(":old", text(old.as_str()));
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(unavailable("UpdateItem", error)),
        }
    }
}

/// Reads users. Needs `dynamodb:GetItem` and `dynamodb:Scan` on Users.
#[derive(Clone)]
pub struct UserStore {
    client: Client,
    table: String,
}

impl UserStore {
    /// A store in this table.
    pub fn new(client: Client, users_table: &str) -> Self {
        Self { client, table: users_table.to_owned() }
    }

    /// The record of a user, or `None` where there is no such user.
    pub async fn find(&self, id: PublicId) -> Result<Option<User>, StoreError> {
        let request = self.client.get_item().table_name(&self.table).key("public_id", text(&id.to_string()));
        let answer = request.consistent_read(true).send().await.map_err(|error| unavailable("GetItem", error))?;
        let Some(mut item) = answer.item else { return Ok(None) };
        Ok(Some(User { groups: groups(&item)?, disabled: is_disabled(&item), profile: profile(&mut item)? }))
    }

    /// A page of at most `limit` users, from behind `after` on. Costs the same however many users there are.
    pub async fn page(&self, limit: u16, after: Option<PublicId>) -> Result<Page, StoreError> {
        // One more than asked for tells whether there is a next page: DynamoDB names a last key even at the very end.
        let request = self
            .client
            .scan()
            .table_name(&self.table)
            .consistent_read(true)
            .limit(i32::from(limit) + 1)
            .set_exclusive_start_key(after.map(|id| Item::from([("public_id".to_owned(), text(&id.to_string()))])))
            .projection_expression("public_id, #name, email")
            .expression_attribute_names("#name", "name");
        let answer = request.send().await.map_err(|error| unavailable("Scan", error))?;
        let goes_on = answer.last_evaluated_key.is_some();
        let mut users = answer
            .items
            .unwrap_or_default()
            .into_iter()
            .map(|mut item| profile(&mut item))
            .collect::<Result<Vec<_>, _>>()?;
        let has_more = users.len() > usize::from(limit);
        users.truncate(usize::from(limit));
        // Where DynamoDB's 1 MB ended the page early, it goes on behind the last user that came.
        let next = users.last().filter(|_| has_more || goes_on).map(|last| last.public_id);
        Ok(Page { users, next })
    }
}

fn text(value: &str) -> AttributeValue {
    AttributeValue::S(value.to_owned())
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

fn groups(item: &Item) -> Result<Vec<String>, StoreError> {
    match item.get("groups") {
        None => Ok(Vec::new()),
        Some(AttributeValue::Ss(groups)) => Ok(groups.clone()),
        Some(_) => Err(StoreError::Corrupt { table: "Users", attribute: "groups" }),
    }
}

/// Anything but an absent attribute and `false` shuts the user out: who sets it by hand means it.
fn is_disabled(item: &Item) -> bool {
    !matches!(item.get("disabled"), None | Some(AttributeValue::Bool(false)))
}
