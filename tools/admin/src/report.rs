//! The output of a command.

/// The output of a command that succeeded.
#[derive(Default)]
pub(crate) struct Report {
    /// For standard output.
    pub(crate) text: String,
    /// For standard error, one line each.
    pub(crate) notes: Vec<String>,
}

impl From<String> for Report {
    fn from(text: String) -> Self {
        Self { text, notes: Vec::new() }
    }
}
