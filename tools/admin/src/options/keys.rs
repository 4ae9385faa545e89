//! The command line of `admin keys`.

use std::time::Duration;

use clap::{
    Args, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use shared::{
    config::{KEYS_REFRESH, SecurityProfile, key_location::KeyLocation},
    domain::keys::Algorithm,
};

use crate::failure::Failure;

pub(super) const LOCATIONS_HELP: &str = "\
A LOCATION is one of
  arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME   a secret in AWS Secrets Manager
  file:PATH                                           a file, for running Postern locally

The region is the one in the ARN.";

pub(super) const KEYS_HELP: &str = "\
Examples:
  # Create the first keys of a stack. The functions use the same two variables.
  export JWT_SECRET_ARN=arn:aws:secretsmanager:eu-west-1:123456789012:secret:postern-AbCdEf
  export JWT_PUBLIC_KEYS_ARN=arn:aws:secretsmanager:eu-west-1:123456789012:secret:postern-public-GhIjKl
  admin keys new --algorithm EdDSA

  # At least once a year: add a key, wait until the last token of the old key has expired, remove that key.
  admin keys rotate
  admin keys list
  admin keys retire kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

const NEW_HELP: &str = "\
The public set is written first, so that verifiers have the key before any function signs with it.

If a location already contains keys, they are lost, and the command asks for confirmation: every
token that they signed is rejected within JWT_KEYS_REFRESH. Sessions survive, and clients refresh.
To change keys without that effect, use `admin keys rotate`.

The functions accept the new keys only if JWT_ALGORITHM is set to their algorithm.

A secret must exist (template.yaml creates both). A file is created.

Examples:
  admin keys new --algorithm HS256 --keys file:keys.json
  admin keys new --algorithm EdDSA \\
      --keys arn:aws:secretsmanager:eu-west-1:123456789012:secret:postern-AbCdEf \\
      --public-keys arn:aws:secretsmanager:eu-west-1:123456789012:secret:postern-public-GhIjKl";

const ROTATE_HELP: &str = "\
No token is rejected: the older keys stay in the set and verify the tokens that they signed. The
functions sign with the new key when it is older than JWT_KEYS_REFRESH and a margin: by then, all of
them have read it. The public set is written first.

A set can contain 16 keys. A plain key is not a set: `admin keys new` replaces it with one.

Examples:
  admin keys rotate --keys file:keys.json
  admin keys rotate      # with JWT_SECRET_ARN and JWT_PUBLIC_KEYS_ARN set";

const RETIRE_HELP: &str = "\
Tokens that the key signed are rejected within JWT_KEYS_REFRESH; sessions survive, and clients
refresh. So retire a key when its last token has expired: JWT_EXPIRATION_DELTA after the next key
started to sign. If the key is compromised, retire it immediately.

The last key of a set cannot be retired: `admin keys new` replaces it. If an interrupted run left the
key in the public set only, it is removed from there.

Examples:
  admin keys retire kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k --keys file:keys.json
  admin keys retire --yes kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

const PUBLISH_HELP: &str = "\
Repairs a public set that was lost, or that an interrupted command left incomplete. If keys would be
removed from the public set, the command asks for confirmation.

Example:
  admin keys publish --keys file:keys.json --public-keys file:public-keys.json";

const LIST_HELP: &str = "\
Prints one line per key, in the order of the set. The role of a key is
  signs           tokens are signed with it
  waits to sign   it is not older than JWT_KEYS_REFRESH and a margin: some functions may not have
                  read it yet
  verifies        tokens that it signed are accepted

With --public-keys, differences between the two sets follow, each with the command that fixes it.

Examples:
  admin keys list --keys file:keys.json
  admin keys list --json | jq -r '.keys[] | select(.role == \"signs\").kid'";

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// Create a set of one new key, which replaces any existing keys.
    #[command(after_help = NEW_HELP)]
    New(NewKeys),
    /// Add a new key in front of the set. The older keys still verify tokens.
    #[command(after_help = ROTATE_HELP)]
    Rotate(KeyLocations),
    /// Remove one key from the set.
    #[command(after_help = RETIRE_HELP)]
    Retire(RetireKey),
    /// Write the public halves of --keys to --public-keys.
    #[command(after_help = PUBLISH_HELP)]
    Publish(PublishKeys),
    /// List the keys, without their private parts.
    #[command(after_help = LIST_HELP)]
    List(ListKeys),
}

#[derive(Args)]
pub(crate) struct NewKeys {
    /// Signing algorithm of the key: the value of JWT_ALGORITHM.
    #[arg(long, value_name = "ALGORITHM", value_parser = algorithms())]
    pub(crate) algorithm: Algorithm,
    #[command(flatten)]
    pub(crate) locations: KeyLocations,
    /// Skip the confirmation before keys are lost.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct RetireKey {
    /// Key ID (kid), as `admin keys list` shows it.
    // A thumbprint may start with a hyphen.
    #[arg(allow_hyphen_values = true)]
    pub(crate) kid: String,
    #[command(flatten)]
    pub(crate) locations: KeyLocations,
    /// Skip the confirmation before keys are lost.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct PublishKeys {
    #[command(flatten)]
    pub(crate) locations: KeyLocations,
    /// Skip the confirmation before keys are lost.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct ListKeys {
    #[command(flatten)]
    pub(crate) locations: KeyLocations,
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The locations of the two sets, and the time until the functions have read a change.
#[derive(Args)]
pub(crate) struct KeyLocations {
    /// Location of the private keys: the ARN of a secret, or file:PATH.
    #[arg(long, value_name = "LOCATION", env = "JWT_SECRET_ARN", hide_env_values = true)]
    keys: Option<String>,
    /// Location of the public keys, in the same form. HS256 has none.
    #[arg(long, value_name = "LOCATION", env = "JWT_PUBLIC_KEYS_ARN", hide_env_values = true)]
    public_keys: Option<String>,
    /// Seconds after which the functions read the keys again.
    #[arg(
        long, value_name = "SECONDS", env = "JWT_KEYS_REFRESH", hide_env_values = true,
        default_value = default_refresh(), value_parser = parse_refresh
    )]
    pub(crate) refresh: Duration,
}

/// The default of the functions, in seconds.
fn default_refresh() -> &'static str {
    KEYS_REFRESH.default_in(SecurityProfile::Strict).unwrap_or_default()
}

impl KeyLocations {
    /// `--keys` or `JWT_SECRET_ARN`.
    pub(crate) fn keys(&self) -> Result<KeyLocation, Failure> {
        let location = parse_location(self.keys.as_ref(), "--keys (JWT_SECRET_ARN)")?;
        location.ok_or_else(|| Failure::Usage("--keys is not given, and JWT_SECRET_ARN is not set".to_owned()))
    }

    /// `--public-keys` or `JWT_PUBLIC_KEYS_ARN`.
    pub(crate) fn public_keys(&self) -> Result<Option<KeyLocation>, Failure> {
        parse_location(self.public_keys.as_ref(), "--public-keys (JWT_PUBLIC_KEYS_ARN)")
    }
}

/// An empty text counts as not set, as for the functions. The error does not quote the text: it may be a key that was
/// passed by mistake.
fn parse_location(text: Option<&String>, option: &str) -> Result<Option<KeyLocation>, Failure> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let invalid = || {
        Failure::Usage(format!(
            "{option} must be the ARN of a secret (arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME) or file:PATH"
        ))
    };
    KeyLocation::parse(text).map(Some).ok_or_else(invalid)
}

fn algorithms() -> impl clap::builder::IntoResettable<clap::builder::ValueParser> {
    let names = Algorithm::ALL.map(Algorithm::name);
    PossibleValuesParser::new(names).try_map(|name| Algorithm::parse(&name).ok_or("not an algorithm"))
}

fn parse_refresh(text: &str) -> Result<Duration, String> {
    let text = if text.is_empty() { default_refresh() } else { text };
    let seconds = text.parse().ok().filter(|seconds| (1..=86_400).contains(seconds) && !text.starts_with('+'));
    seconds.map(Duration::from_secs).ok_or_else(|| "must be a whole number from 1 to 86400".to_owned())
}
