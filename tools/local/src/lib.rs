//! Postern on one machine: the routes of its three functions in one service, and an embedded DynamoDB.

pub mod database;
pub mod service;
