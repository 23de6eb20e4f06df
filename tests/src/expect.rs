//! What a program under `apps/` is expected to do, written at its head.
//!
//! The comment lines that start a file, up to the first other line, may hold these directives:
//!
//! | directive | meaning |
//! |---|---|
//! | `# package: OPTIONS` | options for `oxidize-inject`; at most once, before the first run |
//! | `# needs: THING` | `gnu` (wheels cannot be loaded on musl), `posix`, `linux`, `windows`, `root`, or a file such as `/etc/ssl/certs` |
//! | `# run: ARGUMENTS` | starts a run; the directives below it belong to it |
//! | `# stdin: LINE` | a line of input |
//! | `# env: NAME=VALUE` | a variable |
//! | `# status: N` | exit status, 0 unless given |
//! | `# stdout: LINE` | a line of the output; all of them together are the whole output |
//! | `# stdout-has: TEXT` | the output contains this |
//! | `# stderr: LINE`, `# stderr-has: TEXT` | likewise; without either nothing may be written there |
//!
//! Paths below the virtual root are written as `/~oxidize/...` and mean the form that the program's
//! system has for them.
//!
//! Arguments are separated by spaces; one in single quotes may contain spaces. A file without `run`
//! is not a test, except in a folder `cases/`, whose files are run as `app NAME` and print `ok`.

use std::path::Path;

use crate::run::{Ending, Outcome, Run};
use crate::targets::{self, Launcher};
use crate::{Result, check, fail};

/// One start of a program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Case {
    arguments: Vec<String>,
    stdin: String,
    environment: Vec<(String, String)>,
    status: i32,
    stdout: Option<String>,
    stdout_has: Vec<String>,
    stderr: Option<String>,
    stderr_has: Vec<String>,
}

/// The directives of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectations {
    /// Options for the packager.
    pub package: Vec<String>,
    /// What must be there.
    pub needs: Vec<String>,
    /// The runs, in order.
    pub cases: Vec<Case>,
}

impl Expectations {
    /// Reads the head of a file. `None` where there is nothing to run.
    pub fn read(path: &Path) -> Result<Option<Self>> {
        let mut found = Expectations::parse(&String::from_utf8_lossy(&std::fs::read(path)?))
            .or_else(|what| fail(format!("{}: {what}", path.display())))?;
        let in_cases = path
            .parent()
            .is_some_and(|folder| folder.ends_with("cases"));
        if found.cases.is_empty() && in_cases && !path.ends_with("__init__.py") {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            found.cases.push(Case {
                arguments: vec![name],
                stdout: Some("ok\n".to_owned()),
                ..Case::default()
            });
        }
        Ok(if found.cases.is_empty() {
            None
        } else {
            Some(found)
        })
    }

    fn parse(text: &str) -> std::result::Result<Self, String> {
        let mut found = Expectations::default();
        for line in text.lines().map_while(|line| line.strip_prefix('#')) {
            let Some((word, value)) = line.trim_start().split_once(':') else {
                continue;
            };
            let value = value.strip_prefix(' ').unwrap_or(value);
            match (word, found.cases.last_mut()) {
                ("package", None) => found.package = split(value),
                ("needs", None) => found.needs.push(value.to_owned()),
                ("run", _) => found.cases.push(Case {
                    arguments: split(value),
                    ..Case::default()
                }),
                ("package" | "needs", Some(_)) => {
                    return Err(format!("`{word}` stands before the first run"));
                }
                (_, Some(case)) => case.directive(word, value)?,
                // A comment with a colon in it.
                (word, None) if word.contains(' ') => {}
                (word, None) => return Err(format!("`{word}` before the first run")),
            }
        }
        Ok(found)
    }
}

/// A text with Windows paths in place of those below the virtual root.
fn windows_paths(text: &str) -> String {
    let mut parts = text.split("/~oxidize");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part
            .find(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | ',' | ')' | '>'))
            .unwrap_or(part.len());
        out.push_str(r"C:\~oxidize");
        out.push_str(&part[..end].replace('/', r"\"));
        out.push_str(&part[end..]);
    }
    out
}

/// Splits arguments at spaces outside of single quotes.
fn split(value: &str) -> Vec<String> {
    let mut arguments = Vec::new();
    let mut rest = value.trim();
    while !rest.is_empty() {
        let (argument, tail) = match rest.strip_prefix('\'') {
            Some(quoted) => quoted.split_once('\'').unwrap_or((quoted, "")),
            None => rest.split_once(' ').unwrap_or((rest, "")),
        };
        arguments.push(argument.to_owned());
        rest = tail.trim_start();
    }
    arguments
}

impl Case {
    fn directive(&mut self, word: &str, value: &str) -> std::result::Result<(), String> {
        let line = |text: &mut Option<String>| {
            let text = text.get_or_insert_default();
            text.push_str(value);
            text.push('\n');
        };
        match word {
            "stdin" => self.stdin.push_str(&format!("{value}\n")),
            "env" => {
                let (name, value) = value
                    .split_once('=')
                    .ok_or_else(|| format!("`env: {value}` is not NAME=VALUE"))?;
                self.environment.push((name.to_owned(), value.to_owned()));
            }
            "status" => {
                self.status = value
                    .parse()
                    .map_err(|_| format!("`status: {value}` is no number"))?;
            }
            "stdout" => line(&mut self.stdout),
            "stdout-has" => self.stdout_has.push(value.to_owned()),
            "stderr" => line(&mut self.stderr),
            "stderr-has" => self.stderr_has.push(value.to_owned()),
            _ => return Err(format!("`{word}` is no directive")),
        }
        Ok(())
    }

    /// Runs a packaged program and compares.
    pub fn run(&self, program: &Path) -> Result {
        let mut run = Run::new(program)
            .arguments(&self.arguments)
            .stdin(self.stdin.as_str());
        for (name, value) in &self.environment {
            run = run.variable(name, value);
        }
        let outcome = run.outcome()?;
        match targets::launcher(program)? {
            Launcher::Wine(..) => {
                // A program calls itself by its file's name, which has a suffix there.
                let own = |text: String| text.replace("app.exe", "app");
                self.on_windows().compare(&Outcome {
                    stdout: own(outcome.stdout),
                    stderr: own(outcome.stderr),
                    ..outcome
                })
            }
            Launcher::Itself => self.compare(&outcome),
        }
    }

    /// The same expectations of a Windows program.
    fn on_windows(&self) -> Case {
        let one = |text: &String| windows_paths(text);
        Case {
            stdout: self.stdout.as_ref().map(one),
            stdout_has: self.stdout_has.iter().map(one).collect(),
            stderr: self.stderr.as_ref().map(one),
            stderr_has: self.stderr_has.iter().map(one).collect(),
            ..self.clone()
        }
    }

    fn compare(&self, outcome: &Outcome) -> Result {
        let mut wrong = Vec::new();
        if outcome.ending != Ending::Status(self.status) {
            wrong.push(format!("ending: expected status {}", self.status));
        }
        let streams = [
            ("stdout", &outcome.stdout, &self.stdout, &self.stdout_has),
            ("stderr", &outcome.stderr, &self.stderr, &self.stderr_has),
        ];
        for (name, text, whole, parts) in streams {
            let silent = name == "stderr" && parts.is_empty();
            match whole {
                Some(expected) if text != expected => {
                    wrong.push(format!("{name}: expected {expected:?}"));
                }
                None if silent && !text.is_empty() => {
                    wrong.push(format!("{name}: expected nothing"));
                }
                _ => {}
            }
            for part in parts.iter().filter(|part| !text.contains(part.as_str())) {
                wrong.push(format!("{name}: expected to contain {part:?}"));
            }
        }
        check(wrong.is_empty(), || {
            format!("{:?}: {}\n{outcome}", self.arguments, wrong.join("\n"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_become_runs() {
        let text = "# A comment.\n# package: --entry a:b\n# run: x 'y z'\n# stdin: 1\n# env: A=B=C\n# status: 3\n# stdout: p\n\
                    # stdout:\n# stderr-has: q: r\n# run:\n\nimport sys\n# run: not any more\n";
        let found = Expectations::parse(text).unwrap();
        assert_eq!(found.package, ["--entry", "a:b"]);
        assert_eq!(found.cases.len(), 2);
        let case = &found.cases[0];
        assert_eq!(case.arguments, ["x", "y z"]);
        assert_eq!(case.environment, [("A".to_owned(), "B=C".to_owned())]);
        assert_eq!((case.status, case.stdin.as_str()), (3, "1\n"));
        assert_eq!(case.stdout.as_deref(), Some("p\n\n"));
        assert_eq!(case.stderr_has, ["q: r"]);
        assert_eq!(found.cases[1], Case::default());
    }

    #[test]
    fn windows_has_paths_of_its_own() {
        let text = "a File \"/~oxidize/app/x.py\", line 1/2, /~oxidize\n";
        assert_eq!(
            windows_paths(text),
            "a File \"C:\\~oxidize\\app\\x.py\", line 1/2, C:\\~oxidize\n"
        );
    }

    #[test]
    fn a_misspelt_directive_is_an_error() {
        assert!(Expectations::parse("# run:\n# sdtout: x\n").is_err());
        assert!(Expectations::parse("# run:\n# package: x\n").is_err());
        assert!(Expectations::parse("# status: 1\n# run:\n").is_err());
    }
}
