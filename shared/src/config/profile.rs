//! The security profile and the realm of challenges.

use super::{
    env::{ConfigError, Env, Source, Variable},
    security_profile::SecurityProfile,
};

pub(super) const PROFILE: Variable = Variable::fixed("AUTH_PROFILE", "tutorial");
pub(super) const REALM: Variable = Variable::unset("JWT_DEFAULT_REALM");
pub(super) const HSTS_SUBDOMAINS: Variable = Variable::per_profile("HSTS_SUBDOMAINS", "off", "on");

/// Reads `AUTH_PROFILE`, which determines the defaults of all other variables.
pub(super) fn read(source: Source<'_>) -> Result<SecurityProfile, ConfigError> {
    match Env::new(source, SecurityProfile::Tutorial).required(&PROFILE)?.as_str() {
        "tutorial" => Ok(SecurityProfile::Tutorial),
        "strict" => Ok(SecurityProfile::Strict),
        _ => Err(PROFILE.error("must be tutorial or strict")),
    }
}

/// How responses are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseSettings {
    /// Determines statuses and messages.
    pub profile: SecurityProfile,
    /// `JWT_DEFAULT_REALM`, if set.
    pub realm: Option<String>,
    /// `HSTS_SUBDOMAINS`: whether browsers must use HTTPS for the subdomains of this host too.
    pub hsts_subdomains: bool,
}

impl ResponseSettings {
    pub(super) fn read(env: &Env<'_>) -> Result<Self, ConfigError> {
        // The characters of a quoted-string that need no escape (RFC 9110 section 5.6.4): clients mishandle escapes.
        let is_plain = |text: &str| {
            text.len() <= 256 && text.chars().all(|c| c == ' ' || c.is_ascii_graphic() && c != '"' && c != '\\')
        };
        match env.text(&REALM)? {
            Some(realm) if !is_plain(&realm) => {
                Err(REALM.error("must be at most 256 characters of printable ASCII without \" and \\"))
            }
            realm => Ok(Self { profile: env.profile(), realm, hsts_subdomains: env.switch(&HSTS_SUBDOMAINS)? }),
        }
    }
}
