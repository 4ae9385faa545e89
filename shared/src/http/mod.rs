//! HTTP: requests, responses, pages, telemetry and the Lambda runtime.

pub mod browser;
pub mod error;
pub mod lambda;
pub mod pages;
#[cfg(test)]
mod panic_log;
pub mod paths;
pub mod request;
pub mod service;
#[cfg(test)]
mod snapshots;
pub mod telemetry;
