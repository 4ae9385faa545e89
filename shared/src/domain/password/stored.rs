//! Parsing stored hashes: PHC strings (<https://github.com/P-H-C/phc-string-format>) and bcrypt strings.

use argon2::{Algorithm, Version};
use base64::{
    Engine as _,
    engine::{
        GeneralPurpose,
        general_purpose::{NO_PAD, STANDARD_NO_PAD},
    },
};

use super::scheme::{Cost, Digest, HashScheme, ScryptCost, UnusableHash, argon2_variant};

/// Longer than any supported hash, in bytes.
const MAX_LENGTH: usize = 512;
/// Lengths that RFC 9106 section 3.1 and the formats of other systems leave possible, in bytes.
const SALTS: std::ops::RangeInclusive<usize> = 1..=64;
const OUTPUTS: std::ops::RangeInclusive<usize> = 16..=64;
/// bcrypt's own Base64 alphabet.
const BCRYPT_BASE64: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::BCRYPT, NO_PAD);

/// A parsed hash whose scheme is supported. Its cost has not been checked.
#[derive(Debug)]
pub(super) struct StoredHash {
    pub(super) scheme: HashScheme,
    /// Which of Argon2's variants, if the scheme is Argon2.
    pub(super) argon2: (Algorithm, Version),
    pub(super) salt: Vec<u8>,
    /// The output, or Firebase's key stream.
    pub(super) expected: Vec<u8>,
}

impl StoredHash {
    pub(super) fn parse(text: &str) -> Result<Self, UnusableHash> {
        let unknown = || UnusableHash::UnknownFormat;
        if text.len() > MAX_LENGTH {
            return Err(UnusableHash::Malformed("longer than 512 bytes"));
        }
        let (id, rest) = text.strip_prefix('$').and_then(|text| text.split_once('$')).ok_or_else(unknown)?;
        match id {
            "2a" | "2b" | "2y" => bcrypt(rest),
            "scrypt" => scrypt(rest, HashScheme::Scrypt),
            "firebase-scrypt" => scrypt(rest, HashScheme::FirebaseScrypt),
            "pbkdf2-sha1" => pbkdf2(rest, Digest::Sha1),
            "pbkdf2-sha256" => pbkdf2(rest, Digest::Sha256),
            "pbkdf2-sha512" => pbkdf2(rest, Digest::Sha512),
            variant => argon2(rest, argon2_variant(variant).ok_or_else(unknown)?),
        }
    }
}

/// `COST$` and 22 characters of salt, 31 of hash.
fn bcrypt(text: &str) -> Result<StoredHash, UnusableHash> {
    let (cost, data) = text.split_once('$').ok_or(UnusableHash::Malformed("bcrypt without a cost"))?;
    if cost.len() != 2 || data.len() != 53 || !data.is_ascii() {
        return Err(UnusableHash::Malformed("bcrypt hashes have 60 characters"));
    }
    let cost = cost.strip_prefix('0').unwrap_or(cost);
    let cost = u8::try_from(number(cost)?).map_err(|_| UnusableHash::Malformed("bcrypt cost"))?;
    let (salt, hash) = data.split_at(22);
    let decode = |text| BCRYPT_BASE64.decode(text).map_err(|_| UnusableHash::Malformed("bcrypt Base64"));
    Ok(StoredHash::of(HashScheme::Bcrypt { cost }, decode(salt)?, decode(hash)?))
}

/// `ln=LN,r=R,p=P$SALT$HASH`
fn scrypt(text: &str, scheme: fn(ScryptCost) -> HashScheme) -> Result<StoredHash, UnusableHash> {
    let (parameters, data) = fields(text)?;
    let [log_n, r, p] = named(parameters, ["ln", "r", "p"])?;
    let log_n = u8::try_from(required(log_n)?).unwrap_or(u8::MAX);
    let (salt, expected) = salt_and_hash(data)?;
    Ok(StoredHash::of(scheme(ScryptCost { log_n, r: required(r)?, p: required(p)? }), salt, expected))
}

/// `i=ITERATIONS[,l=LENGTH]$SALT$HASH`
fn pbkdf2(text: &str, digest: Digest) -> Result<StoredHash, UnusableHash> {
    let (parameters, data) = fields(text)?;
    let [iterations, length] = named(parameters, ["i", "l"])?;
    let (salt, expected) = salt_and_hash(data)?;
    if length.is_some_and(|length| u32::try_from(expected.len()) != Ok(length)) {
        return Err(UnusableHash::Malformed("l is not the length of the hash"));
    }
    let blocks = u32::try_from(expected.len().div_ceil(digest.length())).unwrap_or(u32::MAX);
    let iterations = required(iterations)?.saturating_mul(blocks);
    Ok(StoredHash::of(HashScheme::Pbkdf2 { digest, iterations }, salt, expected))
}

/// `[v=VERSION$]m=MEMORY,t=ITERATIONS,p=PARALLELISM$SALT$HASH`
fn argon2(text: &str, variant: Algorithm) -> Result<StoredHash, UnusableHash> {
    let (version, text) = match text.split_once('$') {
        Some((version, rest)) if version.starts_with("v=") => (version, rest),
        // As the reference implementation, whose first version wrote none.
        _ => ("v=16", text),
    };
    let version = match version {
        "v=16" => Version::V0x10,
        "v=19" => Version::V0x13,
        _ => return Err(UnusableHash::Malformed("unknown version of Argon2")),
    };
    let (parameters, data) = fields(text)?;
    let [memory, iterations, parallelism] = named(parameters, ["m", "t", "p"])?;
    let (salt, expected) = salt_and_hash(data)?;
    if salt.len() < argon2::MIN_SALT_LEN {
        return Err(UnusableHash::Malformed("Argon2 salts have at least 8 bytes"));
    }
    let scheme = HashScheme::Argon2 {
        current: (variant, version) == (Algorithm::Argon2id, Version::V0x13),
        cost: Cost {
            memory_kib: required(memory)?,
            iterations: required(iterations)?,
            parallelism: required(parallelism)?,
        },
    };
    Ok(StoredHash { argon2: (variant, version), ..StoredHash::of(scheme, salt, expected) })
}

impl StoredHash {
    fn of(scheme: HashScheme, salt: Vec<u8>, expected: Vec<u8>) -> Self {
        Self { scheme, argon2: (Algorithm::Argon2id, Version::V0x13), salt, expected }
    }
}

/// Parameters, and salt with hash.
fn fields(text: &str) -> Result<(&str, &str), UnusableHash> {
    text.split_once('$').ok_or(UnusableHash::Malformed("no salt"))
}

fn salt_and_hash(text: &str) -> Result<(Vec<u8>, Vec<u8>), UnusableHash> {
    let (salt, hash) = text.split_once('$').ok_or(UnusableHash::Malformed("no hash"))?;
    let decode = |text| STANDARD_NO_PAD.decode(text).map_err(|_| UnusableHash::Malformed("Base64"));
    let (salt, hash) = (decode(salt)?, decode(hash)?);
    if !SALTS.contains(&salt.len()) {
        return Err(UnusableHash::Malformed("salts have 1 to 64 bytes"));
    }
    if !OUTPUTS.contains(&hash.len()) {
        return Err(UnusableHash::Malformed("hashes have 16 to 64 bytes"));
    }
    Ok((salt, hash))
}

/// The values of `name=value` pairs in any order, without other names.
fn named<const N: usize>(text: &str, names: [&str; N]) -> Result<[Option<u32>; N], UnusableHash> {
    let mut values = [None; N];
    for pair in text.split(',') {
        let (name, value) = pair.split_once('=').ok_or(UnusableHash::Malformed("no parameters"))?;
        let slot = names.iter().zip(&mut values).find(|(known, _)| **known == name);
        let (_, slot) = slot.ok_or(UnusableHash::Malformed("unknown parameter"))?;
        if slot.replace(number(value)?).is_some() {
            return Err(UnusableHash::Malformed("a parameter occurs twice"));
        }
    }
    Ok(values)
}

fn required(value: Option<u32>) -> Result<u32, UnusableHash> {
    value.ok_or(UnusableHash::Malformed("a parameter is missing"))
}

/// A decimal number without sign or leading zeros. One beyond 32 bits is too large for each of the limits.
pub(super) fn number(text: &str) -> Result<u32, UnusableHash> {
    let is_decimal = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    if !is_decimal || (text.len() > 1 && text.starts_with('0')) {
        return Err(UnusableHash::Malformed("a parameter is not a number"));
    }
    Ok(text.parse().unwrap_or(u32::MAX))
}
