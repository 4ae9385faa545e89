//! Rate limiting of password guesses: each is counted before the password is hashed, and settled when its outcome is
//! known.

use std::time::Duration;

use axum::http::HeaderMap;
use shared::{
    aws::store::{Admission, Guess, StoreError, ThrottleStore},
    domain::{
        client_ip::ClientAddress,
        error_chain::causes,
        session::SessionClient,
        throttle::{DeviceId, GcraLimit, GuessLimits, ThrottleKey},
        time::UnixMillis,
        token::VerifiedToken,
        user::Email,
    },
    http::{error::Error, request::session_client},
};
use tracing::warn;

/// Limits password guesses.
pub(crate) struct GuessLimiter {
    throttle: ThrottleStore,
    limits: GuessLimits,
}

/// The client of a guess, and the account.
pub(crate) struct Guesser {
    /// The email address. `None` if it is malformed and thus has no account.
    pub(crate) email: Option<Email>,
    /// The canonical email address, or a malformed address as typed: guesses at it are counted too.
    account: String,
    client: ClientAddress,
    /// The device of the browser, if it has an identifier.
    device: Option<DeviceId>,
    /// What the session of the log-in shows about the client.
    pub(crate) session: SessionClient,
}

/// Permission for one guess. It counts as a failure until it is settled, even if this process ends before that.
pub(crate) struct Permit<'g> {
    limiter: &'g GuessLimiter,
    guess: Guess,
    /// How long the pair is known if the guess is right.
    known: Duration,
    /// When the user chose the password with which the pair becomes known.
    password_set_at: UnixMillis,
    /// It is counted by device.
    is_by_device: bool,
    /// The pair of account and address for which the log-in of a device is counted too.
    log_in: Option<(ThrottleKey, GcraLimit)>,
    /// The pair is known, so no other limit applies.
    is_known: bool,
    /// The further counters of a guess whose pair is not known.
    taken: Further,
}

/// The counters of account and address, unless they have no limit.
type Further = [Option<(ThrottleKey, GcraLimit)>; 2];

impl Guesser {
    /// `email` is as typed.
    pub(crate) fn new(email: &str, client: ClientAddress, headers: &HeaderMap, device: Option<DeviceId>) -> Self {
        let canonical = Email::parse(email).ok();
        let account = canonical.as_ref().map_or(email, Email::as_str).to_owned();
        Self { email: canonical, account, client, device, session: session_client(client, headers) }
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
                return self.count_for_address(Permit { is_by_device: true, ..permit }, guesser).await;
            }
        }
        self.count_by_address(guesser).await
    }

    /// Counts the log-in of a known device for account and address too: a client that discards its cookies gets a new
    /// device by each log-in, and each device has a limit of its own.
    async fn count_for_address<'g>(&'g self, permit: Permit<'g>, guesser: &Guesser) -> Result<Permit<'g>, Error> {
        let Some(limit) = self.limits.pair.log_ins else { return Ok(permit) };
        let key = ThrottleKey::pair(&guesser.account, guesser.client);
        let error = match self.throttle.take_log_in(&key, limit).await {
            Ok(Admission::Taken(())) => return Ok(Permit { log_in: Some((key, limit)), ..permit }),
            Ok(Admission::Refused(wait)) => Error::Throttled { wait },
            Err(error) => error.into(),
        };
        permit.refund().await;
        Err(error)
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
                let password_set_at = UnixMillis::default();
                let (is_by_device, is_known, log_in, taken) = (false, false, None, [None, None]);
                Ok(Permit { limiter: self, guess, known, password_set_at, is_by_device, log_in, is_known, taken })
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
        if permit.is_by_device && !permit.guess.is_known(password_set_at) {
            // The device was known for an earlier password.
            permit.refund().await;
            permit = self.count_by_address(guesser).await?;
        }
        permit.password_set_at = password_set_at;
        if permit.guess.is_known(password_set_at) {
            return Ok(Permit { is_known: true, ..permit });
        }
        self.count_further(permit, guesser).await
    }

    /// Counts a wrong guess of a known pair like one of an unknown pair, and fails like it. Otherwise the response, or
    /// what remains of a limit afterwards, would show that the pair is known and thus that the account exists.
    pub(crate) async fn fail_like_unknown(&self, permit: Permit<'_>, guesser: &Guesser) -> Result<(), Error> {
        permit.fail().await;
        if permit.is_known {
            self.take_further(guesser).await?;
        }
        Ok(())
    }

    /// A refused guess stays counted for the pair, as it does for a known pair whose password is wrong: otherwise the
    /// responses would show which pairs are known.
    async fn count_further<'g>(&'g self, mut permit: Permit<'g>, guesser: &Guesser) -> Result<Permit<'g>, Error> {
        match self.take_further(guesser).await {
            Ok(taken) => {
                permit.taken = taken;
                Ok(permit)
            }
            Err(error) => {
                if error.kind().is_refusal() {
                    permit.fail().await;
                } else {
                    permit.refund().await;
                }
                Err(error)
            }
        }
    }

    /// Counts a guess by account and by address, or by neither if one of the limits is reached.
    async fn take_further(&self, guesser: &Guesser) -> Result<Further, Error> {
        let [account, address] = self.further(guesser);
        let (account, address) = tokio::join!(self.take(account), self.take(address));
        let (mut taken, mut wait, mut failed) = ([None, None], Duration::ZERO, None);
        for (outcome, taken) in [account, address].into_iter().zip(&mut taken) {
            match outcome {
                Ok(Admission::Taken(counter)) => *taken = counter,
                Ok(Admission::Refused(refused)) => wait = wait.max(refused),
                Err(error) => failed = Some(Error::from(error)),
            }
        }
        if wait.is_zero() && failed.is_none() {
            return Ok(taken);
        }
        self.give_back(&taken).await;
        Err(failed.unwrap_or(Error::Throttled { wait }))
    }

    async fn give_back(&self, taken: &[Option<(ThrottleKey, GcraLimit)>]) {
        for (key, limit) in taken.iter().flatten() {
            settled(self.throttle.give_back(key, *limit).await);
        }
    }

    /// The counters of account and address.
    fn further(&self, guesser: &Guesser) -> Further {
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
    /// The guess was right: clears the failures, counts the log-in, and makes the pair known. Returns the number of the
    /// log-in among those of a known pair, or else among those of new pairs of the account. `None`: it was not counted.
    pub(crate) async fn confirm(self) -> Option<u64> {
        let GuessLimiter { throttle, limits } = self.limiter;
        let confirmed = throttle.confirm(&self.guess, &limits.pair, self.known, self.password_set_at);
        let (confirmed, of_account) = tokio::join!(confirmed, self.give_back_and_count());
        let of_pair = confirmed.inspect_err(stays_counted).ok();
        if self.is_known { of_pair } else { of_account }
    }

    async fn give_back_and_count(&self) -> Option<u64> {
        let [account, address] = &self.taken;
        let count = match account {
            Some((key, limit)) => {
                let counted = self.limiter.throttle.give_back_and_count(key, *limit).await;
                counted.inspect_err(stays_counted).ok().flatten()
            }
            None => None,
        };
        self.limiter.give_back(std::slice::from_ref(address)).await;
        count
    }

    /// The guess was right, as [`Permit::confirm`], and `device` becomes known.
    pub(crate) async fn confirm_and_remember(self, guesser: &Guesser, device: &DeviceId) -> Option<u64> {
        if self.is_by_device {
            return self.confirm().await;
        }
        let throttle = &self.limiter.throttle;
        let key = ThrottleKey::device(&guesser.account, device);
        let remembered = throttle.remember(&key, self.limiter.limits.device, self.password_set_at);
        let (remembered, count) = tokio::join!(remembered, self.confirm());
        if let Err(error) = remembered {
            warn!(cause = causes(&error), "a device does not become known");
        }
        count
    }

    /// The guess was wrong and stays counted.
    pub(crate) async fn fail(&self) {
        let (failed, ()) = tokio::join!(self.limiter.throttle.fail(&self.guess), self.give_back_log_in());
        settled(failed);
    }

    /// The guess was not verified: takes it back.
    pub(crate) async fn refund(self) {
        let refunded = self.limiter.throttle.refund(&self.guess);
        let (refunded, (), ()) = tokio::join!(refunded, self.limiter.give_back(&self.taken), self.give_back_log_in());
        settled(refunded);
    }

    async fn give_back_log_in(&self) {
        if let Some((key, limit)) = &self.log_in {
            settled(self.limiter.throttle.give_back_log_in(key, *limit).await);
        }
    }
}

/// A guess that could not be settled stays counted as a failure, which does not affect this request and expires.
fn settled(outcome: Result<(), StoreError>) {
    let _ = outcome.inspect_err(stays_counted);
}

fn stays_counted(error: &StoreError) {
    warn!(cause = causes(error), "a guess stays counted as a failure");
}
