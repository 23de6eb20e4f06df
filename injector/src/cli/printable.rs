//! Standard output, on which nothing reaches a terminal that would act upon it.

use std::io::{self, BufWriter, StdoutLock, Write};

use super::text;

/// Takes whole texts, as `write!` and JSON writers hand them on, and holds none of them.
pub(super) struct Printable(BufWriter<StdoutLock<'static>>);

impl Printable {
    pub(super) fn new() -> Printable {
        Printable(BufWriter::new(io::stdout().lock()))
    }

    /// A line with a name before it. One without a value would only raise questions.
    pub(super) fn line(&mut self, name: &str, value: &str) -> io::Result<()> {
        if value.is_empty() {
            return Ok(());
        }
        writeln!(self, "{name:14} {}", text::name(value))
    }
}

impl Write for Printable {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.write_all(text::printable(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
