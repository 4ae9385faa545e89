//! Password hashes.

use aws_sdk_dynamodb::{Client, operation::update_item::UpdateItemError};

use super::{StoreError, is_disabled, public_id, take_text, text, unavailable, version};
use crate::domain::{
    password::PasswordHash,
    user::{PublicId, email::Email},
};

/// What log-in needs to know of an account.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Whose they are.
    pub public_id: PublicId,
    /// Of their password.
    pub password_hash: PasswordHash,
    /// The operator has shut the user out.
    pub disabled: bool,
    /// How often the sessions were ended together.
    pub version: u64,
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
            version: version(&item, "Credentials")?,
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
