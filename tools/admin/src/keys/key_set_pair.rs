//! The private set and the public set of a command: read when it starts, written when it ends.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use shared::domain::{
    keys::{Algorithm, Jwk, KeySetError, SigningKeySet, VerifyingKeySet},
    time::UnixSeconds,
};

use crate::{
    backends::{BackendError, Contents, KeySet, LazyAwsConfig, SetKind, StoredKeys, is_same},
    failure::Failure,
    options::keys::KeyLocations,
    shell::quote,
};

pub(super) struct KeySetPair {
    pub(super) keys: StoredKeys,
    /// `None`: no public location is given.
    pub(super) public: Option<StoredKeys>,
    pub(super) refresh: Duration,
    pub(super) now: UnixSeconds,
}

/// The two new values, both valid for the functions.
struct NewValues {
    private: SecretString,
    public: String,
}

impl KeySetPair {
    pub(super) async fn read(locations: &KeyLocations, now: UnixSeconds) -> Result<Self, Failure> {
        let (keys, public) = (locations.keys()?, locations.public_keys()?);
        if public.as_ref().is_some_and(|public| is_same(&keys, public)) {
            return Err(Failure::Usage("--keys and --public-keys name the same location".to_owned()));
        }
        let aws = LazyAwsConfig::default();
        let read = async |location| {
            let name = format!("{location}");
            StoredKeys::read(location, &aws).await.map_err(|error| Failure::Failed(format!("{name} {error}")))
        };
        let public = match public {
            Some(location) => Some(read(location).await?),
            None => None,
        };
        Ok(Self { keys: read(keys).await?, public, refresh: locations.refresh, now })
    }

    /// The private set. Fails with advice if it does not exist.
    pub(super) fn private_set(&self) -> Result<KeySet, Failure> {
        let advice = match &self.keys.contents {
            Contents::Private(keys) => return Ok(keys.clone()),
            Contents::Empty => "; `admin keys new` creates a set",
            Contents::PlainKey(_) => ", and this command needs a set; `admin keys new` replaces the key with one",
            Contents::Public(_) => ", but --keys needs private keys: are --keys and --public-keys swapped?",
            Contents::Invalid(_) => "",
        };
        Err(Failure::Failed(format!("{} {}{advice}", self.keys, self.keys.contents.describe())))
    }

    /// Fails if a public location is given for HS256, which has no public keys.
    pub(super) fn check_public_location(&self, algorithm: Algorithm) -> Result<(), Failure> {
        if self.public.is_some() && !algorithm.is_asymmetric() {
            return Err(Failure::Failed(format!(
                "{} contains keys for HS256, which have no public halves: omit --public-keys, and leave \
                 JWT_PUBLIC_KEYS_ARN unset",
                self.keys
            )));
        }
        Ok(())
    }

    /// The keys that are in the public set only. Fails if the public set seems to belong to other private keys.
    pub(super) fn only_public(&self, keys: &KeySet) -> Result<Vec<Jwk>, Failure> {
        let Some(public) = &self.public else { return Ok(Vec::new()) };
        let reason = match &public.contents {
            Contents::Empty => return Ok(Vec::new()),
            Contents::Public(others) => {
                let extra: Vec<Jwk> = others.set.keys().iter().filter(|key| !keys.has(key.kid())).cloned().collect();
                if extra.len() < others.set.keys().len() {
                    return Ok(extra);
                }
                format!(", none of which is in {}", self.keys)
            }
            Contents::PlainKey(_) | Contents::Private(_) | Contents::Invalid(_) => String::new(),
        };
        Err(Failure::Failed(format!(
            "{public} {}{reason}; nothing is written; if it is the right location, {} overwrites it",
            public.contents.describe(),
            self.command("publish")
        )))
    }

    /// The `kid` of the key in `keys` that signs now.
    pub(super) fn signer(&self, keys: &KeySet) -> Result<String, Failure> {
        let signer = self.signing_set(keys)?.signer(self.now, self.refresh).kid().map(str::to_owned);
        // Every key of a set has a kid.
        Ok(signer.unwrap_or_default())
    }

    /// The time from which the key `kid` of `keys` signs. `None`: other keys take precedence.
    pub(super) fn signs_from(&self, kid: &str, keys: &KeySet) -> Result<Option<UnixSeconds>, Failure> {
        Ok(self.signing_set(keys)?.signs_from(kid, self.now, self.refresh))
    }

    fn signing_set(&self, keys: &KeySet) -> Result<SigningKeySet, Failure> {
        SigningKeySet::parse(&keys.set.to_json(), keys.algorithm, self.keys.deployment())
            .map_err(|error| invalid(&error))
    }

    /// Writes `keys` to the one location and their public halves to the other.
    ///
    /// With the public set first, verifiers have a key before any function signs with it. With the private set first,
    /// no function signs with a key any more when the verifiers lose it. If only the first write succeeds, the failure
    /// includes `partial`: what that means, and which command completes the change.
    pub(super) async fn write(&self, keys: &KeySet, first: SetKind, partial: &str) -> Result<Vec<String>, Failure> {
        let values = self.new_values(keys)?;
        let Some(public) = &self.public else {
            let outcome = self.replace(SetKind::Private, &values).await;
            return outcome.map(Vec::from_iter).map_err(|error| failed(&self.keys, &error));
        };
        let (second, one, other) = match first {
            SetKind::Public => (SetKind::Private, public, &self.keys),
            SetKind::Private => (SetKind::Public, &self.keys, public),
        };
        let outcome = self.replace(first, &values).await;
        let note = outcome.map_err(|error| Failure::Failed(format!("{one} {error}; {other} is unchanged")))?;
        let outcome = self.replace(second, &values).await;
        let noted = note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
        let other_note = outcome
            .map_err(|error| Failure::Failed(format!("{other} {error}; {one} is already written: {partial}{noted}")))?;
        Ok([note, other_note].into_iter().flatten().collect())
    }

    /// Writes the public halves of `keys`, which are the stored private keys.
    pub(super) async fn write_public(&self, keys: &KeySet) -> Result<Vec<String>, Failure> {
        let values = self.new_values(keys)?;
        let Some(public) = &self.public else { return Ok(Vec::new()) };
        let outcome = self.replace(SetKind::Public, &values).await;
        outcome.map(Vec::from_iter).map_err(|error| failed(public, &error))
    }

    async fn replace(&self, kind: SetKind, values: &NewValues) -> Result<Option<String>, BackendError> {
        match (kind, &self.public) {
            (SetKind::Private, _) => self.keys.replace(values.private.expose_secret(), kind).await,
            (SetKind::Public, Some(public)) => public.replace(&values.public, kind).await,
            (SetKind::Public, None) => Ok(None),
        }
    }

    /// Serializes `keys`. Fails if the functions would not accept the result.
    fn new_values(&self, keys: &KeySet) -> Result<NewValues, Failure> {
        self.signing_set(keys)?;
        let values = NewValues { private: keys.set.to_json().into(), public: keys.set.public().to_json() };
        if let Some(public) = &self.public {
            VerifyingKeySet::parse_public(&values.public, keys.algorithm, public.deployment())
                .map_err(|error| invalid(&error))?;
        }
        Ok(values)
    }

    /// A note about an asymmetric set that is written without its public set.
    pub(super) fn note_without_public(&self, algorithm: Algorithm) -> Option<String> {
        (self.public.is_none() && algorithm.is_asymmetric()).then(|| {
            format!(
                "no public set is written, because --public-keys is not given and JWT_PUBLIC_KEYS_ARN is not set; \
                 functions that verify with a public set see no change until {} --public-keys LOCATION",
                self.command("publish")
            )
        })
    }

    /// A note about keys that an interrupted command left in the public set, and that are removed now.
    pub(super) fn note_on_dropped(&self, dropped: &[Jwk]) -> Option<String> {
        let kids: Vec<&str> = dropped.iter().map(Jwk::kid).collect();
        let public = self.public.as_ref().filter(|_| !kids.is_empty())?;
        Some(format!("keys that were in {public} but not in {} are removed: {}", self.keys, kids.join(", ")))
    }

    /// A command line for the same locations, quoted for a shell.
    pub(super) fn command(&self, command: &str) -> String {
        let keys = format!("admin keys {command} --keys {}", quote(&self.keys.to_string()));
        match &self.public {
            Some(public) => format!("{keys} --public-keys {}", quote(&public.to_string())),
            None => keys,
        }
    }
}

fn failed(stored: &StoredKeys, error: &BackendError) -> Failure {
    Failure::Failed(format!("{stored} {error}"))
}

fn invalid(error: &KeySetError) -> Failure {
    Failure::Failed(format!("nothing is written: the new set {error}"))
}
