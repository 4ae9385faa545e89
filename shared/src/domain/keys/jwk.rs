//! JSON Web Keys (RFC 7517) for signing: one key, checked for being of exactly the kind that its algorithm takes.

use std::fmt;

use aws_lc_rs::{
    encoding::{AsBigEndian as _, AsDer as _},
    rand, rsa,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        ParsedPublicKey, RsaPublicKeyComponents,
    },
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{DecodingKey, EncodingKey, jwk::ThumbprintHash};
use serde::{Deserialize, Serialize};

use crate::domain::{
    keys::hmac_secret::{self, WeakSecret},
    token::LATEST,
};

/// Longest `kid` that is taken, in characters. A thumbprint has 43.
const MAX_KID: usize = 128;

/// Shortest RSA modulus, in bits (RFC 7518 3.3).
const MIN_RSA_BITS: usize = 2048;

/// Longest RSA modulus, in octets: what aws-lc checks signatures with.
const MAX_RSA_BYTES: usize = 8192 / 8;

/// The public exponent that everybody uses: 65537. Small ones have weakened signatures before.
const RSA_EXPONENT: &str = "AQAB";

/// How tokens are signed: `JWT_ALGORITHM`, an `alg` of RFC 7518 and RFC 8037.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-256: who checks can sign.
    Hs256,
    /// Ed25519.
    EdDsa,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl Algorithm {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Hs256, Self::EdDsa, Self::Es256, Self::Rs256];

    /// The algorithm of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Its name: `HS256`, `EdDSA`, `ES256` or `RS256`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }

    /// The algorithm that keys of this `kty` and `crv` are for.
    pub(crate) fn of_kind(kty: &str, crv: Option<&str>) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.kind() == (kty, crv))
    }

    /// `kty` and `crv` of its keys (RFC 7518 6.1, RFC 8037 2).
    fn kind(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Hs256 => ("oct", None),
            Self::EdDsa => ("OKP", Some("Ed25519")),
            Self::Es256 => ("EC", Some("P-256")),
            Self::Rs256 => ("RSA", None),
        }
    }

    /// Whether keys have a public half, with which nobody can sign.
    pub fn is_asymmetric(self) -> bool {
        self != Self::Hs256
    }
}

impl From<Algorithm> for jsonwebtoken::Algorithm {
    fn from(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Hs256 => Self::HS256,
            Algorithm::EdDsa => Self::EdDSA,
            Algorithm::Es256 => Self::ES256,
            Algorithm::Rs256 => Self::RS256,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is wrong with a key. The texts never quote it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyProblem {
    /// `kty`, `crv`, `alg`, `use` or `key_ops` say that it is for something else.
    #[error("is no key for signing with {0}")]
    OtherKind(Algorithm),
    /// A member is missing, is no base64url, or the numbers do not belong together.
    #[error("is damaged: a member is missing, or they do not belong together")]
    Damaged,
    /// An RSA key of fewer than 2048 bits, or of another public exponent than 65537.
    #[error("is too weak: RSA takes at least 2048 bits and the exponent 65537")]
    WeakRsa,
    /// An HMAC key that others could know or guess.
    #[error("{0}")]
    Weak(WeakSecret),
    /// A private key where public ones belong.
    #[error("is private, and public keys belong here")]
    Private,
    /// A public key where private ones belong.
    #[error("is public, and private keys belong here")]
    Public,
    /// An `iat` after the year 9999, which is one in milliseconds.
    #[error("has an iat that is not in seconds since 1970")]
    Time,
    /// A `kid` that is empty, too long or not printable.
    #[error("has a kid that is not 1 to 128 characters of printable ASCII")]
    Kid,
}

/// The members of a JWK that mean something here (RFC 7518 6, RFC 8037 2). Others are dropped.
///
/// `iat` is when the key was made, in seconds since 1970, as in OpenID Federation 1.0 (8.7.2).
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Members {
    kty: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) kid: Option<String>,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    purpose: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_ops: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) iat: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    crv: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    y: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    e: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    d: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    p: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    q: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dq: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    qi: Option<String>,
}

/// A sound key: of its algorithm's kind, strong enough, its numbers belonging together.
#[derive(Clone)]
pub struct Jwk {
    algorithm: Algorithm,
    kid: String,
    members: Members,
}

impl Jwk {
    /// VerifierConfig a key. `local` tells that the database is on this machine, where the development key will do.
    pub(crate) fn check(mut members: Members, algorithm: Algorithm, local: bool) -> Result<Self, KeyProblem> {
        if !members.is_for(algorithm) {
            return Err(KeyProblem::OtherKind(algorithm));
        }
        members.check_strength(algorithm, local)?;
        if members.iat.is_some_and(|at| at > LATEST) {
            return Err(KeyProblem::Time);
        }
        let kid = match members.kid.take() {
            Some(kid) if is_kid(&kid) => kid,
            Some(_) => return Err(KeyProblem::Kid),
            None => members.thumbprint()?,
        };
        members.kid = Some(kid.clone());
        let jwk = Self { algorithm, kid, members };
        jwk.check_public_half()?;
        Ok(jwk)
    }

    /// A new key, made `now` (in seconds since 1970), called by its thumbprint (RFC 7638). Fails if the operating system gives
    /// no random octets.
    pub fn generate(algorithm: Algorithm, now: u64) -> Result<Self, KeyProblem> {
        let mut members = generate(algorithm).map_err(|_| KeyProblem::Damaged)?;
        members.iat = Some(now);
        members.alg = Some(algorithm.name().to_owned());
        members.purpose = Some("sig".to_owned());
        Self::check(members, algorithm, false)
    }

    /// Its name in tokens.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// What it signs with.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// When it was made, if it says so, in seconds since 1970.
    pub fn issued_at(&self) -> Option<u64> {
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
            // As tokens say it: `Ed25519` (RFC 9864) here and `EdDSA` there would not match.
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

    pub(crate) fn members(&self) -> &Members {
        &self.members
    }

    /// What checks signatures with this key.
    pub(crate) fn decoding_key(&self) -> Result<DecodingKey, KeyProblem> {
        let m = &self.members;
        let key = match self.algorithm {
            Algorithm::Hs256 => Ok(DecodingKey::from_secret(&octets(m.k.as_ref())?)),
            Algorithm::EdDsa => DecodingKey::from_ed_components(member(m.x.as_ref())?),
            Algorithm::Es256 => DecodingKey::from_ec_components(member(m.x.as_ref())?, member(m.y.as_ref())?),
            Algorithm::Rs256 => DecodingKey::from_rsa_components(member(m.n.as_ref())?, member(m.e.as_ref())?),
        };
        key.map_err(|_| KeyProblem::Damaged)
    }

    /// What signs with this key. aws-lc refuses a private half that does not belong to the public one.
    pub(crate) fn encoding_key(&self) -> Result<EncodingKey, KeyProblem> {
        let m = &self.members;
        if !m.is_private() {
            return Err(KeyProblem::Public);
        }
        match self.algorithm {
            Algorithm::Hs256 => Ok(EncodingKey::from_secret(&octets(m.k.as_ref())?)),
            Algorithm::EdDsa => {
                let pair = Ed25519KeyPair::from_seed_and_public_key(&octets(m.d.as_ref())?, &octets(m.x.as_ref())?);
                let der = pair.map_err(|_| KeyProblem::Damaged)?.to_pkcs8();
                Ok(EncodingKey::from_ed_der(der.map_err(|_| KeyProblem::Damaged)?.as_ref()))
            }
            Algorithm::Es256 => {
                let private = octets(m.d.as_ref())?;
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
                // jsonwebtoken takes RSA keys in PKCS #1, which is what PKCS #8 wraps.
                Ok(EncodingKey::from_rsa_der(info.private_key.as_bytes()))
            }
        }
    }

    fn check_public_half(&self) -> Result<(), KeyProblem> {
        let m = &self.members;
        let sound = match self.algorithm {
            Algorithm::Hs256 => return Ok(()),
            Algorithm::EdDsa => {
                let x = octets(m.x.as_ref())?;
                !has_small_order(&x) && ParsedPublicKey::new(&ED25519, x).is_ok()
            }
            Algorithm::Es256 => ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, m.ec_point()?).is_ok(),
            Algorithm::Rs256 => {
                let (n, e) = (octets(m.n.as_ref())?, octets(m.e.as_ref())?);
                let is_odd = n.last().is_some_and(|last| last % 2 == 1);
                is_odd
                    && n.len() <= MAX_RSA_BYTES
                    && RsaPublicKeyComponents { n: n.as_slice(), e: e.as_slice() }.as_der().is_ok()
            }
        };
        if sound { Ok(()) } else { Err(KeyProblem::Damaged) }
    }
}

/// Prints no key.
impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Jwk({} {})", self.algorithm, self.kid)
    }
}

impl Members {
    /// Whether all that the key says of itself fits the algorithm.
    fn is_for(&self, algorithm: Algorithm) -> bool {
        let operation = if self.is_private() { "sign" } else { "verify" };
        let is_alg = |alg: &str| alg == algorithm.name() || algorithm == Algorithm::EdDsa && alg == "Ed25519";
        algorithm.kind() == (self.kty.as_str(), self.crv.as_deref())
            && self.alg.as_deref().is_none_or(is_alg)
            && self.purpose.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == operation))
    }

    fn is_private(&self) -> bool {
        let private = [&self.k, &self.d, &self.p, &self.q, &self.dp, &self.dq, &self.qi];
        private.into_iter().any(Option::is_some)
    }

    fn check_strength(&self, algorithm: Algorithm, local: bool) -> Result<(), KeyProblem> {
        match algorithm {
            Algorithm::Hs256 => hmac_secret::check_strength(&octets(self.k.as_ref())?, local).map_err(KeyProblem::Weak),
            Algorithm::EdDsa | Algorithm::Es256 => Ok(()),
            Algorithm::Rs256 => {
                let n = octets(self.n.as_ref())?;
                let zeros = n.first().map_or(0, |first| first.leading_zeros() as usize);
                let strong = n.len() * 8 - zeros >= MIN_RSA_BITS && member(self.e.as_ref())? == RSA_EXPONENT;
                if strong { Ok(()) } else { Err(KeyProblem::WeakRsa) }
            }
        }
    }

    /// The public point in its uncompressed form (SEC 1, 2.3.3).
    fn ec_point(&self) -> Result<Vec<u8>, KeyProblem> {
        let (x, y) = (octets(self.x.as_ref())?, octets(self.y.as_ref())?);
        // RFC 7518 6.2.1.2: exactly as long as the field.
        if (x.len(), y.len()) != (32, 32) {
            return Err(KeyProblem::Damaged);
        }
        Ok([&[4], x.as_slice(), y.as_slice()].concat())
    }

    fn rsa_components(&self) -> Result<rsa::KeyPairComponents<Vec<u8>>, KeyProblem> {
        let octets = |member: &Option<String>| octets(member.as_ref());
        Ok(rsa::KeyPairComponents {
            public_key: RsaPublicKeyComponents { n: octets(&self.n)?, e: octets(&self.e)? },
            d: octets(&self.d)?,
            p: octets(&self.p)?,
            q: octets(&self.q)?,
            dP: octets(&self.dp)?,
            dQ: octets(&self.dq)?,
            qInv: octets(&self.qi)?,
        })
    }

    /// RFC 7638, with SHA-256.
    fn thumbprint(&self) -> Result<String, KeyProblem> {
        let value = serde_json::to_value(self).map_err(|_| KeyProblem::Damaged)?;
        let jwk: jsonwebtoken::jwk::Jwk = serde_json::from_value(value).map_err(|_| KeyProblem::Damaged)?;
        jwk.thumbprint(ThumbprintHash::SHA256).map_err(|_| KeyProblem::Damaged)
    }
}

/// Whether an Ed25519 public key is one of the few with which a signature fits many messages, or all: aws-lc does not refuse them.
/// The list is libsodium's (`ge25519_has_small_order`): the points of order 1, 2, 4 and 8, with every way to write them.
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
    // The sign of x, which does not matter here.
    if let Some(last) = key.last_mut() {
        *last &= 0x7f;
    }
    SMALL.iter().any(|small| URL_SAFE_NO_PAD.decode(small).is_ok_and(|small| small == key))
}

fn is_kid(kid: &str) -> bool {
    (1..=MAX_KID).contains(&kid.len()) && kid.bytes().all(|b| b.is_ascii_graphic())
}

fn member(member: Option<&String>) -> Result<&str, KeyProblem> {
    member.map(String::as_str).ok_or(KeyProblem::Damaged)
}

fn octets(text: Option<&String>) -> Result<Vec<u8>, KeyProblem> {
    URL_SAFE_NO_PAD.decode(member(text)?).ok().filter(|octets| !octets.is_empty()).ok_or(KeyProblem::Damaged)
}

/// Kind and numbers of a new key.
fn generate(algorithm: Algorithm) -> Result<Members, Box<dyn std::error::Error>> {
    let text = |octets: &[u8]| Some(URL_SAFE_NO_PAD.encode(octets));
    let kind = |kty: &str, crv: Option<&str>| Members {
        kty: kty.to_owned(),
        crv: crv.map(str::to_owned),
        ..Members::default()
    };
    Ok(match algorithm {
        Algorithm::Hs256 => {
            let mut key = [0; 32];
            rand::fill(&mut key)?;
            Members { k: text(&key), ..kind("oct", None) }
        }
        Algorithm::EdDsa => {
            let pair = Ed25519KeyPair::generate()?;
            let (x, d) = (text(pair.public_key().as_ref()), text(pair.seed()?.as_be_bytes()?.as_ref()));
            Members { x, d, ..kind("OKP", Some("Ed25519")) }
        }
        Algorithm::Es256 => {
            let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)?;
            let point = pair.public_key().as_ref();
            let d = text(pair.private_key().as_be_bytes()?.as_ref());
            Members { x: text(&point[1..33]), y: text(&point[33..]), d, ..kind("EC", Some("P-256")) }
        }
        Algorithm::Rs256 => {
            let der = rsa::KeyPair::generate(rsa::KeySize::Rsa2048)?.as_der()?;
            let info = pkcs8::PrivateKeyInfoRef::try_from(der.as_ref())?;
            let key = pkcs1::RsaPrivateKey::try_from(info.private_key.as_bytes())?;
            let text = |number: pkcs1::UintRef<'_>| text(number.as_bytes());
            Members {
                n: text(key.modulus),
                e: text(key.public_exponent),
                d: text(key.private_exponent),
                p: text(key.prime1),
                q: text(key.prime2),
                dp: text(key.exponent1),
                dq: text(key.exponent2),
                qi: text(key.coefficient),
                ..kind("RSA", None)
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn checked(jwk: &Value, algorithm: Algorithm) -> Result<Jwk, KeyProblem> {
        Jwk::check(serde_json::from_value(jwk.clone()).unwrap(), algorithm, false)
    }

    fn generated(algorithm: Algorithm) -> Value {
        serde_json::to_value(Jwk::generate(algorithm, 1).unwrap().members()).unwrap()
    }

    #[test]
    fn the_key_of_rfc_8037_has_the_thumbprint_of_rfc_8037() {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" });
        assert_eq!(checked(&jwk, Algorithm::EdDsa).unwrap().kid(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }

    #[test]
    fn the_key_of_rfc_7638_has_the_thumbprint_of_rfc_7638() {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        let jwk = json!({ "kty": "RSA", "n": n, "e": "AQAB", "alg": "RS256" });
        assert_eq!(checked(&jwk, Algorithm::Rs256).unwrap().kid(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_generated_key_signs_and_its_public_half_does_not() {
        for algorithm in Algorithm::ALL {
            let jwk = Jwk::generate(algorithm, 1).unwrap();
            assert!(jwk.is_private() && jwk.encoding_key().is_ok() && jwk.decoding_key().is_ok(), "{algorithm}");
            assert_eq!(jwk.kid().len(), 43);
            let Some(public) = jwk.public() else {
                assert_eq!(algorithm, Algorithm::Hs256);
                continue;
            };
            assert_eq!(public.kid(), jwk.kid());
            assert!(!public.is_private() && public.decoding_key().is_ok());
            assert_eq!(public.encoding_key().err(), Some(KeyProblem::Public));
            let text = serde_json::to_string(public.members()).unwrap();
            let private = generated_members(&jwk);
            assert!(private.iter().all(|private| !text.contains(private)), "{text}");
        }
    }

    fn generated_members(jwk: &Jwk) -> Vec<String> {
        let m = jwk.members();
        [&m.k, &m.d, &m.p, &m.q, &m.dp, &m.dq, &m.qi].into_iter().flatten().cloned().collect()
    }

    #[test]
    fn a_key_of_another_kind_is_refused() {
        for (algorithm, other) in [
            (Algorithm::EdDsa, Algorithm::Es256),
            (Algorithm::Es256, Algorithm::Rs256),
            (Algorithm::Rs256, Algorithm::Hs256),
            (Algorithm::Hs256, Algorithm::EdDsa),
        ] {
            assert_eq!(checked(&generated(other), algorithm).err(), Some(KeyProblem::OtherKind(algorithm)));
        }
        let key = generated(Algorithm::EdDsa);
        for (member, value) in [
            ("alg", json!("ES256")),
            ("use", json!("enc")),
            ("key_ops", json!(["encrypt"])),
            ("crv", json!("X25519")),
            ("kty", json!("EC")),
        ] {
            let mut key = key.clone();
            key[member] = value;
            let refused = checked(&key, Algorithm::EdDsa).err();
            assert_eq!(refused, Some(KeyProblem::OtherKind(Algorithm::EdDsa)), "{member}");
        }
    }

    #[test]
    fn numbers_that_do_not_belong_together_are_refused() {
        for (algorithm, members) in [
            (Algorithm::EdDsa, ["d", "x"].as_slice()),
            (Algorithm::Es256, &["d", "x", "y"]),
            (Algorithm::Rs256, &["d", "p", "q", "dp", "dq", "qi", "n"]),
        ] {
            let (key, other) = (generated(algorithm), generated(algorithm));
            for member in members {
                let mut mixed = key.clone();
                mixed[member] = other[member].clone();
                let outcome = checked(&mixed, algorithm).and_then(|key| key.encoding_key());
                assert_eq!(outcome.err(), Some(KeyProblem::Damaged), "{algorithm} {member}");
                for broken in [json!("!"), json!(""), json!("AAAA")] {
                    let mut mixed = key.clone();
                    mixed[member] = broken;
                    assert!(checked(&mixed, algorithm).and_then(|key| key.encoding_key()).is_err(), "{member}");
                }
            }
        }
    }

    #[test]
    fn public_keys_with_which_anybody_can_sign_are_refused() {
        let ed25519 = |octets: &[u8]| json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(octets) });
        // The neutral point in its two signs, the point of order 2, 0 as p, and a point of order 8.
        let mut order_2 = [0xff; 32];
        (order_2[0], order_2[31]) = (0xec, 0x7f);
        let mut p = order_2;
        p[0] = 0xed;
        let mut neutral = [0; 32];
        neutral[0] = 1;
        let mut signed = neutral;
        signed[31] = 0x80;
        let order_8 = [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ];
        for point in [neutral, signed, order_2, p, order_8, [0; 32]] {
            assert_eq!(checked(&ed25519(&point), Algorithm::EdDsa).err(), Some(KeyProblem::Damaged), "{point:02x?}");
        }
        let rsa = |n: &[u8]| json!({ "kty": "RSA", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode(n) });
        let (mut even, huge) = ([0xff; 256], [0xff; 1025]);
        even[255] = 0xfe;
        for n in [&even[..], &huge] {
            assert_eq!(checked(&rsa(n), Algorithm::Rs256).err(), Some(KeyProblem::Damaged));
        }
        let off_curve = json!({ "kty": "EC", "crv": "P-256", "x": URL_SAFE_NO_PAD.encode([1; 32]), "y": URL_SAFE_NO_PAD.encode([1; 32]) });
        assert_eq!(checked(&off_curve, Algorithm::Es256).err(), Some(KeyProblem::Damaged));
    }

    #[test]
    fn key_ops_must_have_what_the_key_is_here_for() {
        for (operation, private, public) in [("sign", true, false), ("verify", false, true), ("encrypt", false, false)]
        {
            let mut key = generated(Algorithm::EdDsa);
            key["key_ops"] = json!([operation]);
            assert_eq!(checked(&key, Algorithm::EdDsa).is_ok(), private, "{operation}");
            key.as_object_mut().unwrap().remove("d");
            assert_eq!(checked(&key, Algorithm::EdDsa).is_ok(), public, "{operation}");
        }
    }

    #[test]
    fn a_key_is_published_under_the_name_of_the_algorithm_that_tokens_have() {
        let mut key = generated(Algorithm::EdDsa);
        key["alg"] = json!("Ed25519");
        let public = checked(&key, Algorithm::EdDsa).unwrap().public().unwrap();
        assert_eq!(public.members().alg.as_deref(), Some("EdDSA"));
    }

    #[test]
    fn a_time_in_milliseconds_is_refused() {
        let mut key = generated(Algorithm::EdDsa);
        key["iat"] = json!(1_795_334_400_000_u64);
        assert_eq!(checked(&key, Algorithm::EdDsa).err(), Some(KeyProblem::Time));
    }

    #[test]
    fn weak_keys_are_refused() {
        let key = |octets: &[u8]| json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode(octets) });
        let refused = |key: &Value, algorithm| checked(key, algorithm).err();
        assert_eq!(refused(&key(&[7; 31]), Algorithm::Hs256), Some(KeyProblem::Weak(WeakSecret::TooShort)));
        let printed = key(b"a-string-secret-at-least-256-bits-long");
        assert_eq!(refused(&printed, Algorithm::Hs256), Some(KeyProblem::Weak(WeakSecret::Printed)));
        let mut rsa = generated(Algorithm::Rs256);
        rsa["e"] = json!("Aw");
        assert_eq!(refused(&rsa, Algorithm::Rs256), Some(KeyProblem::WeakRsa));
        let mut octets = URL_SAFE_NO_PAD.decode(rsa["n"].as_str().unwrap()).unwrap();
        rsa["e"] = json!("AQAB");
        octets[0] = 0x7f;
        rsa["n"] = json!(URL_SAFE_NO_PAD.encode(&octets));
        assert_eq!(refused(&rsa, Algorithm::Rs256), Some(KeyProblem::WeakRsa), "2047 bits");
    }

    #[test]
    fn a_kid_is_taken_as_it_is_if_it_can_be_printed() {
        let mut key = generated(Algorithm::EdDsa);
        key["kid"] = json!("2026-11");
        assert_eq!(checked(&key, Algorithm::EdDsa).unwrap().kid(), "2026-11");
        for kid in ["", "a b", "ü", "line\nbreak", &"k".repeat(129)] {
            key["kid"] = json!(kid);
            assert_eq!(checked(&key, Algorithm::EdDsa).err(), Some(KeyProblem::Kid), "{kid}");
        }
    }
}
