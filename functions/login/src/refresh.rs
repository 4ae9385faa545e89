//! `POST /refresh`: a refresh token for a new access token and the next refresh token.

use std::{sync::Arc, time::SystemTime};

use axum::{
    Json,
    extract::{Request, State},
};
use shared::{
    error::{Error, FieldError, RefreshRefusal},
    fields::Fields,
    session::{RefreshToken, Salt, Session},
    store::{Record, Rotation},
    token::{Anchor, Verified},
};
use tracing::{info, warn};

use crate::{Login, SignedIn};

pub(crate) async fn refresh(State(login): State<Arc<Login>>, request: Request) -> Result<Json<SignedIn>, Error> {
    let fields = Fields::from_body(request, &["refresh_token"]).await?;
    let text =
        fields.get("refresh_token").ok_or_else(|| Error::Invalid(vec![FieldError::required("refresh_token")]))?;
    let token = RefreshToken::parse(text).ok_or(RefreshRefusal::Malformed)?;
    let now = SystemTime::now();
    // Both at once: that the user is still there takes no time of its own.
    let (exchanged, record) = tokio::join!(login.exchange(&token, now), login.callers.find(token.user(), None));
    let ((successor, session), record) = (exchanged?, record?);
    let presented = Verified { subject: token.user(), anchor: Anchor::Session(token.session()) };
    let user = presented.admit(Record { session: Some(session), ..record }, now).map_err(RefreshRefusal::Token)?;
    let answer = login.sign_in(token.user(), user.version, Some((&successor, session)), now).await?;
    info!(public_id = %token.user(), "session refreshed");
    Ok(Json(answer))
}

impl Login {
    /// The token that takes the place of `presented`. Within the grace it is the same each time, so a session has one line of
    /// tokens however many tabs refresh it at once.
    async fn exchange(&self, presented: &RefreshToken, now: SystemTime) -> Result<(RefreshToken, Session), Error> {
        let life = self.life.ok_or(RefreshRefusal::Off)?;
        let salt = Salt::random()?;
        let successor = presented.successor(&salt)?;
        match self.sessions.rotate(presented, &successor, &salt, life, now).await? {
            Rotation::Done(session) => Ok((successor, session)),
            Rotation::Repeated(session, salt) => Ok((presented.successor(&salt)?, session)),
            Rotation::Gone => Err(RefreshRefusal::Gone.into()),
            Rotation::Stale => Err(RefreshRefusal::Stale.into()),
            Rotation::Replayed => {
                self.sessions.end(presented.user(), presented.session()).await?;
                warn!(public_id = %presented.user(), "refresh token was used again: session ended");
                Err(RefreshRefusal::Replayed.into())
            }
        }
    }
}
