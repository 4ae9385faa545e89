//! Rate limiting of password guesses: each is counted before the password is hashed, and settled when its outcome is
//! known.

use shared::{
    aws::store::{Admission, Guess, StoreError, ThrottleStore},
    domain::{
        client_ip::ClientAddress,
        error_chain::causes,
        throttle::{GcraLimit, GuessLimits, ThrottleKey},
        token::VerifiedToken,
        user::Email,
    },
    http::error::Error,
};
use tracing::warn;

/// Limits password guesses.
pub(crate) struct GuessLimiter {
    throttle: ThrottleStore,
    limits: GuessLimits,
}

/// Permission for one guess. It counts as a failure until it is settled, even if this process ends before that.
pub(crate) struct Permit<'g> {
    limiter: &'g GuessLimiter,
    guess: Guess,
    /// The further counters of a guess whose pair is not known.
    taken: Vec<(ThrottleKey, GcraLimit)>,
}

impl GuessLimiter {
    pub(crate) fn new(throttle: ThrottleStore, limits: GuessLimits) -> Self {
        Self { throttle, limits }
    }

    /// Counts a log-in attempt and permits it, unless a limit is reached. `email` is as typed.
    pub(crate) async fn count_log_in(&self, email: &str, client: ClientAddress) -> Result<Permit<'_>, Error> {
        let canonical = Email::parse(email);
        // A malformed email address has no account, but attempts with it are counted too.
        let account = canonical.as_ref().map_or(email, Email::as_str);
        let permit = self.pair(ThrottleKey::pair(account, client)).await?;
        if permit.guess.is_known {
            return Ok(permit);
        }
        self.count_further(permit, account, client).await
    }

    /// Counts the confirmation of a password by an authenticated caller and permits it, unless the limit is reached.
    /// It is counted by session, so other clients cannot exhaust it.
    pub(crate) async fn count_confirmation(&self, caller: &VerifiedToken) -> Result<Permit<'_>, Error> {
        self.pair(ThrottleKey::session_pair(caller.subject, caller.session())).await
    }

    async fn pair(&self, key: ThrottleKey) -> Result<Permit<'_>, Error> {
        match self.throttle.guess(key, &self.limits.pair).await? {
            Admission::Taken(guess) => Ok(Permit { limiter: self, guess, taken: Vec::new() }),
            Admission::Refused(wait) => Err(Error::Throttled { wait }),
        }
    }

    /// Counts a guess of an unknown pair by account and by client address as well. If one of the limits is reached, the
    /// other counters are refunded.
    async fn count_further<'g>(
        &'g self,
        mut permit: Permit<'g>,
        account: &str,
        client: ClientAddress,
    ) -> Result<Permit<'g>, Error> {
        let (account, address) = tokio::join!(
            self.take(ThrottleKey::account(account), self.limits.account),
            self.take(ThrottleKey::address(client), self.limits.address),
        );
        let mut refused = None;
        for outcome in [account, address] {
            match outcome {
                Ok(Admission::Taken(taken)) => permit.taken.extend(taken),
                Ok(Admission::Refused(wait)) => refused = Some(Error::Throttled { wait }),
                Err(error) => refused = Some(error.into()),
            }
        }
        match refused {
            None => Ok(permit),
            Some(error) => {
                permit.refund().await;
                Err(error)
            }
        }
    }

    async fn take(
        &self,
        key: ThrottleKey,
        limit: Option<GcraLimit>,
    ) -> Result<Admission<Option<(ThrottleKey, GcraLimit)>>, StoreError> {
        let Some(limit) = limit else { return Ok(Admission::Taken(None)) };
        Ok(match self.throttle.take(&key, limit).await? {
            Admission::Taken(()) => Admission::Taken(Some((key, limit))),
            Admission::Refused(wait) => Admission::Refused(wait),
        })
    }
}

impl Permit<'_> {
    /// The guess was right: clears the failures and makes the pair known.
    pub(crate) async fn confirm(self) {
        let (cleared, ()) =
            tokio::join!(self.limiter.throttle.confirm(&self.guess, &self.limiter.limits.pair), self.give_back());
        settled(cleared);
    }

    /// The guess was not verified: takes it back.
    pub(crate) async fn refund(self) {
        let (refunded, ()) = tokio::join!(self.limiter.throttle.refund(&self.guess), self.give_back());
        settled(refunded);
    }

    async fn give_back(&self) {
        // At most two.
        for (key, limit) in &self.taken {
            settled(self.limiter.throttle.give_back(key, *limit).await);
        }
    }
}

/// A guess that could not be settled stays counted as a failure, which does not affect this request and expires.
fn settled(outcome: Result<(), StoreError>) {
    if let Err(error) = outcome {
        warn!(cause = causes(&error), "a guess stays counted as a failure");
    }
}
