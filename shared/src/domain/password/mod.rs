//! Passwords and their hashes: Argon2id (RFC 9106), and the schemes of other systems.

mod common;
#[cfg(test)]
mod cost_tests;
mod derive;
pub mod estimator;
mod hash;
mod hasher;
mod highest_costs;
mod legacy_hashes;
#[cfg(test)]
mod legacy_tests;
mod memory_pool;
mod parts;
mod plaintext;
mod scheme;
mod stored;
pub mod strength;
mod verify;

pub use self::{
    hash::{HashError, PasswordHash, Verdict},
    hasher::Hasher,
    highest_costs::highest_costs,
    legacy_hashes::{LegacyHashes, LegacyHashesError},
    plaintext::{MAX_BYTES, Password, PasswordError},
    scheme::{Cost, Digest, HashScheme, OWASP_MINIMUM, ScryptCost, UnusableHash},
};
