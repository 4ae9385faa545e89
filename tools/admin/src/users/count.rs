//! `admin users count`.

use std::collections::BTreeMap;

use serde::Serialize;
use shared::{
    aws::store::admin::CredentialsRecord,
    domain::password::{LegacyHashes, PasswordHash},
};

use super::{
    connection::{Connection, Table},
    output::{json_text, pad},
    progress::Progress,
};
use crate::{failure::Failure, options::users::CountUsers, report::Report};

#[derive(Default, Serialize)]
struct Count {
    users: u64,
    disabled: u64,
    /// Items that the functions would reject.
    invalid: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    hashes: Option<Hashes>,
}

/// The password hashes by scheme and cost.
#[derive(Default, Serialize)]
struct Hashes {
    current: BTreeMap<String, u64>,
    legacy: BTreeMap<String, u64>,
    /// Hashes that log-in does not verify, by reason.
    unusable: BTreeMap<String, u64>,
    /// The value for `LEGACY_HASHES`. Empty: no log-in takes longer than a hash at the default cost.
    #[serde(rename = "LEGACY_HASHES")]
    setting: String,
}

pub(crate) async fn run(options: &CountUsers) -> Result<Report, Failure> {
    let tables: &[Table] = if options.legacy { &Table::ACCOUNT } else { &[Table::Users] };
    let connection = Connection::open(&options.common, tables).await?;
    let mut count = users(&connection).await?;
    if options.legacy {
        count.hashes = Some(hashes(&connection).await?);
    }
    if options.common.json { json_text(&count).map(Report::from) } else { Ok(Report::from(text(&count))) }
}

async fn users(connection: &Connection) -> Result<Count, Failure> {
    let progress = Progress::new("users read");
    let mut count = Count::default();
    let mut pages = connection.store.users();
    while let Some(users) = connection.checked(pages.next().await).await? {
        progress.add(users.len());
        for user in users {
            count.users += 1;
            count.disabled += u64::from(user.disabled);
            count.invalid += u64::from(!user.invalid.is_empty());
        }
    }
    Ok(count)
}

async fn hashes(connection: &Connection) -> Result<Hashes, Failure> {
    let progress = Progress::new("hashes read");
    let (mut hashes, mut schemes) = (Hashes::default(), LegacyHashes::default());
    let mut pages = connection.store.credentials();
    while let Some(page) = connection.checked(pages.next().await).await? {
        progress.add(page.len());
        for credentials in page {
            hashes.add(&credentials, &mut schemes);
        }
    }
    hashes.setting = schemes.to_string();
    Ok(hashes)
}

impl Hashes {
    fn add(&mut self, credentials: &CredentialsRecord, schemes: &mut LegacyHashes) {
        let (group, key) = match credentials.password_hash.as_ref().map(PasswordHash::inspect) {
            Some(Ok(scheme)) => {
                schemes.add(scheme);
                let group = if scheme.is_legacy() { &mut self.legacy } else { &mut self.current };
                (group, scheme.to_string())
            }
            Some(Err(problem)) => (&mut self.unusable, problem.to_string()),
            None => (&mut self.unusable, "no hash".to_owned()),
        };
        *group.entry(key).or_default() += 1;
    }
}

fn text(count: &Count) -> String {
    let line = |label: &str, value: &dyn std::fmt::Display| format!("{}{value}\n", pad(label, 32));
    let mut text =
        line("users", &count.users) + &line("disabled", &count.disabled) + &line("invalid items", &count.invalid);
    let Some(hashes) = &count.hashes else { return text };
    for (label, group) in
        [("current hashes", &hashes.current), ("legacy hashes", &hashes.legacy), ("unusable hashes", &hashes.unusable)]
    {
        text.push('\n');
        text += &line(label, &group.values().sum::<u64>());
        text.extend(group.iter().map(|(scheme, count)| line(&format!("  {scheme}"), count)));
    }
    text + &format!("\nLEGACY_HASHES={}\n", hashes.setting)
}
