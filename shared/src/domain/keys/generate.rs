//! Generating keys.

use aws_lc_rs::{
    encoding::AsBigEndian as _,
    encoding::AsDer as _,
    rand, rsa,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Algorithm, members::Members};

/// `kty`, `crv` and the numbers of a new key. Fails if the operating system provides no randomness.
pub(super) fn generate(algorithm: Algorithm) -> Result<Members, Box<dyn std::error::Error>> {
    let text = |bytes: &[u8]| Some(URL_SAFE_NO_PAD.encode(bytes));
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
        Algorithm::Rs256 => rsa_of_size(rsa::KeySize::Rsa2048)?,
    })
}

/// A new RSA key.
pub(super) fn rsa_of_size(size: rsa::KeySize) -> Result<Members, Box<dyn std::error::Error>> {
    let der = rsa::KeyPair::generate(size)?.as_der()?;
    let info = pkcs8::PrivateKeyInfoRef::try_from(der.as_ref())?;
    let key = pkcs1::RsaPrivateKey::try_from(info.private_key.as_bytes())?;
    let text = |number: pkcs1::UintRef<'_>| Some(URL_SAFE_NO_PAD.encode(number.as_bytes()));
    Ok(Members {
        kty: "RSA".to_owned(),
        n: text(key.modulus),
        e: text(key.public_exponent),
        d: text(key.private_exponent),
        p: text(key.prime1),
        q: text(key.prime2),
        dp: text(key.exponent1),
        dq: text(key.exponent2),
        qi: text(key.coefficient),
        ..Members::default()
    })
}
