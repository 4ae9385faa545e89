//! Access tokens: JWTs (RFC 7519) in JWS compact serialization (RFC 7515).

mod claims;
mod error;
mod header;
mod issuer;
#[cfg(test)]
mod issuer_tests;
mod legacy;
mod object;
mod selection;
mod verifier;

pub use self::{
    claims::{Claim, Claims, TokenBinding},
    error::TokenError,
    issuer::{Grant, IssueError, Issuer, IssuerConfig, MAX_TOKEN_BYTES, TooLong},
    legacy::{LegacyKeyError, LegacyTokenError, LegacyVerifier},
    selection::{ClaimSelection, SelectionError},
    verifier::{VerifiedToken, Verifier, VerifierConfig},
};
