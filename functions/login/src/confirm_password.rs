//! Confirming changes of an account with its password.

use std::time::Duration;

use shared::{
    aws::store::Credentials,
    domain::{
        authorization::TokenRefusal,
        password::{Password, PasswordHash, Verdict},
        user::{Email, PublicId, User},
    },
    http::{error::Error, telemetry::metrics::timed_hash},
};

use crate::{Login, authenticate::Caller};

/// Time limit for comparing a password, including the wait for a processor: half of the request's time limit, so that
/// time remains to settle the guess.
const COMPARISON_LIMIT: Duration = Duration::from_secs(4);

impl Login {
    /// Compares a password with a hash, within [`COMPARISON_LIMIT`]; without a hash the same work is done.
    pub(crate) async fn compare(&self, password: Password, hash: Option<PasswordHash>) -> Result<Verdict, Error> {
        let compared = timed_hash(self.hasher.verify(password, hash));
        Ok(tokio::time::timeout(COMPARISON_LIMIT, compared).await.map_err(|_| Error::Late)??)
    }

    /// Checks the caller's password, so that a stolen token is not enough, and returns the stored hash. Rate-limited
    /// like a log-in.
    pub(crate) async fn confirm_password(&self, caller: &Caller, password: Password) -> Result<PasswordHash, Error> {
        // Boxed: the database calls make the futures large.
        let permit = Box::pin(self.guesses.count_confirmation(&caller.token)).await?;
        let compared = self.compare_with_stored(&caller.user, password).await;
        match &compared {
            Ok(_) => {
                permit.confirm().await;
            }
            Err(error) if error.kind().is_refusal() => permit.fail().await,
            Err(_) => permit.refund().await,
        }
        compared
    }

    async fn compare_with_stored(&self, user: &User, password: Password) -> Result<PasswordHash, Error> {
        let hash = self.stored_hash(user).await?;
        match (self.compare(password, hash.clone()).await?, hash) {
            (Verdict::Match { .. }, Some(hash)) => Ok(hash),
            (Verdict::Match { .. }, None) | (Verdict::Mismatch, _) => Err(Error::PasswordNotConfirmed),
        }
    }

    async fn stored_hash(&self, user: &User) -> Result<Option<PasswordHash>, Error> {
        let Ok(email) = Email::parse(&user.profile.email) else { return Ok(None) };
        let is_own = |found: &Credentials| found.public_id == user.profile.public_id && !found.disabled;
        let credentials = self.credentials.find(&email).await?.filter(is_own);
        Ok(credentials.map(|credentials| credentials.password_hash))
    }

    /// The user after a concurrent change. Sessions that ended in the meantime do not matter: the password was right,
    /// and only a new one would make it wrong.
    pub(crate) async fn still_confirmed(&self, user: PublicId, hash: &PasswordHash) -> Result<User, Error> {
        let user = self.callers.find(user, None).await?.user.ok_or(TokenRefusal::UserGone)?;
        if self.stored_hash(&user).await?.as_ref() == Some(hash) {
            Ok(user)
        } else {
            Err(TokenRefusal::Superseded.into())
        }
    }
}
