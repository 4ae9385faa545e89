//! Rate limiting of password guesses: each is counted before the password is hashed, and settled when its outcome is
//! known.

use std::time::Duration;

use shared::{
    aws::store::{Admission, Guess, StoreError, ThrottleStore},
    domain::{
        client_ip::ClientAddress,
        error_chain::causes,
        throttle::{DeviceId, GcraLimit, GuessLimits, ThrottleKey},
        time::UnixMillis,
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

/// The client of a guess, and the account.
pub(crate) struct Guesser {
    /// The canonical email address. A malformed one has no account, but guesses at it are counted as typed.
    account: String,
    client: ClientAddress,
    /// The device of the browser, if it has an identifier.
    device: Option<DeviceId>,
}

/// Permission for one guess. It counts as a failure until it is settled, even if this process ends before that.
pub(crate) struct Permit<'g> {
    limiter: &'g GuessLimiter,
    guess: Guess,
    /// How long the pair is known if the guess is right.
    known: Duration,
    /// It is counted by device.
    is_by_device: bool,
    /// The pair is known, so no other limit applies.
    is_known: bool,
    /// The further counters of a guess whose pair is not known.
    taken: Vec<(ThrottleKey, GcraLimit)>,
}

impl Guesser {
    /// `email` is as typed.
    pub(crate) fn new(email: &str, client: ClientAddress, device: Option<DeviceId>) -> Self {
        let canonical = Email::parse(email);
        let account = canonical.as_ref().map_or(email, Email::as_str).to_owned();
        Self { account, client, device }
    }
}

impl GuessLimiter {
    pub(crate) fn new(throttle: ThrottleStore, limits: GuessLimits) -> Self {
        Self { throttle, limits }
    }

    /// How long a device is known after a log-in. `None` if devices are not recognized.
    pub(crate) fn device_lifetime(&self) -> Option<Duration> {
        Some(self.limits.device).filter(|lifetime| !lifetime.is_zero())
    }

    /// Counts a log-in attempt by its pair: of account and device if the device is known, or else of account and
    /// address. [`GuessLimiter::admit`] decides about it.
    pub(crate) async fn count_log_in(&self, guesser: &Guesser) -> Result<Permit<'_>, Error> {
        if let Some(device) = guesser.device.as_ref().filter(|_| self.device_lifetime().is_some()) {
            let key = ThrottleKey::device(&guesser.account, device);
            if let Some(admission) = self.throttle.guess_if_known(key, &self.limits.pair).await? {
                let permit = self.permit(admission, self.limits.device)?;
                return Ok(Permit { is_by_device: true, ..permit });
            }
        }
        self.count_by_address(guesser).await
    }

    async fn count_by_address(&self, guesser: &Guesser) -> Result<Permit<'_>, Error> {
        self.pair(ThrottleKey::pair(&guesser.account, guesser.client), self.limits.known).await
    }

    /// Counts the confirmation of a password by an authenticated caller and permits it, unless the limit is reached.
    /// It is counted by session, so other clients cannot exhaust it.
    pub(crate) async fn count_confirmation(&self, caller: &VerifiedToken) -> Result<Permit<'_>, Error> {
        self.pair(ThrottleKey::session_pair(caller.subject, caller.session()), Duration::ZERO).await
    }

    async fn pair(&self, key: ThrottleKey, known: Duration) -> Result<Permit<'_>, Error> {
        self.permit(self.throttle.guess(key, &self.limits.pair).await?, known)
    }

    fn permit(&self, admission: Admission<Guess>, known: Duration) -> Result<Permit<'_>, Error> {
        match admission {
            Admission::Taken(guess) => {
                Ok(Permit { limiter: self, guess, known, is_by_device: false, is_known: false, taken: Vec::new() })
            }
            Admission::Refused(wait) => Err(Error::Throttled { wait }),
        }
    }

    /// Permits a counted log-in attempt of a pair that is known, given when the user chose the password. Any other
    /// attempt is counted by account and by client address as well, and permitted unless such a limit is reached.
    pub(crate) async fn admit<'g>(
        &'g self,
        mut permit: Permit<'g>,
        guesser: &Guesser,
        password_set_at: UnixMillis,
    ) -> Result<Permit<'g>, Error> {
        if permit.guess.is_known(password_set_at) {
            return Ok(Permit { is_known: true, ..permit });
        }
        if permit.is_by_device {
            // The device was known for an earlier password.
            permit.refund().await;
            permit = self.count_by_address(guesser).await?;
        }
        if permit.guess.is_known(password_set_at) {
            return Ok(Permit { is_known: true, ..permit });
        }
        self.count_further(permit, guesser).await
    }

    /// If one of the limits is reached, the other counter is refunded. The guess stays counted for the pair, as it does
    /// for a known pair whose password is wrong: otherwise the responses would show which pairs are known.
    async fn count_further<'g>(&'g self, mut permit: Permit<'g>, guesser: &Guesser) -> Result<Permit<'g>, Error> {
        let [account, address] = self.further(guesser);
        let (account, address) = tokio::join!(self.take(account), self.take(address));
        let (mut wait, mut failed) = (Duration::ZERO, None);
        for outcome in [account, address] {
            match outcome {
                Ok(Admission::Taken(taken)) => permit.taken.extend(taken),
                Ok(Admission::Refused(refused)) => wait = wait.max(refused),
                Err(error) => failed = Some(error),
            }
        }
        if let Some(error) = failed {
            permit.refund().await;
            return Err(error.into());
        }
        if wait.is_zero() {
            return Ok(permit);
        }
        tokio::join!(permit.give_back(), permit.fail());
        Err(Error::Throttled { wait })
    }

    /// How long an attempt of a pair that is not known would have to wait. Zero: it would be permitted.
    pub(crate) async fn wait_if_unknown(&self, guesser: &Guesser) -> Result<Duration, Error> {
        let [account, address] = self.further(guesser);
        let wait = async |counter: Option<(ThrottleKey, GcraLimit)>| match counter {
            Some((key, limit)) => self.throttle.wait(&key, limit).await,
            None => Ok(Duration::ZERO),
        };
        let (account, address) = tokio::join!(wait(account), wait(address));
        Ok(account?.max(address?))
    }

    /// The counters of account and address.
    fn further(&self, guesser: &Guesser) -> [Option<(ThrottleKey, GcraLimit)>; 2] {
        let account = self.limits.account.map(|limit| (ThrottleKey::account(&guesser.account), limit));
        let address = self.limits.address.map(|limit| (ThrottleKey::address(guesser.client), limit));
        [account, address]
    }

    async fn take(
        &self,
        counter: Option<(ThrottleKey, GcraLimit)>,
    ) -> Result<Admission<Option<(ThrottleKey, GcraLimit)>>, StoreError> {
        let Some((key, limit)) = counter else { return Ok(Admission::Taken(None)) };
        Ok(match self.throttle.take(&key, limit).await? {
            Admission::Taken(()) => Admission::Taken(Some((key, limit))),
            Admission::Refused(wait) => Admission::Refused(wait),
        })
    }
}

impl Permit<'_> {
    /// Whether the pair is known, so that no other limit applies to the guess.
    pub(crate) fn is_of_known_pair(&self) -> bool {
        self.is_known
    }

    /// The guess was right: clears the failures, counts the log-in, and makes the pair known.
    pub(crate) async fn confirm(self) {
        let confirmed = self.limiter.throttle.confirm(&self.guess, &self.limiter.limits.pair, self.known);
        let (confirmed, ()) = tokio::join!(confirmed, self.give_back());
        settled(confirmed);
    }

    /// The guess was right, as [`Permit::confirm`], and `device` becomes known.
    pub(crate) async fn confirm_and_remember(self, guesser: &Guesser, device: &DeviceId) {
        if self.is_by_device {
            return self.confirm().await;
        }
        let throttle = &self.limiter.throttle;
        let key = ThrottleKey::device(&guesser.account, device);
        let (remembered, ()) = tokio::join!(throttle.remember(&key, self.limiter.limits.device), self.confirm());
        if let Err(error) = remembered {
            warn!(cause = causes(&error), "a device does not become known");
        }
    }

    /// The guess was wrong and stays counted.
    pub(crate) async fn fail(&self) {
        settled(self.limiter.throttle.fail(&self.guess).await);
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
