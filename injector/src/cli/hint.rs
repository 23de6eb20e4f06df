//! What the user can do about an error: the library says what is wrong, the command what to type.

use oxidize_inject::Target;
use oxidize_inject::internal::appearance::AppearanceError;
use oxidize_inject::internal::bundle::BundleError;
use oxidize_inject::internal::collect::CollectError;
use oxidize_inject::internal::compile::BatchError;
use oxidize_inject::internal::container::ContainerError;
use oxidize_inject::internal::entry::EntryError;
use oxidize_inject::internal::http::HttpError;
use oxidize_inject::internal::notary::NotaryError;
use oxidize_inject::internal::output::OutputError;
use oxidize_inject::internal::package::PackageError;
use oxidize_inject::internal::package::{self, Doubt, Feature, Warning};
use oxidize_inject::internal::require::RequireError;
use oxidize_inject::internal::sign::form::{Form, Wanted};
use oxidize_inject::internal::sign::macho::validation;
use oxidize_inject::internal::sign::{CommandFault, SignError};
use oxidize_inject::internal::snapshot::SnapshotError;
use oxidize_inject::internal::stubs::StubError;
use oxidize_inject::internal::{entry, python};

use super::text::shell_word;

/// An error that there may be something to say about.
pub(super) trait Hint {
    /// What the user can do about it.
    fn hint(&self) -> Option<String>;
}

impl Hint for PackageError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            PackageError::Stub(error) => return error.hint(),
            PackageError::Collect(error) => return error.hint(),
            PackageError::Entry(error) => return error.hint(),
            PackageError::Appearance(error) => return error.hint(),
            PackageError::Sign(error) => return error.hint(),
            PackageError::NotAscii { .. } => "give the program a name of plain ASCII letters".to_owned(),
            PackageError::LongName { .. } => "give the program a shorter name".to_owned(),
            PackageError::SignModule { source, .. } => return source.hint(),
            PackageError::Require(error) => return error.hint(),
            PackageError::Snapshot(error) => return error.hint(),
            PackageError::Misfit { feature, .. } => format!(
                "leave out {}, or name another system with `--target`",
                options(*feature)
            ),
            PackageError::TooManyStubs => {
                format!("`--target {}` takes two", Target::UNIVERSAL2_MACOS)
            }
            PackageError::StrayStub { target, .. } => {
                format!("leave it out, or add `--target {target}`")
            }
            PackageError::Container {
                source: ContainerError::Altered,
                ..
            } => {
                "use the stub it was made from: `--stub FILE`".to_owned()
            }
            PackageError::OtherMachine { target, .. }
            | PackageError::ForeignExtension { target, .. } => {
                let install = install(*target)?;
                format!("install the target's wheel of that package: `{install} ...`")
            }
            PackageError::ForeignWheel { wheel, target, .. } => {
                let install = install(*target)?;
                format!("install the target's wheel: `{install} {wheel}`")
            }
            PackageError::Unreadable { .. } => {
                "install that package again: the file may be damaged".to_owned()
            }
            PackageError::StaticTarget { .. } => {
                "package for the gnu target of the same machine, or install the package without its \
                 compiled part"
                    .to_owned()
            }
            PackageError::Bootstrap(_) | PackageError::Compile(BatchError::Worker(_)) => {
                "if this persists, remove the cache directory: OXIDIZE_CACHE_DIR, else \
                 ~/.cache/oxidize-inject"
                    .to_owned()
            }
            PackageError::NothingToPlace(_) => {
                "`--place` takes a package or a distribution of the resources, or of what is required"
                    .to_owned()
            }
            PackageError::PlacedUniversal(_) => {
                "package for one processor at a time".to_owned()
            }
            PackageError::Output(OutputError::NotOurs(_)) => {
                "move it away, or give the executable another name".to_owned()
            }
            PackageError::Output(OutputError::Stray(_)) => {
                "move it out of that directory, which is replaced as a whole".to_owned()
            }
            PackageError::NothingToInclude(_) => {
                "`--include` takes a path below the resources, or the name of a module".to_owned()
            }
            _ => return None,
        };
        Some(hint)
    }
}

/// The hint for `sign`, which has no `--target`.
pub(super) fn in_sign(error: &PackageError) -> Option<String> {
    match error {
        PackageError::Misfit {
            feature: Feature::Signature,
            ..
        } => None,
        PackageError::Misfit { feature, .. } => Some(format!("leave out {}", options(*feature))),
        _ => error.hint(),
    }
}

/// How wheels of another system are installed among the resources.
fn install(target: Target) -> Option<String> {
    let platform = package::pip_platform(target)?;
    let version = python::MINOR_VERSION;
    Some(format!(
        "python3 -m pip install --upgrade --target DIR --only-binary :all: \
         --python-version {version} --platform {platform}"
    ))
}

/// The option behind a feature.
fn options(feature: Feature) -> &'static str {
    match feature {
        Feature::Gui => "`--gui`",
        Feature::Icon => "`--icon`",
        Feature::VersionInfo => "`--version-info`",
        Feature::Manifest => "`--manifest`",
        Feature::ExecutionLevel => "`--execution-level`",
        Feature::Identifier => "`--identifier`",
        Feature::HardenedRuntime => "`--hardened-runtime`",
        Feature::Entitlements => "`--entitlements`",
        Feature::Team => "`--team-id`",
        Feature::ProgramName => "`--sign-name`",
        Feature::ProgramUrl => "`--sign-url`",
        Feature::PageHashes => "`--sign-page-hashes`",
        _ => "the options that begin with `--sign-`",
    }
}

/// A warning, and what to do about it.
pub(super) fn warning(warning: &Warning) -> String {
    match warning {
        Warning::Secret(path) => format!("{warning} (`--include {path}` packages it)"),
        Warning::Signature(doubt) => self::doubt(doubt),
        Warning::ForeignTeam { .. } => format!(
            "{warning}; sign with an identity of a team, or allow {} with `--entitlements`",
            validation::OFF
        ),
        Warning::ProgramInMemory { package, .. } => {
            format!("{warning} (`--place {package}=files` puts them beside the executable)")
        }
        _ => warning.to_string(),
    }
}

/// A doubt about a signature, and what to do about it.
pub(super) fn doubt(doubt: &Doubt) -> String {
    match doubt {
        Doubt::NoTimeStamp => format!("{doubt}; get one with `--timestamp-url URL`"),
        Doubt::NoIssuer(_) => format!("{doubt}; give it with `--sign-certificates FILE`"),
        _ => doubt.to_string(),
    }
}

impl Hint for SnapshotError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            SnapshotError::Target(_) => {
                return Some(format!(
                    "only static Linux programs have start snapshots (`--target {}`, for example)",
                    Target::X86_64_LINUX_MUSL
                ));
            }
            SnapshotError::CannotRun { .. } => {
                "package on a machine with the target's processor and Linux, or register qemu-user \
                 for it"
            }
            SnapshotError::Unfit(_) => {
                "open files, connections and threads when they are first needed, not while modules \
                 are imported"
            }
            SnapshotError::Failed(_) => {
                "the snapshot is taken in an empty environment; a module that needs more must be \
                 imported later, inside a function"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl Hint for CollectError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            CollectError::VirtualEnvironment(_) => {
                "give the application's own directory, and install what it needs into it: \
                 `pip install --target DIR ...`"
            }
            CollectError::LinkOutside { .. }
            | CollectError::LinkNowhere(_)
            | CollectError::Cycle(_)
            | CollectError::TooManyPaths(_) => {
                "replace the link with what it points to, or remove it"
            }
            CollectError::Special { .. } => {
                "remove it, or package a copy of the directory without it"
            }
            CollectError::NameNotUtf8(_) => {
                "rename the file: paths inside an application are UTF-8"
            }
            CollectError::Output(_) => "give the output another name, or remove that file first",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl Hint for EntryError {
    fn hint(&self) -> Option<String> {
        match self {
            EntryError::Undecided { candidates } | EntryError::Missing { candidates, .. }
                if !candidates.is_empty() =>
            {
                Some(format!("these can be run: {}", candidates.join(", ")))
            }
            EntryError::Undecided { .. } => Some(
                "add a `__main__.py` to the resources, or use `--entry MODULE[:FUNCTION]` or \
                 `--script FILE`"
                    .to_owned(),
            ),
            EntryError::Missing { kind, .. } if *kind == entry::SCRIPT => {
                Some("the script must be in the resources directory".to_owned())
            }
            EntryError::NoMain(package) => {
                Some(format!("name a function: `--entry {package}:FUNCTION`"))
            }
            _ => None,
        }
    }
}

impl Hint for RequireError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            RequireError::NoWheel { target, .. } if target.is_static() => {
                "a static program loads no extension modules; package for the gnu target of the same \
                 machine"
            }
            RequireError::NoWheel {
                name,
                nearest: Some(nearest),
                ..
            } => {
                return Some(format!(
                    "the nearest version that has one is {name}=={nearest}"
                ));
            }
            RequireError::NoWheel { name, .. } => {
                return Some(format!("no version of {name} that was found has one"));
            }
            RequireError::NotFound {
                offline: true,
                versions,
                ..
            } if versions.is_empty() => {
                "only the `--find-links` directories were searched, because of `--offline`"
            }
            RequireError::NotFound { name, versions, .. } if versions.is_empty() => {
                return Some(format!("no index has a project called {name}"));
            }
            RequireError::NotFound { versions, .. } => {
                let shown = &versions[..versions.len().min(8)];
                let more = if shown.len() < versions.len() {
                    ", ..."
                } else {
                    ""
                };
                return Some(format!("available versions: {}{more}", shown.join(", ")));
            }
            RequireError::BuiltForHost { .. } => {
                "build a wheel of it for the target and give that with `--wheel FILE`"
            }
            RequireError::Unreachable { .. } => "without network, use `--offline --find-links DIR`",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl Hint for StubError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            StubError::NotFound { command, .. } => return Some(format!("make it: `{command}`")),
            StubError::Unsupported(_) => {
                let targets = Target::ALL.map(Target::triple).join(", ");
                return Some(format!("the targets are {targets}"));
            }
            StubError::NoLibrary { name, .. } => {
                return Some(format!("put `{name}` beside the stub"));
            }
            StubError::NotAStub { source: None, .. } => {
                "a stub is what `cargo build --release -p oxidize-stub` makes"
            }
            StubError::Damaged { .. } => {
                "`oxidize-inject stubs prune` removes it, and the next use fetches it again"
            }
            StubError::Unreadable { .. }
            | StubError::Altered { .. }
            | StubError::NotWhatTheIndexSays(_) => {
                "it was damaged or replaced on the way: fetch it again, or from another place"
            }
            StubError::NotListed { .. } => {
                "`--allow-unlisted-stub` accepts it anyway; only do that if you know who made it"
            }
            StubError::Offline(target) => {
                return Some(format!(
                    "leave out `--offline`, or use `oxidize-inject stubs fetch {target}` where there \
                     is a network, or `stubs import FILE` with its wheel"
                ));
            }
            StubError::NoIndex | StubError::NotOnIndex { .. } => {
                "`--index-url URL` names another index, `--find-links DIR` a directory with wheels"
            }
            StubError::FindLinks { .. } => "`--find-links` takes a directory with wheels",
            StubError::Http(error) => return error.hint(),
            StubError::OtherAbi { .. } => "build or fetch the stub that belongs to this version",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl Hint for AppearanceError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            AppearanceError::Icon { .. } => {
                "give an .ico file, or a square .png of 256 pixels and more"
            }
            AppearanceError::Version { .. } => {
                "it needs at least a line such as `file-version = \"1.2.3.4\"`; docs/windows.md lists the keys"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl Hint for BundleError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            BundleError::Sign { source, .. } => return source.hint(),
            BundleError::NotCode(_) => "move it to `Resources`",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

impl Hint for SignError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            SignError::NoPassword(_) => {
                "give it with `--sign-password-file FILE` or `--sign-password-env VARIABLE`"
            }
            SignError::NoCertificate(_) => {
                "pass the signer's certificate, and those above it, with `--sign-certificates FILE`"
            }
            SignError::NoIdentity => {
                "give one with `--sign-p12 FILE`, or with `--sign-key FILE` and \
                 `--sign-certificates FILE`"
            }
            SignError::Entitlements { .. } => {
                "give a property list, a dictionary at its top, as Xcode writes them"
            }
            SignError::TimeStamp(_) => {
                "try again, or name another server with one more `--timestamp-url`"
            }
            SignError::TimeStampUrl(_) => {
                "`--timestamp-url` takes an address such as http://timestamp.example"
            }
            SignError::Form {
                path,
                found,
                wanted,
            } => return form(&shell_word(&path.display().to_string()), *found, *wanted),
            SignError::PresentEntitlements(_) => "give others with `--entitlements FILE`",
            SignError::LibraryEntitlements => {
                "leave out `--entitlements`, and give it when the program is signed"
            }
            SignError::AdHocTeam => {
                "leave out `--team-id`, or give an identity, such as `--sign-p12 FILE`"
            }
            SignError::KeyUsage(_) => "use the certificate that was issued for signing",
            SignError::Usage(_) => {
                "its extended key usage has to name code signing (1.3.6.1.5.5.7.3.3)"
            }
            SignError::Command(fault) => return command(fault),
            SignError::NoLeaf => {
                "give the signer's certificate and those that issued it, and no others, with \
                 `--sign-certificates FILE`"
            }
            SignError::CommandTimeout(_) => "`--sign-command-timeout` gives it more time",
            SignError::NoIdentifier => "give one with `--identifier`, such as `com.example.app`",
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

/// What to do about a command that does not sign.
fn command(fault: &CommandFault) -> Option<String> {
    let hint = match fault {
        CommandFault::Empty => "give the shell's command line: `--sign-command 'COMMAND'`",
        // What a shell says of a command (POSIX, "Exit Status for Commands").
        CommandFault::Status(status) => match status.code() {
            Some(127) => "the shell did not find it: give its path",
            Some(126) => "the shell could not run it: is it executable?",
            _ => "its standard error is above; docs/signing.md describes the request",
        },
        CommandFault::NoCertificates => {
            "if OXIDIZE_SIGN_REQUEST is `certificates`, it must write them in PEM or DER; or pass \
             them with `--sign-certificates FILE`"
        }
        CommandFault::Nothing | CommandFault::TooMuch | CommandFault::NotTheSignature { .. } => {
            "standard input is the digest itself, not to be hashed again; the command writes the raw \
             signature by the certificate's key (docs/signing.md)"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

/// What to do about a file of another form. `path` is quoted for a shell.
fn form(path: &str, found: Form, wanted: Wanted) -> Option<String> {
    let hint = match (found, wanted) {
        (Form::Pkcs12, Wanted::Key) => format!("give it with `--sign-p12 {path}`"),
        (Form::Pkcs12, _) => format!(
            "give it with `--sign-p12`, or take the certificates out of it: \
             `openssl pkcs12 -in {path} -nokeys -out certificates.pem`"
        ),
        (Form::Pem, _) => format!(
            "give it with `--sign-key {path}`, and the certificates with `--sign-certificates FILE`"
        ),
        (Form::OldEncryptedPem, Wanted::Certificates) => {
            "remove the key from it, or give another file".to_owned()
        }
        (Form::OldEncryptedPem, _) => {
            format!("convert it: `openssl pkcs8 -topk8 -in {path} -out key.pem`")
        }
        (Form::DerKey, _) => {
            format!("convert it: `openssl pkcs8 -topk8 -inform DER -in {path} -out key.pem`")
        }
        (Form::OpenSsh, _) => {
            format!("convert a copy of it: `ssh-keygen -p -m PKCS8 -f {path}`")
        }
        (Form::DerCertificate | Form::Pkcs7, _) => format!(
            "there is no key in it: give it with `--sign-certificates {path}`, and the key with \
             `--sign-key FILE`"
        ),
        (Form::JavaKeyStore, _) => format!(
            "convert it: `keytool -importkeystore -srckeystore {path} -destkeystore id.p12 \
             -deststoretype pkcs12`"
        ),
        (Form::Utf16, _) => format!("convert it: `iconv -f UTF-16 -t ASCII {path} > ascii.pem`"),
        _ => return None,
    };
    Some(hint)
}

impl Hint for HttpError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            HttpError::Unreachable { .. } | HttpError::Timeout(_) => {
                "check the network; HTTPS_PROXY names a proxy, SSL_CERT_FILE a bundle of certificates \
                 to trust"
            }
            HttpError::Status { status, .. } if matches!(status.as_u16(), 401 | 403) => {
                "put the user name and password into ~/.netrc, or into the URL"
            }
            HttpError::CaBundle { .. } => {
                "PIP_CERT, REQUESTS_CA_BUNDLE and SSL_CERT_FILE name a PEM file"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

#[cfg(feature = "notarize")]
impl Hint for NotaryError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            NotaryError::KeyId { .. } => "give it with `--notary-key-id`",
            NotaryError::KeyIssuer { .. } => "give it with `--notary-issuer`",
            NotaryError::Key { .. } => {
                "create a team key in App Store Connect under Users and Access, Integrations, and \
                 give its .p8 file"
            }
            NotaryError::NotReady { .. } => {
                "sign it with a Developer ID, the hardened runtime and a time stamp: \
                 `oxidize-inject sign FILE --sign-p12 ID --hardened-runtime --timestamp-url URL`"
            }
            NotaryError::Refused {
                status: 401 | 403, ..
            } => {
                "check `--notary-key-id`, `--notary-issuer` and the clock of this machine; it must be \
                 a team key that was not revoked"
            }
            NotaryError::TooLong(id) => {
                return Some(format!(
                    "ask again later: `oxidize-inject notarize FILE --submission {id}`"
                ));
            }
            NotaryError::NoTicket(_) => {
                "notarize it first; a ticket appears some moments after that"
            }
            NotaryError::NoPlace(_) => {
                "macOS asks Apple for it when the program is first started; only bundles carry one"
            }
            NotaryError::Http(error) => return error.hint(),
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_run_is_named_before_what_could_be_added() {
        let candidates = vec!["run".to_owned(), "tool".to_owned()];
        let error = EntryError::Undecided { candidates };
        assert_eq!(error.hint().unwrap(), "these can be run: run, tool");
        let candidates = Vec::new();
        let error = EntryError::Undecided { candidates };
        assert!(error.hint().unwrap().contains("__main__.py"));
    }

    /// The options in a text that are not `command`'s, unless it names another command to run.
    fn strange(command: &str, hint: &str) -> Vec<String> {
        use clap::CommandFactory as _;
        let mut all = super::super::args::Cli::command();
        all.build();
        let command = all.find_subcommand(command).expect("a command");
        let words = hint.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        let options = words.filter_map(|word| word.strip_prefix("--"));
        let is_known = |option: &&str| {
            let mut known = command.get_arguments().filter_map(clap::Arg::get_long);
            known.any(|known| known == *option)
        };
        options
            .filter(|option| !is_known(option))
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn hints_name_options_of_the_command_at_hand() {
        let path = || std::path::PathBuf::from("id");
        for error in [
            SignError::NoPassword(path()),
            SignError::NoCertificate(path()),
            SignError::NoIdentity,
            SignError::TimeStamp(Vec::new()),
            SignError::TimeStampUrl(String::new()),
            SignError::Command(CommandFault::Empty),
            SignError::Command(CommandFault::Nothing),
            SignError::Command(CommandFault::NoCertificates),
            SignError::NoLeaf,
            SignError::CommandTimeout(1),
            SignError::NoIdentifier,
            SignError::PresentEntitlements(String::new()),
            SignError::LibraryEntitlements,
            SignError::AdHocTeam,
        ] {
            let hint = error.hint().unwrap();
            assert_eq!(strange("sign", &hint), [""; 0], "{hint}");
        }
        for feature in [
            Feature::HardenedRuntime,
            Feature::Entitlements,
            Feature::Team,
            Feature::ProgramName,
            Feature::ProgramUrl,
            Feature::PageHashes,
        ] {
            let error = PackageError::Misfit {
                feature,
                system: "macOS",
                target: String::new(),
            };
            let hint = in_sign(&error).unwrap();
            assert_eq!(strange("sign", &hint), [""; 0], "{hint}");
            let hint = error.hint().unwrap();
            assert_eq!(strange("sign", &hint), ["target"], "{hint}");
        }
        for doubt in [Doubt::NoTimeStamp, Doubt::NoIssuer(String::new())] {
            assert_eq!(strange("sign", &self::doubt(&doubt)), [""; 0]);
        }
    }

    #[test]
    fn a_wheel_of_another_system_is_replaced_by_the_targets() {
        let error = PackageError::ForeignWheel {
            path: "ham/_core.so".to_owned(),
            wheel: "ham==1".to_owned(),
            tags: String::new(),
            target: Target::X86_64_WINDOWS,
        };
        let hint = error.hint().unwrap();
        assert!(hint.ends_with("--platform win_amd64 ham==1`"), "{hint}");
    }
}
