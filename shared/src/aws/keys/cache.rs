//! Cached keys: read during the cold start, and again while the function runs.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use aws_config::SdkConfig;
use secrecy::ExposeSecret;
use tokio::{sync::Mutex, time::Instant};
use tracing::{info, warn};

use super::source::{self, KeyReadError};
use crate::{
    config::{KeyPolicy, KeySource, SECRET_KEY, SigningKeySettings, VerifyingKeySettings, VerifyingKeySource},
    domain::{
        error_chain::causes,
        keys::{KeySetError, SigningKeySet, VerifyingKeySet},
        time::UnixMillis,
        token::{TokenError, VerifiedToken, Verifier},
    },
};

/// Shortest time between two reads that an unknown `kid` or a failure causes.
const PAUSE: Duration = Duration::from_secs(10);

/// Unavailable or invalid keys. The text names the variable, never a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyCacheError {
    /// The location cannot be read.
    #[error("{variable}: the stored value cannot be used")]
    Unreadable {
        /// The variable that names the location.
        variable: &'static str,
        /// Why it cannot be read.
        source: KeyReadError,
    },
    /// The keys are rejected.
    #[error("{variable}: the stored value {problem}")]
    Invalid {
        /// The variable that names the location.
        variable: &'static str,
        /// Why they are rejected.
        problem: KeySetError,
    },
}

type Reading<K> = Pin<Box<dyn Future<Output = Result<K, KeyCacheError>> + Send>>;
type Source<K> = Box<dyn Fn() -> Reading<K> + Send + Sync>;

/// Keys of one kind, and how to read newer ones.
pub struct KeyCache<K> {
    state: RwLock<CacheState<K>>,
    /// Held while the source is read, so that many requests cause a single read.
    reading: Mutex<()>,
    /// `None` if the keys are part of the settings.
    source: Option<Source<K>>,
    refresh: Duration,
}

struct CacheState<K> {
    keys: Arc<K>,
    /// When the source was last read, successfully or not.
    tried_at: UnixMillis,
    /// When it was last read successfully.
    read_at: UnixMillis,
    /// When an unknown `kid` last caused a read.
    last_forced_refresh: Option<UnixMillis>,
}

/// The signing keys, for `login`.
pub async fn signing(
    settings: &SigningKeySettings,
    aws: &SdkConfig,
    now: UnixMillis,
) -> Result<KeyCache<SigningKeySet>, KeyCacheError> {
    from_secret(&settings.source, settings.policy, aws, now, |keys| keys).await
}

/// The verifying keys, for `list-users`. With HS256 they are the signing keys.
pub async fn verifying(
    settings: &VerifyingKeySettings,
    aws: &SdkConfig,
    now: UnixMillis,
) -> Result<KeyCache<VerifyingKeySet>, KeyCacheError> {
    let policy = settings.policy;
    match &settings.source {
        VerifyingKeySource::Secret(source) => {
            from_secret(source, policy, aws, now, SigningKeySet::into_verifying).await
        }
        VerifyingKeySource::Public(source) => {
            let parse = move |text: &str| VerifyingKeySet::parse_public(text, policy.algorithm, policy.deployment);
            KeyCache::load(source, aws, parse, policy.refresh, now).await
        }
    }
}

async fn from_secret<K: Send + Sync + 'static>(
    source: &KeySource,
    policy: KeyPolicy,
    aws: &SdkConfig,
    now: UnixMillis,
    kind: impl Fn(SigningKeySet) -> K + Copy + Send + Sync + 'static,
) -> Result<KeyCache<K>, KeyCacheError> {
    let parse = move |text: &str| SigningKeySet::parse(text, policy.algorithm, policy.deployment).map(kind);
    KeyCache::load(source, aws, parse, policy.refresh, now).await
}

impl<K: Send + Sync + 'static> KeyCache<K> {
    /// Keys that never change.
    pub fn fixed(keys: K) -> Self {
        Self::new(keys, None, Duration::MAX, UnixMillis::default())
    }

    /// `read_at`: when the read began that returned the keys.
    fn new(keys: K, source: Option<Source<K>>, refresh: Duration, read_at: UnixMillis) -> Self {
        let state = CacheState { keys: Arc::new(keys), tried_at: read_at, read_at, last_forced_refresh: None };
        Self { state: RwLock::new(state), reading: Mutex::new(()), source, refresh }
    }

    /// Keys from a source, which is read again after `refresh`.
    async fn load(
        source: &KeySource,
        aws: &SdkConfig,
        parse: impl Fn(&str) -> Result<K, KeySetError> + Copy + Send + Sync + 'static,
        refresh: Duration,
        now: UnixMillis,
    ) -> Result<Self, KeyCacheError> {
        let (location, variable) = match source {
            KeySource::Inline(text) => {
                let variable = SECRET_KEY.name;
                let keys = parse(text.expose_secret());
                return keys.map(Self::fixed).map_err(|problem| KeyCacheError::Invalid { variable, problem });
            }
            KeySource::Stored(location, variable) => (location.clone(), *variable),
        };
        let aws = aws.clone();
        let read = move || -> Reading<K> {
            let (location, aws) = (location.clone(), aws.clone());
            Box::pin(async move {
                let text = source::read(&location, &aws).await;
                let text = text.map_err(|source| KeyCacheError::Unreadable { variable, source })?;
                parse(text.expose_secret()).map_err(|problem| KeyCacheError::Invalid { variable, problem })
            })
        };
        Ok(Self::new(read().await?, Some(Box::new(read)), refresh, now))
    }

    /// The keys, not older than the refresh time unless the source fails.
    pub async fn current(&self, now: UnixMillis) -> Arc<K> {
        if !self.with_state(|state| self.is_due(state, now)) {
            return self.keys();
        }
        let _one_at_a_time = self.reading.lock().await;
        if self.with_state(|state| self.is_due(state, now)) {
            self.read_again(now).await;
        }
        self.keys()
    }

    /// How long after `now` these keys may be cached by clients.
    pub fn fresh_for(&self, now: UnixMillis) -> Duration {
        let age = self.with_state(|state| now.since(state.read_at));
        if self.source.is_some() { self.refresh.saturating_sub(age) } else { self.refresh }
    }

    /// The keys after a token named one that is not in `known`. This causes at most one read in 10 s.
    async fn after_unknown(&self, known: &Arc<K>, now: UnixMillis) -> Arc<K> {
        let _one_at_a_time = self.reading.lock().await;
        // A request that waited here uses the result of the read that it waited for.
        let is_newer = !Arc::ptr_eq(known, &self.keys());
        if !is_newer
            && self.source.is_some()
            && self.with_state(|state| state.last_forced_refresh.is_none_or(|at| has_passed(at, PAUSE, now)))
        {
            self.with_state_mut(|state| state.last_forced_refresh = Some(now));
            self.read_again(now).await;
        }
        self.keys()
    }

    /// After a failure the source is not read for a while, since all requests wait for it.
    fn is_due(&self, state: &CacheState<K>, now: UnixMillis) -> bool {
        let failed = state.tried_at != state.read_at;
        self.source.is_some()
            && has_passed(state.read_at, self.refresh, now)
            && (!failed || has_passed(state.tried_at, PAUSE.min(self.refresh), now))
    }

    async fn read_again(&self, now: UnixMillis) {
        let Some(source) = &self.source else { return };
        let started = Instant::now();
        match source().await {
            Ok(keys) => {
                self.with_state_mut(|state| {
                    (state.keys, state.tried_at, state.read_at) = (Arc::new(keys), now, now);
                });
                info!("keys were refreshed");
            }
            Err(error) => {
                // The pause begins when the attempt ends: requests that waited for it have waited long enough. The
                // extra millisecond tells a failure from a success at the same time.
                let ended = now + started.elapsed().max(Duration::from_millis(1));
                self.with_state_mut(|state| state.tried_at = ended);
                warn!(cause = causes(&error), "keys could not be refreshed; the cached keys stay in use");
            }
        }
    }

    /// The cached keys, whatever their age.
    pub fn keys(&self) -> Arc<K> {
        self.with_state(|state| state.keys.clone())
    }

    // A thread that panicked while holding the lock left consistent data: each change is one assignment.
    fn with_state<T>(&self, look: impl FnOnce(&CacheState<K>) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_state_mut(&self, change: impl FnOnce(&mut CacheState<K>)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<K: AsRef<VerifyingKeySet> + Send + Sync + 'static> KeyCache<K> {
    /// Verifies a token. An unknown `kid` causes the keys to be read again.
    pub async fn verify(&self, verifier: &Verifier, token: &str, now: UnixMillis) -> Result<VerifiedToken, TokenError> {
        let keys = self.current(now).await;
        match verifier.verify(token, (*keys).as_ref(), now.seconds()) {
            Err(TokenError::UnknownKey) => {
                let newer = self.after_unknown(&keys, now).await;
                verifier.verify(token, (*newer).as_ref(), now.seconds())
            }
            outcome => outcome,
        }
    }
}

/// Whether `period` has passed since `start`. A clock that was set back by more than [`PAUSE`] counts as yes: one
/// read too many does no harm. A `now` that is moments earlier belongs to a request that waited while another one
/// read.
fn has_passed(start: UnixMillis, period: Duration, now: UnixMillis) -> bool {
    if now < start { start.since(now) > PAUSE } else { now.since(start) >= period }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::domain::{
        deployment::Deployment,
        keys::{Algorithm, Jwk, JwkSet},
        session::SessionId,
        time::UnixSeconds,
        token::{ClaimSelection, Grant, Issuer, IssuerConfig, TokenBinding, VerifierConfig},
        user::PublicId,
    };

    const REFRESH: Duration = Duration::from_secs(300);

    /// A source: its content, or `None` if it fails, and how often it was read.
    #[derive(Clone, Default)]
    struct FakeSource(Arc<(RwLock<Option<String>>, AtomicUsize)>);

    impl FakeSource {
        fn set(&self, keys: Option<&[Jwk]>) {
            *self.0.0.write().unwrap() = keys.map(|keys| JwkSet::new(keys.to_vec()).to_json());
        }

        fn reads(&self) -> usize {
            self.0.1.load(Ordering::SeqCst)
        }

        fn cache(&self, start: UnixMillis) -> KeyCache<SigningKeySet> {
            let source = self.clone();
            let read = move || -> Reading<SigningKeySet> {
                source.0.1.fetch_add(1, Ordering::SeqCst);
                let text = source.0.0.read().unwrap().clone();
                Box::pin(async move {
                    // Lets other tasks run.
                    tokio::task::yield_now().await;
                    let text = text.ok_or(KeyReadError::TimedOut);
                    let text =
                        text.map_err(|source| KeyCacheError::Unreadable { variable: "JWT_SECRET_ARN", source })?;
                    SigningKeySet::parse(&text, Algorithm::EdDsa, Deployment::Aws)
                        .map_err(|problem| KeyCacheError::Invalid { variable: "JWT_SECRET_ARN", problem })
                })
            };
            let text = self.0.0.read().unwrap().clone().unwrap();
            let keys = SigningKeySet::parse(&text, Algorithm::EdDsa, Deployment::Aws).unwrap();
            KeyCache::new(keys, Some(Box::new(read)), REFRESH, start)
        }
    }

    fn key() -> Jwk {
        Jwk::generate(Algorithm::EdDsa, UnixSeconds::default()).unwrap()
    }

    fn token(key: &Jwk, now: UnixMillis) -> String {
        let keys =
            SigningKeySet::parse(&JwkSet::new(vec![key.clone()]).to_json(), Algorithm::EdDsa, Deployment::Aws).unwrap();
        let (issuer, lifetime) = ("postern".to_owned(), Duration::from_secs(3600));
        let issuer_of_tokens = Issuer::new(IssuerConfig {
            issuer,
            audience: Vec::new(),
            lifetime,
            not_before_delay: Duration::ZERO,
            user_claims: ClaimSelection::default(),
        });
        let binding = TokenBinding::Session(SessionId::from_bytes([0; 32]));
        let grant = Grant::new(PublicId::random(), binding);
        let signer = keys.signer(UnixSeconds::new(u64::MAX), REFRESH);
        issuer_of_tokens.issue(signer, grant, now.seconds()).unwrap().0
    }

    fn verifier() -> Verifier {
        let (issuer, leeway) = ("postern".to_owned(), Duration::ZERO);
        let checks = VerifierConfig { issuer, audience: None, leeway, nbf: true, iat: true, required: Vec::new() };
        Verifier::new(Algorithm::EdDsa, checks)
    }

    fn start() -> UnixMillis {
        UnixMillis::new(1_795_334_400_000)
    }

    #[tokio::test]
    async fn keys_are_refreshed_after_the_refresh_time_and_not_before() {
        let (source, old, new) = (FakeSource::default(), key(), key());
        source.set(Some(std::slice::from_ref(&old)));
        let cache = source.cache(start());
        source.set(Some(std::slice::from_ref(&new)));
        let now = start() + Duration::from_secs(REFRESH.as_secs() - 1);
        assert!(cache.verify(&verifier(), &token(&old, now), now).await.is_ok());
        assert_eq!(source.reads(), 0);
        let now = start() + REFRESH;
        assert!(matches!(cache.verify(&verifier(), &token(&old, now), now).await, Err(TokenError::UnknownKey)));
        assert!(cache.verify(&verifier(), &token(&new, now), now).await.is_ok());
        // One because of the refresh time, one because of the removed key.
        assert_eq!(source.reads(), 2);
    }

    #[tokio::test]
    async fn a_new_key_is_read_as_soon_as_a_token_names_it() {
        let (source, old, new) = (FakeSource::default(), key(), key());
        source.set(Some(std::slice::from_ref(&old)));
        let cache = source.cache(start());
        source.set(Some(&[new.clone(), old.clone()]));
        for key in [&new, &old] {
            assert!(cache.verify(&verifier(), &token(key, start()), start()).await.is_ok());
        }
        assert_eq!(source.reads(), 1);
    }

    #[tokio::test]
    async fn a_thousand_tokens_of_unknown_keys_cause_one_read_in_10_seconds() {
        let (source, known) = (FakeSource::default(), key());
        source.set(Some(std::slice::from_ref(&known)));
        let (cache, verifier) = (source.cache(start()), verifier());
        let unknown: Vec<String> = (0..1000).map(|_| token(&key(), start())).collect();
        let all = unknown.iter().map(|token| cache.verify(&verifier, token, start() + Duration::from_secs(1)));
        for outcome in concurrently(all).await {
            assert!(matches!(outcome, Err(TokenError::UnknownKey)));
        }
        assert_eq!(source.reads(), 1);
        for (second, reads) in [(10, 1), (11, 2), (12, 2)] {
            let now = start() + Duration::from_secs(second);
            assert!(cache.verify(&verifier, &unknown[0], now).await.is_err());
            assert_eq!(source.reads(), reads, "after {second} s");
        }
        assert!(cache.verify(&verifier, &token(&known, start()), start()).await.is_ok());
    }

    /// Runs all futures concurrently on this thread.
    async fn concurrently<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
        let mut futures: Vec<_> = futures.map(|future| (Box::pin(future), None)).collect();
        std::future::poll_fn(|context| {
            for (future, outcome) in &mut futures {
                if outcome.is_none()
                    && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
                {
                    *outcome = Some(value);
                }
            }
            if futures.iter().all(|(_, outcome)| outcome.is_some()) {
                std::task::Poll::Ready(())
            } else {
                std::task::Poll::Pending
            }
        })
        .await;
        futures.into_iter().filter_map(|(_, outcome)| outcome).collect()
    }

    #[tokio::test]
    async fn malformed_tokens_cause_no_read() {
        let (source, known) = (FakeSource::default(), key());
        source.set(Some(std::slice::from_ref(&known)));
        let cache = source.cache(start());
        let good = token(&known, start());
        let other_algorithm = format!("eyJhbGciOiJIUzI1NiIsImtpZCI6IngifQ.{}", good.split_once('.').unwrap().1);
        for token in ["x", "a.b.c", &other_algorithm, &format!("{good}x"), &"a".repeat(5000)] {
            assert!(cache.verify(&verifier(), token, start()).await.is_err());
        }
        assert_eq!(source.reads(), 0);
    }

    #[tokio::test]
    async fn while_the_source_fails_the_cached_keys_stay_and_it_is_read_every_10_seconds() {
        let (source, old, new) = (FakeSource::default(), key(), key());
        source.set(Some(std::slice::from_ref(&old)));
        let cache = source.cache(start());
        for bad in [None, Some([].as_slice()), Some(&[new.clone(), new.clone()])] {
            source.set(bad);
            let reads = source.reads();
            for (second, more) in [(0, 1), (1, 1), (9, 1), (11, 2), (15, 2)] {
                let now = start() + REFRESH + Duration::from_secs(second) + Duration::from_secs(60 * reads as u64);
                assert!(cache.verify(&verifier(), &token(&old, now), now).await.is_ok());
                assert_eq!(source.reads(), reads + more, "after {second} s");
            }
        }
        source.set(Some(std::slice::from_ref(&new)));
        let now = start() + REFRESH * 3;
        assert!(cache.verify(&verifier(), &token(&new, now), now).await.is_ok());
        assert!(cache.verify(&verifier(), &token(&old, now), now).await.is_err(), "it was removed");
    }

    #[tokio::test]
    async fn concurrent_requests_at_the_refresh_time_cause_one_read() {
        let (source, known) = (FakeSource::default(), key());
        source.set(Some(std::slice::from_ref(&known)));
        let cache = source.cache(start());
        let moments = (0..100).map(|number| start() + REFRESH + Duration::from_millis(100 - number));
        concurrently(moments.map(|now| cache.current(now))).await;
        assert_eq!(source.reads(), 1);
    }
}
