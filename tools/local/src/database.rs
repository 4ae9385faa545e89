//! The embedded DynamoDB, and the four tables of Postern.

use std::{
    fs::{File, OpenOptions},
    io::Read as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{self, Path},
};

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
use rusqlite::{Connection, ErrorCode, OpenFlags};
use shared::{config::Settings, domain::error_chain::causes, http::lambda::StartError};
use tokio::net::TcpListener;

/// A failure to open or set up the database.
#[derive(Debug, thiserror::Error)]
pub enum DatabaseError {
    /// The file cannot be opened, created or written.
    #[error("cannot open the database {path}: {reason}")]
    File {
        /// The path of the file.
        path: String,
        /// The error of SQLite, or why this is not a file of the embedded DynamoDB.
        reason: String,
    },
    /// A table cannot be created.
    #[error("cannot create the table {table}: {reason}")]
    Table {
        /// The name of the table.
        table: String,
        /// The error of DynamoDB or of the connection.
        reason: String,
    },
}

/// Opens a database in `file`, or in memory. A new file has mode 0600, because it contains password hashes.
pub fn open(file: Option<&Path>) -> Result<Database, DatabaseError> {
    let opened = match file {
        Some(file) => open_file(file),
        None => Database::memory().map_err(|error| error.to_string()),
    };
    opened.map_err(|reason| DatabaseError::File {
        path: file.unwrap_or(Path::new(":memory:")).display().to_string(),
        reason,
    })
}

fn open_file(file: &Path) -> Result<Database, String> {
    // SQLite gives the files beside it (`-wal`, `-shm`) the same mode.
    let created = OpenOptions::new().create(true).append(true).mode(0o600).open(file);
    created.map_err(|error| error.to_string())?;
    // SQLite treats some relative names as other things than files, such as `:memory:`.
    let path = path::absolute(file).map_err(|error| error.to_string())?;
    check(&path)?;
    Database::new(path.to_str().ok_or("the path is not UTF-8")?).map_err(|error| error.to_string())
}

/// Tables that every database of dynoxide has, beside one for each table of DynamoDB.
const OWN_TABLES: [&str; 2] = ["_config", "_tables"];

/// Checks that a file is empty or a database of dynoxide, which would add its tables to any other SQLite database and
/// change its journal mode. Nothing is written.
fn check(file: &Path) -> Result<(), String> {
    const HEADER: &[u8] = b"SQLite format 3\0";
    let mut start = Vec::new();
    let read = File::open(file).and_then(|file| file.take(HEADER.len() as u64).read_to_end(&mut start));
    read.map_err(|error| error.to_string())?;
    if !start.is_empty() && start != HEADER {
        return Err("it is not an SQLite database; choose a new file".to_owned());
    }
    let names = names(file).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => "it is damaged; choose a new file".to_owned(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => "another program is using it".to_owned(),
        _ => error.to_string(),
    })?;
    if names.is_empty() || OWN_TABLES.iter().all(|own| names.iter().any(|name| name == own)) {
        return Ok(());
    }
    let list: Vec<&str> = names.iter().take(20).map(String::as_str).collect();
    Err(format!("it belongs to another application, with the tables {}; choose a new file", list.join(", ")))
}

/// The names of the tables and views in an SQLite file. It is opened for writing, because a database in WAL mode that
/// is opened read-only gets files beside it that remain.
fn names(file: &Path) -> rusqlite::Result<Vec<String>> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    let tables = "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite\\_%' \
                  ESCAPE '\\' ORDER BY name";
    connection.prepare(tables)?.query_map([], |row| row.get(0))?.collect()
}

/// Serves a database with the DynamoDB API until the runtime shuts down.
pub async fn serve(listener: TcpListener, database: Database) {
    dynoxide::server::serve_on(listener, database).await;
}

/// The configuration for a DynamoDB on this machine, which accepts any region and any credentials.
pub async fn connection(endpoint: &str) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region(Region::from_static("us-east-1"))
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .load()
        .await
}

/// Creates the tables that are missing, as defined in `template.yaml`.
pub async fn create_tables(client: &Client, settings: &Settings) -> Result<(), StartError> {
    let tables = settings.all_tables()?;
    create_table(client, &tables.users, &["public_id"]).await?;
    create_table(client, &tables.credentials, &["email"]).await?;
    create_table(client, &tables.sessions, &["public_id", "session_id"]).await?;
    expire(client, &tables.sessions, "expires_at").await?;
    create_table(client, &tables.throttle, &["id"]).await?;
    Ok(expire(client, &tables.throttle, "expires_at").await?)
}

/// Creates a table with a partition key and, if there is a second name, a sort key.
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

/// Enables time to live on `attribute`.
async fn expire(client: &Client, table: &str, attribute: &str) -> Result<(), DatabaseError> {
    let failed = |reason: String| DatabaseError::Table { table: table.to_owned(), reason };
    let answer = client.describe_time_to_live().table_name(table).send().await;
    let answer = answer.map_err(|error| failed(causes(&error)))?;
    let status = answer.time_to_live_description.and_then(|description| description.time_to_live_status);
    // DynamoDB rejects the call if it is enabled already.
    if matches!(status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)) {
        return Ok(());
    }
    let specification = TimeToLiveSpecification::builder().enabled(true).attribute_name(attribute).build();
    let specification = specification.map_err(|error| failed(error.to_string()))?;
    let request = client.update_time_to_live().table_name(table).time_to_live_specification(specification);
    request.send().await.map(drop).map_err(|error| failed(causes(&error)))
}
