//! Errors with their causes.

use std::error::Error;

/// An error and its causes, separated by colons, from the outermost to the innermost.
///
/// ```
/// # use shared::domain::error_chain::causes;
/// let error = std::io::Error::other("connection reset");
/// assert_eq!(causes(&error), "connection reset");
/// ```
pub fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
