//! `admin users`, run as an operator runs it, against an embedded DynamoDB.

#![allow(clippy::disallowed_methods, reason = "tests generate unique names and inherit the environment")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a failed precondition fails the test")]

mod harness;
mod show;
