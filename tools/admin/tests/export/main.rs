//! `admin users export`, run as an operator runs it.

#![allow(clippy::disallowed_methods, reason = "tests generate unique names")]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a failed precondition fails the test")]

mod failures;
mod formats;
mod harness;
mod round_trip;
