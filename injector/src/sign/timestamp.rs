//! Time stamps (RFC 3161): somebody who is trusted says that a signature was there at a time, so that it stays good when the
//! signer's certificate has run out.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::ID_SIGNED_DATA;
use rsa::rand_core::{OsRng, RngCore};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::der::{self, context, elements, integer, seq, sha256, split, tlv};
use super::error;
use crate::http::{Client, Settings};

/// `id-ct-TSTInfo`
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// A token with its certificates is some KiB.
const LARGEST: u64 = 256 << 10;

/// Why an answer is no time stamp.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// It is not what RFC 3161 describes.
    #[error("the answer is not a time stamp response")]
    Malformed,
    /// The server says no.
    #[error("the server refused with status {status}{}", detail(text))]
    Refused {
        /// `PKIStatus`.
        status: u64,
        /// What it says about it.
        text: String,
    },
    /// It is for something else.
    #[error("the time stamp is for other bytes")]
    OtherBytes,
    /// It answers another request.
    #[error("the time stamp answers another request")]
    OtherRequest,
}

fn detail(text: &str) -> String {
    match text {
        "" => String::new(),
        _ => format!(": {text}"),
    }
}

/// A request for these bytes: version 1, the SHA-256 of the bytes, a nonce, and the wish for the server's certificate.
#[must_use]
pub fn request(bytes: &[u8], nonce: u64) -> Vec<u8> {
    seq(&[
        &integer(1),
        &imprint(bytes),
        &integer(nonce.into()),
        &tlv(der::BOOLEAN, &[0xff]),
    ])
}

fn imprint(bytes: &[u8]) -> Vec<u8> {
    let digest = Sha256::digest(bytes);
    seq(&[&sha256(), &tlv(der::OCTET_STRING, &digest)])
}

/// The token in a response to [`request`], in DER. Whether to trust it is for whoever verifies the signature.
pub fn token(response: &[u8], bytes: &[u8], nonce: u64) -> Result<Vec<u8>, Error> {
    let (der::SEQUENCE, content, _) = split(response).ok_or(Error::Malformed)? else {
        return Err(Error::Malformed);
    };
    let parts = elements(content).ok_or(Error::Malformed)?;
    let Some((der::SEQUENCE, status)) = parts.first() else {
        return Err(Error::Malformed);
    };
    let status = elements(status).ok_or(Error::Malformed)?;
    let number = match status.first() {
        Some((der::INTEGER, [number])) => u64::from(*number),
        _ => return Err(Error::Malformed),
    };
    // Granted, perhaps with modifications.
    if number > 1 {
        let text = status.get(1).filter(|(tag, _)| *tag == der::SEQUENCE);
        let text = text
            .and_then(|(_, text)| elements(text))
            .unwrap_or_default();
        let text: Vec<_> = text
            .iter()
            .map(|(_, line)| String::from_utf8_lossy(line))
            .collect();
        // From a stranger, and on its way to a terminal.
        let text = text.join(" ").escape_debug().to_string();
        return Err(Error::Refused {
            status: number,
            text,
        });
    }
    let Some((der::SEQUENCE, token)) = parts.get(1) else {
        return Err(Error::Malformed);
    };
    let info = info(token).ok_or(Error::Malformed)?;
    let fields = elements(info).ok_or(Error::Malformed)?;
    let expected = imprint(bytes);
    let (_, expected, _) = split(&expected).ok_or(Error::Malformed)?;
    // Some leave the NULL of the algorithm out, so the digest alone is compared.
    let digest = |content| elements(content).and_then(|parts| parts.get(1).copied());
    let (_, found) = fields.get(2).ok_or(Error::Malformed)?;
    if digest(found).is_none() || digest(found) != digest(expected) {
        return Err(Error::OtherBytes);
    }
    let mut optional = fields.iter().skip(5);
    let nonce = integer(nonce.into());
    if !optional.any(|(tag, value)| tlv(*tag, value) == nonce) {
        return Err(Error::OtherRequest);
    }
    Ok(tlv(der::SEQUENCE, token))
}

/// The content of the `TSTInfo` in the content of a token: signed data around an octet string.
fn info(token: &[u8]) -> Option<&[u8]> {
    let inside = |(tag, value): (u8, _), wanted: u8| (tag == wanted).then_some(value);
    let parts = elements(token)?;
    let kind = inside(*parts.first()?, der::OID)?;
    let signed_data = inside(*parts.get(1)?, context(0))?;
    let (tag, signed_data, _) = split(signed_data)?;
    let fields = elements(inside((tag, signed_data), der::SEQUENCE)?)?;
    // Version, digest algorithms, content.
    let content = elements(inside(*fields.get(2)?, der::SEQUENCE)?)?;
    let content_kind = inside(*content.first()?, der::OID)?;
    let (tag, octets, _) = split(inside(*content.get(1)?, context(0))?)?;
    let (tag, info, _) = split(inside((tag, octets), der::OCTET_STRING)?)?;
    let kinds = kind == ID_SIGNED_DATA.as_bytes() && content_kind == TST_INFO.as_bytes();
    inside((tag, info), der::SEQUENCE).filter(|_| kinds)
}

/// The time in a token: `YYYYMMDDhhmmss[.f]Z`.
#[must_use]
pub fn time(token: &[u8]) -> Option<String> {
    let (_, token, _) = split(token)?;
    let fields = elements(info(token)?)?;
    let (tag, time) = fields.get(4)?;
    let text = str::from_utf8(time).ok()?;
    (*tag == der::GENERALIZED_TIME && text.len() <= 32 && text.is_ascii()).then(|| text.to_owned())
}

/// Asks the server at `url` for a token for these bytes.
pub(super) fn fetch(url: &str, bytes: &[u8]) -> Result<Vec<u8>, error::Error> {
    let failed = |source: Box<dyn std::error::Error + Send + Sync>| error::Error::TimeStamp {
        url: url.to_owned(),
        source,
    };
    let nonce = OsRng.next_u64();
    let client = Client::new(&Settings::from_env()).map_err(|error| failed(error.into()))?;
    let answer = client.post(
        url,
        "application/timestamp-query",
        "application/timestamp-reply",
        &request(bytes, nonce),
        LARGEST,
    );
    let answer = answer.map_err(|error| failed(error.into()))?;
    token(&answer, bytes, nonce).map_err(|error| failed(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A response as a server makes it, without a signature in it, which is not looked at here.
    fn response(status: u8, bytes: &[u8], nonce: u64) -> Vec<u8> {
        let info = seq(&[
            &integer(1),
            &der::oid(ObjectIdentifier::new_unwrap("1.2.3")),
            &imprint(bytes),
            &integer(7),
            &tlv(der::GENERALIZED_TIME, b"20260101000000Z"),
            &integer(nonce.into()),
        ]);
        let content = seq(&[
            &der::oid(TST_INFO),
            &tlv(context(0), &tlv(der::OCTET_STRING, &info)),
        ]);
        let data = seq(&[&integer(3), &tlv(der::SET, &[]), &content]);
        let token = seq(&[&der::oid(ID_SIGNED_DATA), &tlv(context(0), &data)]);
        let text = seq(&[&tlv(der::UTF8_STRING, b"no\x1b[31m")]);
        let status = if status > 1 {
            seq(&[&integer(status.into()), &text])
        } else {
            seq(&[&integer(status.into())])
        };
        seq(&[&status, &token])
    }

    #[test]
    fn only_the_answer_to_the_question_counts() {
        let good = response(0, b"signature", u64::MAX);
        let token = token(&good, b"signature", u64::MAX).unwrap();
        assert_eq!(time(&token).as_deref(), Some("20260101000000Z"));
        let check = |response: &[u8], bytes: &[u8], nonce| super::token(response, bytes, nonce);
        assert_eq!(check(&good, b"other", u64::MAX), Err(Error::OtherBytes));
        assert_eq!(check(&good, b"signature", 5), Err(Error::OtherRequest));
        let refused = check(&response(2, b"x", 1), b"x", 1).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the server refused with status 2: no\\u{1b}[31m"
        );
        assert_eq!(check(b"<html>", b"x", 1), Err(Error::Malformed));
    }

    #[test]
    fn no_cut_and_no_flipped_bit_panics() {
        let good = response(1, b"signature", 5);
        for end in 0..good.len() {
            assert!(token(&good[..end], b"signature", 5).is_err());
        }
        for bit in 0..good.len() * 8 {
            let mut broken = good.clone();
            broken[bit / 8] ^= 1 << (bit % 8);
            let _ = token(&broken, b"signature", 5);
        }
    }
}
