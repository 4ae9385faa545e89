//! Audit events, metrics and logs.

pub mod audit;
pub mod logging;
pub mod metrics;
mod panics;
