//! Injected Windows and macOS programs as other people's readers see them: miniature stubs are
//! linked here and now, filled, and read with LIEF and pefile; Windows ones are signed and unsigned
//! by osslsigncode.
//!
//! What is not there is reported as skipped on standard error; `OXIDIZE_FORBID_SKIPS=1` turns that
//! into a failure.

mod pypi;
mod skips;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use oxidize_format::{RunOptions, Target};
use oxidize_inject::internal::appearance::{Appearance, ExecutionLevel};
use oxidize_inject::internal::container::{self, InjectOptions, elf, macho, pe};
use oxidize_inject::internal::image::macho::fat;
use oxidize_inject::internal::output;
use oxidize_inject::internal::pack::PackOptions;
use oxidize_inject::internal::pack::{self, Input, Part, PartFile, Payload};
use oxidize_inject::internal::progress::Silent;
use oxidize_inject::internal::python::Python;
use oxidize_inject::internal::sign::SignOptions;
use oxidize_inject::internal::sign::identity::Source;
use oxidize_inject::internal::sign::state::{self, State};
use oxidize_inject::internal::sign::{self, Identity};
use skips::skip;

const READERS: [&str; 2] = ["lief==1.0.0", "pefile==2024.8.26"];

fn workdir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let dir =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("foreign-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        dir
    })
}

/// Runs a tool; an error is what it had to say.
fn run(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("{name}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let (out, err) = (output.stdout, output.stderr);
    Err(format!(
        "{name}: {}{}",
        String::from_utf8_lossy(&err),
        String::from_utf8_lossy(&out)
    ))
}

/// Where the Python packages are.
fn readers() -> Result<&'static Path, String> {
    static READY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let ready = READY.get_or_init(|| pypi::packages("foreign-readers", &READERS));
    ready.as_deref().map_err(Clone::clone)
}

/// The linker of this name that comes with the compiler.
fn linker(name: &str) -> Result<PathBuf, String> {
    let sysroot = run(Command::new("rustc").args(["--print", "sysroot"]))?;
    let host = run(Command::new("rustc").args(["--print", "host-tuple"]))?;
    let path = Path::new(sysroot.trim())
        .join("lib/rustlib")
        .join(host.trim());
    let path = path.join("bin/gcc-ld").join(name);
    if path.is_file() {
        Ok(path)
    } else {
        Err(format!("no {name} in the toolchain"))
    }
}

/// Assembles and links one of the miniature stubs.
fn link(name: &str) -> Result<Vec<u8>, String> {
    link_with(name, &["-adhoc_codesign"])
}

/// The same with these options of Apple's linker.
fn link_with(name: &str, options: &[&str]) -> Result<Vec<u8>, String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/foreign")
        .join(format!("{name}.s"));
    // Tests run at the same time.
    static COUNT: AtomicUsize = AtomicUsize::new(0);
    let number = COUNT.fetch_add(1, Ordering::Relaxed);
    let (object, out) = (
        workdir().join(format!("{name}-{number}.o")),
        workdir().join(format!("{name}-{number}")),
    );
    let (triple, architecture) = match name {
        "macos-arm64" => ("arm64-apple-macos11", "arm64"),
        "macos-x86_64" => ("x86_64-apple-macos11", "x86_64"),
        _ => (Target::X86_64_WINDOWS.triple(), ""),
    };
    let mut assembler = Command::new("llvm-mc");
    assembler.args(["-filetype=obj", "-triple", triple, "-o"]);
    run(assembler.arg(&object).arg(source))?;
    let mut command;
    if architecture.is_empty() {
        command = Command::new(linker("lld-link")?);
        command.args([
            "/entry:main",
            "/subsystem:console",
            "/Brepro",
            "/nodefaultlib",
        ]);
        command.arg(format!("/out:{}", out.display()));
    } else {
        let slot = workdir().join(format!("slot-{number}"));
        fs::write(&slot, vec![0; 0x4000]).unwrap();
        command = Command::new(linker("ld64.lld")?);
        command.args([
            "-arch",
            architecture,
            "-platform_version",
            "macos",
            "11.0",
            "11.0",
        ]);
        command.args(options).args(["-fixup_chains", "-e", "_main"]);
        command.args(["-sectcreate", "__OXI", "__blob"]).arg(slot);
        let library = "tests/foreign/libSystem.tbd";
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(library));
        command.arg("-o").arg(&out);
    }
    run(command.arg(&object))?;
    Ok(fs::read(out).unwrap())
}

fn blob() -> Vec<u8> {
    (0..100_003u32)
        .map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect()
}

/// Everything that a Windows program can show of itself.
fn appearance() -> Appearance {
    let directory = tempfile::tempdir_in(workdir()).unwrap().keep();
    let (icon, version) = (directory.join("icon.png"), directory.join("version.toml"));
    let mut picture = Vec::new();
    let mut encoder = png::Encoder::new(&mut picture, 300, 300);
    encoder.set_color(png::ColorType::Rgba);
    encoder.set_depth(png::BitDepth::Eight);
    let pixels: Vec<u8> = (0..300u32 * 300 * 4).map(|i| (i % 251) as u8).collect();
    let written = encoder
        .write_header()
        .and_then(|mut writer| writer.write_image_data(&pixels));
    written.unwrap();
    fs::write(&icon, picture).unwrap();
    let text =
        "file-version = \"1.2.3.4\"\nproduct-version = \"5.6.7.8\"\nproduct-name = \"größer\"\n";
    fs::write(&version, text).unwrap();
    Appearance {
        icon: Some(icon),
        version_info: Some(version),
        execution_level: ExecutionLevel::RequireAdministrator,
        ..Appearance::default()
    }
}

fn options() -> InjectOptions {
    InjectOptions {
        gui: true,
        resources: appearance().resources(Path::new("app.exe")).unwrap(),
        identifier: Some("org.example.app".to_owned()),
    }
}

/// Fills a stub, takes it out again, and shows the filled one to the readers.
fn check(name: &str, made: &str, stub: &[u8]) -> PathBuf {
    let blob = blob();
    let plan = container::inject_with(stub, blob.len() as u64, &options()).unwrap();
    let app = plan.assemble(&blob);
    assert_eq!(
        container::remove(&app).unwrap(),
        stub,
        "{name}: the stub comes back"
    );
    assert!(!container::verify(&app).unwrap().altered);
    let (path, blob_path) = (
        workdir().join(format!("{name}.app")),
        workdir().join(format!("{name}.blob")),
    );
    fs::write(&path, app).unwrap();
    fs::write(&blob_path, blob).unwrap();
    show(name, &path, &blob_path, made);
    path
}

/// Shows a file to the readers.
fn show(name: &str, path: &Path, blob: &Path, made: &str) {
    match readers() {
        Ok(readers) => {
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/check.py");
            let mut python = Command::new("python3");
            python
                .env("PYTHONPATH", readers)
                .env("PYTHONDONTWRITEBYTECODE", "1");
            python.arg(script).arg(path).arg(blob).arg(made);
            run(&mut python).unwrap();
        }
        Err(reason) => skip(name, &reason),
    }
}

fn check_linked(name: &str) -> Option<PathBuf> {
    match link(name) {
        Ok(stub) => Some(check(name, "linked", &stub)),
        Err(reason) => {
            skip(name, &reason);
            None
        }
    }
}

#[test]
fn a_synthetic_windows_program() {
    check(
        "synthetic-pe",
        "built",
        &pe::synthetic::build(&pe::synthetic::Shape::default()),
    );
}

#[test]
fn linked_for_macos_on_apple_silicon() {
    check_linked("macos-arm64");
}

#[test]
fn linked_for_macos_on_intel() {
    check_linked("macos-x86_64");
}

/// As linkers leave programs for Intel: without even a place for a signature.
#[test]
fn a_mac_program_that_was_never_signed() {
    for name in ["macos-arm64", "macos-x86_64"] {
        let unsigned = match link_with(name, &["-no_adhoc_codesign"]) {
            Ok(unsigned) => unsigned,
            Err(reason) => return skip("a program without a signature", &reason),
        };
        assert_eq!(state::of(&unsigned).unwrap(), State::None, "{name}");
        let mut how = SignOptions::default();
        how.macos.identifier = Some("org.example.app".to_owned());
        let signed = sign::sign_file(&unsigned, None, &how, &Silent).unwrap();
        assert!(matches!(state::of(&signed).unwrap(), State::AdHoc { .. }));
        // One load command more, and nothing else of the program is moved.
        let commands = |file: &[u8]| file[16];
        assert_eq!(commands(&signed), commands(&unsigned) + 1);
        let text = unsigned.len().min(0x4000) - 64;
        assert_eq!(signed[text..unsigned.len()], unsigned[text..]);
        assert_eq!(
            sign::sign_file(&signed, None, &how, &Silent).unwrap(),
            signed
        );
        // It is a stub like any other now.
        check(&format!("{name}-signed"), "linked", &signed);

        let tight = link_with(name, &["-no_adhoc_codesign", "-headerpad", "0"]).unwrap();
        let refused = sign::sign_file(&tight, None, &how, &Silent).unwrap_err();
        let (mut told, mut cause) = (refused.to_string(), refused.source());
        while let Some(error) = cause {
            told.push_str(&format!(": {error}"));
            cause = error.source();
        }
        assert!(
            told.contains("no room for the load command of a signature"),
            "{told}"
        );
    }
}

#[test]
fn linked_for_both_kinds_of_mac() {
    let stubs = match (link("macos-x86_64"), link("macos-arm64")) {
        (Ok(intel), Ok(arm)) => [intel, arm],
        (Err(reason), _) | (_, Err(reason)) => return skip("a universal program", &reason),
    };
    let blob = blob();
    let apps = stubs.each_ref().map(|stub| {
        let plan = container::inject_with(stub, blob.len() as u64, &options()).unwrap();
        plan.assemble(&blob)
    });
    let both = fat::assemble(&apps.each_ref().map(Vec::as_slice)).unwrap();
    assert!(!container::verify(&both).unwrap().altered);
    let bare = fat::assemble(&stubs.each_ref().map(Vec::as_slice)).unwrap();
    assert!(container::remove(&both).unwrap() == bare);
    let (path, blob_path) = (workdir().join("both"), workdir().join("both.blob"));
    fs::write(&path, both).unwrap();
    fs::write(&blob_path, blob).unwrap();
    show("a universal program", &path, &blob_path, "linked");

    // With an identity, under the hardened runtime: more in the signature, but the same rules.
    let (key, certificate) = match identity() {
        Ok(files) => files,
        Err(reason) => return skip("a signed universal program", &reason),
    };
    let source = Source {
        key,
        pkcs12: false,
        certificates: vec![certificate],
    };
    let identity = Identity::load(&source, &mut || Ok(None)).unwrap();
    let mut how = SignOptions::default();
    how.macos.hardened_runtime = true;
    let signed =
        sign::sign_file(&fs::read(&path).unwrap(), Some(&identity), &how, &Silent).unwrap();
    assert!(!container::verify(&signed).unwrap().altered);
    fs::write(&path, signed).unwrap();
    show("a signed universal program", &path, &blob_path, "linked");
}

/// A key and its own certificate.
fn identity() -> Result<(PathBuf, PathBuf), String> {
    let directory = tempfile::tempdir_in(workdir()).unwrap().keep();
    let (key, certificate) = (directory.join("key.pem"), directory.join("certificate.pem"));
    let mut openssl = Command::new("openssl");
    openssl.args([
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=test", "-keyout",
    ]);
    openssl.arg(&key).arg("-out").arg(&certificate);
    openssl.args(["-addext", "extendedKeyUsage=codeSigning"]);
    run(&mut openssl).map(|_| (key, certificate))
}

#[test]
fn linked_for_windows() {
    let Some(app) = check_linked("windows-x86_64") else {
        return;
    };
    if let Err(reason) = run(Command::new("osslsigncode").arg("--version")) {
        return skip("osslsigncode", &reason);
    }
    let file = |name: &str| workdir().join(name);
    let (key, certificate) = match identity() {
        Ok(files) => files,
        Err(reason) => return skip("osslsigncode", &reason),
    };
    let (signed, unsigned) = (file("signed.exe"), file("unsigned.exe"));
    let mut sign = Command::new("osslsigncode");
    sign.arg("sign")
        .arg("-certs")
        .arg(certificate)
        .arg("-key")
        .arg(key);
    run(sign.arg("-in").arg(&app).arg("-out").arg(&signed)).unwrap();
    let mut remove = Command::new("osslsigncode");
    remove.arg("remove-signature").arg("-in").arg(&signed);
    run(remove.arg("-out").arg(&unsigned)).unwrap();
    let (app, signed, unsigned) = (
        fs::read(app).unwrap(),
        fs::read(signed).unwrap(),
        fs::read(unsigned).unwrap(),
    );
    assert_eq!(
        unsigned, app,
        "what was signed and unsigned is what it was before"
    );
    assert!(!container::verify(&signed).unwrap().altered);
    assert_eq!(
        container::remove(&signed).unwrap(),
        container::remove(&app).unwrap()
    );
}

#[test]
fn what_is_written_is_what_was_planned() {
    let text = vec![b'x'; 3_000_000];
    let file = PartFile {
        payload: Payload::Bytes(Cow::Borrowed(&text)),
        executable: false,
    };
    let input = Input {
        python: Python::OWN,
        target: oxidize_format::Target::X86_64_LINUX_GNU,
        config: RunOptions::default(),
        parts: vec![Part {
            root: "/~oxidize/app".to_owned(),
            directories: Vec::new(),
            files: BTreeMap::from([("data".to_owned(), file)]),
            modules: Vec::new(),
            code: BTreeMap::new(),
            blocks: BTreeMap::new(),
            frames: BTreeMap::new(),
            placed: std::collections::BTreeSet::new(),
        }],
        natives: Vec::new(),
        distributions: Vec::new(),
        licenses: None,
        script: None,
    };
    let options = PackOptions {
        optimize: 0,
        sources: true,
        compress: pack::Compress::Nothing,
    };
    let layout = pack::pack(&input, options, &Silent).unwrap();
    let stubs = [
        ("elf", elf::synthetic::build(&Default::default())),
        ("macho", macho::synthetic::build(&Default::default())),
        ("pe", pe::synthetic::build(&Default::default())),
    ];
    for (name, stub) in stubs {
        let path = workdir().join(format!("written-{name}"));
        let plan = container::inject(&stub, layout.len()).unwrap();
        output::write(&path, &plan, &layout, &Silent).unwrap();
        let app = fs::read(path).unwrap();
        let blob = container::extract(&app).unwrap().expect("it is in");
        let blob = &app[blob.start as usize..blob.end as usize];
        assert!(app == plan.assemble(blob), "{name}");
        assert!(!container::verify(&app).unwrap().altered, "{name}");
        assert!(container::remove(&app).unwrap() == stub, "{name}");
    }
}
