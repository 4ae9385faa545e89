//! The formats of an export. Each writes one user at a time; nothing here reads or writes a file.

mod cognito;
mod hash;
mod jsonl;
mod kratos;
mod table;

use clap::ValueEnum as _;
use serde::Serialize;

use super::user::ExportedUser;
use crate::options::users::ExportFormat;

/// The name of a format on the command line.
pub(super) fn name(format: ExportFormat) -> String {
    format.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
}

/// What became of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Written {
    /// Everything that the format has a place for was written.
    Complete,
    /// The user was written without the password hash.
    WithoutHash(String),
    /// The user was written without the name.
    WithoutName(String),
    /// The user was left out.
    LeftOut(String),
}

/// Writes users in one format.
pub(super) struct Writer {
    format: ExportFormat,
    with_hashes: bool,
    count: u64,
    unverified: u64,
}

impl Writer {
    pub(super) fn new(format: ExportFormat, with_hashes: bool) -> Self {
        Self { format, with_hashes, count: 0, unverified: 0 }
    }

    /// Appends what precedes the users.
    pub(super) fn start(&self, out: &mut Vec<u8>) {
        match self.format {
            ExportFormat::Jsonl => {}
            ExportFormat::Csv => table::header(self.with_hashes, out),
            ExportFormat::Cognito => cognito::header(self.with_hashes, out),
            ExportFormat::Kratos => out.extend_from_slice(b"["),
        }
    }

    /// Appends a user.
    pub(super) fn user(&mut self, user: &ExportedUser, out: &mut Vec<u8>) -> Written {
        let written = match self.format {
            ExportFormat::Jsonl => jsonl::user(user, out),
            ExportFormat::Csv => table::user(user, self.with_hashes, out),
            ExportFormat::Cognito => cognito::user(user, self.with_hashes, out),
            ExportFormat::Kratos => {
                out.extend_from_slice(if self.count == 0 { b"\n" } else { b",\n" });
                kratos::user(user, out)
            }
        };
        if !matches!(written, Written::LeftOut(_)) {
            self.count += 1;
            self.unverified += u64::from(user.email_verified != Some(true));
        }
        written
    }

    /// Appends what follows the users.
    pub(super) fn end(&self, out: &mut Vec<u8>) {
        if self.format == ExportFormat::Kratos {
            out.extend_from_slice(b"\n]\n");
        }
    }

    /// What the operator should know about the file.
    pub(super) fn notes(&self) -> Vec<String> {
        if self.format == ExportFormat::Cognito { cognito::notes(self.count, self.unverified) } else { Vec::new() }
    }
}

/// Appends a value as JSON. Writing to memory does not fail, and no member has a key that is not a string.
fn append_json(value: &impl Serialize, out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value);
}

#[cfg(test)]
mod tests;
