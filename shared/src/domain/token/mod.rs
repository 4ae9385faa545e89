//! Access tokens: JWTs (RFC 7519) in JWS compact serialization (RFC 7515).

mod claims;
mod error;
mod header;
mod issuer;
mod legacy;
mod object;
mod verifier;

pub use self::{
    claims::{Claim, Claims, TokenBinding},
    error::TokenError,
    issuer::{Issuer, IssuerConfig},
    legacy::{LegacyKeyError, LegacyTokenError, LegacyVerifier},
    verifier::{VerifiedToken, Verifier, VerifierConfig},
};
