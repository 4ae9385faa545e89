//! The schemes that occur among the stored hashes, besides Argon2 at the configured cost.

use std::{fmt, str::FromStr};

use super::{
    scheme::{Cost, Digest, HashScheme, OWASP_MINIMUM, ScryptCost, UnusableHash},
    stored,
};

/// Time that a comparison for an unknown user may take on a processor of Lambda, in milliseconds: Argon2 and all
/// entries. A comparison is aborted after four seconds, and an aborted guess is not counted as failed. With the hash of
/// the highest permitted cost that is not listed, it still takes less.
pub(super) const TIME_LIMIT: u64 = 1900;

/// The schemes as in the setting `LEGACY_HASHES`: PBKDF2 and bcrypt with their highest cost, the others with each of
/// their costs. Empty by default.
///
/// ```
/// use shared::domain::password::LegacyHashes;
///
/// let hashes: LegacyHashes = "pbkdf2-sha256:600000, bcrypt:12".parse().unwrap();
/// assert_eq!(hashes.to_string(), "pbkdf2-sha256:600000,bcrypt:12");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LegacyHashes(Vec<HashScheme>);

/// Why the text of a list is rejected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LegacyHashesError {
    /// A name that no scheme has.
    #[error("has an unknown scheme")]
    UnknownScheme,
    /// Not as many numbers as the scheme has.
    #[error(
        "has a scheme without its numbers: argon2:m:t:p, pbkdf2-…:iterations, [firebase-]scrypt:ln:r:p, bcrypt:cost"
    )]
    Numbers,
    /// A scheme occurs twice with the same cost, or PBKDF2 or bcrypt with two costs.
    #[error("has an entry that another one includes: PBKDF2 and bcrypt need their highest cost only")]
    Twice,
    /// No hash of this cost is verified.
    #[error("has a cost that is not supported: {0}")]
    Cost(UnusableHash),
    /// Each log-in would take too long.
    #[error(
        "has schemes that together with Argon2 take too long: about {0} ms on a processor of Lambda, at most 1900 are \
         possible"
    )]
    TooSlow(u64),
}

impl LegacyHashes {
    /// Whether no scheme is listed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds the scheme of a stored hash, unless an entry covers it. Argon2 up to the default cost is ignored: it never
    /// costs more than a hash at the configured cost.
    pub fn add(&mut self, mut scheme: HashScheme) {
        if let HashScheme::Argon2 { current, .. } = &mut scheme {
            // The variants cost the same.
            *current = true;
            if scheme.work() <= OWASP_MINIMUM.work() {
                return;
            }
        }
        if self.0.iter().any(|listed| listed.covers(&scheme)) {
            return;
        }
        match self.0.iter_mut().find(|listed| scheme.covers(listed)) {
            Some(listed) => *listed = scheme,
            None => self.0.push(scheme),
        }
    }

    /// Whether comparisons are fast enough if they do the work of all entries and that of a hash at the configured
    /// cost. An empty list always passes.
    pub fn check_time(&self, configured: Cost) -> Result<(), LegacyHashesError> {
        let time = self.nanoseconds(configured) / 1_000_000;
        if !self.is_empty() && time > TIME_LIMIT { Err(LegacyHashesError::TooSlow(time)) } else { Ok(()) }
    }

    /// Approximate time of a comparison for an unknown user, see [`HashScheme::nanoseconds`].
    pub(super) fn nanoseconds(&self, configured: Cost) -> u64 {
        let configured = HashScheme::Argon2 { current: true, cost: configured };
        self.0.iter().chain([&configured]).fold(0, |sum, scheme| {
            // Argon2 is computed for two forms of some passwords.
            let hashes = if matches!(scheme, HashScheme::Argon2 { .. }) { 2 } else { 1 };
            scheme.nanoseconds().saturating_mul(hashes).saturating_add(sum)
        })
    }

    pub(super) fn entries(&self) -> &[HashScheme] {
        &self.0
    }
}

impl FromStr for LegacyHashes {
    type Err = LegacyHashesError;

    /// Parses entries that are separated by commas. Space around an entry is ignored. The time that they take together
    /// depends on the configured cost too, so [`LegacyHashes::check_time`] checks it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut entries: Vec<HashScheme> = Vec::new();
        for entry in text.split(',').map(str::trim).filter(|_| !text.trim().is_empty()) {
            let scheme = parse(entry)?;
            scheme.check_cost().map_err(LegacyHashesError::Cost)?;
            if entries.iter().any(|known| known.covers(&scheme) || scheme.covers(known)) {
                return Err(LegacyHashesError::Twice);
            }
            entries.push(scheme);
        }
        Ok(Self(entries))
    }
}

impl fmt::Display for LegacyHashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scheme) in self.0.iter().enumerate() {
            let separator = if place == 0 { "" } else { "," };
            write!(f, "{separator}{scheme}")?;
        }
        Ok(())
    }
}

/// `NAME:NUMBER` or `NAME:NUMBER:NUMBER:NUMBER`
fn parse(entry: &str) -> Result<HashScheme, LegacyHashesError> {
    let mut fields = entry.split(':');
    let name = fields.next().unwrap_or_default();
    let numbers = fields.map(stored::number).collect::<Result<Vec<u32>, _>>();
    let numbers = numbers.map_err(|_| LegacyHashesError::Numbers);
    let one = || match numbers.clone()?[..] {
        [number] => Ok(number),
        _ => Err(LegacyHashesError::Numbers),
    };
    let three = || match numbers.clone()?[..] {
        [first, second, third] => Ok((first, second, third)),
        _ => Err(LegacyHashesError::Numbers),
    };
    let pbkdf2 = |digest| Ok(HashScheme::Pbkdf2 { digest, iterations: one()? });
    let scrypt = || three().map(|(log_n, r, p)| ScryptCost { log_n: small(log_n), r, p });
    match name {
        "argon2" => {
            let (memory_kib, iterations, parallelism) = three()?;
            Ok(HashScheme::Argon2 { current: true, cost: Cost { memory_kib, iterations, parallelism } })
        }
        "pbkdf2-sha1" => pbkdf2(Digest::Sha1),
        "pbkdf2-sha256" => pbkdf2(Digest::Sha256),
        "pbkdf2-sha512" => pbkdf2(Digest::Sha512),
        "scrypt" => scrypt().map(HashScheme::Scrypt),
        "firebase-scrypt" => scrypt().map(HashScheme::FirebaseScrypt),
        "bcrypt" => Ok(HashScheme::Bcrypt { cost: small(one()?) }),
        _ => Err(LegacyHashesError::UnknownScheme),
    }
}

/// A larger number is above every limit.
fn small(number: u32) -> u8 {
    u8::try_from(number).unwrap_or(u8::MAX)
}
