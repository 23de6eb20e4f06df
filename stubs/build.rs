//! Links the CPython distribution of the target into the stub.
//!
//! The distribution is the archive that `prebuilt/distributions/lock.toml` names for the target,
//! unpacked into `OUT_DIR` after its sha256 was checked, or, for work on the distribution itself,
//! an unpacked one named by `OXIDIZE_DISTRIBUTION_DIR` (the folder that holds `python/`). Its
//! `link-kit/link.args` says what the linker is given. Two ways lead to a linker:
//!
//! - a plain `cargo build` goes through the host's `cc`, which is told to add nothing of its own
//!   (`-nostartfiles`) and to start the toolchain's lld; neither the host's libc nor its linker get
//!   into the stub;
//! - `prebuilt stub` sets `OXIDIZE_DIRECT_LLD=1` and makes rustc call lld itself.
//!
//! It starts no cargo and needs no network: licence texts of crates are kept in `licences`.
//!
//! Passed on to the crate: `OXIDIZE_STUB_ID` (32 hex digits, a digest of everything the stub is
//! made of), `OXIDIZE_TARGET`, `OXIDIZE_PYTHON_VERSION`, `OXIDIZE_LICENSES` (a zstd frame with
//! every licence text).

use sha2::{Digest, Sha256};
use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() {
    if let Err(error) = run() {
        println!("cargo:warning=oxidize-stub: {error}");
        eprintln!("error: {error}");
        std::process::exit(1);
    }
}

fn run() -> Result<()> {
    if env::var_os("CARGO_FEATURE_PYTHON").is_none() {
        return Ok(()); // The pure parts alone.
    }
    let manifest_dir = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let repository = manifest_dir
        .parent()
        .ok_or("the crate has no parent folder")?;
    let target = env::var("TARGET")?;
    for name in ["OXIDIZE_DISTRIBUTION_DIR", "OXIDIZE_DIRECT_LLD"] {
        println!("cargo:rerun-if-env-changed={name}");
    }

    let (root, identity) = match env::var_os("OXIDIZE_DISTRIBUTION_DIR") {
        Some(folder) => {
            let root = PathBuf::from(folder);
            let document = root.join("python/PYTHON.json");
            println!("cargo:rerun-if-changed={}", document.display());
            let text = fs::read(&document)
                .map_err(|e| format!("OXIDIZE_DISTRIBUTION_DIR: {}: {e}", document.display()))?;
            (root, hex(&Sha256::digest(text)))
        }
        None => from_lock(repository, &target)?,
    };
    check_python(&root)?;
    link(&root)?;

    let licenses = PathBuf::from(env::var("OUT_DIR")?).join("licenses.txt.zst");
    let texts = license_texts(&root)? + &crate_license_texts(&manifest_dir, &target)?;
    fs::write(&licenses, zstd::bulk::compress(texts.as_bytes(), 19)?)?;
    println!("cargo:rustc-env=OXIDIZE_LICENSES={}", licenses.display());
    println!(
        "cargo:rustc-env=OXIDIZE_STUB_ID={}",
        stub_id(repository, &identity, &target)?
    );
    println!("cargo:rustc-env=OXIDIZE_TARGET={target}");
    Ok(())
}

/// Finds the target's archive, checks and unpacks it; answers the folder and the archive's sha256.
fn from_lock(repository: &Path, target: &str) -> Result<(PathBuf, String)> {
    let distributions = repository.join("prebuilt/distributions");
    let lock_path = distributions.join("lock.toml");
    println!("cargo:rerun-if-changed={}", lock_path.display());
    let text =
        fs::read_to_string(&lock_path).map_err(|e| format!("{}: {e}", lock_path.display()))?;
    let lock: toml::Table = text
        .parse()
        .map_err(|e| format!("{}: {e}", lock_path.display()))?;
    let archives = lock
        .get("archive")
        .and_then(toml::Value::as_array)
        .ok_or("lock.toml lists no archive")?;
    let field = |archive: &toml::Value, name: &str| {
        archive
            .get(name)
            .and_then(toml::Value::as_str)
            .map(str::to_owned)
    };
    let archive = archives
        .iter()
        .find(|a| field(a, "name").as_deref() == Some(target))
        .ok_or_else(|| {
            let known: Vec<String> = archives.iter().filter_map(|a| field(a, "name")).collect();
            format!(
                "there is no CPython distribution for {target} (lock.toml has {})",
                known.join(", ")
            )
        })?;
    let file = field(archive, "file").ok_or("lock.toml: an archive without file")?;
    let sha256 = field(archive, "sha256").ok_or("lock.toml: an archive without sha256")?;
    let path = distributions.join(&file);
    println!("cargo:rerun-if-changed={}", path.display());

    let root = PathBuf::from(env::var("OUT_DIR")?).join(format!("distribution-{}", &sha256[..16]));
    let done = root.join("unpacked");
    if !done.is_file() {
        let bytes = fs::read(&path).map_err(|e| format!("{}: {e}", path.display()))?;
        let found = hex(&Sha256::digest(&bytes));
        if found != sha256 {
            return Err(format!("{file} has sha256 {found}, lock.toml says {sha256}").into());
        }
        if root.is_dir() {
            fs::remove_dir_all(&root)?;
        }
        tar::Archive::new(zstd::Decoder::new(&bytes[..])?).unpack(&root)?;
        fs::write(&done, "")?;
    }
    Ok((root, sha256))
}

/// The distribution is of the version that the stub says it is of.
fn check_python(root: &Path) -> Result<()> {
    let path = root.join("python/PYTHON.json");
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let said = format!("\"python_version\": \"{}\"", oxidize_python::VERSION);
    if text.contains(&said) {
        return Ok(());
    }
    Err(format!(
        "the distribution is not of CPython {}, which this stub is for: {}",
        oxidize_python::VERSION,
        path.display()
    )
    .into())
}

/// Hands `link.args` to the linker.
fn link(root: &Path) -> Result<()> {
    let path = root.join("python/build/link-kit/link.args");
    println!("cargo:rerun-if-changed={}", path.display());
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let root = root
        .to_str()
        .ok_or("the path of the distribution is not UTF-8")?;
    let direct = env::var_os("OXIDIZE_DIRECT_LLD").is_some_and(|v| v == "1");
    let system = env::var("CARGO_CFG_TARGET_OS")?;
    if !direct && system != "linux" {
        return Err(format!(
            "a stub for {system} is linked by the toolchain's lld alone: oxidize-prebuilt stub"
        )
        .into());
    }
    if !direct {
        let lld = toolchain_lld()?;
        for argument in [
            "-nostartfiles",
            "-nodefaultlibs",
            "-fuse-ld=lld",
            &format!("-B{}", lld.display()),
        ] {
            println!("cargo:rustc-link-arg={argument}");
        }
    }
    if system == "windows" {
        // For COFF, lld's order of functions by who calls whom is another one with each link; a
        // stub must be the same bytes.
        println!("cargo:rustc-link-arg=-Xlink=-call-graph-profile-sort:no");
    }
    if env::var("CARGO_CFG_TARGET_ENV")? == "musl" {
        // Only commands that insert: the linker's own layout stays.
        let script = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("src/snapshot/fresh.ld");
        let through = if direct { "" } else { "-Wl," };
        let script = script.display().to_string();
        for argument in ["-T", &script, "--wrap=getenv", "--wrap=secure_getenv"] {
            println!("cargo:rustc-link-arg-bin=oxidize-stub={through}{argument}");
        }
    }
    for argument in file_functions(&system)? {
        let through = if direct { "" } else { "-Wl," };
        println!("cargo:rustc-link-arg-bin=oxidize-stub={through}{argument}");
    }
    // Cargo has no place before rustc's own objects. None is needed: the startup object is found by
    // its symbol, and lld gathers -L before it opens the first library.
    for line in text.lines().filter(|line| *line != "---") {
        let argument = line.replace("{root}", root);
        // -L goes to cc as it is: handed through by -Wl it would come behind the host's own
        // folders.
        if direct || argument.starts_with("-L") || argument.starts_with('/') {
            println!("cargo:rustc-link-arg={argument}");
        } else {
            println!("cargo:rustc-link-arg=-Wl,{argument}");
        }
    }
    Ok(())
}

/// The linker's options for the system's functions that `src/files` defines. For Windows and macOS
/// it writes their table, too.
fn file_functions(system: &str) -> Result<Vec<String>> {
    let manifest = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let path = match system {
        "windows" => "windows/names.txt".to_owned(),
        system => format!("posix/names_{system}.txt"),
    };
    let path = manifest.join("src/files").join(path);
    let text = fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))?;
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    let out = PathBuf::from(env::var("OUT_DIR")?);
    if system == "macos" {
        let table = macos_table(lines, &env::var("CARGO_CFG_TARGET_ARCH")?)?;
        fs::write(out.join("file-functions.rs"), table)?;
        return Ok(Vec::new());
    }
    let names: Vec<(&str, bool)> = lines
        .map(|line| {
            line.split_once(' ')
                .map_or((line, false), |(name, _)| (name, true))
        })
        .collect();
    if system == "linux" && env::var("CARGO_CFG_TARGET_ENV")? == "gnu" {
        let list: String = names.iter().map(|(name, _)| format!("{name};")).collect();
        let path = out.join("file-functions.list");
        fs::write(&path, format!("{{{list}}};\n"))?;
        return Ok(vec![format!("--dynamic-list={}", path.display())]);
    }
    if system == "windows" {
        fs::write(out.join("file-functions.rs"), function_table(&names)?)?;
    }
    Ok(names
        .iter()
        .filter(|(_, glibc_only)| !glibc_only)
        .map(|(name, _)| format!("--wrap={name}"))
        .collect())
}

/// Rust source: the names with our definitions of them.
fn function_table(names: &[(&str, bool)]) -> Result<String> {
    let mut text = String::from("unsafe extern \"system\" {\n");
    for (index, (name, _)) in names.iter().enumerate() {
        writeln!(
            text,
            "    #[link_name = \"__wrap_{name}\"]\n    fn function{index}();"
        )?;
    }
    writeln!(
        text,
        "}}\nstatic FUNCTIONS: [(&str, Function); {}] = [",
        names.len()
    )?;
    for (index, (name, _)) in names.iter().enumerate() {
        writeln!(text, "    ({name:?}, function{index}),")?;
    }
    text.push_str("];\n");
    Ok(text)
}

/// Rust source for macOS: `symbol!`, which gives the symbol of a function, `FUNCTIONS` with the
/// definitions of ours, and `index` with their places in it.
fn macos_table<'l>(lines: impl Iterator<Item = &'l str>, arch: &str) -> Result<String> {
    let (mut symbols, mut functions) = (String::new(), String::new());
    let (mut table, mut index) = (String::new(), String::new());
    let mut count = 0;
    for line in lines {
        let (name, symbol) = match line.split_once(' ') {
            None => (line, line),
            Some((name, other)) => match other.split_once('=') {
                Some(("all", symbol)) => (name, symbol),
                Some(("intel", symbol)) if arch == "x86_64" => (name, symbol),
                Some(("intel", _)) => (name, name),
                _ => return Err(format!("names_macos.txt: {line}").into()),
            },
        };
        writeln!(symbols, "    ({name}) => {{ {symbol:?} }};")?;
        writeln!(
            functions,
            "    #[link_name = {symbol:?}]\n    fn function{count}();"
        )?;
        writeln!(
            table,
            "    Function {{ name: \"{symbol}\\0\", own: function{count}, \
             real: std::sync::atomic::AtomicPtr::new(std::ptr::null_mut()) }},"
        )?;
        writeln!(
            index,
            "    pub(in crate::files) const {name}: usize = {count};"
        )?;
        count += 1;
    }
    Ok(format!(
        "macro_rules! symbol {{\n{symbols}}}\nunsafe extern \"C\" {{\n{functions}}}\n\
         static FUNCTIONS: [Function; {count}] = [\n{table}];\n\
         // Named like the functions; not all of them have a real one to call.\n\
         #[allow(dead_code, non_upper_case_globals)]\npub(super) mod index {{\n{index}}}\n"
    ))
}

/// The folder with `ld.lld` inside the toolchain that runs this.
fn toolchain_lld() -> Result<PathBuf> {
    let rustc = env::var_os("RUSTC").ok_or("RUSTC is not set")?;
    let output = Command::new(rustc).args(["--print", "sysroot"]).output()?;
    let sysroot = String::from_utf8(output.stdout)?;
    let folder = Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(env::var("HOST")?)
        .join("bin/gcc-ld");
    if folder.join("ld.lld").is_file() {
        Ok(folder)
    } else {
        Err(format!("the toolchain has no lld of its own ({})", folder.display()).into())
    }
}

/// All licence texts of the distribution, one after another, in the order of their names.
fn license_texts(root: &Path) -> Result<String> {
    let folder = root.join("python/licenses");
    let mut names: Vec<PathBuf> = fs::read_dir(&folder)?.flatten().map(|e| e.path()).collect();
    names.sort();
    let mut text = String::new();
    for path in names {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        writeln!(
            text,
            "======== {name}\n\n{}",
            fs::read_to_string(&path)?.trim_end()
        )?;
    }
    Ok(text)
}

/// The texts of Rust's standard library and of the crates that go into the target's stub, which
/// `oxidize-prebuilt licences` has put into the tree.
fn crate_license_texts(manifest_dir: &Path, target: &str) -> Result<String> {
    let folder = manifest_dir.join("licences");
    let read = |name: &str| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(|e| format!("{}: {e}", path.display()))
    };
    let index: toml::Table = read("crates.toml")?
        .parse()
        .map_err(|e| format!("licences/crates.toml: {e}"))?;
    let crates = index
        .get("crate")
        .and_then(toml::Value::as_array)
        .ok_or("licences/crates.toml lists no crate")?;
    let mut all = read("rust-std.txt")?;
    let mut count = 0;
    for entry in crates {
        let targets = entry.get("targets").and_then(toml::Value::as_array);
        let concerns = |t: &toml::Value| t.as_str() == Some(target);
        if !targets.is_some_and(|targets| targets.iter().any(concerns)) {
            continue;
        }
        count += 1;
        let field = |name: &str| {
            let text = entry.get(name).and_then(toml::Value::as_str);
            text.ok_or_else(|| format!("licences/crates.toml: a crate without {name}"))
        };
        let (name, version) = (field("name")?, field("version")?);
        let text = read(&format!("crates/{name}-{version}.txt"))?;
        write!(all, "\n======== crate {name} {version}\n\n{text}")?;
    }
    if count == 0 {
        return Err(format!(
            "licences/crates.toml has nothing for {target}\n  hint: oxidize-prebuilt licences"
        )
        .into());
    }
    Ok(all)
}

/// First 16 bytes of a digest over the distribution, the sources of the stub and of the format, the
/// locked crates, the compiler, the target and the profile, in hex. Two stubs with one id are the
/// same stub.
fn stub_id(repository: &Path, distribution: &str, target: &str) -> Result<String> {
    let mut digest = Sha256::new();
    for part in [
        "oxidize-stub 1",
        distribution,
        target,
        &env::var("PROFILE")?,
        &env::var("OPT_LEVEL")?,
    ] {
        digest.update(part);
        digest.update([0]);
    }
    let version = Command::new(env::var_os("RUSTC").ok_or("RUSTC is not set")?)
        .arg("--version")
        .output()?;
    digest.update(version.stdout);
    let mut files = vec!["Cargo.lock".into()];
    if env::var("CARGO_CFG_TARGET_OS")? == "macos" {
        // What the system is taken to have, and what is written into the program after the link.
        for file in [
            "prebuilt/support/macos/imports.toml".to_owned(),
            format!("prebuilt/recipes/targets/{target}.toml"),
        ] {
            println!(
                "cargo:rerun-if-changed={}",
                repository.join(&file).display()
            );
            files.push(file.into());
        }
    }
    for folder in ["stubs", "format/src", "python"] {
        list(repository, Path::new(folder), &mut files)?;
        println!(
            "cargo:rerun-if-changed={}",
            repository.join(folder).display()
        );
    }
    files.sort();
    for file in files {
        digest.update(file.to_string_lossy().replace('\\', "/"));
        digest.update([0]);
        digest.update(Sha256::digest(fs::read(repository.join(&file))?));
    }
    Ok(hex(&digest.finalize()[..16]))
}

fn list(root: &Path, folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(root.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            list(root, &path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
