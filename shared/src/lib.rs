//! What Postern's three functions have in common, in four layers. Each layer uses only those above it in this list.
//!
//! | layer | |
//! |---|---|
//! | [`domain`] | values, rules and cryptography: no HTTP, no AWS, no environment, no clock |
//! | [`config`] | the environment, read once into typed settings |
//! | [`aws`] | DynamoDB and Secrets Manager |
//! | [`http`] | requests, responses, pages, telemetry and the Lambda runtime |

pub mod aws;
pub mod config;
pub mod domain;
pub mod http;
