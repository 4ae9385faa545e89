//! `TransactWriteItems` with retries until the outcome is known.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    error::{BuildError, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem, Update},
};
use uuid::Uuid;

use super::error::{StoreError, unavailable};

const OPERATION: &str = "TransactWriteItems";

/// The outcome of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All writes were made.
    Done,
    /// No write was made: the condition of the write at this index failed, and none before it.
    ConditionFailed(usize),
}

/// Writes that are made together or not at all.
#[derive(Default)]
pub(super) struct Transaction(Vec<TransactWriteItem>);

impl Transaction {
    pub(super) fn put(self, put: Result<Put, BuildError>) -> Result<Self, StoreError> {
        let put = put.map_err(|error| unavailable(OPERATION, error))?;
        Ok(self.with(TransactWriteItem::builder().put(put).build()))
    }

    pub(super) fn update(self, update: Result<Update, BuildError>) -> Result<Self, StoreError> {
        let update = update.map_err(|error| unavailable(OPERATION, error))?;
        Ok(self.with(TransactWriteItem::builder().update(update).build()))
    }

    pub(super) fn delete(self, delete: Result<Delete, BuildError>) -> Result<Self, StoreError> {
        let delete = delete.map_err(|error| unavailable(OPERATION, error))?;
        Ok(self.with(TransactWriteItem::builder().delete(delete).build()))
    }

    /// A condition on an item that is not written.
    pub(super) fn check(self, check: Result<ConditionCheck, BuildError>) -> Result<Self, StoreError> {
        let check = check.map_err(|error| unavailable(OPERATION, error))?;
        Ok(self.with(TransactWriteItem::builder().condition_check(check).build()))
    }

    fn with(mut self, item: TransactWriteItem) -> Self {
        self.0.push(item);
        self
    }

    /// Commits the writes. `id`, new for each transaction, is the idempotency token: if a response is lost and the
    /// SDK sends the request again, DynamoDB recognizes it and repeats its response.
    pub(super) async fn commit(self, client: &Client, id: Uuid) -> Result<Outcome, StoreError> {
        // Two concurrent transactions on one item may cancel each other although neither condition failed. And after
        // a lost response, the first of two identical requests may still be in progress.
        let mut attempt = 0;
        loop {
            let request = client.transact_write_items().client_request_token(id.to_string());
            let Err(error) = request.set_transact_items(Some(self.0.clone())).send().await else {
                return Ok(Outcome::Done);
            };
            match Cancellation::of(&error) {
                Cancellation::ConditionFailed(index) => return Ok(Outcome::ConditionFailed(index)),
                Cancellation::InProgress if attempt < 4 => {
                    attempt += 1;
                    tokio::time::sleep(pause(id, attempt)).await;
                }
                Cancellation::InProgress | Cancellation::Other => return Err(unavailable(OPERATION, error)),
            }
        }
    }
}

/// Why DynamoDB canceled a transaction.
enum Cancellation {
    ConditionFailed(usize),
    InProgress,
    Other,
}

impl Cancellation {
    fn of(error: &SdkError<TransactWriteItemsError>) -> Self {
        let cancelled = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled,
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => return Self::InProgress,
            _ => return Self::Other,
        };
        // One reason per write, in order.
        let codes: Vec<&str> = cancelled
            .cancellation_reasons()
            .iter()
            .map(|reason| CancellationReason::code(reason).unwrap_or("None"))
            .collect();
        match codes.iter().position(|&code| code == "ConditionalCheckFailed") {
            Some(index) => Self::ConditionFailed(index),
            None if codes.contains(&"TransactionConflict") => Self::InProgress,
            None => Self::Other,
        }
    }
}

/// 20 to 40 ms, doubled with each attempt. The random bytes of `id` add jitter.
fn pause(id: Uuid, attempt: u32) -> Duration {
    let random = id.as_bytes()[attempt as usize % 4];
    Duration::from_millis(20 + u64::from(random) * 20 / 255) * 2_u32.pow(attempt - 1)
}

/// A new idempotency token.
#[expect(clippy::disallowed_methods, reason = "tokens come from the operating system's generator")]
pub(super) fn random_id() -> Uuid {
    Uuid::new_v4()
}
