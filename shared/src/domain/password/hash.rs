//! Computing and comparing Argon2 hashes in PHC string format.

use std::{fmt, hint::black_box};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{self, phc},
};

use super::{
    Password,
    memory_pool::Guard,
    scheme::{HashScheme, UnusableHash},
    stored::StoredHash,
};

/// A hash as a PHC string, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// A stored hash. It is parsed when it is used.
    pub fn from_stored(phc_string: String) -> Self {
        Self(phc_string)
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How the hash was computed, or why it is not verified. Parses the hash and checks its cost, without computing
    /// anything.
    pub fn inspect(&self) -> Result<HashScheme, UnusableHash> {
        let scheme = StoredHash::parse(&self.0)?.scheme;
        scheme.check_cost()?;
        Ok(scheme)
    }
}

/// Hides the hash, which is enough to guess the password offline.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// The outcome of comparing a password with a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The password is right.
    Match {
        /// The hash has a lower cost or an older variant than the configured ones and should be replaced.
        outdated: bool,
    },
    /// The password is wrong, or there was no hash.
    Mismatch,
}

/// A failure to compute a hash, never a wrong password.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Argon2 failed: a stored hash that is not an Argon2 PHC string, no memory, or no random salt.
    #[error("password hash could not be computed")]
    Argon2(#[from] password_hash::Error),
    /// A cost outside Argon2's own limits.
    #[error("Argon2 does not support this cost")]
    Cost(#[from] argon2::Error),
    /// The computing thread has panicked or was cancelled. There is no source: `JoinError` shows the panic's message.
    #[error("password hash was not completed")]
    Abandoned,
}

/// Salt of the dummy hash that is computed if there is no account.
const DUMMY_SALT: &[u8] = b"dummy salt: none";

pub(super) fn compute(
    argon2: &Argon2<'_>,
    memory: &mut Guard<'_>,
    password: &Password,
) -> password_hash::Result<phc::PasswordHash> {
    let salt = phc::Salt::new(&password_hash::try_generate_salt()?)?;
    let hash = output(argon2, memory, password, &salt, Params::DEFAULT_OUTPUT_LEN)?;
    Ok(phc::PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: argon2.params().try_into()?,
        salt: Some(salt),
        hash: Some(hash),
    })
}

/// The crate's own functions allocate memory for every hash; this one uses pooled memory.
fn output(
    argon2: &Argon2<'_>,
    memory: &mut Guard<'_>,
    password: &Password,
    salt: &[u8],
    length: usize,
) -> password_hash::Result<phc::Output> {
    let mut out = [0; phc::Output::MAX_LENGTH];
    let out = out.get_mut(..length).ok_or(password_hash::Error::OutputSize)?;
    let blocks = memory.blocks(argon2.params().block_count());
    argon2.hash_password_into_with_memory(password.expose().as_bytes(), salt, out, blocks)?;
    Ok(phc::Output::new(out)?)
}

/// Compares a password with a hash, at the same cost whether there is a hash or not, and whether it matches: the
/// account of a right password may be disabled, and its response must not differ from that to a wrong password.
pub(super) fn compare(
    argon2: &Argon2<'_>,
    memory: &mut Guard<'_>,
    password: &Password,
    hash: Option<&PasswordHash>,
) -> password_hash::Result<Verdict> {
    let Some(hash) = hash else {
        black_box(output(argon2, memory, password, DUMMY_SALT, Params::DEFAULT_OUTPUT_LEN)?);
        return Ok(Verdict::Mismatch);
    };
    let hash = phc::PasswordHash::new(hash.as_str())?;
    let is_match = matches_hash(password, &hash, memory)?;
    equalize_work(argon2.params(), &Params::try_from(&hash)?, password, memory)?;
    Ok(if is_match { Verdict::Match { outdated: is_outdated(argon2.params(), &hash)? } } else { Verdict::Mismatch })
}

/// Whether the password has this hash, at the hash's own cost and variant. Compares in constant time.
fn matches_hash(password: &Password, hash: &phc::PasswordHash, memory: &mut Guard<'_>) -> password_hash::Result<bool> {
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
        return Err(password_hash::Error::EncodingInvalid);
    };
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from)?;
    let argon2 = Argon2::new(Algorithm::try_from(hash.algorithm.as_str())?, version, Params::try_from(hash)?);
    Ok(output(&argon2, memory, password, salt, expected.len())? == *expected)
}

/// Does the work that a hash of lower cost saved. Otherwise the response time would distinguish a password checked at
/// the hash's cost from that of an unknown user, checked at the configured one.
fn equalize_work(
    configured: &Params,
    stored: &Params,
    password: &Password,
    memory: &mut Guard<'_>,
) -> password_hash::Result<()> {
    let spent = u64::from(stored.m_cost()) * u64::from(stored.t_cost());
    let due = u64::from(configured.m_cost()) * u64::from(configured.t_cost());
    let missing = due.saturating_sub(spent) / u64::from(configured.t_cost());
    let kib = u32::try_from(missing).unwrap_or(configured.m_cost());
    if kib < Params::MIN_M_COST * configured.p_cost() {
        return Ok(());
    }
    let params = Params::new(kib, configured.t_cost(), configured.p_cost(), None)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    black_box(output(&argon2, memory, password, DUMMY_SALT, Params::DEFAULT_OUTPUT_LEN)?);
    Ok(())
}

/// A hash of higher cost is not replaced: lowering the configured cost must not weaken stored hashes.
fn is_outdated(configured: &Params, hash: &phc::PasswordHash) -> password_hash::Result<bool> {
    let stored = Params::try_from(hash)?;
    let older_variant =
        hash.algorithm.as_str() != Algorithm::Argon2id.as_str() || hash.version != Some(Version::V0x13.into());
    Ok(older_variant || stored.m_cost() < configured.m_cost() || stored.t_cost() < configured.t_cost())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_hides_the_hash() {
        assert_eq!(format!("{:?}", PasswordHash::from_stored("$argon2id$…".into())), "PasswordHash(..)");
    }
}
