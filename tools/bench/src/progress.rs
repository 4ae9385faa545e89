//! A bar on a terminal for what takes long. Where standard error is no terminal, nothing is drawn.

use indicatif::{ProgressBar, ProgressStyle};

/// How far something is.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Something of so many steps.
    pub(crate) fn new(what: &'static str, steps: usize) -> Self {
        let bar = ProgressBar::new(steps.try_into().unwrap_or(u64::MAX)).with_message(what);
        if let Ok(style) = ProgressStyle::with_template("{msg:32} {wide_bar} {pos}/{len} {eta}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// One step is done.
    pub(crate) fn step(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
