//! A secret in AWS Secrets Manager.

use aws_sdk_secretsmanager::{
    Client,
    error::SdkError,
    operation::{
        describe_secret::DescribeSecretError, get_secret_value::GetSecretValueError,
        put_secret_value::PutSecretValueOutput, update_secret_version_stage::UpdateSecretVersionStageError,
    },
};
use secrecy::ExposeSecret as _;

use super::{
    aws::{LazyAwsConfig, cause, cause_of_write},
    value::{BackendError, StoredValue, unique},
};

/// Label of the version that readers get.
const CURRENT: &str = "AWSCURRENT";

pub(super) struct SecretBackend {
    client: Client,
    arn: String,
    /// Id of the version that was current. `None`: the secret has no value yet.
    version: Option<String>,
}

impl SecretBackend {
    pub(super) async fn read(arn: &str, aws: &LazyAwsConfig) -> Result<(StoredValue, Self), BackendError> {
        let client = Client::new(&aws.for_arn(arn).await);
        let (value, version) = read_current(&client, arn).await?;
        Ok((value, Self { client, arn: arn.to_owned(), version }))
    }

    /// Adds a version beside the current one, then moves `AWSCURRENT` to it on the condition that the version that was
    /// read still has that label. The secret always has a value, and of two concurrent writers one fails.
    pub(super) async fn replace(&self, text: &str) -> Result<Option<String>, BackendError> {
        // A version that is put without a label becomes current at once.
        let label = format!("postern-admin-{}", unique());
        let put = self.client.put_secret_value().secret_id(&self.arn).secret_string(text).version_stages(&label);
        let put = match put.send().await {
            Ok(put) => put,
            Err(error) => return self.resolve_failed_write(text, cause_of_write(&error, text)).await.map(|()| None),
        };
        let outcome = self.make_current(&put, text).await;
        // Secrets Manager deletes versions without a label, so a version that did not become current goes away.
        let left = self.move_label(&label, put.version_id(), None).await.err();
        let note = left.map(|error| {
            format!("the label {label} remains on a version of {}, which does no harm ({})", self.arn, cause(&error))
        });
        match (outcome, note) {
            (Ok(()), note) => Ok(note),
            (Err(error), None) => Err(error),
            (Err(error), Some(note)) => Err(BackendError(format!("{error}; {note}"))),
        }
    }

    async fn make_current(&self, put: &PutSecretValueOutput, text: &str) -> Result<(), BackendError> {
        // The first version of a secret becomes current by itself, whatever its labels.
        if put.version_stages().iter().any(|stage| stage == CURRENT) {
            return Ok(());
        }
        match self.move_label(CURRENT, self.version.as_deref(), put.version_id()).await {
            Ok(()) => Ok(()),
            Err(error) => self.resolve_failed_write(text, cause(&error)).await,
        }
    }

    /// Fails if the label is not on `from`.
    async fn move_label(
        &self,
        label: &str,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(), SdkError<UpdateSecretVersionStageError>> {
        let request = self.client.update_secret_version_stage().secret_id(&self.arn).version_stage(label);
        let request =
            request.set_remove_from_version_id(from.map(str::to_owned)).set_move_to_version_id(to.map(str::to_owned));
        request.send().await.map(|_| ())
    }

    /// Reads the secret again after a write that seemed to fail: the response may be lost although the write succeeded.
    async fn resolve_failed_write(&self, text: &str, cause: String) -> Result<(), BackendError> {
        match read_current(&self.client, &self.arn).await {
            Ok((StoredValue::Text(current), _)) if current.expose_secret() == text => Ok(()),
            Ok((_, version)) if version == self.version => Err(BackendError::unwritten(cause)),
            Ok(_) => Err(BackendError::changed()),
            Err(_) => Err(BackendError::unknown(cause)),
        }
    }
}

/// Reads the current value and the id of its version.
async fn read_current(client: &Client, arn: &str) -> Result<(StoredValue, Option<String>), BackendError> {
    match client.get_secret_value().secret_id(arn).version_stage(CURRENT).send().await {
        Ok(response) => {
            let value = response.secret_string.map_or(StoredValue::Binary, |text| StoredValue::Text(text.into()));
            Ok((value, response.version_id))
        }
        Err(error) if error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception) => {
            without_value(client, arn).await
        }
        Err(error) => Err(BackendError::unreadable(cause(&error))),
    }
}

/// Distinguishes a secret without a value from one that does not exist: GetSecretValue returns the same error for both.
async fn without_value(client: &Client, arn: &str) -> Result<(StoredValue, Option<String>), BackendError> {
    match client.describe_secret().secret_id(arn).send().await {
        Ok(_) => Ok((StoredValue::Missing, None)),
        Err(error) if error.as_service_error().is_some_and(DescribeSecretError::is_resource_not_found_exception) => {
            Err(BackendError("does not exist; template.yaml creates the secrets".to_owned()))
        }
        Err(error) => Err(BackendError::unreadable(cause(&error))),
    }
}
