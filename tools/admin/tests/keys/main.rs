//! `admin keys`, started as a user starts it.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod confirmation;
mod fake_aws;
mod files;
mod harness;
mod list;
mod new;
mod parameters;
mod publish;
mod retire;
mod rotate;
mod signing_secret;
mod usage;
