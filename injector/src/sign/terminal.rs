//! The terminal that a sign command may ask on. One that is ended at its question leaves it as it
//! was for that: what is typed does not show.

#[cfg(unix)]
pub(super) use posix::Terminal;

#[cfg(not(unix))]
pub(super) struct Terminal;

#[cfg(not(unix))]
impl Terminal {
    pub(super) fn save() -> Terminal {
        Terminal
    }

    #[allow(clippy::unused_self, reason = "the twin of the one for Unix")]
    pub(super) fn restore(&self) {}
}

#[cfg(unix)]
mod posix {
    use std::fs::File;

    use rustix::process::getpgrp;
    use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};

    /// The terminal with its settings, if there is one.
    pub(in super::super) struct Terminal(Option<(File, Termios)>);

    impl Terminal {
        pub(in super::super) fn save() -> Terminal {
            let terminal = File::open("/dev/tty").ok();
            Terminal(terminal.and_then(|terminal| {
                let settings = tcgetattr(&terminal).ok()?;
                Some((terminal, settings))
            }))
        }

        /// Puts the settings back.
        pub(in super::super) fn restore(&self) {
            let Some((terminal, settings)) = &self.0 else {
                return;
            };
            // Who does that in the background is stopped.
            if tcgetpgrp(terminal).is_ok_and(|foreground| foreground == getpgrp()) {
                let _ = tcsetattr(terminal, OptionalActions::Now, settings);
            }
        }
    }
}
