//! The Throttle table. The rules are in [`crate::domain::throttle`].

use std::time::Duration;

use aws_sdk_dynamodb::{Client, operation::update_item::builders::UpdateItemFluentBuilder, types::AttributeValue};
use uuid::Uuid;

use super::{
    conditional::{self, Update},
    error::{StoreError, unavailable},
    item::{Item, millis, number, optional_number, seconds, text},
    transaction::random_id,
};
use crate::{
    config::clock::Clock,
    domain::{
        throttle::{Attempts, BackoffPolicy, GcraLimit, ThrottleKey},
        time::UnixMillis,
    },
};

const TABLE: &str = "Throttle";

/// How long a guess may be in progress. Another guess of the same pair waits for its end, but no longer than this,
/// since waiting occupies a function.
const IN_PROGRESS: Duration = Duration::from_millis(500);

/// How often the table is read while waiting.
const POLLS: u32 = 10;

/// How often a write is retried while others change the same item.
const ATTEMPTS: usize = 64;

/// How long the counter of a [`GcraLimit`] is stored after its last change.
const RETENTION: Duration = Duration::from_secs(2 * 60 * 60);

/// The decision about one more attempt.
#[derive(Debug)]
pub enum Admission<T> {
    /// Admitted and counted.
    Taken(T),
    /// Not admitted; how long to wait.
    Refused(Duration),
}

/// A guess that counts as a failure until it is confirmed or refunded.
#[derive(Debug)]
pub struct Guess {
    key: ThrottleKey,
    /// The attempts before this one.
    before: Attempts,
    id: Uuid,
    /// The pair has logged in recently.
    pub is_known: bool,
}

/// Counts guesses and sign-ups. Needs `dynamodb:UpdateItem` on Throttle, and for pairs `dynamodb:GetItem` too.
#[derive(Clone)]
pub struct ThrottleStore {
    client: Client,
    table: String,
    clock: Clock,
}

impl ThrottleStore {
    /// A store in this table. It holds a clock, since it reads the time again while it waits.
    pub fn new(client: Client, throttle_table: &str, clock: Clock) -> Self {
        Self { client, table: throttle_table.to_owned(), clock }
    }

    /// Counts a guess of a pair before it is made, so that concurrent guesses are counted one by one.
    pub async fn guess(&self, key: ThrottleKey, policy: &BackoffPolicy) -> Result<Admission<Guess>, StoreError> {
        let id = random_id();
        let mut polls = 0;
        // Most pairs have no failures, so the first write does not read the item before.
        let (mut seen, mut before) = (None, Attempts::default());
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            match before.guess(policy, now) {
                Ok(after) => match self.count_guess(&key, seen.as_deref(), after, policy, id).await? {
                    // The response shows whether a pair that was not read before is known.
                    Update::Written(item) => {
                        let known_until = time(&item, "known_until")?;
                        let is_known = Attempts { known_until, ..after }.is_known(now);
                        let before = Attempts { known_until, ..before };
                        return Ok(Admission::Taken(Guess { key, before, id, is_known }));
                    }
                    // The response to the first attempt was lost.
                    Update::ConditionFailed(item) if is_by(&item, id) => {
                        let is_known = attempts(&item)?.is_known(now);
                        return Ok(Admission::Taken(Guess { key, before, id, is_known }));
                    }
                    Update::ConditionFailed(item) => (seen, before) = (by(&item), attempts(&item)?),
                },
                Err(_) if now.since(before.guessed_at) < IN_PROGRESS && polls < POLLS => {
                    polls += 1;
                    tokio::time::sleep(IN_PROGRESS / POLLS).await;
                    let item = self.read(&key).await?;
                    (seen, before) = (by(&item), attempts(&item)?);
                }
                Err(wait) => return Ok(Admission::Refused(wait)),
            }
        }
        Ok(Admission::Refused(IN_PROGRESS))
    }

    async fn count_guess(
        &self,
        key: &ThrottleKey,
        seen: Option<&str>,
        after: Attempts,
        policy: &BackoffPolicy,
        id: Uuid,
    ) -> Result<Update, StoreError> {
        // An item that was not read may belong to a known pair and must then not expire earlier.
        let end = if seen.is_some() { ":end" } else { "if_not_exists(expires_at, :end)" };
        let expires_at = after.forgotten_at(policy).max(after.known_until).seconds_rounded_up();
        let request = self
            .update(key)
            .update_expression(format!(
                "SET failures = :failures, guessed_at = :now, #until = :until, #by = :attempt, expires_at = {end}"
            ))
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":failures", number(after.failures.into()))
            .expression_attribute_values(":now", millis(after.guessed_at))
            .expression_attribute_values(":until", millis(after.until))
            .expression_attribute_values(":attempt", text(&id.to_string()))
            .expression_attribute_values(":end", seconds(expires_at));
        conditional::update(match seen {
            None => request.condition_expression("attribute_not_exists(#by)"),
            Some(seen) => request.condition_expression("#by = :seen").expression_attribute_values(":seen", text(seen)),
        })
        .await
    }

    /// Clears the failures of a pair whose guess was right, and makes it known.
    pub async fn confirm(&self, guess: &Guess, policy: &BackoffPolicy) -> Result<(), StoreError> {
        let known_until = Attempts::logged_in(policy, self.clock.now()).known_until;
        let request = self
            .update(&guess.key)
            .update_expression("SET known_until = :known, expires_at = :end REMOVE failures, guessed_at, #until, #by")
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":known", millis(known_until))
            .expression_attribute_values(":end", seconds(known_until.seconds_rounded_up()));
        conditional::update(request).await.map(drop)
    }

    /// Refunds a guess that was not verified, unless the pair has guessed again since.
    pub async fn refund(&self, guess: &Guess) -> Result<(), StoreError> {
        let request = self
            .update(&guess.key)
            .condition_expression("#by = :attempt")
            .expression_attribute_names("#by", "by")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":attempt", text(&guess.id.to_string()));
        let Attempts { failures, guessed_at, until, .. } = guess.before;
        let request = if failures == 0 {
            request.update_expression("REMOVE failures, guessed_at, #until, #by")
        } else {
            request
                .update_expression("SET failures = :failures, guessed_at = :at, #until = :until, #by = :refund")
                .expression_attribute_values(":failures", number(failures.into()))
                .expression_attribute_values(":at", millis(guessed_at))
                .expression_attribute_values(":until", millis(until))
                .expression_attribute_values(":refund", text(&random_id().to_string()))
        };
        conditional::update(request).await.map(drop)
    }

    /// Counts one more attempt against a limit.
    pub async fn take(&self, key: &ThrottleKey, limit: GcraLimit) -> Result<Admission<()>, StoreError> {
        let id = random_id();
        let mut arrival = UnixMillis::default();
        for _ in 0..ATTEMPTS {
            let now = self.clock.now();
            if arrival > limit.latest(now) {
                return Ok(Admission::Refused(limit.wait(arrival, now)));
            }
            match conditional::update(self.count_arrival(key, limit, arrival, now, id)).await? {
                Update::Written(_) => return Ok(Admission::Taken(())),
                // The response to the first attempt was lost.
                Update::ConditionFailed(item) if is_by(&item, id) => return Ok(Admission::Taken(())),
                Update::ConditionFailed(item) => arrival = time(&item, "arrival")?,
            }
        }
        Ok(Admission::Refused(IN_PROGRESS))
    }

    /// The write that moves the arrival time by one interval. Concurrent additions do not conflict.
    fn count_arrival(
        &self,
        key: &ThrottleKey,
        limit: GcraLimit,
        arrival: UnixMillis,
        now: UnixMillis,
        id: Uuid,
    ) -> UpdateItemFluentBuilder {
        let request = self
            .update(key)
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":attempt", text(&id.to_string()))
            .expression_attribute_values(":now", millis(now))
            .expression_attribute_values(":end", seconds(now.seconds_rounded_up() + RETENTION));
        if arrival <= now {
            request
                .update_expression("SET arrival = :next, #by = :attempt, expires_at = :end")
                .condition_expression("attribute_not_exists(arrival) OR arrival <= :now")
                .expression_attribute_values(":next", millis(now + limit.interval()))
        } else {
            request
                .update_expression("SET arrival = arrival + :interval, #by = :attempt, expires_at = :end")
                .condition_expression("#by <> :attempt AND arrival > :now AND arrival <= :latest")
                .expression_attribute_values(":interval", interval(limit))
                .expression_attribute_values(":latest", millis(limit.latest(now)))
        }
    }

    /// Refunds an attempt that was counted for a guess that was right, or was not verified.
    pub async fn give_back(&self, key: &ThrottleKey, limit: GcraLimit) -> Result<(), StoreError> {
        let request = self
            .update(key)
            .update_expression("SET arrival = arrival - :interval, given_back = :attempt")
            .condition_expression(
                "attribute_exists(arrival) AND (attribute_not_exists(given_back) OR given_back <> :attempt)",
            )
            .expression_attribute_values(":interval", interval(limit))
            .expression_attribute_values(":attempt", text(&random_id().to_string()));
        conditional::update(request).await.map(drop)
    }

    async fn read(&self, key: &ThrottleKey) -> Result<Item, StoreError> {
        let request = self.client.get_item().table_name(&self.table).key("id", text(key.as_str()));
        let response = request.consistent_read(true).send().await.map_err(|error| unavailable("GetItem", error))?;
        Ok(response.item.unwrap_or_default())
    }

    fn update(&self, key: &ThrottleKey) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("id", text(key.as_str()))
    }
}

fn interval(limit: GcraLimit) -> AttributeValue {
    millis(UnixMillis::default() + limit.interval())
}

fn attempts(item: &Item) -> Result<Attempts, StoreError> {
    Ok(Attempts {
        failures: u32::try_from(optional_number(item, TABLE, "failures")?).unwrap_or(u32::MAX),
        guessed_at: time(item, "guessed_at")?,
        until: time(item, "until")?,
        known_until: time(item, "known_until")?,
    })
}

fn time(item: &Item, attribute: &'static str) -> Result<UnixMillis, StoreError> {
    optional_number(item, TABLE, attribute).map(UnixMillis::new)
}

fn by(item: &Item) -> Option<String> {
    match item.get("by") {
        Some(AttributeValue::S(id)) => Some(id.clone()),
        _ => None,
    }
}

fn is_by(item: &Item, id: Uuid) -> bool {
    by(item).is_some_and(|by| by == id.to_string())
}
