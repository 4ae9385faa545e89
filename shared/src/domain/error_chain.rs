//! The text of an error together with its causes.

use std::error::Error;

/// Renders an error and its [sources](Error::source) from the outside in, separated by `: `.
///
/// ```
/// use std::io;
/// use shared::domain::error_chain::causes;
///
/// #[derive(Debug, thiserror::Error)]
/// #[error("keys cannot be read")]
/// struct KeyError(#[source] io::Error);
///
/// let error = KeyError(io::Error::other("disk is full"));
/// assert_eq!(causes(&error), "keys cannot be read: disk is full");
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
