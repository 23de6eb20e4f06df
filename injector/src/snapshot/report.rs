//! What a snapshot says about itself: lines that begin with a kind.

/// What was imported and read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Environment variables that imports have read, and who was first.
    pub variables: Vec<(String, String)>,
    /// What else imports have asked about the process, and who was first.
    pub facts: Vec<(ProcessFact, String)>,
    /// The modules that are loaded.
    pub modules: Vec<String>,
    /// Import statements of the entry point that failed.
    pub failed: Vec<String>,
}

/// Something about a process that imports can ask, beside its environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessFact {
    /// The arguments behind the program's name.
    Arguments,
    /// The program's name.
    Name,
    /// The current directory.
    Directory,
    /// Whether standard streams are terminals.
    Terminal,
}

impl ProcessFact {
    const ALL: [ProcessFact; 4] = [
        ProcessFact::Arguments,
        ProcessFact::Name,
        ProcessFact::Directory,
        ProcessFact::Terminal,
    ];

    /// As the stub reports it (`stubs/src/snapshot/snapshot.py`).
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ProcessFact::Arguments => "arguments",
            ProcessFact::Name => "name",
            ProcessFact::Directory => "directory",
            ProcessFact::Terminal => "terminal",
        }
    }

    /// What it is, for a list.
    #[must_use]
    pub fn phrase(self) -> &'static str {
        match self {
            ProcessFact::Arguments => "command line",
            ProcessFact::Name => "program's name",
            ProcessFact::Directory => "current directory",
            ProcessFact::Terminal => "terminals",
        }
    }

    /// When a start does without the snapshot, as the end of a sentence that begins with what an
    /// import asks for.
    pub(crate) fn consequence(self) -> &'static str {
        match self {
            ProcessFact::Arguments => "the command line; with arguments, the program starts",
            ProcessFact::Name => "the program's name; under another one, the program starts",
            ProcessFact::Directory => "the current directory; in any but `/`, the program starts",
            ProcessFact::Terminal => {
                "whether a standard stream is a terminal; if one is, the program starts"
            }
        }
    }
}

impl Report {
    /// Reads a report. What it does not know is left out.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Report {
        let mut report = Report::default();
        for line in String::from_utf8_lossy(bytes).lines() {
            match line.split_once(' ') {
                Some(("variable", rest)) => {
                    let (name, reader) = rest.split_once(' ').unwrap_or((rest, ""));
                    report.variables.push((name.to_owned(), reader.to_owned()));
                }
                Some(("process", rest)) => {
                    let (name, reader) = rest.split_once(' ').unwrap_or((rest, ""));
                    let fact = ProcessFact::ALL
                        .into_iter()
                        .find(|fact| fact.name() == name);
                    report
                        .facts
                        .extend(fact.map(|fact| (fact, reader.to_owned())));
                }
                Some(("module", name)) => report.modules.push(name.to_owned()),
                Some(("failed", text)) => report.failed.push(text.to_owned()),
                _ => {}
            }
        }
        report
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_read() {
        let text = b"variable HOME a.py:3\nmodule os\nfailed x: no\nother thing\nprocess arguments b.py:7\nprocess moon c.py\n\xff\nvariable A";
        let report = Report::parse(text);
        let variables = [("HOME", "a.py:3"), ("A", "")];
        assert_eq!(
            report.variables,
            variables.map(|(name, reader)| (name.to_owned(), reader.to_owned()))
        );
        assert_eq!(
            report.facts,
            [(ProcessFact::Arguments, "b.py:7".to_owned())]
        );
        assert_eq!(report.modules, ["os"]);
        assert_eq!(report.failed, ["x: no"]);
    }
}
