//! `admin keys list`.

use std::fmt::Write as _;

use serde::Serialize;
use shared::domain::keys::jwk::Jwk;

use super::{Report, key_set_pair::Desk, quoted, signer, utc};
use crate::{
    backends::{Held, Kept, Set},
    failure::Failure,
    options::ListKeys,
};

/// What is shown, as JSON or as a table.
#[derive(Serialize)]
struct Listing {
    keys: Vec<Row>,
    /// What is to be mended, and how.
    notes: Vec<String>,
}

#[derive(Serialize)]
struct Row {
    /// A plain key has none.
    kid: Option<String>,
    algorithm: &'static str,
    created: Option<String>,
    role: Role,
    /// Whether the public set has it. `None`: no public set is given.
    public: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Role {
    #[serde(rename = "signs")]
    Signs,
    #[serde(rename = "waits to sign")]
    Waits,
    #[serde(rename = "checks")]
    VerifierConfig,
}

pub(crate) async fn run(options: &ListKeys, now: u64) -> Result<Report, Failure> {
    let desk = Desk::open(&options.at, now).await?;
    let listing = match &desk.keys.held {
        Held::Plain(sound) => of_plain_key(&desk, sound.as_ref().err().map(ToString::to_string))?,
        _ => of_set(&desk, &desk.private_set()?)?,
    };
    let text = if options.json {
        serde_json::to_string_pretty(&listing).map_err(|error| Failure::Failed(error.to_string()))? + "\n"
    } else {
        table(&listing)
    };
    Ok(Report { text, notes: Vec::new() })
}

fn of_plain_key(desk: &Desk, problem: Option<String>) -> Result<Listing, Failure> {
    desk.check_public_place(shared::domain::keys::jwk::Algorithm::Hs256)?;
    if let Some(problem) = problem {
        return Err(Failure::Failed(format!("{} holds a plain key that {problem}", desk.keys)));
    }
    let row = Row { kid: None, algorithm: "HS256", created: None, role: Role::Signs, public: None };
    let note = format!(
        "{} holds a plain key, which has no kid and cannot be rotated; {} replaces it by a set",
        desk.keys,
        desk.command("new --algorithm HS256")
    );
    Ok(Listing { keys: vec![row], notes: vec![note] })
}

fn of_set(desk: &Desk, keys: &Set) -> Result<Listing, Failure> {
    desk.check_public_place(keys.algorithm)?;
    let signer = signer(keys, desk.now, desk.refresh, desk.keys.is_local());
    let mut has_signer_come = false;
    let mut rows = Vec::new();
    for key in keys.set.keys() {
        let signs = signer.as_deref() == Some(key.kid());
        let role = match (signs, has_signer_come) {
            (true, _) => Role::Signs,
            (false, false) => Role::Waits,
            (false, true) => Role::VerifierConfig,
        };
        has_signer_come |= signs;
        rows.push(Row {
            kid: Some(key.kid().to_owned()),
            algorithm: keys.algorithm.name(),
            created: key.issued_at().and_then(utc),
            role,
            public: desk.public.as_ref().map(|public| has(public, key)),
        });
    }
    let notes = desk.public.as_ref().map(|public| differences(desk, public, keys)).unwrap_or_default();
    Ok(Listing { keys: rows, notes })
}

/// Whether the public set has just this key.
fn has(public: &Kept, key: &Jwk) -> bool {
    public_key(public, key.kid()).is_some_and(|half| is_half_of(half, key))
}

fn public_key<'a>(public: &'a Kept, kid: &str) -> Option<&'a Jwk> {
    let Held::Public(keys) = &public.held else { return None };
    keys.set.keys().iter().find(|key| key.kid() == kid)
}

fn is_half_of(half: &Jwk, key: &Jwk) -> bool {
    let json = |key: &Jwk| Set::of(key.algorithm(), key.public().into_iter().collect()).set.to_json();
    half.algorithm() == key.algorithm() && json(half) == json(key)
}

/// How the public set differs, and what mends it.
fn differences(desk: &Desk, public: &Kept, keys: &Set) -> Vec<String> {
    let publish = desk.command("publish");
    let Held::Public(halves) = &public.held else {
        return vec![format!("{public} {}; {publish} writes the public set", public.held.describe())];
    };
    let mut notes = Vec::new();
    for key in keys.set.keys() {
        let kid = key.kid();
        match public_key(public, kid) {
            None => {
                notes.push(format!("{kid} is not in {public}, so tokens that it signs are refused; {publish} adds it"));
            }
            Some(half) if !is_half_of(half, key) => {
                notes.push(format!("{kid} is another key, or otherwise described, in {public}; {publish} replaces it"));
            }
            Some(_) => {}
        }
    }
    for kid in halves.kids().filter(|kid| !keys.has(kid)) {
        let retire = desk.command(&format!("retire {}", quoted(kid)));
        notes.push(format!("{kid} is in {public} alone, so tokens that it signed are taken; {retire} takes it out"));
    }
    notes
}

fn table(listing: &Listing) -> String {
    let cell = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut rows = vec![["KID", "ALGORITHM", "CREATED", "ROLE", "PUBLIC"].map(str::to_owned)];
    for key in &listing.keys {
        let role = match key.role {
            Role::Signs => "signs",
            Role::Waits => "waits to sign",
            Role::VerifierConfig => "checks",
        };
        let public = if key.public == Some(true) { "yes" } else { "no" };
        rows.push([cell(&key.kid), key.algorithm.to_owned(), cell(&key.created), role.to_owned(), public.to_owned()]);
    }
    // Without a public set the last column has nothing to say.
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
