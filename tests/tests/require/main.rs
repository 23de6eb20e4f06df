//! Packages what a package index has: with markers and tags of the target, laid out as an
//! installation has it. The index is one on the loopback device, with distributions that the tests
//! make.

mod place;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use oxidize_tests::index::{Wheel, project, sdist, zipped};
use oxidize_tests::run::Run;
use oxidize_tests::targets::ARM_GNU;
use oxidize_tests::tools::GNU;
use oxidize_tests::{Result, check, fail, tools, trial};
use place::{Place, contains, ham, said, spam, succeeded};

fn main() -> std::process::ExitCode {
    oxidize_tests::main(vec![
        trial("the_entry_point_of_what_is_required", entry_point),
        trial("an_installation_s_directories", layout),
        trial("the_second_time_asks_nobody", second_time),
        trial("a_cache_that_is_emptied_meanwhile", emptied),
        trial("a_cache_without_room", no_room),
        trial("markers_and_tags_of_the_target", cross),
        trial("no_wheel_for_the_target", no_wheel),
        trial("requirements_that_cannot_be_had", not_to_be_had),
        trial("hashes_of_a_requirements_file", hashes),
        trial("constraints", constraints),
        trial("wheels_without_an_index", offline),
        trial("wheels_that_are_none", bad_wheels),
        trial("one_file_in_two_wheels", clash),
        trial("an_output_that_is_a_wheel_in_use", wheel_as_output),
        trial("source_distributions", sources),
        trial("a_project_s_directory", local_project),
        trial("path_files", path_files),
        trial("the_application_comes_first", beside_an_application),
        trial("a_namespace_package_in_two_places", namespace),
        trial("a_script_s_inline_metadata", script),
        trial("a_lock_file", pylock),
        trial("uv_s_lock_file", uv_lock),
    ])
}

fn entry_point() -> Result {
    let place = Place::new(&[ham(), spam("1.0"), spam("2.0")])?;
    // `spam` has a console script too, but nobody asked for it.
    place
        .run(&["--require", "ham"])?
        .prints("/~oxidize/lib/python3.13/site-packages/ham.py spam 2.0\n")?;
    place
        .run(&["--require", "ham", "--entry", "spam-tool"])?
        .prints("spam 2.0\n")?;
    place
        .run(&["--require", "ham", "--require", "spam<2", "--entry", "ham"])?
        .prints("/~oxidize/lib/python3.13/site-packages/ham.py spam 1.0\n")?;
    fs::remove_file(place.path().join("app"))?;
    let two = place.refused(&["--require", "ham", "--require", "spam"])?;
    contains(&two, &["nothing says what", "ham", "spam-tool"])?;
    let absent = place.refused(&["--require", "ham", "--entry", "hammer"])?;
    contains(&absent, &["`hammer`", "ham"])
}

fn layout() -> Result {
    let program = r#"
import importlib.metadata, importlib.resources, os, site, sys, sysconfig

def main():
    paths = sysconfig.get_paths()
    for name in ("purelib", "platlib", "scripts", "data"):
        print(name, paths[name])
    print(site.getsitepackages(), sys.path[-1])
    print(open(os.path.join(sys.prefix, "share", "ham", "menu.txt")).read())
    print(open(os.path.join(paths["scripts"], "ham-script")).read())
    print(os.access(os.path.join(paths["scripts"], "ham-script"), os.X_OK))
    distribution = importlib.metadata.distribution("ham")
    print(distribution.version, distribution.read_text("INSTALLER").strip())
    print(all(file.locate().exists() for file in distribution.files))
    print(sorted(str(file) for file in distribution.files if "info" not in str(file)))
    print(importlib.resources.files("ham").joinpath("data.txt").read_text())
"#;
    let wheel = Wheel::new("ham", "1.0")
        .script("ham", "ham:main")
        .file("ham/__init__.py", program)
        .file("ham-1.0.data/data/share/ham/menu.txt", "spam")
        .file("ham-1.0.data/scripts/ham-script", "#!/bin/sh")
        .file("ham-1.0.data/purelib/ham/data.txt", "egg");
    let place = Place::new(&[wheel])?;
    place.run(&["--require", "ham"])?.prints(
        "purelib /~oxidize/lib/python3.13/site-packages\n\
         platlib /~oxidize/lib/python3.13/site-packages\n\
         scripts /~oxidize/bin\n\
         data /~oxidize\n\
         ['/~oxidize/lib/python3.13/site-packages'] /~oxidize/lib/python3.13/site-packages\n\
         spam\n#!/bin/sh\nTrue\n1.0 oxidize-inject\nTrue\n\
         ['../../../bin/ham-script', '../../../share/ham/menu.txt', 'ham/__init__.py', 'ham/data.txt']\n\
         egg\n",
    ).map(drop)
}

fn second_time() -> Result {
    let place = Place::new(&[ham(), spam("1.0")])?;
    place.run(&["--require", "ham"])?;
    let (asked, first) = (
        place.index.requests().len(),
        fs::read(place.path().join("app"))?,
    );
    check(asked > 0, || "nobody was asked".to_owned())?;
    // A version that came since is not looked for.
    spam("3.0").write(&place.files())?;
    place.run(&["--require", "ham"])?;
    place.run(&["--require", "ham", "--offline"])?;
    check(place.index.requests().len() == asked, || {
        format!("{:?}", place.index.requests())
    })?;
    check(fs::read(place.path().join("app"))? == first, || {
        "the bytes differ".to_owned()
    })?;
    place
        .run(&["--require", "ham", "--upgrade"])?
        .prints("/~oxidize/lib/python3.13/site-packages/ham.py spam 3.0\n")
        .map(drop)
}

/// Whoever removes the cache while it is used costs time, and nothing else.
fn emptied() -> Result {
    let place = Place::new(&[ham(), spam("1.0")])?;
    let cache = place.path().join("cache");
    for pause in [2, 40, 300] {
        let mut packaging = place
            .command()?
            .args(["--index-url", &place.index.url(), "--require", "ham"])
            .env("OXIDIZE_CACHE_DIR", &cache)
            .stderr(Stdio::piped())
            .spawn()?;
        while packaging.try_wait()?.is_none() {
            for kind in ["wheels", "worker"] {
                let _ = fs::remove_dir_all(cache.join(kind));
            }
            std::thread::sleep(Duration::from_millis(pause));
        }
        let output = packaging.wait_with_output()?;
        succeeded(&output)?;
        Run::new(place.path().join("app")).outcome()?.success()?;
        fs::remove_file(place.path().join("app"))?;
    }
    Ok(())
}

/// A full disk for the cache only costs time.
fn no_room() -> Result {
    let place = Place::new(&[ham(), spam("1.0")])?;
    let full = place.path().join("full");
    fs::create_dir(&full)?;
    // In a mount namespace of its own, as its root.
    let script = "mount -t tmpfs -o size=64k none \"$1\" && dd if=/dev/zero of=\"$1/rest\" 2>/dev/null; \
                  shift; exec \"$@\"";
    let output = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", script, "sh"])
        .arg(&full)
        .arg(tools::program("oxidize-inject")?)
        .arg(place.path().join("app"))
        .args(["--index-url", &place.index.url(), "--require", "ham"])
        .env("OXIDIZE_CACHE_DIR", full.join("cache"))
        .output()?;
    succeeded(&output)?;
    Run::new(place.path().join("app"))
        .outcome()?
        .success()
        .map(drop)
}

fn cross() -> Result {
    tools::stub(ARM_GNU)?;
    let native = |tag: &str| {
        Wheel::new("native", "1.0")
            .tag(tag)
            .file("native.py", format!("tag = '{tag}'"))
    };
    let only = |name: &str| Wheel::new(name, "1.0").file(&format!("{name}.py"), "");
    let wheel = Wheel::new("ham", "1.0")
        .script("ham", "ham:main")
        .requires("native")
        .requires("arm; platform_machine == 'aarch64'")
        .requires("intel; platform_machine == 'x86_64'")
        .requires("windows; sys_platform == 'win32'")
        .file("ham.py", "import native\ndef main(): print(native.tag)\n");
    let place = Place::new(&[
        wheel,
        native("cp313-cp313-manylinux_2_17_x86_64"),
        native("cp313-cp313-manylinux_2_17_aarch64"),
        native("cp313-cp313-win_amd64"),
        only("arm"),
        only("intel"),
        only("windows"),
    ])?;
    let distributions = |arguments: &[&str]| -> Result<Vec<String>> {
        succeeded(&place.package(arguments)?)?;
        let output = Command::new(tools::program("oxidize-inject")?)
            .args(["inspect", "--list", "distributions"])
            .arg(place.path().join("app"))
            .output()?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let names = text
            .lines()
            .filter_map(|line| line.split_whitespace().next());
        let mut names: Vec<_> = names.map(str::to_owned).collect();
        names.sort();
        Ok(names)
    };
    let here = distributions(&["--require", "ham"])?;
    check(here == ["ham", "intel", "native"], || format!("{here:?}"))?;
    Run::new(place.path().join("app"))
        .outcome()?
        .success()?
        .prints("cp313-cp313-manylinux_2_17_x86_64\n")?;
    let there = distributions(&["--require", "ham", "--target", ARM_GNU])?;
    check(there == ["arm", "ham", "native"], || format!("{there:?}"))?;
    Run::new(place.path().join("app"))
        .outcome()?
        .success()?
        .prints("cp313-cp313-manylinux_2_17_aarch64\n")
        .map(drop)
}

fn no_wheel() -> Result {
    let native = |version: &str, tag: &str| {
        Wheel::new("native", version)
            .tag(tag)
            .script("native", "native:main")
            .file("native.py", "def main(): pass")
    };
    let place = Place::new(&[
        native("1.0", "cp313-cp313-manylinux_2_17_x86_64"),
        native("2.0", "cp313-cp313-win_amd64"),
        native("2.0", "cp312-cp312-manylinux_2_17_x86_64"),
    ])?;
    // There is a source distribution of it, which no one can compile here.
    sdist(&place.files(), "native", "2.0", &[])?;
    let error = place.refused(&["--require", "native"])?;
    contains(
        &error,
        &[
            &format!("native 2.0 has no wheel for {GNU}"),
            "cp313-cp313-win_amd64",
            "native==1.0",
        ],
    )?;
    place
        .run(&["--require", "native==1.0", "--entry", "native"])
        .map(drop)?;
    let only = Place::new(&[native("2.0", "cp313-cp313-win_amd64")])?;
    let error = only.refused(&["--require", "native"])?;
    contains(&error, &["native 2.0 has no wheel", "no version of native"])
}

fn not_to_be_had() -> Result {
    let place = Place::new(&[
        ham(),
        spam("1.0"),
        spam("2.0"),
        Wheel::new("egg", "1.0")
            .requires("spam<2")
            .file("egg.py", ""),
    ])?;
    let error = place.refused(&["--require", "nothing"])?;
    contains(
        &error,
        &[
            "no version of nothing",
            "no index has a project called nothing",
        ],
    )?;
    let error = place.refused(&["--require", "spam>=3"])?;
    contains(
        &error,
        &["no version of spam satisfies `spam>=3`", "2.0, 1.0"],
    )?;
    let error = place.refused(&["--require", "egg", "--require", "spam>=2"])?;
    contains(
        &error,
        &[
            "no version of spam satisfies all of",
            "spam>=2",
            "spam<2 (from egg 1.0)",
        ],
    )?;
    let error = place.refused(&["--require", "spam = 2"])?;
    contains(&error, &["spam = 2"])?;
    let closed = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let output = place
        .command()?
        .args([
            "--index-url",
            &format!("http://user:secret@{closed}/simple"),
            "--require",
            "ham",
        ])
        .env("PIP_RETRIES", "0")
        .output()?;
    let error = said(&output);
    check(
        !output.status.success() && !error.contains("secret"),
        || error.clone(),
    )?;
    contains(&error, &["cannot look for ham", &closed.to_string()])
}

fn hashes() -> Result {
    let place = Place::new(&[ham(), spam("1.0")])?;
    let hash = |wheel: &Wheel| -> Result<String> {
        use sha2::Digest;
        let digest = sha2::Sha256::digest(wheel.bytes()?);
        Ok(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    };
    let lines = |of_spam: &str| -> Result<String> {
        Ok(format!(
            "ham==1.0 --hash=sha256:{}\nspam==1.0 --hash=sha256:{of_spam}\n",
            hash(&ham())?
        ))
    };
    let right = place.write("right.txt", &lines(&hash(&spam("1.0"))?)?)?;
    let wrong = place.write("wrong.txt", &lines(&"0".repeat(64))?)?;
    let error = place.refused(&["--requirements", &wrong])?;
    contains(&error, &["hash", "spam"])?;
    place
        .run(&["--requirements", &right, "--entry", "ham"])
        .map(drop)
}

fn constraints() -> Result {
    let place = Place::new(&[ham(), spam("1.0"), spam("2.0")])?;
    let file = place.write("constraints.txt", "spam<2\n")?;
    let outcome = place.run(&["--require", "ham", "--constraint", &file])?;
    outcome.prints("/~oxidize/lib/python3.13/site-packages/ham.py spam 1.0\n")?;
    let nested = place.write("nested.txt", "-c constraints.txt\nham\n")?;
    place
        .run(&["--requirements", &nested, "--entry", "ham"])?
        .prints("/~oxidize/lib/python3.13/site-packages/ham.py spam 1.0\n")
        .map(drop)
}

fn offline() -> Result {
    let place = Place::new(&[])?;
    let links = tools::scratch()?;
    let links_path = links.path().to_string_lossy().into_owned();
    let wheel = ham().write(place.path())?.to_string_lossy().into_owned();
    let error = place.refused(&["--wheel", &wheel, "--offline", "--find-links", &links_path])?;
    contains(&error, &["no version of spam", "--offline"])?;
    spam("1.0").write(links.path())?;
    place
        .run(&["--wheel", &wheel, "--offline", "--find-links", &links_path])?
        .prints("/~oxidize/lib/python3.13/site-packages/ham.py spam 1.0\n")?;
    check(place.index.requests().is_empty(), || {
        format!("{:?}", place.index.requests())
    })
}

/// However the wheel is named, and whether pip is asked or the answer is known.
fn wheel_as_output() -> Result {
    let place = Place::new(&[])?;
    let wheel = spam("1.0").write(place.path())?;
    let bytes = fs::read(&wheel)?;
    fs::hard_link(&wheel, place.path().join("app"))?;
    let url = format!("spam @ file://{}", wheel.display());
    let listed = place.write("listed.txt", &url)?;
    let links = format!("--find-links {}\nspam\n", place.path().display());
    let links = place.write("links.txt", &links)?;
    let metadata = format!("# /// script\n# dependencies = [\"{url}\"]\n# ///\n");
    let script = place.write("tool.py", &metadata)?;
    for arguments in [
        ["--require", &url],
        ["--requirements", &listed],
        ["--requirements", &links],
        ["--script", &script],
    ] {
        for _ in 0..2 {
            let output = place.package(&arguments)?;
            check(!output.status.success(), || format!("{arguments:?}"))?;
            contains(&said(&output), &["is the input"])?;
            check(fs::read(&wheel)? == bytes, || {
                format!("{arguments:?}: the wheel is gone")
            })?;
        }
    }
    Ok(())
}

fn bad_wheels() -> Result {
    let good = Wheel::new("ham", "1.0")
        .script("ham", "ham:main")
        .file("ham.py", "x = 1\n");
    let mut cut = good.bytes()?;
    cut.truncate(cut.len() - 40);
    let mut altered = good.bytes()?;
    let Some(at) = altered.windows(5).position(|window| window == b"x = 1") else {
        return fail("the wheel is not stored");
    };
    altered[at] = b'y';
    let cases = [
        (cut, "damaged"),
        (b"not an archive".to_vec(), "damaged"),
        (good.clone().file("../evil.py", "").bytes()?, "`../evil.py`"),
        (good.clone().file("/etc/evil", "").bytes()?, "`/etc/evil`"),
        (good.clone().file("C:/evil", "").bytes()?, "`C:/evil`"),
        (altered, "ham"),
        (zipped(&[("ham.py".to_owned(), Vec::new())])?, ".dist-info"),
    ];
    for (bytes, part) in cases {
        let place = Place::new(&[])?;
        // As a file of its own, and from the index.
        let name = place.path().join(good.file_name());
        fs::write(&name, &bytes)?;
        fs::write(place.files().join(good.file_name()), &bytes)?;
        let error = place.refused(&["--wheel", &name.to_string_lossy()])?;
        contains(&error, &[&good.file_name(), "not a valid wheel", part])?;
        let error = place.refused(&["--require", "ham"])?;
        contains(&error, &["ham"])?;
    }
    let place = Place::new(&[])?;
    let named = place.write("ham.whl", "")?;
    contains(
        &place.refused(&["--wheel", &named])?,
        &["ham.whl", "NAME-VERSION"],
    )?;
    contains(
        &place.refused(&["--wheel", "/absent-1-py3-none-any.whl"])?,
        &["/absent-1"],
    )?;
    let other = good.tag("cp313-cp313-win_amd64").write(place.path())?;
    let error = place.refused(&["--wheel", &other.to_string_lossy()])?;
    contains(&error, &["win_amd64", GNU])
}

/// As after pip: what is installed later wins, and what others require is installed before them.
fn clash() -> Result {
    let place = Place::new(&[
        ham().file("shared.py", "owner = 'ham'").file("same.py", ""),
        spam("1.0")
            .file("shared.py", "owner = 'spam'")
            .file("same.py", ""),
    ])?;
    let program = place.write("src/__main__.py", "import shared; print(shared.owner)")?;
    let source = Path::new(&program)
        .parent()
        .unwrap_or(Path::new(""))
        .to_string_lossy()
        .into_owned();
    let output = place.package(&["--resources", &source, "--require", "ham"])?;
    succeeded(&output)?;
    contains(&said(&output), &["`shared.py`", "spam-1.0", "ham-1.0"])?;
    check(!said(&output).contains("same.py"), || said(&output))?;
    Run::new(place.path().join("app"))
        .outcome()?
        .success()?
        .prints("ham\n")
        .map(drop)
}

fn sources() -> Result {
    let place = Place::new(&[])?;
    let module = ("src/pure.py", "def main(): print('built')\n");
    let script = ("pyproject.toml", "scripts = { pure = \"pure:main\" }\n");
    sdist(&place.files(), "pure", "1.0", &[module, script])?;
    place.run(&["--require", "pure"])?.prints("built\n")?;
    let tag = ("tag", "cp313-cp313-linux_x86_64");
    sdist(&place.files(), "compiled", "1.0", &[module, script, tag])?;
    fs::remove_file(place.path().join("app"))?;
    let error = place.refused(&["--require", "compiled"])?;
    contains(&error, &["compiled-1.0", "not pure Python", "--wheel"])?;
    sdist(&place.files(), "broken", "1.0", &[module, ("broken", "")])?;
    let error = place.refused(&["--require", "broken"])?;
    contains(&error, &["broken", "the build is broken"])
}

fn local_project() -> Result {
    let place = Place::new(&[spam("1.0")])?;
    let more = [
        (
            "src/tool.py",
            "import spam\ndef main(): print('tool', spam.name)\n",
        ),
        (
            "pyproject.toml",
            "dependencies = [\"spam\"]\nscripts = { tool = \"tool:main\" }\n",
        ),
    ];
    let root = place.path().join("project");
    for (path, content) in project("tool", "0.1", &more) {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap_or(&root))?;
        fs::write(path, content)?;
    }
    let root_text = root.to_string_lossy().into_owned();
    place
        .run(&["--require", &root_text])?
        .prints("tool spam 1.0\n")?;
    let asked = place.index.requests().len();
    place
        .run(&["--require", &root_text])?
        .prints("tool spam 1.0\n")?;
    check(place.index.requests().len() == asked, || {
        "it asked again".to_owned()
    })?;
    fs::write(root.join("src/tool.py"), "def main(): print('changed')\n")?;
    place
        .run(&["--require", &root_text])?
        .prints("changed\n")
        .map(drop)
}

fn path_files() -> Result {
    let wheel = Wheel::new("ham", "1.0")
        .script("ham", "ham:main")
        .file(
            "ham.py",
            "import inner, os\ndef main(): print(inner.name, os.environ.get('HAM'))\n",
        )
        .file("vendored/inner.py", "name = 'inner'\n")
        .file("ham.pth", "# a comment\nvendored\nabsent\n")
        .file("code.pth", "import os; os.environ['HAM'] = 'run'\n");
    let place = Place::new(&[wheel])?;
    let output = place.package(&["--require", "ham"])?;
    succeeded(&output)?;
    contains(&said(&output), &["`code.pth`", "not imported"])?;
    check(!said(&output).contains("ham.pth"), || said(&output))?;
    Run::new(place.path().join("app"))
        .outcome()?
        .success()?
        .prints("inner None\n")?;
    let output = place.package(&["--require", "ham", "--interpreter", "site=true"])?;
    succeeded(&output)?;
    check(!said(&output).contains(".pth"), || said(&output))?;
    Run::new(place.path().join("app"))
        .outcome()?
        .success()?
        .prints("inner run\n")
        .map(drop)
}

fn beside_an_application() -> Result {
    let place = Place::new(&[ham(), spam("1.0")])?;
    place.write("src/spam.py", "name = 'my own'")?;
    place.write(
        "src/__main__.py",
        "import ham, spam, json\nham.main()\nprint(spam.__file__)\n",
    )?;
    let source = place.path().join("src").to_string_lossy().into_owned();
    place
        .run(&["--resources", &source, "--require", "ham"])?
        .prints("/~oxidize/lib/python3.13/site-packages/ham.py my own\n/~oxidize/app/spam.py\n")
        .map(drop)
}

fn namespace() -> Result {
    let wheel = |name: &str| {
        let module = format!("cloud/{name}.py");
        Wheel::new(name, "1.0").file(&module, format!("place = '{name} ' + __file__"))
    };
    let place = Place::new(&[wheel("storage"), wheel("compute")])?;
    place.write("src/cloud/mine.py", "place = 'mine ' + __file__")?;
    place.write(
        "src/__main__.py",
        "from cloud import compute, mine, storage\n\
         print(mine.place, storage.place, compute.place, sep='\\n')\n\
         print(list(__import__('cloud').__path__), mine.__spec__.loader is None)\n",
    )?;
    let source = place.path().join("src").to_string_lossy().into_owned();
    let packages = ["--require", "storage", "--require", "compute"];
    place
        .run(&[&["--resources", &source], &packages[..]].concat())?
        .prints(
            "mine /~oxidize/app/cloud/mine.py\n\
             storage /~oxidize/lib/python3.13/site-packages/cloud/storage.py\n\
             compute /~oxidize/lib/python3.13/site-packages/cloud/compute.py\n\
             ['/~oxidize/app/cloud', '/~oxidize/lib/python3.13/site-packages/cloud'] False\n",
        )
        .map(drop)
}

fn script() -> Result {
    let place = Place::new(&[spam("1.0"), spam("2.0")])?;
    let program = "import sys, spam\nprint(spam.name, __file__, sys.argv[1:])\n";
    let metadata = |lines: &str| format!("# /// script\n{lines}# ///\n{program}");
    let tool = place.write("tool.py", &metadata("# dependencies = [\"spam<2\"]\n"))?;
    place
        .run(&["--script", &tool])?
        .prints("spam 1.0 /~oxidize/app/tool.py []\n")?;
    let plain = place.write("plain.py", "print('plain')\n")?;
    place.run(&["--script", &plain])?.prints("plain\n")?;
    fs::remove_file(place.path().join("app"))?;
    let old = place.write("old.py", &metadata("# requires-python = \"<3.12\"\n"))?;
    contains(&place.refused(&["--script", &old])?, &["<3.12"])?;
    let broken = place.write("broken.py", &metadata("# dependencies = [\n"))?;
    contains(&place.refused(&["--script", &broken])?, &["broken.py"])?;
    contains(
        &place.refused(&["--script", "/absent/tool.py"])?,
        &["/absent/tool.py"],
    )
}

fn pylock() -> Result {
    use sha2::Digest;
    let place = Place::new(&[ham(), spam("1.0"), spam("2.0")])?;
    let package = |wheel: &Wheel, name: &str, version: &str, more: &str| -> Result<String> {
        let digest = sha2::Sha256::digest(wheel.bytes()?);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let file = wheel.file_name();
        Ok(format!(
            "[[packages]]\nname = \"{name}\"\nversion = \"{version}\"\n{more}\
             [[packages.wheels]]\nname = \"{file}\"\npath = \"files/{file}\"\n\
             hashes = {{ sha256 = \"{digest}\" }}\n\n"
        ))
    };
    let windows = "marker = \"sys_platform == 'win32'\"\n";
    let lock = [
        "lock-version = \"1.0\"\ncreated-by = \"tests\"\n\n".to_owned(),
        package(&ham(), "ham", "1.0", "")?,
        package(&spam("1.0"), "spam", "1.0", "")?,
        package(&spam("2.0"), "spam", "2.0", windows)?,
    ];
    let file = place.write("pylock.toml", &lock.concat())?;
    place
        .run(&["--requirements", &file, "--entry", "ham"])?
        .prints("/~oxidize/lib/python3.13/site-packages/ham.py spam 1.0\n")?;
    check(place.index.requests().is_empty(), || {
        format!("{:?}", place.index.requests())
    })
}

fn uv_lock() -> Result {
    use sha2::Digest;
    let windows_only = Wheel::new("native", "1.0")
        .tag("cp313-cp313-win_amd64")
        .file("native.py", "");
    let place = Place::new(&[ham(), spam("1.0"), spam("2.0"), windows_only.clone()])?;
    let package = |wheel: &Wheel, name: &str, version: &str, more: &str| -> Result<String> {
        let digest = sha2::Sha256::digest(wheel.bytes()?);
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let url = place.index.url().replace("/simple/", "/files/") + &wheel.file_name();
        Ok(format!(
            "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\n\
             source = {{ registry = \"https://example.org/simple\" }}\n{more}\
             wheels = [{{ url = \"{url}\", hash = \"sha256:{digest}\" }}]\n\n"
        ))
    };
    let fork = |marker: &str| format!("resolution-markers = [\"{marker}\"]\n");
    let lock = |dependencies: &str| -> Result<String> {
        Ok([
            "version = 1\nrevision = 3\nrequires-python = \">=3.11\"\n\n".to_owned(),
            format!(
                "[[package]]\nname = \"project\"\nversion = \"0.1\"\n\
                 source = {{ editable = \".\" }}\ndependencies = [{dependencies}]\n\
                 [package.dev-dependencies]\ndev = [{{ name = \"native\" }}]\n\n"
            ),
            package(
                &ham(),
                "ham",
                "1.0",
                "dependencies = [{ name = \"spam\", version = \"1.0\", marker = \"sys_platform == 'linux'\" }, \
                 { name = \"spam\", version = \"2.0\", marker = \"sys_platform != 'linux'\" }]\n",
            )?,
            package(&spam("1.0"), "spam", "1.0", &fork("sys_platform == 'linux'"))?,
            package(&spam("2.0"), "spam", "2.0", &fork("sys_platform != 'linux'"))?,
            package(&windows_only, "native", "1.0", "")?,
        ]
        .concat())
    };
    let windows = "{ name = \"native\", marker = \"sys_platform == 'win32'\" }";
    let file = place.write(
        "uv.lock",
        &lock(&format!("{{ name = \"ham\" }}, {windows}"))?,
    )?;
    place
        .run(&["--requirements", &file, "--entry", "ham"])?
        .prints("/~oxidize/lib/python3.13/site-packages/ham.py spam 1.0\n")?;
    fs::remove_file(place.path().join("app"))?;
    let file = place.write("uv.lock", &lock("{ name = \"native\" }")?)?;
    let error = place.refused(&["--requirements", &file])?;
    contains(
        &error,
        &["native 1.0 has no wheel", "cp313-cp313-win_amd64"],
    )?;
    let file = place.write("uv.lock", "version = 2\n[[package]]\n")?;
    contains(
        &place.refused(&["--requirements", &file])?,
        &["format version is 2"],
    )
}
