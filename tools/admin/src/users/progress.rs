//! Progress of a long scan on standard error, drawn only on a terminal.

use indicatif::{ProgressBar, ProgressStyle};

/// A count of items that is removed when dropped.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    pub(crate) fn new(what: &'static str) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}: {human_pos} ({per_sec})") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Adds `items` to the count.
    pub(crate) fn add(&self, items: usize) {
        self.0.inc(items.try_into().unwrap_or(u64::MAX));
    }

    /// Calls `print` while the count is not drawn.
    pub(crate) fn suspend(&self, print: impl FnOnce()) {
        self.0.suspend(print);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
