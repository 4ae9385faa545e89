//! Changes of an existing account: new password, end of all sessions, deletion.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, Delete, DeleteRequest, Update, WriteRequest, builders::UpdateBuilder},
};
use tracing::warn;

use super::{
    error::{StoreError, unavailable},
    item::{Item, millis, number, text},
    sessions,
    transaction::{Outcome, Transaction, random_id},
};
use crate::domain::{
    error_chain::causes,
    password::PasswordHash,
    session::{Lifetime, RefreshToken, Session, SessionClient, SessionId},
    time::UnixMillis,
    user::{PublicId, User},
};

/// Most rounds in which the remaining sessions of a deleted user are removed, 25 at a time. DynamoDB removes the rest
/// when they expire.
const MAX_ROUNDS: usize = 40;

/// Most sessions that are removed in the same transaction as their user: DynamoDB allows 100 writes.
const MAX_TOGETHER: usize = 98;

/// An account as it was read. A password change and the end of the other sessions require this version.
#[derive(Debug, Clone)]
pub struct Account {
    public_id: PublicId,
    email: String,
    version: u64,
}

impl From<&User> for Account {
    fn from(user: &User) -> Self {
        Self { public_id: user.profile.public_id, email: user.profile.email.clone(), version: user.version }
    }
}

/// The outcome of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change<T = ()> {
    /// It was written.
    Done(T),
    /// Nothing was written: the account's version or password has changed, or the account was deleted.
    Conflict,
}

/// Changes accounts. Needs `dynamodb:UpdateItem` and `dynamodb:DeleteItem` on all three tables, and on Sessions
/// `dynamodb:PutItem`, `dynamodb:Query` and `dynamodb:BatchWriteItem` too.
#[derive(Clone)]
pub struct AccountStore {
    client: Client,
    users: String,
    credentials: String,
    sessions: String,
}

impl AccountStore {
    /// A store in these tables.
    pub fn new(client: Client, users_table: &str, credentials_table: &str, sessions_table: &str) -> Self {
        Self {
            client,
            users: users_table.to_owned(),
            credentials: credentials_table.to_owned(),
            sessions: sessions_table.to_owned(),
        }
    }

    /// Replaces the password hash `old`, ends every session, and makes every known pair and device unknown. With
    /// `renewed`, a new session starts in the same transaction.
    pub async fn change_password(
        &self,
        account: &Account,
        old: &PasswordHash,
        hash: &PasswordHash,
        renewed: Option<(&RefreshToken, (Lifetime, &SessionClient))>,
        now: UnixMillis,
    ) -> Result<Change<Option<Session>>, StoreError> {
        let credentials = next_version(&self.credentials, ("email", &account.email), account)
            .update_expression("SET #version = :next, password_hash = :hash, password_set_at = :now")
            .condition_expression(format!(
                "public_id = :id AND password_hash = :old AND {}",
                is_version(account.version)
            ))
            .expression_attribute_values(":old", text(old.as_str()))
            .expression_attribute_values(":hash", text(hash.as_str()))
            .expression_attribute_values(":now", millis(now));
        let mut transaction =
            Transaction::default().update(credentials.build())?.update(self.next_version_of_user(account).build())?;
        let mut session = None;
        if let Some((token, life)) = renewed {
            let (started, put) = sessions::start(&self.sessions, token, account.version + 1, life, now);
            session = Some(started);
            transaction = transaction.put(put.build())?;
        }
        self.commit(transaction, session).await
    }

    /// Ends every session, regardless of the current version: concurrent log-outs must not preserve a session that
    /// another one ends.
    pub async fn end_all_sessions(&self, account: &Account) -> Result<Change, StoreError> {
        let incremented = |table: &str, (key, value): (&str, &str)| {
            Update::builder()
                .table_name(table)
                .key(key, text(value))
                .update_expression("ADD #version :one")
                .condition_expression("public_id = :id")
                .expression_attribute_names("#version", "version")
                .expression_attribute_values(":id", text(&account.public_id.to_string()))
                .expression_attribute_values(":one", number(1))
                .build()
        };
        let transaction = Transaction::default()
            .update(incremented(&self.credentials, ("email", &account.email)))?
            .update(incremented(&self.users, ("public_id", &account.public_id.to_string())))?;
        self.commit(transaction, ()).await
    }

    /// Ends every session except `current`, which is carried over to the next version.
    pub async fn end_other_sessions(&self, account: &Account, current: SessionId) -> Result<Change, StoreError> {
        let credentials = next_version(&self.credentials, ("email", &account.email), account);
        let carried_over = Update::builder()
            .table_name(&self.sessions)
            .set_key(Some(sessions::key(account.public_id, current)))
            .update_expression("SET #version = :next")
            .condition_expression("#version = :version")
            .expression_attribute_names("#version", "version")
            .expression_attribute_values(":version", number(account.version))
            .expression_attribute_values(":next", number(account.version + 1));
        let transaction = Transaction::default()
            .update(credentials.build())?
            .update(self.next_version_of_user(account).build())?
            .update(carried_over.build())?;
        self.commit(transaction, ()).await
    }

    /// Deletes user, credentials and sessions if the password hash is still `hash`. The address can then be used again.
    pub async fn delete(&self, account: &Account, hash: &PasswordHash) -> Result<Change, StoreError> {
        let sessions = self.sessions_of(account.public_id, MAX_TOGETHER).await?;
        let credentials = Delete::builder()
            .table_name(&self.credentials)
            .key("email", text(&account.email))
            .condition_expression("public_id = :id AND password_hash = :hash")
            .expression_attribute_values(":id", text(&account.public_id.to_string()))
            .expression_attribute_values(":hash", text(hash.as_str()));
        let user = Delete::builder()
            .table_name(&self.users)
            .key("public_id", text(&account.public_id.to_string()))
            .condition_expression("attribute_exists(public_id)");
        let mut transaction = Transaction::default().delete(credentials.build())?.delete(user.build())?;
        let has_more = sessions.len() == MAX_TOGETHER;
        for session in sessions {
            transaction =
                transaction.delete(Delete::builder().table_name(&self.sessions).set_key(Some(session)).build())?;
        }
        let change = self.commit(transaction, ()).await?;
        if has_more && change == Change::Done(()) {
            // Best effort: without their user they are invalid, and DynamoDB removes them when they expire.
            if let Err(error) = self.remove_sessions(account.public_id).await {
                warn!(cause = causes(&error), "sessions of a deleted user were left to expire");
            }
        }
        Ok(change)
    }

    async fn commit<T>(&self, transaction: Transaction, done: T) -> Result<Change<T>, StoreError> {
        Ok(match transaction.commit(&self.client, random_id()).await? {
            Outcome::Done => Change::Done(done),
            Outcome::ConditionFailed(_) => Change::Conflict,
        })
    }

    fn next_version_of_user(&self, account: &Account) -> UpdateBuilder {
        next_version(&self.users, ("public_id", &account.public_id.to_string()), account)
    }

    /// The keys of at most `limit` of a user's sessions.
    async fn sessions_of(&self, id: PublicId, limit: usize) -> Result<Vec<Item>, StoreError> {
        let request = self
            .client
            .query()
            .table_name(&self.sessions)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX))
            .key_condition_expression("public_id = :id")
            .expression_attribute_values(":id", AttributeValue::S(id.to_string()))
            .projection_expression("public_id, session_id");
        let answer = request.send().await.map_err(|error| unavailable("Query", error))?;
        Ok(answer.items.unwrap_or_default())
    }

    /// Removes all sessions of a user, 25 at a time, the most that DynamoDB allows.
    async fn remove_sessions(&self, id: PublicId) -> Result<(), StoreError> {
        for _ in 0..MAX_ROUNDS {
            let sessions = self.sessions_of(id, 25).await?;
            if sessions.is_empty() {
                return Ok(());
            }
            let mut requests = Vec::new();
            for session in sessions {
                let delete = DeleteRequest::builder().set_key(Some(session)).build();
                let delete = delete.map_err(|error| unavailable("BatchWriteItem", error))?;
                requests.push(WriteRequest::builder().delete_request(delete).build());
            }
            let request = self.client.batch_write_item().request_items(&self.sessions, requests);
            let answer = request.send().await.map_err(|error| unavailable("BatchWriteItem", error))?;
            if answer.unprocessed_items.is_some_and(|left| !left.is_empty()) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
        Ok(())
    }
}

/// The write that increments the version of one item of an account, if it still has the version that was read.
fn next_version(table: &str, (key, value): (&str, &str), account: &Account) -> UpdateBuilder {
    Update::builder()
        .table_name(table)
        .key(key, text(value))
        .update_expression("SET #version = :next")
        .condition_expression(format!("public_id = :id AND {}", is_version(account.version)))
        .expression_attribute_names("#version", "version")
        .expression_attribute_values(":id", text(&account.public_id.to_string()))
        .expression_attribute_values(":version", number(account.version))
        .expression_attribute_values(":next", number(account.version + 1))
}

/// The condition that an item's version is `:version`.
pub(super) fn is_version(version: u64) -> &'static str {
    if version == 0 { "(attribute_not_exists(#version) OR #version = :version)" } else { "#version = :version" }
}
