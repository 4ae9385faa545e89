//! Notices: what the user did, shown on the page that a redirect leads to.

use axum::http::{HeaderMap, Uri};

use crate::http::{browser, request::fields::Fields};

/// A message about what the user did, on the page that follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// The user signed up.
    SignedUp,
    /// The user logged out.
    LoggedOut,
    /// The user logged out on all devices.
    LoggedOutEverywhere,
    /// The user logged out on all other devices.
    OthersLoggedOut,
    /// The user ended another session.
    SessionEnded,
    /// The user changed the password.
    PasswordChanged,
    /// The user deleted the account.
    Deleted,
}

impl Notice {
    /// The query parameter of a page.
    pub const PARAMETER: &str = "notice";

    const ALL: [Self; 7] = [
        Self::SignedUp,
        Self::LoggedOut,
        Self::LoggedOutEverywhere,
        Self::OthersLoggedOut,
        Self::SessionEnded,
        Self::PasswordChanged,
        Self::Deleted,
    ];

    /// The name in `?notice=`.
    fn name(self) -> &'static str {
        match self {
            Self::SignedUp => "signed-up",
            Self::LoggedOut => "logged-out",
            Self::LoggedOutEverywhere => "logged-out-everywhere",
            Self::OthersLoggedOut => "others-logged-out",
            Self::SessionEnded => "session-ended",
            Self::PasswordChanged => "password-changed",
            Self::Deleted => "deleted",
        }
    }

    /// The text on the page.
    pub(crate) fn message(self) -> &'static str {
        match self {
            Self::SignedUp => "Your account has been created. Log in to continue.",
            Self::LoggedOut => "You have been logged out.",
            Self::LoggedOutEverywhere => "You have been logged out on all devices.",
            Self::OthersLoggedOut => "You have been logged out on all other devices.",
            Self::SessionEnded => "The device has been logged out.",
            Self::PasswordChanged => "Your password has been changed. You have been logged out on all other devices.",
            Self::Deleted => "Your account has been deleted.",
        }
    }

    /// The notice in `?notice=`, if a page of this site redirected here. Other sites cannot make this one claim what
    /// did not happen.
    pub fn of(uri: &Uri, headers: &HeaderMap) -> Option<Self> {
        let fields = Fields::from_query(uri.query()?, &[Self::PARAMETER]).ok()?;
        let name = fields.get(Self::PARAMETER)?;
        Self::ALL.into_iter().find(|notice| notice.name() == name).filter(|_| browser::is_same_origin(headers))
    }
}

/// The path of a page that shows a notice.
pub fn with_notice(path: &str, notice: Notice) -> String {
    format!("{path}?{}={}", Notice::PARAMETER, notice.name())
}
