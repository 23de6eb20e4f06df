//! An attack on the command, bounded and repeatable: mutated files, `kill -9`, full and read-only
//! disks, a lying server, hostile trees.
//!
//! Everything random follows from a seed, which every failure names. It is always the same, so that
//! an unlucky one does not stop somebody else's change; `OXIDIZE_ATTACK_SEED` sets another, and
//! `random` one that nobody knows. `OXIDIZE_ATTACK_ROUNDS` says how often each attack is made. A
//! longer run:
//!
//!     OXIDIZE_ATTACK_SEED=random OXIDIZE_ATTACK_ROUNDS=2000 cargo test --release -p oxidize-tests --test attack

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use oxidize_format::Target;
use oxidize_tests::package::Package;
use oxidize_tests::run::Run;
use oxidize_tests::targets::WINDOWS;
use oxidize_tests::tools::{self, MUSL};
use oxidize_tests::{Result, check, fail, missing, trial};

type Attack = fn(&mut Dice) -> Result;

fn main() -> std::process::ExitCode {
    eprintln!("attack: OXIDIZE_ATTACK_SEED={}", seed());
    let attacks: [(&str, Attack); 6] = [
        ("mutated_files", mutated_files),
        ("kill_at_random_moments", kills),
        ("full_disk", full_disk),
        ("read_only_cache", read_only_cache),
        ("lying_index", lying_index),
        ("hostile_trees", hostile_trees),
    ];
    let trials = attacks.into_iter().map(|(name, attack)| {
        trial(name, move || {
            let mut dice = Dice(seed() ^ name.len() as u64);
            attack(&mut dice).map_err(|stop| match stop {
                oxidize_tests::Stop::Failed(what) => {
                    oxidize_tests::Stop::Failed(format!("OXIDIZE_ATTACK_SEED={}\n{what}", seed()))
                }
                other => other,
            })
        })
    });
    oxidize_tests::main(trials.collect())
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn seed() -> u64 {
    static SEED: OnceLock<u64> = OnceLock::new();
    *SEED.get_or_init(|| {
        if std::env::var_os("OXIDIZE_ATTACK_SEED").is_some_and(|seed| seed == "random") {
            let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            return now.map_or(0, |now| now.as_nanos() as u64) % 1_000_000_007;
        }
        number("OXIDIZE_ATTACK_SEED").unwrap_or(1)
    })
}

fn rounds(usual: u64) -> u64 {
    number("OXIDIZE_ATTACK_ROUNDS").unwrap_or(usual)
}

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }

    fn pick<'l, T>(&mut self, list: &'l [T]) -> &'l T {
        &list[self.below(list.len())]
    }
}

/// What the command did.
struct Told {
    status: Option<i32>,
    text: String,
}

/// The command, with bounds that nothing honest comes near: two minutes and 6 GiB of addresses.
fn tool(directory: &Path, arguments: &[&str]) -> Result<Told> {
    let mut command = Command::new("bash");
    command
        .args(["-c", "ulimit -v 6291456; exec \"$@\"", "bash"])
        .arg(tools::program("oxidize-inject")?)
        .args(arguments)
        .current_dir(directory)
        .env("OXIDIZE_CACHE_DIR", directory.join("cache"))
        .stdin(Stdio::null());
    bounded(&mut command, Duration::from_secs(120))
}

/// Runs it; a signal, a panic and a process without end are failures.
fn bounded(command: &mut Command, limit: Duration) -> Result<Told> {
    let output = tempfile::tempfile()?;
    command
        .stdout(output.try_clone()?)
        .stderr(output.try_clone()?);
    let mut child = command.process_group(0).spawn()?;
    let start = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if start.elapsed() > limit {
            child.kill()?;
            child.wait()?;
            return fail(format!("without end: {command:?}"));
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    let mut text = Vec::new();
    std::io::Seek::rewind(&mut &output)?;
    (&output).read_to_end(&mut text)?;
    let text = String::from_utf8_lossy(&text).into_owned();
    let wild = status.signal().is_some() || text.contains("panicked") || status.code() == Some(101);
    check(!wild, || format!("{command:?}: {status}\n{text}"))?;
    let raw = text
        .chars()
        .find(|c| c.is_control() && !['\n', '\t', '\r'].contains(c));
    check(raw.is_none(), || {
        format!("{command:?} prints {raw:?}:\n{text:?}")
    })?;
    Ok(Told {
        status: status.code(),
        text,
    })
}

/// One application of each kind of file, and whether it runs here: every reader is attacked.
fn subjects() -> Result<Vec<(Vec<u8>, bool)>> {
    let hello = || Package::app("hello").options(["--stdlib", "used"]);
    let windows = hello().target(WINDOWS);
    for half in Target::UNIVERSAL2_MACOS.parts() {
        tools::stub(half.triple())?;
    }
    let mac = hello().options(["--target", Target::UNIVERSAL2_MACOS.triple()]);
    let packages = [
        (hello(), true),
        (hello().target(MUSL).options(["--snapshot"]), true),
        (windows, false),
        (mac, false),
    ];
    let read = |(package, runs): (Package, bool)| Ok((fs::read(package.shared()?.path())?, runs));
    packages.into_iter().map(read).collect()
}

/// Files with our temporary names.
fn leftovers(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry
            .file_name()
            .to_string_lossy()
            .starts_with(".oxidize-inject-")
        {
            found.push(entry.path());
        }
    }
    Ok(found)
}

/// A mutation of a file: where headers and tables are, more often than elsewhere.
fn mutate(dice: &mut Dice, original: &[u8]) -> Vec<u8> {
    let mut bytes = original.to_vec();
    // The stub's code has the magic, too, but not at the start of a page.
    let blob = (0..original.len())
        .step_by(4096)
        .find(|at| original[*at..].starts_with(&oxidize_format::MAGIC))
        .unwrap_or(0);
    for _ in 0..1 + dice.below(4) {
        let len = bytes.len();
        let (from, span) = *dice.pick(&[
            (0, 4096),
            (blob, 4096),
            (blob, 1 << 20),
            (len.saturating_sub(8192), 8192),
            (0, len),
        ]);
        let at = (from + dice.below(span)).min(len - 1);
        match dice.below(6) {
            0 => bytes[at] ^= 1 << dice.below(8),
            1 => bytes.truncate(at.max(1)),
            2 => {
                let value = *dice.pick(&[0, 1, 0x7f, 0xff, u32::MAX.into(), u64::MAX, 1 << 40]);
                let value = value.to_le_bytes();
                let count = *dice.pick(&[1, 2, 4, 8]);
                let end = (at + count).min(len);
                bytes[at..end].copy_from_slice(&value[..end - at]);
            }
            3 => {
                let end = (at + dice.below(65536)).min(len);
                bytes[at..end].fill(0);
            }
            4 => {
                let end = (at + dice.below(4096)).min(len);
                let part = bytes[at..end].to_vec();
                let to = dice.below(len - part.len() + 1);
                bytes[to..to + part.len()].copy_from_slice(&part);
            }
            _ => {
                let more = bytes[at..(at + dice.below(4096)).min(len)].to_vec();
                bytes.extend_from_slice(&more);
            }
        }
    }
    bytes
}

fn mutated_files(dice: &mut Dice) -> Result {
    let subjects = subjects()?;
    let directory = tools::scratch()?;
    let at = |name: &str| directory.path().join(name);
    for (round, (original, runs)) in (0..rounds(60)).zip(subjects.iter().cycle()) {
        let bytes = mutate(dice, original);
        fs::write(at("app"), &bytes)?;
        let said = |what: &str, told: &Told| format!("round {round}, {what}: {}", told.text);
        let verified = tool(directory.path(), &["verify", "app"])?;
        check(
            [Some(0), Some(1), Some(3)].contains(&verified.status),
            || said("verify", &verified),
        )?;
        check(verified.status != Some(0) || bytes == *original, || {
            said("verify is content", &verified)
        })?;
        for arguments in [
            &["inspect", "app"][..],
            &[
                "inspect",
                "app",
                "--list",
                "files",
                "--output-format",
                "json",
            ],
            &["extract", "app", "--to", "files", "--blob", "blob"],
            &["remove", "app", "-o", "stub"],
        ] {
            let told = tool(directory.path(), arguments)?;
            check([Some(0), Some(1)].contains(&told.status), || {
                said(arguments[0], &told)
            })?;
        }
        check(fs::read(at("app"))? == bytes, || {
            format!("round {round}: the input was written to")
        })?;
        if verified.status == Some(3) && *runs {
            // Altered means that it runs.
            fs::set_permissions(at("app"), PermissionsExt::from_mode(0o755))?;
            Run::new(at("app")).outcome()?.success()?;
        }
        for name in ["files", "stub", "blob"] {
            let _ = fs::remove_dir_all(at(name));
            let _ = fs::remove_file(at(name));
        }
        check(leftovers(directory.path())?.is_empty(), || {
            format!("round {round}: leftovers")
        })?;
    }
    Ok(())
}

fn kills(dice: &mut Dice) -> Result {
    let directory = tools::scratch()?;
    let output = directory.path().join("app");
    let cache = directory.path().join("cache");
    let mut packaging = Package::app("hello").command(&output)?;
    packaging.env("OXIDIZE_CACHE_DIR", &cache).process_group(0);
    packaging.stdout(Stdio::null()).stderr(Stdio::null());
    let start = Instant::now();
    let done = packaging.status()?;
    check(done.success(), || "packaging failed".to_owned())?;
    let whole = start.elapsed();
    for round in 0..rounds(15) {
        if dice.below(3) == 0 {
            fs::remove_dir_all(&cache)?;
        }
        if dice.below(2) == 0 {
            fs::remove_file(&output)?;
        }
        let mut child = packaging.spawn()?;
        let moment = dice.below(whole.as_micros() as usize * 5 / 4);
        std::thread::sleep(Duration::from_micros(moment as u64));
        child.kill()?;
        child.wait()?;
        if output.exists() {
            let told = tool(directory.path(), &["verify", "app"])?;
            check(told.status == Some(0), || {
                format!("round {round}: {}", told.text)
            })?;
        }
        let done = packaging.status()?;
        check(done.success(), || {
            format!("round {round}: packaging failed afterwards")
        })?;
        Run::new(&output).outcome()?.success()?;
    }
    // A name that nobody has locked is taken for abandoned after ten seconds.
    std::thread::sleep(Duration::from_secs(11));
    check(packaging.status()?.success(), || {
        "packaging failed".to_owned()
    })?;
    for place in [directory.path(), &cache] {
        let left = leftovers(place)?;
        check(left.is_empty(), || format!("left: {left:?}"))?;
    }
    Ok(())
}

/// Runs a script where it may mount file systems: `$1` is the command, `$2` an empty directory,
/// `$3` the application.
fn with_mounts(script: &str) -> Result<Told> {
    let directory = tools::scratch()?;
    let mut probe = Command::new("unshare");
    probe.args([
        "--map-root-user",
        "--mount",
        "mount",
        "-t",
        "tmpfs",
        "tmpfs",
        "/mnt",
    ]);
    if !probe
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
    {
        return missing("the right to mount file systems (unshare --map-root-user --mount)");
    }
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "bash", "-ec", script, "bash"])
        .arg(tools::program("oxidize-inject")?)
        .arg(directory.path())
        .arg(tools::here().join("apps/hello"));
    bounded(&mut command, Duration::from_secs(180))
}

fn full_disk(dice: &mut Dice) -> Result {
    for round in 0..rounds(2).min(20) {
        // An output that does not fit, then a cache that does not.
        let (small, tiny) = (2 + dice.below(40), 64 + dice.below(4000));
        let told = with_mounts(&format!(
            "cd \"$2\"; mkdir full cache; mount -t tmpfs -o size={small}m tmpfs full\n\
             echo mine >full/app\n\
             OXIDIZE_CACHE_DIR=$2/good \"$1\" full/app -r \"$3\" && exit 9\n\
             [ \"$(cat full/app)\" = mine ]; [ \"$(ls -A full)\" = app ]\n\
             mount -t tmpfs -o size={tiny}k tmpfs cache\n\
             OXIDIZE_CACHE_DIR=$2/cache \"$1\" app -r \"$3\"\n\
             ./app; \"$1\" verify app\n\
             [ -z \"$(ls -A cache | grep '^.oxidize-inject-')\" ]"
        ))?;
        check(
            told.status == Some(0) && told.text.contains("hello"),
            || {
                format!(
                    "round {round}, {small} MiB and {tiny} KiB: {:?}\n{}",
                    told.status, told.text
                )
            },
        )?;
    }
    Ok(())
}

fn read_only_cache(_: &mut Dice) -> Result {
    let told = with_mounts(
        "cd \"$2\"; mkdir cache; mount -t tmpfs -o size=1g tmpfs cache\n\
         export OXIDIZE_CACHE_DIR=$2/cache\n\
         mount -o remount,ro cache; \"$1\" app -r \"$3\"; ./app\n\
         mount -o remount,rw cache; \"$1\" app -r \"$3\"; ./app\n\
         mount -o remount,ro cache; \"$1\" app -r \"$3\"; ./app; \"$1\" verify app",
    )?;
    check(
        told.status == Some(0) && told.text.matches("hello").count() >= 3,
        || told.text.clone(),
    )
}

/// A server that answers anything but what it was asked.
fn lying_index(dice: &mut Dice) -> Result {
    let directory = tools::scratch()?;
    for round in 0..rounds(25) {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let mut own = Dice(dice.next());
        let server = std::thread::spawn(move || {
            listener.set_nonblocking(true).unwrap();
            let end = Instant::now() + Duration::from_secs(25);
            let mut answered = 0;
            while Instant::now() < end && answered < 8 {
                let Ok((mut stream, _)) = listener.accept() else {
                    std::thread::sleep(Duration::from_millis(5));
                    if answered > 0 && own.below(200) == 0 {
                        break;
                    }
                    continue;
                };
                answered += 1;
                let _ = stream.set_nonblocking(false);
                let _ = stream.set_read_timeout(Some(Duration::from_secs(1)));
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(&lie(&mut own, port));
            }
        });
        let url = format!("http://127.0.0.1:{port}/simple");
        let target = WINDOWS;
        let told = tool(
            directory.path(),
            &["stubs", "import", "--allow-unlisted-stub", "nothing.whl"],
        )?;
        check(told.status == Some(1), || told.text.clone())?;
        let arguments = [
            "app.exe",
            "-r",
            "res",
            "--target",
            target,
            "--allow-unlisted-stub",
            "--index-url",
            &url,
        ];
        fs::create_dir_all(directory.path().join("res"))?;
        fs::write(directory.path().join("res/__main__.py"), "")?;
        // Beside the command there may be a stub already: a copy elsewhere has none.
        let copy = directory.path().join("oxidize-inject");
        if !copy.exists() {
            tools::copy_program(&tools::program("oxidize-inject")?, &copy)?;
        }
        let mut command = Command::new(&copy);
        command.args(arguments).current_dir(directory.path());
        command.env("OXIDIZE_CACHE_DIR", directory.path().join("cache"));
        let told = bounded(&mut command, Duration::from_secs(120))?;
        check([Some(0), Some(1)].contains(&told.status), || {
            format!("round {round}: {:?} {}", told.status, told.text)
        })?;
        drop(server);
    }
    Ok(())
}

fn lie(dice: &mut Dice, port: u16) -> Vec<u8> {
    let wheel = "oxidize_stub_cp313-0.1.0-py3-none-win_amd64.whl";
    let page = format!(
        "<a href=\"http://127.0.0.1:{port}/{wheel}#sha256={}\">{wheel}</a>",
        "0".repeat(64)
    );
    let junk: Vec<u8> = (0..dice.below(3000)).map(|_| dice.next() as u8).collect();
    let length = *dice.pick(&["0", "1", "18446744073709551615", "-1", "x", "100000"]);
    let kind = *dice.pick(&[
        "text/html",
        "application/zip",
        "application/vnd.pypi.simple.v1+json",
        "",
    ]);
    let status = *dice.pick(&[
        "200 OK",
        "404 no",
        "500 oops",
        "301 there",
        "206 part",
        "999 ?",
    ]);
    let json = format!(
        "{{\"meta\":{{\"api-version\":\"1.0\"}},\"files\":[{{\"filename\":\"{wheel}\",\"url\":\"/{wheel}\",\"hashes\":{{\"sha256\":\"{}\"}}}}]}}",
        "f".repeat(64)
    );
    let body: Vec<u8> = match dice.below(6) {
        0 => junk,
        1 => page.into_bytes(),
        2 => json.into_bytes(),
        3 => b"PK\x05\x06".iter().chain(&[0xff; 18]).copied().collect(),
        4 => "<a href=\"\x1b[31m\">".repeat(200).into_bytes(),
        _ => Vec::new(),
    };
    let length = if dice.below(2) == 0 {
        body.len().to_string()
    } else {
        length.to_owned()
    };
    let mut answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\nlocation: /again\r\n\r\n"
    )
    .into_bytes();
    answer.extend(body);
    let keep = if dice.below(4) == 0 {
        dice.below(answer.len())
    } else {
        answer.len()
    };
    answer.truncate(keep);
    answer
}

/// A random tree with the files that extraction must give back.
fn tree(dice: &mut Dice, root: &Path) -> Result<(BTreeMap<String, Vec<u8>>, bool)> {
    let names = [
        "plain",
        "with space",
        "new\nline",
        "back\\slash",
        "esc\x1b[31m",
        "\u{202e}turned",
        "caf\u{e9}",
        "cafe\u{301}",
        "-rf",
        "%s%n",
        "a:b",
        "CON",
        "...",
        "~",
        "$HOME",
        "'quote'",
        "\u{1f40d}",
        "pkg.py",
        "mod.py",
        "__init__.py",
    ];
    let long = "n".repeat(255);
    let mut files = BTreeMap::from([("__main__.py".to_owned(), b"print('hello')\n".to_vec())]);
    fs::write(root.join("__main__.py"), &files["__main__.py"])?;
    let mut harmless = true;
    let mut directories = vec![String::new()];
    for _ in 0..5 + dice.below(40) {
        let parent = dice.pick(&directories).clone();
        let name = if dice.below(30) == 0 {
            long.as_str()
        } else {
            *dice.pick(&names)
        };
        let path = if parent.is_empty() {
            name.to_owned()
        } else {
            format!("{parent}/{name}")
        };
        let on_disk = root.join(&path);
        if fs::symlink_metadata(&on_disk).is_ok() || on_disk.as_os_str().len() > 3000 {
            continue;
        }
        match dice.below(24) {
            0..=4 => {
                fs::create_dir(&on_disk)?;
                directories.push(path);
            }
            5 => {
                let target = *dice.pick(&["/etc/passwd", "nowhere", ".", "..", "loop"]);
                symlink(target, &on_disk)?;
                harmless = false;
            }
            6 => {
                let made = Command::new("mkfifo").arg("--").arg(&on_disk).status()?;
                harmless &= !made.success();
            }
            _ => {
                let bytes: Vec<u8> = (0..dice.below(2000)).map(|_| dice.next() as u8).collect();
                // Sources need not be Python: one that does not compile is packaged with a warning.
                fs::write(&on_disk, &bytes)?;
                files.insert(path, bytes);
            }
        }
    }
    Ok((files, harmless))
}

fn hostile_trees(dice: &mut Dice) -> Result {
    for round in 0..rounds(12) {
        let directory = tools::scratch()?;
        let resources = directory.path().join("res");
        fs::create_dir(&resources)?;
        let (files, harmless) = tree(dice, &resources)?;
        let said = |told: &Told| format!("round {round}: {:?} {}", told.status, told.text);
        let mut command = Package::new(&resources)
            .options(["--stdlib", "used"])
            .command(&directory.path().join("app"))?;
        let packaged = bounded(&mut command, Duration::from_secs(120))?;
        let expected = if harmless { Some(0) } else { Some(1) };
        check(packaged.status == expected, || said(&packaged))?;
        if !harmless {
            continue;
        }
        for arguments in [
            &["verify", "app"][..],
            &["inspect", "app", "--list", "files"],
            &[
                "inspect",
                "app",
                "--list",
                "modules",
                "--output-format",
                "json",
            ],
            &["extract", "app", "--to", "files"],
        ] {
            let told = tool(directory.path(), arguments)?;
            check(told.status == Some(0), || said(&told))?;
        }
        for (path, bytes) in &files {
            let found = fs::read(directory.path().join("files/app").join(path))?;
            check(found == *bytes, || {
                format!("round {round}: {path:?} is another")
            })?;
        }
        Run::new(directory.path().join("app"))
            .outcome()?
            .success()?;
    }
    Ok(())
}
