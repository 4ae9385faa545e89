//! Sessions.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::update_item::UpdateItemError,
    types::{AttributeValue, Put, ReturnValue, ReturnValuesOnConditionCheckFailure},
};

use super::{Item, StoreError, callers::read_session, get_number, number, octets, text, unavailable};
use crate::{
    session::{GRACE, Lifetime, RefreshToken, Salt, Session, SessionId, TokenHash},
    user::PublicId,
};

const TABLE: &str = "Sessions";

/// What became of an attempt to exchange a refresh token.
pub enum Rotation {
    /// The successor has taken its place.
    Done(Session),
    /// It was exchanged moments ago. The successor of that time is derived with this salt.
    Repeated(Session, Salt),
    /// There is no such session, or it has ended.
    Gone,
    /// An earlier token than the one before the present one, and the present one is moments old: a straggler, perhaps.
    Stale,
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
        request.send().await.map_err(|error| unavailable("PutItem", error))?;
        Ok(session)
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
                "SET previous_hash = token_hash, token_hash = :next, salt = :salt, rotated_at = :millis, expires_at = :idle",
            )
            .condition_expression("token_hash = :presented AND expires_at > :now AND ends_at > :now")
            .expression_attribute_values(":presented", octets(presented.hash().as_bytes()))
            .expression_attribute_values(":next", octets(successor.hash().as_bytes()))
            .expression_attribute_values(":salt", octets(salt.as_bytes()))
            .expression_attribute_values(":millis", number(millis(now)))
            .expression_attribute_values(":now", number(seconds))
            .expression_attribute_values(":idle", number(seconds + life.idle.as_secs()))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match request.send().await {
            Ok(answer) => Ok(Rotation::Done(read_session(&answer.attributes.unwrap_or_default())?)),
            Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
                match error.into_err() {
                    UpdateItemError::ConditionalCheckFailedException(failed) => refused(failed.item, presented, now),
                    other => Err(unavailable("UpdateItem", other)),
                }
            }
            Err(error) => Err(unavailable("UpdateItem", error)),
        }
    }

    /// Whether a token is its session's present one, or the one before it.
    pub async fn knows(&self, token: &RefreshToken) -> Result<bool, StoreError> {
        let request = self.client.get_item().table_name(&self.table);
        let request = request.set_key(Some(key(token.user(), token.session()))).consistent_read(true);
        let answer = request.send().await.map_err(|error| unavailable("GetItem", error))?;
        let is = |item: &Item, attribute| is_hash(item, attribute, token.hash());
        Ok(answer.item.is_some_and(|item| is(&item, "token_hash") || is(&item, "previous_hash")))
    }

    /// Ends a session. One that is not there has ended already.
    pub async fn end(&self, user: PublicId, session: SessionId) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&self.table).set_key(Some(key(user, session)));
        request.send().await.map(drop).map_err(|error| unavailable("DeleteItem", error))
    }
}

/// Why a token was not exchanged, by the session as it is.
fn refused(item: Option<Item>, presented: &RefreshToken, now: SystemTime) -> Result<Rotation, StoreError> {
    let Some(item) = item else { return Ok(Rotation::Gone) };
    let session = read_session(&item)?;
    // The present token fails on the times alone.
    if session.remaining(millis(now) / 1000) == 0 || is_hash(&item, "token_hash", presented.hash()) {
        return Ok(Rotation::Gone);
    }
    let Some(AttributeValue::B(salt)) = item.get("salt") else { return Ok(Rotation::Replayed) };
    let rotated_at = get_number(&item, TABLE, "rotated_at")?;
    let is_recent = u128::from(millis(now).saturating_sub(rotated_at)) <= GRACE.as_millis();
    let is_previous = is_hash(&item, "previous_hash", presented.hash());
    Ok(match (is_recent, is_previous) {
        (true, true) => {
            let salt = Salt::from_stored(salt.as_ref());
            Rotation::Repeated(session, salt.ok_or(StoreError::Corrupt { table: TABLE, attribute: "salt" })?)
        }
        (true, false) => Rotation::Stale,
        (false, _) => Rotation::Replayed,
    })
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
    let session = Session { version, expires_at: ends_at.min(seconds + life.idle.as_secs()), ends_at };
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
