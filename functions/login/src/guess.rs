//! Guesses at passwords: each is counted before the password is hashed, and settled when it is known what came of it.

use shared::{
    aws::store::{Admission, Guess, StoreError, ThrottleStore},
    domain::{
        client_ip::ClientAddress,
        throttle::{GcraLimit, GuessLimits, ThrottleKey},
        token::{TokenBinding, VerifiedToken},
        user::Email,
    },
    http::{error::Error, service},
};
use tracing::warn;

/// What guards against guessing.
pub(crate) struct GuessLimiter {
    throttle: ThrottleStore,
    limits: Limits,
}

/// A guess that may be made. It counts as a failure, also if this process ends before it is settled.
pub(crate) struct Permit<'g> {
    guesses: &'g GuessLimiter,
    guess: Guess,
    /// What else it was counted under, since the pair is not known.
    taken: Vec<(ThrottleKey, GcraLimit)>,
}

impl GuessLimiter {
    pub(crate) fn new(throttle: ThrottleStore, limits: Limits) -> Self {
        Self { throttle, limits }
    }

    /// Permits a guess at the account of an address, as typed, from a client.
    pub(crate) async fn log_in(&self, email: &str, client: ClientAddress) -> Result<Permit<'_>, Error> {
        let spelled = Email::parse(email);
        // Nobody has an address that is none; trying it counts nevertheless.
        let account = spelled.as_ref().map_or(email, Email::as_str);
        let permit = self.pair(ThrottleKey::pair(account, client)).await?;
        if permit.guess.is_known {
            return Ok(permit);
        }
        self.count_further(permit, account, client).await
    }

    /// Permits a guess at the password of who is signed in: their session vouches for them, so they cannot be kept from it by
    /// others.
    pub(crate) async fn confirmation(&self, caller: &VerifiedToken) -> Result<Permit<'_>, Error> {
        let session = match caller.binding {
            TokenBinding::Session(session) => Some(session),
            TokenBinding::Version(_) => None,
        };
        self.pair(ThrottleKey::session_pair(caller.subject, session)).await
    }

    async fn pair(&self, counted: ThrottleKey) -> Result<Permit<'_>, Error> {
        match self.throttle.guess(counted, &self.limits.pair).await? {
            Admission::Taken(guess) => Ok(Permit { guesses: self, guess, taken: Vec::new() }),
            Admission::Refused(wait) => Err(Error::Throttled { wait }),
        }
    }

    /// Counts a guess of an unknown pair under its account and its address as well. What stops it at one is given back at the
    /// others.
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
        counted: ThrottleKey,
        rate: Option<GcraLimit>,
    ) -> Result<Admission<Option<(ThrottleKey, GcraLimit)>>, StoreError> {
        let Some(rate) = rate else { return Ok(Admission::Taken(None)) };
        Ok(match self.throttle.take(&counted, rate).await? {
            Admission::Taken(()) => Admission::Taken(Some((counted, rate))),
            Admission::Refused(wait) => Admission::Refused(wait),
        })
    }
}

impl Permit<'_> {
    /// The guess was right: the pair starts anew and is known.
    pub(crate) async fn confirm(self) {
        let (cleared, ()) =
            tokio::join!(self.guesses.throttle.confirm(&self.guess, &self.guesses.limits.pair), self.give_back(),);
        settled(cleared);
    }

    /// The guess was not made, or nobody knows what came of it.
    pub(crate) async fn refund(self) {
        let (refunded, ()) = tokio::join!(self.guesses.throttle.refund(&self.guess), self.give_back());
        settled(refunded);
    }

    async fn give_back(&self) {
        // There are two at most.
        for (counted, rate) in &self.taken {
            settled(self.guesses.throttle.give_back(counted, *rate).await);
        }
    }
}

/// What could not be settled counts as a failure. That refuses nobody who was let in, and is forgotten in time.
fn settled(outcome: Result<(), StoreError>) {
    if let Err(error) = outcome {
        warn!(cause = causes(&error), "a guess stays counted as a failure");
    }
}
