//! What a file is that was given as something else.

use std::fmt;

/// What a file with a key or certificates was found to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Form {
    /// Nothing is in it.
    Empty,
    /// PEM: text with `-----BEGIN`.
    Pem,
    /// PEM with a block that is cut off or damaged.
    DamagedPem,
    /// PEM as openssl encrypted keys before PKCS#8 (RFC 1421).
    OldEncryptedPem,
    /// A key as ssh writes it.
    OpenSsh,
    /// PKCS#12: a key with its certificates.
    Pkcs12,
    /// A private key in DER.
    DerKey,
    /// A certificate in DER.
    DerCertificate,
    /// PKCS#7 with certificates.
    Pkcs7,
    /// PKCS#7 without any.
    EmptyPkcs7,
    /// Java's own form of a key store.
    JavaKeyStore,
    /// A text of two bytes each character, as Windows' editors and shells write it.
    Utf16,
    /// Something else.
    Unknown,
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Form::Empty => "empty",
            Form::Pem => "a PEM file",
            Form::DamagedPem => "a PEM file with a damaged block",
            Form::OldEncryptedPem => {
                "a PEM file with a key encrypted in the old way (`Proc-Type: 4,ENCRYPTED`)"
            }
            Form::OpenSsh => "a key in OpenSSH's form",
            Form::Pkcs12 => "a PKCS#12 file",
            Form::DerKey => "a private key in DER",
            Form::DerCertificate => "a certificate in DER",
            Form::Pkcs7 => "a PKCS#7 file with certificates",
            Form::EmptyPkcs7 => "a PKCS#7 file without certificates",
            Form::JavaKeyStore => "a Java key store",
            Form::Utf16 => "a text in UTF-16",
            Form::Unknown => "of no known form",
        })
    }
}

/// What a file was to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A key with its certificates.
    Pkcs12,
    /// A private key in PEM.
    Key,
    /// Certificates in any form.
    Certificates,
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Wanted::Pkcs12 => "a PKCS#12 file with a key and its certificates",
            Wanted::Key => "a PEM file with a private key of a known form",
            Wanted::Certificates => "certificates in PEM, DER or PKCS#7",
        })
    }
}
