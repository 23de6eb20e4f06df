//! Applications made of packages from PyPI: a web application with a database, and numpy with its
//! bundled libraries.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use oxidize_tests::package::Package;
use oxidize_tests::run::{Ending, Run};
use oxidize_tests::targets::{ARM_GNU, WINDOWS};
use oxidize_tests::{Result, check, fail, missing, plain, tools, trial, wheels};

fn main() -> std::process::ExitCode {
    oxidize_tests::main(vec![
        trial("flask_and_sqlalchemy_serve_requests", web),
        trial("click_shows_its_help", help),
        trial("metadata_of_installed_packages", metadata),
        trial("numpy_loads_from_memory", || numpy(package("numpy")?)),
        trial("pillow_draws_text", pillow),
        trial("pkg_resources_sees_the_application", || {
            pkg_resources(tools::GNU)
        }),
        trial("windows_pkg_resources_sees_the_application", || {
            pkg_resources(WINDOWS)
        }),
        trial("packages_that_start_python", starters),
        trial("ansible_runs_tasks_on_this_machine", ansible),
        trial("qprocess_starts_python", qprocess),
        trial("no_virtual_environment_of_the_application", refused),
        trial("virtual_environments_of_installed_pythons", installed),
        trial("arm_numpy_loads_from_memory", || numpy(arm_numpy()?)),
        trial("gnu_requests_by_its_own_authority", || tls(tools::GNU)),
        trial("musl_requests_by_its_own_authority", || tls(tools::MUSL)),
        trial("arm_requests_by_its_own_authority", || tls(ARM_GNU)),
        trial("windows_requests_by_its_own_authority", || tls(WINDOWS)),
    ])
}

/// An authority, and a server's certificate that it has signed.
fn authority(place: &Path) -> Result {
    let openssl = tools::host_tool("openssl")?;
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&openssl);
        let done = command.args(arguments).current_dir(place).output()?;
        check(done.status.success(), || {
            String::from_utf8_lossy(&done.stderr).into_owned()
        })
    };
    let new = [
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
    ];
    let ca = [
        "-x509",
        "-days",
        "2",
        "-subj",
        "/CN=Authority",
        "-keyout",
        "ca.key",
        "-out",
        "ca.pem",
    ];
    // What OpenSSL's strict rules want of an authority (RFC 5280, section 4.2.1.3).
    let usage = ["-addext", "keyUsage=critical,keyCertSign"];
    run(&[&new[..], &ca, &usage].concat())?;
    std::fs::write(
        place.join("names"),
        "subjectAltName=DNS:localhost\nauthorityKeyIdentifier=keyid\n",
    )?;
    run(&[
        &new[..],
        &[
            "-subj",
            "/CN=localhost",
            "-keyout",
            "key.pem",
            "-out",
            "request",
        ],
    ]
    .concat())?;
    let sign = [
        "x509", "-req", "-in", "request", "-days", "2", "-CA", "ca.pem", "-CAkey", "ca.key",
    ];
    run(&[
        &sign[..],
        &["-CAcreateserial", "-extfile", "names", "-out", "server.pem"],
    ]
    .concat())
}

fn tls(target: &str) -> Result {
    let place = tools::scratch()?;
    authority(place.path())?;
    // Its program is copied once, for all targets.
    static PACKAGE: OnceLock<Result<Package>> = OnceLock::new();
    let package =
        PACKAGE.get_or_init(|| with_program(wheels::installed_for("tls", &["any"])?, "tls"));
    let app = package.clone()?.target(target).build()?;
    let directory = match target {
        WINDOWS => format!("Z:{}", place.path().display()).into(),
        _ => place.path().to_owned(),
    };
    let outcome = Run::new(app.path())
        .arguments([directory])
        .timeout(120)
        .outcome()?;
    let outcome = outcome.success()?;
    let said = outcome.stdout.replace("\r\n", "\n");
    let expected = "certifi: refused\nverify: hi\nvariable: hi\ntzdata: 2:00:00 True\n";
    check(said == expected, || outcome.to_string())
}

/// The packages of `NAME.requirements.txt` with the program in `apps/NAME/`.
fn package(name: &str) -> Result<Package> {
    with_program(wheels::installed(name)?, name)
}

/// What is installed in `directory`, with the program in `apps/NAME/`.
fn with_program(directory: PathBuf, name: &str) -> Result<Package> {
    let program = tools::here().join("apps").join(name).join("__main__.py");
    std::fs::copy(program, directory.join("__main__.py"))?;
    Ok(Package::new(directory))
}

/// A server that is stopped when the test fails.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn web() -> Result {
    let app = package("web")?.shared()?;
    let place = tools::scratch()?;
    let mut server = Server(
        Command::new(app.path())
            .args(["--requests", "2"])
            .env_clear()
            .current_dir(place.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?,
    );
    let Some(stdout) = server.0.stdout.take() else {
        return fail("no pipe");
    };
    let mut port = String::new();
    BufReader::new(stdout).read_line(&mut port)?;
    let Ok(port) = port.trim().parse() else {
        let mut said = String::new();
        server
            .0
            .stderr
            .take()
            .map(|mut stream| stream.read_to_string(&mut said))
            .transpose()?;
        return fail(format!("no port but {port:?}\n{said}"));
    };
    let answer = get(port, "/people/2?greeting=good+morning")?;
    check(answer.starts_with("HTTP/1.0 200 OK"), || answer.clone())?;
    check(
        answer.ends_with("Hello &lt;Grace&gt;, good morning!"),
        || answer.clone(),
    )?;
    let answer = get(port, "/people/3?greeting=x")?;
    check(answer.starts_with("HTTP/1.0 404"), || answer.clone())?;
    check(answer.ends_with("{\"error\":\"nobody\"}\n"), || {
        answer.clone()
    })?;
    let status = server.0.wait()?;
    check(status.success(), || status.to_string())?;
    check(is_empty(place.path())?, || {
        "the server left files behind".to_owned()
    })
}

fn get(port: u16, path: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

fn is_empty(directory: &Path) -> Result<bool> {
    Ok(std::fs::read_dir(directory)?.next().is_none())
}

fn help() -> Result {
    let app = package("web")?.shared()?;
    let outcome = Run::new(app.path())
        .arguments(["--help"])
        .outcome()?
        .success()?;
    check(
        outcome.stdout.contains("Serve some people.") && outcome.stdout.contains("[default: 1]"),
        || outcome.to_string(),
    )
}

/// The packaged interpreter sees what pip installed.
fn metadata() -> Result {
    let app = package("web")?.launcher().shared()?;
    let program = "from importlib import metadata as m\n\
                   print(m.version('Flask'), [e.value for e in m.entry_points(group='console_scripts', name='flask')])\n\
                   print(m.packages_distributions()['sqlalchemy'], sorted(d.name.lower() for d in m.distributions())[:3])\n\
                   print(all(m.requires(d.name) is None or m.files(d.name) for d in m.distributions()))\n";
    let expected = "3.1.3 ['flask.cli:main']\n['SQLAlchemy'] ['blinker', 'click', 'flask']\nTrue\n";
    app.interpreter()
        .arguments(["-c", program])
        .outcome()?
        .prints(expected)
        .map(drop)
}

/// Its libfreetype and libharfbuzz need each other.
fn pillow() -> Result {
    let app = package("pillow")?.shared()?;
    let outcome = Run::new(app.path()).timeout(120).outcome()?;
    outcome.prints("FreeTypeFont True\n").map(drop)
}

fn pkg_resources(target: &str) -> Result {
    // Its program is copied once.
    static PACKAGE: OnceLock<Result<Package>> = OnceLock::new();
    let package = PACKAGE.get_or_init(|| package("pkg_resources"));
    let app = package.clone()?.target(target).build()?;
    let outcome = Run::new(app.path()).timeout(120).outcome()?;
    let expected = "75.8.0\nTrue\nTrue\nTrue\nb'#'\n";
    outcome.prints(expected).map(drop)
}

/// uvloop starts children from C; billiard is a copy of multiprocessing that finds `__main__` as
/// that does.
fn starters() -> Result {
    let app = package("starters")?.shared()?;
    let outcome = Run::new(app.path()).timeout(120).outcome()?;
    let expected = "uvloop [\"python\"]\n\
                    fork [0, 1, 4, 9]\nspawn [0, 1, 4, 9]\nforkserver [0, 1, 4, 9]\n";
    outcome.prints(expected).map(drop)
}

fn ansible() -> Result {
    let app = package("ansible")?.shared()?;
    let home = tools::scratch()?;
    let task = |arguments: &[&str]| {
        Run::new(app.path())
            .arguments(arguments)
            .variable("HOME", home.path())
            .variable("LC_ALL", "C.UTF-8")
            .variable("PATH", "/usr/bin:/bin")
            .timeout(240)
            .outcome()
    };
    let pong = "localhost | SUCCESS => {\n    \"changed\": false,\n    \"ping\": \"pong\"\n}\n";
    task(&["--module-name", "ping"])?.prints(pong)?;
    let said = "localhost | CHANGED | rc=0 >>\nhi there\n";
    let echo = ["--module-name", "command", "--args", "echo hi there"];
    task(&echo)?.prints(said).map(drop)
}

/// What Qt's core consists of, in PySide6's wheels.
const QT_CORE: [&str; 10] = [
    "shiboken6",
    "PySide6/__init__.py",
    "PySide6/_config.py",
    "PySide6/_git_pyside_version.py",
    "PySide6/QtCore.abi3.so",
    "PySide6/libpyside6.abi3.so.6.12",
    "PySide6/Qt/lib/libQt6Core.so.6",
    "PySide6/Qt/lib/libicudata.so.73",
    "PySide6/Qt/lib/libicui18n.so.73",
    "PySide6/Qt/lib/libicuuc.so.73",
];

fn qprocess() -> Result {
    let all = wheels::installed_for("qprocess", &["manylinux_2_34_x86_64"])?;
    let core = tools::scratch()?;
    for path in QT_CORE {
        let place = core.path().join(path);
        std::fs::create_dir_all(place.parent().unwrap_or(core.path()))?;
        let mut copy = Command::new("cp");
        let done = copy.arg("-r").arg(all.join(path)).arg(&place).output()?;
        check(done.status.success(), || {
            String::from_utf8_lossy(&done.stderr).into_owned()
        })?;
    }
    let app = with_program(core.path().to_owned(), "qprocess")?.build()?;
    let outcome = Run::new(app.path()).timeout(120).outcome()?;
    outcome.prints("0 [\"python\"]\n0\n").map(drop)
}

/// What makes environments, in a directory of its own, away from other Pythons.
fn maker(place: &Path, arguments: &[&str]) -> Result<Run> {
    let app = package("makers")?.shared()?;
    let run = Run::new(app.path()).arguments(arguments).timeout(120);
    Ok(run
        .directory(place)
        .variable("HOME", place)
        .variable("XDG_CACHE_HOME", place))
}

/// Each says it once, and leaves nothing behind that looks like an environment.
fn refused() -> Result {
    let place = tools::scratch()?;
    let tox = "[tox]\nenv_list = own\nskipsdist = true\n[testenv]\ncommands = python -V\n";
    std::fs::write(place.path().join("tox.ini"), tox)?;
    for (arguments, status) in [
        (&["venv", "made"][..], 1),
        (&["venv", "--copies", "--without-pip", "made"], 1),
        (&["virtualenv", "made"], 1),
        (&["virtualenv", "--no-seed", "made"], 1),
        (&["tox", "--workdir", "made"], 1),
    ] {
        let outcome = maker(place.path(), arguments)?.outcome()?;
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        let reason = "a packaged application cannot be the Python of a virtual environment";
        check(
            outcome.ending == Ending::Status(status)
                && said.matches(reason).count() == 1
                && !said.contains("Traceback"),
            || format!("{arguments:?}\n{outcome}"),
        )?;
        for made in ["made/pyvenv.cfg", "made/own/pyvenv.cfg", "made/bin"] {
            check(!place.path().join(made).exists(), || {
                format!("{arguments:?} left {made}")
            })?;
        }
    }
    Ok(())
}

/// They are found by version and by path; the application, which is of this version, is not.
fn installed() -> Result {
    let python = plain::python(tools::GNU)?;
    let place = tools::scratch()?;
    let minor = oxidize_python::MINOR_VERSION;
    let tox = format!(
        "[tox]\nenv_list = py{}\nskipsdist = true\n[testenv]\ncommands = python -c {}\n",
        minor.replace('.', ""),
        "'import sys; print(sys.prefix != sys.base_prefix, sys.executable)'",
    );
    std::fs::write(place.path().join("tox.ini"), tox)?;
    let path = python.to_string_lossy();
    let search = python.parent().unwrap_or(&python);
    for arguments in [
        &["virtualenv", "-p", &path, "made"][..],
        &["virtualenv", "-p", minor, "made"],
        &["tox", "--workdir", "made"],
    ] {
        let outcome = maker(place.path(), arguments)?
            .variable("PATH", search)
            .outcome()?
            .success()?;
        let made = match arguments[0] {
            "tox" => {
                check(outcome.stdout.contains("True"), || outcome.to_string())?;
                place
                    .path()
                    .join("made")
                    .join(format!("py{}", minor.replace('.', "")))
            }
            _ => place.path().join("made"),
        };
        let home = std::fs::read_to_string(made.join("pyvenv.cfg"))?;
        check(home.contains(&*search.to_string_lossy()), || home.clone())?;
        std::fs::remove_dir_all(place.path().join("made"))?;
    }
    Ok(())
}

fn arm_numpy() -> Result<Package> {
    // numpy leaves it to the system.
    if !Path::new("/usr/lib/aarch64-linux-gnu/libstdc++.so.6").exists() {
        return missing("the C++ library for aarch64 (libstdc++6:arm64)");
    }
    let platforms = ["manylinux_2_28_aarch64", "manylinux2014_aarch64", "any"];
    let directory = wheels::installed_for("numpy_arm", &platforms)?;
    Ok(with_program(directory, "numpy")?.target(ARM_GNU))
}

fn numpy(package: Package) -> Result {
    let app = package.shared()?;
    let outcome = Run::new(app.path()).timeout(120).outcome()?.success()?;
    check(
        outcome.stdout == "2.5.5 (3, 13)\n" && outcome.stderr.is_empty(),
        || outcome.to_string(),
    )
}
