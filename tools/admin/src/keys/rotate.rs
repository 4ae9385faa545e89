//! `admin keys rotate`.

use shared::domain::{keys::MAX_KEYS, time::UnixSeconds};

use super::{key_set_pair::KeySetPair, new::generate};
use crate::{
    backends::{KeySet, SetKind},
    failure::Failure,
    options::keys::KeyLocations,
    report::Report,
    shell::quote,
    utc::utc,
};

pub(crate) async fn run(locations: KeyLocations, now: UnixSeconds) -> Result<Report, Failure> {
    let pair = KeySetPair::read(&locations, now).await?;
    let old = pair.private_set()?;
    pair.check_public_location(old.algorithm)?;
    let dropped = pair.only_public(&old)?;
    if old.set.keys().len() >= MAX_KEYS {
        return Err(Failure::Failed(format!(
            "{} already contains {MAX_KEYS} keys, the maximum; {} removes one",
            pair.keys,
            pair.command("retire KID")
        )));
    }
    let new = generate(old.algorithm, now)?;
    let kid = new.kid().to_owned();
    let keys = KeySet::new(old.algorithm, [&[new], old.set.keys()].concat());
    let text = text(&pair, &kid, &keys)?;
    let partial = format!(
        "it contains the key {kid}, which no function signs with and which does no harm; {} completes the change",
        pair.command("rotate")
    );
    let mut notes = pair.write(&keys, SetKind::Public, &partial).await?;
    notes.extend(pair.note_without_public(keys.algorithm));
    notes.extend(pair.note_on_dropped(&dropped));
    Ok(Report { text, notes })
}

fn text(pair: &KeySetPair, kid: &str, keys: &KeySet) -> Result<String, Failure> {
    let older = match keys.set.keys().len() - 1 {
        1 => "1 older key, which still verifies tokens".to_owned(),
        count => format!("{count} older keys, which still verify tokens"),
    };
    let added = format!("{} has a new key in front of {older}: {kid}\n", pair.keys);
    let signer = pair.signer(keys)?;
    if signer == kid {
        return Ok(format!("{added}It signs immediately, because no other key is older.\n"));
    }
    let from = pair.signs_from(kid, keys)?.and_then(utc).unwrap_or_default();
    Ok(format!(
        "{added}It signs from {from} on, when every function has had JWT_KEYS_REFRESH ({} s) to read it; \
         until then {signer} signs.\n\
         When the last token signed with {signer} has expired (JWT_EXPIRATION_DELTA after that), remove that key: {}\n",
        pair.refresh.as_secs(),
        pair.command(&format!("retire {}", quote(&signer)))
    ))
}
