//! `oxidize-inject inspect`.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use oxidize_format::{
    Blob, ChildRole, Compression, Entry, Error, Exit, Hex, MAX_STRING, Node, RunOptions,
    VIRTUAL_ROOT,
};
use serde_json::{Value, json};

use super::app::App;
use super::args::{Inspect, List};
use super::common::Format;
use super::failure::Failure;
use super::{print, print_text, stream, text};
use oxidize_inject::internal::package::placed;
use oxidize_inject::internal::python;

pub(super) fn inspect(args: &Inspect) -> Result<(), Failure> {
    let app = App::open(&args.app)?;
    let blob = app.blob()?;
    let damaged = |error: Error| app.damaged(&error);
    if args.licenses {
        return print_licenses(&app, &blob);
    }
    if let Some(what) = args.list {
        let json = args.common.output_format == Format::Json;
        return stream(json, |sink| list(&app, &blob, what, sink));
    }
    let mut summary = Summary::of(&blob).map_err(damaged)?;
    // Its first program's blob speaks for one processor only.
    if let Some(target) = app.target().filter(|target| target.parts().len() > 1) {
        summary.target = target.triple().to_owned();
    }
    let header = blob.header();
    let slot = app.slot();
    let snapshot = app.snapshot()?;
    let range = slot.blob.clone().unwrap_or_default();
    if args.common.output_format == Format::Json {
        return print(&format!(
            "{:#}\n",
            json!({
                "container": slot.container.to_string(),
                "target": summary.target,
                "stub_id": Hex(&slot.stub_id).to_string(),
                "stub_abi": slot.abi,
                "blob": { "offset": range.start, "size": range.end - range.start },
                "python": summary.python,
                "digest": Hex(&header.digest).to_string(),
                "entry": summary.entry,
                "options": summary.options,
                "modules": summary.modules,
                "files": summary.files,
                "file_bytes": summary.file_bytes,
                "natives": summary.natives,
                "in_memory": summary.in_memory,
                "distributions": summary.distributions,
                "snapshot": snapshot.as_ref().map(|(size, report)| json!({
                    "size": size,
                    "modules": report.modules,
                    "variables": report.variables.iter().map(|(name, reader)| json!({
                        "name": name,
                        "read_by": reader,
                    })).collect::<Vec<_>>(),
                    "failed_imports": report.failed,
                    // What differs between two runs: addresses of objects, and counters of the C
                    // libraries.
                    "reproducible": false,
                })),
            })
        ));
    }
    let mut out = String::new();
    let mut line = |name: &str, value: &str| {
        let _ = writeln!(out, "{name:14} {}", text::name(value));
    };
    line(
        "target",
        &format!("{} ({})", summary.target, slot.container),
    );
    line("python", &summary.python);
    line("runs", &summary.entry);
    line("options", &summary.options.join(", "));
    line("modules", &summary.modules.to_string());
    line(
        "files",
        &format!("{}, {}", summary.files, text::size(summary.file_bytes)),
    );
    line("native", &summary.natives.to_string());
    for package in &summary.in_memory {
        line("in memory", package);
    }
    line("distributions", &summary.distributions.join(", "));
    line(
        "blob",
        &format!(
            "{} at offset {:#x}",
            text::size(range.end - range.start),
            range.start
        ),
    );
    line("digest", &Hex(&header.digest).to_string());
    line(
        "stub",
        &format!("{} (agreement {})", Hex(&slot.stub_id), slot.abi),
    );
    if let Some((size, report)) = &snapshot {
        line(
            "snapshot",
            &format!(
                "{}, {} modules loaded",
                text::size(*size),
                report.modules.len()
            ),
        );
        for (name, reader) in &report.variables {
            line("  depends on", &format!("{name} ({reader})"));
        }
    }
    // A line without a value would only raise questions.
    let kept: Vec<&str> = out
        .lines()
        .map(str::trim_end)
        .filter(|line| line.contains(' '))
        .collect();
    print(&(kept.join("\n") + "\n"))
}

fn print_licenses(app: &App, blob: &Blob<'_>) -> Result<(), Failure> {
    let damaged = |error: Error| app.damaged(&error);
    let texts = blob.licenses().map_err(damaged)?;
    let texts = texts.ok_or_else(|| Failure::new("the application carries no licence texts"))?;
    let texts = texts.read().map_err(damaged)?;
    print_text(&String::from_utf8_lossy(&texts))
}

struct Summary {
    target: String,
    python: String,
    entry: String,
    options: Vec<String>,
    modules: u32,
    files: u64,
    file_bytes: u64,
    natives: u32,
    in_memory: Vec<String>,
    distributions: Vec<String>,
}

impl Summary {
    fn of(blob: &Blob<'_>) -> Result<Summary, Error> {
        let config = blob.run_config()?;
        let version = blob.header().py_version_hex;
        let (mut files, mut file_bytes) = (0, 0_u64);
        let tree = blob.tree();
        for index in 0..tree.len() {
            if let Some(data) = tree.get(index)?.data()? {
                files += 1_u64;
                file_bytes = data.len().saturating_add(file_bytes);
            }
        }
        let mut distributions = Vec::new();
        for distribution in blob.distributions().iter() {
            let distribution = distribution?;
            distributions.push(format!(
                "{} {}",
                distribution.name(),
                distribution.version()
            ));
        }
        let mut options = vec![format!("optimize {}", config.optimize)];
        let exit = if config.exit == Exit::Fast {
            "fast exit"
        } else {
            "full exit"
        };
        options.push(exit.to_owned());
        match config.children {
            ChildRole::Interpreter => {}
            ChildRole::Application => options.push("children are the application".to_owned()),
            ChildRole::Off => options.push("no children as sys.executable".to_owned()),
        }
        let switches = [
            (config.unbuffered, "unbuffered"),
            (config.inspect, "inspect"),
            (config.use_environment, "reads PYTHON* variables"),
            (config.site, "site"),
            (config.user_site, "user site"),
            (config.cwd_on_path, "working directory on the path"),
            (config.faulthandler, "faulthandler"),
            (config.check_at_start, "checks its digest at the start"),
            (config.dev_mode, "development mode"),
        ];
        options.extend(
            switches
                .iter()
                .filter(|(on, _)| *on)
                .map(|(_, name)| (*name).to_owned()),
        );
        for (name, entry) in RunOptions::from(&config).named_entries {
            options.push(format!("{name} is {entry}"));
        }
        if let Some(name) = config.files_directory {
            let placed: Vec<&str> = config.placed().collect();
            options.push(format!("{} in {name}", placed.join(", ")));
        }
        Ok(Summary {
            target: blob.target()?.to_owned(),
            python: format!(
                "{}.{}.{}",
                version >> 24,
                version >> 16 & 0xff,
                version >> 8 & 0xff
            ),
            entry: match config.entry {
                Entry::None if config.named_entries().next().is_some() => {
                    "what its first argument names".to_owned()
                }
                Entry::None => "the interpreter".to_owned(),
                Entry::Module(module) => format!("module {module}"),
                Entry::Function { module, function } => format!("{module}:{function}"),
                Entry::Script(path) => path.to_owned(),
            },
            options,
            modules: blob.modules().len(),
            files,
            file_bytes,
            natives: blob.natives().len(),
            in_memory: in_memory(blob)?,
            distributions,
        })
    }
}

/// Packages with a program that does not see the files around it, and what to do about it.
fn in_memory(blob: &Blob<'_>) -> Result<Vec<String>, Error> {
    let tree = blob.tree();
    let (mut files, mut programs) = (Vec::new(), BTreeSet::new());
    for index in 0..tree.len() {
        let node = tree.get(index)?;
        let Some(data) = node.data()? else { continue };
        let path = node.path()?;
        let may_run = node.is_executable() || path.ends_with(".exe");
        if may_run && !placed::is_library(&path) && data.compression() == Compression::None {
            // What lies on disk sees what lies beside it.
            if data.stored_bytes().is_ok_and(placed::is_program) {
                programs.insert(path.clone());
            }
        }
        files.push(path);
    }
    let mut found = Vec::new();
    let windows = format!("{VIRTUAL_ROOT}/Lib/site-packages");
    for root in [
        python::APP_ROOT,
        oxidize_python::VIRTUAL_SITE_PACKAGES,
        &windows,
    ] {
        let below = |path: &'_ String| {
            let rest = path.strip_prefix(root)?.strip_prefix('/')?;
            Some(rest.to_owned())
        };
        let files: Vec<String> = files.iter().filter_map(below).collect();
        let programs: Vec<String> = programs.iter().filter_map(below).collect();
        let programs: Vec<&str> = programs.iter().map(String::as_str).collect();
        let files = files.iter().map(String::as_str).collect();
        for (package, program) in placed::surrounded(&files, &programs) {
            found.push(format!(
                "{program}, away from the files around it (`--place {package}=files` leaves them on disk)"
            ));
        }
    }
    Ok(found)
}

type Visitor<'v, 'a> = dyn FnMut(Node<'a>, &str) -> Result<(), Failure> + 'v;

/// Visits each file with its path, in the order of the paths.
fn each_file<'a>(app: &App, root: Node<'a>, visit: &mut Visitor<'_, 'a>) -> Result<(), Failure> {
    let damaged = |error: Error| app.damaged(&error);
    let mut path = String::new();
    // Directories on the way down: what is left of each, and how long its own path is.
    let mut open = vec![(in_path_order(root).map_err(damaged)?.into_iter(), 0)];
    while let Some((children, length)) = open.last_mut() {
        path.truncate(*length);
        let Some(child) = children.next() else {
            open.pop();
            continue;
        };
        if !path.is_empty() {
            path.push('/');
        }
        path.push_str(child.name());
        if path.len() as u64 > MAX_STRING {
            return Err(Failure::new("a path in the application is too long"));
        }
        if child.is_dir() {
            open.push((
                in_path_order(child).map_err(damaged)?.into_iter(),
                path.len(),
            ));
        } else {
            visit(child, &path)?;
        }
    }
    Ok(())
}

/// A directory's children as they stand in a sorted list of full paths: `a.b` before `a/b`.
fn in_path_order(directory: Node<'_>) -> Result<Vec<Node<'_>>, Error> {
    let mut children = directory.children().collect::<Result<Vec<_>, _>>()?;
    children.sort_by_cached_key(|node| {
        let mut key = node.name().to_owned();
        if node.is_dir() {
            key.push('/');
        }
        key
    });
    Ok(children)
}

/// A line of a list.
pub(super) struct Line {
    name: String,
    details: Vec<(&'static str, Value)>,
}

impl Line {
    pub(super) fn text(&self) -> String {
        let show = |value: &Value| value.as_str().map_or_else(|| value.to_string(), text::name);
        let details = self
            .details
            .iter()
            .map(|(_, value)| show(value))
            .filter(|value| !value.is_empty());
        let details: Vec<String> = details.collect();
        format!("{}\t{}\n", text::name(&self.name), details.join("\t")).replace("\t\n", "\n")
    }

    pub(super) fn json(&self) -> Value {
        let mut object =
            serde_json::Map::from_iter([("name".to_owned(), self.name.clone().into())]);
        object.extend(
            self.details
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.clone())),
        );
        object.into()
    }
}

/// Hands the lines of a list to `sink`, one by one: a list may be much longer than the file.
fn list(
    app: &App,
    blob: &Blob<'_>,
    what: List,
    sink: &mut dyn FnMut(Line) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let damaged = |error: Error| app.damaged(&error);
    match what {
        List::Files => {
            let mut add = |node: Node<'_>, path: &str| {
                let executable = if node.is_executable() {
                    "executable"
                } else {
                    ""
                };
                let size = node.len().map_err(damaged)?;
                let details = vec![("size", size.into()), ("mode", executable.into())];
                sink(Line {
                    name: path.to_owned(),
                    details,
                })
            };
            each_file(app, blob.tree().root().map_err(damaged)?, &mut add)?;
        }
        List::Modules => {
            for module in blob.modules().iter() {
                let module = module.map_err(damaged)?;
                let mut made_of = Vec::new();
                made_of.extend(module.is_namespace().then_some("namespace"));
                made_of
                    .extend((module.is_package() && !module.is_namespace()).then_some("package"));
                made_of.extend(module.native().map_err(damaged)?.map(|_| "extension"));
                for (level, name) in [(0, "bytecode"), (1, "bytecode -O"), (2, "bytecode -OO")] {
                    made_of.extend(module.bytecode(level).map_err(damaged)?.map(|_| name));
                }
                made_of.extend(module.source().map_err(damaged)?.map(|_| "source"));
                let details = vec![("made_of", made_of.join(", ").into())];
                sink(Line {
                    name: module.name().to_owned(),
                    details,
                })?;
            }
        }
        List::Natives => {
            for native in blob.natives().iter() {
                let native = native.map_err(damaged)?;
                let kind = if native.is_extension() {
                    "extension"
                } else {
                    "library"
                };
                let needed = native.needed().collect::<Result<Vec<_>, _>>();
                let needed = needed.map_err(damaged)?.join(", ");
                let size = native.data().map_err(damaged)?.len();
                let details = vec![
                    ("kind", kind.into()),
                    ("size", size.into()),
                    ("needed", needed.into()),
                ];
                sink(Line {
                    name: native.name().to_owned(),
                    details,
                })?;
            }
        }
        List::Distributions => {
            for distribution in blob.distributions().iter() {
                let distribution = distribution.map_err(damaged)?;
                let details = vec![("version", distribution.version().into())];
                sink(Line {
                    name: distribution.name().to_owned(),
                    details,
                })?;
            }
        }
    }
    Ok(())
}
