//! Audit lines: what happened to an account, and who was refused. One line for each event, in the log, at any level.
//!
//! Beside the fields here, each line has the request's identifier and its client (`AUDIT_ADDRESS`), as every line of a request.

use tracing::info;

use crate::{
    domain::user::PublicId,
    http::{error::Error, telemetry::metrics},
};

/// The target of audit lines: they are written whatever level the log has.
pub const TARGET: &str = "audit";

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Somebody has an account.
    SignedUp,
    /// Somebody is signed in.
    LoggedIn,
    /// A session was renewed.
    Refreshed,
    /// A refresh token was used again: its session ended.
    Replayed,
    /// Sessions were ended.
    LoggedOut,
    /// A password was changed.
    PasswordChanged,
    /// An account is gone.
    Deleted,
    /// Somebody read a page of users.
    Listed,
}

/// What somebody was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// A sign-up.
    SignUp,
    /// A log-in.
    LogIn,
    /// A refresh.
    Refresh,
    /// A log-out.
    LogOut,
    /// A new password.
    ChangePassword,
    /// The end of an account.
    Delete,
    /// A page of users.
    List,
    /// Their own record.
    Me,
}

impl Event {
    fn name(self) -> &'static str {
        match self {
            Self::SignedUp => "signed-up",
            Self::LoggedIn => "logged-in",
            Self::Refreshed => "refreshed",
            Self::Replayed => "replayed",
            Self::LoggedOut => "logged-out",
            Self::PasswordChanged => "password-changed",
            Self::Deleted => "deleted",
            Self::Listed => "listed",
        }
    }
}

impl Attempt {
    fn call(self) -> &'static str {
        match self {
            Self::SignUp => "sign-up",
            Self::LogIn => "log-in",
            Self::Refresh => "refresh",
            Self::LogOut => "log-out",
            Self::ChangePassword => "password-change",
            Self::Delete => "deletion",
            Self::List => "listing",
            Self::Me => "own-record",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::SignUp => "sign-up-failed",
            Self::LogIn => "log-in-failed",
            Self::Refresh => "refresh-failed",
            Self::LogOut => "log-out-failed",
            Self::ChangePassword => "password-change-failed",
            Self::Delete => "deletion-failed",
            Self::List => "listing-failed",
            Self::Me => "own-record-failed",
        }
    }
}

/// Writes that `event` happened to, or by, this user.
pub fn record(event: Event, user: PublicId) {
    info!(target: TARGET, event = event.name(), public_id = %user);
}

/// Writes that `attempt` was refused, where `error` is a refusal: what is malformed, and what failed on our side, is no event.
pub fn record_refusal(attempt: Attempt, user: Option<PublicId>, error: &Error) {
    let Some(reason) = error.reason() else { return };
    let public_id = user.map(tracing::field::display);
    if matches!(error, Error::Throttled { .. }) {
        metrics::throttled();
        info!(target: TARGET, event = "throttled", attempt = attempt.call(), public_id, reason);
    } else {
        info!(target: TARGET, event = attempt.name(), public_id, reason);
    }
}
