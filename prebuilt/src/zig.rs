//! The C compiler: `zig cc` of a pinned version, found by option, environment or as the Python
//! package `ziglang`.

use crate::recipe::Target;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The one version archives are built with; another one would give other bytes.
pub(crate) const ZIG_VERSION: &str = "0.15.2";

/// A checked zig.
#[derive(Debug, Clone)]
pub struct Zig {
    /// The executable.
    pub exe: PathBuf,
    /// Cache folder; zig keeps compiled objects and C libraries there.
    pub cache: PathBuf,
}

impl Zig {
    /// Looks at `given`, then `OXIDIZE_ZIG`, then asks `python3 -m ziglang`.
    pub fn find(given: Option<&Path>, cache: &Path) -> Result<Self> {
        let from_env = std::env::var_os("OXIDIZE_ZIG").map(PathBuf::from);
        let exe = match given.map(Path::to_path_buf).or(from_env) {
            Some(exe) => exe,
            None => from_python().with_context(|| {
                format!(
                    "zig {ZIG_VERSION} not found\n  hint: pip install ziglang=={ZIG_VERSION}, or name the executable \
                     with --zig or OXIDIZE_ZIG"
                )
            })?,
        };
        let output = Command::new(&exe)
            .arg("version")
            .output()
            .with_context(|| format!("cannot run {}", exe.display()))?;
        let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        if version != ZIG_VERSION {
            bail!(
                "{} is zig {version}, the archives are built with {ZIG_VERSION}",
                exe.display()
            );
        }
        Ok(Self {
            exe: exe.canonicalize()?,
            cache: cache.to_owned(),
        })
    }

    /// zig's own headers and lists, beside the executable.
    pub fn library(&self) -> PathBuf {
        self.exe.with_file_name("lib")
    }

    /// A command of zig with the cache set.
    pub fn command(&self, word: &str) -> Command {
        let mut command = Command::new(&self.exe);
        command
            .arg(word)
            .env("ZIG_GLOBAL_CACHE_DIR", &self.cache)
            .env("ZIG_LOCAL_CACHE_DIR", &self.cache);
        // A path of the C compiler's caller must not choose another compiler's settings.
        for name in [
            "CPATH",
            "C_INCLUDE_PATH",
            "LIBRARY_PATH",
            "CCC_OVERRIDE_OPTIONS",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// `zig cc` for a target, with the flags of all C files; `map` is the folder whose name must
    /// not enter objects.
    pub fn cc(&self, target: &Target, map: &Path) -> Command {
        let mut command = self.command("cc");
        command.args(self.cc_arguments(target, map));
        command
    }

    fn cc_arguments(&self, target: &Target, map: &Path) -> Vec<String> {
        let mut arguments = vec!["-target".to_owned(), target.zig.clone()];
        let work = map.display().to_string();
        let all = target.flags.all.iter();
        arguments.extend(all.map(|flag| flag.replace("{work}", &work)));
        arguments.push(format!("-ffile-prefix-map={}=.", map.display()));
        arguments
    }

    /// Makes a static library of `objects`, replacing it. Members appear in the given order,
    /// without owner and time.
    pub fn archive(&self, library: &Path, objects: &[PathBuf]) -> Result<()> {
        let _ = std::fs::remove_file(library);
        let list = library.with_extension("rsp");
        let text: String = objects
            .iter()
            .map(|o| format!("\"{}\"\n", o.display()))
            .collect();
        std::fs::write(&list, text)?;
        let status = self
            .command("ar")
            .arg("rcsD")
            .arg(library)
            .arg(format!("@{}", list.display()))
            .status()
            .context("cannot run zig ar")?;
        std::fs::remove_file(&list)?;
        if !status.success() {
            bail!("zig ar could not make {}", library.display());
        }
        Ok(())
    }

    /// Writes `cc`, `ar` and `ranlib` for build systems that want to find them on PATH.
    pub fn write_wrappers(&self, target: &Target, map: &Path, folder: &Path) -> Result<()> {
        self.write_wrappers_with(&self.cc_arguments(target, map), folder)
    }

    /// The same with these arguments for `cc`; and `dlltool`, which rustc runs for Windows.
    pub fn write_wrappers_with(&self, arguments: &[String], folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder)?;
        let cache = self.cache.display();
        let exe = self.exe.display();
        let flags: Vec<String> = arguments.iter().map(|a| format!("'{a}'")).collect();
        let environment =
            format!("export ZIG_GLOBAL_CACHE_DIR='{cache}' ZIG_LOCAL_CACHE_DIR='{cache}'");
        for (name, line) in [
            ("cc", format!("exec '{exe}' cc {} \"$@\"", flags.join(" "))),
            ("ar", format!("exec '{exe}' ar \"$@\"")),
            ("ranlib", format!("exec '{exe}' ranlib \"$@\"")),
            ("dlltool", format!("exec '{exe}' dlltool \"$@\"")),
        ] {
            let path = folder.join(name);
            std::fs::write(&path, format!("#!/bin/sh\n{environment}\n{line}\n"))?;
            make_executable(&path)?;
        }
        Ok(())
    }
}

#[cfg(unix)]
fn make_executable(path: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    Ok(std::fs::set_permissions(
        path,
        std::fs::Permissions::from_mode(0o755),
    )?)
}

#[cfg(not(unix))]
fn make_executable(_path: &Path) -> Result<()> {
    Ok(())
}

fn from_python() -> Result<PathBuf> {
    let script =
        "import os, ziglang; print(os.path.join(os.path.dirname(ziglang.__file__), 'zig'))";
    let output = Command::new("python3")
        .args(["-c", script])
        .output()
        .context("cannot run python3")?;
    if !output.status.success() {
        bail!("python3 has no package ziglang");
    }
    Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
}
