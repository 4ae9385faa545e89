//! The four tables in DynamoDB. docs/reference/data-model.md describes their items.
//!
//! Listing users cannot read a password hash, and a log-in reads one item. All reads are consistent: an account is
//! usable and listed as soon as its sign-up is answered.
//!
//! `version` counts how often all sessions of a user were ended together: by a new password, or by logging out
//! everywhere or everywhere else. It is stored in both items of an account; absent means 0. A session of another
//! version is revoked, so ending every session is one transaction, regardless of their number.

mod account_creator;
mod accounts;
pub mod admin;
mod callers;
mod client;
mod conditional;
mod credentials;
mod error;
mod guesses;
mod item;
mod session_limit;
mod session_list;
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
    error::StoreError,
    guesses::Guess,
    session_limit::{SessionLimit, omit_excess},
    session_list::SessionList,
    sessions::{SessionStore, TokenState},
    throttle::{Admission, ThrottleStore},
    users::{Page, UserStore},
};
