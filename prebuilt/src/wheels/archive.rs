//! Writing a wheel: the same bytes from the same input, whatever the machine and the time.
//!
//! Members are sorted, with the metadata behind everything else as the specification of binary
//! distributions recommends and RECORD at the very end; all have the date 1980-01-01, the first a
//! zip file can have.

use anyhow::{Context, Result};
use base64ct::{Base64UrlUnpadded, Encoding as _};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// A wheel in the making.
#[derive(Debug)]
pub(super) struct Wheel {
    dist_info: String,
    members: BTreeMap<(bool, String), Member>,
}

#[derive(Debug)]
struct Member {
    bytes: Vec<u8>,
    executable: bool,
}

impl Wheel {
    /// A wheel of the project `name` (spelled as in file names) for `tag`, with the fields of
    /// METADATA that follow name and version.
    pub(super) fn new(name: &str, version: &str, tag: &str, metadata: &str) -> Self {
        let dist_info = format!("{name}-{version}.dist-info");
        let mut wheel = Self {
            dist_info,
            members: BTreeMap::new(),
        };
        let project = name.replace('_', "-");
        let text =
            format!("Metadata-Version: 2.4\nName: {project}\nVersion: {version}\n{metadata}");
        wheel.add_info("METADATA", text.into_bytes());
        let mut text = format!(
            "Wheel-Version: 1.0\nGenerator: oxidize-prebuilt {}\nRoot-Is-Purelib: false\n",
            env!("CARGO_PKG_VERSION")
        );
        // A compressed tag set stands for each of its platforms.
        let (python, platforms) = tag.rsplit_once('-').unwrap_or(("", tag));
        for platform in platforms.split('.') {
            text.push_str(&format!("Tag: {python}-{platform}\n"));
        }
        wheel.add_info("WHEEL", text.into_bytes());
        wheel
    }

    /// Adds a file.
    pub(super) fn add(&mut self, path: &str, bytes: Vec<u8>, executable: bool) {
        let member = Member { bytes, executable };
        self.members.insert((false, path.to_owned()), member);
    }

    /// Adds a file of metadata.
    pub(super) fn add_info(&mut self, path: &str, bytes: Vec<u8>) {
        let member = Member {
            bytes,
            executable: false,
        };
        let path = format!("{}/{path}", self.dist_info);
        self.members.insert((true, path), member);
    }

    /// Writes it.
    pub(super) fn write(self, path: &Path) -> Result<()> {
        let partial = path.with_extension("part");
        let file = File::create(&partial)
            .with_context(|| format!("cannot write {}", partial.display()))?;
        let mut zip = ZipWriter::new(BufWriter::new(file));
        let mut record = String::new();
        for ((_, name), member) in &self.members {
            write_member(&mut zip, name, member)?;
            let digest = Base64UrlUnpadded::encode_string(&Sha256::digest(&member.bytes));
            record.push_str(&format!("{name},sha256={digest},{}\n", member.bytes.len()));
        }
        let name = format!("{}/RECORD", self.dist_info);
        record.push_str(&format!("{name},,\n"));
        let member = Member {
            bytes: record.into_bytes(),
            executable: false,
        };
        write_member(&mut zip, &name, &member)?;
        zip.finish()?.flush()?;
        std::fs::rename(&partial, path)?;
        Ok(())
    }
}

fn write_member(zip: &mut ZipWriter<BufWriter<File>>, name: &str, member: &Member) -> Result<()> {
    // What is compressed already does not get smaller.
    let method = if name.ends_with(".zst") {
        CompressionMethod::Stored
    } else {
        CompressionMethod::Deflated
    };
    let options = SimpleFileOptions::default()
        .compression_method(method)
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(if member.executable { 0o755 } else { 0o644 });
    zip.start_file(name, options)?;
    zip.write_all(&member.bytes)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    #[test]
    fn same_bytes_whatever_the_order() -> Result<()> {
        let folder = tempfile::tempdir()?;
        let mut written = Vec::new();
        for names in [["p/b", "p/a"], ["p/a", "p/b"]] {
            let mut wheel = Wheel::new(
                "some_name",
                "1.0",
                "py3-none-linux_one.linux_two",
                "Summary: x\n",
            );
            for name in names {
                wheel.add(name, name.into(), name == "p/b");
            }
            let path = folder.path().join("w.whl");
            wheel.write(&path)?;
            written.push(std::fs::read(&path)?);
        }
        assert_eq!(written[0], written[1]);
        let mut zip = zip::ZipArchive::new(std::io::Cursor::new(&written[0]))?;
        let mut names = Vec::new();
        for index in 0..zip.len() {
            names.push(zip.by_index(index)?.name()?.into_owned());
        }
        let info = "some_name-1.0.dist-info";
        assert_eq!(
            names,
            [
                "p/a",
                "p/b",
                &format!("{info}/METADATA"),
                &format!("{info}/WHEEL"),
                &format!("{info}/RECORD")
            ]
        );
        assert_eq!(zip.by_name("p/b")?.unix_mode(), Some(0o100_755));
        let mut text = String::new();
        zip.by_name(&format!("{info}/WHEEL"))?
            .read_to_string(&mut text)?;
        assert!(
            text.ends_with("Tag: py3-none-linux_one\nTag: py3-none-linux_two\n"),
            "{text}"
        );
        Ok(())
    }
}
