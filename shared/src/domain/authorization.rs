//! Whether a good token still lets its user in: what it stands on may have ended since it was signed.

use std::time::SystemTime;

use crate::{
    aws::store::Record,
    domain::{
        session::SessionId,
        token::{Anchor, Verified, numeric_date},
        user::User,
    },
    http::error::TokenRefusal,
};

impl Verified {
    /// The session to look up together with the user.
    pub fn session(&self) -> Option<SessionId> {
        match self.anchor {
            Anchor::Session(session) => Some(session),
            Anchor::Version(_) => None,
        }
    }

    /// The user, if they and what the token stands on are there at `now`. A token outlives neither by a call.
    pub fn admit(&self, record: Record, now: SystemTime) -> Result<User, TokenRefusal> {
        let user = match record.user {
            None => return Err(TokenRefusal::UserGone),
            Some(user) if user.disabled => return Err(TokenRefusal::UserDisabled),
            Some(user) => user,
        };
        let version = match (self.anchor, record.session) {
            (Anchor::Version(version), _) => version,
            (Anchor::Session(_), Some(session)) if session.remaining(numeric_date(now)) > 0 => session.version,
            (Anchor::Session(_), _) => return Err(TokenRefusal::SessionEnded),
        };
        if version == user.version { Ok(user) } else { Err(TokenRefusal::Superseded) }
    }
}
