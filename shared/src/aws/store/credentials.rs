//! The Credentials table.

use aws_sdk_dynamodb::Client;

use super::{
    conditional,
    error::{StoreError, unavailable},
    item::{is_disabled, optional_number, public_id, take_text, text, version},
};
use crate::domain::{
    password::PasswordHash,
    time::UnixMillis,
    user::{Email, PublicId},
};

/// The part of an account that a log-in needs.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user.
    pub public_id: PublicId,
    /// Hash of the password; an empty text, which nothing matches, if the attribute is absent or not a text.
    pub password_hash: PasswordHash,
    /// When the user chose the password; 0 for accounts from before this attribute existed.
    pub password_set_at: UnixMillis,
    /// Disabled by the operator.
    pub disabled: bool,
    /// How often the sessions were ended together.
    pub version: u64,
    /// How many sessions the user had when they were last counted; 0 if they never were, or if this is not a number.
    pub sessions: u64,
}

/// Reads credentials and replaces hashes. Needs `dynamodb:GetItem` and `dynamodb:UpdateItem` on Credentials.
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

    /// The credentials for an address, or `None` if it has no account.
    pub async fn find(&self, email: &Email) -> Result<Option<Credentials>, StoreError> {
        let answer =
            self.client.get_item().table_name(&self.table).key("email", text(email.as_str())).consistent_read(true);
        let answer = answer.send().await.map_err(|error| unavailable("GetItem", error))?;
        let Some(mut item) = answer.item else { return Ok(None) };
        Ok(Some(Credentials {
            public_id: public_id(&item, "Credentials")?,
            disabled: is_disabled(&item),
            version: version(&item, "Credentials")?,
            sessions: optional_number(&item, "Credentials", "sessions").unwrap_or_default(),
            password_set_at: UnixMillis::new(optional_number(&item, "Credentials", "password_set_at")?),
            // An error would show that the account exists. No log-in succeeds either way.
            password_hash: PasswordHash::from_stored(
                take_text(&mut item, "Credentials", "password_hash").unwrap_or_default(),
            ),
        }))
    }

    /// Replaces the hash `old` by `new`. Has no effect if the stored hash is no longer `old`: the password has been
    /// changed in the meantime.
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
        conditional::update(request).await.map(drop)
    }
}
