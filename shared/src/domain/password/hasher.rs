//! Hashing passwords on blocking threads.

use std::sync::Arc;

use argon2::{Algorithm, Argon2, Version};
use tokio::{sync::Semaphore, task};
use tracing::Span;

use super::{
    Cost, HashError, LegacyHashes, Password, PasswordHash, Verdict,
    derive::hash_password,
    memory_pool::{Guard, MemoryPool},
    verify::Comparison,
};

/// Computes and compares hashes at one cost, on blocking threads: a hash takes tens of milliseconds of CPU.
#[derive(Clone)]
pub struct Hasher {
    argon2: Argon2<'static>,
    comparison: Arc<Comparison>,
    memory: Arc<MemoryPool>,
    /// One permit per processor: more hashes at once would not be faster and need more memory.
    permits: Arc<Semaphore>,
}

impl Hasher {
    /// A hasher at `cost` for `processors` concurrent hashes. Fails for a cost that Argon2 does not support (RFC 9106
    /// section 3.1), such as less memory than 8 KiB per lane.
    pub fn new(cost: Cost, processors: usize) -> Result<Self, HashError> {
        Self::with_legacy_hashes(cost, processors, LegacyHashes::default())
    }

    /// A hasher that does the work of these schemes in every comparison, whatever the scheme of the hash is.
    pub fn with_legacy_hashes(cost: Cost, processors: usize, listed: LegacyHashes) -> Result<Self, HashError> {
        let comparison = Comparison::new(cost, listed);
        Ok(Self {
            memory: Arc::new(MemoryPool::new(comparison.blocks()?)),
            comparison: Arc::new(comparison),
            argon2: Argon2::new(Algorithm::Argon2id, Version::V0x13, cost.params()?),
            permits: Arc::new(Semaphore::new(processors)),
        })
    }

    /// The value of `LEGACY_HASHES` with which comparisons also cover this hash; `None` if they already do. It may
    /// exceed the limit that [`LegacyHashes::check_time`] enforces.
    pub fn missing_legacy_hashes(&self, hash: &PasswordHash) -> Option<LegacyHashes> {
        let scheme = self.comparison.unlisted(hash)?;
        Some(self.comparison.listed_with(scheme))
    }

    /// Hashes a password with a random salt of 16 bytes.
    pub async fn hash(&self, password: Password) -> Result<PasswordHash, HashError> {
        let argon2 = self.argon2.clone();
        self.compute(move |memory| hash_password(&argon2, memory, &password)).await?
    }

    /// Compares a password with a hash in constant time. Without a hash, for an unknown user, the same work is done
    /// and the verdict is [`Verdict::Mismatch`], so the response time does not reveal whether an account exists. The
    /// same holds for a hash that cannot be verified; its cost is not computed.
    pub async fn verify(&self, password: Password, hash: Option<PasswordHash>) -> Result<Verdict, HashError> {
        let comparison = self.comparison.clone();
        self.compute(move |memory| comparison.verify(memory, &password, hash.as_ref())).await?
    }

    async fn compute<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Guard<'_>) -> T + Send + 'static,
    ) -> Result<T, HashError> {
        // The semaphore is never closed. If it were, hashing without a permit would still be correct.
        let permit = self.permits.clone().acquire_owned().await.ok();
        let memory = self.memory.clone();
        // The line of a panic has the identifier of the request.
        let span = Span::current();
        task::spawn_blocking(move || {
            let outcome = span.in_scope(|| work(&mut memory.acquire()));
            drop(permit);
            outcome
        })
        .await
        .map_err(|_| HashError::Abandoned)
    }

    /// The error after a panic in the computing thread.
    #[cfg(test)]
    pub(crate) async fn forced_panic(&self, message: String) -> HashError {
        self.compute(move |_| assert!(message.is_empty(), "{message}")).await.unwrap_err()
    }
}

#[cfg(test)]
mod tests {
    use argon2::{Params, PasswordHasher as _};

    use super::{
        super::{HashScheme, OWASP_MINIMUM},
        *,
    };
    use crate::domain::error_chain::causes;

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
    async fn no_password_matches_without_a_hash() {
        assert_eq!(hasher(LOW).verify(Password::new("correct horse"), None).await.unwrap(), Verdict::Mismatch);
    }

    #[tokio::test]
    async fn each_comparison_does_the_same_work_with_an_outdated_hash_a_right_password_or_no_hash() {
        let (current_cost, low_cost) =
            (hasher(OWASP_MINIMUM), hasher(Cost { memory_kib: 1024, iterations: 1, parallelism: 1 }));
        let current = current_cost.hash(Password::new("correct horse")).await.unwrap();
        let outdated = low_cost.hash(Password::new("correct horse")).await.unwrap();
        let wrong = "wrong";
        // The account of a right password may be disabled, and then its response is that to a wrong one.
        let right = "correct horse";
        for (hash, password) in [
            (Some(&current), wrong),
            (None, wrong),
            (Some(&outdated), wrong),
            (Some(&current), right),
            (Some(&outdated), right),
        ] {
            let verdict = current_cost.verify(Password::new(password), hash.cloned()).await.unwrap();
            assert_eq!(verdict == Verdict::Mismatch, password == wrong);
            let computed = current_cost.memory.take_computed();
            let work: u64 = computed.iter().map(HashScheme::work).sum();
            assert_eq!(work, 2 * 19_456, "{hash:?} {password}: {computed:?}");
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
    async fn a_hash_of_argon2i_is_verified_and_outdated() {
        let params = Params::new(64, 1, 1, None).unwrap();
        let older = Argon2::new(Algorithm::Argon2i, Version::V0x13, params);
        let hash = PasswordHash::from_stored(older.hash_password(b"correct horse").unwrap().to_string());
        let verdict = hasher(LOW).verify(Password::new("correct horse"), Some(hash)).await.unwrap();
        assert_eq!(verdict, Verdict::Match { outdated: true });
    }

    #[tokio::test]
    async fn a_panic_while_hashing_is_an_error_without_its_message() {
        let error = hasher(LOW).forced_panic("swordfish".to_owned()).await;
        assert!(matches!(error, HashError::Abandoned), "{error:?}");
        assert!(!format!("{error:?} {}", causes(&error)).contains("swordfish"), "{error:?}");
    }

    #[tokio::test]
    async fn a_malformed_stored_hash_is_not_compared() {
        for stored in ["not a hash", "$argon2id$v=19$m=64,t=1,p=1", "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ"] {
            let hash = PasswordHash::from_stored(stored.to_owned());
            let verdict = hasher(LOW).verify(Password::new("correct horse"), Some(hash)).await.unwrap();
            assert!(matches!(verdict, Verdict::Unusable(_)), "{stored}: {verdict:?}");
        }
    }
}
