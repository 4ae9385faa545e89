//! The members of a JWK, and the checks on them.

use aws_lc_rs::{rsa, signature::RsaPublicKeyComponents};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::ThumbprintHash;
use serde::{Deserialize, Serialize};

use super::{Algorithm, KeyProblem, hmac_secret};
use crate::domain::{deployment::Deployment, time::UnixSeconds};

/// Shortest RSA modulus, in bits (RFC 7518 section 3.3).
const MIN_RSA_BITS: usize = 2048;

/// The one accepted public exponent, 65537. Small ones have weakened signatures before.
const RSA_EXPONENT: &str = "AQAB";

/// The members of a JWK that Postern uses (RFC 7518 section 6, RFC 8037 section 2). Other members are dropped.
///
/// `iat` is the time at which the key was generated, as in OpenID Federation 1.0 section 8.7.2.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Members {
    pub(super) kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) kid: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub(super) purpose: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) key_ops: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) iat: Option<UnixSeconds>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) k: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) d: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) p: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) q: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) dq: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) qi: Option<String>,
}

impl Members {
    /// Whether `kty`, `crv`, `alg`, `use` and `key_ops` fit the algorithm.
    pub(super) fn is_for(&self, algorithm: Algorithm) -> bool {
        let operation = if self.is_private() { "sign" } else { "verify" };
        let is_alg = |alg: &str| alg == algorithm.name() || algorithm == Algorithm::EdDsa && alg == "Ed25519";
        algorithm.kind() == (self.kty.as_str(), self.crv.as_deref())
            && self.alg.as_deref().is_none_or(is_alg)
            && self.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == operation))
    }

    pub(super) fn is_private(&self) -> bool {
        let private = [&self.k, &self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi];
        private.into_iter().any(Option::is_some)
    }

    pub(super) fn check_strength(&self, algorithm: Algorithm, deployment: Deployment) -> Result<(), KeyProblem> {
        match algorithm {
            Algorithm::Hs256 => {
                hmac_secret::check_strength(&bytes(self.k.as_ref())?, deployment).map_err(KeyProblem::Weak)
            }
            Algorithm::EdDsa | Algorithm::Es256 => Ok(()),
            Algorithm::Rs256 => {
                let n = bytes(self.n.as_ref())?;
                let zeros = n.first().map_or(0, |first| first.leading_zeros() as usize);
                let strong = n.len() * 8 - zeros >= MIN_RSA_BITS && member(self.e.as_ref())? == RSA_EXPONENT;
                if strong { Ok(()) } else { Err(KeyProblem::WeakRsa) }
            }
        }
    }

    /// The public point in its uncompressed form (SEC 1 section 2.3.3).
    pub(super) fn ec_point(&self) -> Result<Vec<u8>, KeyProblem> {
        let (x, y) = (bytes(self.x.as_ref())?, bytes(self.y.as_ref())?);
        // RFC 7518 section 6.2.1.2: exactly as long as a field element.
        if (x.len(), y.len()) != (32, 32) {
            return Err(KeyProblem::Damaged);
        }
        Ok([&[4], x.as_slice(), y.as_slice()].concat())
    }

    pub(super) fn rsa_components(&self) -> Result<rsa::KeyPairComponents<Vec<u8>>, KeyProblem> {
        let bytes = |member: &Option<String>| bytes(member.as_ref());
        Ok(rsa::KeyPairComponents {
            public_key: RsaPublicKeyComponents { n: bytes(&self.n)?, e: bytes(&self.e)? },
            d: bytes(&self.d)?,
            p: bytes(&self.p)?,
            q: bytes(&self.q)?,
            dP: bytes(&self.dp)?,
            dQ: bytes(&self.dq)?,
            qInv: bytes(&self.qi)?,
        })
    }

    /// The SHA-256 thumbprint (RFC 7638).
    pub(super) fn thumbprint(&self) -> Result<String, KeyProblem> {
        let value = serde_json::to_value(self).map_err(|_| KeyProblem::Damaged)?;
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(value).map_err(|_| KeyProblem::Damaged)?;
        jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| KeyProblem::Damaged)
    }
}

pub(super) fn member(member: Option<&String>) -> Result<&str, KeyProblem> {
    member.map(String::as_str).ok_or(KeyProblem::Damaged)
}

pub(super) fn bytes(text: Option<&String>) -> Result<Vec<u8>, KeyProblem> {
    URL_SAFE_NO_PAD.decode(member(text)?).ok().filter(|bytes| !bytes.is_empty()).ok_or(KeyProblem::Damaged)
}
