//! What is counted against guessing. The rules are in [`crate::domain::throttle`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use uuid::Uuid;

use super::{Item, StoreError, get_number, number, text, unavailable};
use crate::domain::throttle::{Attempts, BackoffPolicy, GcraLimit, ThrottleKey};

const TABLE: &str = "Throttle";

/// Guesses of one pair that began less than this long ago may be under way still. Who comes meanwhile waits for their end, and no
/// longer: waiting keeps a function busy.
const UNDER_WAY: Duration = Duration::from_millis(500);

/// How often it is looked whether they have ended.
const LOOKS: u32 = 10;

/// How often the table is asked again while others are faster to count the same.
const ATTEMPTS: usize = 64;

/// Whether one more is taken.
#[derive(Debug)]
pub enum Admission<T> {
    /// It is counted.
    Taken(T),
    /// It is not; how long to wait.
    Refused(Duration),
}

/// A guess that is counted as a failure until it turns out to be right.
#[derive(Debug)]
pub struct Guess {
    counted: ThrottleKey,
    /// As the pair was before.
    before: Attempts,
    attempt: Uuid,
    /// The pair has logged in not long ago.
    pub is_known: bool,
}

/// Counts guesses and sign-ups. Needs `dynamodb:UpdateItem` on Throttle, and for pairs `dynamodb:GetItem` too.
#[derive(Clone)]
pub struct ThrottleStore {
    client: Client,
    table: String,
}

/// A conditional write of ours.
enum Write {
    Done(Item),
    /// The condition did not hold: the item as it is.
    Refused(Item),
}

impl ThrottleStore {
    /// A store in this table.
    pub fn new(client: Client, throttle_table: &str) -> Self {
        Self { client, table: throttle_table.to_owned() }
    }

    /// Counts a guess of a pair before it is made, so that guesses at once are counted one by one.
    pub async fn guess(&self, counted: ThrottleKey, limit: &BackoffPolicy) -> Result<Admission<Guess>, StoreError> {
        let attempt = Uuid::new_v4();
        let mut looks = 0;
        // Most pairs have no failures: that is tried without a look.
        let (mut seen, mut before) = (None, Attempts::default());
        for _ in 0..ATTEMPTS {
            let now = now();
            match before.guess(limit, now) {
                Ok(after) => match self.count_guess(&counted, seen.as_deref(), after, limit, attempt).await? {
                    // What is known of a pair that was not looked at comes with the answer.
                    Write::Done(item) => {
                        let known_until = optional(&item, "known_until")?;
                        let is_known = Attempts { known_until, ..after }.is_known(now);
                        let before = Attempts { known_until, ..before };
                        return Ok(Admission::Taken(Guess { counted, before, attempt, is_known }));
                    }
                    Write::Refused(item) if is_by(&item, attempt) => {
                        // The answer to the first try was lost.
                        let is_known = read(&item)?.is_known(now);
                        return Ok(Admission::Taken(Guess { counted, before, attempt, is_known }));
                    }
                    Write::Refused(item) => (seen, before) = (by(&item), read(&item)?),
                },
                Err(_) if is_under_way(&before, now) && looks < LOOKS => {
                    looks += 1;
                    tokio::time::sleep(UNDER_WAY / LOOKS).await;
                    let item = self.read(&counted).await?;
                    (seen, before) = (by(&item), read(&item)?);
                }
                Err(wait) => return Ok(Admission::Refused(wait)),
            }
        }
        Ok(Admission::Refused(UNDER_WAY))
    }

    async fn count_guess(
        &self,
        counted: &ThrottleKey,
        seen: Option<&str>,
        after: Attempts,
        limit: &BackoffPolicy,
        attempt: Uuid,
    ) -> Result<Write, StoreError> {
        let request = self
            .update(counted)
            .update_expression(format!(
                "SET failures = :failures, guessed_at = :now, #until = :until, #by = :attempt, expires_at = {}",
                // What was not looked at may be known, and then expires later than this guess.
                if seen.is_some() { ":end" } else { "if_not_exists(expires_at, :end)" }
            ))
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":failures", number(after.failures.into()))
            .expression_attribute_values(":now", number(after.guessed_at))
            .expression_attribute_values(":until", number(after.until))
            .expression_attribute_values(":attempt", text(&attempt.to_string()))
            .expression_attribute_values(":end", number(seconds(after.forgets_at(limit).max(after.known_until))));
        let request = match seen {
            None => request.condition_expression("attribute_not_exists(#by)"),
            Some(seen) => request.condition_expression("#by = :seen").expression_attribute_values(":seen", text(seen)),
        };
        send(request).await
    }

    /// Clears a pair that has guessed right, and remembers that it has.
    pub async fn confirm(&self, guess: &Guess, limit: &BackoffPolicy) -> Result<(), StoreError> {
        let known_until = Attempts::logged_in(limit, now()).known_until;
        let request = self
            .update(&guess.counted)
            .update_expression("SET known_until = :known, expires_at = :end REMOVE failures, guessed_at, #until, #by")
            .expression_attribute_names("#until", "until")
            .expression_attribute_names("#by", "by")
            .expression_attribute_values(":known", number(known_until))
            .expression_attribute_values(":end", number(seconds(known_until)));
        send(request).await.map(drop)
    }

    /// Takes a guess back that was not made, unless the pair has guessed since.
    pub async fn refund(&self, guess: &Guess) -> Result<(), StoreError> {
        let request = self
            .update(&guess.counted)
            .condition_expression("#by = :attempt")
            .expression_attribute_names("#by", "by")
            .expression_attribute_names("#until", "until")
            .expression_attribute_values(":attempt", text(&guess.attempt.to_string()));
        let Attempts { failures, guessed_at, until, .. } = guess.before;
        let request = if failures == 0 {
            request.update_expression("REMOVE failures, guessed_at, #until, #by")
        } else {
            request
                .update_expression("SET failures = :failures, guessed_at = :at, #until = :until, #by = :refund")
                .expression_attribute_values(":failures", number(failures.into()))
                .expression_attribute_values(":at", number(guessed_at))
                .expression_attribute_values(":until", number(until))
                .expression_attribute_values(":refund", text(&Uuid::new_v4().to_string()))
        };
        send(request).await.map(drop)
    }

    /// Counts one more against a rate.
    pub async fn take(&self, counted: &ThrottleKey, rate: GcraLimit) -> Result<Admission<()>, StoreError> {
        let attempt = Uuid::new_v4();
        let mut arrival = 0;
        for _ in 0..ATTEMPTS {
            let now = now();
            if arrival > rate.latest(now) {
                return Ok(Admission::Refused(rate.wait(arrival, now)));
            }
            let request = self
                .update(counted)
                .expression_attribute_names("#by", "by")
                .expression_attribute_values(":attempt", text(&attempt.to_string()))
                .expression_attribute_values(":now", number(now))
                .expression_attribute_values(":end", number(seconds(now) + 2 * 60 * 60));
            // Additions do not disturb each other, so it does not matter how many count at once.
            let request = if arrival <= now {
                request
                    .update_expression("SET arrival = :next, #by = :attempt, expires_at = :end")
                    .condition_expression("attribute_not_exists(arrival) OR arrival <= :now")
                    .expression_attribute_values(":next", number(now + rate.interval()))
            } else {
                request
                    .update_expression("SET arrival = arrival + :interval, #by = :attempt, expires_at = :end")
                    .condition_expression("#by <> :attempt AND arrival > :now AND arrival <= :latest")
                    .expression_attribute_values(":interval", number(rate.interval()))
                    .expression_attribute_values(":latest", number(rate.latest(now)))
            };
            match send(request).await? {
                Write::Done(_) => return Ok(Admission::Taken(())),
                // The answer to the first try was lost.
                Write::Refused(item) if is_by(&item, attempt) => return Ok(Admission::Taken(())),
                Write::Refused(item) => arrival = optional(&item, "arrival")?,
            }
        }
        Ok(Admission::Refused(UNDER_WAY))
    }

    /// Gives back what was counted for a guess that was right, or was not made.
    pub async fn give_back(&self, counted: &ThrottleKey, rate: GcraLimit) -> Result<(), StoreError> {
        let request = self
            .update(counted)
            .update_expression("SET arrival = arrival - :interval, given_back = :attempt")
            .condition_expression(
                "attribute_exists(arrival) AND (attribute_not_exists(given_back) OR given_back <> :attempt)",
            )
            .expression_attribute_values(":interval", number(rate.interval()))
            .expression_attribute_values(":attempt", text(&Uuid::new_v4().to_string()));
        send(request).await.map(drop)
    }

    async fn read(&self, counted: &ThrottleKey) -> Result<Item, StoreError> {
        let request = self.client.get_item().table_name(&self.table).key("id", text(counted.as_str()));
        let answer = request.consistent_read(true).send().await.map_err(|error| unavailable("GetItem", error))?;
        Ok(answer.item.unwrap_or_default())
    }

    fn update(&self, counted: &ThrottleKey) -> UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("id", text(counted.as_str()))
    }
}

async fn send(request: UpdateItemFluentBuilder) -> Result<Write, StoreError> {
    let request = request
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    match request.send().await {
        Ok(answer) => Ok(Write::Done(answer.attributes.unwrap_or_default())),
        Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
            match error.into_err() {
                UpdateItemError::ConditionalCheckFailedException(failed) => {
                    Ok(Write::Refused(failed.item.unwrap_or_default()))
                }
                other => Err(unavailable("UpdateItem", other)),
            }
        }
        Err(error) => Err(unavailable("UpdateItem", error)),
    }
}

/// Whether a guess may still turn out to be right, and clear the pair.
fn is_under_way(pair: &Attempts, now: u64) -> bool {
    u128::from(now.saturating_sub(pair.guessed_at)) < UNDER_WAY.as_millis()
}

fn read(item: &Item) -> Result<Attempts, StoreError> {
    Ok(Attempts {
        failures: u32::try_from(optional(item, "failures")?).unwrap_or(u32::MAX),
        guessed_at: optional(item, "guessed_at")?,
        until: optional(item, "until")?,
        known_until: optional(item, "known_until")?,
    })
}

fn optional(item: &Item, attribute: &'static str) -> Result<u64, StoreError> {
    if item.contains_key(attribute) { get_number(item, TABLE, attribute) } else { Ok(0) }
}

fn by(item: &Item) -> Option<String> {
    match item.get("by") {
        Some(AttributeValue::S(attempt)) => Some(attempt.clone()),
        _ => None,
    }
}

fn is_by(item: &Item, attempt: Uuid) -> bool {
    by(item).is_some_and(|by| by == attempt.to_string())
}

fn now() -> u64 {
    let millis = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    u64::try_from(millis).unwrap_or(u64::MAX)
}

/// Rounded up: an item must not expire early.
fn seconds(millis: u64) -> u64 {
    millis.div_ceil(1000)
}
