//! `admin keys new`.

use shared::domain::{
    keys::{Algorithm, Jwk, KeyProblem},
    time::UnixSeconds,
};

use super::{consequence, key_set_pair::KeySetPair, setting};
use crate::{
    backends::{Contents, KeySet, SetKind, StoredKeys},
    confirm::confirm,
    failure::Failure,
    options::keys::NewKeys,
    report::Report,
};

pub(crate) async fn run(options: NewKeys, now: UnixSeconds) -> Result<Report, Failure> {
    let algorithm = options.algorithm;
    if !algorithm.is_asymmetric() && options.locations.public_keys()?.is_some() {
        return Err(Failure::Usage(
            "HS256 has no public keys: omit --public-keys, and leave JWT_PUBLIC_KEYS_ARN unset".to_owned(),
        ));
    }
    let pair = KeySetPair::read(&options.locations, now).await?;
    // Other services can read a location of public keys, so private keys are never written there.
    if let Contents::Public(_) = pair.keys.contents {
        pair.private_set()?;
    }
    if let Some(loss) = loss(&pair, algorithm) {
        confirm(&loss, options.yes)?;
    }
    let key = generate(algorithm, now)?;
    let kid = key.kid().to_owned();
    let keys = KeySet::new(algorithm, vec![key]);
    let mut notes = pair.write(&keys, SetKind::Public, &partial(&pair, algorithm)).await?;
    notes.extend(pair.note_without_public(algorithm));
    let published =
        pair.public.as_ref().map(|public| format!("{public} contains its public half.\n")).unwrap_or_default();
    let setting = setting(algorithm);
    let text = format!(
        "{} contains one key for {algorithm}, which signs immediately: {kid}\n{published}\
         The functions accept it with {setting}.\n",
        pair.keys
    );
    Ok(Report { text, notes })
}

pub(super) fn generate(algorithm: Algorithm, now: UnixSeconds) -> Result<Jwk, Failure> {
    Jwk::generate(algorithm, now).map_err(|problem: KeyProblem| {
        Failure::Failed(format!("nothing is written: generating a key failed: {problem}"))
    })
}

/// What is lost, in whole sentences. `None`: nothing.
fn loss(pair: &KeySetPair, algorithm: Algorithm) -> Option<String> {
    let lost = |stored: &StoredKeys| match stored.contents {
        Contents::Empty => None,
        _ => Some(format!("{stored} {}, which would be replaced.", stored.contents.describe())),
    };
    let losses: Vec<String> = [lost(&pair.keys), pair.public.as_ref().and_then(lost)].into_iter().flatten().collect();
    if losses.is_empty() {
        return None;
    }
    let consequence = consequence(pair.refresh);
    Some(format!(
        "{} Every token signed with a replaced key {consequence}.{}",
        losses.join(" "),
        algorithm_change(pair, algorithm)
    ))
}

/// What a change of the algorithm means in addition.
fn algorithm_change(pair: &KeySetPair, algorithm: Algorithm) -> String {
    let before = match &pair.keys.contents {
        Contents::Private(keys) => keys.algorithm,
        Contents::PlainKey(_) => Algorithm::Hs256,
        _ => return String::new(),
    };
    if before == algorithm {
        return String::new();
    }
    format!(
        " Functions that are set to {before} use the old key for as long as they run, and fail to start until they are \
         deployed with {}.",
        setting(algorithm)
    )
}

fn partial(pair: &KeySetPair, algorithm: Algorithm) -> String {
    let again = pair.command(&format!("new --algorithm {algorithm}"));
    match &pair.keys.contents {
        Contents::Private(keys) if keys.algorithm.is_asymmetric() => format!(
            "no function signs with its key, and tokens of the keys that do sign are rejected; {again} completes \
             the change, or {} reverts it",
            pair.command("publish")
        ),
        _ => format!("no function signs with its key; {again} completes the change"),
    }
}
