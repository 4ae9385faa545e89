//! `admin users`, run as an operator runs it, against an embedded DynamoDB.

#![allow(clippy::disallowed_methods, reason = "tests generate unique names")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a failed precondition fails the test")]

mod changes;
mod concurrent;
mod export;
mod fake_aws;
mod faults;
mod guide;
mod harness;
mod import;
mod list;
mod log_out;
mod permissions;
mod refusals;
mod show;
mod signals;
mod stack;
mod throttle;
mod unknown_outcome;
mod usage;
