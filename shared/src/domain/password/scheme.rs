//! How stored passwords are hashed, and the highest cost that is verified.

use std::fmt;

use argon2::{Algorithm, Params};

/// OWASP's minimum for Argon2id (Password Storage Cheat Sheet).
pub const OWASP_MINIMUM: Cost = Cost { memory_kib: 19_456, iterations: 2, parallelism: 1 };

/// The cost of a hash: Argon2's parameters m, t and p.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory, in KiB.
    pub memory_kib: u32,
    /// Passes over the memory.
    pub iterations: u32,
    /// Lanes. They are computed sequentially.
    pub parallelism: u32,
}

impl Cost {
    /// KiB in all passes together, to which time is proportional.
    pub(super) fn work(self) -> u64 {
        u64::from(self.memory_kib) * u64::from(self.iterations)
    }

    /// Fails for a cost that Argon2 does not support (RFC 9106 section 3.1).
    pub(super) fn params(self) -> Result<Params, argon2::Error> {
        Params::new(self.memory_kib, self.iterations, self.parallelism, None)
    }
}

/// How a stored hash was computed. Its form as text is that of an entry in the setting `LEGACY_HASHES`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashScheme {
    /// Argon2 in one of its variants (RFC 9106).
    Argon2 {
        /// The variant is Argon2id of version 19, which Postern itself computes.
        current: bool,
        /// Memory, passes and lanes.
        cost: Cost,
    },
    /// PBKDF2 (RFC 8018 section 5.2).
    Pbkdf2 {
        /// The hash function of its HMAC.
        digest: Digest,
        /// Iterations of all blocks of the output: those of the hash, unless it is longer than its digest.
        iterations: u32,
    },
    /// scrypt (RFC 7914).
    Scrypt(ScryptCost),
    /// bcrypt of version 2a, 2b or 2y.
    Bcrypt {
        /// Binary logarithm of the number of key expansions.
        cost: u8,
    },
    /// Firebase's variant of scrypt, which encrypts a key of the project with the output of scrypt.
    FirebaseScrypt(ScryptCost),
}

/// The hash function of PBKDF2's HMAC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
    /// SHA-512.
    Sha512,
}

/// The cost of scrypt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScryptCost {
    /// Binary logarithm of N.
    pub log_n: u8,
    /// Block size.
    pub r: u32,
    /// Parallelization.
    pub p: u32,
}

/// Why a stored hash cannot be verified. No variant contains any part of the hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnusableHash {
    /// The text has none of the supported prefixes.
    #[error("unknown hash format")]
    UnknownFormat,
    /// A field of a supported format is missing, or its syntax or length is wrong.
    #[error("malformed hash: {0}")]
    Malformed(&'static str),
    /// Computing the hash would take too much time or memory.
    #[error("hash is too expensive: {0}")]
    TooExpensive(&'static str),
}

impl HashScheme {
    /// The name of the scheme, such as `pbkdf2-sha256`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Argon2 { .. } => "argon2",
            Self::Pbkdf2 { digest: Digest::Sha1, .. } => "pbkdf2-sha1",
            Self::Pbkdf2 { digest: Digest::Sha256, .. } => "pbkdf2-sha256",
            Self::Pbkdf2 { digest: Digest::Sha512, .. } => "pbkdf2-sha512",
            Self::Scrypt(_) => "scrypt",
            Self::Bcrypt { .. } => "bcrypt",
            Self::FirebaseScrypt(_) => "firebase-scrypt",
        }
    }

    /// Whether the first successful log-in replaces the hash whatever its cost is. Argon2id hashes are replaced only
    /// if their cost is lower than the configured one.
    pub fn is_legacy(&self) -> bool {
        !matches!(self, Self::Argon2 { current: true, .. })
    }

    /// The work of computing the hash, in a unit of the scheme to which time is proportional.
    pub(super) fn work(&self) -> u64 {
        match *self {
            Self::Argon2 { cost, .. } => cost.work(),
            Self::Pbkdf2 { iterations, .. } => iterations.into(),
            Self::Scrypt(cost) | Self::FirebaseScrypt(cost) => cost.work(),
            Self::Bcrypt { cost } => 1_u64.checked_shl(cost.into()).unwrap_or(u64::MAX),
        }
    }

    /// Whether a comparison that does the work of this scheme can include a hash of the `other`: one of the same cost
    /// or, for PBKDF2 and bcrypt, of a lower one. Their time is proportional to their work. That of the others also depends
    /// on their memory, so two hashes with half of the work take another time than one with all of it.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            // The variants cost the same.
            (Self::Argon2 { cost, .. }, Self::Argon2 { cost: other, .. }) => cost == other,
            (Self::Pbkdf2 { .. } | Self::Bcrypt { .. }, _) => {
                self.name() == other.name() && other.work() <= self.work()
            }
            _ => self == other,
        }
    }

    /// Approximate time on a processor of Lambda: measurements on a desktop processor, rounded up by half.
    pub fn nanoseconds(&self) -> u64 {
        let per_unit = match self {
            Self::Argon2 { .. } | Self::Pbkdf2 { digest: Digest::Sha512, .. } => 1000,
            Self::Pbkdf2 { digest: Digest::Sha1 | Digest::Sha256, .. } => 450,
            Self::Scrypt(_) | Self::FirebaseScrypt(_) => 600,
            Self::Bcrypt { .. } => 90_000,
        };
        self.work().saturating_mul(per_unit)
    }

    /// Checks the cost, which the caller has not computed yet. For Argon2 see also [`super::Hasher`].
    pub(super) fn check_cost(&self) -> Result<(), UnusableHash> {
        match *self {
            Self::Argon2 { cost, .. } => {
                if cost.params().is_err() {
                    return Err(UnusableHash::Malformed("parameters that Argon2 does not support"));
                }
                if cost.memory_kib > 262_144 || cost.work() > 1_048_576 || cost.parallelism > 16 {
                    return Err(UnusableHash::TooExpensive("Argon2 above m=262144, m*t=1048576 or p=16"));
                }
                Ok(())
            }
            Self::Pbkdf2 { iterations: 0, .. } => Err(UnusableHash::Malformed("PBKDF2 with i=0")),
            Self::Pbkdf2 { iterations, .. } if iterations > 2_000_000 => {
                Err(UnusableHash::TooExpensive("PBKDF2 above 2000000 iterations"))
            }
            Self::Bcrypt { cost: 0..=3 } => Err(UnusableHash::Malformed("bcrypt below cost 4")),
            Self::Bcrypt { cost: 15.. } => Err(UnusableHash::TooExpensive("bcrypt above cost 14")),
            Self::Pbkdf2 { .. } | Self::Bcrypt { .. } => Ok(()),
            Self::Scrypt(cost) | Self::FirebaseScrypt(cost) => cost.check(),
        }
    }
}

impl ScryptCost {
    /// What PBKDF2 before and after the N iterations costs, in iterations. For a small N it is most of the time.
    const FIXED_ITERATIONS: u64 = 8;
    /// Highest r and p. They are 8 and 1 to 16 in practice.
    const MAX_SHAPE: u32 = 64;
    /// Highest N·r·p.
    const MAX_PRODUCT: u64 = 1 << 20;

    /// Calls of BlockMix for one block of 128 bytes, to which time is proportional: (N + fixed part)·r·p.
    pub(super) fn work(&self) -> u64 {
        let iterations = self.iterations().saturating_add(Self::FIXED_ITERATIONS);
        iterations.saturating_mul(self.r.into()).saturating_mul(self.p.into())
    }

    /// N
    fn iterations(&self) -> u64 {
        1_u64.checked_shl(self.log_n.into()).unwrap_or(u64::MAX)
    }

    fn check(&self) -> Result<(), UnusableHash> {
        if self.log_n == 0 || self.r == 0 || self.p == 0 {
            return Err(UnusableHash::Malformed("scrypt with a parameter of 0"));
        }
        // A large r or p lets PBKDF2, over 128·r·p bytes, take seconds although the product is within its limit.
        if self.r > Self::MAX_SHAPE || self.p > Self::MAX_SHAPE {
            return Err(UnusableHash::TooExpensive("scrypt above r=64 or p=64"));
        }
        // Memory is 128·N·r + 128·r·p bytes: at most 128 MiB and 512 KiB.
        let product = self.iterations().saturating_mul(self.r.into()).saturating_mul(self.p.into());
        if product > Self::MAX_PRODUCT {
            return Err(UnusableHash::TooExpensive("scrypt above N*r*p=1048576"));
        }
        Ok(())
    }
}

impl Digest {
    /// Length of a block of output, in bytes.
    pub(super) fn length(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
            Self::Sha512 => 64,
        }
    }
}

impl fmt::Display for HashScheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Argon2 { cost: Cost { memory_kib, iterations, parallelism }, .. } => {
                write!(f, ":{memory_kib}:{iterations}:{parallelism}")
            }
            Self::Pbkdf2 { iterations, .. } => write!(f, ":{iterations}"),
            Self::Scrypt(ScryptCost { log_n, r, p }) | Self::FirebaseScrypt(ScryptCost { log_n, r, p }) => {
                write!(f, ":{log_n}:{r}:{p}")
            }
            Self::Bcrypt { cost } => write!(f, ":{cost}"),
        }
    }
}

/// The identifier of an Argon2 variant in a PHC string.
pub(super) fn argon2_variant(name: &str) -> Option<Algorithm> {
    [Algorithm::Argon2id, Algorithm::Argon2i, Algorithm::Argon2d].into_iter().find(|variant| variant.as_str() == name)
}
