//! Access tokens: JWTs (RFC 7519) in JWS compact serialization (RFC 7515).

mod claims;
mod issuer;
mod verifier;

pub use self::{
    claims::{Claim, Claims, TokenBinding},
    issuer::{Issuer, IssuerConfig},
    verifier::{TokenError, VerifiedToken, Verifier, VerifierConfig},
};
