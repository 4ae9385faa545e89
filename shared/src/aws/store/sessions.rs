//! The Sessions table.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    operation::put_item::PutItemError,
    types::{AttributeValue, Put, ReturnValue},
};

use super::{
    callers::read_session,
    conditional::{self, Update},
    error::{StoreError, unavailable},
    item::{self, Item, bytes, get_number, number, text},
};
use crate::domain::{
    session::{Lifetime, RefreshToken, Salt, Session, SessionClient, SessionId, TokenHash},
    time::UnixMillis,
    user::PublicId,
};

const TABLE: &str = "Sessions";

/// The state of a refresh token in its session.
pub enum TokenState {
    /// The current token. If it was to be rotated, its successor has replaced it.
    Current(Session),
    /// It was rotated within the grace period. Applying these salts in order derives the current token.
    Previous(Session, Vec<Salt>),
    /// There is no such session, or it has expired.
    NotFound,
    /// It was rotated longer ago than the grace period: the token is known to more than one client.
    Replayed,
}

/// Starts, refreshes and ends sessions. Needs `dynamodb:PutItem`, `dynamodb:UpdateItem`, `dynamodb:DeleteItem` and
/// `dynamodb:GetItem` on Sessions.
#[derive(Clone)]
pub struct SessionStore {
    client: Client,
    table: String,
    grace: Duration,
}

impl SessionStore {
    /// A store in this table. Each of the last two refresh tokens stays valid for `grace` after its rotation: for
    /// clients that refresh at once, or a lost response.
    pub fn new(client: Client, sessions_table: &str, grace: Duration) -> Self {
        Self { client, table: sessions_table.to_owned(), grace }
    }

    /// Starts the session of a new token.
    pub async fn start(
        &self,
        token: &RefreshToken,
        version: u64,
        (life, client): (Lifetime, &SessionClient),
        now: UnixMillis,
    ) -> Result<Session, StoreError> {
        let (session, item) = new_item(token, version, (life, client), now);
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
    ) -> Result<TokenState, StoreError> {
        let seconds = now.seconds();
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(presented.user(), presented.session())))
            .update_expression(
                "SET older_hash = if_not_exists(previous_hash, :none), older_salt = if_not_exists(salt, :none), \
                 older_at = if_not_exists(rotated_at, :never), previous_hash = token_hash, token_hash = :next, \
                 salt = :salt, rotated_at = :millis, expires_at = :idle, used_at = :now",
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
            Update::Written(item) => Ok(TokenState::Current(read_session(&item)?)),
            Update::ConditionFailed(item) => self.not_current(Some(item), presented, now),
        }
    }

    /// Extends the idle lifetime of a session without rotating its token. Only the current token extends it.
    pub async fn extend(
        &self,
        token: &RefreshToken,
        life: Lifetime,
        now: UnixMillis,
    ) -> Result<TokenState, StoreError> {
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(token.user(), token.session())))
            .update_expression("SET expires_at = :idle, used_at = :now")
            .condition_expression("token_hash = :presented AND expires_at > :now AND ends_at > :now")
            .expression_attribute_values(":presented", bytes(token.hash().as_bytes()))
            .expression_attribute_values(":now", item::seconds(now.seconds()))
            .expression_attribute_values(":idle", item::seconds(now.seconds() + life.idle));
        match conditional::update(request).await? {
            Update::Written(item) => Ok(TokenState::Current(read_session(&item)?)),
            Update::ConditionFailed(item) => self.not_current(Some(item), token, now),
        }
    }

    /// What a token is to its session. Writes nothing.
    pub async fn inspect(&self, token: &RefreshToken, now: UnixMillis) -> Result<TokenState, StoreError> {
        let request = self.client.get_item().table_name(&self.table);
        let request = request.set_key(Some(key(token.user(), token.session()))).consistent_read(true);
        let answer = request.send().await.map_err(|error| unavailable("GetItem", error))?;
        match answer.item {
            Some(item) if is_current(&item, token, now)? => Ok(TokenState::Current(read_session(&item)?)),
            item => self.not_current(item, token, now),
        }
    }

    /// Ends a session, and returns whether it existed. A retry after a lost response returns false.
    pub async fn end(&self, user: PublicId, session: SessionId) -> Result<bool, StoreError> {
        let request = self.client.delete_item().table_name(&self.table).set_key(Some(key(user, session)));
        let answer = request.return_values(ReturnValue::AllOld).send().await;
        Ok(answer.map_err(|error| unavailable("DeleteItem", error))?.attributes.is_some_and(|item| !item.is_empty()))
    }

    /// What a token that is not the current one is to the stored session.
    fn not_current(
        &self,
        item: Option<Item>,
        presented: &RefreshToken,
        now: UnixMillis,
    ) -> Result<TokenState, StoreError> {
        let Some(item) = item.filter(|item| !item.is_empty()) else { return Ok(TokenState::NotFound) };
        let session = read_session(&item)?;
        // The current token fails only if the session has expired.
        if session.remaining(now.seconds()).is_zero() || is_hash(&item, "token_hash", presented.hash()) {
            return Ok(TokenState::NotFound);
        }
        // For each previous token: when it was rotated, and the salt of its successor.
        let rotations = [("previous_hash", "rotated_at", "salt"), ("older_hash", "older_at", "older_salt")];
        let mut salts = Vec::new();
        for (hash, at, salt) in rotations {
            let Some(AttributeValue::B(salt_bytes)) = item.get(salt) else { break };
            let Some(salt) = Salt::from_stored(salt_bytes.as_ref()) else { break };
            salts.insert(0, salt);
            if is_hash(&item, hash, presented.hash()) {
                let is_recent = now.since(UnixMillis::new(get_number(&item, TABLE, at)?)) <= self.grace;
                return Ok(if is_recent { TokenState::Previous(session, salts) } else { TokenState::Replayed });
            }
        }
        Ok(TokenState::Replayed)
    }
}

fn is_current(item: &Item, token: &RefreshToken, now: UnixMillis) -> Result<bool, StoreError> {
    let is_active = !read_session(item)?.remaining(now.seconds()).is_zero();
    Ok(is_active && is_hash(item, "token_hash", token.hash()))
}

/// The write that starts a session as part of a transaction.
pub(super) fn start(
    table: &str,
    token: &RefreshToken,
    version: u64,
    started_by: (Lifetime, &SessionClient),
    now: UnixMillis,
) -> (Session, aws_sdk_dynamodb::types::builders::PutBuilder) {
    let (session, item) = new_item(token, version, started_by, now);
    (session, Put::builder().table_name(table).set_item(Some(item)))
}

fn new_item(
    token: &RefreshToken,
    version: u64,
    (life, client): (Lifetime, &SessionClient),
    now: UnixMillis,
) -> (Session, Item) {
    let started = now.seconds();
    let ends_at = started + life.max;
    let expires_at = ends_at.min(started + life.idle);
    let session = Session { version, expires_at, ends_at, created_at: Some(started) };
    let mut item = key(token.user(), token.session());
    item.extend([
        ("token_hash".to_owned(), bytes(token.hash().as_bytes())),
        ("version".to_owned(), number(version)),
        ("expires_at".to_owned(), item::seconds(expires_at)),
        ("ends_at".to_owned(), item::seconds(ends_at)),
        ("created_at".to_owned(), item::seconds(started)),
        ("used_at".to_owned(), item::seconds(started)),
    ]);
    let client = [("network", &client.network), ("agent", &client.agent)];
    item.extend(client.into_iter().filter_map(|(name, value)| Some((name.to_owned(), text(value.as_deref()?)))));
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
