//! The connection to the tables: their names, and the identity of the caller.

use std::env;

use aws_config::{Region, SdkConfig};
use aws_sdk_cloudformation::types::Output;
use aws_sdk_sts::config::{Credentials, SharedCredentialsProvider};
use shared::{
    aws::store::admin::{AdminError, AdminStore},
    config::{Tables, is_loopback_url},
};
use tokio::sync::OnceCell;

use crate::{
    backends::{cause, config_loader, explain_missing_credentials, region},
    failure::Failure,
    options::users::{Common, parse_table},
};

/// A table that a command uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Table {
    Users,
    Credentials,
    Sessions,
    Throttle,
}

impl Table {
    /// Both items of an account.
    pub(crate) const ACCOUNT: [Self; 2] = [Self::Users, Self::Credentials];
    pub(crate) const ALL: [Self; 4] = [Self::Users, Self::Credentials, Self::Sessions, Self::Throttle];

    fn option(self, options: &Common) -> Option<&String> {
        match self {
            Self::Users => options.users_table.as_ref(),
            Self::Credentials => options.credentials_table.as_ref(),
            Self::Sessions => options.sessions_table.as_ref(),
            Self::Throttle => options.throttle_table.as_ref(),
        }
    }

    /// Option, output of the stack, variable of the functions, and name in a local run.
    const fn names(self) -> [&'static str; 4] {
        match self {
            Self::Users => ["--users-table", "UsersTableName", "USERS_TABLE", "Users"],
            Self::Credentials => ["--credentials-table", "CredentialsTableName", "CREDENTIALS_TABLE", "Credentials"],
            Self::Sessions => ["--sessions-table", "SessionsTableName", "SESSIONS_TABLE", "Sessions"],
            Self::Throttle => ["--throttle-table", "ThrottleTableName", "THROTTLE_TABLE", "Throttle"],
        }
    }
}

/// The tables, and the caller.
pub(crate) struct Connection {
    pub(crate) store: AdminStore,
    aws: SdkConfig,
    is_local: bool,
    caller: OnceCell<String>,
}

impl Connection {
    /// Finds the names of the tables that are needed. DynamoDB itself is not called.
    pub(crate) async fn open(options: &Common, needed: &[Table]) -> Result<Self, Failure> {
        let endpoint = options.endpoint.clone().or_else(|| {
            let endpoint = variable("AWS_ENDPOINT_URL_DYNAMODB").or_else(|| variable("AWS_ENDPOINT_URL"));
            endpoint.filter(|url| options.stack.is_none() && is_loopback_url(url))
        });
        let is_local = endpoint.as_deref().is_some_and(is_loopback_url);
        let aws = load(options, is_local).await;
        let outputs = match &options.stack {
            Some(stack) => Some(outputs(stack, &aws).await?),
            None => None,
        };
        let name = |table| match name(table, options, outputs.as_deref(), is_local) {
            Err(_) if !needed.contains(&table) => Ok(String::new()),
            name => name,
        };
        let tables = Tables {
            users: name(Table::Users)?,
            credentials: name(Table::Credentials)?,
            sessions: name(Table::Sessions)?,
            throttle: name(Table::Throttle)?,
        };
        let dynamodb = match endpoint {
            Some(endpoint) => aws.clone().into_builder().endpoint_url(endpoint).build(),
            None => aws.clone(),
        };
        Ok(Self { store: AdminStore::connect(&dynamodb, tables), aws, is_local, caller: OnceCell::new() })
    }

    /// The ARN of the caller. For a database on this machine, `local:` and the name of the operating system's user.
    pub(crate) async fn caller(&self) -> Result<&str, Failure> {
        self.caller.get_or_try_init(|| self.identify()).await.map(String::as_str)
    }

    async fn identify(&self) -> Result<String, Failure> {
        if self.is_local {
            let user = variable("USER").or_else(|| variable("LOGNAME"));
            return Ok(format!("local:{}", user.unwrap_or_else(|| "unknown".to_owned())));
        }
        let answer = aws_sdk_sts::Client::new(&self.aws).get_caller_identity().send().await;
        let unknown = |cause: &str| {
            Failure::Failed(format!(
                "nothing is written: the audit log needs the identity of the caller, and sts:GetCallerIdentity failed: \
                 {cause}"
            ))
        };
        let answer = answer.map_err(|error| unknown(&cause(&error)))?;
        answer.arn.ok_or_else(|| unknown("the response has no ARN"))
    }

    /// The result of a call, with a failure as a line for the operator.
    pub(crate) async fn checked<T>(&self, result: Result<T, AdminError>) -> Result<T, Failure> {
        match result {
            Ok(value) => Ok(value),
            Err(error) => Err(self.failure(error).await),
        }
    }

    /// A failure of the database as a line for the operator.
    pub(crate) async fn failure(&self, error: AdminError) -> Failure {
        let AdminError::Denied { actions, table, caller: None } = error else {
            return Failure::Failed(explain_missing_credentials(error.to_string()));
        };
        let caller = self.caller().await.ok().map(str::to_owned);
        Failure::Failed(AdminError::Denied { actions, table, caller }.to_string())
    }
}

/// The name of a table: of its option, the stack, the variable, or the default of a local run.
fn name(table: Table, options: &Common, outputs: Option<&[Output]>, is_local: bool) -> Result<String, Failure> {
    let [option, output, variable_name, local] = table.names();
    if let Some(name) = table.option(options) {
        return Ok(name.clone());
    }
    if let Some(outputs) = outputs {
        let found = outputs.iter().find(|found| found.output_key() == Some(output)).and_then(Output::output_value);
        let stack = options.stack.as_deref().unwrap_or_default();
        return found.map(str::to_owned).ok_or_else(|| {
            Failure::Failed(format!("the stack {stack} has no output {output}; is it a stack of template.yaml?"))
        });
    }
    if let Some(name) = variable(variable_name) {
        return parse_table(&name).map_err(|problem| Failure::Usage(format!("{variable_name} {problem}")));
    }
    if is_local {
        return Ok(local.to_owned());
    }
    Err(Failure::Usage(format!(
        "the name of a table is missing: give --stack, {option} or {variable_name}, or --endpoint for a local run"
    )))
}

/// A variable that is set and not empty. An empty one counts as not set, as for the functions.
#[expect(clippy::disallowed_methods, reason = "the names of the tables need no other settings of the functions")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// A local database accepts any region and credentials, and a local run should not need those of AWS.
async fn load(options: &Common, is_local: bool) -> SdkConfig {
    // A stack may be named by its ARN.
    let region = options.region.clone().map(Region::new).or_else(|| region(options.stack.as_deref()?));
    let mut loader = config_loader(region.or_else(|| is_local.then(|| Region::from_static("us-east-1"))));
    if is_local {
        let credentials = Credentials::new("local", "local", None, None, "local");
        loader = loader.credentials_provider(SharedCredentialsProvider::new(credentials));
    }
    loader.load().await
}

async fn outputs(stack: &str, aws: &SdkConfig) -> Result<Vec<Output>, Failure> {
    if aws.region().is_none() {
        return Err(Failure::Usage("the region is missing: give --region or AWS_REGION".to_owned()));
    }
    let client = aws_sdk_cloudformation::Client::new(aws);
    let answer = client.describe_stacks().stack_name(stack).send().await;
    let answer =
        answer.map_err(|error| Failure::Failed(format!("cannot read the stack {stack}: {}", cause(&error))))?;
    let found = answer.stacks.unwrap_or_default().into_iter().next();
    found
        .map(|stack| stack.outputs.unwrap_or_default())
        .ok_or_else(|| Failure::Failed(format!("the stack {stack} does not exist")))
}
