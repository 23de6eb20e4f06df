//! The zip archive in which a program goes to Apple.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use super::error::NotaryError;
use crate::regular;

/// An archive of a program or a bundle, in a temporary file. The same content gives the same bytes.
#[derive(Debug)]
pub struct Archive {
    file: File,
    name: String,
}

impl Archive {
    /// Of a file, or of a directory with all that is in it.
    ///
    /// # Errors
    /// The program or a file of the bundle cannot be read.
    pub fn of(path: &Path) -> Result<Archive, NotaryError> {
        let name = path.canonicalize().ok();
        let name = name.as_deref().and_then(Path::file_name);
        let name = name.map_or_else(|| "program".into(), |name| name.to_string_lossy());
        let file = tempfile::tempfile().map_err(NotaryError::Archive)?;
        let mut zip = ZipWriter::new(io::BufWriter::new(file));
        let mut left = vec![(path.to_owned(), name.clone().into_owned())];
        while let Some((path, name)) = left.pop() {
            let failed = |source| NotaryError::Read {
                path: path.clone(),
                source,
            };
            let metadata = fs::symlink_metadata(&path).map_err(failed)?;
            let is_top = left.is_empty() && !name.contains('/');
            if metadata.is_dir() {
                let mut inside = children(&path).map_err(failed)?;
                // They are taken from the end.
                inside.sort_by(|one, other| other.1.cmp(&one.1));
                left.extend(
                    inside
                        .into_iter()
                        .map(|(path, child)| (path, format!("{name}/{child}"))),
                );
            } else if metadata.is_symlink() && !is_top {
                let target = fs::read_link(&path).map_err(failed)?;
                let target = target.to_string_lossy().replace('\\', "/");
                zip.add_symlink(name, target, SimpleFileOptions::default())
                    .map_err(|error| NotaryError::Archive(error.into()))?;
            } else {
                let mut content = regular::open(&path).map_err(failed)?;
                let options = SimpleFileOptions::default()
                    .compression_method(CompressionMethod::Deflated)
                    .large_file(metadata.len() >= u32::MAX.into())
                    .unix_permissions(if is_executable(&metadata) {
                        0o755
                    } else {
                        0o644
                    });
                zip.start_file(name, options)
                    .map_err(|error| NotaryError::Archive(error.into()))?;
                io::copy(&mut content, &mut zip).map_err(NotaryError::Archive)?;
            }
        }
        let written = zip
            .finish()
            .map_err(|error| NotaryError::Archive(error.into()))?;
        let mut file = written
            .into_inner()
            .map_err(|error| NotaryError::Archive(error.into_error()))?;
        file.flush().map_err(NotaryError::Archive)?;
        Ok(Archive {
            file,
            name: format!("{name}.zip"),
        })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

fn children(directory: &Path) -> io::Result<Vec<(PathBuf, String)>> {
    let entries = fs::read_dir(directory)?.map(|entry| {
        let entry = entry?;
        let name = entry.file_name().into_string();
        let name = name.map_err(|_| io::Error::other("a file name in it is not UTF-8"))?;
        Ok((entry.path(), name))
    });
    entries.collect()
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o111 != 0
}

/// Elsewhere nothing says so.
#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    true
}
