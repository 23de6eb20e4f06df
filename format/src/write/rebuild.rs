//! A blob taken apart into a writer again.

use super::error::WriteError;
use super::{
    Content, DistributionEntry, FileEntry, HeaderFields, ModuleEntry, NativeEntry, Writer,
};
use crate::config::RunOptions;
use crate::{Blob, Compression, Data, Error};

/// Why a blob could not be taken apart.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RebuildError {
    /// The blob is damaged.
    #[error(transparent)]
    Read(#[from] Error),
    /// The blob holds what no writer accepts.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl<'a> Writer<&'a [u8]> {
    /// A writer with everything `blob` holds. For a blob that [`Blob::validate`] accepts,
    /// its layout gives the same bytes again.
    ///
    /// # Errors
    ///
    /// Damage met on the way, or content a writer refuses.
    pub fn from_blob(blob: &Blob<'a>) -> Result<Self, RebuildError> {
        let tree = blob.tree();
        let root = tree.root()?;
        let header = blob.header();
        let mut writer = Self::new(HeaderFields {
            py_version_hex: header.py_version_hex,
            bytecode_magic: header.bytecode_magic,
            stub_abi: header.stub_abi,
            target: blob.target()?.to_owned(),
            root: root.name().to_owned(),
        });
        writer.set_run_config(RunOptions::from(&blob.run_config()?));

        // The path of the first file per data index: later references share it.
        let mut files: Vec<Option<String>> = vec![None; blob.data_len() as usize];
        for index in 1..tree.len() {
            let node = tree.get(index)?;
            let path = node.path()?;
            match node.data()? {
                None => writer.add_directory(&path)?,
                Some(data) => {
                    let content = share(&files, &data)?;
                    writer.add_file(
                        &path,
                        FileEntry {
                            content,
                            executable: node.is_executable(),
                        },
                    )?;
                    let first = &mut files[data.index() as usize]; // the record exists
                    first.get_or_insert(path);
                }
            }
        }
        for native in blob.natives().iter() {
            let native = native?;
            let content = match native.node()? {
                Some(node) => Content::File(node.path()?),
                None => own(&native.data()?)?,
            };
            writer.add_native(NativeEntry {
                name: native.name().to_owned(),
                soname: native.soname().map(str::to_owned),
                needed: native
                    .needed()
                    .map(|name| name.map(str::to_owned))
                    .collect::<Result<_, _>>()?,
                extension: native.is_extension(),
                content,
            })?;
        }
        let mut hot: Vec<(u32, String, u8)> = Vec::new();
        for module in blob.modules().iter() {
            let module = module?;
            let mut entry = ModuleEntry::new(module.name(), module.kind());
            entry.path = if module.is_namespace() {
                module.directory().map(str::to_owned)
            } else {
                module.file().map(str::to_owned)
            };
            entry.show_source = module.shows_source();
            if let Some(source) = module.source()? {
                entry.source = Some(share(&files, &source)?);
            }
            for level in 0..3 {
                if let Some(bytecode) = module.bytecode(level)? {
                    hot.push((bytecode.index(), module.name().to_owned(), level));
                    entry.bytecode[usize::from(level)] = Some(own(&bytecode)?);
                }
            }
            entry.native = module.native()?.map(|native| native.name().to_owned());
            writer.add_module(entry)?;
        }
        hot.sort();
        writer.set_hot_order(hot.into_iter().map(|(_, name, level)| (name, level)));
        for distribution in blob.distributions().iter() {
            let distribution = distribution?;
            writer.add_distribution(DistributionEntry {
                normalised: distribution.normalised().to_owned(),
                name: distribution.name().to_owned(),
                version: distribution.version().to_owned(),
                directory: distribution.directory()?.path()?,
            })?;
        }
        if let Some(licenses) = blob.licenses()? {
            writer.set_licenses(share(&files, &licenses)?)?;
        }
        if let Some(snapshot) = blob.snapshot()? {
            writer.set_snapshot(own(&snapshot)?)?;
        }
        Ok(writer)
    }
}

/// The content of a file that was met before, or data of its own.
fn share<'a>(files: &[Option<String>], data: &Data<'a>) -> Result<Content<&'a [u8]>, Error> {
    match files.get(data.index() as usize) {
        Some(Some(path)) => Ok(Content::File(path.clone())),
        _ => own(data),
    }
}

fn own<'a>(data: &Data<'a>) -> Result<Content<&'a [u8]>, Error> {
    if let Some(path) = data.relative_path() {
        return Ok(Content::External {
            path: path.to_owned(),
            length: data.len(),
        });
    }
    let payload = data.stored_bytes()?;
    Ok(match data.compression() {
        Compression::None => Content::plain(payload),
        Compression::Zstd => Content::zstd(payload, data.len()),
        Compression::Lz4 => Content::lz4(payload, data.len()),
    })
}
