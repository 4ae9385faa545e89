//! Confirming changes of an account with its password.

use std::{sync::atomic::Ordering, time::Duration};

use shared::{
    aws::store::Credentials,
    domain::{
        authorization::{PasswordRefusal, TokenRefusal},
        password::{Password, PasswordHash, Verdict},
        user::{Email, PublicId, User},
    },
    http::{
        error::Error,
        telemetry::metrics::{self, timed_hash},
    },
};
use tracing::warn;

use crate::{Login, authenticate::Caller};

/// Time limit for comparing a password, including the wait for a processor: half of the request's time limit, so that
/// time remains to settle the guess. No permitted hash takes as long on a processor of Lambda, so only overload
/// exceeds it, and the guess is refunded.
const COMPARISON_LIMIT: Duration = Duration::from_secs(4);

/// The password is right.
pub(crate) struct Match {
    /// The hash should be replaced.
    pub(crate) outdated: bool,
}

impl Login {
    /// Compares a password with that of an account, within [`COMPARISON_LIMIT`]; without an account the same work is
    /// done. A match says whether the hash should be replaced.
    pub(crate) async fn compare(
        &self,
        password: Password,
        account: Option<(PublicId, &PasswordHash)>,
    ) -> Result<Result<Match, PasswordRefusal>, Error> {
        let hash = account.map(|(_, hash)| hash.clone());
        let compared = timed_hash(self.hasher.verify(password, hash));
        let verdict = tokio::time::timeout(COMPARISON_LIMIT, compared).await.map_err(|_| Error::Late)??;
        if let Some((_, hash)) = account {
            self.warn_of_unlisted_hash(hash);
        }
        match verdict {
            Verdict::Match { outdated } => Ok(Ok(Match { outdated })),
            Verdict::Mismatch => Ok(Err(PasswordRefusal::Wrong)),
            Verdict::Unusable(cause) => {
                metrics::unusable_hash();
                let public_id = account.map(|(public_id, _)| tracing::field::display(public_id));
                warn!(public_id, %cause, "stored password hash cannot be verified");
                Ok(Err(PasswordRefusal::UnusableHash))
            }
        }
    }

    /// Response times tell an account with such a hash from an unknown user.
    fn warn_of_unlisted_hash(&self, hash: &PasswordHash) {
        if !self.warned_of_unlisted_hash.load(Ordering::Relaxed)
            && let Some(value) = self.hasher.missing_legacy_hashes(hash)
            && !self.warned_of_unlisted_hash.swap(true, Ordering::Relaxed)
        {
            warn!(
                %value,
                "response times reveal accounts with imported hashes: set LEGACY_HASHES to this value, or to the part \
                 of it that a start accepts"
            );
        }
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
        let Some(hash) = self.stored_hash(user).await? else {
            // There is nothing that it could match.
            let _ = self.compare(password, None).await?;
            return Err(Error::PasswordNotConfirmed(PasswordRefusal::Wrong));
        };
        match self.compare(password, Some((user.profile.public_id, &hash))).await? {
            Ok(Match { .. }) => Ok(hash),
            Err(refusal) => Err(Error::PasswordNotConfirmed(refusal)),
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
