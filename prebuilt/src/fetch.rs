//! Getting sources: a local folder first, then upstream, then the distributor; checked by size and
//! sha256 each time.

use crate::digest;
use crate::recipe::{Recipes, Source};
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Finds archives and crates and unpacks them.
#[derive(Debug)]
pub(crate) struct Fetcher<'a> {
    recipes: &'a Recipes,
    /// `--sources` or `OXIDIZE_SOURCES`.
    local: Option<PathBuf>,
    /// Where downloads are kept.
    downloads: PathBuf,
    /// Name of each carrier crate and the folder cargo unpacked it to.
    crates: std::cell::OnceCell<BTreeMap<String, PathBuf>>,
}

impl<'a> Fetcher<'a> {
    /// `local` is `--sources`; downloads are kept in `downloads`.
    pub(crate) fn new(recipes: &'a Recipes, local: Option<&Path>, downloads: &Path) -> Self {
        let local = local
            .map(Path::to_path_buf)
            .or_else(|| std::env::var_os("OXIDIZE_SOURCES").map(PathBuf::from));
        Self {
            recipes,
            local,
            downloads: downloads.to_owned(),
            crates: std::cell::OnceCell::new(),
        }
    }

    /// The checked archive of a source.
    pub(crate) fn archive(&self, name: &str) -> Result<PathBuf> {
        let source = self
            .recipes
            .sources
            .get(name)
            .with_context(|| format!("{name} is not in sources.toml"))?;
        if let Some(local) = &self.local {
            let path = local.join(&source.file);
            if path.is_file() {
                check(&path, source)?;
                return Ok(path);
            }
        }
        let path = self.downloads.join(&source.file);
        if path.is_file() && check(&path, source).is_ok() {
            return Ok(path);
        }
        std::fs::create_dir_all(&self.downloads)?;
        if source.url.is_empty() {
            self.fetch_debian(name, source)?;
        } else {
            download(&source.url, &path).with_context(|| {
                format!(
                    "cannot fetch {name}\n  hint: put {} into a folder and name it with --sources",
                    source.file
                )
            })?;
        }
        check(&path, source)?;
        Ok(path)
    }

    /// `apt-get source`, with the machine's own apt settings turned from binary to source packages.
    fn fetch_debian(&self, name: &str, source: &Source) -> Result<()> {
        let [package, version] = source.debian.as_slice() else {
            bail!("{name}: sources.toml names neither a url nor a Debian package");
        };
        eprintln!("   fetching {} by apt-get source", source.file);
        let state = self.downloads.join("apt");
        let parts = state.join("parts");
        std::fs::create_dir_all(&parts)?;
        std::fs::create_dir_all(state.join("lists/partial"))?;
        let mut found = false;
        for entry in std::fs::read_dir("/etc/apt/sources.list.d")
            .into_iter()
            .flatten()
            .flatten()
        {
            let path = entry.path();
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            if path.extension().is_some_and(|e| e == "sources") {
                std::fs::write(
                    parts.join(entry.file_name()),
                    text.replace("Types: deb\n", "Types: deb-src\n"),
                )?;
                found = true;
            }
        }
        if let Ok(text) = std::fs::read_to_string("/etc/apt/sources.list") {
            let lines: String = text
                .lines()
                .filter_map(|l| l.strip_prefix("deb "))
                .map(|l| format!("deb-src {l}\n"))
                .collect();
            if !lines.is_empty() {
                std::fs::write(parts.join("main.list"), lines)?;
                found = true;
            }
        }
        if !found {
            bail!(
                "{name} comes as a Debian source package, and this machine has no apt sources\n  hint: put {} into a folder and name it with --sources",
                source.file
            );
        }
        let options = [
            "-oDir::Etc::SourceList=/dev/null".to_owned(),
            format!("-oDir::Etc::SourceParts={}", parts.display()),
            format!("-oDir::State::Lists={}", state.join("lists").display()),
        ];
        for words in [
            vec!["update".to_owned()],
            vec![
                "source".to_owned(),
                "--download-only".to_owned(),
                package.clone(),
            ],
        ] {
            let output = Command::new("apt-get")
                .args(&options)
                .args(&words)
                .current_dir(&self.downloads)
                .output()?;
            if !output.status.success() {
                bail!(
                    "apt-get {} failed: {}",
                    words[0],
                    String::from_utf8_lossy(&output.stderr)
                );
            }
        }
        if !self.downloads.join(&source.file).is_file() {
            bail!(
                "apt-get source {package} did not bring version {version} ({})",
                source.file
            );
        }
        Ok(())
    }

    /// Unpacks a source into `into` (made fresh) and answers its root folder.
    pub(crate) fn unpack(&self, name: &str, into: &Path) -> Result<PathBuf> {
        let source = &self.recipes.sources[name];
        let archive = self.archive(name)?;
        let root = into.join(&source.root);
        if root.is_dir() {
            std::fs::remove_dir_all(&root)?;
        }
        std::fs::create_dir_all(into)?;
        unpack_archive(&archive, into)
            .with_context(|| format!("cannot unpack {}", archive.display()))?;
        Ok(root)
    }

    /// The folder of a carrier crate, unpacked by cargo, which has checked it against
    /// carriers/Cargo.lock.
    pub(crate) fn carrier(&self, name: &str) -> Result<PathBuf> {
        if self.crates.get().is_none() {
            let _ = self.crates.set(self.carriers()?);
        }
        let found = self.crates.get().and_then(|c| c.get(name));
        found
            .cloned()
            .with_context(|| format!("{name} is not in prebuilt/carriers/Cargo.toml"))
    }

    fn carriers(&self) -> Result<BTreeMap<String, PathBuf>> {
        let manifest = self.recipes.root.join("carriers/Cargo.toml");
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args([
                "metadata",
                "--format-version=1",
                "--locked",
                "--manifest-path",
            ])
            .arg(&manifest)
            .output()
            .context("cannot run cargo metadata")?;
        if !output.status.success() {
            bail!(
                "cargo metadata for {}: {}",
                manifest.display(),
                String::from_utf8_lossy(&output.stderr)
            );
        }
        let json: serde_json::Value = serde_json::from_slice(&output.stdout)?;
        let mut found = BTreeMap::new();
        for package in json["packages"].as_array().into_iter().flatten() {
            if let (Some(name), Some(path)) =
                (package["name"].as_str(), package["manifest_path"].as_str())
                && let Some(folder) = Path::new(path).parent()
            {
                found.insert(name.to_owned(), folder.to_owned());
            }
        }
        Ok(found)
    }
}

fn check(path: &Path, source: &Source) -> Result<()> {
    let size = path.metadata()?.len();
    if size != source.size {
        bail!(
            "{} has {size} bytes, {} expected",
            path.display(),
            source.size
        );
    }
    let found = digest::file(path)?;
    if found != source.sha256 {
        bail!(
            "{} has sha256 {found}, {} expected",
            path.display(),
            source.sha256
        );
    }
    Ok(())
}

/// Downloads with curl, which every system that builds C libraries has; a TLS stack of our own
/// would be the biggest dependency of this crate.
fn download(url: &str, path: &Path) -> Result<()> {
    eprintln!("   fetching {url}");
    let partial = path.with_extension("part");
    let status = Command::new("curl")
        .args([
            "--fail",
            "--location",
            "--silent",
            "--show-error",
            "--retry",
            "3",
            "--output",
        ])
        .arg(&partial)
        .arg(url)
        .status()
        .context("cannot run curl")?;
    if !status.success() {
        let _ = std::fs::remove_file(&partial);
        bail!("curl could not fetch {url}");
    }
    Ok(std::fs::rename(&partial, path)?)
}

fn unpack_archive(archive: &Path, into: &Path) -> Result<()> {
    let mut file = BufReader::new(File::open(archive)?);
    let name = archive.to_string_lossy();
    let reader: Box<dyn Read> = if name.ends_with(".xz") {
        let mut data = Vec::new();
        lzma_rs::xz_decompress(&mut file, &mut data).map_err(|e| anyhow::anyhow!("{e:?}"))?;
        Box::new(std::io::Cursor::new(data))
    } else if name.ends_with(".gz") || name.ends_with(".tgz") {
        Box::new(flate2::read::MultiGzDecoder::new(file))
    } else {
        bail!("neither .tar.gz nor .tar.xz");
    };
    let mut tar = tar::Archive::new(reader);
    // Times are kept: make must not think that a shipped `configure` is older than its source.
    tar.set_preserve_mtime(true);
    Ok(tar.unpack(into)?)
}
