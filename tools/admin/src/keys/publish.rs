//! `admin keys publish`.

use super::{Report, consequence, key_set_pair::Desk};
use crate::{
    backends::{Held, Kept, Set},
    confirm,
    failure::Failure,
    options::PublishKeys,
};

pub(crate) async fn run(options: PublishKeys, now: u64) -> Result<Report, Failure> {
    let mut desk = Desk::open(&options.at, now).await?;
    let Some(public) = &desk.public else {
        return Err(Failure::Usage("--public-keys is not given, and JWT_PUBLIC_KEYS_ARN is not set".to_owned()));
    };
    let keys = desk.private_set()?;
    desk.check_public_place(keys.algorithm)?;
    if matches!(&public.held, Held::Public(held) if held.set.to_json() == keys.set.public().to_json()) {
        let text = format!("{public} holds the public halves of {} already.\n", desk.keys);
        return Ok(Report { text, notes: Vec::new() });
    }
    if let Some(loss) = loss(public, &keys) {
        confirm::confirm(
            &format!("{loss} Every token signed with a key that is lost {}.", consequence(desk.refresh)),
            options.yes,
        )?;
    }
    let notes = desk.write_public(&keys).await?;
    let public = desk.public.map(|public| public.to_string()).unwrap_or_default();
    let kids: Vec<&str> = keys.kids().collect();
    Ok(Report { text: format!("{public} holds the public halves of {}: {}\n", desk.keys, kids.join(", ")), notes })
}

/// What is lost, in one sentence. `None`: no key is.
fn loss(public: &Kept, keys: &Set) -> Option<String> {
    match &public.held {
        Held::Nothing => None,
        Held::Public(held) => {
            let lost: Vec<&str> = held.kids().filter(|kid| !keys.has(kid)).collect();
            (!lost.is_empty()).then(|| format!("{public} holds keys that are lost then: {}.", lost.join(", ")))
        }
        held => Some(format!("{public} {}; all of that is replaced.", held.describe())),
    }
}
