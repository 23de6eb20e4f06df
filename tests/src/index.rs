//! Small distributions made by the tests, and a package index on the loopback device that has them.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Cursor, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use base64ct::{Base64UrlUnpadded, Encoding};
use sha2::{Digest, Sha256};
use zip::write::SimpleFileOptions;

use crate::Result;

/// A wheel to be written.
#[derive(Clone, Debug)]
pub struct Wheel {
    name: String,
    version: String,
    tag: String,
    metadata: String,
    scripts: String,
    files: Vec<(String, Vec<u8>)>,
}

impl Wheel {
    /// A wheel for every target, with nothing in it yet.
    pub fn new(name: &str, version: &str) -> Self {
        Wheel {
            name: name.to_owned(),
            version: version.to_owned(),
            tag: "py3-none-any".to_owned(),
            metadata: format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"),
            scripts: String::new(),
            files: Vec::new(),
        }
    }

    /// For interpreters with this tag.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Self {
        tag.clone_into(&mut self.tag);
        self
    }

    /// Requires another distribution.
    #[must_use]
    pub fn requires(mut self, specifier: &str) -> Self {
        let _ = writeln!(self.metadata, "Requires-Dist: {specifier}");
        self
    }

    /// Has a console script.
    #[must_use]
    pub fn script(mut self, name: &str, function: &str) -> Self {
        let _ = writeln!(self.scripts, "{name} = {function}");
        self
    }

    /// Has a file.
    #[must_use]
    pub fn file(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((path.to_owned(), content.into()));
        self
    }

    /// The name of its file.
    pub fn file_name(&self) -> String {
        format!("{}-{}-{}.whl", self.name, self.version, self.tag)
    }

    /// Its bytes.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let info = format!("{}-{}.dist-info", self.name, self.version);
        let mut files = self.files.clone();
        let mut add = |name: &str, text: String| {
            files.push((format!("{info}/{name}"), text.into_bytes()));
        };
        add("METADATA", self.metadata.clone());
        add(
            "WHEEL",
            format!(
                "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: {}\n",
                self.tag
            ),
        );
        if !self.scripts.is_empty() {
            add(
                "entry_points.txt",
                format!("[console_scripts]\n{}", self.scripts),
            );
        }
        let mut record = String::new();
        for (path, content) in &files {
            let hash = Base64UrlUnpadded::encode_string(&Sha256::digest(content));
            let _ = writeln!(record, "{path},sha256={hash},{}", content.len());
        }
        let _ = writeln!(record, "{info}/RECORD,,");
        files.push((format!("{info}/RECORD"), record.into_bytes()));
        zipped(&files)
    }

    /// Writes it into a directory.
    pub fn write(&self, directory: &Path) -> Result<PathBuf> {
        let path = directory.join(self.file_name());
        std::fs::write(&path, self.bytes()?)?;
        Ok(path)
    }
}

/// An archive of these files.
pub fn zipped(files: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (path, content) in files {
        let stored =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        zip.start_file(path.as_str(), stored)?;
        zip.write_all(content)?;
    }
    Ok(zip.finish()?.into_inner())
}

/// A PEP 517 back end that needs nothing but the standard library. It makes a wheel of all modules
/// in `src` with the tag in the file `tag`.
pub const BACKEND: &str = r#"
import base64, hashlib, os, pathlib, tomllib, zipfile

project = tomllib.loads(pathlib.Path("pyproject.toml").read_text())["project"]
stem = f"{project['name']}-{project['version']}"


def build_wheel(directory, config_settings=None, metadata_directory=None):
    if os.path.exists("broken"):
        raise RuntimeError("the build is broken")
    tag = pathlib.Path("tag").read_text() if os.path.exists("tag") else "py3-none-any"
    files = {path.relative_to("src").as_posix(): path.read_bytes() for path in pathlib.Path("src").rglob("*.py")}
    metadata = f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    for requirement in project.get("dependencies", []):
        metadata += f"Requires-Dist: {requirement}\n"
    files[f"{stem}.dist-info/METADATA"] = metadata.encode()
    files[f"{stem}.dist-info/WHEEL"] = f"Wheel-Version: 1.0\nTag: {tag}\n".encode()
    scripts = "".join(f"{name} = {what}\n" for name, what in project.get("scripts", {}).items())
    files[f"{stem}.dist-info/entry_points.txt"] = ("[console_scripts]\n" + scripts).encode()
    record = ""
    for name, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(content)}\n"
    files[f"{stem}.dist-info/RECORD"] = (record + f"{stem}.dist-info/RECORD,,\n").encode()
    wheel = f"{stem}-{tag}.whl"
    with zipfile.ZipFile(os.path.join(directory, wheel), "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return wheel
"#;

/// The files of a project that [`BACKEND`] builds.
pub fn project(name: &str, version: &str, more: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let toml = format!(
        "[build-system]\nrequires = []\nbuild-backend = \"backend\"\nbackend-path = [\".\"]\n\n\
         [project]\nname = \"{name}\"\nversion = \"{version}\"\n"
    );
    let mut files = vec![
        ("backend.py".to_owned(), BACKEND.into()),
        ("pyproject.toml".to_owned(), toml.into_bytes()),
    ];
    for (path, content) in more {
        match files.iter_mut().find(|(known, _)| known == path) {
            Some((_, text)) => text.extend_from_slice(content.as_bytes()),
            None => files.push(((*path).to_owned(), (*content).into())),
        }
    }
    files
}

/// Writes a source distribution into a directory.
pub fn sdist(
    directory: &Path,
    name: &str,
    version: &str,
    more: &[(&str, &str)],
) -> Result<PathBuf> {
    let stem = format!("{name}-{version}");
    let mut files = vec![(
        format!("{stem}/PKG-INFO"),
        format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n").into_bytes(),
    )];
    let project = project(name, version, more).into_iter();
    files.extend(project.map(|(path, content)| (format!("{stem}/{path}"), content)));
    let path = directory.join(format!("{stem}.zip"));
    std::fs::write(&path, zipped(&files)?)?;
    Ok(path)
}

/// An index that serves the distributions in a directory, as they are when it is asked.
pub struct Index {
    address: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Index {
    /// Starts it. It ends with the process.
    pub fn of(directory: &Path) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?.to_string();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (directory, seen) = (directory.to_owned(), requests.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that goes away is its own problem.
                let _ = answer(stream, &directory, &seen);
            }
        });
        Ok(Index { address, requests })
    }

    /// What to give as `--index-url`.
    pub fn url(&self) -> String {
        format!("http://{}/simple/", self.address)
    }

    /// The paths that were asked for so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

fn answer(
    mut stream: TcpStream,
    directory: &Path,
    requests: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?;
    let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut header = String::new();
    while reader.read_line(&mut header)? > 2 {
        header.clear();
    }
    requests
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(path.clone());
    let (status, kind, body) = match path.strip_prefix("/simple/") {
        Some(project) => match page(directory, project.trim_end_matches('/'))? {
            Some(page) => ("200 OK", "text/html", page.into_bytes()),
            None => ("404 Not Found", "text/plain", Vec::new()),
        },
        None => match std::fs::read(directory.join(path.trim_start_matches("/files/"))) {
            Ok(bytes) => ("200 OK", "application/octet-stream", bytes),
            Err(_) => ("404 Not Found", "text/plain", Vec::new()),
        },
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    stream.write_all(&body)
}

/// The links to a project's files.
fn page(directory: &Path, project: &str) -> std::io::Result<Option<String>> {
    let mut page = String::new();
    for entry in std::fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        let of = name.split('-').next().unwrap_or_default();
        if of.to_lowercase().replace(['_', '.'], "-") == project {
            let _ = writeln!(page, "<a href=\"/files/{name}\">{name}</a><br>");
        }
    }
    Ok((!page.is_empty()).then(|| format!("<!DOCTYPE html><html><body>{page}</body></html>")))
}
