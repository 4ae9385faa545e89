//! The inputs in `testing/fuzz/corpus/`, once more: samples, and what libFuzzer found to take a way of its own through
//! the code.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{fs, path::PathBuf};

use testkit::fuzz;

/// Gives each input of a target to it. The name of the one that fails is the last that is printed.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus").join(target);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut inputs: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{} has no inputs", folder.display());
    for input in inputs {
        println!("{}", input.display());
        check(&fs::read(input).unwrap());
    }
}

#[test]
fn only_issued_tokens_are_accepted() {
    replay("token", fuzz::token);
}

#[test]
fn a_body_is_rejected_or_parses_to_the_same_fields_in_every_content_type() {
    replay("body", fuzz::body);
}

#[test]
fn an_email_address_has_one_canonical_form() {
    replay("email", fuzz::email);
}

#[test]
fn a_stored_hash_is_inspected_within_its_limits() {
    replay("hash", fuzz::hash);
}

#[test]
fn a_page_is_in_range_and_its_cursor_has_one_canonical_form() {
    replay("cursor", fuzz::cursor);
}

#[test]
fn the_strength_of_a_password_is_checked_in_time_and_without_a_panic() {
    replay("password", fuzz::password);
}

#[test]
fn an_event_reaches_the_handler_unchanged_and_gets_a_well_formed_response() {
    replay("event", fuzz::event);
}
