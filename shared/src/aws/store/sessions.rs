//! Sessions.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::{put_item::PutItemError, update_item::UpdateItemError},
    types::{AttributeValue, Put, ReturnValue, ReturnValuesOnConditionCheckFailure},
};

use super::{Item, StoreError, callers::read_session, get_number, number, octets, text, unavailable};
use crate::domain::{
    session::{GRACE, Lifetime, RefreshToken, Salt, Session, SessionId, TokenHash},
    user::PublicId,
};

const TABLE: &str = "Sessions";

/// What became of an attempt to exchange a refresh token.
pub enum Rotation {
    /// The successor has taken its place.
    Rotated(Session),
    /// It was exchanged moments ago. With these salts, one after the other, the token that is the present one by now is derived.
    Repeated(Session, Vec<Salt>),
    /// There is no such session, or it has ended.
    NotFound,
    /// It was exchanged longer ago than [`GRACE`]: somebody else has it, or had it first.
    Replayed,
}

/// Begins, renews and ends sessions. Needs `dynamodb:PutItem`, `dynamodb:UpdateItem`, `dynamodb:DeleteItem` and
/// `dynamodb:GetItem` on Sessions.
#[derive(Clone)]
pub struct SessionStore {
    client: Client,
    table: String,
}

impl SessionStore {
    /// A store in this table.
    pub fn new(client: Client, sessions_table: &str) -> Self {
        Self { client, table: sessions_table.to_owned() }
    }

    /// Begins the session of a new token.
    pub async fn begin(
        &self,
        token: &RefreshToken,
        version: u64,
        life: Lifetime,
        now: SystemTime,
    ) -> Result<Session, StoreError> {
        let (session, item) = new_item(token, version, life, now);
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        // A first attempt that arrives after a second one must not bring back what has changed since.
        match request.condition_expression("attribute_not_exists(session_id)").send().await {
            Ok(_) => Ok(session),
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(session)
            }
            Err(error) => Err(unavailable("PutItem", error)),
        }
    }

    /// Puts `successor` in the place of `presented`, in one write. `salt` is what `successor` was derived with.
    pub async fn rotate(
        &self,
        presented: &RefreshToken,
        successor: &RefreshToken,
        salt: &Salt,
        life: Lifetime,
        now: SystemTime,
    ) -> Result<Rotation, StoreError> {
        let seconds = millis(now) / 1000;
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(presented.user(), presented.session())))
            .update_expression(
                "SET older_hash = if_not_exists(previous_hash, :none), older_salt = if_not_exists(salt, :none), \
                 older_at = if_not_exists(rotated_at, :never), previous_hash = token_hash, token_hash = :next, \
                 salt = :salt, rotated_at = :millis, expires_at = :idle",
            )
            .condition_expression("token_hash = :presented AND expires_at > :now AND ends_at > :now")
            .expression_attribute_values(":presented", octets(presented.hash().as_bytes()))
            .expression_attribute_values(":next", octets(successor.hash().as_bytes()))
            .expression_attribute_values(":salt", octets(salt.as_bytes()))
            .expression_attribute_values(":none", octets(&[0]))
            .expression_attribute_values(":never", number(0))
            .expression_attribute_values(":millis", number(millis(now)))
            .expression_attribute_values(":now", number(seconds))
            .expression_attribute_values(":idle", number(seconds + life.idle.as_secs()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(answer) => Ok(Rotation::Rotated(read_session(&answer.attributes.unwrap_or_default())?)),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
                match error.into_err() {
                    UpdateItemError::ConditionalCheckFailedException(failed) => refused(failed.item, presented, now),
                    other => Err(unavailable("UpdateItem", other)),
                }
            }
            Err(error) => Err(unavailable("UpdateItem", error)),
        }
    }

    /// What an attempt to exchange a token would come to, without the attempt. [`Rotation::Rotated`]: it is the present one.
    pub async fn look(&self, token: &RefreshToken, now: SystemTime) -> Result<Rotation, StoreError> {
        let request = self.client.get_item().table_name(&self.table);
        let request = request.set_key(Some(key(token.user(), token.session()))).consistent_read(true);
        let answer = request.send().await.map_err(|error| unavailable("GetItem", error))?;
        match answer.item {
            Some(item) if is_present(&item, token, now)? => Ok(Rotation::Rotated(read_session(&item)?)),
            item => refused(item, token, now),
        }
    }

    /// Ends a session. One that is not there has ended already.
    pub async fn end(&self, user: PublicId, session: SessionId) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&self.table).set_key(Some(key(user, session)));
        request.send().await.map(drop).map_err(|error| unavailable("DeleteItem", error))
    }
}

fn is_present(item: &Item, token: &RefreshToken, now: SystemTime) -> Result<bool, StoreError> {
    let is_living = read_session(item)?.remaining(millis(now) / 1000) > 0;
    Ok(is_living && is_hash(item, "token_hash", token.hash()))
}

/// Why a token was not exchanged, by the session as it is.
fn refused(item: Option<Item>, presented: &RefreshToken, now: SystemTime) -> Result<Rotation, StoreError> {
    let Some(item) = item else { return Ok(Rotation::NotFound) };
    let session = read_session(&item)?;
    // The present token fails on the times alone.
    if session.remaining(millis(now) / 1000) == 0 || is_hash(&item, "token_hash", presented.hash()) {
        return Ok(Rotation::NotFound);
    }
    // From when on a token was no longer the present one, and what led from it to the next.
    let exchanges = [("previous_hash", "rotated_at", "salt"), ("older_hash", "older_at", "older_salt")];
    let mut salts = Vec::new();
    for (hash, at, salt) in exchanges {
        let Some(AttributeValue::B(octets)) = item.get(salt) else { break };
        let Some(salt) = Salt::from_stored(octets.as_ref()) else { break };
        salts.insert(0, salt);
        if is_hash(&item, hash, presented.hash()) {
            let age = millis(now).saturating_sub(get_number(&item, TABLE, at)?);
            let is_recent = u128::from(age) <= GRACE.as_millis();
            return Ok(if is_recent { Rotation::Repeated(session, salts) } else { Rotation::Replayed });
        }
    }
    Ok(Rotation::Replayed)
}

/// The write that begins a session as part of a transaction.
pub(super) fn begin(
    table: &str,
    token: &RefreshToken,
    version: u64,
    life: Lifetime,
    now: SystemTime,
) -> (Session, aws_sdk_dynamodb::types::builders::PutBuilder) {
    let (session, item) = new_item(token, version, life, now);
    (session, Put::builder().table_name(table).set_item(Some(item)))
}

fn new_item(token: &RefreshToken, version: u64, life: Lifetime, now: SystemTime) -> (Session, Item) {
    let seconds = millis(now) / 1000;
    let ends_at = seconds + life.max.as_secs();
    let expires_at = ends_at.min(seconds + life.idle.as_secs());
    let session = Session { version, expires_at, ends_at, others_ended_at: 0 };
    let mut item = key(token.user(), token.session());
    item.extend([
        ("token_hash".to_owned(), octets(token.hash().as_bytes())),
        ("version".to_owned(), number(version)),
        ("expires_at".to_owned(), number(session.expires_at)),
        ("ends_at".to_owned(), number(ends_at)),
    ]);
    (session, item)
}

pub(super) fn key(user: PublicId, session: SessionId) -> Item {
    Item::from([
        ("public_id".to_owned(), text(&user.to_string())),
        ("session_id".to_owned(), text(&session.to_string())),
    ])
}

fn is_hash(item: &Item, attribute: &str, hash: TokenHash) -> bool {
    matches!(item.get(attribute), Some(AttributeValue::B(stored)) if stored.as_ref() == hash.as_bytes())
}

fn millis(time: SystemTime) -> u64 {
    let millis = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    u64::try_from(millis).unwrap_or(u64::MAX)
}
