//! Finding a user by address or identifier, and whether the two items of the account belong together.

use super::{AdminError, AdminStore, CredentialsRecord, UserRecord};
use crate::domain::user::{Email, PublicId};

/// How an operator names a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserName {
    /// By address.
    Email(Email),
    /// By `public_id`.
    Id(PublicId),
}

/// The items of an account. At least one exists.
#[derive(Clone)]
pub struct Account {
    /// The item in Users.
    pub user: Option<UserRecord>,
    /// The item in Credentials.
    pub credentials: Option<CredentialsRecord>,
}

/// An account whose two items name each other. Every change requires one.
#[derive(Clone)]
pub struct CompleteAccount {
    /// The identifier in both items.
    pub public_id: PublicId,
    /// The address in both items.
    pub email: String,
    /// The item in Users.
    pub user: UserRecord,
    /// The item in Credentials.
    pub credentials: CredentialsRecord,
}

impl AdminStore {
    /// The account of a user. Needs `dynamodb:GetItem` on Users and Credentials.
    ///
    /// The two reads are not a snapshot, so a contradiction is read once more before it is reported.
    pub async fn find(&self, name: &UserName) -> Result<Option<Account>, AdminError> {
        let account = self.read(name).await?;
        match &account {
            Some(found) if !found.problems().is_empty() => self.read(name).await,
            _ => Ok(account),
        }
    }

    async fn read(&self, name: &UserName) -> Result<Option<Account>, AdminError> {
        let (user, credentials) = match name {
            UserName::Email(email) => {
                let Some(credentials) = self.credentials_item(email.as_str()).await? else { return Ok(None) };
                let user = match credentials.public_id {
                    Some(id) => self.user_item(id).await?,
                    None => None,
                };
                (user, Some(credentials))
            }
            UserName::Id(id) => {
                let Some(user) = self.user_item(*id).await? else { return Ok(None) };
                let credentials = match &user.email {
                    Some(email) if !email.is_empty() => self.credentials_item(email).await?,
                    _ => None,
                };
                (Some(user), credentials)
            }
        };
        Ok(Some(Account { user, credentials }))
    }

    async fn user_item(&self, id: PublicId) -> Result<Option<UserRecord>, AdminError> {
        let item = self.get(&self.tables.users, "public_id", &id.to_string()).await?;
        Ok(item.map(UserRecord::read))
    }

    async fn credentials_item(&self, email: &str) -> Result<Option<CredentialsRecord>, AdminError> {
        let item = self.get(&self.tables.credentials, "email", email).await?;
        Ok(item.map(CredentialsRecord::read))
    }
}

impl Account {
    /// The account with both items, or why they do not belong together.
    pub fn complete(&self) -> Result<CompleteAccount, String> {
        let (public_id, user, credentials) = self.items()?;
        let (user, credentials) = (user.clone(), credentials.clone());
        Ok(CompleteAccount { public_id, email: credentials.email.clone(), user, credentials })
    }

    /// The identifier in both items, and the items.
    fn items(&self) -> Result<(PublicId, &UserRecord, &CredentialsRecord), String> {
        match (&self.user, &self.credentials) {
            (Some(user), Some(credentials)) => {
                let names_user = credentials.public_id.is_some_and(|id| id.to_string() == user.public_id);
                let names_credentials = user.email.as_deref() == Some(&credentials.email);
                match credentials.public_id {
                    Some(public_id) if names_user && names_credentials => Ok((public_id, user, credentials)),
                    Some(id) if !names_user => Err(format!(
                        "the user {} has the address {}, but the credentials of that address belong to {id}",
                        user.public_id, credentials.email
                    )),
                    Some(id) => Err(format!(
                        "the credentials of {} belong to {id}, but that user has {}",
                        credentials.email,
                        user.email.as_ref().map_or_else(|| "no address".to_owned(), |email| format!("address {email}"))
                    )),
                    None => Err(format!("the credentials of {} name no user", credentials.email)),
                }
            }
            (Some(user), None) => Err(match &user.email {
                Some(email) => format!("the user {} has the address {email}, which has no credentials", user.public_id),
                None => format!("the user {} has no address", user.public_id),
            }),
            (None, Some(credentials)) => Err(match credentials.public_id {
                Some(id) => format!("the credentials of {} belong to {id}, which does not exist", credentials.email),
                None => format!("the credentials of {} name no user", credentials.email),
            }),
            (None, None) => Err("there is no account".to_owned()),
        }
    }

    /// Everything that the functions would not have written, one sentence each.
    pub fn problems(&self) -> Vec<String> {
        let mut problems: Vec<String> = self.items().err().into_iter().collect();
        let users = self.user.iter().flat_map(|user| user.invalid.iter().map(|name| ("Users", name)));
        let credentials =
            self.credentials.iter().flat_map(|item| item.invalid.iter().map(|name| ("Credentials", name)));
        problems
            .extend(users.chain(credentials).map(|(table, name)| format!("the item in {table} has no valid {name}")));
        if let (Some(user), Some(credentials)) = (&self.user, &self.credentials) {
            if user.version != credentials.version {
                problems.push(format!(
                    "the version is {} in Users and {} in Credentials, so every session is rejected",
                    user.version, credentials.version
                ));
            }
            if user.disabled != credentials.disabled {
                let table = if user.disabled { "Users" } else { "Credentials" };
                problems.push(format!("the user is disabled in {table} only"));
            }
            if user.email_verified != credentials.email_verified {
                problems.push("email_verified differs between Users and Credentials".to_owned());
            }
        }
        problems
    }

    /// Whether either item is disabled.
    pub fn is_disabled(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.disabled)
            || self.credentials.as_ref().is_some_and(|credentials| credentials.disabled)
    }
}
