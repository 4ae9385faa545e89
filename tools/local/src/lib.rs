//! Postern in one process: the routes of the three functions, and an embedded DynamoDB.

pub mod cors;
pub mod database;
pub mod service;
