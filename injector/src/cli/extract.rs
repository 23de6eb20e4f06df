//! `oxidize-inject extract`.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use oxidize_format::{Data, Node};
use serde_json::json;

use super::app::App;
use super::args::Extract;
use super::common::Format;
use super::failure::Failure;
use super::{print, report_written, text};
use oxidize_inject::internal::output::OutputError;
use oxidize_inject::internal::output::{self, mode::Mode};
use oxidize_inject::internal::regular;
use oxidize_inject::internal::temporary::Scratch;

pub(super) fn extract(args: &Extract) -> Result<(), Failure> {
    let app = App::open(&args.app)?;
    // Nothing is written from an application that is not whole.
    for blob in app.blobs()? {
        blob.validate()
            .and_then(|()| blob.verify_digest())
            .map_err(|error| app.damaged(&error))?;
    }
    let mut written = Vec::new();
    if let Some(path) = &args.blob {
        let failed = |error: OutputError| {
            let name = args.app.display();
            Failure::because(format!("cannot extract from `{name}`"), &error)
        };
        output::check(path, None).map_err(failed)?;
        output::check_inputs(path, [args.app.as_path()]).map_err(failed)?;
        let bytes = app.blob_bytes()?;
        output::write_bytes(path, Mode::data(), bytes).map_err(failed)?;
        written.push((path, bytes.len() as u64));
    }
    if let Some(directory) = &args.to {
        written.push((directory, files(&app, directory)?));
    }
    if args.common.output_format == Format::Json {
        let list: Vec<_> = written
            .iter()
            .map(|(path, size)| json!({ "path": path.display().to_string(), "size": size }))
            .collect();
        return print(&format!("{:#}\n", json!(list)));
    }
    for (path, size) in written {
        report_written(&args.common, path, size);
    }
    Ok(())
}

/// Writes all files below `directory` and returns their size. They appear there when all of them
/// are written.
fn files(app: &App, directory: &Path) -> Result<u64, Failure> {
    let cannot = |error: io::Error| {
        Failure::because(format!("cannot write `{}`", directory.display()), &error)
    };
    let there = match fs::read_dir(directory) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(
                    Failure::new(format!("`{}` is not empty", directory.display()))
                        .hint(Some("extract into a new directory")),
                );
            }
            true
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => false,
        Err(error) => return Err(cannot(error)),
    };
    if there {
        // It stays the directory that it is, with the mode it has.
        let scratch = Scratch::new(directory).map_err(cannot)?;
        let total = files_into(app, scratch.path())?;
        for entry in fs::read_dir(scratch.path()).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            fs::rename(entry.path(), directory.join(entry.file_name())).map_err(cannot)?;
        }
        return Ok(total);
    }
    let parent = output::directory_of(directory);
    fs::create_dir_all(parent).map_err(cannot)?;
    let scratch = Scratch::new(parent).map_err(cannot)?;
    // Not the temporary directory itself, which is private.
    let made = scratch.path().join("files");
    fs::create_dir(&made).map_err(cannot)?;
    let total = files_into(app, &made)?;
    fs::rename(&made, directory).map_err(cannot)?;
    Ok(total)
}

/// How many times as long as the application its files may be: a valid blob can hold 2,000 times
/// its length (docs/format.md, 9.2), and more only if many files share one entry.
const MOST_TIMES: u64 = 2048;

/// Refuses files out of proportion, which would fill the disk.
fn check_size(app: &App) -> Result<(), Failure> {
    let blob = app.blob()?;
    let damaged = |error| app.damaged(&error);
    let most = (app.image().len() as u64).saturating_mul(MOST_TIMES);
    let mut open = vec![blob.tree().root().map_err(damaged)?];
    let mut total = 0u64;
    while let Some(node) = open.pop() {
        let children = node.children();
        for position in 0..children.len() {
            let child = children.get(position).map_err(damaged)?;
            if child.is_dir() {
                open.push(child);
            } else if let Some(data) = child.data().map_err(damaged)?
                && data.relative_path().is_none()
            {
                total = total.saturating_add(Data::len(&data));
            }
        }
    }
    if total > most {
        return Err(Failure::new(format!(
            "its files would take {}, more than {MOST_TIMES} times its own size",
            text::size(total)
        )));
    }
    Ok(())
}

/// Writes all files into a new directory, which can hold no symbolic link that leads a file
/// elsewhere.
fn files_into(app: &App, directory: &Path) -> Result<u64, Failure> {
    let blob = app.blob()?;
    let damaged = |error| app.damaged(&error);
    check_size(app)?;
    let mut open = vec![(blob.tree().root().map_err(damaged)?, directory.to_owned())];
    let mut total = 0;
    while let Some((node, place)) = open.pop() {
        let children = node.children();
        for position in 0..children.len() {
            let child = children.get(position).map_err(damaged)?;
            let name = text::name(child.name());
            if !is_plain(child.name()) {
                return Err(Failure::new(format!(
                    "the application holds a file with the unsafe name `{name}`"
                )));
            }
            let cannot =
                |error: io::Error| Failure::because(format!("cannot write `{name}`"), &error);
            let path = place.join(child.name());
            if child.is_dir() {
                fs::create_dir(&path).map_err(cannot)?;
                open.push((child, path));
            } else if let Some(data) = child.data().map_err(damaged)? {
                let bytes = match app.beside(&data) {
                    None => data.read().map_err(damaged)?,
                    Some(path) => {
                        let cannot = |error: io::Error| {
                            Failure::because(format!("cannot read `{}`", path.display()), &error)
                        };
                        regular::read(&path, Data::len(&data))
                            .map_err(cannot)?
                            .into()
                    }
                };
                write(&path, child, &bytes).map_err(cannot)?;
                total += Data::len(&data);
            }
        }
    }
    Ok(total)
}

/// Whether the name stays inside its directory on this system. A backslash is a letter like any
/// other where it does not separate.
fn is_plain(name: &str) -> bool {
    let special = matches!(name, "" | "." | "..");
    let windows = cfg!(windows) && name.contains(['\\', ':']);
    !(special || windows || name.contains(['/', '\0']))
}

fn write(path: &Path, node: Node<'_>, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    if node.is_executable() {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o777);
    }
    #[cfg(not(unix))]
    let _ = node;
    options.open(path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_refused() {
        for name in ["", ".", "..", "a/b", "/etc", "a\0"] {
            assert!(!is_plain(name), "{name:?}");
        }
        assert!(is_plain("...") && is_plain("a b"));
        assert_eq!(is_plain("a\\b"), !cfg!(windows));
        assert_eq!(is_plain("c:a"), !cfg!(windows));
    }
}
