//! Whether a good token still lets its user in: what it stands on may have ended since it was signed.

use std::time::SystemTime;

use crate::{
    aws::store::Record,
    domain::{
        session::SessionId,
        token::{TokenBinding, VerifiedToken, numeric_date},
        user::User,
    },
    http::error::TokenRefusal,
};

impl VerifiedToken {
    /// The session to look up together with the user.
    pub fn session(&self) -> Option<SessionId> {
        match self.binding {
            TokenBinding::Session(session) => Some(session),
            TokenBinding::Version(_) => None,
        }
    }

    /// The user, if they and what the token stands on are there at `now`. A token outlives neither by a call.
    pub fn authorize(&self, record: Record, now: SystemTime) -> Result<User, TokenRefusal> {
        let user = match record.user {
            None => return Err(TokenRefusal::UserGone),
            Some(user) if user.disabled => return Err(TokenRefusal::UserDisabled),
            Some(user) => user,
        };
        let version = match (self.binding, record.session) {
            (TokenBinding::Version(version), _) => version,
            (TokenBinding::Session(_), Some(session)) if session.remaining(numeric_date(now)) > 0 => session.version,
            (TokenBinding::Session(_), _) => return Err(TokenRefusal::SessionEnded),
        };
        if version == user.version { Ok(user) } else { Err(TokenRefusal::Superseded) }
    }
}
