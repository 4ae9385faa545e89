//! The keys that sign and verify tokens.

mod algorithm;
mod generate;
pub mod hmac_secret;
mod jwk;
mod jwk_set;
mod key_set;
mod members;
mod problem;

pub use self::{
    algorithm::Algorithm,
    hmac_secret::WeakSecret,
    jwk::Jwk,
    jwk_set::{JwkSet, KeySetError, MAX_KEYS},
    key_set::{SigningKey, SigningKeySet, VerifyingKeySet},
    problem::KeyProblem,
};

#[cfg(test)]
mod jwk_tests;
#[cfg(test)]
mod key_set_tests;
