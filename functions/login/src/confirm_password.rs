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
    /// Compares a password with the hash of an account. `refuse` is the error for one that does not match.
    pub(crate) async fn compare(
        &self,
        password: Password,
        (public_id, hash): (PublicId, &PasswordHash),
        refuse: fn(PasswordRefusal) -> Error,
    ) -> Result<Match, Error> {
        let verdict = self.verify(password, Some(hash)).await?;
        self.warn_of_unlisted_hash(hash);
        match verdict {
            Verdict::Match { outdated } => Ok(Match { outdated }),
            Verdict::Mismatch => Err(refuse(PasswordRefusal::Wrong)),
            Verdict::Unusable(cause) => {
                metrics::unusable_hash();
                warn!(%public_id, %cause, "stored password hash cannot be verified");
                Err(refuse(PasswordRefusal::UnusableHash))
            }
        }
    }

    /// Does the work of a comparison if there is no account, so that the response takes as long.
    pub(crate) async fn compare_with_no_account(&self, password: Password) -> Result<(), Error> {
        // There is nothing that it could match.
        self.verify(password, None).await.map(drop)
    }

    /// The verdict within [`COMPARISON_LIMIT`].
    async fn verify(&self, password: Password, hash: Option<&PasswordHash>) -> Result<Verdict, Error> {
        let compared = timed_hash(self.hasher.verify(password, hash.cloned()));
        Ok(tokio::time::timeout(COMPARISON_LIMIT, compared).await.map_err(|_| Error::Late)??)
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
            self.compare_with_no_account(password).await?;
            return Err(Error::PasswordNotConfirmed(PasswordRefusal::Wrong));
        };
        self.compare(password, (user.profile.public_id, &hash), Error::PasswordNotConfirmed).await?;
        Ok(hash)
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
