//! Stubs from servers: a package index as people run it (pypiserver), pip beside us, and servers
//! that misbehave.
//!
//! What is not there is reported as skipped on standard error; `OXIDIZE_FORBID_SKIPS=1` turns that
//! into a failure.

#![cfg(unix)]

mod servers;
mod skips;
mod wheels;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

use oxidize_format::Target;
use oxidize_inject::internal::cache::Cache;
use oxidize_inject::internal::progress::Silent;
use oxidize_inject::internal::stubs::fetch::Fetched;
use oxidize_inject::internal::stubs::listed::Listed;
use oxidize_inject::internal::stubs::manifest::Sha256Sum;
use oxidize_inject::internal::stubs::{Finder, Sources, StubError, wheel};
use servers::{Server, reply, serve};
use skips::skip;
use wheels::{Made, TARGET, left_in, name};

/// What pip calls the systems of each target.
const PLATFORMS: [(Target, &[&str]); 7] = [
    (
        Target::X86_64_LINUX_GNU,
        &["manylinux_2_17_x86_64", "manylinux2014_x86_64"],
    ),
    (
        Target::AARCH64_LINUX_GNU,
        &["manylinux_2_17_aarch64", "manylinux2014_aarch64"],
    ),
    (Target::X86_64_LINUX_MUSL, &["musllinux_1_2_x86_64"]),
    (Target::AARCH64_LINUX_MUSL, &["musllinux_1_2_aarch64"]),
    (Target::X86_64_WINDOWS, &["win_amd64"]),
    (
        Target::AARCH64_MACOS,
        &["macosx_11_0_arm64", "macosx_14_0_arm64"],
    ),
    (
        Target::X86_64_MACOS,
        &["macosx_11_0_x86_64", "macosx_14_0_x86_64"],
    ),
];

const PYPISERVER: &str = "pypiserver==2.3.2";

fn fetch(cache: &Path, listed: Listed, index: &str) -> Result<Fetched, StubError> {
    let sources = Sources {
        index_url: Some(index.to_owned()),
        ..Sources::default()
    };
    let progress = Silent;
    let cache = Cache::at(cache).unwrap();
    let fetched = Finder::trusting(listed, &cache, &sources, &progress)
        .fetcher()
        .fetch(TARGET.parse().unwrap());
    fetched.map(|fetched| fetched.expect("it is listed"))
}

/// The command, away from the checkout and its stubs, without what this machine says about indexes.
fn command(dir: &Path, arguments: &[&str]) -> Command {
    let program = dir.join("oxidize-inject");
    if !program.exists() {
        // By another process: a child of another test would inherit a descriptor open for writing
        // (ETXTBSY).
        let copied = Command::new("cp")
            .arg(env!("CARGO_BIN_EXE_oxidize-inject"))
            .arg(&program)
            .status();
        assert!(copied.unwrap().success());
    }
    let mut command = Command::new(program);
    command
        .args(["stubs", "fetch", TARGET, "--allow-unlisted-stub"])
        .args(arguments)
        .env("OXIDIZE_CACHE_DIR", dir.join("cache"))
        .env("PIP_CONFIG_FILE", "/dev/null")
        .env("NETRC", dir.join("netrc"))
        .env_remove("PIP_INDEX_URL");
    for variable in [
        "HTTP_PROXY",
        "http_proxy",
        "HTTPS_PROXY",
        "https_proxy",
        "ALL_PROXY",
        "all_proxy",
        "NO_PROXY",
        "no_proxy",
    ] {
        command.env_remove(variable);
    }
    command
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn page(sum: &str) -> String {
    format!("<a href=\"/files/{}{sum}\">wheel</a>", name())
}

/// A server whose page is right and whose wheel is `body`, announced with `length` bytes.
fn server_of(sum: String, body: Vec<u8>, length: usize) -> Server {
    serve(move |head, stream| {
        if head.starts_with("GET /simple/oxidize-stub-cp313/ ") {
            reply(stream, "text/html", page(&sum).as_bytes(), page(&sum).len());
        } else {
            reply(stream, "application/octet-stream", &body, length);
        }
    })
}

fn wheel_bytes(made: &Made) -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    fs::read(made.write(dir.path())).unwrap()
}

#[test]
fn what_a_server_gives_is_not_trusted() {
    let made = Made::new();
    let good = wheel_bytes(&made);
    let mut altered = Made::new();
    altered.files[1].1[20] ^= 1;
    let altered = wheel_bytes(&altered);
    let mut other = Made::new();
    other.manifest.push(b'\n');
    let sum = format!("#sha256={}", Sha256Sum::of(&good));
    let huge = vec![0; 8 << 20];
    let cases = [
        (
            "truncated",
            server_of(sum.clone(), good[..good.len() / 2].to_vec(), good.len()),
        ),
        (
            "shorter than the page says",
            server_of(sum.clone(), good[..good.len() / 2].to_vec(), good.len() / 2),
        ),
        (
            "altered",
            server_of(sum.clone(), altered.clone(), altered.len()),
        ),
        (
            "altered, and the page does not say so",
            server_of(String::new(), altered.clone(), altered.len()),
        ),
        (
            "replaced",
            server_of(
                String::new(),
                wheel_bytes(&other),
                wheel_bytes(&other).len(),
            ),
        ),
        (
            "without end",
            server_of(String::new(), huge.clone(), huge.len()),
        ),
    ];
    for (what, server) in cases {
        let dir = tempfile::tempdir().unwrap();
        let refused = fetch(dir.path(), made.listed(), &format!("{}/simple", server.url));
        let refused = refused
            .err()
            .unwrap_or_else(|| panic!("{what}: it was taken"));
        assert!(left_in(dir.path()).is_empty(), "{what}: {refused}");
    }
    let server = server_of(sum, good.clone(), good.len());
    let dir = tempfile::tempdir().unwrap();
    let fetched = fetch(dir.path(), made.listed(), &format!("{}/simple", server.url)).unwrap();
    fetched.bundle.verify().unwrap();
    // Nothing is listed, so nobody is asked.
    let before = server.requests.lock().unwrap().len();
    let sources = Sources {
        index_url: Some(server.url.clone()),
        ..Sources::default()
    };
    let progress = Silent;
    let nothing = Listed::parse("version = \"0\"").unwrap();
    let cache = Cache::at(&dir.path().join("other")).unwrap();
    let finder = Finder::trusting(nothing, &cache, &sources, &progress);
    assert!(
        finder
            .fetcher()
            .fetch(TARGET.parse().unwrap())
            .unwrap()
            .is_none()
    );
    assert_eq!(server.requests.lock().unwrap().len(), before);
}

#[test]
fn a_password_goes_to_its_own_host_only_and_is_never_told() {
    let made = Made::new();
    let good = wheel_bytes(&made);
    let elsewhere = server_of(String::new(), good.clone(), good.len());
    let target = format!("{}/files/{}", elsewhere.url, name());
    let index = serve(move |head, stream| {
        if !head
            .to_lowercase()
            .contains("authorization: basic bwu6cc1a")
        {
            let _ = stream.write_all(
                b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            );
        } else if head.starts_with("GET /simple/") {
            reply(stream, "text/html", page("").as_bytes(), page("").len());
        } else {
            let head = format!(
                "HTTP/1.1 302 Found\r\nLocation: {target}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            let _ = stream.write_all(head.as_bytes());
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let with = |login: &str| index.url.replace("http://", &format!("http://{login}")) + "/simple";
    // me:p-@: in base 64 bWU6cC1A, compared without case above.
    let output = command(dir.path(), &["--index-url", &with("me:p-%40@")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", told(&output));
    assert!(!told(&output).contains("p-"), "{}", told(&output));
    let seen = elsewhere.requests.lock().unwrap().join("");
    assert!(
        seen.contains("GET /files/") && !seen.to_lowercase().contains("authorization"),
        "{seen}"
    );

    // The same from a netrc file; then a wrong one.
    fs::remove_dir_all(dir.path().join("cache")).unwrap();
    fs::write(
        dir.path().join("netrc"),
        "machine 127.0.0.1 login me password p-@\n",
    )
    .unwrap();
    let output = command(dir.path(), &["--index-url", &with("")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", told(&output));
    fs::remove_dir_all(dir.path().join("cache")).unwrap();
    let output = command(dir.path(), &["--index-url", &with("me:wrong-word@")])
        .output()
        .unwrap();
    let told = told(&output);
    assert!(
        !output.status.success() && told.contains("401") && told.contains("netrc"),
        "{told}"
    );
    assert!(!told.contains("wrong-word"), "{told}");
}

#[test]
fn proxies_are_used_and_excepted() {
    let made = Made::new();
    let good = wheel_bytes(&made);
    // It answers for every host, as a proxy that has the page in its cache.
    let proxy = serve(move |head, stream| {
        if head.starts_with("GET http://index.invalid/simple/oxidize-stub-cp313/ ") {
            reply(stream, "text/html", page("").as_bytes(), page("").len());
        } else if head.starts_with("GET http://index.invalid/files/") {
            reply(stream, "application/octet-stream", &good, good.len());
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let index = ["--index-url", "http://index.invalid/simple/"];
    let output = command(dir.path(), &index)
        .env("HTTP_PROXY", &proxy.url)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", told(&output));
    fs::remove_dir_all(dir.path().join("cache")).unwrap();
    let mut excepted = command(dir.path(), &index);
    excepted
        .env("HTTP_PROXY", &proxy.url)
        .env("NO_PROXY", "index.invalid");
    let before = proxy.requests.lock().unwrap().len();
    assert!(!excepted.output().unwrap().status.success());
    assert_eq!(proxy.requests.lock().unwrap().len(), before);
    let output = command(dir.path(), &index)
        .env("PIP_PROXY", &proxy.url)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", told(&output));
}

#[test]
fn a_killed_download_leaves_nothing() {
    let made = Made::new();
    let good = wheel_bytes(&made);
    let server = serve(move |head, stream| {
        if head.starts_with("GET /simple/") {
            reply(stream, "text/html", page("").as_bytes(), page("").len());
        } else {
            reply(
                stream,
                "application/octet-stream",
                &good[..good.len() / 2],
                good.len(),
            );
            thread::sleep(Duration::from_secs(60));
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let mut child = command(
        dir.path(),
        &["--index-url", &format!("{}/simple", server.url)],
    )
    .spawn()
    .unwrap();
    let start = Instant::now();
    while server.requests.lock().unwrap().len() < 2 {
        assert!(start.elapsed() < Duration::from_secs(60), "it asks");
        thread::sleep(Duration::from_millis(20));
    }
    thread::sleep(Duration::from_millis(300));
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(left_in(&dir.path().join("cache")).is_empty());
}

/// Runs a command on a terminal of 80 columns, tells what it showed there, and ends as it did.
/// Presses Ctrl-C when `sys.argv[1]` has been shown.
const TERMINAL: &str = "
import fcntl, os, pty, struct, sys, termios
awaited = sys.argv[1].encode()
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(2, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
    os.execv(sys.argv[2], sys.argv[2:])
shown = b''
while True:
    try:
        some = os.read(terminal, 4096)
    except OSError:
        break
    if not some:
        break
    shown += some
    if awaited and awaited in shown:
        os.write(terminal, b'\\x03')
        awaited = b''
sys.stdout.buffer.write(shown)
sys.stdout.flush()
_, status = os.waitpid(child, 0)
sys.exit(os.waitstatus_to_exitcode(status) & 255)
";

/// The same command on a terminal.
fn on_terminal(command: &Command, press_at: &str) -> Option<Output> {
    let mut terminal = Command::new("python3");
    terminal.args(["-c", TERMINAL, press_at]);
    terminal.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => terminal.env(name, value),
            None => terminal.env_remove(name),
        };
    }
    terminal.env("TERM", "xterm").output().ok()
}

#[test]
fn a_bar_is_for_terminals_and_ctrl_c_leaves_nothing() {
    let made = Made::new();
    let good = wheel_bytes(&made);
    // As long as it takes for a bar to be worth while; under /stalled/ it never ends.
    let server = serve(move |head, stream| {
        if head.contains("/oxidize-stub-cp313/") {
            let page = page("").replace("/files", "../../files");
            return reply(stream, "text/html", page.as_bytes(), page.len());
        }
        reply(stream, "application/octet-stream", &[], good.len());
        for part in good[..good.len() - 1].chunks(good.len() / 20) {
            thread::sleep(Duration::from_millis(80));
            let _ = stream.write_all(part);
        }
        if head.starts_with("GET /stalled/") {
            thread::sleep(Duration::from_secs(60));
        }
        let _ = stream.write_all(&good[good.len() - 1..]);
    });
    let dir = tempfile::tempdir().unwrap();
    let index = |place: &str| format!("{}/{place}/simple", server.url);
    let quick = command(dir.path(), &["--index-url", &index("quick")]);
    let Some(shown) = on_terminal(&quick, "") else {
        return skip("a terminal", "python3 is not there");
    };
    let text = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.status.success(), "{text}{}", told(&shown));
    assert!(text.contains("Fetching") && text.contains(" %"), "{text:?}");
    // Each state of the bar wipes the one before.
    let last = text.rsplit("\u{1b}[2K").next().unwrap_or_default();
    assert!(
        last.contains(TARGET) && !last.contains("Fetching"),
        "the bar goes away: {text:?}"
    );

    fs::remove_dir_all(dir.path().join("cache")).unwrap();
    let piped = command(dir.path(), &["--index-url", &index("quick")])
        .output()
        .unwrap();
    assert!(piped.status.success(), "{}", told(&piped));
    assert!(
        !told(&piped).contains("Fetching") && !told(&piped).contains('\u{1b}'),
        "{}",
        told(&piped)
    );

    fs::remove_dir_all(dir.path().join("cache")).unwrap();
    let stalled = command(dir.path(), &["--index-url", &index("stalled")]);
    let stopped = on_terminal(&stalled, "Fetching").unwrap();
    let text = String::from_utf8_lossy(&stopped.stdout).into_owned();
    // Ended by SIGINT.
    assert_eq!(stopped.status.code(), Some(-2 & 255), "{text:?}");
    assert!(left_in(&dir.path().join("cache")).is_empty());
}

/// A folder with pypiserver, installed once below the target directory.
fn pypiserver() -> Result<PathBuf, String> {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner);
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(PYPISERVER);
    if place.join("pypiserver").is_dir() {
        return Ok(place);
    }
    let fresh = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let output = Command::new("python3")
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--target",
        ])
        .arg(fresh.path())
        .args([PYPISERVER, "setuptools<80"])
        .output()
        .map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(format!("pip install {PYPISERVER}: {}", told(&output)));
    }
    fs::rename(fresh.keep(), &place).map_err(|error| error.to_string())?;
    Ok(place)
}

struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_real_index_and_pip_beside_us() {
    let place = match pypiserver() {
        Ok(place) => place,
        Err(reason) => return skip("the index server", &reason),
    };
    let dir = tempfile::tempdir().unwrap();
    let packages = dir.path().join("packages");
    let made = Made::new();
    made.write(&packages);
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let server = Command::new("python3")
        .args([
            "-m",
            "pypiserver",
            "run",
            "--disable-fallback",
            "-i",
            "127.0.0.1",
            "-p",
            &port.to_string(),
        ])
        .arg(&packages)
        .env("PYTHONPATH", &place)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let _server = Running(server);
    let start = Instant::now();
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(
            start.elapsed() < Duration::from_secs(120),
            "the index server starts"
        );
        thread::sleep(Duration::from_millis(100));
    }
    let index = format!("http://127.0.0.1:{port}/simple/");
    let fetched = fetch(&dir.path().join("cache-a"), made.listed(), &index).unwrap();
    fetched.bundle.verify().unwrap();
    assert!(fetched.origin.ends_with(&name()), "{}", fetched.origin);

    // Two processes at once, the index from where pip would have it.
    let children: Vec<Child> = (0..2)
        .map(|_| {
            command(dir.path(), &[])
                .env("PIP_INDEX_URL", &index)
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        })
        .collect();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", told(&output));
    }
    assert_eq!(
        left_in(&dir.path().join("cache")),
        [fetched.bundle.digest.to_string()]
    );

    // pip takes the same file, and for every platform the right one. Those of the other targets are
    // this one by other names: pip looks at names and METADATA only.
    for (target, _) in PLATFORMS {
        if target.triple() != TARGET {
            made.write_as(&packages, &wheel::file_name(wheels::VERSION, target));
        }
    }
    for (target, platforms) in PLATFORMS {
        for platform in platforms {
            let by_pip = dir.path().join("by-pip").join(platform);
            let output = Command::new("python3")
                .args([
                    "-m",
                    "pip",
                    "download",
                    "--quiet",
                    "--no-deps",
                    "--no-cache-dir",
                ])
                .args(["--disable-pip-version-check", "--only-binary=:all:"])
                .args(["--platform", platform, "--index-url", &index, "--dest"])
                .arg(&by_pip)
                .arg(wheel::PROJECT)
                .output()
                .unwrap();
            assert!(output.status.success(), "{platform}: {}", told(&output));
            let found: Vec<_> = fs::read_dir(&by_pip)
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
            let wanted = wheel::file_name(wheels::VERSION, target);
            assert_eq!(found.concat(), wanted, "{platform}");
            assert_eq!(
                fs::read(by_pip.join(&wanted)).unwrap(),
                fs::read(packages.join(&wanted)).unwrap()
            );
        }
    }

    // What is not there is said with its name.
    fs::remove_file(packages.join(name())).unwrap();
    let missing = fetch(&dir.path().join("cache-b"), made.listed(), &index).unwrap_err();
    assert!(matches!(missing, StubError::NotOnIndex { .. }), "{missing}");
}

const HTTPS_SERVER: &str = "
import functools, http.server, ssl, sys
handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=sys.argv[1])
server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), handler)
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[2], sys.argv[3])
server.socket = context.wrap_socket(server.socket, server_side=True)
print(server.server_address[1], flush=True)
server.serve_forever()
";

const CERTIFICATES: &str = "
set -e
new='-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes'
openssl req -x509 $new -keyout ca.key -out ca.pem -subj /CN=ca -days 2
openssl req $new -keyout leaf.key -out leaf.csr -subj /CN=leaf
echo subjectAltName=IP:127.0.0.1 > extensions
openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile extensions -out leaf.pem
";

#[test]
fn a_bundle_of_certificates_decides_whom_to_trust() {
    let dir = tempfile::tempdir().unwrap();
    let made = Command::new("sh")
        .args(["-c", CERTIFICATES])
        .current_dir(dir.path())
        .output()
        .unwrap();
    if !made.status.success() {
        return skip("an HTTPS server", &format!("openssl: {}", told(&made)));
    }
    let root = dir.path().join("root");
    Made::new().write(&root.join("files"));
    fs::create_dir_all(root.join("simple/oxidize-stub-cp313")).unwrap();
    fs::write(root.join("simple/oxidize-stub-cp313/index.html"), page("")).unwrap();
    let server = Command::new("python3")
        .args(["-c", HTTPS_SERVER])
        .args([root.as_os_str(), "leaf.pem".as_ref(), "leaf.key".as_ref()])
        .current_dir(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut server) = server else {
        return skip("an HTTPS server", "python3 is not there");
    };
    let mut port = String::new();
    BufReader::new(server.stdout.take().unwrap())
        .read_line(&mut port)
        .unwrap();
    let _server = Running(server);
    let index = format!("https://127.0.0.1:{}/simple", port.trim());
    let with = |variable: Option<(&str, &str)>| {
        let _ = fs::remove_dir_all(dir.path().join("cache"));
        let mut command = command(dir.path(), &["--index-url", &index]);
        for name in ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"] {
            command.env_remove(name);
        }
        if let Some((name, file)) = variable {
            command.env(name, dir.path().join(file));
        }
        command.output().unwrap()
    };
    let refused = with(None);
    assert!(
        !refused.status.success() && told(&refused).contains("cannot reach"),
        "{}",
        told(&refused)
    );
    for name in ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"] {
        let output = with(Some((name, "ca.pem")));
        assert!(output.status.success(), "{name}: {}", told(&output));
    }
    let output = with(Some(("SSL_CERT_FILE", "ca.key")));
    assert!(
        told(&output).contains("cannot read certificates"),
        "{}",
        told(&output)
    );
    // Another authority than the one that is trusted.
    fs::copy(dir.path().join("ca.pem"), dir.path().join("old.pem")).unwrap();
    Command::new("sh")
        .args(["-c", CERTIFICATES])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(!with(Some(("SSL_CERT_FILE", "ca.pem"))).status.success());
    assert!(with(Some(("SSL_CERT_FILE", "old.pem"))).status.success());
}
