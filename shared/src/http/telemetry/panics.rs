//! The panic hook: what a panic leaves in the log.

use std::panic;

use tracing::{error, info};

use crate::domain::password::estimator;

/// Replaces the default hook, which prints the panic's message: it can contain what a client sent. The line has the
/// location and, through the span of the request, the request's identifier. Its route follows in the request's line.
pub(super) fn install_hook() {
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string);
        if estimator::is_running() {
            info!(location, "password estimator panicked; the password counts as weak");
        } else {
            error!(location, "panicked");
        }
    }));
}
