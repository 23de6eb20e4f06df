//! Time stamps (RFC 3161): somebody who is trusted says that a signature was there at a time, so
//! that it stays good when the signer's certificate has run out.

use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::ID_SIGNED_DATA;
use rsa::rand_core::{OsRng, RngCore};
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::ber;
use super::chain::{self, Purpose, Usage, common_name};
use super::cms::{Parsed, Verification};
use super::der::{self, context, elements, integer, seq, sha256, split, tlv};
use super::key::Hash;
use crate::http::{self, Client, HttpError, Settings};
use crate::progress::Progress;
use crate::sign::SignError;
use crate::sign::error::Refusal;

/// `id-ct-TSTInfo`
const TST_INFO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
/// A token with its certificates is some KiB.
const LARGEST: u64 = 256 << 10;

/// Why an answer is no time stamp.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum TimestampError {
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
    /// It is not signed by a time stamp authority.
    #[error("the time stamp is not valid: {0}")]
    Signature(String),
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

/// A request for these bytes: version 1, the SHA-256 of the bytes, a nonce, and the wish for the
/// server's certificate.
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

/// The token in a response to [`request`], as the server wrote it.
///
/// # Errors
/// The server refuses, or its answer is malformed or for another request.
pub fn token(response: &[u8], bytes: &[u8], nonce: u64) -> Result<Vec<u8>, TimestampError> {
    let response = ber::to_der(response).ok_or(TimestampError::Malformed)?;
    let (der::SEQUENCE, content, _) = split(&response).ok_or(TimestampError::Malformed)? else {
        return Err(TimestampError::Malformed);
    };
    let parts = elements(content).ok_or(TimestampError::Malformed)?;
    let Some((der::SEQUENCE, status)) = parts.first() else {
        return Err(TimestampError::Malformed);
    };
    let status = elements(status).ok_or(TimestampError::Malformed)?;
    let number = match status.first() {
        Some((der::INTEGER, [number])) => u64::from(*number),
        _ => return Err(TimestampError::Malformed),
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
        let text = crate::text::name(&text.join(" "));
        return Err(TimestampError::Refused {
            status: number,
            text,
        });
    }
    let Some((der::SEQUENCE, token)) = parts.get(1) else {
        return Err(TimestampError::Malformed);
    };
    let info = info(token).ok_or(TimestampError::Malformed)?;
    let fields = elements(info).ok_or(TimestampError::Malformed)?;
    let expected = imprint(bytes);
    let (_, expected, _) = split(&expected).ok_or(TimestampError::Malformed)?;
    // Some leave the NULL of the algorithm out, so the digest alone is compared.
    let digest = |content| elements(content).and_then(|parts| parts.get(1).copied());
    let (_, found) = fields.get(2).ok_or(TimestampError::Malformed)?;
    if digest(found).is_none() || digest(found) != digest(expected) {
        return Err(TimestampError::OtherBytes);
    }
    let mut optional = fields.iter().skip(5);
    let nonce = integer(nonce.into());
    if !optional.any(|(tag, value)| tlv(*tag, value) == nonce) {
        return Err(TimestampError::OtherRequest);
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

/// The time in a token: `YYYYMMDDhhmmss[.f]Z`, as the authority wrote it.
#[must_use]
pub fn time(token: &[u8]) -> Option<String> {
    let (_, token, _) = split(token)?;
    let fields = elements(info(token)?)?;
    let (tag, time) = fields.get(4)?;
    let text = str::from_utf8(time).ok()?;
    (*tag == der::GENERALIZED_TIME && text.len() <= 32 && text.is_ascii()).then(|| text.to_owned())
}

/// What a token says that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp {
    /// As RFC 3339 writes it, in UTC.
    pub(super) time: String,
    /// The same in seconds since 1970.
    pub(super) seconds: u64,
    /// Who says so.
    pub(super) authority: String,
    /// What cannot be checked of its certificates.
    pub(super) unchecked: Vec<String>,
}

/// Checks a token for these bytes: its signature, the purpose and validity of its certificates.
pub(super) fn check(token: &[u8], bytes: &[u8]) -> Result<Stamp, TimestampError> {
    let wrong = |problem: &str| TimestampError::Signature(problem.to_owned());
    let parsed = Parsed::read(token).ok_or(TimestampError::Malformed)?;
    let content = parsed.content().ok_or(TimestampError::Malformed)?;
    if parsed.kind() != TST_INFO {
        return Err(TimestampError::Malformed);
    }
    let (_, info, _) = split(content).ok_or(TimestampError::Malformed)?;
    let fields = elements(info).ok_or(TimestampError::Malformed)?;
    let (_, imprint) = fields.get(2).ok_or(TimestampError::Malformed)?;
    if !is_imprint(imprint, bytes).ok_or(TimestampError::Malformed)? {
        return Err(TimestampError::OtherBytes);
    }
    let (tag, time) = fields.get(4).ok_or(TimestampError::Malformed)?;
    let time = str::from_utf8(time).map_err(|_| TimestampError::Malformed)?;
    let seconds = (*tag == der::GENERALIZED_TIME)
        .then(|| seconds(time))
        .flatten();
    let seconds = seconds.ok_or_else(|| wrong("its time is malformed"))?;
    match parsed.verify(content) {
        Verification::Valid => {}
        Verification::Invalid(problem) => return Err(wrong(problem)),
        Verification::Unsupported(algorithm) => {
            let problem = format!("it is signed in a way that is not checked here: {algorithm}");
            return Err(TimestampError::Signature(problem));
        }
    }
    let chain = parsed.chain();
    let leaf = chain.first().ok_or(TimestampError::Malformed)?;
    let authority = crate::text::name(&common_name(leaf));
    if chain::usage(leaf, Purpose::TimeStamping) != Usage::Named {
        let problem = format!("the certificate of `{authority}` is not for time stamps");
        return Err(TimestampError::Signature(problem));
    }
    if let Some(problem) = chain::problem(&chain, seconds) {
        let said = chain::moment(seconds);
        return Err(TimestampError::Signature(format!(
            "it says {said}, but {problem}"
        )));
    }
    Ok(Stamp {
        time: chain::moment(seconds).replace('Z', &time[14..]),
        seconds,
        authority,
        unchecked: chain::unchecked(&chain),
    })
}

/// Whether the imprint is that of these bytes.
fn is_imprint(imprint: &[u8], bytes: &[u8]) -> Option<bool> {
    let parts = elements(imprint)?;
    let (_, algorithm) = parts.first()?;
    let (der::OID, oid, _) = split(algorithm)? else {
        return None;
    };
    let hash = Hash::of(ObjectIdentifier::from_bytes(oid).ok()?)?;
    Some(parts.get(1)?.1 == hash.digest(bytes))
}

/// Seconds since 1970 of `YYYYMMDDhhmmss[.f]Z`.
fn seconds(time: &str) -> Option<u64> {
    let digits = time
        .get(..14)
        .filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    let rest = time[14..].strip_suffix('Z')?;
    let fraction = rest.is_empty()
        || rest
            .strip_prefix('.')
            .is_some_and(|f| f.bytes().all(|b| b.is_ascii_digit()));
    let part = |range: std::ops::Range<usize>| digits[range].parse::<u8>().ok();
    let date = ::der::DateTime::new(
        digits[..4].parse().ok()?,
        part(4..6)?,
        part(6..8)?,
        part(8..10)?,
        part(10..12)?,
        part(12..14)?,
    );
    let date = date.ok().filter(|_| fraction && rest.len() < 16)?;
    Some(date.unix_duration().as_secs())
}

/// How often all servers are asked.
const ROUNDS: u32 = 3;

/// How long servers may take.
struct Patience {
    /// For a connection, and for an answer.
    answer: Duration,
    /// After that a wait is told.
    quiet: Duration,
    /// Before the second round; twice as long before the third.
    pause: Duration,
    /// After that no round begins.
    all: Duration,
}

/// Authorities answer within a second or two. The first round asks every server.
const PATIENCE: Patience = Patience {
    answer: Duration::from_secs(20),
    quiet: Duration::from_secs(3),
    pause: Duration::from_secs(2),
    all: Duration::from_secs(60),
};
/// How far a server's clock may be from ours.
const CLOCKS: u64 = 24 * 60 * 60;

/// Checks the addresses of servers, before anything is signed.
///
/// # Errors
/// One is not the address of a server.
pub fn check_urls(urls: &[String]) -> Result<(), SignError> {
    let wrong = urls.iter().find(|url| http::parse(url).is_err());
    wrong.map_or(Ok(()), |url| Err(SignError::TimeStampUrl(http::shown(url))))
}

/// Asks the servers in turn for a token for these bytes. `None` when there is no server.
pub(super) fn fetch(
    urls: &[String],
    bytes: &[u8],
    progress: &dyn Progress,
) -> Result<Option<Vec<u8>>, SignError> {
    fetch_within(&PATIENCE, urls, bytes, progress)
}

fn fetch_within(
    patience: &Patience,
    urls: &[String],
    bytes: &[u8],
    progress: &dyn Progress,
) -> Result<Option<Vec<u8>>, SignError> {
    let started = Instant::now();
    let mut refusals = Vec::new();
    for round in 0..ROUNDS {
        refusals.clear();
        let mut broken = false;
        for url in urls {
            let mut reason = format!("waiting for the time stamp server {}", http::shown(url));
            if round > 0 {
                reason.push_str(&format!(" (attempt {} of {ROUNDS})", round + 1));
            }
            let asked = || ask(url, bytes, patience.answer);
            match told_after(patience.quiet, &reason, progress, asked) {
                Ok(token) => return Ok(Some(token)),
                Err(source) => {
                    // What a server answers is its last word; a connection may be better later.
                    broken |= source.is::<HttpError>();
                    refusals.push(Refusal {
                        url: http::shown(url),
                        problem: without_query(url, &*source),
                    });
                }
            }
        }
        let pause = patience.pause * (round + 1);
        if !broken || round + 1 == ROUNDS || started.elapsed() + pause > patience.all {
            break;
        }
        thread::sleep(pause);
    }
    if refusals.is_empty() {
        return Ok(None);
    }
    Err(SignError::TimeStamp(refusals))
}

/// Does something that others may delay. If it takes longer than `quiet`, the reason is told.
fn told_after<T: Send>(
    quiet: Duration,
    reason: &str,
    progress: &dyn Progress,
    work: impl FnOnce() -> T + Send,
) -> T {
    thread::scope(|scope| {
        let (done, is_done) = mpsc::channel::<()>();
        let worker = scope.spawn(move || {
            let _done = done; // dropped at the end, of a panic too
            work()
        });
        let is_slow = is_done.recv_timeout(quiet) == Err(mpsc::RecvTimeoutError::Timeout);
        if is_slow {
            progress.wait(reason);
        }
        let result = worker.join();
        if is_slow {
            progress.wait("");
        }
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// The failure in one line without the query and the fragment of the address, should it have them.
fn without_query(url: &str, failure: &dyn std::error::Error) -> String {
    let mut text = failure.to_string();
    let mut below = failure.source();
    while let Some(cause) = below {
        text = format!("{text}: {cause}");
        below = cause.source();
    }
    let Some((_, secrets)) = url.split_once(['?', '#']) else {
        return text;
    };
    let secrets = secrets
        .split(['?', '#'])
        .filter(|secret| !secret.is_empty());
    secrets.fold(text, |text, secret| text.replace(secret, "..."))
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn ask(url: &str, bytes: &[u8], timeout: Duration) -> Result<Vec<u8>, Failure> {
    let nonce = OsRng.next_u64();
    let client = Client::new(&Settings {
        timeout,
        ..Settings::from_env()
    })?;
    let answer = client.post(
        url,
        "application/timestamp-query",
        "application/timestamp-reply",
        &request(bytes, nonce),
        LARGEST,
    )?;
    let token = token(&answer, bytes, nonce)?;
    let stamp = check(&token, bytes)?;
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)?
        .as_secs();
    if stamp.seconds.abs_diff(now) > CLOCKS {
        let (said, now) = (chain::moment(stamp.seconds), chain::moment(now));
        let problem = format!("it says {said}, and the clock here says {now}");
        return Err(TimestampError::Signature(problem).into());
    }
    Ok(token)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::sync::Mutex;

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
        assert_eq!(
            check(&good, b"other", u64::MAX),
            Err(TimestampError::OtherBytes)
        );
        assert_eq!(
            check(&good, b"signature", 5),
            Err(TimestampError::OtherRequest)
        );
        let refused = check(&response(2, b"x", 1), b"x", 1).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "the server refused with status 2: no\\u001b[31m"
        );
        assert_eq!(check(b"<html>", b"x", 1), Err(TimestampError::Malformed));
    }

    /// What is waited for.
    #[derive(Default)]
    struct Waits(Mutex<Vec<String>>);

    impl Progress for Waits {
        fn wait(&self, reason: &str) {
            self.0.lock().unwrap().push(reason.to_owned());
        }
    }

    #[test]
    fn servers_that_hang_are_named_and_given_up() {
        // The system accepts connections, and nobody answers.
        let servers = [0; 2].map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
        let urls = servers.each_ref().map(|server| {
            let address = server.local_addr().unwrap();
            format!("http://{address}/stamp?key=hunter2")
        });
        let waits = |all: Duration| {
            let patience = Patience {
                answer: Duration::from_millis(200),
                quiet: Duration::from_millis(20),
                pause: Duration::from_millis(1),
                all,
            };
            let waits = Waits::default();
            let refused = fetch_within(&patience, &urls, b"signature", &waits).unwrap_err();
            let SignError::TimeStamp(refusals) = refused else {
                panic!("{refused}");
            };
            assert_eq!(refusals.len(), 2);
            waits.0.into_inner().unwrap()
        };
        let [first, second] = servers.each_ref().map(|server| {
            let address = server.local_addr().unwrap();
            format!("waiting for the time stamp server http://{address}/stamp?...")
        });
        // The first round has taken all the time there was.
        let once = [&first[..], "", &second, ""];
        assert_eq!(waits(Duration::from_millis(300)), once);
        let all = waits(Duration::from_secs(600));
        assert_eq!(all.len(), 12);
        assert_eq!(all[..4], once);
        assert_eq!(all[10], format!("{second} (attempt 3 of 3)"));
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
