//! The command line.

use std::time::Duration;

use clap::{
    Args, Parser, Subcommand,
    builder::{PossibleValuesParser, TypedValueParser as _},
};
use shared::{config::key_location::KeyLocation, domain::keys::Algorithm};

use crate::failure::Failure;

const PLACES_HELP: &str = "\
A PLACE is one of
  arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME   a secret of AWS Secrets Manager
  arn:aws:ssm:REGION:ACCOUNT:parameter/NAME           a parameter of the Systems Manager Parameter Store
  file:PATH                                           a file, for Postern on this machine

Credentials for AWS come from the environment or from a profile, as for the AWS command line (AWS_ACCESS_KEY_ID, AWS_PROFILE, ...).
Whoever signs in with `aws sso login` or `aws login` gets them with: eval \"$(aws configure export-credentials --format env)\"
The region is the one that an ARN names.

Exit status: 0 done, 1 failed or declined, 2 wrong usage.";

const KEYS_HELP: &str = "\
Examples:
  # The first keys of a stack; the same two variables as the functions'.
  export JWT_SECRET_ARN=arn:aws:secretsmanager:eu-west-1:123456789012:secret:postern-AbCdEf
  export JWT_PUBLIC_KEYS_ARN=arn:aws:ssm:eu-west-1:123456789012:parameter/postern/public-keys
  admin keys new --algorithm EdDSA

  # A new key every few months: put it in front, wait until the last token of the old one has expired, take the old one out.
  admin keys rotate
  admin keys list
  admin keys retire kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

const NEW_HELP: &str = "\
The public set is written first, so that whoever checks has the key before anybody signs with it. If a place holds keys already,
they are lost, and the command asks: every token that they signed is refused within JWT_KEYS_REFRESH. Sessions survive, and clients
refresh. To change keys without that, use `admin keys rotate`.

The functions take the new keys with JWT_ALGORITHM set to their algorithm only.

A secret must exist (template.yaml makes one); a parameter or a file is made. In the Parameter Store, private keys are a SecureString.

Examples:
  admin keys new --algorithm HS256 --keys file:keys.json
  admin keys new --algorithm EdDSA --keys arn:aws:secretsmanager:eu-west-1:123456789012:secret:postern-AbCdEf \\
      --public-keys arn:aws:ssm:eu-west-1:123456789012:parameter/postern/public-keys";

const ROTATE_HELP: &str = "\
Nothing is lost: the older keys stay, and tokens that they signed are taken. The functions begin to sign with the new key once it is
older than JWT_KEYS_REFRESH and a margin: by then, all of them have read it. The public set is written first.

A set has room for 16 keys. A plain key is no set: `admin keys new` replaces it by one.

Examples:
  admin keys rotate --keys file:keys.json
  admin keys rotate      # where JWT_SECRET_ARN and JWT_PUBLIC_KEYS_ARN are set";

const RETIRE_HELP: &str = "\
Tokens that the key signed are refused within JWT_KEYS_REFRESH; sessions survive, and clients refresh. So retire a key when its last
token has expired: JWT_EXPIRATION_DELTA after another one began to sign. If the key is known to others, retire it at once.

The last key stays: `admin keys new` replaces it. A key that an earlier run, cut off, left in the public set alone is taken out of
that.

Examples:
  admin keys retire kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k --keys file:keys.json
  admin keys retire --yes kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

const PUBLISH_HELP: &str = "\
For a public set that was lost, or that a command which was cut off has left behind. If that takes keys out of the public set, it
asks first.

Example:
  admin keys publish --keys file:keys.json --public-keys file:public-keys.json";

const LIST_HELP: &str = "\
One line a key, in their order. The role of a key is
  signs           tokens are signed with it
  waits to sign   it is hardly older than JWT_KEYS_REFRESH, if at all: not every function may have read it
  checks          tokens that it signed are taken

With --public-keys, differences between the two sets follow, and the command that mends them.

Examples:
  admin keys list --keys file:keys.json
  admin keys list --json | jq -r '.keys[] | select(.role == \"signs\").kid'";

/// What whoever runs Postern does by hand.
#[derive(Parser)]
#[command(name = "admin", version, max_term_width = 132, after_help = PLACES_HELP)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Makes, rotates, retires and lists the keys that sign tokens.
    #[command(subcommand, after_help = format!("{KEYS_HELP}\n\n{PLACES_HELP}"))]
    Keys(KeysCommand),
}

#[derive(Subcommand)]
pub(crate) enum KeysCommand {
    /// Makes a set of one new key. Replaces what is there.
    #[command(after_help = NEW_HELP)]
    New(NewKeys),
    /// Puts a new key in front of the set; the older ones go on checking.
    #[command(after_help = ROTATE_HELP)]
    Rotate(Where),
    /// Takes one key out of the set.
    #[command(after_help = RETIRE_HELP)]
    Retire(RetireKey),
    /// Writes the public halves of --keys to --public-keys.
    #[command(after_help = PUBLISH_HELP)]
    Publish(PublishKeys),
    /// Shows the keys, never their private parts.
    #[command(after_help = LIST_HELP)]
    List(ListKeys),
}

#[derive(Args)]
pub(crate) struct NewKeys {
    /// What the keys sign with: JWT_ALGORITHM.
    #[arg(long, value_name = "ALGORITHM", value_parser = algorithms())]
    pub(crate) algorithm: Algorithm,
    #[command(flatten)]
    pub(crate) at: Where,
    /// Do not ask before keys are lost.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct RetireKey {
    /// The key's name, as `admin keys list` shows it.
    // A thumbprint may begin with a hyphen.
    #[arg(allow_hyphen_values = true)]
    pub(crate) kid: String,
    #[command(flatten)]
    pub(crate) at: Where,
    /// Do not ask before keys are lost.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct PublishKeys {
    #[command(flatten)]
    pub(crate) at: Where,
    /// Do not ask before keys are lost.
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Args)]
pub(crate) struct ListKeys {
    #[command(flatten)]
    pub(crate) at: Where,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// The places of the two sets, and how soon a change of them is seen.
#[derive(Args)]
pub(crate) struct Where {
    /// Where the private keys are: the ARN of a secret or of a parameter, or file:PATH.
    #[arg(long, value_name = "PLACE", env = "JWT_SECRET_ARN", hide_env_values = true)]
    keys: Option<String>,
    /// Where the public keys are, in the same form. HS256 has none.
    #[arg(long, value_name = "PLACE", env = "JWT_PUBLIC_KEYS_ARN", hide_env_values = true)]
    public_keys: Option<String>,
    /// After how many seconds the functions read the keys again.
    #[arg(
        long, value_name = "SECONDS", env = "JWT_KEYS_REFRESH", hide_env_values = true,
        default_value = DEFAULT_REFRESH, value_parser = parse_refresh
    )]
    pub(crate) refresh: Duration,
}

/// As in shared/src/config.rs.
const DEFAULT_REFRESH: &str = "300";

impl Where {
    /// `--keys` or `JWT_SECRET_ARN`.
    pub(crate) fn keys(&self) -> Result<KeyLocation, Failure> {
        let place = place(self.keys.as_ref(), "--keys (JWT_SECRET_ARN)")?;
        place.ok_or_else(|| Failure::Usage("--keys is not given, and JWT_SECRET_ARN is not set".to_owned()))
    }

    /// `--public-keys` or `JWT_PUBLIC_KEYS_ARN`.
    pub(crate) fn public_keys(&self) -> Result<Option<KeyLocation>, Failure> {
        place(self.public_keys.as_ref(), "--public-keys (JWT_PUBLIC_KEYS_ARN)")
    }
}

/// What is set to nothing counts as not set, as it does for the functions. The text is not quoted: it may be a key that came here
/// by mistake.
fn place(text: Option<&String>, option: &str) -> Result<Option<KeyLocation>, Failure> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let wrong = || {
        Failure::Usage(format!(
            "{option} must be the ARN of a secret (arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME), the ARN of a \
             parameter (arn:aws:ssm:REGION:ACCOUNT:parameter/NAME), or file:PATH"
        ))
    };
    KeyLocation::parse(text).map(Some).ok_or_else(wrong)
}

fn algorithms() -> impl clap::builder::IntoResettable<clap::builder::ValueParser> {
    let names = Algorithm::ALL.map(Algorithm::name);
    PossibleValuesParser::new(names).try_map(|name| Algorithm::parse(&name).ok_or("is no algorithm"))
}

fn parse_refresh(text: &str) -> Result<Duration, String> {
    let text = if text.is_empty() { DEFAULT_REFRESH } else { text };
    let seconds = text.parse().ok().filter(|seconds| (1..=86_400).contains(seconds) && !text.starts_with('+'));
    seconds.map(Duration::from_secs).ok_or_else(|| "must be a whole number from 1 to 86400".to_owned())
}
