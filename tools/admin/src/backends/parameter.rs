//! A parameter of the Systems Manager Parameter Store.

use aws_sdk_ssm::{
    Client,
    error::SdkError,
    operation::get_parameter::GetParameterError,
    types::{Parameter, ParameterMetadata, ParameterStringFilter, ParameterTier, ParameterType},
};

use super::{
    Aws, Contents, Privacy, Problem,
    aws::{cause, cause_of_write, settle},
};

pub(super) struct KeptParameter {
    client: Client,
    arn: String,
    name: String,
    /// The parameter as it was. `None`: it is not there yet.
    was: Option<Was>,
}

struct Was {
    version: i64,
    kind: Option<ParameterType>,
    /// The key of KMS and the tier, which a write has to name, or they would be reset. `None`, before anybody asked.
    key_id: Option<String>,
    tier: Option<ParameterTier>,
}

impl KeptParameter {
    pub(super) async fn read(arn: &str, aws: &Aws) -> Result<(Contents, Self), Problem> {
        let client = Client::new(&aws.config(arn).await);
        let found = find(&client, arn).await.map_err(|error| Problem::unreadable(cause(&error)))?;
        let name = found.as_ref().and_then(Parameter::name).map_or_else(|| name(arn), str::to_owned);
        let contents = contents(found.as_ref());
        let was = found.map(|found| Was { version: found.version, kind: found.r#type, key_id: None, tier: None });
        Ok((contents, Self { client, arn: arn.to_owned(), name, was }))
    }

    /// Private keys are written to a parameter that is encrypted, and with the key of KMS that it was encrypted with.
    pub(super) async fn prepare(&mut self, privacy: Privacy) -> Result<(), Problem> {
        let Some(was) = &mut self.was else { return Ok(()) };
        if privacy == Privacy::Private && was.kind != Some(ParameterType::SecureString) {
            return Err(Problem(
                "is no SecureString, and so no place for private keys; its type cannot be changed: name another parameter, which \
                 `admin keys new` makes, or delete this one before"
                    .to_owned(),
            ));
        }
        let metadata = describe(&self.client, &self.name).await?;
        (was.key_id, was.tier) = (metadata.key_id, metadata.tier);
        Ok(())
    }

    /// The Parameter Store has no condition on what is there. So it is read once more just before, and the number of the new
    /// version tells afterwards whether somebody wrote in between.
    pub(super) async fn replace(&self, text: &str, privacy: Privacy) -> Result<Option<String>, Problem> {
        let version = self.was.as_ref().map(|was| was.version);
        let (_, now) = self.look().await?;
        if now != version {
            return Err(Problem::changed());
        }
        let (key_id, tier) = self.was.as_ref().map(|was| (was.key_id.clone(), was.tier.clone())).unwrap_or_default();
        let request = self.client.put_parameter().name(&self.name).value(text).overwrite(self.was.is_some());
        let request = request
            .r#type(self.kind(privacy))
            .set_key_id(key_id)
            // The standard tier is left to the account, which may choose a larger one where it is needed.
            .set_tier(tier.filter(|tier| *tier == ParameterTier::Advanced));
        match request.send().await {
            Ok(answer) => Ok(self.note_on_version(answer.version, version.unwrap_or(0) + 1)),
            Err(error) => settle(self.look().await, text, &version, cause_of_write(&error, text)).map(|()| None),
        }
    }

    fn kind(&self, privacy: Privacy) -> ParameterType {
        match (self.was.as_ref().and_then(|was| was.kind.clone()), privacy) {
            (Some(kind), _) => kind,
            (None, Privacy::Private) => ParameterType::SecureString,
            (None, Privacy::Public) => ParameterType::String,
        }
    }

    fn note_on_version(&self, version: i64, expected: i64) -> Option<String> {
        (version != expected).then(|| {
            format!(
                "{} is version {version} now, where {expected} was to be expected: somebody else seems to have written at the \
                 same moment, and theirs is overwritten; `aws ssm get-parameter-history --name {}` has it",
                self.arn, self.name
            )
        })
    }

    /// What the parameter holds, and in which version. Asked by name, because it is written by name: the account of these
    /// credentials may be another one than the ARN's.
    async fn look(&self) -> Result<(Contents, Option<i64>), Problem> {
        let found = find(&self.client, &self.name).await.map_err(|error| Problem::unwritten(cause(&error)))?;
        match found.as_ref().and_then(Parameter::arn) {
            Some(arn) if arn != self.arn => Err(Problem::unwritten(format!(
                "these credentials are for another account, in which the parameter of this name is {arn}"
            ))),
            _ => Ok((contents(found.as_ref()), found.map(|found| found.version))),
        }
    }
}

async fn find(client: &Client, name: &str) -> Result<Option<Parameter>, SdkError<GetParameterError>> {
    match client.get_parameter().name(name).with_decryption(true).send().await {
        Ok(answer) => Ok(answer.parameter),
        Err(error) if error.as_service_error().is_some_and(GetParameterError::is_parameter_not_found) => Ok(None),
        Err(error) => Err(error),
    }
}

fn contents(found: Option<&Parameter>) -> Contents {
    match found.map(Parameter::value) {
        None => Contents::Nothing,
        Some(None) => Contents::NoText,
        Some(Some(text)) => Contents::Text(text.to_owned().into()),
    }
}

async fn describe(client: &Client, name: &str) -> Result<ParameterMetadata, Problem> {
    let unknown =
        |cause: &str| Problem::unwritten(format!("which KMS key and which tier it has cannot be found out: {cause}"));
    let filter = ParameterStringFilter::builder().key("Name").option("Equals").values(name).build();
    let filter = filter.map_err(|error| unknown(&error.to_string()))?;
    let mut pages = client.describe_parameters().parameter_filters(filter).into_paginator().send();
    // A page may be empty and still have a next one.
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| unknown(&cause(&error)))?;
        if let Some(found) = page.parameters().first() {
            return Ok(found.clone());
        }
    }
    Err(unknown("DescribeParameters does not know it"))
}

/// The name that writing takes: an ARN it does not. A name of several levels begins with a slash, and the ARN does not show it.
fn name(arn: &str) -> String {
    let name = arn.split_once(":parameter/").map_or(arn, |(_, name)| name);
    if name.contains('/') { format!("/{name}") } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_several_levels_begins_with_a_slash() {
        let arn = |name: &str| format!("arn:aws:ssm:eu-west-1:123456789012:parameter/{name}");
        assert_eq!(name(&arn("keys")), "keys");
        assert_eq!(name(&arn("postern/keys")), "/postern/keys");
        assert_eq!(name(&arn("a/b/parameter/c")), "/a/b/parameter/c");
    }
}
