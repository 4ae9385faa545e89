//! `TransactWriteItems`, tried again until it is clear what became of it.

use std::time::Duration;

use aws_sdk_dynamodb::{
    Client,
    error::{BuildError, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
    types::{CancellationReason, Delete, Put, TransactWriteItem, Update},
};
use uuid::Uuid;

use super::{StoreError, unavailable};

const OPERATION: &str = "TransactWriteItems";

/// What became of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All of it was written.
    Done,
    /// Nothing was written: the condition of the write with this place among them did not hold, and of none before it.
    Refused(usize),
}

/// Writes that are carried out together or not at all.
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

    fn with(mut self, item: TransactWriteItem) -> Self {
        self.0.push(item);
        self
    }

    /// Carries it out. `id`, new for each transaction, is the request's token: when an answer is lost and the SDK sends the same
    /// again, DynamoDB knows it and answers as the first time.
    pub(super) async fn commit(self, client: &Client, id: Uuid) -> Result<Outcome, StoreError> {
        // Two transactions on one item may cancel each other, each finding the other under way: the loser of that has not lost
        // yet. And when an answer was late, the first of two equal requests may be under way still.
        let mut attempt = 0;
        loop {
            let request = client.transact_write_items().client_request_token(id.to_string());
            let Err(error) = request.set_transact_items(Some(self.0.clone())).send().await else {
                return Ok(Outcome::Done);
            };
            match Cancellation::of(&error) {
                Cancellation::Refused(place) => return Ok(Outcome::Refused(place)),
                Cancellation::UnderWay if attempt < 4 => {
                    attempt += 1;
                    tokio::time::sleep(pause(id, attempt)).await;
                }
                Cancellation::UnderWay | Cancellation::Other => return Err(unavailable(OPERATION, error)),
            }
        }
    }
}

/// Why DynamoDB did not carry out a transaction.
enum Cancellation {
    Refused(usize),
    UnderWay,
    Other,
}

impl Cancellation {
    fn of(error: &SdkError<TransactWriteItemsError>) -> Self {
        let cancelled = match error.as_service_error() {
            Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => cancelled,
            Some(TransactWriteItemsError::TransactionInProgressException(_)) => return Self::UnderWay,
            _ => return Self::Other,
        };
        // One reason for each write, in their order.
        let codes: Vec<&str> = cancelled
            .cancellation_reasons()
            .iter()
            .map(|reason| CancellationReason::code(reason).unwrap_or("None"))
            .collect();
        match codes.iter().position(|&code| code == "ConditionalCheckFailed") {
            Some(place) => Self::Refused(place),
            None if codes.contains(&"TransactionConflict") => Self::UnderWay,
            None => Self::Other,
        }
    }
}

/// 20 to 40 ms, doubled with each attempt. The identifier's random octets keep rivals from meeting again.
fn pause(id: Uuid, attempt: u32) -> Duration {
    let random = id.as_bytes()[attempt as usize % 4];
    Duration::from_millis(20 + u64::from(random) * 20 / 255) * 2_u32.pow(attempt - 1)
}
