//! A secret of AWS Secrets Manager.

use aws_sdk_secretsmanager::{
    Client,
    error::SdkError,
    operation::{
        describe_secret::DescribeSecretError, get_secret_value::GetSecretValueError,
        put_secret_value::PutSecretValueOutput, update_secret_version_stage::UpdateSecretVersionStageError,
    },
};
use uuid::Uuid;

use super::{
    Aws, Contents, Problem,
    aws::{cause, cause_of_write, settle},
};

/// The label of the version that everybody reads.
const CURRENT: &str = "AWSCURRENT";

pub(super) struct KeptSecret {
    client: Client,
    arn: String,
    /// The version that was current. `None`: the secret has no value yet.
    version: Option<String>,
}

impl KeptSecret {
    pub(super) async fn read(arn: &str, aws: &Aws) -> Result<(Contents, Self), Problem> {
        let client = Client::new(&aws.config(arn).await);
        let (contents, version) = current(&client, arn).await?;
        Ok((contents, Self { client, arn: arn.to_owned(), version }))
    }

    /// Puts a new version beside the current one, then makes it current on the condition that the one that was read still is.
    /// So the secret is never without a value, and of two at once, one is refused.
    pub(super) async fn replace(&self, text: &str) -> Result<Option<String>, Problem> {
        // A label of its own, since a version that is put without one becomes current at once.
        let label = format!("postern-admin-{}", Uuid::new_v4());
        let put = self.client.put_secret_value().secret_id(&self.arn).secret_string(text).version_stages(&label);
        let put = match put.send().await {
            Ok(put) => put,
            Err(error) => {
                let cause = cause_of_write(&error, text);
                return settle(current(&self.client, &self.arn).await, text, &self.version, cause).map(|()| None);
            }
        };
        let outcome = self.make_current(&put, text).await;
        // The label has done its work. Without any, a version that did not become current is deleted by Secrets Manager.
        let left = self.move_label(&label, put.version_id(), None).await.err();
        let note = left.map(|error| {
            format!("the label {label} stays on a version of {}, which does no harm ({})", self.arn, cause(&error))
        });
        match (outcome, note) {
            (Ok(()), note) => Ok(note),
            (Err(problem), None) => Err(problem),
            (Err(problem), Some(note)) => Err(Problem(format!("{problem}; {note}"))),
        }
    }

    async fn make_current(&self, put: &PutSecretValueOutput, text: &str) -> Result<(), Problem> {
        // The first version of a secret becomes current by itself, whatever its labels.
        if put.version_stages().iter().any(|stage| stage == CURRENT) {
            return Ok(());
        }
        let Err(error) = self.move_label(CURRENT, self.version.as_deref(), put.version_id()).await else {
            return Ok(());
        };
        settle(current(&self.client, &self.arn).await, text, &self.version, cause(&error))
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
}

/// What the secret holds, and in which version.
async fn current(client: &Client, arn: &str) -> Result<(Contents, Option<String>), Problem> {
    match client.get_secret_value().secret_id(arn).version_stage(CURRENT).send().await {
        Ok(answer) => {
            let contents = answer.secret_string.map_or(Contents::NoText, |text| Contents::Text(text.into()));
            Ok((contents, answer.version_id))
        }
        Err(error) if error.as_service_error().is_some_and(GetSecretValueError::is_resource_not_found_exception) => {
            without_value(client, arn).await
        }
        Err(error) => Err(Problem::unreadable(cause(&error))),
    }
}

/// Secrets Manager says the same of a secret that has no value yet and of one that is not there.
async fn without_value(client: &Client, arn: &str) -> Result<(Contents, Option<String>), Problem> {
    match client.describe_secret().secret_id(arn).send().await {
        Ok(_) => Ok((Contents::Nothing, None)),
        Err(error) if error.as_service_error().is_some_and(DescribeSecretError::is_resource_not_found_exception) => {
            Err(Problem("is not there: there must be a secret, which template.yaml makes".to_owned()))
        }
        Err(error) => Err(Problem::unreadable(cause(&error))),
    }
}
