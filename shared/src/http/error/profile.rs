//! The error responses that depend on the security profile.
//!
//! The tutorial profile tells an unknown address from a wrong password, because the tutorials' clients expect that. The
//! strict profile gives the same response to both, so that the log-in does not reveal which addresses have an account.

use axum::http::StatusCode as S;

use crate::{
    config::SecurityProfile,
    http::error::response::{Challenge, ErrorResponse, ErrorStyle},
};

/// The tutorial's message for every log-in that fails.
const NOT_VERIFIED: &str = "Could not verify";

pub(super) const WRONG_PASSWORD: &str = "The password is incorrect.";

pub(super) fn email_taken(style: &ErrorStyle) -> ErrorResponse {
    // The tutorials' clients expect 202, and take the sign-up for accepted.
    let status = if is_tutorial(style) { S::ACCEPTED } else { S::CONFLICT };
    ErrorResponse::new(status, "email-taken", "An account with this email address already exists.")
        .message("User already exists. Please Log in.")
}

pub(super) fn credentials_missing(style: &ErrorStyle) -> ErrorResponse {
    let challenge = match &style.realm {
        None if is_tutorial(style) => tutorial_challenge("Login required !!"),
        _ => style.basic(),
    };
    ErrorResponse::new(S::UNAUTHORIZED, "credentials-missing", "Send an email address and a password.")
        .message(NOT_VERIFIED)
        .challenge(challenge)
}

pub(super) fn unknown_user(style: &ErrorStyle) -> ErrorResponse {
    if !is_tutorial(style) {
        return invalid_credentials(style);
    }
    ErrorResponse::new(S::UNAUTHORIZED, "unknown-user", "No account exists for this email address.")
        .message(NOT_VERIFIED)
        .challenge(tutorial_challenge("User does not exist !!"))
}

pub(super) fn wrong_password(style: &ErrorStyle) -> ErrorResponse {
    if !is_tutorial(style) {
        return invalid_credentials(style);
    }
    ErrorResponse::new(S::FORBIDDEN, "wrong-password", WRONG_PASSWORD)
        .message(NOT_VERIFIED)
        .challenge(tutorial_challenge("Wrong Password !!"))
}

fn invalid_credentials(style: &ErrorStyle) -> ErrorResponse {
    ErrorResponse::new(S::UNAUTHORIZED, "invalid-credentials", "The email address or password is incorrect.")
        .message(NOT_VERIFIED)
        .challenge(style.basic())
}

fn is_tutorial(style: &ErrorStyle) -> bool {
    style.profile == SecurityProfile::Tutorial
}

/// The tutorial's realms are messages.
fn tutorial_challenge(realm: &str) -> Challenge {
    Challenge::Basic { realm: realm.to_owned() }
}
