//! Passwords and their Argon2id hashes (RFC 9106) in PHC string format.

mod memory_pool;
pub mod strength;

use std::{fmt, hint::black_box, sync::Arc, time::Instant};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{self, phc},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{sync::Semaphore, task};
use unicode_normalization::UnicodeNormalization;

use crate::domain::password::memory_pool::{Guard, MemoryPool};

/// Longest password that can be chosen, in octets.
pub const MAX_BYTES: usize = 1024;

/// OWASP's minimum for Argon2id (Password Storage Cheat Sheet): memory in KiB, iterations, lanes.
pub const OWASP_MINIMUM: Cost = Cost { memory_kib: 19_456, iterations: 2, parallelism: 1 };

/// A password in NFC, otherwise as it was typed (NIST SP 800-63B-4 3.1.1.2).
#[derive(Clone, Debug)]
pub struct Password(SecretString);

/// Why a password cannot be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer characters than the service asks for.
    #[error("must have at least {minimum} characters")]
    TooShort {
        /// The fewest characters that are taken.
        minimum: usize,
    },
    /// More than [`MAX_BYTES`].
    #[error("must not have more than 1024 octets")]
    TooLong,
}

impl Password {
    /// A password to compare with one that was chosen earlier: no rule applies.
    pub fn new(text: &str) -> Self {
        Self(text.nfc().collect::<String>().into())
    }

    /// A password that somebody chooses, of at least `minimum` characters (Unicode scalar values).
    pub fn choose(text: &str, minimum: usize) -> Result<Self, PasswordError> {
        let password = Self::new(text);
        if password.expose().len() > MAX_BYTES {
            return Err(PasswordError::TooLong);
        }
        if password.expose().chars().count() < minimum {
            return Err(PasswordError::TooShort { minimum });
        }
        Ok(password)
    }

    /// The password in clear.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// What one hash costs. The fields are Argon2's m, t and p.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes. They are computed one after the other.
    pub parallelism: u32,
}

/// A hash as PHC string, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(String);

impl PasswordHash {
    /// Takes a hash that was stored. It is looked at when it is used.
    pub fn from_stored(phc_string: String) -> Self {
        Self(phc_string)
    }

    /// The PHC string.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Prints no hash: it is enough to guess the password offline.
impl fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PasswordHash(..)")
    }
}

/// What came of comparing a password with a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is the password.
    Match {
        /// The hash was made at a lower cost, or by an older variant, than today's and should be replaced.
        outdated: bool,
    },
    /// It is not the password, or there was nothing to compare with.
    Mismatch,
}

/// A failure of the hash itself, never a wrong password.
#[derive(Debug, thiserror::Error)]
pub enum HashError {
    /// Argon2 could not compute: a stored hash that is no PHC string of Argon2, no memory, no random salt.
    #[error("password hash could not be computed")]
    Argon2(#[from] password_hash::Error),
    /// The cost is beyond Argon2's own limits.
    #[error("Argon2 does not take this cost")]
    Cost(#[from] argon2::Error),
    /// The thread that computed is gone.
    #[error("password hash was not finished")]
    Abandoned(#[from] task::JoinError),
}

/// Makes and checks hashes at one cost, on threads of their own: a hash takes tens of milliseconds of CPU.
#[derive(Clone)]
pub struct Hasher {
    argon2: Argon2<'static>,
    memory: Arc<MemoryPool>,
    /// A place for each processor. More hashes at once would only take memory from each other, 19 MiB each.
    places: Arc<Semaphore>,
}

impl Hasher {
    /// A hasher at `cost`, for as many hashes at once as there are `processors`. Fails for a cost that Argon2 does not know
    /// (RFC 9106 3.1), such as less memory than 8 KiB a lane.
    pub fn new(cost: Cost, processors: usize) -> Result<Self, HashError> {
        let params = Params::new(cost.memory_kib, cost.iterations, cost.parallelism, None)?;
        Ok(Self {
            memory: Arc::new(MemoryPool::new(params.block_count())),
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, params),
            places: Arc::new(Semaphore::new(processors)),
        })
    }

    /// Hashes a password with a random salt of 16 octets.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, HashError> {
        let argon2 = self.argon2.clone();
        let hash = self.compute(move |memory| make(&argon2, memory, &password)).await??;
        Ok(PasswordHash(hash.to_string()))
    }

    /// Compares a password with a hash, in constant time. Without a hash, because nobody has this address,
    /// the same work is done and the verdict is [`Verdict::Mismatch`]: the time tells nothing.
    pub async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<Verdict, HashError> {
        let argon2 = self.argon2.clone();
        self.compute(move |memory| compare(&argon2, memory, &password, hash.as_ref())).await?.map_err(HashError::from)
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Guard<'_>) -> T + Send + 'static,
    ) -> Result<T, task::JoinError> {
        let begun = Instant::now();
        // The semaphore is never closed; were it, hashing without a place would still be right.
        let place = self.places.clone().acquire_owned().await.ok();
        let memory = self.memory.clone();
        let outcome = task::spawn_blocking(move || {
            let outcome = work(&mut memory.acquire());
            drop(place);
            outcome
        })
        .await;
        metrics::histogram!("HashMilliseconds").record(begun.elapsed().as_secs_f64() * 1000.0);
        outcome
    }
}

/// What nobody's hash is made with.
const DUMMY_SALT: &[u8] = b"nobody lives here";

fn make(argon2: &Argon2<'_>, memory: &mut Guard<'_>, password: &Password) -> password_hash::Result<phc::PasswordHash> {
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

/// The crate's own functions take memory of their own for each hash; this one takes what is guard.
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

fn compare(
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
    if matches_hash(password, &hash, memory)? {
        return Ok(Verdict::Match { outdated: is_outdated(argon2.params(), &hash)? });
    }
    equalize_work(argon2.params(), &Params::try_from(&hash)?, password, memory)?;
    Ok(Verdict::Mismatch)
}

/// Whether a hash is this password's, at the cost and by the variant that the hash names. Outputs compare in constant time.
fn matches_hash(password: &Password, hash: &phc::PasswordHash, memory: &mut Guard<'_>) -> password_hash::Result<bool> {
    let (Some(salt), Some(expected)) = (&hash.salt, &hash.hash) else {
        return Err(password_hash::Error::EncodingInvalid);
    };
    let version = hash.version.map_or(Ok(Version::default()), Version::try_from)?;
    let argon2 = Argon2::new(Algorithm::try_from(hash.algorithm.as_str())?, version, Params::try_from(hash)?);
    Ok(output(&argon2, memory, password, salt, expected.len())? == *expected)
}

/// Does the work that a hash of an earlier, lower cost saved: otherwise the time would tell a wrong password, at the cost of
/// that day, from an unknown user, at today's.
fn equalize_work(
    today: &Params,
    then: &Params,
    password: &Password,
    memory: &mut Guard<'_>,
) -> password_hash::Result<()> {
    let spent = u64::from(then.m_cost()) * u64::from(then.t_cost());
    let due = u64::from(today.m_cost()) * u64::from(today.t_cost());
    let missing = due.saturating_sub(spent) / u64::from(today.t_cost());
    let kib = u32::try_from(missing).unwrap_or(today.m_cost());
    if kib < Params::MIN_M_COST * today.p_cost() {
        return Ok(());
    }
    let params = Params::new(kib, today.t_cost(), today.p_cost(), None)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    black_box(output(&argon2, memory, password, DUMMY_SALT, Params::DEFAULT_OUTPUT_LEN)?);
    Ok(())
}

/// A hash that cost more than today's is kept: an operator who lowers the cost does not weaken what is stored.
fn is_outdated(today: &Params, hash: &phc::PasswordHash) -> password_hash::Result<bool> {
    let then = Params::try_from(hash)?;
    let older_variant =
        hash.algorithm.as_str() != Algorithm::Argon2id.as_str() || hash.version != Some(Version::V0x13.into());
    Ok(older_variant || then.m_cost() < today.m_cost() || then.t_cost() < today.t_cost())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use argon2::PasswordHasher as _;

    use super::*;

    const LOW: Cost = Cost { memory_kib: 64, iterations: 1, parallelism: 1 };

    fn hasher(cost: Cost) -> Hasher {
        Hasher::new(cost, 2).unwrap()
    }

    #[tokio::test]
    async fn a_password_matches_its_own_hash_only() {
        let hasher = hasher(OWASP_MINIMUM);
        let hash = hasher.hash(Password::new("correct horse")).await.unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        let verdict = hasher.verify(Password::new("correct horse"), Some(hash.clone())).await.unwrap();
        assert_eq!(verdict, Verdict::Match { outdated: false });
        for other in ["correct horse ", "Correct horse", "", "correct"] {
            assert_eq!(hasher.verify(Password::new(other), Some(hash.clone())).await.unwrap(), Verdict::Mismatch);
        }
    }

    #[tokio::test]
    async fn two_hashes_of_one_password_differ() {
        let hasher = hasher(LOW);
        let first = hasher.hash(Password::new("correct horse")).await.unwrap();
        assert_ne!(first, hasher.hash(Password::new("correct horse")).await.unwrap());
    }

    #[tokio::test]
    async fn nfc_and_nfd_are_one_password() {
        let hasher = hasher(LOW);
        let hash = hasher.hash(Password::new("Zo\u{eb} Zo\u{eb}")).await.unwrap();
        let typed = Password::new("Zoe\u{308} Zoe\u{308}");
        assert_eq!(hasher.verify(typed, Some(hash)).await.unwrap(), Verdict::Match { outdated: false });
    }

    #[tokio::test]
    async fn without_a_hash_nothing_matches() {
        assert_eq!(hasher(LOW).verify(Password::new("correct horse"), None).await.unwrap(), Verdict::Mismatch);
    }

    /// Far apart on purpose: this is to notice work that is left out, not to measure.
    #[tokio::test]
    async fn an_unknown_user_a_wrong_password_and_an_outdated_hash_cost_about_the_same() {
        let (today, earlier) =
            (hasher(OWASP_MINIMUM), hasher(Cost { memory_kib: 1024, iterations: 1, parallelism: 1 }));
        let current = today.hash(Password::new("correct horse")).await.unwrap();
        let outdated = earlier.hash(Password::new("correct horse")).await.unwrap();
        let mut times = [(Some(&current), Vec::new()), (None, Vec::new()), (Some(&outdated), Vec::new())];
        // One after the other in each round, so that a machine that is busy for a while is so for all.
        for _ in 0..9 {
            for (hash, times) in &mut times {
                let started = Instant::now();
                assert_eq!(today.verify(Password::new("wrong"), hash.cloned()).await.unwrap(), Verdict::Mismatch);
                times.push(started.elapsed());
            }
        }
        let [known, unknown, outdated] = times.map(|(_, mut times)| {
            times.sort();
            times[4].as_secs_f64()
        });
        for (what, time) in [("unknown", unknown), ("outdated", outdated)] {
            assert!((0.25..4.0).contains(&(time / known)), "{what}: {time} s beside {known} s");
        }
    }

    #[tokio::test]
    async fn a_hash_of_lower_cost_is_outdated_and_one_of_higher_cost_is_not() {
        let low = hasher(LOW);
        let high = hasher(Cost { memory_kib: 128, iterations: 2, parallelism: 1 });
        let password = Password::new("correct horse");
        let weak = low.hash(password.clone()).await.unwrap();
        let strong = high.hash(password.clone()).await.unwrap();
        assert_eq!(high.verify(password.clone(), Some(weak)).await.unwrap(), Verdict::Match { outdated: true });
        assert_eq!(low.verify(password, Some(strong)).await.unwrap(), Verdict::Match { outdated: false });
    }

    #[tokio::test]
    async fn a_hash_of_argon2i_is_checked_and_outdated() {
        let params = Params::new(64, 1, 1, None).unwrap();
        let older = Argon2::new(Algorithm::Argon2i, Version::V0x13, params);
        let hash = PasswordHash::from_stored(older.hash_password(b"correct horse").unwrap().to_string());
        let verdict = hasher(LOW).verify(Password::new("correct horse"), Some(hash)).await.unwrap();
        assert_eq!(verdict, Verdict::Match { outdated: true });
    }

    #[tokio::test]
    async fn a_stored_hash_that_is_none_is_an_error_and_not_a_wrong_password() {
        for stored in ["not a hash", "$argon2id$v=19$m=64,t=1,p=1", "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ"] {
            let hash = PasswordHash::from_stored(stored.to_owned());
            assert!(hasher(LOW).verify(Password::new("correct horse"), Some(hash)).await.is_err(), "{stored}");
        }
    }

    #[test]
    fn length_is_counted_in_characters_at_least_and_in_octets_at_most() {
        assert_eq!(Password::choose("äöüäöüä", 8).err(), Some(PasswordError::TooShort { minimum: 8 }));
        assert!(Password::choose("äöüäöüäö", 8).is_ok());
        assert!(Password::choose(&"a".repeat(1024), 8).is_ok());
        assert_eq!(Password::choose(&"a".repeat(1025), 8).err(), Some(PasswordError::TooLong));
    }

    #[test]
    fn surrounding_space_is_part_of_a_password() {
        assert_eq!(Password::new("  a b  ").expose(), "  a b  ");
    }

    #[test]
    fn debug_output_shows_neither_password_nor_hash() {
        assert!(!format!("{:?}", Password::new("hunter2hunter2")).contains("hunter2"));
        assert_eq!(format!("{:?}", PasswordHash::from_stored("$argon2id$…".into())), "PasswordHash(..)");
    }
}
