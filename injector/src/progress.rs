//! How far the work is: a bar on a terminal once it takes longer than a second, nothing anywhere else.

use std::io::IsTerminal;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Work shorter than this is not worth a bar.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where progress is told. Cheap enough to be told often, from any thread.
#[derive(Debug)]
pub struct Progress(Option<Mutex<State>>);

#[derive(Debug)]
struct State {
    since: Instant,
    visible: bool,
    bar: ProgressBar,
}

impl Progress {
    /// Tells nobody.
    #[must_use]
    pub fn none() -> Progress {
        Progress(None)
    }

    /// Tells whoever sits at the terminal of standard error, if somebody does.
    #[must_use]
    pub fn on_terminal() -> Progress {
        if !std::io::stderr().is_terminal() {
            return Progress::none();
        }
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Progress(Some(Mutex::new(State {
            since: Instant::now(),
            visible: false,
            bar,
        })))
    }

    fn with(&self, change: impl FnOnce(&ProgressBar)) {
        let Some(state) = &self.0 else { return };
        let mut state = state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        change(&state.bar);
        if !state.visible && state.since.elapsed() > PATIENCE {
            state.bar.set_draw_target(ProgressDrawTarget::stderr());
            state.visible = true;
        }
    }

    /// A new step, of so many units; 0 when their number is not known.
    pub fn start(&self, step: &'static str, units: u64) {
        self.with(|bar| {
            let template = if units == 0 {
                "{msg}"
            } else {
                "{msg:10} {wide_bar} {percent:>3} %"
            };
            bar.set_style(ProgressStyle::with_template(template).expect("a constant template"));
            bar.set_length(units);
            bar.set_position(0);
            bar.set_message(step);
        });
    }

    /// So many units are done.
    pub fn advance(&self, units: u64) {
        self.with(|bar| bar.inc(units));
    }

    /// The work is over.
    pub fn finish(&self) {
        self.with(ProgressBar::finish_and_clear);
    }
}
