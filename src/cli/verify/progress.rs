//! How far a verification is, on a terminal.

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A line on standard error, which only a terminal shows.
#[derive(Debug)]
pub(super) struct Bar(ProgressBar);

impl Bar {
    /// An empty line.
    pub(super) fn new() -> Self {
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template("{elapsed} {bar:30} {percent} % {msg}") {
            bar.set_style(style);
        }
        Self(bar)
    }

    /// Shows how many bytes of how many were checked, and events.
    pub(super) fn show(&self, bytes: u64, total: u64, events: u64) {
        self.0.set_length(total);
        self.0.set_position(bytes);
        self.0.set_message(format!("{}, {events} events", HumanBytes(bytes)));
    }

    /// Takes the line away.
    pub(super) fn finish(&self) {
        self.0.finish_and_clear();
    }
}
