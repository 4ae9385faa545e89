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

/// A set of one new RSA key of this size, for tests: [`Jwk::generate`] generates the smallest ones only.
#[cfg(test)]
pub(in crate::domain) fn rsa_signing_keys(size: aws_lc_rs::rsa::KeySize) -> SigningKeySet {
    let members = generate::rsa_of_size(size).unwrap();
    let set = serde_json::json!({ "keys": [members] }).to_string();
    SigningKeySet::parse(&set, Algorithm::Rs256, crate::domain::deployment::Deployment::Aws).unwrap()
}

#[cfg(test)]
mod jwk_tests;
#[cfg(test)]
mod key_set_tests;
