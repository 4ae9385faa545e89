//! Rules that limit guesses and sign-ups. They access neither table nor clock.
//!
//! | counted | by | rule |
//! |---|---|---|
//! | guesses at an account from one address, or with one session | the pair of both | [`BackoffPolicy`]: some at once, then increasing waits |
//! | guesses at an account from all addresses | the account | [`GcraLimit`] |
//! | guesses at all accounts from one address | the address | [`GcraLimit`] |
//! | sign-ups from one address | the address | [`GcraLimit`] |
//!
//! A pair that has logged in recently is known, and only the first rule applies to it. An attacker who guesses from
//! other addresses therefore cannot lock the account's owner out.

mod backoff;
mod gcra;
mod key;

pub use self::{
    backoff::{Attempts, BackoffPolicy},
    gcra::GcraLimit,
    key::ThrottleKey,
};

/// Limits on password guesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuessLimits {
    /// Per pair of account and address.
    pub pair: BackoffPolicy,
    /// Per account, for pairs that are not known: `THROTTLE_ACCOUNT_GUESSES`.
    pub account: Option<GcraLimit>,
    /// Per address, for pairs that are not known: `THROTTLE_ADDRESS_GUESSES`.
    pub address: Option<GcraLimit>,
}
