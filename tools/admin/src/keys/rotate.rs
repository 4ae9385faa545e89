//! `admin keys rotate`.

use shared::domain::keys::{jwk::Jwk, key_set::MAX_KEYS};

use super::{Report, key_set_pair::Desk, new::generate, quoted, signer, signs_from, utc};
use crate::{
    backends::{Privacy, Set},
    failure::Failure,
    options::Where,
};

pub(crate) async fn run(options: Where, now: u64) -> Result<Report, Failure> {
    let mut desk = Desk::open(&options, now).await?;
    let old = desk.private_set()?;
    desk.check_public_place(old.algorithm)?;
    let dropped = desk.only_public(&old)?;
    if old.set.keys().len() >= MAX_KEYS {
        return Err(Failure::Failed(format!(
            "{} holds {MAX_KEYS} keys, and more are not taken; {} takes one out",
            desk.keys,
            desk.command("retire KID")
        )));
    }
    let new = generate(old.algorithm, now)?;
    let kid = new.kid().to_owned();
    let keys = Set::of(old.algorithm, [&[new], old.set.keys()].concat());
    let meanwhile = format!(
        "the key {kid} is there, which signs nowhere and does no harm; {} completes it",
        desk.command("rotate")
    );
    let mut notes = desk.write(&keys, Privacy::Public, &meanwhile).await?;
    notes.extend(desk.note_without_public(keys.algorithm));
    notes.extend(note_on_dropped(&desk, &dropped));
    Ok(Report { text: text(&desk, &kid, &keys, &old), notes })
}

fn text(desk: &Desk, kid: &str, keys: &Set, old: &Set) -> String {
    let others = match old.set.keys().len() {
        1 => "1 older key, which stays for checking".to_owned(),
        count => format!("{count} older keys, which stay for checking"),
    };
    let first = format!("{} has a new key in front of {others}: {kid}\n", desk.keys);
    let local = desk.keys.is_local();
    let goes_on = signer(keys, desk.now, desk.refresh, local).filter(|signer| signer != kid);
    let Some(goes_on) = goes_on else {
        return format!("{first}It signs at once, since no other key is older.\n");
    };
    let from = signs_from(kid, keys, desk.now, desk.refresh, local).and_then(utc).unwrap_or_default();
    format!(
        "{first}It signs when every function has had JWT_KEYS_REFRESH ({} s) to read it, from {from} on; until then {goes_on} does.\n\
         After the last token of {goes_on} has expired (JWT_EXPIRATION_DELTA after that): {}\n",
        desk.refresh.as_secs(),
        desk.command(&format!("retire {}", quoted(&goes_on)))
    )
}

/// A command that was cut off has left them.
pub(super) fn note_on_dropped(desk: &Desk, dropped: &[Jwk]) -> Option<String> {
    let kids: Vec<&str> = dropped.iter().map(Jwk::kid).collect();
    let public = desk.public.as_ref().filter(|_| !kids.is_empty())?;
    Some(format!("what {public} had and {} has not is taken out: {}", desk.keys, kids.join(", ")))
}
