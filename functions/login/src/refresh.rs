//! `POST /refresh`: a refresh token for a new access token and the next refresh token.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    Json,
    extract::{Request, State},
};
use shared::{
    aws::store::Rotation,
    domain::{
        authorization::RefreshRefusal,
        session::{RefreshToken, Salt, Session},
        token::{TokenBinding, VerifiedToken},
    },
    http::{
        error::{Error, FieldError},
        request::fields::Fields,
        telemetry::audit::{self, Attempt, Event},
    },
};

use crate::{Login, SignedIn};

/// How long a refresh may take: half of the grace, so that a client that got no answer has the other half to repeat it.
const TIME_LIMIT: Duration = Duration::from_secs(5);

pub(crate) async fn refresh(State(login): State<Arc<Login>>, request: Request) -> Result<Json<SignedIn>, Error> {
    let fields = Fields::from_body(request, &["refresh_token"]).await?;
    let text =
        fields.get("refresh_token").ok_or_else(|| Error::Invalid(vec![FieldError::required("refresh_token")]))?;
    login.refreshed(text).await.map(Json)
}

impl Login {
    /// A new pair for a refresh token, with its line in the audit log.
    pub(crate) async fn refreshed(&self, text: &str) -> Result<SignedIn, Error> {
        let refused = |user, error: &Error| audit::record_refusal(Attempt::Refresh, user, error);
        let token = RefreshToken::parse(text).ok_or(RefreshRefusal::Malformed.into());
        let token = token.inspect_err(|error| refused(None, error))?;
        let now = SystemTime::now();
        let renewed = tokio::time::timeout(TIME_LIMIT, self.renew(&token, now)).await.unwrap_or(Err(Error::Late));
        let answer = renewed.inspect_err(|error| refused(Some(token.user()), error))?;
        audit::record(Event::Refreshed, token.user());
        Ok(answer)
    }

    async fn renew(&self, token: &RefreshToken, now: SystemTime) -> Result<SignedIn, Error> {
        // Both at once: that the user is still there takes no time of its own.
        let (exchanged, record) = tokio::join!(self.exchange(token, now), self.callers.find(token.user(), None));
        let ((successor, session), mut record) = (exchanged?, record?);
        record.session = Some(session);
        if record.user.as_ref().is_some_and(|user| user.version != session.version) {
            // One of the two may have been read too early, while another log-out carried this session over.
            record = self.callers.find(token.user(), Some(token.session())).await?;
        }
        let presented = VerifiedToken { subject: token.user(), binding: TokenBinding::Session(token.session()) };
        let user = presented.authorize(record, now).map_err(RefreshRefusal::Token)?;
        self.sign_in(token.user(), user.version, Some((&successor, session)), now).await
    }

    /// The token that takes the place of `presented`. Within the grace it is the same each time, so a session has one line of
    /// tokens however many tabs refresh it at once.
    async fn exchange(&self, presented: &RefreshToken, now: SystemTime) -> Result<(RefreshToken, Session), Error> {
        let life = self.life.ok_or(RefreshRefusal::Off)?;
        let salt = Salt::random()?;
        let successor = presented.successor(&salt)?;
        match self.sessions.rotate(presented, &successor, &salt, life, now).await? {
            Rotation::Rotated(session) => Ok((successor, session)),
            Rotation::Repeated(session, salts) => {
                let present = salts.iter().try_fold(presented.clone(), |token, salt| token.successor(salt))?;
                Ok((present, session))
            }
            Rotation::NotFound => Err(RefreshRefusal::NotFound.into()),
            Rotation::Replayed => {
                self.end_replayed(presented).await?;
                Err(RefreshRefusal::Replayed.into())
            }
        }
    }

    /// Ends the session of a token that somebody kept: the owner, or a thief, and nobody knows which of the two went on.
    pub(crate) async fn end_replayed(&self, presented: &RefreshToken) -> Result<(), Error> {
        self.sessions.end(presented.user(), presented.session()).await?;
        audit::record(Event::Replayed, presented.user());
        Ok(())
    }
}
