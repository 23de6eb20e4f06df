//! Who signs: a private key and its certificates.
//!
//! PKCS#12 files are read by `p12-keystore`, in the form that OpenSSL 3 writes (AES, PBKDF2) as
//! well as the old ones; PEM files as openssl writes them, keys encrypted or not. The key never
//! leaves this module but as signatures.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use const_oid::db::rfc5912;
use der::Decode;
use der::asn1::Any;
use p12_keystore::Pkcs12Archive;
use rsa::pkcs1v15;
use rsa::rand_core::OsRng;
use rsa::signature::{RandomizedSigner, SignatureEncoding, Signer as _};
use rsa::traits::PublicKeyParts;
use sha2::Sha256;
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use zeroize::Zeroizing;

use super::chain::{self, Purpose, Usage, common_name};
use super::cms::{Parsed, Signer};
use super::doubt::Doubt;
use super::error::CommandFault;
use super::error::SignError;
use super::external::External;
use super::form::{Form, Wanted};
use super::found;
use super::key::{Hash, Public};
use super::pem;
use crate::text;

/// A key and its certificates.
pub struct Identity {
    key: Key,
    public: Public,
    /// The key's first, then those above it, as far as they are known.
    chain: Vec<Certificate>,
}

impl fmt::Debug for Identity {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("name", &self.name())
            .finish_non_exhaustive()
    }
}

enum Key {
    Rsa(Box<pkcs1v15::SigningKey<Sha256>>),
    P256(Box<p256::ecdsa::SigningKey>),
    P384(Box<p384::ecdsa::SigningKey>),
    External(External),
}

/// Where an identity comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// A PKCS#12 file, or a PEM file with the key.
    pub key: PathBuf,
    /// Whether it is PKCS#12.
    pub pkcs12: bool,
    /// PEM or DER files with certificates.
    pub certificates: Vec<PathBuf>,
}

/// A password, wiped from memory when it is no longer needed.
pub type Password = Zeroizing<String>;

/// Identities are some KiB.
const LARGEST: u64 = 4 << 20;

impl Identity {
    /// Loads an identity. `password` is asked when there is something to decrypt, `None` being that
    /// there is none.
    ///
    /// # Errors
    /// A file cannot be read or decrypted, or does not hold one key and its certificate.
    pub fn load(
        source: &Source,
        password: &mut dyn FnMut() -> Result<Option<Password>, SignError>,
    ) -> Result<Identity, SignError> {
        let path = &source.key;
        let bytes = read(path)?;
        let unusable = |problem: &str| SignError::Identity {
            path: path.clone(),
            problem: problem.to_owned(),
        };
        let mut pool = Vec::new();
        let key = if source.pkcs12 {
            let archive = pkcs12(path, &bytes, password)?;
            for bag in &archive.certs {
                pool.push(certificate(path, bag.cert.as_der())?);
            }
            match &archive.keys[..] {
                [] => return Err(unusable("there is no private key in it")),
                [bag] => Key::from_pkcs8(bag.key.as_der()).map_err(|problem| unusable(&problem))?,
                _ => return Err(unusable("there are several private keys in it")),
            }
        } else {
            let blocks = pem::blocks(&bytes);
            let blocks = blocks.ok_or_else(|| other_form(path, &bytes, Wanted::Key))?;
            let mut key = None;
            for (label, der) in &blocks {
                let found = match &label[..] {
                    "CERTIFICATE" => {
                        pool.push(certificate(path, der)?);
                        continue;
                    }
                    "PRIVATE KEY" => Key::from_pkcs8(der),
                    "ENCRYPTED PRIVATE KEY" => Key::from_pkcs8(&decrypt(path, der, password)?),
                    "RSA PRIVATE KEY" => Key::from_pkcs1(der),
                    "EC PRIVATE KEY" => Key::from_sec1(der),
                    _ => continue,
                };
                if key
                    .replace(found.map_err(|problem| unusable(&problem))?)
                    .is_some()
                {
                    return Err(unusable("there are several private keys in it"));
                }
            }
            key.ok_or_else(|| match found::form(&bytes) {
                Form::Pem => unusable("there is no private key in it"),
                _ => other_form(path, &bytes, Wanted::Key),
            })?
        };
        for file in &source.certificates {
            pool.extend(certificates(file)?);
        }
        let public = key.public();
        let leaf = pool
            .iter()
            .position(|certificate| bits(certificate) == public)
            .ok_or_else(|| SignError::NoCertificate(path.clone()))?;
        let leaf = pool.swap_remove(leaf);
        Identity::new(key, leaf, pool)
    }

    /// A signer outside, who has the key. Without files, the certificates come from there too.
    ///
    /// # Errors
    ///
    /// When the certificates cannot be read, or do not tell whose is the signer's.
    pub fn external(command: External, files: &[PathBuf]) -> Result<Identity, SignError> {
        let mut pool = Vec::new();
        for file in files {
            pool.extend(certificates(file)?);
        }
        if files.is_empty() {
            let answer = command.certificates()?;
            pool = read_certificates(&answer)
                .ok_or(SignError::Command(CommandFault::NoCertificates))?;
        }
        // A service may say one twice.
        let mut once: Vec<Certificate> = Vec::new();
        for certificate in pool {
            if !once.contains(&certificate) {
                once.push(certificate);
            }
        }
        let mut pool = once;
        // The signer's certificate is the one that issued no other.
        let is_leaf = |one: &Certificate| {
            let subject = &one.tbs_certificate.subject;
            let below = |other: &Certificate| {
                other.tbs_certificate.issuer == *subject
                    && other.tbs_certificate != one.tbs_certificate
            };
            !pool.iter().any(below)
        };
        let leaves: Vec<usize> = (0..pool.len()).filter(|at| is_leaf(&pool[*at])).collect();
        let [leaf] = leaves[..] else {
            return Err(SignError::NoLeaf);
        };
        let leaf = pool.swap_remove(leaf);
        Identity::new(Key::External(command), leaf, pool)
    }

    fn new(key: Key, leaf: Certificate, pool: Vec<Certificate>) -> Result<Identity, SignError> {
        let public = Public::of(&leaf.tbs_certificate.subject_public_key_info);
        let public = public.ok_or_else(|| {
            SignError::Key("it is neither RSA nor ECDSA with P-256 or P-384".to_owned())
        })?;
        if let Public::Rsa(key) = &public
            && key.size() < SHORTEST_RSA
        {
            return Err(SignError::Key(SHORT_RSA.to_owned()));
        }
        let all: Vec<&Certificate> = pool.iter().collect();
        let chain = chain::build(&leaf, &all).into_iter().cloned().collect();
        Ok(Identity { key, public, chain })
    }

    /// Refuses what nobody would trust now.
    ///
    /// # Errors
    ///
    /// As for [`check`](Self::check).
    pub fn check_now(&self) -> Result<(), SignError> {
        self.check(now())
    }

    /// Refuses what nobody would trust at that time, in seconds since 1970.
    ///
    /// # Errors
    ///
    /// When the certificate is not valid then, or for something else than code.
    pub fn check(&self, time: u64) -> Result<(), SignError> {
        let leaf = self.leaf();
        let (start, end) = chain::validity(leaf);
        let problem = if time < start {
            Some(format!("is not valid before {}", chain::moment(start)))
        } else if time > end {
            Some(format!("was valid until {}", chain::moment(end)))
        } else {
            None
        };
        if let Some(problem) = problem {
            let name = self.name();
            return Err(SignError::Validity { name, problem });
        }
        if chain::usage(leaf, Purpose::CodeSigning) == Usage::Other {
            return Err(SignError::Usage(self.name()));
        }
        if !chain::may_sign(leaf) {
            return Err(SignError::KeyUsage(self.name()));
        }
        Ok(())
    }

    /// What is doubtful about the identity now.
    #[must_use]
    pub fn doubts(&self) -> Vec<Doubt> {
        let chain: Vec<&Certificate> = self.chain.iter().collect();
        let mut doubts = chain::doubts(&chain, now());
        if chain::lacks_only_a_root(&chain) {
            doubts.retain(|doubt| !matches!(doubt, Doubt::NoIssuer(_)));
        }
        doubts
    }

    /// Whether the key is outside, where each signature may take a person.
    pub(super) fn is_external(&self) -> bool {
        matches!(self.key, Key::External(_))
    }

    /// The hash that the signature is made of.
    pub(super) fn hash(&self) -> Hash {
        self.public.hash()
    }

    /// Something as long as the longest signature.
    pub(super) fn placeholder(&self) -> Vec<u8> {
        vec![0; self.public.longest()]
    }

    /// The signer's certificate.
    pub(super) fn leaf(&self) -> &Certificate {
        &self.chain[0]
    }

    /// All certificates, the signer's first.
    pub(super) fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    /// The signer's name.
    #[must_use]
    pub fn name(&self) -> String {
        common_name(self.leaf())
    }

    /// What signed data needs of this.
    pub(super) fn signer(&self) -> Signer<'_> {
        Signer {
            chain: &self.chain,
            hash: self.hash(),
            algorithm: self.algorithm(),
        }
    }

    /// The algorithm as it stands in a signer info.
    fn algorithm(&self) -> AlgorithmIdentifierOwned {
        let ecdsa = |oid| AlgorithmIdentifierOwned {
            oid,
            parameters: None,
        };
        match self.public {
            Public::Rsa(_) => AlgorithmIdentifierOwned {
                oid: rfc5912::RSA_ENCRYPTION,
                parameters: Some(Any::null()),
            },
            Public::P256(_) => ecdsa(rfc5912::ECDSA_WITH_SHA_256),
            Public::P384(_) => ecdsa(rfc5912::ECDSA_WITH_SHA_384),
        }
    }

    /// Signs the digest of the message. With a key at hand the same message gives the same
    /// signature: PKCS#1 1.5 for RSA (where the random numbers blind the computation and leave no
    /// trace in the result), RFC 6979 for ECDSA.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SignError> {
        let failed = |error: rsa::signature::Error| SignError::Key(error.to_string());
        match &self.key {
            Key::Rsa(key) => {
                let signature = key.try_sign_with_rng(&mut OsRng, message).map_err(failed)?;
                Ok(signature.to_vec())
            }
            Key::P256(key) => {
                let signature: p256::ecdsa::Signature = key.try_sign(message).map_err(failed)?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Key::P384(key) => {
                let signature: p384::ecdsa::Signature = key.try_sign(message).map_err(failed)?;
                Ok(signature.to_der().as_bytes().to_vec())
            }
            Key::External(command) => {
                let (algorithm, hash) = self.public.names();
                let digest = self.hash().digest(message);
                let answer = command.sign(algorithm, hash, &digest)?;
                let len = answer.len();
                let signature = self.public.normal(answer);
                if self.public.verify(self.hash(), message, &signature) {
                    return Ok(signature);
                }
                Err(SignError::Command(CommandFault::NotTheSignature {
                    len,
                    name: text::name(&self.name()),
                    algorithm: algorithm.to_owned(),
                }))
            }
        }
    }
}

impl Key {
    fn from_pkcs8(der: &[u8]) -> Result<Key, String> {
        use rsa::pkcs8::DecodePrivateKey;
        let info = rsa::pkcs8::PrivateKeyInfo::try_from(der)
            .map_err(|_| "its key is malformed".to_owned())?;
        if info.algorithm.oid == rfc5912::RSA_ENCRYPTION {
            return rsa::RsaPrivateKey::from_pkcs8_der(der)
                .map_err(|_| "its RSA key is malformed".to_owned())
                .and_then(Key::rsa);
        }
        if info.algorithm.oid == rfc5912::ID_EC_PUBLIC_KEY {
            let small = p256::ecdsa::SigningKey::from_pkcs8_der(der);
            if let Ok(key) = small {
                return Ok(Key::P256(Box::new(key)));
            }
            return p384::ecdsa::SigningKey::from_pkcs8_der(der)
                .map(|key| Key::P384(Box::new(key)))
                .map_err(|_| OTHER_CURVE.to_owned());
        }
        Err("its key is neither RSA nor ECDSA".to_owned())
    }

    fn from_pkcs1(der: &[u8]) -> Result<Key, String> {
        use rsa::pkcs1::DecodeRsaPrivateKey;
        rsa::RsaPrivateKey::from_pkcs1_der(der)
            .map_err(|_| "its RSA key is malformed".to_owned())
            .and_then(Key::rsa)
    }

    fn from_sec1(der: &[u8]) -> Result<Key, String> {
        if let Ok(key) = p256::SecretKey::from_sec1_der(der) {
            return Ok(Key::P256(Box::new(key.into())));
        }
        p384::SecretKey::from_sec1_der(der)
            .map(|key| Key::P384(Box::new(key.into())))
            .map_err(|_| OTHER_CURVE.to_owned())
    }

    fn rsa(key: rsa::RsaPrivateKey) -> Result<Key, String> {
        if key.size() < SHORTEST_RSA {
            return Err(SHORT_RSA.to_owned());
        }
        Ok(Key::Rsa(Box::new(pkcs1v15::SigningKey::new(key))))
    }

    /// The public key's bits, as they stand in a certificate.
    fn public(&self) -> Vec<u8> {
        match self {
            Key::Rsa(key) => {
                use rsa::pkcs1::EncodeRsaPublicKey;
                let key: &rsa::RsaPrivateKey = (**key).as_ref();
                let public = key.to_public_key().to_pkcs1_der();
                public
                    .map(|der| der.as_bytes().to_vec())
                    .unwrap_or_default()
            }
            Key::P256(key) => key
                .verifying_key()
                .to_encoded_point(false)
                .as_bytes()
                .to_vec(),
            Key::P384(key) => key
                .verifying_key()
                .to_encoded_point(false)
                .as_bytes()
                .to_vec(),
            // The certificates tell.
            Key::External(_) => Vec::new(),
        }
    }
}

/// In bytes.
const SHORTEST_RSA: usize = 256;
const SHORT_RSA: &str = "RSA keys of less than 2048 bits are not trusted any more";
const OTHER_CURVE: &str = "its elliptic curve is neither P-256 nor P-384";

fn bits(certificate: &Certificate) -> &[u8] {
    let info = &certificate.tbs_certificate.subject_public_key_info;
    info.subject_public_key.raw_bytes()
}

/// Seconds since 1970.
fn now() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| now.as_secs())
}

/// Reads a small file.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, SignError> {
    let failed = |source| SignError::Io {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(failed)?;
    file.take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn other_form(path: &Path, bytes: &[u8], wanted: Wanted) -> SignError {
    SignError::Form {
        path: path.to_owned(),
        found: found::form(bytes),
        wanted,
    }
}

fn certificate(path: &Path, der: &[u8]) -> Result<Certificate, SignError> {
    Certificate::from_der(der).map_err(|_| SignError::Identity {
        path: path.to_owned(),
        problem: "a certificate in it is malformed".to_owned(),
    })
}

/// The certificates of a file.
fn certificates(path: &Path) -> Result<Vec<Certificate>, SignError> {
    let bytes = read(path)?;
    read_certificates(&bytes).ok_or_else(|| match found::form(&bytes) {
        Form::Pem => SignError::Identity {
            path: path.to_owned(),
            problem: "no certificate is in it, or a malformed one".to_owned(),
        },
        _ => other_form(path, &bytes, Wanted::Certificates),
    })
}

/// Certificates in PEM or DER, each alone or in a PKCS#7 file; `None` when there is none, or one
/// that cannot be read.
fn read_certificates(bytes: &[u8]) -> Option<Vec<Certificate>> {
    let one = |der: &[u8]| match Certificate::from_der(der) {
        Ok(certificate) => Some(vec![certificate]),
        Err(_) => Parsed::bag(der),
    };
    let found = match pem::blocks(bytes) {
        None => one(bytes)?,
        Some(blocks) => {
            let mut all = Vec::new();
            for (label, der) in blocks {
                if matches!(&label[..], "CERTIFICATE" | "PKCS7" | "CMS") {
                    all.extend(one(&der)?);
                }
            }
            all
        }
    };
    (!found.is_empty()).then_some(found)
}

type Ask<'a> = dyn FnMut() -> Result<Option<Password>, SignError> + 'a;

fn pkcs12(path: &Path, bytes: &[u8], password: &mut Ask<'_>) -> Result<Pkcs12Archive, SignError> {
    use p12_keystore::error::Error as Problem;
    let unreadable = |error: Problem| match found::form(bytes) {
        Form::Pkcs12 | Form::Unknown => SignError::Identity {
            path: path.to_owned(),
            problem: format!("it is no PKCS#12 file that can be read ({error})"),
        },
        _ => other_form(path, bytes, Wanted::Pkcs12),
    };
    // Looked at before anybody is asked: a file without a password, or none at all.
    match Pkcs12Archive::from_pkcs12(bytes, "") {
        Ok(archive) => return Ok(archive),
        Err(Problem::MacError(_)) => {}
        // Without a MAC, a wrong password shows in what is decrypted with it.
        Err(_) if is_pkcs12_without_mac(bytes) => {}
        Err(error) => return Err(unreadable(error)),
    }
    let password = password()?.ok_or_else(|| SignError::NoPassword(path.to_owned()))?;
    match Pkcs12Archive::from_pkcs12(bytes, &password) {
        Ok(archive) => Ok(archive),
        Err(Problem::MacError(_)) => Err(SignError::WrongPassword(path.to_owned())),
        Err(Problem::UnsupportedEncryptionScheme) => {
            Err(unreadable(Problem::UnsupportedEncryptionScheme))
        }
        Err(_) if is_pkcs12_without_mac(bytes) => Err(SignError::Identity {
            path: path.to_owned(),
            problem: "the password is wrong or the file is damaged, which cannot be told apart \
                      without a MAC (openssl's -nomac)"
                .to_owned(),
        }),
        Err(error) => Err(unreadable(error)),
    }
}

/// Whether the file is a PKCS#12 file of version 3, with content and nothing behind it.
fn is_pkcs12_without_mac(bytes: &[u8]) -> bool {
    let fields = super::der::split(bytes).filter(|(tag, ..)| *tag == super::der::SEQUENCE);
    let fields = fields.and_then(|(_, content, _)| super::der::elements(content));
    fields.is_some_and(|fields| {
        let tags: Vec<u8> = fields.iter().map(|(tag, _)| *tag).collect();
        tags == [super::der::INTEGER, super::der::SEQUENCE] && fields[0].1 == [3]
    })
}

fn decrypt(
    path: &Path,
    der: &[u8],
    password: &mut Ask<'_>,
) -> Result<Zeroizing<Vec<u8>>, SignError> {
    let encrypted =
        pkcs8::EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| SignError::Identity {
            path: path.to_owned(),
            problem: "its key is malformed".to_owned(),
        })?;
    let password = password()?.ok_or_else(|| SignError::NoPassword(path.to_owned()))?;
    let document = encrypted
        .decrypt(password.as_bytes())
        .map_err(|_| SignError::WrongPassword(path.to_owned()))?;
    Ok(Zeroizing::new(document.as_bytes().to_vec()))
}
