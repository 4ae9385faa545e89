//! Audit events: what happened to an account, and which requests were refused. Each event is a log line that is written
//! at any log level.
//!
//! Besides the fields here, each line has the request's identifier and the client's address (`AUDIT_ADDRESS`), like
//! every log line of a request.

use tracing::info;

use crate::{
    domain::user::PublicId,
    http::{error::Error, telemetry::metrics},
};

/// The log target of audit events, which are written at any log level.
pub const TARGET: &str = "audit";

/// An event of an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A user signed up.
    SignedUp,
    /// A user logged in.
    LoggedIn,
    /// A session was refreshed.
    Refreshed,
    /// A refresh token was replayed, which ended its session.
    Replayed,
    /// Sessions were ended.
    LoggedOut,
    /// A password was changed.
    PasswordChanged,
    /// An account was deleted.
    Deleted,
    /// A user listed a page of users.
    Listed,
    /// A token of the old application identified the caller.
    LegacyTokenAccepted,
}

/// A request that was refused.
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
    /// A change of the password.
    ChangePassword,
    /// The deletion of an account.
    Delete,
    /// A listing of users.
    List,
    /// A read of the caller's own account.
    Me,
    /// A list of the caller's own sessions.
    Sessions,
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
            Self::LegacyTokenAccepted => "legacy-token-accepted",
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
            Self::Sessions => "session-list",
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
            Self::Sessions => "session-list-failed",
        }
    }
}

/// Records an event of this user.
pub fn record(event: Event, user: PublicId) {
    info!(target: TARGET, event = event.name(), public_id = %user);
}

/// Records a refused request. Does nothing for an error that is not a refusal, such as a malformed request or an
/// outage.
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
