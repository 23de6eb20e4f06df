//! What a snapshot says about itself: lines that begin with a kind.

/// What was imported and read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Environment variables that imports have read, and who was first.
    pub variables: Vec<(String, String)>,
    /// The modules that are loaded.
    pub modules: Vec<String>,
    /// Import statements of the entry point that failed.
    pub failed: Vec<String>,
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
        let text = b"variable HOME a.py:3\nmodule os\nfailed x: no\nother thing\n\xff\nvariable A";
        let report = Report::parse(text);
        let variables = [("HOME", "a.py:3"), ("A", "")];
        assert_eq!(
            report.variables,
            variables.map(|(name, reader)| (name.to_owned(), reader.to_owned()))
        );
        assert_eq!(report.modules, ["os"]);
        assert_eq!(report.failed, ["x: no"]);
    }
}
