//! Files that are open at the end.

use crate::ffi::{Gil, Object, Result, text_stream};

/// The classes of `io` that are written in C and call nothing but each other.
struct Classes<'py> {
    /// `FileIO`, and Windows' console.
    raw: Vec<Object<'py>>,
    /// `BufferedReader`.
    reader: Object<'py>,
    /// `BufferedWriter` and `BufferedRandom`.
    writers: Vec<Object<'py>>,
    /// `TextIOWrapper`.
    text: Object<'py>,
    /// `BytesIO` and `StringIO`.
    memory: Vec<Object<'py>>,
}

impl<'py> Classes<'py> {
    fn new(gil: Gil<'py>) -> Result<Self> {
        let io = gil.import("_io")?;
        let mut raw = vec![io.attr(c"FileIO")?];
        raw.extend(io.attr_opt(c"_WindowsConsoleIO")?);
        Ok(Classes {
            raw,
            reader: io.attr(c"BufferedReader")?,
            writers: vec![io.attr(c"BufferedWriter")?, io.attr(c"BufferedRandom")?],
            text: io.attr(c"TextIOWrapper")?,
            memory: vec![io.attr(c"BytesIO")?, io.attr(c"StringIO")?],
        })
    }
}

fn one_of(object: &Object<'_>, classes: &[Object<'_>]) -> bool {
    let own = object.class();
    classes.iter().any(|class| own.is(class))
}

/// What is open, sorted by what has to be done.
pub(super) struct Files<'py> {
    classes: Classes<'py>,
    /// `sys.stdout` and `sys.stderr`, and what is below them: flushed by name.
    standard: Vec<Object<'py>>,
    /// Streams of text that are written, each with its buffer.
    texts: Vec<(Object<'py>, Object<'py>)>,
    /// Binary files that are written.
    buffers: Vec<Object<'py>>,
}

impl<'py> Files<'py> {
    /// Knows `sys.stdout` and `sys.stderr`; `None` if flushing one of them may run code in Python.
    pub(super) fn standard(gil: Gil<'py>) -> Result<Option<Self>> {
        let mut files = Files {
            classes: Classes::new(gil)?,
            standard: Vec::new(),
            texts: Vec::new(),
            buffers: Vec::new(),
        };
        let sys = gil.import("sys")?;
        for name in [c"stdout", c"stderr"] {
            let Some(stream) = sys.attr_opt(name)? else {
                continue;
            };
            let seen = files.standard.iter().any(|other| other.is(&stream));
            if stream.is_none() || seen {
                continue;
            }
            if one_of(&stream, &files.classes.memory) {
                files.standard.push(stream);
                continue;
            }
            if !stream.class().is(&files.classes.text) {
                return Ok(None);
            }
            let Some(mut below) = files.below(&stream)? else {
                return Ok(None);
            };
            // Two streams over one buffer depend on which of them ends first.
            if below
                .iter()
                .any(|object| files.standard.iter().any(|other| other.is(object)))
            {
                return Ok(None);
            }
            files.standard.push(stream);
            files.standard.append(&mut below);
        }
        Ok(Some(files))
    }

    /// Buffer and raw file below a stream of text, if they are of the classes in C.
    fn below(&self, text: &Object<'py>) -> Result<Option<Vec<Object<'py>>>> {
        let buffer = text.attr(c"buffer")?;
        if one_of(&buffer, &self.classes.raw) {
            return Ok(Some(vec![buffer])); // `-u`
        }
        if !buffer.class().is(&self.classes.reader) && !one_of(&buffer, &self.classes.writers) {
            return Ok(None);
        }
        let raw = buffer.attr(c"raw")?;
        Ok(one_of(&raw, &self.classes.raw).then(|| vec![buffer, raw]))
    }

    /// Whether this is a file whose end is known, and then notes down what to do about it.
    pub(super) fn takes(&mut self, object: &Object<'py>) -> Result<bool> {
        if one_of(object, &self.classes.memory)
            || one_of(object, &self.classes.raw)
            || self.standard.iter().any(|other| other.is(object))
        {
            return Ok(true);
        }
        let is_text = object.class().is(&self.classes.text);
        let is_reader = object.class().is(&self.classes.reader);
        let is_writer = one_of(object, &self.classes.writers);
        if !is_text && !is_reader && !is_writer {
            return Ok(false);
        }
        if object.attr(c"closed")?.is_true()? {
            return Ok(true);
        }
        if is_text {
            let buffer = object.attr(c"buffer")?;
            if one_of(&buffer, &self.classes.memory) {
                return Ok(true);
            }
            let Some(below) = self.below(object)? else {
                return Ok(false);
            };
            if self.standard.iter().any(|other| other.is(&buffer)) {
                // A second one over a standard buffer, which is flushed by name. Which of them ends
                // first is seen only in what they hold themselves.
                return Ok(text_stream::holds_nothing(object));
            }
            if below.len() < 2 {
                return Ok(false);
            }
            if one_of(&buffer, &self.classes.writers) {
                self.texts.push((object.clone(), buffer));
            }
            return Ok(true);
        }
        if !one_of(&object.attr(c"raw")?, &self.classes.raw) {
            return Ok(false);
        }
        if is_writer {
            self.buffers.push(object.clone());
        }
        Ok(true)
    }

    /// What to close, in this order; `None` if it depends on the order what a file will hold.
    pub(super) fn writers(self) -> Result<Option<Vec<Object<'py>>>> {
        let mut places: Vec<(i64, i64)> = Vec::new();
        let mut writers = Vec::new();
        let own = self.buffers.into_iter().filter(|buffer| {
            let wrapped = self.texts.iter().any(|(_, below)| below.is(buffer));
            !wrapped
        });
        let own = own.map(|buffer| (buffer.clone(), buffer));
        for (writer, buffer) in self.texts.iter().cloned().chain(own) {
            let Some(place) = place(&buffer)? else {
                return Ok(None);
            };
            if places.contains(&place) {
                return Ok(None);
            }
            places.push(place);
            writers.push(writer);
        }
        Ok(Some(writers))
    }
}

/// What tells an open file from another: device and number.
fn place(buffer: &Object<'_>) -> Result<Option<(i64, i64)>> {
    let system = if cfg!(windows) { "nt" } else { "posix" };
    let descriptor = buffer.attr(c"raw")?.call_method(c"fileno", &[])?;
    let status = buffer
        .gil()
        .import(system)?
        .call_method(c"fstat", &[descriptor])?;
    let number = |name| Ok(status.attr(name)?.as_int());
    Ok(number(c"st_dev")?.zip(number(c"st_ino")?))
}

/// `flush_std_files` of CPython: whether the standard streams could be flushed.
pub(super) fn flush_standard(gil: Gil<'_>) -> bool {
    let flush = |name| -> Result<()> {
        let Some(stream) = gil.import("sys")?.attr_opt(name)? else {
            return Ok(());
        };
        if stream.is_none() || stream.attr(c"closed")?.is_true()? {
            return Ok(());
        }
        stream.call_method(c"flush", &[]).map(drop)
    };
    let mut flushed = true;
    if flush(c"stdout").is_err() {
        gil.report_ignored(c"Exception ignored on flushing sys.stdout");
        flushed = false;
    }
    if flush(c"stderr").is_err() {
        gil.clear(); // There is no place to report it.
        flushed = false;
    }
    flushed
}
