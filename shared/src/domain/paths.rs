//! Paths of the API's routes.

/// The start page: the log-in form, or a redirect for a browser that has a session.
pub const START: &str = "/";

/// Sign-up.
pub const SIGN_UP: &str = "/signup";

/// Default path of the log-in, which `JWT_AUTH_URL_RULE` changes.
pub const LOG_IN: &str = "/login";

/// Exchange of a refresh token.
pub const REFRESH: &str = "/refresh";

/// Log-out.
pub const LOG_OUT: &str = "/logout";

/// Change of the password.
pub const PASSWORD: &str = "/password";

/// The caller's own sessions.
pub const SESSIONS: &str = "/sessions";

/// One of them, by its identifier.
pub const SESSION: &str = "/sessions/{id}";

/// The list of users.
pub const USERS: &str = "/user";

/// The caller's own account.
pub const ME: &str = "/user/me";

/// The public keys (RFC 7517).
pub const JWKS: &str = "/.well-known/jwks.json";

/// OpenID Connect discovery.
pub const OPENID_CONFIGURATION: &str = "/.well-known/openid-configuration";

/// The page on which a password is changed, for password managers (W3C, A Well-Known URL for Changing Passwords).
pub const CHANGE_PASSWORD: &str = "/.well-known/change-password";

/// Paths that `JWT_AUTH_URL_RULE` cannot name, because another route has them.
pub const RESERVED: [&str; 12] = [
    START,
    SIGN_UP,
    REFRESH,
    LOG_OUT,
    PASSWORD,
    SESSIONS,
    SESSION,
    USERS,
    ME,
    JWKS,
    OPENID_CONFIGURATION,
    CHANGE_PASSWORD,
];

/// Whether another route has this path.
pub fn is_reserved(path: &str) -> bool {
    let is_session = |path: &str| path.strip_prefix(SESSIONS).is_some_and(|rest| rest.starts_with('/'));
    RESERVED.contains(&path) || is_session(path)
}
