//! AWS: clients, keys in Secrets Manager, and tables in DynamoDB.

pub mod keys;
pub mod sdk_config;
pub mod store;
pub mod tls;
