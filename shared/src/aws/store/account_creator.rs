//! Creating accounts.

use aws_sdk_dynamodb::{Client, types::Put};
use uuid::Uuid;

use super::{
    error::StoreError,
    item::{millis, seconds, text},
    transaction::{Outcome, Transaction},
};
use crate::domain::{password::PasswordHash, time::UnixMillis, user::NewUser};

/// The outcome of creating an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Creation {
    /// Both items were written.
    Created,
    /// The address has an account; nothing was written.
    EmailTaken,
}

/// Creates accounts. Needs `dynamodb:PutItem` on Users and Credentials.
#[derive(Clone)]
pub struct AccountCreator {
    client: Client,
    users: String,
    credentials: String,
}

impl AccountCreator {
    /// A creator in these tables.
    pub fn new(client: Client, users_table: &str, credentials_table: &str) -> Self {
        Self { client, users: users_table.to_owned(), credentials: credentials_table.to_owned() }
    }

    /// Writes both items of an account, or none.
    ///
    /// The database decides between concurrent sign-ups with one address. The user's identifier, new for each
    /// sign-up, also serves as the request token.
    pub async fn create(
        &self,
        user: &NewUser,
        hash: &PasswordHash,
        created_at: UnixMillis,
    ) -> Result<Creation, StoreError> {
        let id = user.public_id.to_string();
        let credentials = Put::builder()
            .table_name(&self.credentials)
            .item("email", text(user.email.as_str()))
            .item("public_id", text(&id))
            .item("password_hash", text(hash.as_str()))
            .item("password_set_at", millis(created_at))
            .condition_expression("attribute_not_exists(email)");
        let profile = Put::builder()
            .table_name(&self.users)
            .item("public_id", text(&id))
            .item("name", text(user.name.as_str()))
            .item("email", text(user.email.as_str()))
            .item("created_at", seconds(created_at.seconds()))
            .condition_expression("attribute_not_exists(public_id)");
        let transaction = Transaction::default().put(credentials.build())?.put(profile.build())?;
        match transaction.commit(&self.client, Uuid::from_bytes(*user.public_id.as_bytes())).await? {
            Outcome::Done => Ok(Creation::Created),
            Outcome::ConditionFailed(0) => Ok(Creation::EmailTaken),
            // A collision of 122 random bits.
            Outcome::ConditionFailed(_) => Err(StoreError::Corrupt { table: "Users", attribute: "public_id" }),
        }
    }
}
