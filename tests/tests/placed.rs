//! Packages whose files lie beside the executable.

use std::fs;
use std::path::Path;
use std::process::Command;

use oxidize_tests::package::Package;
use oxidize_tests::run::Run;
use oxidize_tests::targets::{self, WINDOWS};
use oxidize_tests::{Result, check, fail, tools, trial};

fn main() -> std::process::ExitCode {
    oxidize_tests::main(vec![
        trial("gnu::files_lie_beside_the_executable", || {
            beside(tools::GNU)
        }),
        trial("musl::files_lie_beside_the_executable", || {
            beside(tools::MUSL)
        }),
        trial("windows::files_lie_beside_the_executable", || {
            beside(WINDOWS)
        }),
        trial("imports_ask_the_system_nothing", imports),
        trial("a_directory_of_others_is_not_replaced", others),
        trial("programs_with_files_around_them_are_named", suggestion),
        trial("verify_looks_beside_the_executable", verify),
    ])
}

/// What the program prints: paths relative to its own directory, with slashes.
const PRINTED: &str = "\
app.files/app/tool/__init__.py app.files/app/tool app.files/app/tool/sub.py
app.files/app/tool/sub.py app.files/app/tool/sub.py def where():
hi hi ['__init__.py', 'data', 'sub.py']
app.files/app/tool/data ['sub'] hi app.files/app/tool/sub.py
child: app.files/app/tool/sub.py
";

/// A package `tool` with data, and a program over it.
fn resources(place: &Path) -> Result {
    let tool = place.join("tool");
    fs::create_dir_all(tool.join("data"))?;
    fs::write(tool.join("__init__.py"), "")?;
    fs::write(
        tool.join("sub.py"),
        "def where():\n    return where.__code__.co_filename\n",
    )?;
    fs::write(tool.join("data/hi.txt"), "hi")?;
    fs::write(
        place.join("__main__.py"),
        r#"import importlib.resources, importlib.util, inspect, os, pkgutil, subprocess, sys
import tool, tool.sub

top = os.path.dirname(os.path.realpath(os.environ.get("TOP") or sys.argv[0]))


def relative(path):
    return os.path.relpath(path, top).replace(os.sep, "/")


[directory] = tool.__path__
print(relative(tool.__file__), relative(directory), relative(tool.sub.__spec__.origin))
source = inspect.getsource(tool.sub.where).splitlines()[0]
print(relative(tool.sub.where()), relative(inspect.getsourcefile(tool.sub.where)), source)
virtual = os.path.join(os.path.dirname(__file__), "tool")
texts = [open(os.path.join(place, "data", "hi.txt")).read() for place in (directory, virtual)]
print(*texts, sorted(os.listdir(virtual)))
found = importlib.util.find_spec("tool.sub").origin
names = [module.name for module in pkgutil.iter_modules(tool.__path__)]
data = pkgutil.get_data("tool", "data/hi.txt").decode()
print(relative(importlib.resources.files(tool) / "data"), names, data, relative(found))
code = "import sys, tool.sub; print(tool.sub.__file__)"
child = subprocess.check_output([sys.executable, "-c", code], text=True).strip()
print("child:", relative(child))
"#,
    )?;
    Ok(())
}

fn beside(target: &str) -> Result {
    let place = tools::scratch()?;
    resources(&place.path().join("resources"))?;
    let suffix = if targets::is_windows(target) {
        ".exe"
    } else {
        ""
    };
    let app = place.path().join(format!("app{suffix}"));
    let package = Package::new(place.path().join("resources"));
    let package = package.target(target).options(["--place", "tool=files"]);
    package.write(&app)?;
    // An earlier directory is replaced as a whole.
    fs::remove_file(place.path().join("app.files/app/tool/sub.py"))?;
    package.write(&app)?;
    Run::new(&app).outcome()?.prints(PRINTED)?;
    // Both may be moved together.
    let elsewhere = place.path().join("else where");
    fs::create_dir(&elsewhere)?;
    let moved = elsewhere.join(format!("other{suffix}"));
    fs::rename(&app, &moved)?;
    fs::rename(place.path().join("app.files"), elsewhere.join("app.files"))?;
    Run::new(&moved).outcome()?.prints(PRINTED)?;
    Ok(())
}

fn imports() -> Result {
    let place = tools::scratch()?;
    let tree = place.path().join("resources");
    fs::create_dir_all(tree.join("tool/deep"))?;
    for name in ["__init__", "sub", "deep/__init__", "deep/leaf"] {
        fs::write(tree.join(format!("tool/{name}.py")), "")?;
    }
    fs::write(
        tree.join("__main__.py"),
        "import tool.sub, tool.deep.leaf\n",
    )?;
    let app = place.path().join("app");
    let package = Package::new(&tree).options(["--place", "tool=files"]);
    package.write(&app)?;
    let trace = place.path().join("trace");
    let output = Command::new(tools::host_tool("strace")?)
        .args(["-f", "-e", "trace=file", "-o"])
        .args([&trace, &app])
        .output()?;
    check(output.status.success(), || {
        String::from_utf8_lossy(&output.stderr).into_owned()
    })?;
    let trace = fs::read_to_string(trace)?;
    check(!trace.contains("app.files"), || trace.clone())
}

/// What a run of the command that has to fail says.
fn refused(package: &Package, output: &Path) -> Result<String> {
    let output = package.command(output)?.output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    check(!output.status.success(), || said.clone())?;
    Ok(said)
}

fn others() -> Result {
    let place = tools::scratch()?;
    resources(&place.path().join("resources"))?;
    let app = place.path().join("app");
    let theirs = place.path().join("app.files");
    fs::create_dir(&theirs)?;
    fs::write(theirs.join("theirs"), "")?;
    let package =
        |option: &str| Package::new(place.path().join("resources")).options(["--place", option]);
    let said = refused(&package("tool=files"), &app)?;
    check(
        said.contains("app.files` already exists, and oxidize-inject did not make it")
            && theirs.join("theirs").is_file()
            && !app.exists(),
        || said.clone(),
    )?;
    let said = refused(&package("tools=files"), &app)?;
    check(said.contains("no package `tools` to place"), || {
        said.clone()
    })?;
    let said = refused(&package("tool=disk"), &app)?;
    check(said.contains("`NAME=files`"), || said.clone())?;
    // The last word on a package counts.
    let memory = package("tool=files").options(["--place", "tool=memory"]);
    memory.write(&app)?;
    // A file of the user's in a directory of ours.
    fs::remove_dir_all(&theirs)?;
    package("tool=files").write(&app)?;
    let own = theirs.join("app/tool/own.txt");
    fs::write(&own, "own")?;
    let said = refused(&package("tool=files"), &app)?;
    check(
        said.contains("own.txt` is not a file that oxidize-inject wrote")
            && said.contains("move it out")
            && fs::read_to_string(&own)? == "own",
        || said.clone(),
    )
}

fn suggestion() -> Result {
    let place = tools::scratch()?;
    let tree = place.path().join("resources");
    resources(&tree)?;
    fs::create_dir_all(tree.join("tool/driver/package"))?;
    fs::write(tree.join("tool/driver/package/cli.js"), "")?;
    fs::copy("/bin/true", tree.join("tool/driver/node"))?;
    let app = place.path().join("app");
    let said = |option: &str| -> Result<String> {
        let mut command = Command::new(tools::program("oxidize-inject")?);
        command.arg(&app).arg("--resources").arg(&tree);
        let output = command.args(["--place", option]).output()?;
        Ok(String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let inspect = || -> Result<String> {
        let mut command = Command::new(tools::program("oxidize-inject")?);
        let output = command.arg("inspect").arg(&app).output()?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let hint = "--place tool=files";
    for (option, expected) in [("tool=memory", true), ("tool=files", false)] {
        for text in [said(option)?, inspect()?] {
            let found = text.contains(hint) && text.contains("tool/driver/node");
            if found != expected {
                return fail(format!("{option}: {text}"));
            }
        }
    }
    Ok(())
}

fn verify() -> Result {
    let place = tools::scratch()?;
    resources(&place.path().join("resources"))?;
    let app = place.path().join("app");
    let package = Package::new(place.path().join("resources"));
    package.options(["--place", "tool=files"]).write(&app)?;
    let verify = || -> Result<(bool, String)> {
        let mut command = Command::new(tools::program("oxidize-inject")?);
        let output = command.arg("verify").arg(&app).output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        Ok((output.status.success(), said))
    };
    check(verify()?.0, || "a whole application".to_owned())?;
    fs::remove_file(place.path().join("app.files/app/tool/data/hi.txt"))?;
    let (good, said) = verify()?;
    check(!good && said.contains("hi.txt"), || said.clone())
}
