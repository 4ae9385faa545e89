//! The Sessions table.

use aws_sdk_dynamodb::{
    Client,
    operation::put_item::PutItemError,
    types::{AttributeValue, Put},
};

use super::{
    callers::read_session,
    conditional::{self, Update},
    error::{StoreError, unavailable},
    item::{self, Item, bytes, get_number, number, text},
};
use crate::domain::{
    session::{GRACE, Lifetime, RefreshToken, Salt, Session, SessionId, TokenHash},
    time::{UnixMillis, UnixSeconds},
    user::PublicId,
};

const TABLE: &str = "Sessions";

/// The outcome of rotating a refresh token.
pub enum Rotation {
    /// The successor replaced it.
    Rotated(Session),
    /// It was rotated within [`GRACE`]. Applying these salts in order derives the current token.
    Repeated(Session, Vec<Salt>),
    /// There is no such session, or it has expired.
    NotFound,
    /// It was rotated longer ago than [`GRACE`]: the token is known to more than one client.
    Replayed,
}

/// Starts, refreshes and ends sessions. Needs `dynamodb:PutItem`, `dynamodb:UpdateItem`, `dynamodb:DeleteItem` and
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

    /// Starts the session of a new token.
    pub async fn start(
        &self,
        token: &RefreshToken,
        version: u64,
        life: Lifetime,
        now: UnixMillis,
    ) -> Result<Session, StoreError> {
        let (session, item) = new_item(token, version, life, now);
        let request = self.client.put_item().table_name(&self.table).set_item(Some(item));
        // A delayed first attempt that arrives after a retry must not overwrite later changes.
        match request.condition_expression("attribute_not_exists(session_id)").send().await {
            Ok(_) => Ok(session),
            Err(error) if error.as_service_error().is_some_and(PutItemError::is_conditional_check_failed_exception) => {
                Ok(session)
            }
            Err(error) => Err(unavailable("PutItem", error)),
        }
    }

    /// Replaces `presented` by `successor`, which was derived with `salt`, in one write.
    pub async fn rotate(
        &self,
        presented: &RefreshToken,
        successor: &RefreshToken,
        salt: &Salt,
        life: Lifetime,
        now: UnixMillis,
    ) -> Result<Rotation, StoreError> {
        let seconds = now.seconds();
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
            .expression_attribute_values(":presented", bytes(presented.hash().as_bytes()))
            .expression_attribute_values(":next", bytes(successor.hash().as_bytes()))
            .expression_attribute_values(":salt", bytes(salt.as_bytes()))
            .expression_attribute_values(":none", bytes(&[0]))
            .expression_attribute_values(":never", number(0))
            .expression_attribute_values(":millis", item::millis(now))
            .expression_attribute_values(":now", item::seconds(seconds))
            .expression_attribute_values(":idle", item::seconds(seconds + life.idle));
        match conditional::update(request).await? {
            Update::Written(item) => Ok(Rotation::Rotated(read_session(&item)?)),
            Update::ConditionFailed(item) => not_rotated(Some(item), presented, now),
        }
    }

    /// The outcome that a rotation would have, without rotating. [`Rotation::Rotated`]: the token is the current one.
    pub async fn inspect(&self, token: &RefreshToken, now: UnixMillis) -> Result<Rotation, StoreError> {
        let request = self.client.get_item().table_name(&self.table);
        let request = request.set_key(Some(key(token.user(), token.session()))).consistent_read(true);
        let answer = request.send().await.map_err(|error| unavailable("GetItem", error))?;
        match answer.item {
            Some(item) if is_current(&item, token, now)? => Ok(Rotation::Rotated(read_session(&item)?)),
            item => not_rotated(item, token, now),
        }
    }

    /// Ends a session. Has no effect if the session does not exist.
    pub async fn end(&self, user: PublicId, session: SessionId) -> Result<(), StoreError> {
        let request = self.client.delete_item().table_name(&self.table).set_key(Some(key(user, session)));
        request.send().await.map(drop).map_err(|error| unavailable("DeleteItem", error))
    }
}

fn is_current(item: &Item, token: &RefreshToken, now: UnixMillis) -> Result<bool, StoreError> {
    let is_active = !read_session(item)?.remaining(now.seconds()).is_zero();
    Ok(is_active && is_hash(item, "token_hash", token.hash()))
}

/// Why a token was not rotated, given the stored session.
fn not_rotated(item: Option<Item>, presented: &RefreshToken, now: UnixMillis) -> Result<Rotation, StoreError> {
    let Some(item) = item.filter(|item| !item.is_empty()) else { return Ok(Rotation::NotFound) };
    let session = read_session(&item)?;
    // The current token fails only if the session has expired.
    if session.remaining(now.seconds()).is_zero() || is_hash(&item, "token_hash", presented.hash()) {
        return Ok(Rotation::NotFound);
    }
    // For each previous token: when it was rotated, and the salt of its successor.
    let rotations = [("previous_hash", "rotated_at", "salt"), ("older_hash", "older_at", "older_salt")];
    let mut salts = Vec::new();
    for (hash, at, salt) in rotations {
        let Some(AttributeValue::B(salt_bytes)) = item.get(salt) else { break };
        let Some(salt) = Salt::from_stored(salt_bytes.as_ref()) else { break };
        salts.insert(0, salt);
        if is_hash(&item, hash, presented.hash()) {
            let is_recent = now.since(UnixMillis::new(get_number(&item, TABLE, at)?)) <= GRACE;
            return Ok(if is_recent { Rotation::Repeated(session, salts) } else { Rotation::Replayed });
        }
    }
    Ok(Rotation::Replayed)
}

/// The write that starts a session as part of a transaction.
pub(super) fn start(
    table: &str,
    token: &RefreshToken,
    version: u64,
    life: Lifetime,
    now: UnixMillis,
) -> (Session, aws_sdk_dynamodb::types::builders::PutBuilder) {
    let (session, item) = new_item(token, version, life, now);
    (session, Put::builder().table_name(table).set_item(Some(item)))
}

fn new_item(token: &RefreshToken, version: u64, life: Lifetime, now: UnixMillis) -> (Session, Item) {
    let started = now.seconds();
    let ends_at = started + life.max;
    let expires_at = ends_at.min(started + life.idle);
    let session = Session { version, expires_at, ends_at, others_ended_at: UnixSeconds::default() };
    let mut item = key(token.user(), token.session());
    item.extend([
        ("token_hash".to_owned(), bytes(token.hash().as_bytes())),
        ("version".to_owned(), number(version)),
        ("expires_at".to_owned(), item::seconds(expires_at)),
        ("ends_at".to_owned(), item::seconds(ends_at)),
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
