//! The command line.

pub(crate) mod keys;
pub(crate) mod users;
mod users_help;

use clap::{Parser, Subcommand};

use self::{keys::KeysCommand, users::UsersCommand};

/// Command-line tool for operators of Postern.
#[derive(Parser)]
#[command(name = "admin", version, max_term_width = 100, after_help = HELP)]
pub(crate) struct Options {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Create, rotate, retire and list the keys that sign tokens.
    #[command(subcommand, after_help = format!("{}\n\n{}\n\n{HELP}", keys::KEYS_HELP, keys::LOCATIONS_HELP))]
    Keys(KeysCommand),
    /// List, show and change users, bring them in and take them out.
    #[command(subcommand, after_help = format!("{}\n\n{HELP}", users_help::USERS))]
    Users(UsersCommand),
}

const HELP: &str = "\
AWS credentials come from the environment or from a profile, as for the AWS CLI (AWS_ACCESS_KEY_ID,
AWS_PROFILE, ...). After `aws sso login` or `aws login`, export them first:
  eval \"$(aws configure export-credentials --format env)\"

Exit status: 0 success, 1 failed or declined, 2 usage error.";
