//! The two places of a command: read when it begins, written when it ends.

use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use shared::domain::keys::{
    jwk::{Algorithm, Jwk},
    key_set::{JwkSet, SigningKeySet, VerifyingKeySet},
};

use super::quoted;
use crate::{
    backends::{Aws, Held, Kept, Privacy, Problem, Set, is_same},
    failure::Failure,
    options::Where,
};

pub(super) struct Desk {
    pub(super) keys: Kept,
    pub(super) public: Option<Kept>,
    pub(super) refresh: Duration,
    /// In seconds since 1970.
    pub(super) now: u64,
}

/// The texts of a new state, each of which the functions would take.
struct Texts {
    private: SecretString,
    public: String,
}

impl Desk {
    pub(super) async fn open(at: &Where, now: u64) -> Result<Self, Failure> {
        let (keys, public) = (at.keys()?, at.public_keys()?);
        if public.as_ref().is_some_and(|public| is_same(&keys, public)) {
            return Err(Failure::Usage("--keys and --public-keys name the same place".to_owned()));
        }
        let aws = Aws::default();
        let read = async |place| {
            let name = format!("{place}");
            Kept::read(place, &aws).await.map_err(|problem| Failure::Failed(format!("{name} {problem}")))
        };
        let public = match public {
            Some(place) => Some(read(place).await?),
            None => None,
        };
        Ok(Self { keys: read(keys).await?, public, refresh: at.refresh, now })
    }

    /// The set that signs, where there must be one.
    pub(super) fn private_set(&self) -> Result<Set, Failure> {
        let instead = match &self.keys.held {
            Held::Private(keys) => return Ok(keys.clone()),
            Held::Nothing => "; `admin keys new` makes a set",
            Held::Plain(_) => ", and this needs a set; `admin keys new` replaces it by one",
            Held::Public(_) => ", and private ones belong there: are --keys and --public-keys mixed up?",
            Held::Other(_) => "",
        };
        Err(Failure::Failed(format!("{} {}{instead}", self.keys, self.keys.held.describe())))
    }

    /// HS256 has no public keys.
    pub(super) fn check_public_place(&self, algorithm: Algorithm) -> Result<(), Failure> {
        if self.public.is_some() && !algorithm.is_asymmetric() {
            return Err(Failure::Failed(format!(
                "{} holds keys for HS256, which have no public halves: leave out --public-keys, and JWT_PUBLIC_KEYS_ARN unset",
                self.keys
            )));
        }
        Ok(())
    }

    /// The keys of the public set that `keys` has not. Fails if that set can hardly be the one that belongs to `keys`.
    pub(super) fn only_public(&self, keys: &Set) -> Result<Vec<Jwk>, Failure> {
        let Some(public) = &self.public else { return Ok(Vec::new()) };
        let why = match &public.held {
            Held::Nothing => return Ok(Vec::new()),
            Held::Public(others) => {
                let extra: Vec<Jwk> = others.set.keys().iter().filter(|key| !keys.has(key.kid())).cloned().collect();
                if extra.len() < others.set.keys().len() {
                    return Ok(extra);
                }
                format!(", none of which is in {}", self.keys)
            }
            Held::Plain(_) | Held::Private(_) | Held::Other(_) => String::new(),
        };
        Err(Failure::Failed(format!(
            "{public} {}{why}; nothing is written; if it is the right place, {} replaces that",
            public.held.describe(),
            self.command("publish")
        )))
    }

    /// Writes `keys` to the one place and their public halves to the other. With `Public` first, whoever checks has a key before
    /// anybody signs with it; with `Private` first, nobody signs with a key any more when those who check lose it. `meanwhile` says
    /// what it means that only the first was written, and what completes it.
    pub(super) async fn write(&mut self, keys: &Set, first: Privacy, meanwhile: &str) -> Result<Vec<String>, Failure> {
        let texts = self.texts(keys)?;
        self.prepare().await?;
        let Some(public) = &self.public else {
            let outcome = self.replace(Privacy::Private, &texts).await;
            return outcome.map(Vec::from_iter).map_err(|problem| failed(&self.keys, &problem));
        };
        let (second, one, other) = match first {
            Privacy::Public => (Privacy::Private, public, &self.keys),
            Privacy::Private => (Privacy::Public, &self.keys, public),
        };
        let outcome = self.replace(first, &texts).await;
        let note = outcome.map_err(|problem| Failure::Failed(format!("{one} {problem}; {other} is untouched")))?;
        let outcome = self.replace(second, &texts).await;
        let noted = note.as_ref().map(|note| format!("; {note}")).unwrap_or_default();
        let other_note = outcome.map_err(|problem| {
            Failure::Failed(format!("{other} {problem}; {one} is written already: {meanwhile}{noted}"))
        })?;
        Ok([note, other_note].into_iter().flatten().collect())
    }

    async fn replace(&self, half: Privacy, texts: &Texts) -> Result<Option<String>, Problem> {
        match (half, &self.public) {
            (Privacy::Private, _) => self.keys.replace(texts.private.expose_secret(), half).await,
            (Privacy::Public, Some(public)) => public.replace(&texts.public, half).await,
            (Privacy::Public, None) => Ok(None),
        }
    }

    /// Writes the public halves of `keys`, which are in their place.
    pub(super) async fn write_public(&mut self, keys: &Set) -> Result<Vec<String>, Failure> {
        let texts = self.texts(keys)?;
        let Some(public) = &mut self.public else { return Ok(Vec::new()) };
        let outcome = match public.prepare(Privacy::Public).await {
            Ok(()) => public.replace(&texts.public, Privacy::Public).await,
            Err(problem) => Err(problem),
        };
        outcome.map(Vec::from_iter).map_err(|problem| failed(public, &problem))
    }

    async fn prepare(&mut self) -> Result<(), Failure> {
        let untouched =
            |kept: &Kept, problem: Problem| Failure::Failed(format!("{kept} {problem}; nothing is written"));
        if let Some(public) = &mut self.public {
            public.prepare(Privacy::Public).await.map_err(|problem| untouched(public, problem))?;
        }
        self.keys.prepare(Privacy::Private).await.map_err(|problem| untouched(&self.keys, problem))
    }

    /// Nothing is written that the functions would not read.
    fn texts(&self, keys: &Set) -> Result<Texts, Failure> {
        let refused = |problem| Failure::Failed(format!("nothing is written, since the new set {problem}"));
        let texts = Texts { private: keys.set.to_json().into(), public: keys.set.public().to_json() };
        SigningKeySet::parse(texts.private.expose_secret(), keys.algorithm, self.keys.is_local()).map_err(refused)?;
        if let Some(public) = &self.public {
            VerifyingKeySet::parse_public(&texts.public, keys.algorithm, public.is_local()).map_err(refused)?;
        }
        Ok(texts)
    }

    /// What an asymmetric set without a public one means.
    pub(super) fn note_without_public(&self, algorithm: Algorithm) -> Option<String> {
        (self.public.is_none() && algorithm.is_asymmetric()).then(|| {
            format!(
                "no public set is written, as --public-keys is not given and JWT_PUBLIC_KEYS_ARN not set; functions that check with \
                 one see no change before {} --public-keys PLACE",
                self.command("publish")
            )
        })
    }

    /// A command for the same places, as one types it.
    pub(super) fn command(&self, command: &str) -> String {
        let keys = format!("admin keys {command} --keys {}", quoted(&self.keys.to_string()));
        match &self.public {
            Some(public) => format!("{keys} --public-keys {}", quoted(&public.to_string())),
            None => keys,
        }
    }
}

fn failed(kept: &Kept, problem: &Problem) -> Failure {
    Failure::Failed(format!("{kept} {problem}"))
}

impl Set {
    pub(super) fn of(algorithm: Algorithm, keys: Vec<Jwk>) -> Self {
        Self { algorithm, set: JwkSet::new(keys) }
    }
}
