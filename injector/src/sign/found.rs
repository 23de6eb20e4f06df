//! Tells of what form a file is.

use x509_cert::Certificate;
use x509_cert::der::Decode as _;

use super::cms::Parsed;
use super::der::{INTEGER, OCTET_STRING, SEQUENCE, elements, split};
use super::form::Form;
use super::pem;

/// What these bytes are.
pub(super) fn form(bytes: &[u8]) -> Form {
    let has = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    if bytes.iter().all(u8::is_ascii_whitespace) {
        Form::Empty
    } else if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        Form::Utf16
    } else if bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) {
        Form::JavaKeyStore
    } else if has(b"-----BEGIN ") {
        if has(b"Proc-Type: 4,ENCRYPTED") {
            Form::OldEncryptedPem
        } else if has(b"-----BEGIN OPENSSH PRIVATE KEY") {
            Form::OpenSsh
        } else if pem::blocks(bytes).is_some() {
            Form::Pem
        } else {
            Form::DamagedPem
        }
    } else {
        der(bytes)
    }
}

fn der(bytes: &[u8]) -> Form {
    if Certificate::from_der(bytes).is_ok() {
        return Form::DerCertificate;
    }
    if let Some(certificates) = Parsed::bag(bytes) {
        return match certificates[..] {
            [] => Form::EmptyPkcs7,
            _ => Form::Pkcs7,
        };
    }
    let content = split(bytes).filter(|(tag, ..)| *tag == SEQUENCE);
    let fields = content.and_then(|(_, content, _)| elements(content));
    match &fields.unwrap_or_default()[..] {
        // PKCS#12 is version 3 of something that has no other.
        [(INTEGER, [3]), (SEQUENCE, _), ..] => Form::Pkcs12,
        // PKCS#8, an RSA key of its own, an elliptic one, an encrypted one.
        [(INTEGER, [0 | 1]), (SEQUENCE, _), (OCTET_STRING, _), ..]
        | [(INTEGER, [0]), (INTEGER, _), (INTEGER, _), (INTEGER, _), ..]
        | [(INTEGER, [1]), (OCTET_STRING, _), ..]
        | [(SEQUENCE, _), (OCTET_STRING, _)] => Form::DerKey,
        _ => Form::Unknown,
    }
}
