//! Comparing a password with a stored hash of any scheme, and doing the work of the schemes that it does not have.

use std::hint::black_box;

use argon2::{Algorithm, Params, Version};
use aws_lc_rs::constant_time::verify_slices_are_equal;

use super::{
    Cost, LegacyHashes, Password, PasswordHash,
    derive::derive,
    hash::{HashError, Verdict},
    memory_pool::Guard,
    scheme::{HashScheme, UnusableHash},
    stored::StoredHash,
};

/// Salt of the dummy hash that is computed if there is no account.
const DUMMY_SALT: &[u8; 16] = b"dummy salt: none";
const CURRENT: (Algorithm, Version) = (Algorithm::Argon2id, Version::V0x13);

/// Compares passwords at the configured cost.
#[derive(Clone)]
pub(super) struct Comparison {
    configured: Cost,
    listed: LegacyHashes,
}

impl Comparison {
    pub(super) fn new(configured: Cost, listed: LegacyHashes) -> Self {
        Self { configured, listed }
    }

    /// Argon2's memory, in blocks, for most comparisons. Fails for a cost that Argon2 does not support.
    pub(super) fn blocks(&self) -> Result<usize, argon2::Error> {
        let mut blocks = self.configured.params()?.block_count();
        for listed in self.listed.entries() {
            if let HashScheme::Argon2 { cost, .. } = listed {
                blocks = blocks.max(cost.params()?.block_count());
            }
        }
        Ok(blocks)
    }

    /// Compares a password with a hash, at the same cost whether there is a hash or not, and whether it matches: the
    /// account of a right password may be disabled, and its response must not differ from that to a wrong password.
    ///
    /// For hashes of other schemes this holds if they are listed.
    pub(super) fn verify(
        &self,
        memory: &mut Guard<'_>,
        password: &Password,
        hash: Option<&PasswordHash>,
    ) -> Result<Verdict, HashError> {
        let stored = match hash.map(|hash| self.usable(hash)) {
            None => return self.equalize_work(None, memory, password).map(|()| Verdict::Mismatch),
            Some(Err(reason)) => {
                return self.equalize_work(None, memory, password).map(|()| Verdict::Unusable(reason));
            }
            Some(Ok(stored)) => stored,
        };
        let matching = matching(&stored, password, memory)?;
        self.equalize_work(Some(stored.scheme), memory, password)?;
        Ok(match matching {
            Some(Form::Normalized) => Verdict::Match { outdated: self.is_outdated(stored.scheme) },
            // The hash of another system. The new one is computed from the normalized form.
            Some(Form::AsSent) => Verdict::Match { outdated: true },
            None => Verdict::Mismatch,
        })
    }

    /// The scheme of a hash that this comparison does not equalize: neither it nor, for PBKDF2 and bcrypt, a higher
    /// cost is listed.
    pub(super) fn unlisted(&self, hash: &PasswordHash) -> Option<HashScheme> {
        let scheme = self.usable(hash).ok()?.scheme;
        let is_equalized = match scheme {
            HashScheme::Argon2 { cost, .. } if cost.work() <= self.configured.work() => true,
            _ => self.listed.entries().iter().any(|listed| listed.covers(&scheme)),
        };
        (!is_equalized).then_some(scheme)
    }

    /// The list of schemes, with one more.
    pub(super) fn listed_with(&self, scheme: HashScheme) -> LegacyHashes {
        let mut listed = self.listed.clone();
        listed.add(scheme);
        listed
    }

    /// Parses a hash and checks its cost. An Argon2 hash up to the configured cost is never too expensive.
    fn usable(&self, hash: &PasswordHash) -> Result<StoredHash, UnusableHash> {
        let stored = StoredHash::parse(hash.as_str())?;
        match (stored.scheme.check_cost(), stored.scheme) {
            (Err(UnusableHash::TooExpensive(_)), HashScheme::Argon2 { cost, .. })
                if cost.memory_kib <= self.configured.memory_kib
                    && cost.work() <= self.configured.work()
                    && cost.parallelism <= self.configured.parallelism =>
            {
                Ok(stored)
            }
            (checked, _) => checked.map(|()| stored),
        }
    }

    /// Does the work of every other hash that a comparison may need: Argon2 at the configured cost, and each listed
    /// one. Otherwise the response time would distinguish a password checked at the hash's cost from that of an unknown
    /// user.
    fn equalize_work(
        &self,
        done: Option<HashScheme>,
        memory: &mut Guard<'_>,
        password: &Password,
    ) -> Result<(), HashError> {
        if self.listed.is_empty() && done.is_some_and(|done| !matches!(done, HashScheme::Argon2 { .. })) {
            return Ok(());
        }
        let listed_as = done.and_then(|done| self.listed.entries().iter().position(|listed| listed.covers(&done)));
        let configured = match done {
            Some(HashScheme::Argon2 { cost, .. }) if listed_as.is_none() => cost.work(),
            _ => 0,
        };
        for form in password.forms() {
            self.fill_argon2(self.configured.work().saturating_sub(configured), memory, form)?;
        }
        for (place, listed) in self.listed.entries().iter().enumerate() {
            let done = done.filter(|_| listed_as == Some(place));
            fill(*listed, done.map_or(0, |done| done.work()), memory, password)?;
        }
        Ok(())
    }

    /// Argon2 with `missing` KiB in all passes together, in no more memory than the configured cost needs.
    fn fill_argon2(&self, missing: u64, memory: &mut Guard<'_>, password: &str) -> Result<(), HashError> {
        let Cost { memory_kib, parallelism, .. } = self.configured;
        let passes = missing.div_ceil(memory_kib.into()).max(1);
        let memory_kib = u32::try_from(missing / passes).unwrap_or(memory_kib);
        if memory_kib < Params::MIN_M_COST * parallelism {
            return Ok(());
        }
        let iterations = u32::try_from(passes).unwrap_or(u32::MAX);
        let scheme = HashScheme::Argon2 { current: true, cost: Cost { memory_kib, iterations, parallelism } };
        compute(scheme, Params::DEFAULT_OUTPUT_LEN, memory, password)
    }

    /// A hash of higher cost is not replaced: lowering the configured cost must not weaken stored hashes.
    fn is_outdated(&self, scheme: HashScheme) -> bool {
        match scheme {
            HashScheme::Argon2 { current: true, cost } => {
                cost.memory_kib < self.configured.memory_kib || cost.iterations < self.configured.iterations
            }
            _ => true,
        }
    }
}

/// The form of a password that a hash was computed from.
enum Form {
    Normalized,
    AsSent,
}

/// Which form of the password has this hash, at the hash's own cost and variant. Compares in constant time. The work
/// depends on the password and the scheme alone.
fn matching(stored: &StoredHash, password: &Password, memory: &mut Guard<'_>) -> Result<Option<Form>, HashError> {
    let mut has_hash = |form: &str| {
        let mut out = vec![0; stored.expected.len()];
        derive(stored.scheme, stored.argon2, form.as_bytes(), &stored.salt, memory, &mut out)?;
        Ok::<_, HashError>(verify_slices_are_equal(&out, &stored.expected).is_ok())
    };
    match stored.scheme {
        // From Postern, or from a system that does not normalize passwords.
        HashScheme::Argon2 { .. } => {
            let mut matching = None;
            for (form, kind) in password.forms().zip([Form::Normalized, Form::AsSent]) {
                let is_match = has_hash(form)?;
                matching = matching.or(is_match.then_some(kind));
            }
            Ok(matching)
        }
        // HMAC pads its key with zeros, and bcrypt repeats it with its terminating NUL: `a` and `a\0` have one hash.
        HashScheme::Pbkdf2 { .. }
        | HashScheme::Scrypt(_)
        | HashScheme::FirebaseScrypt(_)
        | HashScheme::Bcrypt { .. } => {
            let is_match = has_hash(password.as_sent())?;
            Ok((is_match && !password.as_sent().contains('\0')).then_some(Form::AsSent))
        }
    }
}

/// The work of a listed scheme, less what has been done of it.
fn fill(listed: HashScheme, done: u64, memory: &mut Guard<'_>, password: &Password) -> Result<(), HashError> {
    let missing = listed.work().saturating_sub(done);
    let mut compute_one = |scheme, length| compute(scheme, length, memory, password.as_sent());
    match listed {
        HashScheme::Pbkdf2 { digest, .. } => match u32::try_from(missing) {
            Ok(iterations @ 1..) => compute_one(HashScheme::Pbkdf2 { digest, iterations }, digest.length()),
            _ => Ok(()),
        },
        HashScheme::Bcrypt { .. } => {
            // The difference of two powers of two is a sum of powers of two.
            bits(missing).filter(|bit| *bit >= 4).try_for_each(|cost| compute_one(HashScheme::Bcrypt { cost }, 23))
        }
        // Only a hash of the same cost is covered by the entry, so nothing is missing or all of it.
        _ if missing == 0 => Ok(()),
        HashScheme::Scrypt(cost) | HashScheme::FirebaseScrypt(cost) => compute_one(HashScheme::Scrypt(cost), 32),
        HashScheme::Argon2 { .. } => {
            password.forms().try_for_each(|form| compute(listed, Params::DEFAULT_OUTPUT_LEN, memory, form))
        }
    }
}

/// A hash whose output of `length` bytes, at most 64, is not needed.
fn compute(scheme: HashScheme, length: usize, memory: &mut Guard<'_>, password: &str) -> Result<(), HashError> {
    let mut out = [0; 64];
    derive(scheme, CURRENT, password.as_bytes(), DUMMY_SALT, memory, &mut out[..length])?;
    black_box(out);
    Ok(())
}

/// The positions of the bits that are set.
fn bits(number: u64) -> impl Iterator<Item = u8> {
    (0..64).filter(move |bit| number >> bit & 1 == 1)
}
