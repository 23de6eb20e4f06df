//! A blob as text, one fact per line, for tests and for `inspect`.
//!
//! Fields are separated by one space. In names and paths every byte but printable ASCII
//! without space and `%` is written as `%XX`, the empty string and "none" as `-`.

use core::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::config::RunConfig;
use crate::header::SectionKind;
use crate::hex::Hex;
use crate::{Blob, Compression, Data, Error, ModuleKind, VERSION_MAJOR};

/// The whole blob as text: header, sections, run configuration and every record. Data is
/// represented by the SHA-256 of its stored bytes, so all of the blob is read.
///
/// # Errors
///
/// The first damage met.
pub fn dump(blob: &Blob<'_>) -> Result<String, Error> {
    let mut out = Lines(String::new());
    let header = blob.header();
    out.line(format_args!("format {VERSION_MAJOR}.{}", header.minor));
    out.line(format_args!("python {:#010x}", header.py_version_hex));
    out.line(format_args!("bytecode {:#010x}", header.bytecode_magic));
    out.line(format_args!("abi {}", header.stub_abi));
    out.line(format_args!("target {}", escape(blob.target()?)));
    out.line(format_args!("length {}", header.total_length));
    out.line(format_args!("digest {}", Hex(&header.digest)));
    out.line(format_args!("snapshot {}", index(blob.snapshot()?)));
    out.line(format_args!("licenses {}", index(blob.licenses()?)));
    for kind in SectionKind::ALL {
        let section = blob.section(kind);
        out.line(format_args!(
            "section {} {} {}",
            kind as u32, section.offset, section.length
        ));
    }
    config(&mut out, &blob.run_config()?);
    modules(&mut out, blob)?;
    tree(&mut out, blob)?;
    data(&mut out, blob)?;
    natives(&mut out, blob)?;
    distributions(&mut out, blob)?;
    Ok(out.0)
}

struct Lines(String);

impl Lines {
    fn line(&mut self, text: core::fmt::Arguments<'_>) {
        // Writing to a String does not fail.
        let _ = writeln!(self.0, "{text}");
    }
}

/// A name as one field.
fn escape(text: &str) -> String {
    if text.is_empty() {
        return "-".to_owned();
    }
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            escaped.push(char::from(byte));
        } else {
            let _ = write!(escaped, "%{byte:02X}"); // to a String
        }
    }
    escaped
}

fn index(data: Option<Data<'_>>) -> String {
    data.map_or_else(|| "-".to_owned(), |data| data.index().to_string())
}

/// The keys that are not at their defaults, and a list's items one by one.
fn config(out: &mut Lines, config: &RunConfig<'_>) {
    for (name, fields) in config.stored() {
        let fields: Vec<String> = fields.iter().map(|field| escape(field)).collect();
        out.line(format_args!("config {name} {}", fields.join(" ")));
    }
}

fn modules(out: &mut Lines, blob: &Blob<'_>) -> Result<(), Error> {
    for module in blob.modules().iter() {
        let module = module?;
        let kind = match module.kind() {
            ModuleKind::Module => "module",
            ModuleKind::Package => "package",
            ModuleKind::Namespace => "namespace",
        };
        let native = module
            .native()?
            .map_or_else(|| "-".to_owned(), |native| native.index().to_string());
        let node = module
            .node()?
            .map_or_else(|| "-".to_owned(), |node| node.index().to_string());
        out.line(format_args!(
            "module {} {kind} file {} directory {} node {node} source {} {} bytecode {} {} {} native {native}",
            escape(module.name()),
            escape(module.file().unwrap_or_default()),
            escape(module.directory().unwrap_or_default()),
            index(module.source()?),
            if module.shows_source() { "shown" } else { "hidden" },
            index(module.bytecode(0)?),
            index(module.bytecode(1)?),
            index(module.bytecode(2)?),
        ));
    }
    Ok(())
}

fn tree(out: &mut Lines, blob: &Blob<'_>) -> Result<(), Error> {
    for at in 0..blob.tree().len() {
        let node = blob.tree().get(at)?;
        let parent = node
            .parent()?
            .map_or_else(|| "-".to_owned(), |parent| parent.index().to_string());
        let what = match node.data()? {
            None => format!("directory {}", node.children().len()),
            Some(data) if node.is_executable() => format!("executable {}", data.index()),
            Some(data) => format!("file {}", data.index()),
        };
        out.line(format_args!(
            "node {at} {} parent {parent} {what}",
            escape(node.name())
        ));
    }
    Ok(())
}

fn data(out: &mut Lines, blob: &Blob<'_>) -> Result<(), Error> {
    for at in 0..blob.data_len() {
        let data = blob.data(at)?;
        if let Some(path) = data.relative_path() {
            let (length, path) = (data.len(), escape(path));
            out.line(format_args!("data {at} external {length} {path}"));
            continue;
        }
        let compression = match data.compression() {
            Compression::None => "none",
            Compression::Zstd => "zstd",
            Compression::Lz4 => "lz4",
        };
        out.line(format_args!(
            "data {at} offset {} stored {} length {} {compression} sha256 {}",
            data.offset(),
            data.stored_len(),
            data.len(),
            Hex(&Sha256::digest(data.stored_bytes()?)),
        ));
    }
    Ok(())
}

fn natives(out: &mut Lines, blob: &Blob<'_>) -> Result<(), Error> {
    for native in blob.natives().iter() {
        let native = native?;
        let what = if native.is_extension() {
            "extension"
        } else {
            "library"
        };
        let node = native
            .node()?
            .map_or_else(|| "-".to_owned(), |node| node.index().to_string());
        let mut needed = String::new();
        for name in native.needed() {
            needed.push(' ');
            needed.push_str(&escape(name?));
        }
        out.line(format_args!(
            "native {} {what} soname {} data {} node {node} needed{needed}",
            escape(native.name()),
            escape(native.soname().unwrap_or_default()),
            native.data()?.index(),
        ));
    }
    Ok(())
}

fn distributions(out: &mut Lines, blob: &Blob<'_>) -> Result<(), Error> {
    for entry in blob.distributions().iter() {
        let entry = entry?;
        out.line(format_args!(
            "distribution {} {} {} node {}",
            escape(entry.normalised()),
            escape(entry.name()),
            escape(entry.version()),
            entry.directory()?.index(),
        ));
    }
    Ok(())
}
