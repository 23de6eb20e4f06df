//! Progress on a terminal: a bar once the work takes longer than a second, nothing anywhere else.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use oxidize_inject::Progress;

/// Work shorter than this is not worth a bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// The bar, if somebody sits at the terminal of standard error.
#[derive(Debug)]
pub(super) struct Bar(Option<Mutex<State>>);

#[derive(Debug)]
struct State {
    since: Instant,
    visible: bool,
    bar: ProgressBar,
}

impl Bar {
    /// A bar, unless the user wants none.
    pub(super) fn unless(quiet: bool) -> Bar {
        if quiet || !std::io::stderr().is_terminal() {
            return Bar(None);
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        // Until a step begins: a command that only waits has none.
        let style = ProgressStyle::with_template("{msg}").expect("a constant template");
        Bar(Some(Mutex::new(State {
            since: Instant::now(),
            visible: false,
            bar: bar.with_style(style),
        })))
    }

    fn with(&self, change: impl FnOnce(&ProgressBar)) {
        let Some(state) = &self.0 else { return };
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&state.bar);
        if !state.visible && state.since.elapsed() > PATIENCE {
            state.bar.set_draw_target(ProgressDrawTarget::stderr());
            state.visible = true;
            state.bar.tick();
        }
    }

    /// The work is over.
    pub(super) fn finish(&self) {
        self.with(ProgressBar::finish_and_clear);
    }
}

impl Progress for Bar {
    fn start(&self, step: &str, units: u64) {
        self.with(|bar| {
            let template = if units == 0 {
                "{msg}"
            } else {
                "{msg:10} {wide_bar} {percent:>3} %"
            };
            bar.set_style(ProgressStyle::with_template(template).expect("a constant template"));
            bar.set_length(units);
            bar.set_position(0);
            bar.set_message(step.to_owned());
            // Not shown: the step's name, while the message says what it waits for.
            bar.set_prefix(step.to_owned());
        });
    }

    fn advance(&self, units: u64) {
        self.with(|bar| bar.inc(units));
    }

    fn wait(&self, reason: &str) {
        self.with(|bar| match reason {
            "" => bar.set_message(bar.prefix()),
            _ => bar.set_message(reason.to_owned()),
        });
    }
}
