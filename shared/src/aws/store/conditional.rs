//! Conditional writes.

use aws_sdk_dynamodb::{
    error::SdkError,
    operation::update_item::{UpdateItemError, builders::UpdateItemFluentBuilder},
    types::{ReturnValue, ReturnValuesOnConditionCheckFailure},
};

use super::{
    error::{StoreError, unavailable},
    item::Item,
};

/// The outcome of a conditional update.
pub(super) enum Update {
    /// The item was written: its new content.
    Written(Item),
    /// The condition was not met: the item's current content, empty if it does not exist.
    ConditionFailed(Item),
}

/// Sends an update that may have a condition. Costs one write in either case.
pub(super) async fn update(request: UpdateItemFluentBuilder) -> Result<Update, StoreError> {
    let request = request
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
    // Boxed: the SDK's future is large, and callers await several at once.
    match Box::pin(request.send()).await {
        Ok(response) => Ok(Update::Written(response.attributes.unwrap_or_default())),
        Err(SdkError::ServiceError(error)) if error.err().is_conditional_check_failed_exception() => {
            match error.into_err() {
                UpdateItemError::ConditionalCheckFailedException(failed) => {
                    Ok(Update::ConditionFailed(failed.item.unwrap_or_default()))
                }
                other => Err(unavailable("UpdateItem", other)),
            }
        }
        Err(error) => Err(unavailable("UpdateItem", error)),
    }
}
