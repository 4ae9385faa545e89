//! Rules that limit guesses and sign-ups. They access neither table nor clock.
//!
//! | counted | by | rule |
//! |---|---|---|
//! | guesses at an account from one address, from one device, or with one session | the pair of both | [`BackoffPolicy`]: some at once, then increasing waits |
//! | successful log-ins, likewise | the pair of both | [`GcraLimit`] |
//! | guesses at an account from all addresses | the account | [`GcraLimit`] |
//! | guesses at all accounts from one address | the address | [`GcraLimit`] |
//! | sign-ups from one address | the address | [`GcraLimit`] |
//!
//! A pair that has logged in recently is known, and only the rules of pairs refuse its guesses. An attacker who guesses
//! from other addresses therefore cannot lock the account's owner out.

mod backoff;
mod device;
mod gcra;
mod key;

use std::time::Duration;

pub use self::{
    backoff::{Attempts, BackoffPolicy},
    device::DeviceId,
    gcra::GcraLimit,
    key::ThrottleKey,
};

/// Limits on password guesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GuessLimits {
    /// Per pair of account and address, device or session.
    pub pair: BackoffPolicy,
    /// How long a pair of account and address is known after a log-in: `THROTTLE_KNOWN`.
    pub known: Duration,
    /// How long a device is known after a log-in: `THROTTLE_DEVICE`. Zero: browsers get no device cookie.
    pub device: Duration,
    /// Per account, for pairs that are not known: `THROTTLE_ACCOUNT_GUESSES`.
    pub account: Option<GcraLimit>,
    /// Per address, for pairs that are not known: `THROTTLE_ADDRESS_GUESSES`.
    pub address: Option<GcraLimit>,
}
