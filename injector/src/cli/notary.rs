//! Options for notarization, `oxidize-inject notarize` and `oxidize-inject staple`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde_json::json;

use super::bar::Bar;
use super::common::{Common, Format};
use super::failure::Failure;
use super::hint::Hint;
use super::{note, print, say};
use oxidize_inject::Target;
use oxidize_inject::internal::mmap::Map;
use oxidize_inject::internal::notary::archive::Archive;
use oxidize_inject::internal::notary::{self, ApiKey, NotaryError, Server, ticket};

/// Whether a program is to be notarized, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Notarization (macOS)")]
pub(super) struct Notary {
    /// Have Apple notarize the signed program, and wait for the result
    #[arg(long, requires_all = ["identity", "notary_key", "hardened_runtime", "timestamp_url"])]
    notarize: bool,
    #[command(flatten)]
    service: Service,
}

/// The service and the key to it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Notarization (macOS)")]
struct Service {
    /// An App Store Connect API key: the .p8 file, or a JSON file with the key and its ids
    #[arg(long, value_name = "FILE")]
    notary_key: Option<PathBuf>,
    /// The key's id [default: from the file, or from its name AuthKey_ID.p8]
    #[arg(long, value_name = "ID", requires = "notary_key")]
    notary_key_id: Option<String>,
    /// The issuer's id [default: from the key file]
    #[arg(long, value_name = "UUID", requires = "notary_key")]
    notary_issuer: Option<String>,
    /// How many minutes to wait for Apple
    #[arg(
        long,
        value_name = "MINUTES",
        default_value_t = 60,
        requires = "notary_key"
    )]
    notary_timeout: u64,
    /// A server that stands in for Apple's, in tests
    #[cfg(feature = "testing")]
    #[arg(long, value_name = "URL", hide = true)]
    notary_server: Option<String>,
}

impl Service {
    fn server(&self) -> Server {
        #[cfg(feature = "testing")]
        if let Some(base) = &self.notary_server {
            return Server::stand_in(base);
        }
        Server::default()
    }

    fn load(&self, key: &Path) -> Result<Ready, Failure> {
        let (id, issuer) = (self.notary_key_id.as_deref(), self.notary_issuer.as_deref());
        let key = ApiKey::load(key, id, issuer);
        Ok(Ready {
            key: key.map_err(|error| failure("cannot notarize", &error))?,
            server: self.server(),
            limit: Duration::from_secs(self.notary_timeout.saturating_mul(60)),
        })
    }
}

impl Notary {
    /// The files that are read.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &Path> {
        self.service.notary_key.as_deref().into_iter()
    }

    /// The service, when it was asked for.
    pub(super) fn load(&self) -> Result<Option<Ready>, Failure> {
        let key = self.service.notary_key.as_deref();
        let key = key.filter(|_| self.notarize);
        key.map(|key| self.service.load(key)).transpose()
    }
}

/// Only macOS programs are notarized.
pub(super) fn not_for_this() -> Failure {
    Failure::new("`--notarize` is for macOS programs").hint(Some(format!(
        "give `--target`, such as {}",
        Target::AARCH64_MACOS.triple()
    )))
}

fn failure(message: impl Into<String>, error: &NotaryError) -> Failure {
    Failure::because(message, error).hint(error.hint())
}

/// The service with a key to it.
pub(super) struct Ready {
    key: ApiKey,
    server: Server,
    limit: Duration,
}

impl Ready {
    /// Notarizes a finished program, and answers with the submission's id.
    pub(super) fn run(&self, path: &Path, common: &Common) -> Result<String, Failure> {
        self.look_through(path, None, common).map_err(|failure| {
            failure.hint_if_none(
                "the program is written and signed; `oxidize-inject notarize` can try again",
            )
        })
    }

    fn look_through(
        &self,
        path: &Path,
        submission: Option<&str>,
        common: &Common,
    ) -> Result<String, Failure> {
        let message = || format!("cannot notarize `{}`", path.display());
        let progress = Bar::unless(common.quiet);
        let result = self.ask(path, submission, common, &progress);
        progress.finish();
        let accepted = match result {
            Ok(accepted) => accepted,
            Err(error) => {
                let mut failure = failure(message(), &error);
                if let NotaryError::Rejected { issues, no_log, .. } = &error {
                    issues.iter().for_each(|issue| {
                        failure.add_line(format!("{}: {issue}", issue.severity));
                    });
                    if *no_log {
                        failure.add_line("its log could not be fetched".to_owned());
                    }
                }
                return Err(failure);
            }
        };
        if !common.quiet {
            for issue in &accepted.issues {
                note("warning", &format!("Apple says: {issue}"));
            }
        }
        Ok(accepted.id)
    }

    fn ask(
        &self,
        path: &Path,
        submission: Option<&str>,
        common: &Common,
        progress: &Bar,
    ) -> Result<notary::Accepted, NotaryError> {
        let service = notary::Notary::new(&self.key, self.server.clone())?;
        let id = match submission {
            Some(id) => id.to_owned(),
            None => {
                check(path)?;
                let id = service.submit(&Archive::of(path)?, progress)?;
                // Whoever is interrupted from now on can ask again.
                if !common.quiet {
                    progress.finish();
                    note("note", &format!("submission {id}"));
                }
                id
            }
        };
        service.wait(&id, self.limit, progress)
    }
}

/// Whether Apple would take it at all.
fn check(path: &Path) -> Result<(), NotaryError> {
    let program = if path.is_dir() {
        ticket::program_of(path)?
    } else {
        path.to_owned()
    };
    let map = Map::open(&program).map_err(|source| NotaryError::Read {
        path: program.clone(),
        source,
    })?;
    notary::check_ready(&map).map_err(|problem| NotaryError::NotReady {
        path: program,
        problem,
    })
}

/// `oxidize-inject notarize`.
#[derive(Debug, Args)]
pub(super) struct Notarize {
    /// A signed macOS program, or a signed bundle (.app)
    file: PathBuf,
    /// Wait for this earlier submission instead of uploading
    #[arg(long, value_name = "ID", value_parser = submission_id)]
    submission: Option<String>,
    #[command(flatten)]
    common: Common,
    #[command(flatten)]
    service: Service,
}

fn submission_id(text: &str) -> Result<String, &'static str> {
    let good = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') && !text.is_empty();
    if good {
        Ok(text.to_owned())
    } else {
        Err("an id has letters, digits and hyphens")
    }
}

pub(super) fn notarize(args: &Notarize) -> Result<(), Failure> {
    let Some(key) = &args.service.notary_key else {
        return Err(
            Failure::new("there is no key for the notary service").hint(Some(
                "give a key of App Store Connect with `--notary-key FILE`",
            )),
        );
    };
    let ready = args.service.load(key)?;
    let id = ready.look_through(&args.file, args.submission.as_deref(), &args.common)?;
    let is_bundle = args.file.is_dir();
    if is_bundle {
        let message = || format!("`{}` is notarized, but not stapled", args.file.display());
        ticket::staple(&args.file, &ready.server).map_err(|error| failure(message(), &error))?;
    }
    if args.common.output_format == Format::Json {
        return print(&format!(
            "{:#}\n",
            json!({
                "output": args.file.display().to_string(),
                "notarized": id,
                "stapled": is_bundle,
            })
        ));
    }
    if !args.common.quiet {
        let stapled = if is_bundle { ", stapled" } else { "" };
        say(&format!("{}  notarized{stapled}", args.file.display()));
    }
    Ok(())
}

/// `oxidize-inject staple`.
#[derive(Debug, Args)]
pub(super) struct Staple {
    /// A notarized bundle (.app)
    bundle: PathBuf,
    #[command(flatten)]
    common: Common,
    /// A server that stands in for Apple's, in tests
    #[cfg(feature = "testing")]
    #[arg(long, value_name = "URL", hide = true)]
    notary_server: Option<String>,
}

impl Staple {
    fn server(&self) -> Server {
        #[cfg(feature = "testing")]
        if let Some(base) = &self.notary_server {
            return Server::stand_in(base);
        }
        Server::default()
    }
}

pub(super) fn staple(args: &Staple) -> Result<(), Failure> {
    let name = args.bundle.display();
    ticket::staple(&args.bundle, &args.server())
        .map_err(|error| failure(format!("cannot staple a ticket to `{name}`"), &error))?;
    if args.common.output_format == Format::Json {
        let output = args.bundle.display().to_string();
        return print(&format!(
            "{:#}\n",
            json!({ "output": output, "stapled": true })
        ));
    }
    if !args.common.quiet {
        say(&format!("{name}  stapled"));
    }
    Ok(())
}
