//! `admin keys new`.

use shared::domain::keys::jwk::{Algorithm, Jwk, KeyProblem};

use super::{Report, consequence, key_set_pair::Desk, setting};
use crate::{
    backends::{Held, Kept, Privacy, Set},
    confirm,
    failure::Failure,
    options::NewKeys,
};

pub(crate) async fn run(options: NewKeys, now: u64) -> Result<Report, Failure> {
    let algorithm = options.algorithm;
    if !algorithm.is_asymmetric() && options.at.public_keys()?.is_some() {
        return Err(Failure::Usage(
            "HS256 has no public keys: leave out --public-keys, and JWT_PUBLIC_KEYS_ARN unset".to_owned(),
        ));
    }
    let mut desk = Desk::open(&options.at, now).await?;
    // A place of public keys is one that others read.
    if let Held::Public(_) = desk.keys.held {
        desk.private_set()?;
    }
    if let Some(loss) = loss(&desk, algorithm) {
        confirm::confirm(&loss, options.yes)?;
    }
    let key = generate(algorithm, now)?;
    let kid = key.kid().to_owned();
    let meanwhile = meanwhile(&desk, algorithm);
    let mut notes = desk.write(&Set::of(algorithm, vec![key]), Privacy::Public, &meanwhile).await?;
    notes.extend(desk.note_without_public(algorithm));
    let published = desk.public.map(|public| format!("{public} holds its public half.\n")).unwrap_or_default();
    let setting = setting(algorithm);
    let text = format!(
        "{} holds one key for {algorithm}, which signs at once: {kid}\n{published}The functions take it with {setting}.\n",
        desk.keys
    );
    Ok(Report { text, notes })
}

pub(super) fn generate(algorithm: Algorithm, now: u64) -> Result<Jwk, Failure> {
    Jwk::generate(algorithm, now).map_err(|problem: KeyProblem| {
        Failure::Failed(format!(
            "nothing is written: no key could be made (the operating system gave none that is sound): {problem}"
        ))
    })
}

/// What is lost, in whole sentences. `None`: nothing.
fn loss(desk: &Desk, algorithm: Algorithm) -> Option<String> {
    let lost = |kept: &Kept| match kept.held {
        Held::Nothing => None,
        _ => Some(format!("{kept} {}; all of that is replaced.", kept.held.describe())),
    };
    let places: Vec<String> = [lost(&desk.keys), desk.public.as_ref().and_then(lost)].into_iter().flatten().collect();
    if places.is_empty() {
        return None;
    }
    let consequence = consequence(desk.refresh);
    Some(format!(
        "{} Every token signed with the keys there {consequence}.{}",
        places.join(" "),
        other_setting(desk, algorithm)
    ))
}

/// What a change of the algorithm means besides.
fn other_setting(desk: &Desk, algorithm: Algorithm) -> String {
    let before = match &desk.keys.held {
        Held::Private(keys) => keys.algorithm,
        Held::Plain(_) => Algorithm::Hs256,
        _ => return String::new(),
    };
    if before == algorithm {
        return String::new();
    }
    format!(
        " Functions that are set to {before} keep the old key while they run, and do not start anew before they are deployed \
         with {}.",
        setting(algorithm)
    )
}

fn meanwhile(desk: &Desk, algorithm: Algorithm) -> String {
    let again = desk.command(&format!("new --algorithm {algorithm}"));
    let back = match &desk.keys.held {
        Held::Private(keys) if keys.algorithm.is_asymmetric() => {
            format!(
                ", so tokens are refused; {again} completes it, or {} goes back to the keys that sign",
                desk.command("publish")
            )
        }
        _ => format!("; {again} completes it"),
    };
    format!("its key signs nowhere{back}")
}
