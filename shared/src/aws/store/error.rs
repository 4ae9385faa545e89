//! Failures of the database.

/// A failure of the database; never a missing item or a failed condition.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No response, or an error that a retry may cure: throttling, a timeout, a transaction conflict.
    #[error("database did not complete {operation}")]
    Unavailable {
        /// DynamoDB's name for the operation.
        operation: &'static str,
        /// The SDK's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An item that this module would not write.
    #[error("item in {table} lacks a valid {attribute}")]
    Corrupt {
        /// Name of the table.
        table: &'static str,
        /// Name of the attribute.
        attribute: &'static str,
    },
}

pub(super) fn unavailable(
    operation: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Unavailable { operation, source: source.into() }
}
