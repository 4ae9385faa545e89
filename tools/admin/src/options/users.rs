//! The command line of `admin users`.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use clap::{Args, Subcommand, ValueEnum};

use super::users_help as help;

#[derive(Subcommand)]
pub(crate) enum UsersCommand {
    /// List users.
    #[command(after_help = help::LIST)]
    List(ListUsers),
    /// Show everything that is stored about a user, except hashes.
    #[command(after_help = help::SHOW)]
    Show(OneUser),
    /// Disable a user and end all sessions.
    #[command(after_help = help::DISABLE)]
    Disable(OneUser),
    /// Enable a user.
    #[command(after_help = help::ENABLE)]
    Enable(OneUser),
    /// Delete a user with all sessions.
    #[command(after_help = help::DELETE)]
    Delete(OneUser),
    /// Add a user to a group, or remove them from it.
    #[command(after_help = help::GROUPS)]
    Groups(ChangeGroups),
    /// Set or unset one of a user's own claims.
    #[command(after_help = help::CLAIMS)]
    Claims(ChangeClaims),
    /// End the sessions of a user.
    #[command(after_help = help::LOG_OUT)]
    LogOut(LogOut),
    /// Show or reset rate limits of an account or of a client address.
    #[command(after_help = help::THROTTLE)]
    Throttle(Throttle),
    /// Count users.
    #[command(after_help = help::COUNT)]
    Count(CountUsers),
    /// Import users of another system.
    #[command(after_help = help::IMPORT)]
    Import(ImportUsers),
    /// Export users.
    #[command(after_help = help::EXPORT)]
    Export(ExportUsers),
}

/// Options of every command.
#[derive(Args)]
pub(crate) struct Common {
    /// CloudFormation stack whose outputs name the tables.
    #[arg(long, value_name = "NAME", conflicts_with = "endpoint", help_heading = CONNECTION)]
    pub(crate) stack: Option<String>,
    /// AWS region. By default the one of the environment or the profile.
    #[arg(long, value_name = "REGION", help_heading = CONNECTION)]
    pub(crate) region: Option<String>,
    /// URL of DynamoDB, such as http://127.0.0.1:8000 for a local run.
    #[arg(long, value_name = "URL", value_parser = parse_endpoint, help_heading = CONNECTION)]
    pub(crate) endpoint: Option<String>,
    /// Name of the users table. Default: USERS_TABLE.
    #[arg(long, value_name = "TABLE", value_parser = parse_table, help_heading = CONNECTION)]
    pub(crate) users_table: Option<String>,
    /// Name of the credentials table. Default: CREDENTIALS_TABLE.
    #[arg(long, value_name = "TABLE", value_parser = parse_table, help_heading = CONNECTION)]
    pub(crate) credentials_table: Option<String>,
    /// Name of the sessions table. Default: SESSIONS_TABLE.
    #[arg(long, value_name = "TABLE", value_parser = parse_table, help_heading = CONNECTION)]
    pub(crate) sessions_table: Option<String>,
    /// Name of the rate limiting table. Default: THROTTLE_TABLE.
    #[arg(long, value_name = "TABLE", value_parser = parse_table, help_heading = CONNECTION)]
    pub(crate) throttle_table: Option<String>,
    /// Print JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Append the audit line of each change to this file.
    #[arg(long, value_name = "FILE")]
    pub(crate) audit_log: Option<PathBuf>,
    /// Skip confirmations.
    #[arg(long)]
    pub(crate) yes: bool,
}

const CONNECTION: &str = "Tables";

#[derive(Args)]
pub(crate) struct ListUsers {
    /// Newest users first.
    #[arg(long)]
    pub(crate) newest: bool,
    /// Only members of this group.
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,
    /// Only disabled users.
    #[arg(long)]
    pub(crate) disabled: bool,
    /// Only users who signed up longer ago than this, such as 30d, 12h or 4w.
    #[arg(long, value_name = "AGE", value_parser = parse_age)]
    pub(crate) older_than: Option<Duration>,
    /// At most this many users. With --newest the default is 100.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: Option<u32>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Args)]
pub(crate) struct OneUser {
    /// Email address, in any spelling, or public_id.
    #[arg(value_name = "USER")]
    pub(crate) user: String,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Args)]
pub(crate) struct ChangeGroups {
    /// Email address, in any spelling, or public_id.
    #[arg(value_name = "USER")]
    pub(crate) user: String,
    /// What to do with the group.
    #[arg(value_name = "add|remove", hide_possible_values = true)]
    pub(crate) action: GroupAction,
    /// Name of the group.
    #[arg(value_name = "GROUP")]
    pub(crate) group: String,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum GroupAction {
    Add,
    Remove,
}

#[derive(Args)]
pub(crate) struct ChangeClaims {
    /// Email address, in any spelling, or public_id.
    #[arg(value_name = "USER")]
    pub(crate) user: String,
    /// What to do with the claim.
    #[arg(value_name = "set|unset|clear", hide_possible_values = true)]
    pub(crate) action: ClaimAction,
    /// Name of the claim. None with clear.
    #[arg(value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Value of the claim: JSON, or a text.
    #[arg(value_name = "VALUE", allow_negative_numbers = true)]
    pub(crate) value: Option<String>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ClaimAction {
    Set,
    Unset,
    /// All claims, also invalid ones.
    Clear,
}

#[derive(Args)]
pub(crate) struct LogOut {
    /// Email address, in any spelling, or public_id.
    #[arg(value_name = "USER", required_unless_present = "all")]
    pub(crate) user: Option<String>,
    /// End only this session: its identifier, as `admin users show` prints it.
    // An identifier may start with a hyphen.
    #[arg(long, value_name = "SESSION", allow_hyphen_values = true, conflicts_with = "all")]
    pub(crate) session: Option<String>,
    /// End all sessions of all users.
    #[arg(long, conflicts_with = "user")]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Args)]
pub(crate) struct Throttle {
    /// Email address or public_id of a user, or IP address of a client.
    #[arg(value_name = "USER|ADDRESS")]
    pub(crate) subject: String,
    /// With a user, also the guesses from this IP address at the user's account.
    #[arg(long, value_name = "ADDRESS", value_parser = parse_address)]
    pub(crate) address: Option<IpAddr>,
    /// Delete the counters.
    #[arg(long)]
    pub(crate) reset: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Args)]
pub(crate) struct CountUsers {
    /// Also count hashes by scheme, and print the value for LEGACY_HASHES.
    #[arg(long)]
    pub(crate) legacy: bool,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Args)]
pub(crate) struct ImportUsers {
    /// File to import.
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// System that the file comes from.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) from: ImportFormat,
    /// Check the file and write nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// At most this many users per second.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rate: Option<u32>,
    /// Password hash parameters of the project, as the Firebase console shows them.
    #[arg(long, value_name = "FILE")]
    pub(crate) firebase_hash_config: Option<PathBuf>,
    /// Import users without the claims that the source has for them.
    #[arg(long)]
    pub(crate) no_claims: bool,
    /// Write the rejected rows to this file, as JSON Lines. It has email addresses, but no hashes.
    #[arg(long, value_name = "FILE")]
    pub(crate) report: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFormat {
    Jsonl,
    Flask,
    Django,
    Supabase,
    Firebase,
    Auth0,
    Keycloak,
    Kratos,
}

#[derive(Args)]
pub(crate) struct ExportUsers {
    /// Format of the export.
    #[arg(long, value_name = "FORMAT")]
    pub(crate) to: ExportFormat,
    /// Include the password hashes.
    #[arg(long)]
    pub(crate) with_hashes: bool,
    /// Write to this file, with mode 0600, instead of standard output.
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) common: Common,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    Jsonl,
    Csv,
    Cognito,
    Kratos,
}

fn parse_endpoint(url: &str) -> Result<String, String> {
    let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
    let is_url =
        rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/') && !rest.contains(char::is_whitespace));
    if is_url { Ok(url.to_owned()) } else { Err("must be a URL such as http://127.0.0.1:8000".to_owned()) }
}

/// The names that DynamoDB allows.
pub(crate) fn parse_table(name: &str) -> Result<String, String> {
    let is_name =
        (3..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    if is_name { Ok(name.to_owned()) } else { Err("must have 3 to 255 letters, digits and _.-".to_owned()) }
}

/// A whole number with a unit.
fn parse_age(text: &str) -> Result<Duration, String> {
    let invalid = || "must be a number with a unit: s, m, h, d or w, such as 30d".to_owned();
    let unit = text.chars().last().ok_or_else(invalid)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 60 * 60,
        'd' => 24 * 60 * 60,
        'w' => 7 * 24 * 60 * 60,
        _ => return Err(invalid()),
    };
    let number = &text[..text.len() - 1];
    let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    let number: u64 = number.parse().ok().filter(|_| is_number).ok_or_else(invalid)?;
    number.checked_mul(seconds).map(Duration::from_secs).ok_or_else(invalid)
}

fn parse_address(text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| "must be an IPv4 or IPv6 address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_a_number_with_a_unit() {
        let seconds = |text: &str| parse_age(text).ok().map(|age| age.as_secs());
        assert_eq!(
            ["30d", "12h", "4w", "90s", "5m", "0d"].map(seconds),
            [Some(2_592_000), Some(43_200), Some(2_419_200), Some(90), Some(300), Some(0)]
        );
        for text in ["", "d", "30", "30D", "-1d", "+1d", "1.5d", "99999999999999999999d", "9999999999999999999w", "3ä"]
        {
            assert_eq!(seconds(text), None, "{text}");
        }
    }

    #[test]
    fn an_endpoint_is_a_url_with_a_host() {
        assert!(parse_endpoint("http://127.0.0.1:8000").is_ok() && parse_endpoint("https://dynamodb.example").is_ok());
        for text in ["", "127.0.0.1:8000", "http://", "http:///x", "ftp://x", "http://a b"] {
            assert!(parse_endpoint(text).is_err(), "{text}");
        }
    }
}
