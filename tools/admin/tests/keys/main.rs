//! `admin keys`, run as an operator runs it.

#![allow(clippy::disallowed_methods, reason = "tests generate unique names")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a failed precondition fails the test")]

mod confirmation;
mod fake_aws;
mod files;
mod harness;
mod list;
mod new;
mod public_secret;
mod publish;
mod retire;
mod rotate;
mod signing_secret;
mod usage;
