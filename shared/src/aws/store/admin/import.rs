//! Creating accounts of another system's users.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, Put, builders::PutBuilder};

use super::{AdminError, AdminStore};
use crate::{
    aws::store::{
        StoreError,
        item::{millis, optional_number, seconds, text},
        transaction::{Outcome, Transaction},
    },
    domain::{
        password::PasswordHash,
        time::{UnixMillis, UnixSeconds},
        user::{NewUser, UserClaims},
    },
};

/// A user of another system.
#[derive(Clone)]
pub struct ImportedUser {
    /// Identifier, name and address.
    pub user: NewUser,
    /// A hash that `login` verifies.
    pub password_hash: PasswordHash,
    /// Groups, without duplicates.
    pub groups: Vec<String>,
    /// The user's own claims.
    pub claims: UserClaims,
    /// When the user signed up.
    pub created_at: UnixSeconds,
    /// Whether the address belongs to the user; `None` if the other system does not know.
    pub email_verified: Option<bool>,
    /// Log-ins are rejected.
    pub disabled: bool,
}

/// The outcome of importing a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Import {
    /// Both items were written, or would be.
    Created,
    /// The account of this identifier and address exists; it is left as it is.
    Unchanged,
    /// As `Unchanged`, and one of the earlier runs created it.
    CreatedEarlier,
    /// The address has the account of another user.
    EmailTaken,
    /// The identifier is that of an account with another address.
    IdTaken,
}

impl AdminStore {
    /// Writes both items of an account, or none. An existing account is not changed, whatever its password is now.
    /// `now`, in milliseconds, also identifies the run, and `earlier` has earlier ones.
    ///
    /// Needs `dynamodb:PutItem` on Users and Credentials, and `dynamodb:GetItem` on Credentials.
    pub async fn import(
        &self,
        user: &ImportedUser,
        now: UnixMillis,
        earlier: &BTreeSet<UnixMillis>,
    ) -> Result<Import, AdminError> {
        let parts = [("PutItem", self.tables.credentials.as_str()), ("PutItem", &self.tables.users)];
        let transaction = self.writes(user, now).map_err(|error| AdminError::of_transaction(&parts, &error))?;
        let outcome = transaction.commit_without_token(&self.client).await;
        match outcome.map_err(|error| AdminError::of_transaction(&parts, &error))? {
            Outcome::Done => Ok(Import::Created),
            Outcome::ConditionFailed(0) => {
                self.owner(user, Some(now), earlier).await.map(|owner| owner.unwrap_or(Import::EmailTaken))
            }
            Outcome::ConditionFailed(_) => Ok(Import::IdTaken),
        }
    }

    /// What [`AdminStore::import`] would do, by reads only.
    ///
    /// Needs `dynamodb:GetItem` on Users and Credentials.
    pub async fn check_import(&self, user: &ImportedUser) -> Result<Import, AdminError> {
        if let Some(owner) = self.owner(user, None, &BTreeSet::new()).await? {
            return Ok(owner);
        }
        let id = user.user.public_id.to_string();
        let holder = self.get(&self.tables.users, "public_id", &id).await?;
        Ok(if holder.is_some() { Import::IdTaken } else { Import::Created })
    }

    /// Whether the account of the address is this user's, or `None` if the address has no account.
    ///
    /// An account of the user whose password was set `now` was created by a request whose response was lost.
    async fn owner(
        &self,
        user: &ImportedUser,
        now: Option<UnixMillis>,
        earlier: &BTreeSet<UnixMillis>,
    ) -> Result<Option<Import>, AdminError> {
        let item = self.get(&self.tables.credentials, "email", user.user.email.as_str()).await?;
        let id = text(&user.user.public_id.to_string());
        Ok(item.map(|item| {
            if item.get("public_id") != Some(&id) {
                return Import::EmailTaken;
            }
            let run = optional_number(&item, "Credentials", "password_set_at").ok().map(UnixMillis::new);
            match run {
                Some(run) if Some(run) == now => Import::Created,
                Some(run) if earlier.contains(&run) => Import::CreatedEarlier,
                _ => Import::Unchanged,
            }
        }))
    }

    fn writes(&self, user: &ImportedUser, now: UnixMillis) -> Result<Transaction, StoreError> {
        let both = |put: PutBuilder| {
            let mut put = put
                .item("public_id", text(&user.user.public_id.to_string()))
                .item("email", text(user.user.email.as_str()));
            if user.disabled {
                put = put.item("disabled", AttributeValue::Bool(true));
            }
            if let Some(is_verified) = user.email_verified {
                put = put.item("email_verified", AttributeValue::Bool(is_verified));
            }
            put
        };
        let credentials = both(Put::builder().table_name(&self.tables.credentials))
            .item("password_hash", text(user.password_hash.as_str()))
            .item("password_set_at", millis(now))
            .condition_expression("attribute_not_exists(email)");
        let mut profile = both(Put::builder().table_name(&self.tables.users))
            .item("name", text(user.user.name.as_str()))
            .item("created_at", seconds(user.created_at))
            .condition_expression("attribute_not_exists(public_id)");
        if !user.groups.is_empty() {
            profile = profile.item("groups", AttributeValue::Ss(user.groups.clone()));
        }
        if !user.claims.is_empty() {
            profile = profile.item("claims", text(&user.claims.to_json()));
        }
        Transaction::default().put(credentials.build())?.put(profile.build())
    }
}
