//! What is required: site-packages, and what else an installation has below its prefix.

use std::path::PathBuf;

use oxidize_format::{RunOptions, VIRTUAL_ROOT};

use super::root::Root;
use super::toolchain::Toolchain;
use super::{Findings, PackageError, Request, Warning};
use crate::collect::CollectError;
use crate::collect::{self, Tree};
use crate::output;
use crate::progress::Progress;
use crate::python::{self, Layout};
use crate::regular;
use crate::require::Host;

/// Installed packages.
#[derive(Default)]
pub(super) struct Site {
    /// Site-packages, and then the files below the prefix; none if nothing is required.
    pub(super) roots: Vec<Root>,
    /// What `sys.path` has behind the standard library, as the program sees it.
    pub(super) search_path: Vec<String>,
    /// Directories with the metadata of what was asked for, and not only required by that.
    pub(super) requested: Vec<String>,
}

/// What a line of a `.pth` file does.
enum Line<'l> {
    Path(&'l str),
    Code,
}

impl Site {
    /// Installs what is required.
    ///
    /// # Errors
    /// It cannot be had for the target, or does not run there.
    pub(super) fn install(
        request: &Request,
        tools: &Toolchain<'_>,
        findings: &mut Findings,
        progress: &dyn Progress,
    ) -> Result<Site, PackageError> {
        if request.requirements.is_empty() {
            return Ok(Site::default());
        }
        let target = tools.target();
        let host = Host {
            python: tools.python(),
            cache: tools.cache(),
            program: tools.compiler(findings, progress)?.program(),
            archives: tools.archives(),
        };
        let installed = request.requirements.install(&host, target, progress)?;
        // Whichever way they were named: in a file, by a URL, as a directory to look in.
        output::check_inputs(
            &request.output,
            installed.local.iter().map(PathBuf::as_path),
        )?;
        let clashes = installed.clashes.into_iter();
        findings.warnings.extend(clashes.map(Warning::SameFile));

        let site_packages = format!(
            "{VIRTUAL_ROOT}/{}",
            Layout::of(target, tools.python()).site_packages
        );
        let mut search_path = vec![site_packages.clone()];
        for (path, text) in path_files(&installed.site)? {
            let directories = &installed.site.directories;
            for line in lines(&text) {
                match line {
                    // Only what is in the blob can be meant: `site` ignores absent directories too.
                    Line::Path(line) if directories.iter().any(|known| known == line) => {
                        search_path.push(format!("{site_packages}/{line}"));
                    }
                    Line::Path(_) => {}
                    Line::Code if imports_site(request) => {}
                    Line::Code => {
                        let warning = Warning::PathFile(path.clone());
                        if !findings.warnings.contains(&warning) {
                            findings.warnings.push(warning);
                        }
                    }
                }
            }
        }
        let seen = |path: &String| python::seen_path(target, path).into_owned();
        Ok(Site {
            search_path: search_path.iter().map(seen).collect(),
            roots: vec![
                Root::searched(
                    &site_packages,
                    installed.site,
                    target,
                    tools.python(),
                    findings,
                )?,
                Root::unsearched(VIRTUAL_ROOT, installed.prefix),
            ],
            requested: installed.requested,
        })
    }
}

/// Whether `site` is imported, which runs the code.
fn imports_site(request: &Request) -> bool {
    let mut options = RunOptions::default();
    for setting in &request.interpreter {
        setting.apply(&mut options);
    }
    options.site
}

/// The `.pth` files that `site` reads, and their texts.
fn path_files(site: &Tree) -> Result<Vec<(String, String)>, PackageError> {
    let files = site.files.iter();
    let files = files.filter(|file| file.path.ends_with(".pth") && !file.path.contains('/'));
    let read = |file: &collect::File| match regular::read(&file.on_disk, regular::MOST_TEXT) {
        Ok(bytes) => Ok((
            file.path.clone(),
            String::from_utf8_lossy(&bytes).into_owned(),
        )),
        Err(source) => Err(PackageError::Collect(CollectError::Io {
            path: file.on_disk.clone(),
            source,
        })),
    };
    files.map(read).collect()
}

/// As `site.addpackage` reads them.
fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let lines = text.lines().map(str::trim_end);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(|line| {
        if line.starts_with("import ") || line.starts_with("import\t") {
            Line::Code
        } else {
            Line::Path(line.trim_start_matches("./").trim_end_matches('/'))
        }
    })
}
