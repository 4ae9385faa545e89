//! `admin keys publish`.

use shared::domain::time::UnixSeconds;

use super::{consequence, key_set_pair::KeySetPair};
use crate::{
    backends::{Contents, KeySet, StoredKeys},
    confirm::confirm,
    failure::Failure,
    options::keys::PublishKeys,
    report::Report,
};

pub(crate) async fn run(options: PublishKeys, now: UnixSeconds) -> Result<Report, Failure> {
    let pair = KeySetPair::read(&options.locations, now).await?;
    let Some(public) = &pair.public else {
        return Err(Failure::Usage("--public-keys is not given, and JWT_PUBLIC_KEYS_ARN is not set".to_owned()));
    };
    let keys = pair.private_set()?;
    pair.check_public_location(keys.algorithm)?;
    if matches!(&public.contents, Contents::Public(stored) if stored.set.to_json() == keys.set.public().to_json()) {
        return Ok(Report::from(format!("{public} already contains the public halves of {}.\n", pair.keys)));
    }
    if let Some(loss) = loss(public, &keys) {
        confirm(&format!("{loss} Every token signed with a lost key {}.", consequence(pair.refresh)), options.yes)?;
    }
    let notes = pair.write_public(&keys).await?;
    let kids: Vec<&str> = keys.kids().collect();
    Ok(Report { text: format!("{public} contains the public halves of {}: {}\n", pair.keys, kids.join(", ")), notes })
}

/// What is lost, in one sentence. `None`: no key is lost.
fn loss(public: &StoredKeys, keys: &KeySet) -> Option<String> {
    match &public.contents {
        Contents::Empty => None,
        Contents::Public(stored) => {
            let lost: Vec<&str> = stored.kids().filter(|kid| !keys.has(kid)).collect();
            (!lost.is_empty()).then(|| format!("{public} contains keys that would be lost: {}.", lost.join(", ")))
        }
        contents => Some(format!("{public} {}, which would be replaced.", contents.describe())),
    }
}
