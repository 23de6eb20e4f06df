//! Who signs: a private key and its certificates.
//!
//! PKCS#12 files are read by `p12-keystore`, in the form that OpenSSL 3 writes (AES, PBKDF2) as well as the old ones; PEM files
//! as openssl writes them, keys encrypted or not. The key never leaves this module but as signatures.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use const_oid::db::{rfc4519, rfc5912};
use der::Decode;
use der::asn1::{Any, ObjectIdentifier};
use p12_keystore::Pkcs12Archive;
use rsa::pkcs1v15;
use rsa::rand_core::OsRng;
use rsa::signature::{RandomizedSigner, SignatureEncoding, Signer as _};
use rsa::traits::PublicKeyParts;
use sha2::Sha256;
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::name::Name;
use zeroize::Zeroizing;

use super::error::Error;

/// A key and its certificates.
pub struct Identity {
    key: Key,
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
    Ecdsa(Box<p256::ecdsa::SigningKey>),
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
    /// Loads an identity. `password` is asked when there is something to decrypt, `None` being that there is none.
    pub fn load(
        source: &Source,
        password: &mut dyn FnMut() -> Result<Option<Password>, Error>,
    ) -> Result<Identity, Error> {
        let path = &source.key;
        let bytes = read(path)?;
        let unusable = |problem: &str| Error::Identity {
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
            let blocks = pem_blocks(&bytes).ok_or_else(|| unusable("it is not a PEM file"))?;
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
            key.ok_or_else(|| unusable("there is no private key in it"))?
        };
        for file in &source.certificates {
            pool.extend(certificates(file)?);
        }
        let public = key.public();
        let leaf = pool
            .iter()
            .position(|certificate| bits(certificate) == public)
            .ok_or_else(|| Error::NoCertificate(path.clone()))?;
        let leaf = pool.swap_remove(leaf);
        Ok(Identity {
            key,
            chain: chain(leaf, pool),
        })
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

    /// Whether the chain ends with a certificate that vouches for itself, or is one alone.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.chain.last().is_some_and(is_root)
    }

    /// Whether signing the same bytes gives signatures of one length.
    pub(super) fn has_fixed_length(&self) -> bool {
        matches!(self.key, Key::Rsa(_))
    }

    /// The algorithm as it stands in a signer info.
    pub(super) fn algorithm(&self) -> AlgorithmIdentifierOwned {
        match self.key {
            Key::Rsa(_) => AlgorithmIdentifierOwned {
                oid: rfc5912::RSA_ENCRYPTION,
                parameters: Some(Any::null()),
            },
            Key::Ecdsa(_) => AlgorithmIdentifierOwned {
                oid: rfc5912::ECDSA_WITH_SHA_256,
                parameters: None,
            },
        }
    }

    /// Signs the SHA-256 digest of the message. The same message gives the same signature: PKCS#1 1.5 for RSA (where the random
    /// numbers blind the computation and leave no trace in the result), RFC 6979 for ECDSA.
    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        let failed = |error: rsa::signature::Error| Error::Key(error.to_string());
        match &self.key {
            Key::Rsa(key) => {
                let signature = key.try_sign_with_rng(&mut OsRng, message).map_err(failed)?;
                Ok(signature.to_vec())
            }
            Key::Ecdsa(key) => {
                let signature: p256::ecdsa::Signature = key.try_sign(message).map_err(failed)?;
                Ok(signature.to_der().as_bytes().to_vec())
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
            return p256::ecdsa::SigningKey::from_pkcs8_der(der)
                .map(|key| Key::Ecdsa(Box::new(key)))
                .map_err(|_| ONLY_P256.to_owned());
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
        p256::SecretKey::from_sec1_der(der)
            .map(|key| Key::Ecdsa(Box::new(key.into())))
            .map_err(|_| ONLY_P256.to_owned())
    }

    fn rsa(key: rsa::RsaPrivateKey) -> Result<Key, String> {
        if key.size() < 256 {
            return Err(
                "its RSA key has less than 2048 bits, which nobody trusts any more".to_owned(),
            );
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
            Key::Ecdsa(key) => key
                .verifying_key()
                .to_encoded_point(false)
                .as_bytes()
                .to_vec(),
        }
    }
}

const ONLY_P256: &str = "its elliptic curve is not P-256, the only one that is supported";

fn bits(certificate: &Certificate) -> &[u8] {
    let info = &certificate.tbs_certificate.subject_public_key_info;
    info.subject_public_key.raw_bytes()
}

fn is_root(certificate: &Certificate) -> bool {
    certificate.tbs_certificate.subject == certificate.tbs_certificate.issuer
}

/// The leaf, its issuer, the issuer's issuer.
fn chain(leaf: Certificate, mut pool: Vec<Certificate>) -> Vec<Certificate> {
    let mut chain = vec![leaf];
    while let Some(last) = chain.last().filter(|last| !is_root(last)) {
        let issuer = &last.tbs_certificate.issuer;
        let found = pool
            .iter()
            .position(|candidate| candidate.tbs_certificate.subject == *issuer);
        let Some(found) = found else { break };
        chain.push(pool.swap_remove(found));
    }
    chain
}

/// The last value of this kind in a name.
pub(super) fn attribute(name: &Name, kind: ObjectIdentifier) -> Option<String> {
    let mut parts = name.0.iter().rev().flat_map(|part| part.0.iter());
    let found = parts.find(|part| part.oid == kind)?;
    Some(String::from_utf8_lossy(found.value.value()).into_owned())
}

/// What to call the owner of a certificate.
pub(super) fn common_name(certificate: &Certificate) -> String {
    let subject = &certificate.tbs_certificate.subject;
    attribute(subject, rfc4519::CN)
        .or_else(|| attribute(subject, rfc4519::O))
        .unwrap_or_else(|| subject.to_string())
}

/// Reads a small file.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let failed = |source| Error::Io {
        path: path.to_owned(),
        source,
    };
    let mut bytes = Zeroizing::new(Vec::new());
    let file = File::open(path).map_err(failed)?;
    file.take(LARGEST).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

fn certificate(path: &Path, der: &[u8]) -> Result<Certificate, Error> {
    Certificate::from_der(der).map_err(|_| Error::Identity {
        path: path.to_owned(),
        problem: "a certificate in it is malformed".to_owned(),
    })
}

/// The certificates of a file: PEM, or one in DER.
fn certificates(path: &Path) -> Result<Vec<Certificate>, Error> {
    let bytes = read(path)?;
    let Some(blocks) = pem_blocks(&bytes) else {
        return Ok(vec![certificate(path, &bytes)?]);
    };
    let blocks = blocks.iter().filter(|(label, _)| label == "CERTIFICATE");
    blocks.map(|(_, der)| certificate(path, der)).collect()
}

pub(crate) type Block = (String, Zeroizing<Vec<u8>>);

/// What stands between `-----BEGIN` and `-----END`, wherever it stands; `None` when there is nothing of the kind.
pub(crate) fn pem_blocks(bytes: &[u8]) -> Option<Vec<Block>> {
    let text = str::from_utf8(bytes).ok()?;
    let mut blocks = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("-----BEGIN ") {
        let label = rest[start + 11..].split("-----").next()?;
        let end_line = format!("-----END {label}-----");
        let end = start + rest[start..].find(&end_line)? + end_line.len();
        let (label, der) = der::pem::decode_vec(&rest.as_bytes()[start..end]).ok()?;
        blocks.push((label.to_owned(), Zeroizing::new(der)));
        rest = &rest[end..];
    }
    (!blocks.is_empty()).then_some(blocks)
}

type Ask<'a> = dyn FnMut() -> Result<Option<Password>, Error> + 'a;

fn pkcs12(path: &Path, bytes: &[u8], password: &mut Ask<'_>) -> Result<Pkcs12Archive, Error> {
    let open = |password: &str| match Pkcs12Archive::from_pkcs12(bytes, password) {
        Ok(archive) => Ok(Some(archive)),
        Err(p12_keystore::error::Error::MacError(_)) => Ok(None),
        Err(error) => Err(Error::Identity {
            path: path.to_owned(),
            problem: format!("it is no PKCS#12 file that can be read ({error})"),
        }),
    };
    // Looked at before anybody is asked: a file without a password, or none at all.
    if let Some(archive) = open("")? {
        return Ok(archive);
    }
    let password = password()?.ok_or_else(|| Error::NoPassword(path.to_owned()))?;
    open(&password)?.ok_or_else(|| Error::WrongPassword(path.to_owned()))
}

fn decrypt(path: &Path, der: &[u8], password: &mut Ask<'_>) -> Result<Zeroizing<Vec<u8>>, Error> {
    let encrypted =
        pkcs8::EncryptedPrivateKeyInfoRef::try_from(der).map_err(|_| Error::Identity {
            path: path.to_owned(),
            problem: "its key is malformed".to_owned(),
        })?;
    let password = password()?.ok_or_else(|| Error::NoPassword(path.to_owned()))?;
    let document = encrypted
        .decrypt(password.as_bytes())
        .map_err(|_| Error::WrongPassword(path.to_owned()))?;
    Ok(Zeroizing::new(document.as_bytes().to_vec()))
}
