//! JSON Web Keys (RFC 7517) for signing: each is checked to be of exactly the kind that its algorithm requires.

use std::fmt;

use aws_lc_rs::{
    encoding::AsDer as _,
    rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
        ParsedPublicKey, RsaPublicKeyComponents,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey};

use super::{
    Algorithm, KeyProblem, generate,
    members::{Members, bytes, member},
};
use crate::domain::{deployment::Deployment, time::UnixSeconds};

/// Longest accepted `kid`, in characters. A thumbprint has 43.
pub(super) const MAX_KID: usize = 128;

/// Longest RSA modulus, in bytes: the most that aws-lc verifies signatures with.
const MAX_RSA_BYTES: usize = 8192 / 8;

/// Length of an HMAC with SHA-256, in bytes.
pub(super) const HMAC_SHA256_BYTES: usize = 32;

/// A valid key: of its algorithm's kind, strong enough, with numbers that belong together.
#[derive(Clone)]
pub struct Jwk {
    algorithm: Algorithm,
    kid: String,
    members: Members,
}

impl Jwk {
    /// Validates a key for `algorithm`.
    pub(super) fn validate(
        mut members: Members,
        algorithm: Algorithm,
        deployment: Deployment,
    ) -> Result<Self, KeyProblem> {
        if !members.is_for(algorithm) {
            return Err(KeyProblem::OtherKind(algorithm));
        }
        members.check_strength(algorithm, deployment)?;
        if members.iat.is_some_and(|at| at > UnixSeconds::LATEST) {
            return Err(KeyProblem::Time);
        }
        let kid = match members.kid.take() {
            Some(kid) if is_kid(&kid) => kid,
            Some(_) => return Err(KeyProblem::Kid),
            None => members.thumbprint()?,
        };
        members.kid = Some(kid.clone());
        let jwk = Self { algorithm, kid, members };
        jwk.validate_public_half()?;
        Ok(jwk)
    }

    /// A new key, generated at `now`, whose `kid` is its thumbprint (RFC 7638). Fails if the operating system
    /// provides no randomness.
    pub fn generate(algorithm: Algorithm, now: UnixSeconds) -> Result<Self, KeyProblem> {
        let mut members = generate::generate(algorithm).map_err(|_| KeyProblem::Damaged)?;
        members.iat = Some(now);
        members.alg = Some(algorithm.name().to_owned());
        members.purpose = Some("sig".to_owned());
        Self::validate(members, algorithm, Deployment::Aws)
    }

    /// Its identifier in tokens.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm that it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// When it was generated, if the key says so.
    pub fn issued_at(&self) -> Option<UnixSeconds> {
        self.members.iat
    }

    /// Whether it can sign.
    pub fn is_private(&self) -> bool {
        self.members.is_private()
    }

    /// Its public half. An HMAC key has none.
    pub fn public(&self) -> Option<Self> {
        let Members { kty, kid, iat, crv, x, y, n, e, .. } = self.members.clone();
        let members = Members {
            kty,
            kid,
            purpose: Some("sig".to_owned()),
            // The name that tokens use: `Ed25519` (RFC 9864) here would not match `EdDSA` there.
            alg: Some(self.algorithm.name().to_owned()),
            iat,
            crv,
            x,
            y,
            n,
            e,
            ..Members::default()
        };
        self.algorithm.is_asymmetric().then_some(Self { members, ..self.clone() })
    }

    pub(super) fn members(&self) -> &Members {
        &self.members
    }

    /// The key that verifies signatures.
    pub(super) fn decoding_key(&self) -> Result<DecodingKey, KeyProblem> {
        let m = &self.members;
        let key = match self.algorithm {
            Algorithm::Hs256 => Ok(DecodingKey::from_secret(&bytes(m.k.as_ref())?)),
            Algorithm::EdDsa => DecodingKey::from_ed_components(member(m.x.as_ref())?),
            Algorithm::Es256 => DecodingKey::from_ec_components(member(m.x.as_ref())?, member(m.y.as_ref())?),
            Algorithm::Rs256 => DecodingKey::from_rsa_components(member(m.n.as_ref())?, member(m.e.as_ref())?),
        };
        key.map_err(|_| KeyProblem::Damaged)
    }

    /// The key that signs. aws-lc rejects a private half that does not belong to the public one.
    pub(super) fn encoding_key(&self) -> Result<EncodingKey, KeyProblem> {
        let m = &self.members;
        if !m.is_private() {
            return Err(KeyProblem::Public);
        }
        match self.algorithm {
            Algorithm::Hs256 => Ok(EncodingKey::from_secret(&bytes(m.k.as_ref())?)),
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(&bytes(m.d.as_ref())?, &bytes(m.x.as_ref())?);
                let der = pair.map_err(|_| KeyProblem::Damaged)?.to_pkcs8();
                Ok(EncodingKey::from_ed_der(der.map_err(|_| KeyProblem::Damaged)?.as_ref()))
            }
            Algorithm::Es256 => {
                let private = bytes(m.d.as_ref())?;
                let pair = EcdsaKeyPair::from_private_key_and_public_key(
                    &ECDSA_P256_SHA256_FIXED_SIGNING,
                    &private,
                    &m.ec_point()?,
                );
                let der = pair.map_err(|_| KeyProblem::Damaged)?.to_pkcs8v1();
                Ok(EncodingKey::from_ec_der(der.map_err(|_| KeyProblem::Damaged)?.as_ref()))
            }
            Algorithm::Rs256 => {
                let pair = rsa::KeyPair::from_components(&m.rsa_components()?).map_err(|_| KeyProblem::Damaged)?;
                let der = pair.as_der().map_err(|_| KeyProblem::Damaged)?;
                let info = pkcs8::PrivateKeyInfoRef::try_from(der.as_ref()).map_err(|_| KeyProblem::Damaged)?;
                // jsonwebtoken expects RSA keys in PKCS #1, which PKCS #8 wraps.
                Ok(EncodingKey::from_rsa_der(info.private_key.as_bytes()))
            }
        }
    }

    /// Length of a signature, in bytes (RFC 7518 sections 3.2 to 3.4, RFC 8032 section 5.1.6).
    pub(super) fn signature_bytes(&self) -> usize {
        match self.algorithm {
            Algorithm::Hs256 => HMAC_SHA256_BYTES,
            Algorithm::EdDsa | Algorithm::Es256 => 64,
            // As long as the modulus.
            Algorithm::Rs256 => bytes(self.members.n.as_ref()).map_or(MAX_RSA_BYTES, |n| n.len()),
        }
    }

    fn validate_public_half(&self) -> Result<(), KeyProblem> {
        let m = &self.members;
        let is_valid = match self.algorithm {
            Algorithm::Hs256 => return Ok(()),
            Algorithm::EdDsa => {
                let x = bytes(m.x.as_ref())?;
                !has_small_order(&x) && ParsedPublicKey::new(&ED25519, x).is_ok()
            }
            Algorithm::Es256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, m.ec_point()?).is_ok(),
            Algorithm::Rs256 => {
                let (n, e) = (bytes(m.n.as_ref())?, bytes(m.e.as_ref())?);
                let is_odd = n.last().is_some_and(|last| last % 2 == 1);
                is_odd
                    && n.len() <= MAX_RSA_BYTES
                    && RsaPublicKeyComponents { n: n.as_slice(), e: e.as_slice() }.as_der().is_ok()
            }
        };
        if is_valid { Ok(()) } else { Err(KeyProblem::Damaged) }
    }
}

/// Shows the algorithm and the `kid` only.
impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jwk({} {})", self.algorithm, self.kid)
    }
}

/// Whether an Ed25519 public key has a small order: one signature would then be valid for many messages, or for all
/// of them, and aws-lc accepts such keys. The list is libsodium's (`ge25519_has_small_order`): the points of order 1,
/// 2, 4 and 8 in every encoding.
fn has_small_order(key: &[u8]) -> bool {
    const SMALL: [&str; 7] = [
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "JuiVj8KyJ7BFw_SJ8u-Y8NXfrAXTxjM5sTgCiG1T_AU",
        "xxdqcD1N2E-6PAt2DRBnDyogU_osOczGTsf9d5KsA3o",
        "7P_______________________________________38",
        "7f_______________________________________38",
        "7v_______________________________________38",
    ];
    let mut key = key.to_vec();
    // The sign of x does not affect the order.
    if let Some(last) = key.last_mut() {
        *last &= 0x7f;
    }
    SMALL.iter().any(|small| URL_SAFE_NO_PAD.decode(small).is_ok_and(|small| small == key))
}

pub(super) fn is_kid(kid: &str) -> bool {
    (1..=MAX_KID).contains(&kid.len()) && kid.bytes().all(|b| b.is_ascii_graphic())
}
