//! Why a row is not imported.

/// A row that is not imported. The text never contains a hash, a password or an email address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rejection {
    pub(super) reason: Reason,
    pub(super) detail: String,
}

impl Rejection {
    pub(super) fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self { reason, detail: detail.into() }
    }
}

/// The kind of a rejection, counted in the summary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reason {
    MalformedRow,
    UnknownMember,
    InvalidId,
    NoEmail,
    InvalidEmail,
    InvalidName,
    InvalidGroups,
    InvalidClaims,
    InvalidTime,
    Deleted,
    NoPassword,
    Md5Hash,
    ShaHash,
    PlainText,
    UnsupportedHash,
    MalformedHash,
    ExpensiveHash,
    Duplicate,
    EmailTaken,
    IdTaken,
}

impl Reason {
    /// The name in the summary and in reports.
    pub(super) fn code(self) -> &'static str {
        match self {
            Self::MalformedRow => "malformed-row",
            Self::UnknownMember => "unknown-member",
            Self::InvalidId => "invalid-id",
            Self::NoEmail => "no-email",
            Self::InvalidEmail => "invalid-email",
            Self::InvalidName => "invalid-name",
            Self::InvalidGroups => "invalid-groups",
            Self::InvalidClaims => "invalid-claims",
            Self::InvalidTime => "invalid-time",
            Self::Deleted => "deleted",
            Self::NoPassword => "no-password",
            Self::Md5Hash => "md5-hash",
            Self::ShaHash => "sha-hash",
            Self::PlainText => "plain-text-password",
            Self::UnsupportedHash => "unsupported-hash",
            Self::MalformedHash => "malformed-hash",
            Self::ExpensiveHash => "expensive-hash",
            Self::Duplicate => "duplicate",
            Self::EmailTaken => "email-taken",
            Self::IdTaken => "id-taken",
        }
    }
}
