//! `oxidize-inject inspect`.

use std::io::{self, Write};

use oxidize_format::{
    Blob, ChildRole, Compression, Entry, Error, Exit, Hex, MAX_STRING, Node, RunOptions,
    VIRTUAL_ROOT,
};
use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};
use serde_json::{Value, json};

use super::app::App;
use super::args::{Inspect, List};
use super::common::Format;
use super::failure::Failure;
use super::printable::Printable;
use super::{print_text, stream, text, written};
use oxidize_inject::internal::package::placed::{self, Held};
use oxidize_inject::internal::python;

pub(super) fn inspect(args: &Inspect) -> Result<(), Failure> {
    let app = App::open(&args.app)?;
    let blob = app.blob()?;
    if args.licenses {
        return print_licenses(&app, &blob);
    }
    if let Some(what) = args.list {
        let json = args.common.output_format == Format::Json;
        return stream(json, |sink| list(&app, &blob, what, sink));
    }
    let mut summary = Summary::of(&app, &blob)?;
    // Its first program's blob speaks for one processor only.
    if let Some(target) = app.target().filter(|target| target.parts().len() > 1) {
        summary.target = target.triple().to_owned();
    }
    let header = blob.header();
    let slot = app.slot();
    let snapshot = app.snapshot()?;
    let range = slot.blob.clone().unwrap_or_default();
    let mut out = Printable::new();
    if args.common.output_format == Format::Json {
        let Value::Object(small) = json!({
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
            "in_memory": Value::Null,
            "distributions": Value::Null,
            "snapshot": snapshot.as_ref().map(|(size, report)| json!({
                "size": size,
                "modules": report.modules,
                "variables": report.variables.iter().map(|(name, reader)| json!({
                    "name": name,
                    "read_by": reader,
                })).collect::<Vec<_>>(),
                "asked": report.facts.iter().map(|(fact, reader)| json!({
                    "fact": fact.name(),
                    "read_by": reader,
                })).collect::<Vec<_>>(),
                "failed_imports": report.failed,
                // What differs between two runs: addresses of objects, and counters of the C
                // libraries.
                "reproducible": false,
            })),
        }) else {
            unreachable!("an object was written")
        };
        let told = Told {
            small,
            blob: &blob,
            in_memory: &summary.in_memory,
        };
        let json = serde_json::to_writer_pretty(&mut out, &told).map_err(io::Error::from);
        let json = json.and_then(|()| writeln!(out)).and_then(|()| out.flush());
        return written(json).map(drop);
    }
    let mut tell = || {
        out.line(
            "target",
            &format!("{} ({})", summary.target, slot.container),
        )?;
        out.line("python", &summary.python)?;
        out.line("runs", &summary.entry)?;
        out.line("options", &summary.options.join(", "))?;
        out.line("modules", &summary.modules.to_string())?;
        let size = text::size(summary.file_bytes);
        out.line("files", &format!("{}, {size}", summary.files))?;
        out.line("native", &summary.natives.to_string())?;
        for program in &summary.in_memory {
            out.line("in memory", &program.text(&blob).unwrap_or_default())?;
        }
        let mut before = format!("{:14} ", "distributions");
        for text in distributions(&blob) {
            write!(out, "{before}{}", text::name(&text))?;
            before = ", ".to_owned();
        }
        if !blob.distributions().is_empty() {
            writeln!(out)?;
        }
        let size = text::size(range.end - range.start);
        out.line("blob", &format!("{size} at offset {:#x}", range.start))?;
        out.line("digest", &Hex(&header.digest).to_string())?;
        let stub = format!("{} (agreement {})", Hex(&slot.stub_id), slot.abi);
        out.line("stub", &stub)?;
        if let Some((size, report)) = &snapshot {
            let modules = report.modules.len();
            let value = format!("{}, {modules} modules loaded", text::size(*size));
            out.line("snapshot", &value)?;
            for (name, reader) in &report.variables {
                out.line("  depends on", &format!("{name} ({reader})"))?;
            }
            for (fact, reader) in &report.facts {
                let value = format!("{} ({reader})", fact.phrase());
                out.line("  depends on", &value)?;
            }
        }
        out.flush()
    };
    written(tell()).map(drop)
}

/// What JSON says of an application. Lists of foreign names are made while they are written.
struct Told<'t, 'a> {
    small: serde_json::Map<String, Value>,
    blob: &'t Blob<'a>,
    in_memory: &'t [InMemory],
}

impl Serialize for Told<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Each<F>(F);
        impl<I: Iterator<Item = String>, F: Fn() -> I> Serialize for Each<F> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_seq(self.0())
            }
        }
        let in_memory = || {
            let texts = self.in_memory.iter().map(|program| program.text(self.blob));
            texts.flatten()
        };
        let mut map = serializer.serialize_map(Some(self.small.len()))?;
        for (key, value) in &self.small {
            match key.as_str() {
                "in_memory" => map.serialize_entry(key, &Each(in_memory))?,
                "distributions" => {
                    map.serialize_entry(key, &Each(|| distributions(self.blob)))?;
                }
                _ => map.serialize_entry(key, value)?,
            }
        }
        map.end()
    }
}

/// Names and versions. What cannot be read was noticed by [`Summary::of`].
fn distributions<'a>(blob: &Blob<'a>) -> impl Iterator<Item = String> + use<'a> {
    let all = blob.distributions().iter().flatten();
    all.map(|one| format!("{} {}", one.name(), one.version()))
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
    in_memory: Vec<InMemory>,
}

impl Summary {
    fn of(app: &App, blob: &Blob<'_>) -> Result<Summary, Failure> {
        let damaged = |error: Error| app.damaged(&error);
        let config = blob.run_config().map_err(damaged)?;
        let version = blob.header().py_version_hex;
        let (mut files, mut file_bytes) = (0, 0_u64);
        let tree = blob.tree();
        for index in 0..tree.len() {
            let node = tree.get(index).map_err(damaged)?;
            if let Some(data) = node.data().map_err(damaged)? {
                files += 1_u64;
                file_bytes = data.len().saturating_add(file_bytes);
            }
        }
        for distribution in blob.distributions().iter() {
            distribution.map_err(damaged)?;
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
            target: blob.target().map_err(damaged)?.to_owned(),
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
            in_memory: in_memory(app, blob)?,
        })
    }
}

/// A program that does not see the files around it, by numbers of nodes. Paths are made when they
/// are printed: all together they may be much longer than the file.
struct InMemory {
    program: u32,
    package: u32,
    /// How much of the program's path is not told.
    root: usize,
}

impl InMemory {
    /// What it is, and what to do about it.
    fn text(&self, blob: &Blob<'_>) -> Result<String, Error> {
        let tree = blob.tree();
        let program = tree.get(self.program)?.path()?;
        let program = program.get(self.root..).unwrap_or_default();
        let package = tree.get(self.package)?.name();
        Ok(format!(
            "{program}, away from the files around it (`--place {package}=files` leaves them on disk)"
        ))
    }
}

/// The first such program of each package.
fn in_memory(app: &App, blob: &Blob<'_>) -> Result<Vec<InMemory>, Failure> {
    let damaged = |error: Error| app.damaged(&error);
    let tree = blob.tree();
    let mut held = vec![Held::default(); tree.len() as usize];
    // Children come after their parents.
    for index in (1..tree.len()).rev() {
        let node = tree.get(index).map_err(damaged)?;
        let parent = node
            .parent()
            .map_err(damaged)?
            .map_or(0, |node| node.index());
        let own = held[index as usize];
        let held = &mut held[parent as usize];
        if node.is_dir() {
            held.add_directory(own);
        } else if !node.name().ends_with(".py") {
            held.add(true);
        }
    }
    let mut found = Vec::new();
    let windows = format!("{VIRTUAL_ROOT}/Lib/site-packages");
    for root in [
        python::APP_ROOT,
        oxidize_python::VIRTUAL_SITE_PACKAGES,
        &windows,
    ] {
        let Some(root_node) = tree.find(root).map_err(damaged)? else {
            continue;
        };
        for package in in_path_order(root_node).map_err(damaged)? {
            if !package.is_dir() {
                continue;
            }
            let mut first = None;
            let mut visit = |node: Node<'_>, _: &str| {
                if first.is_none() && is_program(node).map_err(damaged)? {
                    let directory = node.parent().map_err(damaged)?.unwrap_or(package);
                    let above = directory.parent().map_err(damaged)?;
                    let is_apart = directory.index() != package.index()
                        && placed::holds_programs(directory.name());
                    let (around, own) = match above.filter(|_| is_apart) {
                        Some(above) => (above, Some(held[directory.index() as usize])),
                        None => (directory, None),
                    };
                    if held[around.index() as usize].is_data_around(own) {
                        first = Some(node.index());
                    }
                }
                Ok(())
            };
            each_file(app, package, &mut visit)?;
            found.extend(first.map(|program| InMemory {
                program,
                package: package.index(),
                root: root.len() + 1,
            }));
        }
    }
    Ok(found)
}

/// Whether a file in memory can be run as a program.
fn is_program(node: Node<'_>) -> Result<bool, Error> {
    let may_run = node.is_executable() || node.name().ends_with(".exe");
    if !may_run || placed::is_library(node.name()) {
        return Ok(false);
    }
    let Some(data) = node.data()? else {
        return Ok(false);
    };
    // What lies on disk sees what lies beside it.
    Ok(
        data.compression() == Compression::None
            && data.stored_bytes().is_ok_and(placed::is_program),
    )
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
