//! `admin keys retire`.

use shared::domain::{keys::Jwk, time::UnixSeconds};

use super::{consequence, key_set_pair::KeySetPair};
use crate::{
    backends::{Contents, KeySet, SetKind},
    confirm::confirm,
    failure::Failure,
    options::keys::RetireKey,
    report::Report,
    shell::quote,
};

pub(crate) async fn run(options: RetireKey, now: UnixSeconds) -> Result<Report, Failure> {
    let pair = KeySetPair::read(&options.locations, now).await?;
    let old = pair.private_set()?;
    pair.check_public_location(old.algorithm)?;
    let kid = options.kid.as_str();
    if old.has(kid) {
        retire(&pair, kid, &old, options.yes).await
    } else if is_public(&pair, kid) {
        complete(&pair, kid, &old, options.yes).await
    } else {
        Err(Failure::Failed(format!("no key has this kid; the keys are {}", all_kids(&pair, &old).join(", "))))
    }
}

async fn retire(pair: &KeySetPair, kid: &str, old: &KeySet, yes: bool) -> Result<Report, Failure> {
    let dropped = pair.only_public(old)?;
    let remaining: Vec<Jwk> = old.set.keys().iter().filter(|key| key.kid() != kid).cloned().collect();
    if remaining.is_empty() {
        return Err(Failure::Failed(format!(
            "{kid} is the last key of {}, and without it no token can be signed; {} replaces it with a new key",
            pair.keys,
            pair.command(&format!("new --algorithm {}", old.algorithm))
        )));
    }
    let keys = KeySet::new(old.algorithm, remaining);
    let signer = pair.signer(&keys)?;
    confirm(&loss(pair, kid, old, &signer)?, yes)?;
    let partial = format!(
        "no function signs with {kid} any more, but tokens that it signed are still accepted; {} completes the change",
        pair.command(&format!("retire {}", quote(kid)))
    );
    let mut notes = pair.write(&keys, SetKind::Private, &partial).await?;
    notes.extend(pair.note_without_public(keys.algorithm));
    notes.extend(pair.note_on_dropped(&dropped));
    Ok(Report { text: format!("{kid} is removed from {}.\n{signer} signs.\n", pair.keys), notes })
}

/// `signer` is the key that signs when `kid` is removed.
fn loss(pair: &KeySetPair, kid: &str, old: &KeySet, signer: &str) -> Result<String, Failure> {
    let is_first = old.kids().next() == Some(kid);
    let effect = match (pair.signer(old)? == kid, is_first) {
        (true, _) => format!(" It is the key that signs: {signer} signs from then on."),
        (false, true) => format!(" It is the first key, which waits to sign: {signer} continues to sign."),
        (false, false) => String::new(),
    };
    let consequence = consequence(pair.refresh);
    Ok(format!("{kid} would be removed from {}: every token signed with it {consequence}.{effect}", pair.keys))
}

/// Removes a key that an interrupted run left in the public set.
async fn complete(pair: &KeySetPair, kid: &str, keys: &KeySet, yes: bool) -> Result<Report, Failure> {
    let dropped = pair.only_public(keys)?;
    let location = pair.public.as_ref().map(ToString::to_string).unwrap_or_default();
    let loss = format!(
        "{kid} is only in {location}, and would be removed from it: every token signed with it {}.",
        consequence(pair.refresh)
    );
    confirm(&loss, yes)?;
    let mut notes = pair.write_public(keys).await?;
    let others: Vec<Jwk> = dropped.into_iter().filter(|key| key.kid() != kid).collect();
    notes.extend(pair.note_on_dropped(&others));
    Ok(Report { text: format!("{kid} is removed from {location}; it was not in {}.\n", pair.keys), notes })
}

/// The kids of both sets, without duplicates.
fn all_kids(pair: &KeySetPair, keys: &KeySet) -> Vec<String> {
    let public = match pair.public.as_ref().map(|public| &public.contents) {
        Some(Contents::Public(others)) => others.kids().filter(|kid| !keys.has(kid)).collect(),
        _ => Vec::new(),
    };
    keys.kids().chain(public).map(str::to_owned).collect()
}

fn is_public(pair: &KeySetPair, kid: &str) -> bool {
    matches!(&pair.public, Some(public) if matches!(&public.contents, Contents::Public(keys) if keys.has(kid)))
}
