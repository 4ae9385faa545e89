//! Computing the output of every scheme. The cost has been checked before.

use std::num::NonZeroU32;

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{self, phc},
};
use aws_lc_rs::{
    cipher::{AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey},
    error::Unspecified,
    iv::FixedLength,
    pbkdf2, rand,
};

use super::{
    Password,
    hash::{HashError, PasswordHash},
    memory_pool::Guard,
    scheme::{Digest, HashScheme, ScryptCost},
};

/// bcrypt ignores the rest of a longer password.
const BCRYPT_KEY: usize = 72;
const AES_KEY: usize = 32;

/// Hashes a password with a random salt of 16 bytes.
pub(super) fn hash_password(
    argon2: &Argon2<'_>,
    memory: &mut Guard<'_>,
    password: &Password,
) -> Result<PasswordHash, HashError> {
    let mut salt = [0; 16];
    rand::fill(&mut salt)?;
    let mut out = [0; Params::DEFAULT_OUTPUT_LEN];
    argon2_into(argon2, password.expose().as_bytes(), &salt, memory, &mut out)?;
    let hash = phc::PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: argon2.params().try_into()?,
        salt: Some(phc::Salt::new(&salt).map_err(password_hash::Error::from)?),
        hash: Some(phc::Output::new(&out).map_err(password_hash::Error::from)?),
    };
    Ok(PasswordHash::from_stored(hash.to_string()))
}

/// Fills `out` with the hash of a password. `argon2` is the variant of Argon2, if that is the scheme.
pub(super) fn derive(
    scheme: HashScheme,
    argon2: (Algorithm, Version),
    password: &[u8],
    salt: &[u8],
    memory: &mut Guard<'_>,
    out: &mut [u8],
) -> Result<(), HashError> {
    #[cfg(test)]
    memory.record(scheme);
    match scheme {
        HashScheme::Argon2 { cost, .. } => {
            argon2_into(&Argon2::new(argon2.0, argon2.1, cost.params()?), password, salt, memory, out)
        }
        HashScheme::Pbkdf2 { digest, iterations } => pbkdf2_into(digest, iterations, password, salt, out),
        HashScheme::Scrypt(cost) => scrypt_into(cost, password, salt, out),
        HashScheme::Bcrypt { cost } => bcrypt_into(cost, password, salt, out),
        HashScheme::FirebaseScrypt(cost) => {
            let mut key = [0; AES_KEY];
            scrypt_into(cost, password, salt, &mut key)?;
            key_stream(&key, out).map_err(|_| HashError::Legacy)
        }
    }
}

/// The crate's own functions allocate memory for every hash; this one uses pooled memory.
fn argon2_into(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    memory: &mut Guard<'_>,
    out: &mut [u8],
) -> Result<(), HashError> {
    let blocks = memory.blocks(argon2.params().block_count());
    Ok(argon2.hash_password_into_with_memory(password, salt, out, blocks)?)
}

fn pbkdf2_into(digest: Digest, iterations: u32, password: &[u8], salt: &[u8], out: &mut [u8]) -> Result<(), HashError> {
    let algorithm = match digest {
        Digest::Sha1 => pbkdf2::PBKDF2_HMAC_SHA1,
        Digest::Sha256 => pbkdf2::PBKDF2_HMAC_SHA256,
        Digest::Sha512 => pbkdf2::PBKDF2_HMAC_SHA512,
    };
    let blocks = out.len().div_ceil(digest.length());
    let per_block = u32::try_from(blocks).ok().and_then(|blocks| iterations.checked_div(blocks));
    let per_block = per_block.and_then(NonZeroU32::new).ok_or(HashError::Legacy)?;
    pbkdf2::derive(algorithm, per_block, salt, password, out);
    Ok(())
}

fn scrypt_into(cost: ScryptCost, password: &[u8], salt: &[u8], out: &mut [u8]) -> Result<(), HashError> {
    let params = scrypt::Params::new(cost.log_n, cost.r, cost.p).map_err(|_| HashError::Legacy)?;
    scrypt::scrypt(password, salt, &params, out).map_err(|_| HashError::Legacy)
}

/// Versions 2a, 2b and 2y differ in bugs of old implementations only, which this one does not have.
fn bcrypt_into(cost: u8, password: &[u8], salt: &[u8], out: &mut [u8]) -> Result<(), HashError> {
    let mut key = [0; BCRYPT_KEY];
    let length = password.len().min(BCRYPT_KEY);
    key[..length].copy_from_slice(&password[..length]);
    // The terminating NUL is part of the key.
    let key = &key[..(length + 1).min(BCRYPT_KEY)];
    let salt = salt.try_into().map_err(|_| HashError::Legacy)?;
    let output = bcrypt::bcrypt(cost.into(), salt, key);
    // The 24th byte is not stored.
    out.copy_from_slice(output.get(..out.len()).ok_or(HashError::Legacy)?);
    Ok(())
}

/// The key stream of AES-256-CTR with an initialization vector of zeros. Firebase stores its sum with a key of the
/// project. <https://github.com/firebase/scrypt>
fn key_stream(key: &[u8; AES_KEY], out: &mut [u8]) -> Result<(), Unspecified> {
    out.fill(0);
    let key = EncryptingKey::ctr(UnboundCipherKey::new(&AES_256, key)?)?;
    key.less_safe_encrypt(out, EncryptionContext::Iv128(FixedLength::from([0; 16]))).map(drop)
}
