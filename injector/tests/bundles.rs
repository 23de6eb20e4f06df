//! Bundles of macOS: what is signed in which order, what the seal covers, and that any change is
//! told.

#![cfg(unix)]

mod identities;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use identities::{RSA, mac_library, mac_program, mac_program_with, run, workshop};
use oxidize_inject::internal::image::macho::fat;
use plist::Value;
use tempfile::TempDir;

fn info(identifier: &str, program: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict>\
         <key>CFBundleIdentifier</key><string>{identifier}</string>\
         <key>CFBundleExecutable</key><string>{program}</string></dict></plist>"
    )
}

fn write(root: &Path, path: &str, content: impl AsRef<[u8]>) {
    let path = root.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// An application with everything that one can hold.
fn application(dir: &Path) -> (TempDir, PathBuf) {
    let place = tempfile::tempdir_in(dir).unwrap();
    let app = place.path().join("Demo.app");
    let both = fat::assemble(&[&mac_library(true), &mac_library(false)]).unwrap();
    write(
        &app,
        "Contents/Info.plist",
        info("org.example.demo", "Demo"),
    );
    write(&app, "Contents/PkgInfo", "APPL????");
    write(&app, "Contents/MacOS/Demo", mac_program(true));
    write(&app, "Contents/MacOS/helper", mac_program(true));
    write(&app, "Contents/Resources/data/a.txt", "a");
    write(&app, "Contents/Resources/en.lproj/menu.strings", "menu");
    write(&app, "Contents/Resources/plugin.so", mac_library(true));
    write(&app, "Contents/SharedSupport/deep/manual", "read");
    write(&app, "Contents/Frameworks/both.dylib", both);
    let framework = app.join("Contents/Frameworks/F.framework");
    for version in ["A", "B"] {
        write(
            &framework,
            &format!("Versions/{version}/F"),
            mac_library(true),
        );
        let list = info("org.example.f", "F");
        write(
            &framework,
            &format!("Versions/{version}/Resources/Info.plist"),
            list,
        );
    }
    symlink("B", framework.join("Versions/Current")).unwrap();
    symlink("Versions/Current/F", framework.join("F")).unwrap();
    write(
        &app,
        "Contents/XPCServices/X.xpc/Contents/Info.plist",
        info("org.example.x", "X"),
    );
    write(
        &app,
        "Contents/XPCServices/X.xpc/Contents/MacOS/X",
        mac_program(false),
    );
    write(
        &app,
        "Contents/Resources/Inner.app/Contents/Info.plist",
        info("org.example.i", "I"),
    );
    write(
        &app,
        "Contents/Resources/Inner.app/Contents/MacOS/I",
        mac_program(true),
    );
    symlink("data/a.txt", app.join("Contents/Resources/link")).unwrap();
    (place, app)
}

fn tool(dir: &Path, words: &str) -> Result<String, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
    command.args(words.split_whitespace()).current_dir(dir);
    command.env("SOURCE_DATE_EPOCH", "1700000000");
    run(&mut command)
}

fn verify(app: &Path) -> Result<String, String> {
    tool(Path::new("/"), &format!("verify {}", app.display()))
}

/// Every file and link below a directory.
fn content(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut open = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let entry = entry.unwrap();
            let kind = entry.file_type().unwrap();
            if kind.is_dir() {
                open.push(entry.path());
            } else if kind.is_file() {
                found.insert(entry.path(), fs::read(entry.path()).unwrap());
            } else {
                let target = fs::read_link(entry.path()).unwrap();
                found.insert(entry.path(), target.into_os_string().into_encoded_bytes());
            }
        }
    }
    found
}

#[test]
fn a_bundle_is_signed_from_the_inside_out() {
    let Some(dir) = workshop() else { return };
    let (_place, app) = application(dir);
    let unsigned = verify(&app).unwrap_err();
    assert!(unsigned.contains("sealed by nothing"), "{unsigned}");
    let told = tool(
        dir,
        &format!("sign {} {RSA} --hardened-runtime", app.display()),
    )
    .unwrap();
    assert!(
        told.contains("with 7 more programs and libraries inside"),
        "{told}"
    );
    let told = verify(&app).unwrap();
    assert!(told.contains("identifier: org.example.demo"), "{told}");
    for (code, identifier) in [
        ("Contents/Frameworks/both.dylib", "both"),
        ("Contents/Resources/plugin.so", "plugin"),
    ] {
        let told = verify(&app.join(code)).unwrap();
        // Those that had a name keep it.
        assert!(told.contains("signed by Test-rsa"), "{told}");
        assert!(
            told.contains(identifier) || told.contains("org.example.app"),
            "{told}"
        );
    }
    for bundle in [
        "Contents/Frameworks/F.framework",
        "Contents/XPCServices/X.xpc",
        "Contents/Resources/Inner.app",
    ] {
        assert!(verify(&app.join(bundle)).is_ok(), "{bundle}");
    }
    let seal = Value::from_file(app.join("Contents/_CodeSignature/CodeResources")).unwrap();
    let seal = seal.into_dictionary().unwrap();
    let files = seal["files2"].as_dictionary().unwrap();
    let entry = |path: &str| files[path].as_dictionary().unwrap();
    assert_eq!(
        entry("Resources/link")["symlink"].as_string(),
        Some("data/a.txt")
    );
    assert!(entry("Resources/en.lproj/menu.strings").contains_key("optional"));
    assert!(entry("Resources/plugin.so").contains_key("hash2"));
    assert!(
        entry("Resources/Inner.app/Contents/_CodeSignature/CodeResources").contains_key("hash2")
    );
    for code in [
        "MacOS/helper",
        "Frameworks/both.dylib",
        "Frameworks/F.framework",
        "XPCServices/X.xpc",
    ] {
        assert_eq!(entry(code)["cdhash"].as_data().unwrap().len(), 20);
        let requirement = entry(code)["requirement"].as_string().unwrap();
        assert!(requirement.starts_with("identifier \""), "{requirement}");
    }
    for unsealed in ["Info.plist", "PkgInfo", "MacOS/Demo", "CodeResources"] {
        assert!(!files.contains_key(unsealed));
    }
    // The same again gives the same bytes.
    let before = content(&app);
    tool(
        dir,
        &format!("sign {} {RSA} --hardened-runtime", app.display()),
    )
    .unwrap();
    assert!(content(&app) == before);
    // A staple changes nothing.
    write(&app, "Contents/CodeResources", "s8ch");
    verify(&app).unwrap();
}

#[test]
fn every_change_of_a_bundle_is_told() {
    let Some(dir) = workshop() else { return };
    for identity in [RSA, ""] {
        let (_place, app) = application(dir);
        tool(dir, &format!("sign {} {identity}", app.display())).unwrap();
        verify(&app).unwrap();
        let signed = content(&app);
        for (path, bytes) in &signed {
            let name = path
                .strip_prefix(&app)
                .unwrap()
                .to_string_lossy()
                .into_owned();
            let is_link = path.is_symlink();
            if is_link {
                fs::remove_file(path).unwrap();
                symlink("elsewhere", path).unwrap();
            } else {
                let mut changed = bytes.clone();
                let middle = changed.len() / 2;
                changed[middle] ^= 1;
                fs::write(path, changed).unwrap();
            }
            let told = verify(&app);
            // Nobody vouches for the file that Finder reads.
            let free = name == "Contents/PkgInfo";
            assert_eq!(told.is_ok(), free, "{name}: {told:?}");
            // Nobody misses the links of a framework.
            let free = free || is_link && name.contains("F.framework/");
            fs::remove_file(path).unwrap();
            let told = verify(&app);
            let free = free || name.contains(".lproj/");
            assert_eq!(told.is_ok(), free, "{name} removed: {told:?}");
            if is_link {
                let target = String::from_utf8(bytes.clone()).unwrap();
                symlink(target, path).unwrap();
            } else {
                fs::write(path, bytes).unwrap();
            }
        }
        verify(&app).unwrap();
        for new in [
            "Contents/Resources/new",
            "Contents/MacOS/new",
            "Contents/new",
        ] {
            write(&app, new, "new");
            let told = verify(&app).unwrap_err();
            assert!(told.contains("was added after it was signed"), "{told}");
            fs::remove_file(app.join(new)).unwrap();
        }
        for (root, beside) in [
            ("", "Contents"),
            ("Contents/XPCServices/X.xpc/", "Contents"),
            ("Contents/Frameworks/F.framework/", "Versions"),
        ] {
            let new = app.join(format!("{root}new"));
            fs::write(&new, "new").unwrap();
            let told = verify(&app).unwrap_err();
            let expected = format!("new`: it lies beside {beside}");
            assert!(told.contains(&expected), "{told}");
            fs::remove_file(new).unwrap();
        }
        // Finder's own files are nobody's concern.
        write(&app, ".DS_Store", "x");
        verify(&app).unwrap();
        tool(dir, &format!("sign {} {identity}", app.display())).unwrap();
    }
}

/// Every directory below one.
fn directories(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    let mut next = 0;
    while let Some(directory) = found.get(next) {
        let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap());
        let inside = entries.filter(|entry| entry.file_type().unwrap().is_dir());
        let inside: Vec<PathBuf> = inside.map(|entry| entry.path()).collect();
        found.extend(inside);
        next += 1;
    }
    found.sort();
    found
}

#[test]
fn a_signature_that_fails_leaves_nothing() {
    let Some(dir) = workshop() else { return };
    let (_place, app) = application(dir);
    let before = (directories(&app), content(&app));
    // The first signature, and one behind others.
    let count = app.with_file_name("count");
    let later = format!(
        "echo >> {0}; test $(wc -l < {0}) -lt 6 && exec openssl pkeyutl -sign -inkey rsa.key \
         -pkeyopt digest:sha256",
        count.display()
    );
    for line in ["false", &later] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_oxidize-inject"));
        command.arg("sign").arg(&app).args(["--sign-command", line]);
        command.args(["--sign-certificates", "rsa.pem"]);
        let told = run(command.current_dir(dir)).unwrap_err();
        assert!(told.contains("the sign command failed"), "{told}");
        assert!(before == (directories(&app), content(&app)));
    }
    assert_eq!(fs::read(count).unwrap().len(), 6);
}

#[test]
fn the_program_of_a_bundle_is_judged_as_one_alone() {
    let Some(dir) = workshop() else { return };
    let (_place, app) = application(dir);
    let sign = |more: &str| tool(dir, &format!("sign {} {RSA} {more}", app.display()));
    let program = mac_program_with(true, &[&mac_library(true)]);
    write(&app, "Contents/MacOS/Demo", &program);
    let words = "the hardened runtime will not load `/~oxidize/app/native0.so`";
    assert!(!sign("").unwrap().contains(words));
    let told = sign("--hardened-runtime").unwrap();
    assert!(told.contains(words), "{told}");
    // The code counts from 0 at the start of its section.
    let mut damaged = program;
    let code = (0..100).collect::<Vec<u8>>();
    let code = damaged.windows(100).position(|bytes| bytes == code);
    damaged[code.unwrap() + 50] ^= 1;
    write(&app, "Contents/MacOS/Demo", damaged);
    let before = content(&app);
    let told = sign("").unwrap_err();
    assert!(told.contains("Contents/MacOS/Demo` is damaged"), "{told}");
    assert!(content(&app) == before);
}

#[test]
fn what_a_bundle_loses_or_has_in_odd_places_is_told() {
    let Some(dir) = workshop() else { return };
    let (_place, app) = application(dir);
    let sign = |identity: &str| {
        let told = tool(dir, &format!("sign {} {identity}", app.display())).unwrap();
        let json = format!(
            "sign {} {identity} --quiet --output-format json",
            app.display()
        );
        let json: serde_json::Value = serde_json::from_str(&tool(dir, &json).unwrap()).unwrap();
        (told, json["warnings"].to_string())
    };
    let odd = "Contents/Resources/Inner.app` is a bundle among resources";
    let (told, again) = sign(RSA);
    for told in [&told, &again] {
        assert!(told.contains(odd), "{told}");
        assert!(!told.contains("is replaced"), "{told}");
    }
    let ec = "--sign-key ec.key --sign-certificates ec.pem --sign-certificates ca.pem";
    let (told, again) = sign(ec);
    let replaced = "the signature of `Test-rsa` is replaced (8 programs and libraries)";
    assert!(told.contains(replaced), "{told}");
    assert!(!again.contains("is replaced"), "{again}");
    let (told, _) = sign("");
    let replaced = "the signature of `Test-ec` is replaced (8 programs and libraries)";
    assert!(told.contains(replaced), "{told}");
    // Where code belongs, nothing is odd.
    fs::remove_dir_all(app.join("Contents/Resources/Inner.app")).unwrap();
    let (told, _) = sign(RSA);
    assert!(!told.contains("is a bundle among"), "{told}");
}

#[test]
fn what_cannot_be_signed_is_named_and_nothing_is_changed() {
    let Some(dir) = workshop() else { return };
    type Spoil = fn(&Path);
    let cases: [(&str, Spoil); 14] = [
        ("Demo.app/notes.txt`: it lies beside Contents", |app| {
            write(app, "notes.txt", "mine");
        }),
        ("Demo.app/Resources`: it lies beside Contents", |app| {
            write(app, "Resources/notes.txt", "mine");
        }),
        ("Inner.app/notes.txt`: it lies beside Contents", |app| {
            write(app, "Contents/Resources/Inner.app/notes.txt", "mine");
        }),
        ("F.framework/notes.txt`: it lies beside Versions", |app| {
            write(app, "Contents/Frameworks/F.framework/notes.txt", "mine");
        }),
        ("is in a directory that may hold only code", |app| {
            write(app, "Contents/MacOS/notes.txt", "mine");
        }),
        ("leads out of the bundle", |app| {
            symlink("../../../../secret", app.join("Contents/Resources/out")).unwrap();
        }),
        ("leads out of the bundle", |app| {
            symlink("/etc/passwd", app.join("Contents/Resources/out")).unwrap();
        }),
        ("is not a file name", |app| {
            write(
                app,
                "Contents/Info.plist",
                info("a", "../Resources/data/a.txt"),
            );
        }),
        ("is not there", |app| {
            write(app, "Contents/Info.plist", info("a", "other"));
        }),
        ("not a property list", |app| {
            write(app, "Contents/Info.plist", "<plist");
        }),
        ("is not code", |app| {
            write(app, "Contents/MacOS/Demo", "#!/bin/sh\n");
        }),
        ("Contents/_CodeSignature`: it is a link", |app| {
            let elsewhere = app.with_file_name("elsewhere");
            fs::create_dir(&elsewhere).unwrap();
            symlink("../../elsewhere", app.join("Contents/_CodeSignature")).unwrap();
        }),
        ("Contents`: it is a link", |app| {
            fs::rename(app.join("Contents"), app.with_file_name("other")).unwrap();
            symlink("../other", app.join("Contents")).unwrap();
        }),
        ("is neither a file nor a directory", |app| {
            let pipe = app.join("Contents/Resources/pipe");
            assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
        }),
    ];
    for (problem, spoil) in cases {
        let (_place, app) = application(dir);
        spoil(&app);
        let before = files_of(&app);
        let told = tool(dir, &format!("sign {} {RSA}", app.display())).unwrap_err();
        assert!(told.contains(problem), "{problem}: {told}");
        assert_eq!(files_of(&app), before, "{problem}");
        let elsewhere = fs::read_dir(app.with_file_name("elsewhere"));
        assert_eq!(elsewhere.map_or(0, Iterator::count), 0);
    }
    let (_place, app) = application(dir);
    let output = app.with_file_name("Other.app");
    let words = format!("sign {} {RSA} -o {}", app.display(), output.display());
    assert!(tool(dir, &words).unwrap_err().contains("signed in place"));
    assert!(!output.exists());
    let told = tool(
        dir,
        &format!("sign {} {RSA}", app.join("Contents/Resources").display()),
    );
    assert!(told.unwrap_err().contains("is not a bundle"));
}

/// [`content`] of the regular files.
fn files_of(app: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let pipe = app.join("Contents/Resources/pipe");
    let has_pipe = pipe.exists();
    if has_pipe {
        let aside = app.with_file_name("pipe");
        fs::rename(&pipe, &aside).unwrap();
        let found = content(app);
        fs::rename(aside, pipe).unwrap();
        return found;
    }
    content(app)
}

#[test]
fn a_bundles_program_is_not_signed_by_itself() {
    let Some(dir) = workshop() else { return };
    let (place, app) = application(dir);
    // A bundle that was never signed has no seal to break.
    let helper = app.join("Contents/MacOS/helper");
    let told = tool(dir, &format!("sign {} {RSA}", helper.display())).unwrap();
    assert!(!told.contains("sign the bundle again"), "{told}");
    tool(dir, &format!("sign {} {RSA}", app.display())).unwrap();
    let before = content(&app);
    let link = place.path().join("link");
    symlink(app.join("Contents/MacOS/Demo"), &link).unwrap();
    for program in [
        app.join("Contents/MacOS/Demo"),
        app.join("Contents/Frameworks/F.framework/Versions/A/F"),
        app.join("Contents/Frameworks/F.framework/F"),
        app.join("Contents/XPCServices/../MacOS/Demo"),
        link,
    ] {
        let told = tool(dir, &format!("sign {} {RSA}", program.display())).unwrap_err();
        assert!(told.contains("is the program of a bundle"), "{told}");
        let hint = "hint: sign the bundle: `oxidize-inject sign ";
        assert!(told.contains(hint), "{told}");
    }
    assert!(content(&app) == before);
    // A copy elsewhere is nobody's.
    let program = app.join("Contents/MacOS/Demo");
    let copy = place.path().join("copy");
    let words = format!("sign {} {RSA} -o {}", program.display(), copy.display());
    tool(dir, &words).unwrap();
    // Other code in it may be signed, and the bundle then.
    let told = tool(dir, &format!("sign {} {RSA}", helper.display())).unwrap();
    let warning = "Demo.app` is for the file as it was; sign the bundle again";
    assert!(told.contains(warning), "{told}");
}

#[test]
fn rights_are_the_programs_and_code_inside_keeps_its_own() {
    let Some(dir) = workshop() else { return };
    let (place, app) = application(dir);
    let rights = |name: &str| {
        format!(
            "<?xml version=\"1.0\"?><plist version=\"1.0\"><dict><key>{name}</key><true/></dict></plist>"
        )
    };
    let at = |name: &str| place.path().join(name);
    write(place.path(), "helper.plist", rights("org.example.helper"));
    write(place.path(), "demo.plist", rights("org.example.main"));
    let helper = app.join("Contents/MacOS/helper");
    let words = format!(
        "sign {} {RSA} --entitlements {}",
        helper.display(),
        at("helper.plist").display()
    );
    tool(dir, &words).unwrap();
    let words = format!(
        "sign {} {RSA} --entitlements {}",
        app.display(),
        at("demo.plist").display()
    );
    tool(dir, &words).unwrap();
    let has = |path: &str, name: &str| {
        let bytes = fs::read(app.join(path)).unwrap();
        bytes
            .windows(name.len())
            .any(|found| found == name.as_bytes())
    };
    assert!(has("Contents/MacOS/helper", "org.example.helper"));
    assert!(!has("Contents/MacOS/helper", "org.example.main"));
    assert!(has("Contents/MacOS/Demo", "org.example.main"));
    assert!(!has("Contents/Frameworks/both.dylib", "org.example.main"));
    // Signed again without any, the program keeps them, too.
    tool(dir, &format!("sign {} {RSA}", app.display())).unwrap();
    assert!(has("Contents/MacOS/Demo", "org.example.main"));
    verify(&app).unwrap();
}
