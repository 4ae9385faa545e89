//! `admin keys`, started as a user starts it.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod asking;
mod aws;
mod desk;
mod files;
mod list;
mod new;
mod parameters;
mod publish;
mod retire;
mod rotate;
mod secrets;
mod usage;
