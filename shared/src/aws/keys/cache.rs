//! The keys in use: read at the start, read again while the function runs.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant, SystemTime},
};

use aws_config::SdkConfig;
use secrecy::ExposeSecret;
use tokio::sync::Mutex;
use tracing::{info, warn};

use crate::{
    aws::keys::source::{KeyLocation, KeyReadError},
    config::{ConfigError, KeySource, Settings},
    domain::{
        error_chain::causes,
        keys::key_set::{KeysError, SigningKeySet, VerifyingKeySet},
        token::{TokenError, VerifiedToken, Verifier},
    },
};

/// Shortest time between two readings that an unknown `kid`, or a failure, gives rise to.
const PAUSE: Duration = Duration::from_secs(10);

/// Keys that cannot be had. The text names the setting and the place, never a key.
#[derive(Debug, thiserror::Error)]
pub enum KeyCacheError {
    /// A setting is missing.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The place gives nothing.
    #[error("what {variable} names {source}")]
    KeyLocation {
        /// The setting.
        variable: &'static str,
        /// What is wrong.
        source: KeyReadError,
    },
    /// The place gives keys that are not taken.
    #[error("what {variable} names {problem}")]
    Keys {
        /// The setting.
        variable: &'static str,
        /// What is wrong.
        problem: KeysError,
    },
}

type Reading<K> = Pin<Box<dyn Future<Output = Result<K, KeyCacheError>> + Send>>;
type Source<K> = Box<dyn Fn() -> Reading<K> + Send + Sync>;

/// Keys of one kind, and where newer ones come from.
pub struct KeyCache<K> {
    state: RwLock<CacheState<K>>,
    /// Held while the source is read, so that many requests cause one reading.
    reading: Mutex<()>,
    /// None, where the keys are in the settings.
    source: Option<Source<K>>,
    refresh: Duration,
}

struct CacheState<K> {
    keys: Arc<K>,
    /// When the source was last read, with or without success.
    tried_at: SystemTime,
    /// When it was last read with success.
    read_at: SystemTime,
    /// When an unknown `kid` last gave rise to a reading.
    last_forced_refresh: Option<SystemTime>,
}

/// The keys that sign: for `login`.
pub async fn signing(settings: &Settings, aws: &SdkConfig) -> Result<KeyCache<SigningKeySet>, KeyCacheError> {
    from_secret(settings, aws, |keys| keys).await
}

/// The keys that check: for `list-users`. With HS256 they are the ones that sign; with any other algorithm they are public.
pub async fn checking(settings: &Settings, aws: &SdkConfig) -> Result<KeyCache<VerifyingKeySet>, KeyCacheError> {
    let (algorithm, local) = (settings.keys.algorithm, settings.keys.local);
    match settings.public_keys()? {
        None => checking_with_secret(settings, aws).await,
        Some(place) => {
            let parse = move |text: &str| VerifyingKeySet::parse_public(text, algorithm, local);
            KeyCache::load(place.clone(), "JWT_PUBLIC_KEYS_ARN", aws, parse, settings.keys.refresh).await
        }
    }
}

/// The keys that sign, for checking alone: for a service on one machine, which has no other.
pub async fn checking_with_secret(
    settings: &Settings,
    aws: &SdkConfig,
) -> Result<KeyCache<VerifyingKeySet>, KeyCacheError> {
    from_secret(settings, aws, SigningKeySet::into_checking).await
}

async fn from_secret<K: Send + Sync + 'static>(
    settings: &Settings,
    aws: &SdkConfig,
    kind: impl Fn(SigningKeySet) -> K + Copy + Send + Sync + 'static,
) -> Result<KeyCache<K>, KeyCacheError> {
    let (algorithm, local) = (settings.keys.algorithm, settings.keys.local);
    let parse = move |text: &str| SigningKeySet::parse(text, algorithm, local).map(kind);
    match settings.key()? {
        KeySource::Value(text) => {
            let keys = parse(text.expose_secret())
                .map_err(|problem| KeyCacheError::Keys { variable: "JWT_SECRET_KEY", problem })?;
            Ok(KeyCache::fixed(keys))
        }
        KeySource::KeyLocation(place) => {
            KeyCache::load(place.clone(), "JWT_SECRET_ARN", aws, parse, settings.keys.refresh).await
        }
    }
}

impl<K: Send + Sync + 'static> KeyCache<K> {
    /// Keys that stay.
    pub fn fixed(keys: K) -> Self {
        Self::new(keys, None, Duration::MAX, SystemTime::now())
    }

    /// `read_at`: when the reading began that gave the keys.
    fn new(keys: K, source: Option<Source<K>>, refresh: Duration, read_at: SystemTime) -> Self {
        let state = CacheState { keys: Arc::new(keys), tried_at: read_at, read_at, last_forced_refresh: None };
        Self { state: RwLock::new(state), reading: Mutex::new(()), source, refresh }
    }

    /// Keys that `place` holds and `parse` takes, read again after `refresh`.
    async fn load(
        place: KeyLocation,
        variable: &'static str,
        aws: &SdkConfig,
        parse: impl Fn(&str) -> Result<K, KeysError> + Copy + Send + Sync + 'static,
        refresh: Duration,
    ) -> Result<Self, KeyCacheError> {
        let aws = aws.clone();
        let read = move || -> Reading<K> {
            let (place, aws) = (place.clone(), aws.clone());
            Box::pin(async move {
                let text = place.read(&aws).await.map_err(|source| KeyCacheError::KeyLocation { variable, source })?;
                parse(text.expose_secret()).map_err(|problem| KeyCacheError::Keys { variable, problem })
            })
        };
        let now = SystemTime::now();
        Ok(Self::new(read().await?, Some(Box::new(read)), refresh, now))
    }

    /// The keys, none of them read longer ago than the refresh time, unless the source fails.
    pub async fn current(&self, now: SystemTime) -> Arc<K> {
        if !self.with_state(|state| self.is_due(state, now)) {
            return self.keys();
        }
        let _one_at_a_time = self.reading.lock().await;
        if self.with_state(|state| self.is_due(state, now)) {
            self.read_again(now).await;
        }
        self.keys()
    }

    /// For how long from `now` on these keys are still the newest that anybody asks for.
    pub fn fresh_for(&self, now: SystemTime) -> Duration {
        let age = self.with_state(|state| now.duration_since(state.read_at).unwrap_or_default());
        if self.source.is_some() { self.refresh.saturating_sub(age) } else { self.refresh }
    }

    /// The keys after a token named one that is not among `known`. The source is read for that at most once in 10 s.
    async fn after_unknown(&self, known: &Arc<K>, now: SystemTime) -> Arc<K> {
        let _one_at_a_time = self.reading.lock().await;
        // Whoever waited here for another's reading has its outcome.
        let is_newer = !Arc::ptr_eq(known, &self.keys());
        if !is_newer
            && self.source.is_some()
            && self.with_state(|state| state.last_forced_refresh.is_none_or(|at| is_over(at, PAUSE, now)))
        {
            self.with_shelf_mut(|state| state.last_forced_refresh = Some(now));
            self.read_again(now).await;
        }
        self.keys()
    }

    /// After a failure the source is left alone for a while: everybody waits for it.
    fn is_due(&self, state: &CacheState<K>, now: SystemTime) -> bool {
        let failed = state.tried_at != state.read_at;
        self.source.is_some()
            && is_over(state.read_at, self.refresh, now)
            && (!failed || is_over(state.tried_at, PAUSE.min(self.refresh), now))
    }

    async fn read_again(&self, now: SystemTime) {
        let Some(source) = &self.source else { return };
        let began = Instant::now();
        match source().await {
            Ok(keys) => self.with_shelf_mut(|state| {
                (state.keys, state.tried_at, state.read_at) = (Arc::new(keys), now, now);
                info!("keys were read again");
            }),
            Err(error) => {
                // Whoever waited for this has waited enough: the pause begins when the attempt ends.
                self.with_shelf_mut(|state| state.tried_at = now + began.elapsed());
                warn!(cause = causes(&error), "keys could not be read again; those in use stay");
            }
        }
    }

    fn keys(&self) -> Arc<K> {
        self.with_state(|state| state.keys.clone())
    }

    // A thread that panicked with the lock has left the state whole: each change is one assignment.
    fn with_state<T>(&self, look: impl FnOnce(&CacheState<K>) -> T) -> T {
        look(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn with_shelf_mut(&self, change: impl FnOnce(&mut CacheState<K>)) {
        change(&mut self.state.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<K: AsRef<VerifyingKeySet> + Send + Sync + 'static> KeyCache<K> {
    /// What a token says, if one of the keys signed it and `verifier` takes it.
    pub async fn verify(&self, verifier: &Verifier, token: &str, now: SystemTime) -> Result<VerifiedToken, TokenError> {
        let keys = self.current(now).await;
        match verifier.verify(token, (*keys).as_ref(), now) {
            Err(TokenError::UnknownKey) => {
                let newer = self.after_unknown(&keys, now).await;
                verifier.verify(token, (*newer).as_ref(), now)
            }
            outcome => outcome,
        }
    }
}

/// Whether `period` has passed since `start`. A clock that was set back says yes: better one reading too many. A `now` that is
/// moments earlier belongs to a request that waited while another one read.
fn is_over(start: SystemTime, period: Duration, now: SystemTime) -> bool {
    now.duration_since(start).map_or_else(|error| error.duration() > PAUSE, |passed| passed >= period)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::domain::{
        keys::{
            jwk::{Algorithm, Jwk},
            key_set::JwkSet,
        },
        session::SessionId,
        token::{Issuer, IssuerConfig, TokenBinding, VerifierConfig},
        user::PublicId,
    };

    const REFRESH: Duration = Duration::from_secs(300);

    /// What the source holds, how often it was read, and whether it fails.
    #[derive(Clone, Default)]
    struct Held(Arc<(RwLock<Option<String>>, AtomicUsize)>);

    impl Held {
        fn set(&self, keys: Option<&[Jwk]>) {
            *self.0.0.write().unwrap() = keys.map(|keys| JwkSet::new(keys.to_vec()).to_json());
        }

        fn reads(&self) -> usize {
            self.0.1.load(Ordering::SeqCst)
        }

        fn keyring(&self, start: SystemTime) -> KeyCache<SigningKeySet> {
            let held = self.clone();
            let read = move || -> Reading<SigningKeySet> {
                held.0.1.fetch_add(1, Ordering::SeqCst);
                let text = held.0.0.read().unwrap().clone();
                Box::pin(async move {
                    // Somebody else gets a turn meanwhile.
                    tokio::task::yield_now().await;
                    let text = text.ok_or(KeyReadError::Late);
                    let text =
                        text.map_err(|source| KeyCacheError::KeyLocation { variable: "JWT_SECRET_ARN", source })?;
                    SigningKeySet::parse(&text, Algorithm::EdDsa, false)
                        .map_err(|problem| KeyCacheError::Keys { variable: "JWT_SECRET_ARN", problem })
                })
            };
            let text = self.0.0.read().unwrap().clone().unwrap();
            let keys = SigningKeySet::parse(&text, Algorithm::EdDsa, false).unwrap();
            KeyCache::new(keys, Some(Box::new(read)), REFRESH, start)
        }
    }

    fn key() -> Jwk {
        Jwk::generate(Algorithm::EdDsa, 0).unwrap()
    }

    fn token(key: &Jwk, now: SystemTime) -> String {
        let keys = SigningKeySet::parse(&JwkSet::new(vec![key.clone()]).to_json(), Algorithm::EdDsa, false).unwrap();
        let (issuer, lifetime) = ("postern".to_owned(), Duration::from_secs(3600));
        let signer = Issuer::new(IssuerConfig { issuer, audience: None, lifetime, not_before_delay: Duration::ZERO });
        let binding = TokenBinding::Session(SessionId::parse(&"A".repeat(43)).unwrap());
        signer.issue(keys.signer(u64::MAX, REFRESH), PublicId::random(), binding, None, now).unwrap().0
    }

    fn verifier() -> Verifier {
        let (issuer, leeway) = ("postern".to_owned(), Duration::ZERO);
        let checks = VerifierConfig { issuer, audience: None, leeway, nbf: true, iat: true, required: Vec::new() };
        Verifier::new(Algorithm::EdDsa, checks)
    }

    fn start() -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_334_400)
    }

    #[tokio::test]
    async fn keys_are_read_again_after_the_refresh_time_and_not_before() {
        let (held, old, new) = (Held::default(), key(), key());
        held.set(Some(std::slice::from_ref(&old)));
        let keyring = held.keyring(start());
        held.set(Some(std::slice::from_ref(&new)));
        let now = start() + REFRESH - Duration::from_secs(1);
        assert!(keyring.verify(&verifier(), &token(&old, now), now).await.is_ok());
        assert_eq!(held.reads(), 0);
        let now = start() + REFRESH;
        assert!(matches!(keyring.verify(&verifier(), &token(&old, now), now).await, Err(TokenError::UnknownKey)));
        assert!(keyring.verify(&verifier(), &token(&new, now), now).await.is_ok());
        // One for the time, one for the key that nobody knows any more.
        assert_eq!(held.reads(), 2);
    }

    #[tokio::test]
    async fn a_new_key_is_taken_up_at_once_when_a_token_names_it() {
        let (held, old, new) = (Held::default(), key(), key());
        held.set(Some(std::slice::from_ref(&old)));
        let keyring = held.keyring(start());
        held.set(Some(&[new.clone(), old.clone()]));
        for key in [&new, &old] {
            assert!(keyring.verify(&verifier(), &token(key, start()), start()).await.is_ok());
        }
        assert_eq!(held.reads(), 1);
    }

    #[tokio::test]
    async fn a_thousand_tokens_of_unknown_keys_cause_one_reading_in_10_seconds() {
        let (held, known) = (Held::default(), key());
        held.set(Some(std::slice::from_ref(&known)));
        let (keyring, verifier) = (held.keyring(start()), verifier());
        let strange: Vec<String> = (0..1000).map(|_| token(&key(), start())).collect();
        let all = strange.iter().map(|token| keyring.verify(&verifier, token, start() + Duration::from_secs(1)));
        for outcome in futures_of(all).await {
            assert!(matches!(outcome, Err(TokenError::UnknownKey)));
        }
        assert_eq!(held.reads(), 1);
        for (second, reads) in [(10, 1), (11, 2), (12, 2)] {
            let now = start() + Duration::from_secs(second);
            assert!(keyring.verify(&verifier, &strange[0], now).await.is_err());
            assert_eq!(held.reads(), reads, "after {second} s");
        }
        assert!(keyring.verify(&verifier, &token(&known, start()), start()).await.is_ok());
    }

    /// All of them at the same time, as far as one thread can.
    async fn futures_of<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
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
    async fn tokens_that_are_wrong_by_themselves_cause_no_reading() {
        let (held, known) = (Held::default(), key());
        held.set(Some(std::slice::from_ref(&known)));
        let keyring = held.keyring(start());
        let good = token(&known, start());
        let other_algorithm = format!("eyJhbGciOiJIUzI1NiIsImtpZCI6IngifQ.{}", good.split_once('.').unwrap().1);
        for token in ["x", "a.b.c", &other_algorithm, &format!("{good}x"), &"a".repeat(5000)] {
            assert!(keyring.verify(&verifier(), token, start()).await.is_err());
        }
        assert_eq!(held.reads(), 0);
    }

    #[tokio::test]
    async fn while_the_source_fails_the_last_good_keys_stay_and_it_is_asked_every_10_seconds() {
        let (held, old, new) = (Held::default(), key(), key());
        held.set(Some(std::slice::from_ref(&old)));
        let keyring = held.keyring(start());
        for bad in [None, Some([].as_slice()), Some(&[new.clone(), new.clone()])] {
            held.set(bad);
            let reads = held.reads();
            for (second, more) in [(0, 1), (1, 1), (9, 1), (11, 2), (15, 2)] {
                let now = start() + REFRESH + Duration::from_secs(second) + Duration::from_secs(60 * reads as u64);
                assert!(keyring.verify(&verifier(), &token(&old, now), now).await.is_ok());
                assert_eq!(held.reads(), reads + more, "after {second} s");
            }
        }
        held.set(Some(std::slice::from_ref(&new)));
        let now = start() + REFRESH * 3;
        assert!(keyring.verify(&verifier(), &token(&new, now), now).await.is_ok());
        assert!(keyring.verify(&verifier(), &token(&old, now), now).await.is_err(), "it was taken out");
    }

    #[tokio::test]
    async fn many_requests_at_the_refresh_time_cause_one_reading() {
        let (held, known) = (Held::default(), key());
        held.set(Some(std::slice::from_ref(&known)));
        let keyring = held.keyring(start());
        let moments = (0..100).map(|number| start() + REFRESH + Duration::from_millis(100 - number));
        futures_of(moments.map(|now| keyring.current(now))).await;
        assert_eq!(held.reads(), 1);
    }
}
