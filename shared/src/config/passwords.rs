//! Passwords and their hashes.

use std::thread;

use super::env::{ConfigError, Env, Variable};
use crate::domain::password::{Cost, LegacyHashes, LegacyHashesError, OWASP_MINIMUM};

/// In the strict profile, the minimum of NIST SP 800-63B-4 section 3.1.1.2.
pub(super) const MIN_LENGTH: Variable = Variable::per_profile("PASSWORD_MIN_LENGTH", "8", "15");
pub(super) const MEMORY: Variable = Variable::fixed("ARGON2_MEMORY_KIB", "19456");
pub(super) const ITERATIONS: Variable = Variable::fixed("ARGON2_ITERATIONS", "2");
pub(super) const PARALLELISM: Variable = Variable::fixed("ARGON2_PARALLELISM", "1");
/// Empty if no hash was imported.
pub(super) const LEGACY_HASHES: Variable = Variable::unset("LEGACY_HASHES");
/// Set by Lambda, in MB.
pub(super) const FUNCTION_MEMORY: Variable = Variable::unset("AWS_LAMBDA_FUNCTION_MEMORY_SIZE");

/// Rules for passwords and the cost of their hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordSettings {
    /// `PASSWORD_MIN_LENGTH`, in characters.
    pub min_length: usize,
    /// `ARGON2_MEMORY_KIB`, `ARGON2_ITERATIONS`, `ARGON2_PARALLELISM`.
    pub cost: Cost,
    /// Hashes that are computed at the same time.
    pub processors: usize,
}

impl PasswordSettings {
    pub(super) fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        // The upper limits keep a typing error from requiring more memory than a function can have, or minutes.
        let cost = Cost {
            memory_kib: env.number(&MEMORY, OWASP_MINIMUM.memory_kib..=1_048_576)?,
            iterations: env.number(&ITERATIONS, OWASP_MINIMUM.iterations..=100)?,
            parallelism: env.number(&PARALLELISM, OWASP_MINIMUM.parallelism..=16)?,
        };
        Ok(Self { min_length: env.number(&MIN_LENGTH, 8..=128)?, cost, processors: processors(env) })
    }
}

/// Schemes and costs of imported hashes, whose work is done next to that of the configured cost.
pub(super) fn legacy_hashes(env: &Env<'_>, configured: Cost) -> Result<LegacyHashes, ConfigError> {
    let text = env.text(&LEGACY_HASHES)?.unwrap_or_default();
    let parsed = text.parse::<LegacyHashes>().and_then(|listed| listed.check_time(configured).map(|()| listed));
    parsed.map_err(|error: LegacyHashesError| LEGACY_HASHES.error(error.to_string()))
}

/// On Lambda a function sees two processors even if its share is less: 1,769 MB correspond to one, and the largest
/// size has six. Elsewhere the operating system is asked, which takes longer.
/// <https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html>
fn processors(env: &Env<'_>) -> usize {
    let megabytes = env.given(&FUNCTION_MEMORY).ok().flatten().and_then(|size| size.parse::<usize>().ok());
    megabytes.map_or_else(
        || thread::available_parallelism().map_or(1, usize::from),
        |megabytes| (megabytes / 1769).clamp(1, 6),
    )
}

#[cfg(test)]
mod tests {
    use super::{super::env::with_env, *};

    #[test]
    fn the_configured_cost_counts_towards_the_time_of_imported_hashes() {
        let is_accepted = |hashes: &str, memory: &str| {
            let variables = [("LEGACY_HASHES", hashes), ("ARGON2_MEMORY_KIB", memory)];
            with_env(&variables, |env| legacy_hashes(env, PasswordSettings::read(env)?.cost)).is_ok()
        };
        assert!(is_accepted("bcrypt:14", "19456"));
        assert!(!is_accepted("bcrypt:14", "262144"));
        assert!(is_accepted("bcrypt:10", "262144"));
        assert!(is_accepted("", "1048576"));
    }

    #[test]
    fn the_memory_size_determines_the_processors() {
        let processors = |variables: &[(&str, &str)]| with_env(variables, PasswordSettings::read).unwrap().processors;
        for (megabytes, expected) in [("128", 1), ("1769", 1), ("3538", 2), ("10240", 5), ("1000000", 6)] {
            assert_eq!(processors(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", megabytes)]), expected, "{megabytes} MB");
        }
        let here = thread::available_parallelism().map_or(1, usize::from);
        for unknown in [&[][..], &[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "much")]] {
            assert_eq!(processors(unknown), here);
        }
    }
}
