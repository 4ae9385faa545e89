//! A DynamoDB for this machine, and Postern's four tables in it.

use std::path::Path;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::{
    Client,
    config::Credentials,
    operation::create_table::CreateTableError,
    types::{
        AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
        TimeToLiveStatus,
    },
};
use dynoxide::Database;
use shared::{config::Settings, domain::error_chain::causes, http::lambda::StartError};
use tokio::net::TcpListener;

/// Why there is no database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file cannot be opened, made or written.
    #[error("cannot keep the database in {path}: {reason}")]
    File {
        /// As it was given.
        path: String,
        /// What SQLite says.
        reason: String,
    },
    /// A table cannot be made.
    #[error("cannot make the table {table}: {reason}")]
    Table {
        /// The table's name.
        table: String,
        /// What DynamoDB says, or that nobody answers.
        reason: String,
    },
}

/// Opens a database in `file`, or in memory, which goes with the process.
pub fn open(file: Option<&Path>) -> Result<Database, DatabaseError> {
    let path = file.map_or(Ok(":memory:"), |file| file.to_str().ok_or("the path is not UTF-8"));
    let opened = path.map_err(str::to_owned).and_then(|path| {
        let database = if file.is_some() { Database::new(path) } else { Database::memory() };
        database.map_err(|error| error.to_string())
    });
    opened.map_err(|reason| DatabaseError::File {
        path: file.unwrap_or(Path::new(":memory:")).display().to_string(),
        reason,
    })
}

/// Serves a database over DynamoDB's protocol until the runtime ends.
pub async fn serve(listener: TcpListener, database: Database) {
    dynoxide::server::serve_on(listener, database).await;
}

/// How to reach a DynamoDB on this machine: any region and any key will do.
pub async fn connection(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .load()
        .await
}

/// Makes the tables as `template.yaml` describes them, where they are not there yet.
pub async fn create_tables(client: &Client, settings: &Settings) -> Result<(), StartError> {
    let tables = settings.all_tables()?;
    create_table(client, &tables.users, &["public_id"]).await?;
    create_table(client, &tables.credentials, &["email"]).await?;
    create_table(client, &tables.sessions, &["public_id", "session_id"]).await?;
    expire(client, &tables.sessions, "expires_at").await?;
    create_table(client, &tables.throttle, &["id"]).await?;
    Ok(expire(client, &tables.throttle, "expires_at").await?)
}

/// Makes a table with a partition key and, where there is a second name, a sort key.
async fn create_table(client: &Client, table: &str, keys: &[&str]) -> Result<(), DatabaseError> {
    let failed = |reason: String| DatabaseError::Table { table: table.to_owned(), reason };
    let mut request = client.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
    for (key, key_type) in keys.iter().zip([KeyType::Hash, KeyType::Range]) {
        let attribute =
            AttributeDefinition::builder().attribute_name(*key).attribute_type(ScalarAttributeType::S).build();
        let schema = KeySchemaElement::builder().attribute_name(*key).key_type(key_type).build();
        request = request
            .attribute_definitions(attribute.map_err(|error| failed(error.to_string()))?)
            .key_schema(schema.map_err(|error| failed(error.to_string()))?);
    }
    match request.send().await {
        Ok(_) => Ok(()),
        Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => Ok(()),
        Err(error) => Err(failed(causes(&error))),
    }
}

/// Has DynamoDB remove items after the time in `attribute`.
async fn expire(client: &Client, table: &str, attribute: &str) -> Result<(), DatabaseError> {
    let failed = |reason: String| DatabaseError::Table { table: table.to_owned(), reason };
    let answer = client.describe_time_to_live().table_name(table).send().await;
    let answer = answer.map_err(|error| failed(causes(&error)))?;
    let status = answer.time_to_live_description.and_then(|description| description.time_to_live_status);
    // DynamoDB refuses to switch on what is on.
    if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
        return Ok(());
    }
    let specification = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build();
    let specification = specification.map_err(|error| failed(error.to_string()))?;
    let request = client.update_time_to_live().table_name(table).time_to_live_specification(specification);
    request.send().await.map(drop).map_err(|error| failed(causes(&error)))
}
