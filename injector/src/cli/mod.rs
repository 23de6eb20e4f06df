//! The `oxidize-inject` command: arguments in, words and exit codes out.
//!
//! Exit codes: 0 done, 1 failed, 2 the command line is invalid, 3 `verify` found that another tool
//! rewrote the application and left it intact.

mod app;
mod args;
mod bar;
mod common;
mod extract;
mod failure;
mod hint;
mod in_place;
mod inspect;
#[cfg(feature = "notarize")]
mod notary;
mod outputs;
mod printable;
mod settings;
mod signing;
mod stubs;
mod substituted;
mod text;
mod variables;
mod verify;

use std::ffi::OsString;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use oxidize_format::{ChildRole, Exit, Target};
use serde_json::json;

use app::App;
use args::{Command, Package, Remove, Stdlib};
use bar::Bar;
use common::{Common, Format};
use failure::Failure;
use hint::Hint;
use in_place::InPlace;
use outputs::Outputs;
use oxidize_inject::internal::package::PackageError;
use oxidize_inject::internal::package::{self, Library, Report, Request, SeveralError};
use oxidize_inject::internal::require::has_inline_metadata;
use oxidize_inject::internal::stubs::StubError;
use oxidize_inject::internal::{container, output};
use settings::Settings;
use substituted::Substituted;

/// Runs the command.
pub(crate) fn main() -> ExitCode {
    let settings = match Settings::parse() {
        Ok(settings) => settings,
        Err(settings::SettingsError::Arguments(error)) => {
            let code = if error.use_stderr() { 2 } else { 0 };
            // It repeats arguments, which a script may have from anywhere. Colours are control
            // characters as well, so such a message has none.
            let plain = error.render().to_string();
            // What is plain has lost the sequences that a terminal knows, so arguments are asked.
            let acts = |argument: OsString| {
                let argument = argument.to_string_lossy();
                text::printable(&argument) != argument
            };
            if error.use_stderr() && std::env::args_os().any(acts) {
                let _ = write!(io::stderr(), "{}", text::printable(&plain));
                return ExitCode::from(code);
            }
            return match error.print() {
                Ok(()) => ExitCode::from(code),
                Err(_) => ExitCode::FAILURE,
            };
        }
        Err(settings::SettingsError::File(failure)) => {
            return failed(&failure, common::asks_json());
        }
    };
    let cli = &settings.cli;
    if let Err(failure) = variables::check() {
        return failed(&failure, common::asks_json());
    }
    let result = match &cli.command {
        None if cli.package.show_settings => settings.show(),
        None => package(&cli.package, settings.read_from()),
        Some(Command::Init(args)) => settings::init(args),
        Some(Command::Inspect(args)) => inspect::inspect(args),
        Some(Command::Extract(args)) => extract::extract(args),
        Some(Command::Verify(args)) => {
            let json = common::asks_json();
            return verify::verify(args).unwrap_or_else(|failure| failed(&failure, json));
        }
        Some(Command::Remove(args)) => remove(args),
        Some(Command::Stubs(args)) => stubs::stubs(args),
        Some(Command::Sign(args)) => signing::sign(args, settings.read_from()),
        #[cfg(feature = "notarize")]
        Some(Command::Notarize(args)) => notary::notarize(args),
        #[cfg(feature = "notarize")]
        Some(Command::Staple(args)) => notary::staple(args),
    };
    // These write while they work, and have said already what JSON can say.
    let has_begun = match &cli.command {
        Some(Command::Inspect(args)) => args.list.is_some(),
        Some(Command::Stubs(_)) => true,
        _ => false,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(&failure, common::asks_json() && !has_begun),
    }
}

/// Tells a failure, to programs too if they asked.
fn failed(failure: &Failure, json: bool) -> ExitCode {
    if json {
        // If that fails, the failure itself is what there is to tell.
        let _ = print(&format!("{:#}\n", failure.to_json()));
    }
    failure.report();
    ExitCode::FAILURE
}

fn package(args: &Package, settings: Option<&Path>) -> Result<(), Failure> {
    let started = Instant::now();
    let app = args.output.as_deref().expect("clap requires it");
    let what = args.resources.as_deref().unwrap_or(app).display();
    let failed = |error: &PackageError| {
        Failure::because(format!("cannot package `{what}`"), error).hint(error.hint())
    };
    let targets = args.target.iter().map(|triple| triple.parse::<Target>());
    let targets = targets.collect::<Result<Vec<_>, _>>();
    let targets = targets.map_err(|error| failed(&StubError::from(error).into()))?;
    let outputs = Outputs::new(app, &targets)?;
    let inputs = args.windows.inputs().chain(args.signing.inputs());
    let inputs = inputs.chain(args.macos.entitlements.as_deref());
    let inputs = inputs.chain(args.script.as_deref()).chain(settings);
    #[cfg(feature = "notarize")]
    let inputs = inputs.chain(args.notary.inputs());
    let inputs: Vec<&Path> = inputs.collect();
    for output in outputs.paths() {
        let checked = output::check_inputs(output, inputs.iter().copied());
        checked.map_err(|error| failed(&error.into()))?;
    }
    // A key that is of no use is better noticed before the work than behind it.
    #[cfg(feature = "notarize")]
    let notary = args.notary.load()?;
    #[cfg(feature = "notarize")]
    if notary.is_some() && !targets.iter().any(|target| target.is_macos()) {
        let hint = "give `--target`, such as aarch64-apple-darwin";
        return Err(notary::not_for_this().hint(Some(hint)));
    }
    let sources = stubs::sources(&args.sources);
    let script = args.script.as_deref();
    let script_alone = script.filter(|_| args.resources.is_none());
    let script_alone = script_alone.filter(|script| has_inline_metadata(script));
    let mut requirements = args.packages.requirements(script_alone, &sources);
    let mut substituted = Substituted::default();
    substituted.replace(&mut requirements.files)?;
    substituted.replace(&mut requirements.constraints)?;
    let request = Request {
        output: outputs.first().to_owned(),
        resources: args.resources.clone(),
        requirements,
        target: targets.first().copied(),
        entry: args.entry.clone(),
        entry_points: args.entry_point.clone(),
        script: args.script.clone(),
        optimize: args.optimize,
        children: match args.children {
            args::Children::Interpreter => ChildRole::Interpreter,
            args::Children::Application => ChildRole::Application,
            args::Children::Off => ChildRole::Off,
        },
        interpreter: args.interpreter.clone(),
        environment: args.environment.clone(),
        environment_set: args.environment_set.clone(),
        environment_pass: args.environment_pass.clone(),
        exit: match args.exit {
            args::Exit::Fast => Exit::Fast,
            args::Exit::Full => Exit::Full,
        },
        no_source: args.no_source,
        compress: args.compress,
        include: args.include.clone(),
        library: match args.stdlib {
            Stdlib::All => Library::All,
            Stdlib::Used => Library::Used,
        },
        place: args::placed(&args.place),
        stubs: args.stub.clone(),
        windows: args.windows.appearance(),
        identifier: args.macos.identifier.clone(),
        sources,
        signing: args
            .signing
            .plan(&args.macos, outputs.first())?
            .map(Arc::new),
        snapshot: args
            .snapshot
            .then(|| oxidize_inject::internal::snapshot::Wishes {
                imports: args.snapshot_import.clone(),
                after: args.snapshot_after.clone(),
                reloaded: args.snapshot_reload.clone(),
            }),
    };
    let progress = Bar::unless(args.common.quiet);
    let result = match &targets[..] {
        [] | [_] => package::package(&request, &progress)
            .map(|report| vec![report])
            .map_err(|error| failed(&error)),
        _ => outputs.make_directories().and_then(|made| {
            let list = outputs.list(&targets);
            let reports = package::package_each(&request, &list, &outputs.name(), &progress);
            let reports = reports.map_err(|error| none_of_several(&what, &error));
            if reports.is_ok() {
                made.keep();
            }
            reports
        }),
    };
    progress.finish();
    let reports = result?;
    outputs::tell(&reports, &args.common);
    let mut written = Vec::new();
    for (path, report) in outputs.paths().zip(&reports) {
        #[cfg(feature = "notarize")]
        let notarized = notary
            .as_ref()
            .filter(|_| report.target.is_macos())
            .map(|notary| notary.run(path, &args.common))
            .transpose()?;
        #[cfg(not(feature = "notarize"))]
        let notarized: Option<String> = None;
        written.push(json(path, report, notarized));
    }
    let seconds = started.elapsed().as_secs_f64();
    if args.common.output_format == Format::Json {
        let told = match &mut written[..] {
            [serde_json::Value::Object(one)] => {
                one.insert("seconds".to_owned(), json!(seconds));
                json!(one)
            }
            _ => json!({ "outputs": written, "seconds": seconds }),
        };
        return print(&format!("{told:#}\n"));
    }
    if !args.common.quiet {
        for (path, report) in outputs.paths().zip(&reports) {
            let size = text::size(report.size);
            let (name, modules) = (text::path(path), report.modules);
            let target = report.target;
            say(&format!(
                "{name}  {size}  {target}  {modules} modules  {seconds:.1} s"
            ));
        }
    }
    Ok(())
}

/// One target's fault is everyone's.
fn none_of_several(what: &dyn std::fmt::Display, failed: &SeveralError) -> Failure {
    let message = match failed.target {
        Some(target) => format!("cannot package `{what}` for {target}; nothing was written"),
        None => format!("cannot package `{what}`"),
    };
    Failure::because(message, &failed.error).hint(failed.error.hint())
}

/// What JSON says of a program.
fn json(path: &Path, report: &Report, notarized: Option<String>) -> serde_json::Value {
    json!({
        "output": path.display().to_string(),
        "size": report.size,
        "blob_size": report.blob,
        "target": report.target.triple(),
        "entry": report.entry.to_string(),
        "modules": report.modules,
        "files": report.files,
        "warnings": report.warnings.iter().map(hint::warning).collect::<Vec<_>>(),
        "left_out": report.left_out,
        "notarized": notarized,
    })
}

fn remove(args: &Remove) -> Result<(), Failure> {
    let in_place = InPlace::of(&args.app, args.output.as_deref(), "read")?;
    let path = in_place.path(args.output.as_deref());
    let failed = |error: &(dyn std::error::Error + 'static)| {
        Failure::because(
            format!("cannot take the stub out of `{}`", args.app.display()),
            error,
        )
    };
    output::check(path, None).map_err(|error| failed(&error))?;
    let app = App::open(in_place.source())?;
    let stub = container::remove(app.image()).map_err(|error| failed(&error))?;
    output::write_bytes(path, in_place.mode(), &stub).map_err(|error| failed(&error))?;
    if args.common.output_format == Format::Json {
        let size = stub.len();
        return print(&format!(
            "{:#}\n",
            json!({ "output": path.display().to_string(), "size": size })
        ));
    }
    if !args.common.quiet {
        in_place
            .warning()
            .iter()
            .for_each(|text| note("warning", text));
    }
    report_written(&args.common, path, stub.len() as u64);
    Ok(())
}

fn report_written(common: &Common, path: &Path, size: u64) {
    if !common.quiet {
        say(&format!("{}  {}", text::path(path), text::size(size)));
    }
}

/// Data for standard output. Whoever stops reading has had enough, which is no failure.
fn print(text: &str) -> Result<(), Failure> {
    print_as_it_is(&text::printable(text))
}

/// A text from an application, which only a terminal would act upon.
fn print_text(text: &str) -> Result<(), Failure> {
    if io::stdout().is_terminal() {
        print(text)
    } else {
        print_as_it_is(text)
    }
}

fn print_as_it_is(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    written(out.write_all(text.as_bytes()).and_then(|()| out.flush())).map(drop)
}

/// `false`: nobody reads any more.
fn written(result: io::Result<()>) -> Result<bool, Failure> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::because("cannot write to standard output", &error)),
        Ok(()) => Ok(true),
    }
}

/// Prints a list line by line, as text or as a JSON array, without holding it.
fn stream(
    json: bool,
    list: impl FnOnce(&mut dyn FnMut(inspect::Line) -> Result<(), Failure>) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut out = BufWriter::new(io::stdout().lock());
    let (mut reads, mut first) = (true, true);
    list(&mut |line| {
        if !reads {
            return Ok(());
        }
        let text = if json {
            let before = if first { "[\n  " } else { ",\n  " };
            let object = format!("{:#}", line.json()).replace('\n', "\n  ");
            format!("{before}{object}")
        } else {
            line.text()
        };
        first = false;
        reads = written(out.write_all(text::printable(&text).as_bytes()))?;
        Ok(())
    })?;
    let end = match (json, first) {
        (true, true) => "[]\n",
        (true, false) => "\n]\n",
        (false, _) => "",
    };
    written(out.write_all(end.as_bytes()).and_then(|()| out.flush())).map(drop)
}

/// Words for people. They have no place on standard output, and nobody to miss them when standard
/// error is closed.
fn say(text: &str) {
    let _ = writeln!(io::stderr(), "{}", text::printable(text));
}

fn note(kind: &str, text: &str) {
    say(&format!("{kind}: {}", text::indented(text)));
}
