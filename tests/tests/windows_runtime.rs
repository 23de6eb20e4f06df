//! What only Windows has, under wine: extension modules of real wheels by way of the cache,
//! consoles, programs without one, names of executables. `apps/windows/__main__.py` is the program.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, SystemTime};

use oxidize_tests::identity::Identity;
use oxidize_tests::package::{App, Package};
use oxidize_tests::run::Run;
use oxidize_tests::targets::{self, Launcher, WINDOWS};
use oxidize_tests::{Result, check, fail, tools, trial, wheels};

fn main() -> std::process::ExitCode {
    oxidize_tests::main(vec![
        trial("wheels_load_through_a_cache", cached),
        trial("processes_fill_the_cache_together", together),
        trial("libraries_of_wheels_see_virtual_files", native_files),
        trial("a_missing_runtime_library_is_named", runtime_library),
        trial("a_program_without_console", without_console),
        trial("executables_with_names_in_other_scripts", names),
        trial("modules_of_a_signed_program_are_signed", signed),
        trial("files_that_others_signed_stay_theirs", others),
        trial("names_too_long_for_a_module_are_refused", long_name),
        trial("control_c_interrupts", control_c),
        trial("sysconfig_names_what_is_there", layout),
        trial("shelve_works_with_the_library_it_uses", shelve),
    ])
}

/// What the program prints when its modules are there: libpq's version is that of the wheel.
const LOADED: &str = "&lt;&amp;&gt; 180004\n";

/// The program with two wheels.
fn with_wheels() -> Result<App> {
    package_with_wheels()?.shared()
}

fn package_with_wheels() -> Result<Package> {
    let directory = wheels::installed_for("windows", &["win_amd64", "any"])?;
    let program = tools::here().join("apps/windows/__main__.py");
    fs::copy(program, directory.join("__main__.py"))?;
    Ok(Package::new(directory).target(WINDOWS))
}

fn alone() -> Result<App> {
    Package::app("windows").target(WINDOWS).shared()
}

/// A file as programs see it: wine's drive Z is the root directory.
fn seen(path: &Path) -> String {
    format!("Z:{}", path.display().to_string().replace('/', "\\"))
}

/// The program under wine with one more override of its libraries.
fn wine(program: &Path, overrides: &str) -> Result<Command> {
    let Launcher::Wine(wine, variables) = targets::launcher(program)? else {
        return fail("not a program for Windows");
    };
    let mut command = Command::new(wine);
    command.arg(program);
    for (name, mut value) in variables {
        if name == "WINEDLLOVERRIDES" {
            value.push_str(overrides);
        }
        command.env(name, value);
    }
    Ok(command)
}

/// All files below a directory, with the times of their last changes.
fn files(directory: &Path) -> Result<Vec<(PathBuf, SystemTime)>> {
    let mut found = Vec::new();
    let mut left = vec![directory.to_owned()];
    while let Some(directory) = left.pop() {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                left.push(entry.path());
            } else {
                found.push((entry.path(), entry.metadata()?.modified()?));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn cached() -> Result {
    let app = with_wheels()?;
    let cache = tools::scratch()?;
    let load = || {
        let run = Run::new(app.path()).arguments(["load", &seen(cache.path())]);
        run.outcome()?.prints(LOADED)
    };
    load()?;
    let first = files(cache.path())?;
    let names = first.iter().filter_map(|(path, _)| path.file_name());
    let names: Vec<_> = names.filter_map(OsStr::to_str).collect();
    check(
        names.iter().any(|name| name.starts_with("libcrypto-3-"))
            && names.contains(&"_speedups.cp313-win_amd64.pyd"),
        || format!("{names:?}"),
    )?;
    load()?;
    check(files(cache.path())? == first, || {
        "the second start writes nothing".to_owned()
    })?;
    // Whoever changed a file does not get his code run.
    for (path, _) in &first {
        let mut bytes = fs::read(path)?;
        let original = bytes.clone();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        fs::write(path, &bytes)?;
        load()?;
        check(fs::read(path)? == original, || {
            format!("{} was altered and used", path.display())
        })?;
    }
    Ok(())
}

fn native_files() -> Result {
    let app = with_wheels()?;
    let cache = tools::scratch()?;
    let run = Run::new(app.path()).arguments(["files", &seen(cache.path())]);
    run.outcome()?.prints("grammar 180004\n")?;
    Ok(())
}

fn together() -> Result {
    let app = with_wheels()?;
    let cache = tools::scratch()?;
    let mut children = Vec::new();
    for _ in 0..6 {
        let mut command = wine(app.path(), "")?;
        command.args(["load", &seen(cache.path())]);
        command.stdin(Stdio::null()).current_dir(cache.path());
        children.push(
            command
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()?,
        );
    }
    for child in children {
        let output = child.wait_with_output()?;
        check(
            output.status.success() && output.stdout.starts_with(b"&lt;&amp;&gt;"),
            || told(&output),
        )?;
    }
    let stray = files(cache.path())?.into_iter().find(|(path, _)| {
        let name = path.extension().and_then(OsStr::to_str);
        !matches!(name, Some("pyd" | "dll"))
    });
    check(stray.is_none(), || format!("left behind: {stray:?}"))
}

fn told(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!(
        "{}\n{}{}",
        output.status,
        text(&output.stdout),
        text(&output.stderr)
    )
}

/// wine has a runtime library of its own; here it must not be used.
fn runtime_library() -> Result {
    let app = with_wheels()?;
    let cache = tools::scratch()?;
    let output = wine(app.path(), ";vcruntime140=")?
        .args(["load", &seen(cache.path())])
        .stdin(Stdio::null())
        .output()?;
    let told = told(&output);
    check(
        told.contains("ImportError: markupsafe._speedups: needs VCRUNTIME140.dll")
            && told.contains("install the Microsoft Visual C++ Redistributable"),
        || told.clone(),
    )
}

fn without_console() -> Result {
    let console = alone()?;
    let app = Package::app("windows").target(WINDOWS).options(["--gui"]);
    let window = app.shared()?;
    let place = tools::scratch()?;
    // Given streams, a program without console uses them; without any, one with a console has none
    // either.
    for (parent, child) in [(&console, &window), (&window, &console)] {
        Run::new(parent.path())
            .arguments(["children", &seen(child.path())])
            .directory(place.path())
            .outcome()?
            .prints("printed\n7 False False False\n7 True True True\n")?;
    }
    Ok(())
}

fn names() -> Result {
    let place = tools::scratch()?;
    for (name, shown) in [
        ("größe.exe", r"'gr\xf6\xdfe.exe'"),
        ("世界 1.exe", r"'\u4e16\u754c 1.exe'"),
    ] {
        let program = place.path().join(name);
        fs::copy(alone()?.path(), &program)?;
        let expected = format!("{shown} {shown}\n");
        Run::new(&program)
            .arguments(["name"])
            .outcome()?
            .prints(&expected)?;
    }
    // Extension modules find the executable by its name, which has to be in plain letters for that.
    let program = place.path().join("größe.exe");
    fs::copy(with_wheels()?.path(), &program)?;
    let outcome = Run::new(&program)
        .arguments(["load", &seen(place.path())])
        .outcome()?;
    check(
        outcome.stderr.contains("rename it to plain ASCII letters"),
        || outcome.to_string(),
    )?;
    // Such a name is refused when packaging.
    let resources = place.path().join("resources");
    fs::create_dir(&resources)?;
    fs::write(resources.join("__main__.py"), "")?;
    let stub = tools::stub(WINDOWS)?;
    // The stub as a module: with the flag of a library among its characteristics.
    let mut module = fs::read(&stub)?;
    let header = usize::from(u16::from_le_bytes([module[0x3c], module[0x3d]]));
    module[header + 23] |= 0x20;
    fs::write(resources.join("x.cp313-win_amd64.pyd"), module)?;
    for (name, done) in [("größer.exe", false), ("great.exe", true)] {
        let output = Command::new(tools::program("oxidize-inject")?)
            .arg(place.path().join(name))
            .args(["--target", WINDOWS, "--resources"])
            .arg(&resources)
            .arg("--stub")
            .arg(&stub)
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        let refused = said.contains("is not plain ASCII");
        check((output.status.success(), refused) == (done, !done), || {
            said.to_string()
        })?;
    }
    Ok(())
}

/// What osslsigncode says of a file: whether Tester signed it, by a time stamp of Clock.
fn is_signed_and_stamped(file: &Path, identity: &Identity) -> Result<bool> {
    let mut command = Command::new(tools::host_tool("osslsigncode")?);
    command.arg("verify").arg("-CAfile");
    command.arg(identity.file("cert.pem")).arg("-TSA-CAfile");
    command.arg(identity.file("tsa-cert.pem"));
    let output = command.arg("-in").arg(file).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    Ok(output.status.success()
        && said.contains("Number of verified signatures: 1")
        && said.contains("Timestamp Server Signature verification: ok"))
}

/// The modules get their names and signatures while packaging, and are loaded as they are.
fn signed() -> Result {
    let identity = Identity::new()?;
    let stamps = identity.stamps()?;
    let key = identity.file("key.pem").display().to_string();
    let calls = identity.file("calls");
    let line = format!(
        "echo >> {}; openssl pkeyutl -sign -inkey {key} -pkeyopt digest:sha256",
        calls.display()
    );
    let certificate = identity.file("cert.pem").display().to_string();
    let options = [
        "--sign-command",
        &line,
        "--sign-certificates",
        &certificate,
        "--timestamp-url",
        &stamps,
    ];
    let program = identity.file("signed.exe");
    package_with_wheels()?.options(options).write(&program)?;
    check(is_signed_and_stamped(&program, &identity)?, || {
        "the program is not signed".to_owned()
    })?;

    let out = identity.file("files");
    let mut command = Command::new(tools::program("oxidize-inject")?);
    let extracted = command.arg("extract").arg(&program).arg("--to").arg(&out);
    let extracted = extracted.output()?;
    check(extracted.status.success(), || told(&extracted))?;
    let mut natives = BTreeMap::new();
    for (path, _) in files(&out)? {
        if matches!(
            path.extension().and_then(OsStr::to_str),
            Some("pyd" | "dll")
        ) {
            check(is_signed_and_stamped(&path, &identity)?, || {
                format!("{} is not signed", path.display())
            })?;
            natives.insert(path.file_name().map(OsStr::to_owned), fs::read(path)?);
        }
    }
    let count = fs::read_to_string(&calls)?.lines().count();
    check(natives.len() > 10 && count == natives.len() + 1, || {
        format!("{count} calls for {} files and the program", natives.len())
    })?;

    let load = |program: &Path| -> Result<(usize, usize)> {
        let cache = tools::scratch()?;
        let run = Run::new(program).arguments(["load", &seen(cache.path())]);
        run.outcome()?.prints(LOADED)?;
        let (mut same, mut other) = (0, 0);
        for (path, _) in files(cache.path())? {
            let content = fs::read(&path)?;
            if natives.get(&path.file_name().map(OsStr::to_owned)) == Some(&content) {
                same += 1;
            } else {
                other += 1;
                check(!is_signed_and_stamped(&path, &identity)?, || {
                    format!("{} has the signature of other bytes", path.display())
                })?;
            }
        }
        Ok((same, other))
    };
    let (same, other) = load(&program)?;
    check(same > 3 && other == 0, || {
        format!("{same} files as they were signed, {other} others")
    })?;
    // Under another name the modules are renamed again, and the libraries stay as they are.
    for name in ["a.exe", "a-program-with-another-name.exe"] {
        let renamed = identity.file(name);
        fs::copy(&program, &renamed)?;
        let (same, other) = load(&renamed)?;
        check(same > 0 && other > 1, || {
            format!("{name}: {same} files as they were signed, {other} others")
        })?;
    }
    // Case means nothing to the system.
    let renamed = identity.file("SIGNED.EXE");
    fs::rename(&program, &renamed)?;
    let (_, other) = load(&renamed)?;
    check(other == 0, || {
        format!("{other} files were renamed for nothing")
    })
}

/// Whoever signed a library stays its signer; who signed a module, or damaged one, does not.
fn others() -> Result {
    let (own, other) = (Identity::new()?, Identity::new()?);
    let resources = own.file("resources");
    fs::create_dir(&resources)?;
    fs::write(resources.join("__main__.py"), "")?;
    // The stub as a library: with the flag of one among its characteristics.
    let mut library = fs::read(tools::stub(WINDOWS)?)?;
    let header = usize::from(u16::from_le_bytes([library[0x3c], library[0x3d]]));
    library[header + 23] |= 0x20;
    let sign = |name: &str, content: &[u8]| -> Result {
        let path = resources.join(name);
        fs::write(&path, content)?;
        let mut command = Command::new(tools::program("oxidize-inject")?);
        let command = command.arg("sign").arg(&path).args(other.options());
        let output = command.output()?;
        check(output.status.success(), || told(&output))
    };
    sign("signed.dll", &library)?;
    sign("damaged.dll", &library)?;
    let path = resources.join("damaged.dll");
    let mut damaged = fs::read(&path)?;
    damaged[0x4000] ^= 1;
    fs::write(&path, damaged)?;
    fs::write(resources.join("plain.dll"), &library)?;
    let program = own.file("app.exe");
    let package = Package::new(&resources).target(WINDOWS);
    package.options(own.options()).write(&program)?;
    let out = own.file("files");
    let mut command = Command::new(tools::program("oxidize-inject")?);
    let extracted = command.arg("extract").arg(&program).arg("--to").arg(&out);
    let extracted = extracted.output()?;
    check(extracted.status.success(), || told(&extracted))?;
    let osslsigncode = tools::host_tool("osslsigncode")?;
    for (path, _) in files(&out)? {
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        let identity = match name {
            "signed.dll" => &other,
            "damaged.dll" | "plain.dll" => &own,
            _ => continue,
        };
        let mut command = Command::new(&osslsigncode);
        command.arg("verify").arg("-CAfile");
        command.arg(identity.file("cert.pem"));
        let output = command.arg("-in").arg(&path).output()?;
        check(output.status.success(), || {
            format!("{name}: {}", told(&output))
        })?;
    }
    check(
        fs::read(out.join("app/signed.dll"))? == fs::read(resources.join("signed.dll"))?,
        || "a library that others signed was changed".to_owned(),
    )
}

fn long_name() -> Result {
    let place = tools::scratch()?;
    let name = format!("{}.exe", "n".repeat(240));
    let mut command = package_with_wheels()?.command(&place.path().join(&name))?;
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    check(
        !output.status.success()
            && said.contains("is too long for the module")
            && said.contains("give the program a shorter name"),
        || said.to_string(),
    )?;
    check(fs::read_dir(place.path())?.next().is_none(), || {
        "something was written".to_owned()
    })
}

/// `sys.path`, `sys.prefix` and what `sysconfig` says agree, as in an installation.
fn layout() -> Result {
    let place = tools::scratch()?;
    fs::write(
        place.path().join("__main__.py"),
        "import os, sys, sysconfig\n\
         paths = sysconfig.get_paths()\n\
         print(sys.prefix, sys.exec_prefix, sys.base_prefix, sys.path)\n\
         print(paths['stdlib'], paths['platstdlib'], paths['purelib'], paths['data'])\n\
         print(os.path.dirname(os.__file__) == paths['stdlib'], os.path.isfile(os.__file__))\n",
    )?;
    let app = Package::new(place.path()).target(WINDOWS).build()?;
    let outcome = Run::new(app.path()).outcome()?;
    let expected = r"C:\~oxidize C:\~oxidize C:\~oxidize ['C:\\~oxidize\\app', 'C:\\~oxidize\\Lib']
C:\~oxidize\Lib C:\~oxidize\Lib C:\~oxidize\Lib\site-packages C:\~oxidize
True True
";
    outcome.prints(expected).map(drop)
}

fn shelve() -> Result {
    let (resources, place) = (tools::scratch()?, tools::scratch()?);
    fs::write(
        resources.path().join("__main__.py"),
        "import shelve\n\
         with shelve.open('x') as shelf: shelf['a'] = [1]\n\
         with shelve.open('x') as shelf: print(dict(shelf))\n",
    )?;
    let package = Package::new(resources.path()).target(WINDOWS);
    let app = package.options(["--stdlib", "used"]).build()?;
    let run = Run::new(app.path()).directory(place.path());
    run.outcome()?.prints("{'a': [1]}\n").map(drop)
}

/// In a terminal, which wine makes a console of.
fn control_c() -> Result {
    let script = tools::host_tool("script")?;
    let app = alone()?;
    let mut command = wine(app.path(), "")?;
    command.arg("wait");
    let quoted = |text: &OsStr| format!("'{}'", text.to_string_lossy());
    let line = std::iter::once(command.get_program()).chain(command.get_args());
    let line: Vec<String> = line.map(quoted).collect();
    let variables = command
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let mut terminal = Command::new(script)
        // Without `exec` a shell may stay, whom the key interrupts too.
        .args(["--quiet", "--return", "--command"])
        .arg(format!("exec {}", line.join(" ")))
        .arg("/dev/null")
        .envs(variables)
        .env("TERM", "xterm")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let (Some(mut keys), Some(screen)) = (terminal.stdin.take(), terminal.stdout.take()) else {
        return fail("no pipes");
    };
    let mut screen = BufReader::new(screen);
    let mut seen = String::new();
    while !seen.contains("ready") {
        let count = screen.read_line(&mut seen)?;
        check(count > 0, || format!("it never was ready:\n{seen}"))?;
    }
    // The line may be there before the program sleeps.
    std::thread::sleep(Duration::from_millis(500));
    keys.write_all(b"\x03")?;
    screen.read_to_string(&mut seen)?;
    let status = terminal.wait()?;
    check(
        seen.contains("interrupted") && status.code() == Some(3),
        || format!("{status}\n{seen}"),
    )
}
