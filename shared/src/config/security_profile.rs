//! Security profiles.

/// `AUTH_PROFILE`: the set of defaults, and the style of error responses. An explicit setting overrides the profile's
/// default.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecurityProfile {
    /// Statuses, headers and messages that the tutorials' clients expect.
    Tutorial,
    /// What OWASP and NIST recommend.
    Strict,
}
