//! The four tables in DynamoDB. docs/reference/data-model.md describes their items.
//!
//! Listing users cannot read a password hash, and a log-in reads one item. All reads are consistent: an account is usable and
//! listed as soon as its sign-up is answered.
//!
//! `version` counts how often all sessions of a user were ended together: by a new password, or by logging out everywhere or
//! everywhere else. It is stored in both items of an account; absent means 0. A session of another version is revoked, so ending
//! every session is one transaction, regardless of their number.

mod account_creator;
mod accounts;
mod callers;
mod client;
mod conditional;
mod credentials;
mod item;
mod sessions;
mod throttle;
mod transaction;
mod users;

pub use self::{
    account_creator::{AccountCreator, Creation},
    accounts::{Account, AccountStore, Change},
    callers::CallerStore,
    client::{connect, warm_up},
    credentials::{CredentialStore, Credentials},
    sessions::{Rotation, SessionStore},
    throttle::{Admission, Guess, ThrottleStore},
    users::{Page, UserStore},
};

/// A failure of the database; never a missing item and never a conflict.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No response, or an error that a retry may cure: throttling, a timeout, a transaction conflict.
    #[error("database did not complete {operation}")]
    Unavailable {
        /// DynamoDB's name for the operation.
        operation: &'static str,
        /// The SDK's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An item that this module would not write.
    #[error("item in {table} lacks a valid {attribute}")]
    Corrupt {
        /// Name of the table.
        table: &'static str,
        /// Name of the attribute.
        attribute: &'static str,
    },
}

fn unavailable(operation: &'static str, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable { operation, source: source.into() }
}
