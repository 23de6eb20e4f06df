//! Options for signing, and `oxidize-inject sign`.

use std::cell::Cell;
use std::env;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use oxidize_format::target::{Container, OperatingSystem};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::app::App;
use super::bar::Bar;
use super::common::{Common, Configuration, Format, MacOs};
use super::failure::Failure;
use super::hint::{self, Hint};
use super::in_place::InPlace;
use super::{note, print, say, text};
use oxidize_inject::Silent;
use oxidize_inject::internal::bundle;
use oxidize_inject::internal::mmap::Map;
use oxidize_inject::internal::package::{Doubt, Signing as Plan, foreign_team};
use oxidize_inject::internal::regular;
use oxidize_inject::internal::sign::external::External;
use oxidize_inject::internal::sign::identity::{Password, Source};
use oxidize_inject::internal::sign::macho::codesign::CodesignOptions;
use oxidize_inject::internal::sign::macho::entitlements::Entitlements;
use oxidize_inject::internal::sign::macho::kept::kept;
use oxidize_inject::internal::sign::macho::validation;
use oxidize_inject::internal::sign::pe::AuthenticodeOptions;
use oxidize_inject::internal::sign::state::{self, Signer, State};
use oxidize_inject::internal::sign::{self, Identity, SignOptions, timestamp};
use oxidize_inject::internal::sign::{CommandFault, SignError};
use oxidize_inject::internal::{container, output};

/// A week, in seconds.
const LONGEST_TIMEOUT: u64 = 7 * 24 * 60 * 60;
/// A password is in the first line.
const LONGEST_PASSWORD: u64 = 1 << 16;

/// Who signs.
#[derive(Debug, Args)]
#[command(next_help_heading = "Signing (Windows and macOS)")]
#[command(group = clap::ArgGroup::new("identity").multiple(false))]
pub(super) struct Signing {
    /// Sign with the key and the certificates in this PKCS#12 file
    #[arg(
        long,
        value_name = "FILE",
        visible_alias = "sign-pfx",
        group = "identity"
    )]
    sign_p12: Option<PathBuf>,
    /// Sign with the private key in this PEM file; --sign-certificates has the certificates
    #[arg(long, value_name = "FILE", group = "identity")]
    sign_key: Option<PathBuf>,
    /// Certificates in PEM, DER or PKCS#7: the signer's, unless it is stored with the key, and its
    /// issuers'; can be repeated
    #[arg(long, value_name = "FILE", requires = "identity")]
    sign_certificates: Vec<PathBuf>,
    /// Have this command sign: it reads a digest and writes the signature (docs/signing.md)
    #[arg(long, value_name = "COMMAND", group = "identity")]
    sign_command: Option<String>,
    /// Where that command runs: in the directory of the configuration file that names it
    #[arg(long, value_name = "DIR", hide = true)]
    sign_command_directory: Option<PathBuf>,
    /// How long that command may take before it is ended, with everything that it started
    #[arg(
        long,
        value_name = "SECONDS",
        requires = "sign_command",
        default_value_t = 300,
        value_parser = clap::value_parser!(u64).range(1..=LONGEST_TIMEOUT)
    )]
    sign_command_timeout: u64,
    /// Read the password from the first line of this file [default: ask on the terminal]
    #[arg(
        long,
        value_name = "FILE",
        requires = "identity",
        visible_aliases = ["sign-p12-password-file", "sign-pfx-password-file"]
    )]
    sign_password_file: Option<PathBuf>,
    /// Read the password from this environment variable
    #[arg(
        long,
        value_name = "VARIABLE",
        requires = "identity",
        conflicts_with = "sign_password_file",
        visible_aliases = ["sign-p12-password-env", "sign-pfx-password-env"]
    )]
    sign_password_env: Option<String>,
    /// Get a time stamp from this RFC 3161 server; several are asked in turn
    #[arg(long, value_name = "URL", requires = "identity")]
    timestamp_url: Vec<String>,
    /// Windows: the program name shown with the signature
    #[arg(long, value_name = "TEXT", requires = "identity")]
    sign_name: Option<String>,
    /// Windows: also sign a hash of every page
    #[arg(long, requires = "identity")]
    sign_page_hashes: bool,
    /// Windows: a page about the program, shown with the signature
    #[arg(long, value_name = "URL", requires = "identity")]
    sign_url: Option<String>,
}

impl Signing {
    /// The files that are read.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &Path> {
        let files = [&self.sign_p12, &self.sign_key, &self.sign_password_file];
        let files = files.into_iter().flatten().chain(&self.sign_certificates);
        files.map(PathBuf::as_path)
    }

    fn source(&self) -> Option<Source> {
        let (key, pkcs12) = match (&self.sign_p12, &self.sign_key) {
            (Some(key), _) => (key, true),
            (None, Some(key)) => (key, false),
            (None, None) => return None,
        };
        Some(Source {
            key: key.clone(),
            pkcs12,
            certificates: self.sign_certificates.clone(),
        })
    }

    /// How to sign; `None` when nothing of it was given.
    pub(super) fn plan(&self, macos: &MacOs, output: &Path) -> Result<Option<Plan>, Failure> {
        let source = self.source();
        let for_macos =
            macos.hardened_runtime || macos.entitlements.is_some() || macos.team_id.is_some();
        if source.is_none() && self.sign_command.is_none() && !for_macos {
            return Ok(None);
        }
        let failed = |error: SignError| Failure::because("cannot sign", &error).hint(error.hint());
        // Before anybody is asked for a password or a PIN.
        timestamp::check_urls(&self.timestamp_url).map_err(failed)?;
        if let Some(command) = &self.sign_command
            && command.trim().is_empty()
        {
            return Err(failed(SignError::Command(CommandFault::Empty)));
        }
        let is_asked = Cell::new(false);
        let mut ask = || {
            is_asked.set(true);
            self.password(source.as_ref().map(|source| &source.key))
        };
        let identity = source
            .as_ref()
            .map(|source| Identity::load(source, &mut ask))
            .transpose()
            .map_err(failed)?;
        let outside = self.sign_command.as_ref().map(|command| {
            let command = External {
                command: command.clone(),
                timeout: Duration::from_secs(self.sign_command_timeout),
                directory: self.sign_command_directory.clone(),
            };
            Identity::external(command, &self.sign_certificates)
        });
        let identity = match outside.transpose().map_err(failed)? {
            Some(outside) => Some(outside),
            None => identity,
        };
        if let Some(identity) = &identity {
            identity.check_now().map_err(failed)?;
        }
        let entitlements = macos.entitlements.as_deref().map(Entitlements::load);
        let options = SignOptions {
            timestamp_urls: self.timestamp_url.clone(),
            time: SignOptions::time_now().map_err(failed)?,
            macos: CodesignOptions {
                identifier: macos.identifier.clone(),
                fallback: file_name(output),
                hardened_runtime: macos.hardened_runtime,
                entitlements: entitlements.transpose().map_err(failed)?,
                team: macos.team_id.clone(),
                ..CodesignOptions::default()
            },
            windows: AuthenticodeOptions {
                program_name: self.sign_name.clone(),
                program_url: self.sign_url.clone(),
                page_hashes: self.sign_page_hashes,
            },
        };
        let has_password = self.sign_password_file.is_some() || self.sign_password_env.is_some();
        let unused = (has_password && !is_asked.get()).then_some(Doubt::UnusedPassword);
        Ok(Some(Plan {
            identity: identity.map(Arc::new),
            options,
            doubts: unused.into_iter().collect(),
        }))
    }

    /// The password, from where the user said, or by asking.
    fn password(&self, file: Option<&PathBuf>) -> Result<Option<Password>, SignError> {
        if let Some(path) = &self.sign_password_file {
            let read = regular::read_any(path, LONGEST_PASSWORD).and_then(|bytes| {
                let text = String::from_utf8(bytes);
                text.map(Zeroizing::new).map_err(io::Error::other)
            });
            let text = read.map_err(|source| SignError::Io {
                path: path.clone(),
                source,
            })?;
            let line = text.lines().next().unwrap_or_default();
            return Ok(Some(Zeroizing::new(line.to_owned())));
        }
        if let Some(name) = &self.sign_password_env {
            let value = env::var(name).map_err(|_| SignError::NoVariable(name.clone()))?;
            return Ok(Some(Zeroizing::new(value)));
        }
        if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
            return Ok(None);
        }
        let name = file.map(|file| text::path(file)).unwrap_or_default();
        let password = rpassword::prompt_password(format!("Password for `{name}`: "));
        password
            .map(Zeroizing::new)
            .map(Some)
            .map_err(|source| SignError::Io {
                path: PathBuf::from("/dev/tty"),
                source,
            })
    }
}

/// `oxidize-inject sign`.
#[derive(Debug, Args)]
pub(super) struct Sign {
    /// A Windows or macOS program or library, or a macOS bundle (.app, .framework), made by this
    /// tool or by another
    file: PathBuf,
    /// Where to write the signed program [default: over FILE]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Keep nothing of an existing macOS signature: no identifier, no entitlements, no flags such
    /// as the hardened runtime
    #[arg(long)]
    fresh: bool,
    #[command(flatten)]
    configuration: Configuration,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    signing: Signing,
    #[command(flatten)]
    macos: MacOs,
    #[cfg(feature = "notarize")]
    #[command(flatten)]
    notary: super::notary::Notary,
}

impl Sign {
    /// How to sign; ad hoc if nothing was said of it.
    fn plan(&self, output: &Path) -> Result<Plan, Failure> {
        let plan = self.signing.plan(&self.macos, output)?;
        let mut plan = plan.unwrap_or_else(|| Plan {
            options: SignOptions {
                macos: CodesignOptions {
                    identifier: self.macos.identifier.clone(),
                    fallback: file_name(output),
                    ..CodesignOptions::default()
                },
                ..SignOptions::default()
            },
            ..Plan::default()
        });
        plan.options.macos.fresh = self.fresh;
        Ok(plan)
    }
}

pub(super) fn sign(args: &Sign, settings: Option<&Path>) -> Result<(), Failure> {
    if args.file.is_dir() {
        return sign_bundle(args);
    }
    #[cfg(feature = "notarize")]
    let notary = args.notary.load()?;
    let in_place = InPlace::of(&args.file, args.output.as_deref(), "sign")?;
    let path = in_place.path(args.output.as_deref());
    let name = args.file.display();
    let failed = |error: &(dyn std::error::Error + 'static)| {
        Failure::because(format!("cannot sign `{name}`"), error)
    };
    if let Some(bundle) = bundle::of_program(path) {
        let message = format!("`{name}` is the program of a bundle, and is sealed with it");
        let hint = format!(
            "sign the bundle: `oxidize-inject sign {}`",
            bundle.display()
        );
        return Err(Failure::new(message).hint(Some(hint)));
    }
    output::check(path, None).map_err(|error| failed(&error))?;
    let inputs = args
        .signing
        .inputs()
        .chain(args.macos.entitlements.as_deref())
        .chain(settings);
    #[cfg(feature = "notarize")]
    let inputs = inputs.chain(args.notary.inputs());
    output::check_inputs(path, inputs).map_err(|error| failed(&error))?;
    let file = Map::open(in_place.source()).map_err(|error| failed(&error))?;
    let plan = args.plan(path)?;
    let target = container::target(&file);
    let os = target.map_or_else(
        || Container::announced(&file).map(Container::os),
        |target| Some(target.os()),
    );
    plan.check_fit(
        os.map_or("another system".to_owned(), |os| os.to_string()),
        os,
    )
    .map_err(|error| failed(&error).hint(hint::in_sign(&error)))?;
    #[cfg(feature = "notarize")]
    if notary.is_some() && os != Some(OperatingSystem::MacOs) {
        return Err(super::notary::not_for_this());
    }
    let app = whole(in_place.source())?;
    let kept = kept(&file, &plan.options.macos);
    let mut warnings: Vec<String> = plan.doubts().iter().map(hint::doubt).collect();
    warnings.extend(in_place.warning());
    if let Some(bundle) = bundle::sealed_around(path) {
        let bundle = bundle.display();
        warnings.push(format!(
            "the signature of `{bundle}` is for the file as it was; sign the bundle again"
        ));
    }
    let progress = Bar::unless(args.common.quiet);
    let signed = sign::sign_file(&file, plan.identity.as_deref(), &plan.options, &progress);
    progress.finish();
    let signed = signed.map_err(|error| failed(&error).hint(error.hint()))?;
    warnings.extend(lost(&file, plan.identity.as_deref()));
    warnings.extend(app.and_then(|app| not_loaded(&app, &signed)));
    output::write_bytes(path, in_place.mode(), &signed).map_err(|error| failed(&error))?;
    let state = state::of(&signed).map_err(|error| failed(&error))?;
    if !args.common.quiet {
        if !kept.is_empty() {
            let kept = kept.join(" and ");
            note(
                "note",
                &format!("kept from the present signature: {kept} (`--fresh` drops them)"),
            );
        }
        warnings.iter().for_each(|text| note("warning", text));
    }
    #[cfg(feature = "notarize")]
    let notarized = notary
        .map(|notary| notary.run(path, &args.common))
        .transpose()?;
    #[cfg(not(feature = "notarize"))]
    let notarized: Option<String> = None;
    if args.common.output_format == Format::Json {
        return print(&format!(
            "{:#}\n",
            json!({
                "ok": true,
                "output": path.display().to_string(),
                "size": signed.len(),
                "signature": to_json(&state),
                "kept": kept,
                "warnings": warnings,
                "notarized": notarized,
            })
        ));
    }
    if !args.common.quiet {
        let size = text::size(signed.len() as u64);
        say(&format!(
            "{}  {size}  {}",
            text::path(path),
            in_words(&state)
        ));
    }
    Ok(())
}

/// The application, if it is one of ours.
///
/// # Errors
/// It is damaged: a signature would say that it is as it was made.
fn whole(path: &Path) -> Result<Option<App>, Failure> {
    let hint = "package it again: a signature does not make it whole";
    let refused = |damage: Failure| damage.hint(Some(hint));
    let Some(app) = App::open_if_ours(path)? else {
        return Ok(None);
    };
    let app = app.map_err(refused)?;
    // Nothing was injected into a stub, so there is nothing to compare.
    if app.check_filled().is_err() {
        return Ok(None);
    }
    // The present signature is not the question: a tool that rewrote the program may have broken
    // it. So nobody's takes its place for that, before a signer outside is asked.
    let nobody = SignOptions {
        macos: CodesignOptions {
            fallback: file_name(path),
            fresh: true,
            ..CodesignOptions::default()
        },
        ..SignOptions::default()
    };
    let unsigned = match Container::announced(app.image()) {
        Some(Container::MachO) => sign::sign_file(app.image(), None, &nobody, &Silent).ok(),
        _ => None,
    };
    let image = unsigned.as_deref().unwrap_or(app.image());
    app.check(image).map_err(refused)?;
    Ok(Some(app))
}

/// What is lost of the signatures of a file that is signed again: those by others.
fn lost(file: &[u8], identity: Option<&Identity>) -> Vec<String> {
    let Ok(old) = state::of(file) else {
        return Vec::new();
    };
    let Some(signer) = old.signer() else {
        let unknown = matches!(old, State::Unknown(..));
        let text = "a signature that cannot be read here is replaced".to_owned();
        return unknown.then_some(text).into_iter().collect();
    };
    let is_own = identity.is_some_and(|own| state::is_by(signer, own));
    let mut told: Vec<String> = Vec::new();
    if !is_own {
        told.push(replaced(&signer.name));
    }
    for further in &signer.further {
        let name = text::name(&further.name);
        told.push(format!("the further signature of `{name}` is dropped"));
    }
    told
}

/// Native files of an application that macOS will not load when it is signed so.
fn not_loaded(app: &App, signed: &[u8]) -> Option<String> {
    let validated = validation::of(signed)?;
    let blobs = app.blobs().ok()?;
    let natives = blobs.iter().flat_map(|blob| blob.natives().iter());
    let natives = natives.filter_map(|native| {
        let native = native.ok()?;
        let data = native.data().ok()?;
        let team = match app.beside(&data) {
            Some(path) => validation::team(&Map::open(&path).ok()?),
            None => validation::team(&data.read().ok()?),
        };
        Some((native.name(), team))
    });
    let warning = foreign_team(natives, validated.team.as_deref())?;
    Some(format!(
        "{warning}; package with an identity of that team, or allow {} with `--entitlements`",
        validation::OFF
    ))
}

/// Somebody else's signature is gone.
fn replaced(name: &str) -> String {
    let name = text::name(name);
    format!("the signature of `{name}` is replaced")
}

/// A bundle is signed where it is, with everything in it.
fn sign_bundle(args: &Sign) -> Result<(), Failure> {
    let name = args.file.display();
    let refused = |problem: &str, hint: &str| {
        Failure::new(format!("{problem} `{name}`")).hint(Some(hint.to_owned()))
    };
    if args.output.is_some() {
        let hint = "copy it and sign the copy";
        return Err(refused("a bundle is signed in place:", hint));
    }
    #[cfg(feature = "notarize")]
    if args.notary.load()?.is_some() {
        let hint = "sign it, then run `oxidize-inject notarize BUNDLE`";
        return Err(refused(
            "a bundle is not notarized while it is signed:",
            hint,
        ));
    }
    let plan = args.plan(&args.file)?;
    let failed = |error: &(dyn std::error::Error + 'static)| {
        Failure::because(format!("cannot sign `{name}`"), error)
    };
    plan.check_fit("macOS", Some(OperatingSystem::MacOs))
        .map_err(|error| failed(&error).hint(hint::in_sign(&error)))?;
    let mut warnings: Vec<String> = plan.doubts().iter().map(hint::doubt).collect();
    let program = bundle::program(&args.file).map_err(|error| failed(&error))?;
    let app = program.as_deref().map(whole).transpose()?.flatten();
    let progress = Bar::unless(args.common.quiet);
    let identity = plan.identity.as_deref();
    let signed = bundle::sign(&args.file, identity, &plan.options, &progress);
    progress.finish();
    let signed = signed.map_err(|error| failed(&error).hint(error.hint()))?;
    if let Some(app) = app
        && let Ok(program) = Map::open(&signed.program)
    {
        warnings.extend(not_loaded(&app, &program));
    }
    for (name, count) in &signed.replaced {
        let mut text = replaced(name);
        if *count > 1 {
            text.push_str(&format!(" ({count} programs and libraries)"));
        }
        warnings.push(text);
    }
    for inner in &signed.among_resources {
        warnings.push(format!(
            "`{}` is a bundle among resources, where macOS does not look for code; move it to \
             Helpers, Frameworks, PlugIns or XPCServices",
            inner.display()
        ));
    }
    let state = bundle::verify(&args.file).map_err(|error| failed(&error))?;
    if !args.common.quiet {
        warnings.iter().for_each(|text| note("warning", text));
    }
    if args.common.output_format == Format::Json {
        return print(&format!(
            "{:#}\n",
            json!({
                "ok": true,
                "output": args.file.display().to_string(),
                "program": signed.program.display().to_string(),
                "inside": signed.inside,
                "signature": to_json(&state),
                "warnings": warnings,
            })
        ));
    }
    if !args.common.quiet {
        let inside = match signed.inside {
            0 => String::new(),
            1 => ", with one more program or library inside".to_owned(),
            count => format!(", with {count} more programs and libraries inside"),
        };
        let name = text::path(&args.file);
        say(&format!("{name}  {}{inside}", in_words(&state)));
    }
    Ok(())
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned())
}

/// A signature's state, for people.
pub(super) fn in_words(state: &State) -> String {
    let signer = state.signer().map(|signer| {
        let further = signer.further.iter().map(signed_by);
        let further: String = further.map(|text| format!(", also {text}")).collect();
        signed_by(signer) + &further
    });
    let words = match (state, signer) {
        (State::None, _) => "not signed".to_owned(),
        (State::AdHoc { .. }, _) => "signed ad hoc".to_owned(),
        (State::Broken(problem), _) => format!("broken signature: {problem}"),
        (State::Unknown(_, reason), signer) => {
            let signer = signer.map_or_else(|| "signed".to_owned(), |signer| signer + ",");
            format!("{signer} in a way that is not checked here: {reason}")
        }
        (_, signer) => signer.unwrap_or_default(),
    };
    text::name(&words)
}

fn signed_by(signer: &Signer) -> String {
    let mut text = match &signer.name[..] {
        "" => "signed by a certificate without a name".to_owned(),
        name => format!("signed by {}", text::name(name)),
    };
    if let Some(team) = &signer.team {
        text.push_str(&format!(" (team {})", text::name(team)));
    }
    if let Some(time) = &signer.time {
        text.push_str(&format!(", time stamp {time}"));
    }
    text
}

/// What else there is to say of a signature, in lines for people.
pub(super) fn details(state: &State) -> String {
    let mut lines = String::new();
    if let Some(signer) = state.signer() {
        add_details(&mut lines, "  ", signer);
        for further in &signer.further {
            lines.push_str(&format!("  also {}\n", signed_by(further)));
            add_details(&mut lines, "    ", further);
        }
    }
    lines
}

fn add_details(lines: &mut String, indent: &str, signer: &Signer) {
    // Nothing in a certificate begins a line of its own.
    let mut line = |label: &str, about: &str| {
        lines.push_str(&format!("{indent}{label}: {}\n", text::name(about)));
    };
    if let Some(identifier) = &signer.identifier {
        line("identifier", identifier);
    }
    line("certificates", &signer.chain.join(", issued by "));
    if signer.chain.len() < 2 {
        line("issuer", &signer.issuer);
    }
    let (from, until) = &signer.valid;
    line("certificate valid", &format!("from {from} until {until}"));
    if let Some(time) = &signer.claimed_time {
        line("signed", &format!("{time}, says the signer"));
    }
    match (&signer.time, &signer.time_authority) {
        (Some(time), Some(authority)) => line("time stamp", &format!("{time} by {authority}")),
        _ => line("time stamp", "none"),
    }
    for problem in &signer.problems {
        line("problem", problem);
    }
}

/// A signature's state, for programs.
pub(super) fn to_json(state: &State) -> Value {
    let mut value = json!({ "state": state.word() });
    if let State::AdHoc { identifier } = state {
        value["identifier"] = identifier.clone().into();
    }
    if let State::Unknown(_, reason) = state {
        value["unchecked"] = reason.clone().into();
    }
    if let Some(signer) = state.signer() {
        add_signer(&mut value, signer);
        let further = signer.further.iter().map(|further| {
            let mut value = json!({});
            add_signer(&mut value, further);
            value
        });
        value["further"] = further.collect();
    }
    value
}

fn add_signer(value: &mut Value, signer: &Signer) {
    value["signer"] = signer.name.clone().into();
    value["issuer"] = signer.issuer.clone().into();
    value["certificates"] = signer.chain.clone().into();
    value["valid_from"] = signer.valid.0.clone().into();
    value["valid_until"] = signer.valid.1.clone().into();
    value["claimed_time"] = signer.claimed_time.clone().into();
    value["time_stamp"] = signer.time.clone().into();
    value["time_stamp_authority"] = signer.time_authority.clone().into();
    value["problems"] = signer.problems.clone().into();
    if let Some(identifier) = &signer.identifier {
        value["identifier"] = identifier.clone().into();
        value["team"] = signer.team.clone().into();
    }
}
