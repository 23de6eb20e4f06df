//! The library's face for signing: who signs a program, and how.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::error::Error;
use crate::sign::external::External;
use crate::sign::identity::Source;
use crate::sign::macho::entitlements::Entitlements;
use crate::sign::{Identity, SignError, SignOptions};

/// Who signs a Windows or macOS program, and how. See [`Packager::signing`].
///
/// [`Packager::signing`]: crate::Packager::signing
#[derive(Debug, Clone)]
pub struct Signing {
    pub(crate) identity: Option<Arc<Identity>>,
    pub(crate) options: SignOptions,
    /// The files that were read for it, which no output may replace.
    pub(crate) inputs: Vec<PathBuf>,
}

impl Signing {
    /// Nobody: the signature of a macOS program only says how it runs, for example under the
    /// hardened runtime.
    ///
    /// # Errors
    ///
    /// `SOURCE_DATE_EPOCH` is not a number.
    pub fn ad_hoc() -> Result<Signing, Error> {
        Signing::by(None).map_err(Error::new)
    }

    /// The key and the certificates in a PKCS#12 file (`.p12`, `.pfx`).
    ///
    /// # Errors
    ///
    /// The file cannot be read or decrypted, does not hold one key and its certificate, or the
    /// certificate is not valid now or not for signing code.
    pub fn pkcs12(file: impl Into<PathBuf>, password: Option<&str>) -> Result<Signing, Error> {
        Signing::load(file.into(), true, &[], password)
    }

    /// The private key in a PEM file, and the certificates (PEM or DER): the signer's, unless it is
    /// stored with the key, and its issuers'.
    ///
    /// # Errors
    ///
    /// As for [`pkcs12`](Signing::pkcs12).
    pub fn pem(
        key: impl Into<PathBuf>,
        certificates: &[PathBuf],
        password: Option<&str>,
    ) -> Result<Signing, Error> {
        Signing::load(key.into(), false, certificates, password)
    }

    /// A command for the system's shell, which signs a digest with a key that only it can use
    /// (docs/signing.md). Without `certificates` the command is asked for them.
    ///
    /// # Errors
    ///
    /// The command fails or takes longer than `timeout`, or the certificates cannot be read or
    /// used.
    pub fn command(
        command: impl Into<String>,
        certificates: &[PathBuf],
        timeout: Duration,
    ) -> Result<Signing, Error> {
        let command = External {
            command: command.into(),
            timeout,
            directory: None,
        };
        let identity = Identity::external(command, certificates).map_err(Error::new)?;
        let mut signing = Signing::by(Some(identity)).map_err(Error::new)?;
        signing.inputs = certificates.to_vec();
        Ok(signing)
    }

    fn load(
        key: PathBuf,
        pkcs12: bool,
        certificates: &[PathBuf],
        password: Option<&str>,
    ) -> Result<Signing, Error> {
        let source = Source {
            key,
            pkcs12,
            certificates: certificates.to_vec(),
        };
        let mut answer = || Ok(password.map(|text| Zeroizing::new(text.to_owned())));
        let identity = Identity::load(&source, &mut answer).map_err(Error::new)?;
        let mut signing = Signing::by(Some(identity)).map_err(Error::new)?;
        signing.inputs = source.certificates;
        signing.inputs.push(source.key);
        Ok(signing)
    }

    fn by(identity: Option<Identity>) -> Result<Signing, SignError> {
        if let Some(identity) = &identity {
            identity.check_now()?;
        }
        Ok(Signing {
            identity: identity.map(Arc::new),
            options: SignOptions {
                time: SignOptions::time_now()?,
                ..SignOptions::default()
            },
            inputs: Vec::new(),
        })
    }

    /// Asks this RFC 3161 server for a time stamp. Of several, the first that answers counts.
    #[must_use]
    pub fn timestamp_url(mut self, url: impl Into<String>) -> Signing {
        self.options.timestamp_urls.push(url.into());
        self
    }

    /// macOS: the program runs under the hardened runtime.
    #[must_use]
    pub fn hardened_runtime(mut self) -> Signing {
        self.options.macos.hardened_runtime = true;
        self
    }

    /// macOS: the entitlements in this property list.
    ///
    /// # Errors
    ///
    /// The file cannot be read, or is not a property list that a signature can hold.
    pub fn entitlements(mut self, file: impl AsRef<Path>) -> Result<Signing, Error> {
        let entitlements = Entitlements::load(file.as_ref()).map_err(Error::new)?;
        self.options.macos.entitlements = Some(entitlements);
        self.inputs.push(file.as_ref().to_owned());
        Ok(self)
    }

    /// macOS: the team, if the certificate is not from Apple.
    #[must_use]
    pub fn team(mut self, id: impl Into<String>) -> Signing {
        self.options.macos.team = Some(id.into());
        self
    }

    /// Windows: the program's name, which is shown when it asks for administrator rights.
    #[must_use]
    pub fn program_name(mut self, name: impl Into<String>) -> Signing {
        self.options.windows.program_name = Some(name.into());
        self
    }

    /// Windows: a page about the program, shown with the signature.
    #[must_use]
    pub fn program_url(mut self, url: impl Into<String>) -> Signing {
        self.options.windows.program_url = Some(url.into());
        self
    }

    /// Windows: the signature holds a hash of each page, too.
    #[must_use]
    pub fn page_hashes(mut self) -> Signing {
        self.options.windows.page_hashes = true;
        self
    }
}
