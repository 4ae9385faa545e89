//! `admin keys retire`.

use shared::domain::keys::jwk::Jwk;

use super::{Report, consequence, key_set_pair::Desk, quoted, rotate::note_on_dropped, signer};
use crate::{
    backends::{Held, Privacy, Set},
    confirm,
    failure::Failure,
    options::RetireKey,
};

pub(crate) async fn run(options: RetireKey, now: u64) -> Result<Report, Failure> {
    let mut desk = Desk::open(&options.at, now).await?;
    let old = desk.private_set()?;
    desk.check_public_place(old.algorithm)?;
    let kid = options.kid.as_str();
    if old.has(kid) {
        retire(&mut desk, kid, &old, options.yes).await
    } else if is_public(&desk, kid) {
        complete(&mut desk, kid, &old, options.yes).await
    } else {
        Err(Failure::Failed(format!("no key has this kid; there are {}", kids(&desk, &old).join(", "))))
    }
}

async fn retire(desk: &mut Desk, kid: &str, old: &Set, yes: bool) -> Result<Report, Failure> {
    let dropped = desk.only_public(old)?;
    let left: Vec<Jwk> = old.set.keys().iter().filter(|key| key.kid() != kid).cloned().collect();
    if left.is_empty() {
        return Err(Failure::Failed(format!(
            "{kid} is the last key of {}, and nothing could sign without it; {} puts another one in its place",
            desk.keys,
            desk.command(&format!("new --algorithm {}", old.algorithm))
        )));
    }
    let keys = Set::of(old.algorithm, left);
    confirm::confirm(&loss(desk, kid, old, &keys), yes)?;
    let meanwhile = format!(
        "nothing signs with {kid} any more, but tokens that it signed are still taken; {} completes it",
        desk.command(&format!("retire {}", quoted(kid)))
    );
    let mut notes = desk.write(&keys, Privacy::Private, &meanwhile).await?;
    notes.extend(desk.note_without_public(keys.algorithm));
    notes.extend(note_on_dropped(desk, &dropped));
    let signs = signer(&keys, desk.now, desk.refresh, desk.keys.is_local()).unwrap_or_default();
    let text = format!("{kid} is taken out of {}.\n{signs} signs.\n", desk.keys);
    Ok(Report { text, notes })
}

fn loss(desk: &Desk, kid: &str, old: &Set, new: &Set) -> String {
    let signer = |keys| signer(keys, desk.now, desk.refresh, desk.keys.is_local()).unwrap_or_default();
    let is_first = old.kids().next() == Some(kid);
    let next = match (signer(old) == kid, is_first) {
        (true, _) => format!(" It is the key that signs: {} signs from then on.", signer(new)),
        (false, true) => format!(" It is the first key, which waits to sign: {} goes on.", signer(new)),
        (false, false) => String::new(),
    };
    format!("{kid} is taken out of {}: every token signed with it {}.{next}", desk.keys, consequence(desk.refresh))
}

/// An earlier run was cut off between its two writes.
async fn complete(desk: &mut Desk, kid: &str, keys: &Set, yes: bool) -> Result<Report, Failure> {
    let dropped = desk.only_public(keys)?;
    let place = desk.public.as_ref().map(ToString::to_string).unwrap_or_default();
    let loss = format!(
        "{kid} is in {place} alone, and is taken out of it: every token signed with it {}.",
        consequence(desk.refresh)
    );
    confirm::confirm(&loss, yes)?;
    let mut notes = desk.write_public(keys).await?;
    let others: Vec<Jwk> = dropped.into_iter().filter(|key| key.kid() != kid).collect();
    notes.extend(note_on_dropped(desk, &others));
    Ok(Report { text: format!("{kid} is taken out of {place}; {} did not have it.\n", desk.keys), notes })
}

/// The names of all keys, each once.
fn kids(desk: &Desk, keys: &Set) -> Vec<String> {
    let public = match desk.public.as_ref().map(|public| &public.held) {
        Some(Held::Public(others)) => others.kids().filter(|kid| !keys.has(kid)).collect(),
        _ => Vec::new(),
    };
    keys.kids().chain(public).map(str::to_owned).collect()
}

fn is_public(desk: &Desk, kid: &str) -> bool {
    matches!(&desk.public, Some(public) if matches!(&public.held, Held::Public(keys) if keys.has(kid)))
}
