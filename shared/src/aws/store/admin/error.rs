//! Failures of an operator's call, with the action and the table.

use aws_sdk_dynamodb::{
    error::{ProvideErrorMetadata, SdkError},
    operation::transact_write_items::TransactWriteItemsError,
};

use crate::{aws::store::StoreError, domain::error_chain::causes};

const TRANSACTION: &str = "TransactWriteItems";

/// A failure of the database. The text is for the operator, and contains neither a hash nor an item.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// The operator lacks a permission.
    #[error(
        "{actions} on {table} is denied to {caller}; docs/guides/operate.md lists the permissions",
        caller = caller.as_deref().unwrap_or("the caller")
    )]
    Denied {
        /// IAM actions, such as `dynamodb:GetItem`.
        actions: String,
        /// `table Users`, or the tables of a transaction.
        table: String,
        /// The ARN of the caller, if the response names it.
        caller: Option<String>,
    },
    /// A table does not exist in this account and region.
    #[error("{table} does not exist in this account and region")]
    NoTable {
        /// `table Users`, or the tables of a transaction.
        table: String,
    },
    /// No response, or an error such as throttling. A write may have been made.
    #[error("the database did not complete {operation} on {table}: {cause}")]
    Failed {
        /// DynamoDB's name for the operation.
        operation: &'static str,
        /// `table Users`, or the tables of a transaction.
        table: String,
        /// The error of DynamoDB or of the connection, in one line.
        cause: String,
        /// DynamoDB refused the call, so nothing is written.
        is_refused: bool,
    },
    /// An item that must be changed has an attribute that Postern does not write.
    #[error("the item in {table} lacks a valid {attribute}; nothing is written")]
    Corrupt {
        /// Name of the table.
        table: &'static str,
        /// Name of the attribute.
        attribute: &'static str,
    },
}

impl AdminError {
    /// Whether the call that failed writes, and may have done so: DynamoDB has not refused it.
    pub fn is_outcome_unknown(&self) -> bool {
        const WRITES: [&str; 3] = [TRANSACTION, "DeleteItem", "BatchWriteItem"];
        matches!(self, Self::Failed { operation, is_refused: false, .. } if WRITES.contains(operation))
    }

    /// The failure of the last call of a change that has been made in part, so that it is not a refusal.
    pub(super) fn after_a_part(self) -> Self {
        let Self::Failed { operation, table, cause, .. } = self else {
            let (table, cause) = ("the tables of the account".to_owned(), self.to_string());
            return Self::Failed { operation: TRANSACTION, table, cause, is_refused: false };
        };
        Self::Failed { operation, table, cause, is_refused: false }
    }

    /// The failure of a call on one table.
    pub(super) fn of<E>(operation: &'static str, table: &str, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        Self::on(operation, format!("dynamodb:{operation}"), format!("table {table}"), error)
    }

    /// The failure of a transaction. `parts` has the IAM action and the table of each write, equal ones together.
    pub(super) fn of_transaction(parts: &[(&str, &str)], error: &StoreError) -> Self {
        let any_of = |mut values: Vec<String>| {
            values.dedup();
            values.join(" or ")
        };
        let actions = any_of(parts.iter().map(|(action, _)| format!("dynamodb:{action}")).collect());
        let table = any_of(parts.iter().map(|(_, table)| format!("table {table}")).collect());
        let StoreError::Unavailable { source, .. } = error else {
            return Self::failed(TRANSACTION, &table, error);
        };
        match source.downcast_ref::<SdkError<TransactWriteItemsError>>() {
            Some(error) => Self::on(TRANSACTION, actions, table, error),
            None => Self::Failed { operation: TRANSACTION, table, cause: causes(&**source), is_refused: true },
        }
    }

    /// A failure before a call.
    pub(super) fn failed(operation: &'static str, table: &str, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Failed { operation, table: format!("table {table}"), cause: causes(error), is_refused: true }
    }

    /// DynamoDB repeatedly left out a part of a batch.
    pub(super) fn throttled(operation: &'static str, table: &str) -> Self {
        let cause = "a part of the batch was left out repeatedly: the table is throttled".to_owned();
        Self::Failed { operation, table: format!("table {table}"), cause, is_refused: false }
    }

    fn on<E>(operation: &'static str, actions: String, table: String, error: &SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let service = error.as_service_error();
        let message = service.and_then(ProvideErrorMetadata::message).unwrap_or_default();
        let is_refused = is_refused(error);
        match service.and_then(ProvideErrorMetadata::code) {
            Some("AccessDeniedException") => {
                let denied = Denial::parse(message);
                Self::Denied {
                    actions: denied.action.unwrap_or(actions),
                    table: denied.table.map_or(table, |table| format!("table {table}")),
                    caller: denied.caller,
                }
            }
            Some("ResourceNotFoundException") => Self::NoTable { table },
            Some(code) if code.starts_with(|c: char| c.is_ascii_uppercase()) => {
                let cause = if message.is_empty() { code.to_owned() } else { format!("{code}: {message}") };
                Self::Failed { operation, table, cause, is_refused }
            }
            // Another service, such as Postern's API.
            Some(code) => {
                let cause = format!("{code}: is the URL the DynamoDB endpoint?");
                Self::Failed { operation, table, cause, is_refused }
            }
            None => Self::Failed { operation, table, cause: causes(error), is_refused },
        }
    }
}

/// Whether the call was not sent, or is rejected with an error that is not retried. Before an error that is retried,
/// the response to an earlier attempt may have been lost.
fn is_refused<E: ProvideErrorMetadata>(error: &SdkError<E>) -> bool {
    const RETRIED: [&str; 5] = ["Throttl", "ThroughputExceeded", "LimitExceeded", "Timeout", "Transaction"];
    if matches!(error, SdkError::ConstructionFailure(_)) {
        return true;
    }
    let is_rejected = error.raw_response().is_some_and(|response| response.status().is_client_error());
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or_default();
    is_rejected && !RETRIED.iter().any(|part| code.contains(part))
}

/// What IAM's message says: `User: ARN is not authorized to perform: ACTION on resource: ARN because …`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Denial {
    caller: Option<String>,
    action: Option<String>,
    table: Option<String>,
}

impl Denial {
    fn parse(message: &str) -> Self {
        let word_after = |start: &str| {
            let (_, rest) = message.split_once(start)?;
            rest.split_whitespace().next().map(str::to_owned)
        };
        let resource = word_after(" on resource: ");
        let table = resource.as_deref().and_then(|arn| arn.split_once(":table/")).map(|(_, name)| name.to_owned());
        Self { caller: word_after("User: "), action: word_after(" to perform: "), table }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_of_iam_names_caller_action_and_table() {
        let some = |text: &str| Some(text.to_owned());
        let message = "User: arn:aws:sts::123456789012:assumed-role/support/eve is not authorized to perform: \
                       dynamodb:UpdateItem on resource: arn:aws:dynamodb:eu-west-1:123456789012:table/Users because no \
                       identity-based policy allows the dynamodb:UpdateItem action";
        let expected = Denial {
            caller: some("arn:aws:sts::123456789012:assumed-role/support/eve"),
            action: some("dynamodb:UpdateItem"),
            table: some("Users"),
        };
        assert_eq!(Denial::parse(message), expected);
        assert_eq!(Denial::parse("no"), Denial::default());
    }
}
