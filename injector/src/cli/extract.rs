//! `oxidize-inject extract`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use oxidize_format::{Data, Node};
use serde_json::json;

use super::app::App;
use super::args::{Extract, Format};
use super::failure::Failure;
use super::{print, report_written, text};

pub(super) fn extract(args: &Extract) -> Result<(), Failure> {
    let app = App::open(&args.app)?;
    let mut written = Vec::new();
    if let Some(path) = &args.blob {
        let failed = |error: io::Error| {
            Failure::because(format!("cannot write `{}`", path.display()), &error)
        };
        let bytes = app.blob_bytes()?;
        let mut file = File::create(path).map_err(failed)?;
        file.write_all(bytes).map_err(failed)?;
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

/// Writes all files below `directory` and returns their size.
fn files(app: &App, directory: &Path) -> Result<u64, Failure> {
    let cannot = |path: &Path, error: io::Error| {
        Failure::because(format!("cannot write `{}`", path.display()), &error)
    };
    fs::create_dir_all(directory).map_err(|error| cannot(directory, error))?;
    // Empty at the start and filled by nobody else, it can hold no symbolic link that leads a file elsewhere.
    if fs::read_dir(directory)
        .map_err(|error| cannot(directory, error))?
        .next()
        .is_some()
    {
        return Err(
            Failure::new(format!("`{}` is not empty", directory.display()))
                .hint(Some("extract into a new directory")),
        );
    }
    let blob = app.blob()?;
    let mut open = vec![(
        blob.tree().root().map_err(|error| app.damaged(&error))?,
        directory.to_owned(),
    )];
    let mut total = 0;
    while let Some((node, place)) = open.pop() {
        let children = node.children();
        for position in 0..children.len() {
            let child = children
                .get(position)
                .map_err(|error| app.damaged(&error))?;
            if !is_plain(child.name()) {
                let name = text::name(child.name());
                return Err(Failure::new(format!(
                    "the application holds a file with the unsafe name `{name}`"
                )));
            }
            let path = place.join(child.name());
            if child.is_dir() {
                fs::create_dir(&path).map_err(|error| cannot(&path, error))?;
                open.push((child, path));
            } else if let Some(data) = child.data().map_err(|error| app.damaged(&error))? {
                let bytes = data.read().map_err(|error| app.damaged(&error))?;
                write(&path, child, &bytes).map_err(|error| cannot(&path, error))?;
                total += Data::len(&data);
            }
        }
    }
    Ok(total)
}

/// Whether the name stays inside its directory on every system.
fn is_plain(name: &str) -> bool {
    let special = matches!(name, "" | "." | "..");
    let drive = cfg!(windows) && name.contains(':');
    !(special || drive || name.contains(['/', '\\', '\0']))
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
        for name in ["", ".", "..", "a/b", "/etc", "a\\b", "a\0"] {
            assert!(!is_plain(name), "{name:?}");
        }
        assert!(is_plain("...") && is_plain("a b"));
    }
}
