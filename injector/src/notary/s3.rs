//! Uploads to Amazon S3, signed with Signature Version 4.
//!
//! The signature covers method, path, the headers `host` and `x-amz-...`, and the SHA-256 of the
//! body ("Signature Calculations for the Authorization Header: Transferring Payload in a Single
//! Chunk", Amazon S3 API reference).

use std::fmt::Write;
use std::time::Duration;

use hmac::{Hmac, Mac};
use oxidize_format::Hex;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::error::{NotaryError, plain};

use crate::http::Url;

/// Where Apple's bucket is, which Apple says in "Customizing the notarization workflow".
const REGION: &str = "us-west-2";
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Where buckets are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Storage {
    /// Amazon, in Apple's region.
    Amazon,
    /// Below this URL.
    At(String),
}

impl Storage {
    /// Where an object of a bucket goes; `None` when the names are none.
    pub(super) fn url(&self, bucket: &str, object: &str) -> Option<Url> {
        let is_bucket =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.';
        if bucket.is_empty() || !bucket.bytes().all(is_bucket) || object.is_empty() {
            return None;
        }
        let object = escaped(object);
        let url = match self {
            // A name with dots fits no certificate as a part of a host's.
            Storage::Amazon if !bucket.contains('.') => {
                format!("https://{bucket}.s3.{REGION}.amazonaws.com/{object}")
            }
            Storage::Amazon => format!("https://s3.{REGION}.amazonaws.com/{bucket}/{object}"),
            Storage::At(base) => format!("{base}/{bucket}/{object}"),
        };
        Url::parse(&url).ok()
    }
}

/// Letters, digits and `-._~/` as they are, everything else as `%41`.
fn escaped(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a string does not fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// What Apple gives for one upload. It is good for twelve hours.
pub(super) struct Credentials {
    pub(super) key_id: String,
    pub(super) secret: Zeroizing<String>,
    pub(super) token: Zeroizing<String>,
}

type Headers = Vec<(&'static str, Zeroizing<String>)>;

impl Credentials {
    /// The headers that make a request one of ours, at this moment since 1970. `digest` is the
    /// body's SHA-256 in hexadecimal.
    pub(super) fn sign(
        &self,
        method: &str,
        url: &Url,
        digest: &str,
        now: Duration,
    ) -> Result<Headers, NotaryError> {
        let host = url.host_str().ok_or(NotaryError::Answer("a host"))?;
        let host = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        };
        let time = time(now).ok_or(NotaryError::Answer("a time"))?;
        let mut headers = vec![
            ("host", Zeroizing::new(host)),
            ("x-amz-content-sha256", Zeroizing::new(digest.to_owned())),
            ("x-amz-date", Zeroizing::new(time.clone())),
            ("x-amz-security-token", self.token.clone()),
        ];
        let authorization = self.authorization(REGION, method, url.path(), &headers, digest, &time);
        // The client says the host itself.
        headers.remove(0);
        headers.push(("authorization", Zeroizing::new(authorization)));
        Ok(headers)
    }

    /// `headers` are in order, with names in lower case, one of them `host`.
    fn authorization(
        &self,
        region: &str,
        method: &str,
        path: &str,
        headers: &[(&str, Zeroizing<String>)],
        digest: &str,
        time: &str,
    ) -> String {
        let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
        let names = names.join(";");
        let mut canonical = Zeroizing::new(format!("{method}\n{path}\n\n"));
        for (name, value) in headers {
            canonical.push_str(&format!("{name}:{}\n", value.trim()));
        }
        canonical.push_str(&format!("\n{names}\n{digest}"));
        let day = time.get(..8).unwrap_or(time);
        let scope = format!("{day}/{region}/s3/aws4_request");
        let canonical = Hex(&Sha256::digest(canonical.as_bytes())).to_string();
        let message = format!("{ALGORITHM}\n{time}\n{scope}\n{canonical}");
        let mut key = Zeroizing::new(format!("AWS4{}", *self.secret).into_bytes());
        for part in [day, region, "s3", "aws4_request"] {
            key = Zeroizing::new(keyed(&key, part));
        }
        let signature = Hex(&keyed(&key, &message)).to_string();
        let id = &self.key_id;
        format!("{ALGORITHM} Credential={id}/{scope}, SignedHeaders={names}, Signature={signature}")
    }
}

fn keyed(key: &[u8], message: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length");
    mac.update(message.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// `20130524T000000Z`
fn time(now: Duration) -> Option<String> {
    let time = der::DateTime::from_unix_duration(now).ok()?;
    Some(format!(
        "{:04}{:02}{:02}T{:02}{:02}{:02}Z",
        time.year(),
        time.month(),
        time.day(),
        time.hour(),
        time.minutes(),
        time.seconds()
    ))
}

/// What is said about an upload that is refused: `<Error><Code>...</Code><Message>...</Message>`.
pub(super) fn problem(body: &[u8]) -> Option<String> {
    let body = str::from_utf8(body).ok()?;
    let part = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        Some(rest.split_once(&format!("</{name}>"))?.0)
    };
    let (code, message) = (part("Code")?, part("Message"));
    Some(plain(&match message {
        Some(message) => format!("{message} ({code})"),
        None => code.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples in Amazon's description of the signature.
    #[test]
    fn amazons_own_examples() {
        let credentials = Credentials {
            key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret: Zeroizing::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned()),
            token: Zeroizing::default(),
        };
        let moment = time(Duration::from_secs(1_369_353_600)).unwrap();
        assert_eq!(moment, "20130524T000000Z");
        let host = "examplebucket.s3.amazonaws.com";
        let signature = |method, path: &str, body: &[u8], more: &[(&'static str, &str)]| {
            let digest = Hex(&Sha256::digest(body)).to_string();
            let always = [
                ("host", host),
                ("x-amz-content-sha256", &digest),
                ("x-amz-date", &moment),
            ];
            let headers = always.iter().chain(more);
            let headers = headers.map(|(name, value)| (*name, Zeroizing::new((*value).to_owned())));
            let mut headers: Vec<_> = headers.collect();
            headers.sort_by_key(|(name, _)| *name);
            credentials.authorization("us-east-1", method, path, &headers, &digest, &moment)
        };
        let put = signature(
            "PUT",
            &format!("/{}", escaped("test$file.text")),
            b"Welcome to Amazon S3.",
            &[
                ("date", "Fri, 24 May 2013 00:00:00 GMT"),
                ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ],
        );
        assert_eq!(
            put,
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, \
             SignedHeaders=date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class, \
             Signature=98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"
        );
        let get = signature("GET", "/test.txt", b"", &[("range", "bytes=0-9")]);
        assert!(
            get.ends_with("f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"),
            "{get}"
        );
    }

    #[test]
    fn places_of_objects() {
        let url = |storage: Storage, bucket, object| {
            storage.url(bucket, object).map(|url| url.to_string())
        };
        let at = || Storage::At("http://127.0.0.1:1/s".to_owned());
        assert_eq!(
            url(Storage::Amazon, "notary-submissions", "prod/a+b").as_deref(),
            Some("https://notary-submissions.s3.us-west-2.amazonaws.com/prod/a%2Bb")
        );
        assert_eq!(
            url(Storage::Amazon, "with.dots", "x").as_deref(),
            Some("https://s3.us-west-2.amazonaws.com/with.dots/x")
        );
        assert_eq!(
            url(at(), "b", "ä").as_deref(),
            Some("http://127.0.0.1:1/s/b/%C3%A4")
        );
        for (bucket, object) in [("", "x"), ("b", ""), ("evil.example/", "x"), ("b@c", "x")] {
            assert_eq!(
                url(Storage::Amazon, bucket, object),
                None,
                "{bucket} {object}"
            );
        }
    }

    #[test]
    fn refusals_are_told_without_their_xml() {
        let body = b"<?xml?><Error><Code>AccessDenied</Code><Message>No \x1b[1m</Message></Error>";
        assert_eq!(problem(body).as_deref(), Some("No  [1m (AccessDenied)"));
        assert_eq!(problem(b"<html>"), None);
        assert_eq!(problem(b"<Code>"), None);
    }
}
