//! `admin keys list`.

use std::fmt::Write as _;

use serde::Serialize;
use shared::domain::{
    keys::{Algorithm, Jwk},
    time::UnixSeconds,
};

use super::key_set_pair::KeySetPair;
use crate::{
    backends::{Contents, KeySet, StoredKeys},
    failure::Failure,
    options::keys::ListKeys,
    report::Report,
    shell::quote,
    utc::utc,
};

/// The listing, rendered as JSON or as a table.
#[derive(Serialize)]
struct Listing {
    keys: Vec<Row>,
    /// Problems, each with the command that fixes it.
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    /// `None`: a plain key.
    kid: Option<String>,
    algorithm: &'static str,
    created: Option<String>,
    role: Role,
    /// Whether the key is in the public set. `None`: no public location is given.
    public: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Role {
    #[serde(rename = "signs")]
    Signs,
    #[serde(rename = "waits to sign")]
    WaitsToSign,
    #[serde(rename = "verifies")]
    Verifies,
}

pub(crate) async fn run(options: &ListKeys, now: UnixSeconds) -> Result<Report, Failure> {
    let pair = KeySetPair::read(&options.locations, now).await?;
    let listing = match &pair.keys.contents {
        Contents::PlainKey(outcome) => list_plain_key(&pair, outcome.as_ref().err().map(ToString::to_string))?,
        _ => list_set(&pair, &pair.private_set()?)?,
    };
    let text = if options.json {
        serde_json::to_string_pretty(&listing).map_err(|error| Failure::Failed(error.to_string()))? + "\n"
    } else {
        table(&listing)
    };
    Ok(Report::from(text))
}

fn list_plain_key(pair: &KeySetPair, problem: Option<String>) -> Result<Listing, Failure> {
    pair.check_public_location(Algorithm::Hs256)?;
    if let Some(problem) = problem {
        return Err(Failure::Failed(format!("{} contains a plain key that {problem}", pair.keys)));
    }
    let algorithm = Algorithm::Hs256.name();
    let row = Row { kid: None, algorithm, created: None, role: Role::Signs, public: None };
    let note = format!(
        "{} contains a plain key, which has no kid and cannot be rotated; {} replaces it with a set",
        pair.keys,
        pair.command("new --algorithm HS256")
    );
    Ok(Listing { keys: vec![row], notes: vec![note] })
}

fn list_set(pair: &KeySetPair, keys: &KeySet) -> Result<Listing, Failure> {
    pair.check_public_location(keys.algorithm)?;
    let signer = pair.signer(keys)?;
    let signer = keys.kids().position(|kid| kid == signer).unwrap_or_default();
    let row = |(position, key): (usize, &Jwk)| Row {
        kid: Some(key.kid().to_owned()),
        algorithm: keys.algorithm.name(),
        created: key.issued_at().and_then(utc),
        // Keys in front of the signer take over later. Keys behind it have signed before.
        role: match position.cmp(&signer) {
            std::cmp::Ordering::Less => Role::WaitsToSign,
            std::cmp::Ordering::Equal => Role::Signs,
            std::cmp::Ordering::Greater => Role::Verifies,
        },
        public: pair.public.as_ref().map(|public| has(public, key)),
    };
    let rows = keys.set.keys().iter().enumerate().map(row).collect();
    let notes = pair.public.as_ref().map(|public| differences(pair, public, keys)).unwrap_or_default();
    Ok(Listing { keys: rows, notes })
}

/// Whether the public set contains exactly the public half of `key`.
fn has(public: &StoredKeys, key: &Jwk) -> bool {
    public_key(public, key.kid()).is_some_and(|half| is_half_of(half, key))
}

fn public_key<'a>(public: &'a StoredKeys, kid: &str) -> Option<&'a Jwk> {
    let Contents::Public(keys) = &public.contents else { return None };
    keys.set.keys().iter().find(|key| key.kid() == kid)
}

fn is_half_of(half: &Jwk, key: &Jwk) -> bool {
    let json = |key: &Jwk| KeySet::new(key.algorithm(), key.public().into_iter().collect()).set.to_json();
    half.algorithm() == key.algorithm() && json(half) == json(key)
}

/// The differences between the two sets, each with the command that fixes it.
fn differences(pair: &KeySetPair, public: &StoredKeys, keys: &KeySet) -> Vec<String> {
    let publish = pair.command("publish");
    let Contents::Public(halves) = &public.contents else {
        return vec![format!("{public} {}; {publish} writes the public set", public.contents.describe())];
    };
    let mut notes = Vec::new();
    for key in keys.set.keys() {
        let kid = key.kid();
        let Some(half) = public_key(public, kid) else {
            notes.push(format!("{kid} is not in {public}, so tokens that it signs are rejected; {publish} adds it"));
            continue;
        };
        if !is_half_of(half, key) {
            notes.push(format!(
                "{kid} is a different key in {public}, or has different metadata there; {publish} replaces it"
            ));
        }
    }
    for kid in halves.kids().filter(|kid| !keys.has(kid)) {
        let retire = pair.command(&format!("retire {}", quote(kid)));
        notes.push(format!(
            "{kid} is only in {public}, so tokens that it signed are still accepted; {retire} removes it"
        ));
    }
    notes
}

fn table(listing: &Listing) -> String {
    let cell = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut rows = vec![["KID", "ALGORITHM", "CREATED", "ROLE", "PUBLIC"].map(str::to_owned)];
    for key in &listing.keys {
        let role = match key.role {
            Role::Signs => "signs",
            Role::WaitsToSign => "waits to sign",
            Role::Verifies => "verifies",
        };
        let public = if key.public == Some(true) { "yes" } else { "no" };
        rows.push([cell(&key.kid), key.algorithm.to_owned(), cell(&key.created), role.to_owned(), public.to_owned()]);
    }
    // Without a public location, the last column is left out.
    let columns = if listing.keys.iter().any(|key| key.public.is_some()) { 5 } else { 4 };
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    for note in &listing.notes {
        let _ = write!(text, "\n{note}\n");
    }
    text
}
