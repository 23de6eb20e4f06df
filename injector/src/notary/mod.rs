//! Notarization: Apple looks a signed macOS program through and publishes a *ticket* that says so,
//! which macOS asks for before it starts what was downloaded.
//!
//! The [Notary API](https://developer.apple.com/documentation/notaryapi) takes these steps:
//!
//! 1. the program goes into a zip archive ([`archive`]);
//! 2. its name and SHA-256 are submitted, and the answer holds the submission's id and credentials
//!    for an upload;
//! 3. the archive is put into Apple's bucket at Amazon S3 ([`s3`]);
//! 4. the submission's status is asked for until it is no longer `In Progress`;
//! 5. the log tells what Apple found, warnings about accepted programs included.
//!
//! Requests are authorized by a token of a few minutes, signed with a key of App Store Connect
//! ([`key`]). A ticket can be *stapled* to a bundle, so that macOS need not ask ([`ticket`]); a
//! single file has no place for one.

pub mod archive;
pub mod error;
pub mod key;
pub mod s3;
pub mod ticket;

use std::fs::File;
use std::io::{Seek, SeekFrom};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use oxidize_format::Hex;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::http::HttpError;
use crate::http::{self, Body, Call, Client, Url};
use crate::image::macho::{Image, fat, signature};
use crate::progress::Progress;
use crate::sign::macho;
use crate::sign::state::{self, State};
use archive::Archive;
pub use error::{Issue, NotaryError};
pub use key::ApiKey;
use s3::{Credentials, Storage};

/// Where Apple's services are.
#[derive(Debug, Clone)]
pub struct Server {
    /// The Notary API, up to and without `/submissions`.
    pub api: String,
    /// Where archives are uploaded.
    pub storage: Storage,
    /// Where tickets are looked up.
    pub tickets: String,
    /// Between two questions for a status.
    pub pause: Duration,
}

impl Default for Server {
    /// Apple's.
    fn default() -> Server {
        Server {
            api: "https://appstoreconnect.apple.com/notary/v2".to_owned(),
            storage: Storage::Amazon,
            tickets: "https://api.apple-cloudkit.com/database/1/com.apple.gk.ticket-delivery/production/public/records/lookup"
                .to_owned(),
            pause: Duration::from_secs(5),
        }
    }
}

#[cfg(feature = "testing")]
impl Server {
    /// One server that plays all of them, for tests.
    #[must_use]
    pub fn stand_in(base: &str) -> Server {
        Server {
            api: format!("{base}/notary/v2"),
            storage: Storage::At(format!("{base}/storage")),
            tickets: format!("{base}/tickets"),
            pause: Duration::from_millis(20),
        }
    }
}

/// Answers of the API are some hundred bytes, tickets and logs some KiB.
const LARGEST: u64 = 16 << 20;
/// How often something is tried that failed for reasons that pass.
const TRIES: u32 = 6;
/// How long a token is good for. Each request has its own.
const TOKEN_LIFE: Duration = Duration::from_secs(10 * 60);

/// What Apple said about a program that it accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The submission.
    pub id: String,
    /// What it may reject in the future.
    pub issues: Vec<Issue>,
}

/// Talks to the service.
#[derive(Debug)]
pub struct Notary<'a> {
    client: Client,
    key: &'a ApiKey,
    server: Server,
}

impl<'a> Notary<'a> {
    /// With this key.
    ///
    /// # Errors
    /// The HTTP client cannot be made.
    pub fn new(key: &'a ApiKey, server: Server) -> Result<Notary<'a>, NotaryError> {
        Ok(Notary {
            client: Client::new(&http::Settings::from_env())?,
            key,
            server,
        })
    }

    /// Uploads an archive. The answer is the submission's id, by which Apple goes on whether
    /// anybody waits or not.
    ///
    /// # Errors
    /// The service cannot be reached or refuses, or the upload fails.
    pub fn submit(
        &self,
        archive: &Archive,
        progress: &dyn Progress,
    ) -> Result<String, NotaryError> {
        progress.start("Uploading", 0);
        let digest = digest(archive.file()).map_err(NotaryError::Archive)?;
        let body = json!({ "submissionName": archive.name(), "sha256": Hex(&digest).to_string() });
        let url = format!("{}/submissions", self.server.api);
        let answer = self.ask("POST", &url, Some(&body))?;
        let data = &answer["data"];
        let id = text(&data["id"], "a submission's id")?;
        let is_id = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !is_id {
            return Err(NotaryError::Answer("a valid submission id"));
        }
        let place = &data["attributes"];
        let field = |name: &'static str| text(&place[name], name);
        let credentials = Credentials {
            key_id: field("awsAccessKeyId")?,
            secret: Zeroizing::new(field("awsSecretAccessKey")?),
            token: Zeroizing::new(field("awsSessionToken")?),
        };
        let url = self
            .server
            .storage
            .url(&field("bucket")?, &field("object")?)
            .ok_or(NotaryError::Answer("a valid upload location"))?;
        self.upload(&url, &credentials, archive.file(), &digest)?;
        Ok(id)
    }

    fn upload(
        &self,
        url: &Url,
        credentials: &Credentials,
        file: &File,
        digest: &[u8],
    ) -> Result<(), NotaryError> {
        let len = file.metadata().map_err(NotaryError::Archive)?.len();
        let mut tries = 0;
        loop {
            tries += 1;
            let headers = credentials.sign("PUT", url, &Hex(digest).to_string(), now())?;
            let headers: Vec<_> = headers
                .iter()
                .map(|(name, value)| (*name, value.as_str()))
                .collect();
            let result = self.client.call(&Call {
                method: "PUT",
                url,
                headers: &headers,
                body: Body::File(file, len),
                // A slow line carries 64 KiB in a second.
                timeout: Some(Duration::from_secs(60 + (len >> 16))),
                limit: LARGEST,
            });
            match result {
                Ok(reply) if reply.is_success() => return Ok(()),
                Ok(reply) if tries >= TRIES || !reply.may_pass() => {
                    return Err(NotaryError::Upload {
                        status: reply.status,
                        detail: s3::problem(&reply.body),
                    });
                }
                Err(error) if tries >= TRIES || !error.may_pass() => return Err(error.into()),
                _ => thread::sleep(self.server.pause * tries),
            }
        }
    }

    /// Waits until Apple has looked the submission through.
    ///
    /// # Errors
    /// Apple rejects the program, the service cannot be reached, or the time is over.
    pub fn wait(
        &self,
        id: &str,
        limit: Duration,
        progress: &dyn Progress,
    ) -> Result<Accepted, NotaryError> {
        progress.start("Waiting for Apple", 0);
        let url = format!("{}/submissions/{id}", self.server.api);
        let started = Instant::now();
        loop {
            let answer = self.ask("GET", &url, None)?;
            let status = text(&answer["data"]["attributes"]["status"], "a status")?;
            match &status[..] {
                "In Progress" => {}
                "Accepted" => {
                    // The log of an accepted program is worth reading, and not worth failing for.
                    let issues = self.issues(id).unwrap_or_default();
                    let id = id.to_owned();
                    return Ok(Accepted { id, issues });
                }
                "Invalid" | "Rejected" => {
                    let issues = self.issues(id);
                    return Err(NotaryError::Rejected {
                        id: id.to_owned(),
                        status,
                        no_log: issues.is_err(),
                        issues: issues.unwrap_or_default(),
                    });
                }
                _ => return Err(NotaryError::Answer("a known status")),
            }
            if started.elapsed() >= limit {
                return Err(NotaryError::TooLong(id.to_owned()));
            }
            progress.advance(0);
            thread::sleep(self.server.pause);
        }
    }

    /// What the log of a submission lists.
    fn issues(&self, id: &str) -> Result<Vec<Issue>, NotaryError> {
        let url = format!("{}/submissions/{id}/logs", self.server.api);
        let answer = self.ask("GET", &url, None)?;
        let url = text(
            &answer["data"]["attributes"]["developerLogUrl"],
            "a readable log",
        )?;
        // Whoever has this address can read the log: it is told to nobody, and the token stays
        // here.
        let (url, _) =
            http::parse(&url).map_err(|_| NotaryError::Answer("the address of a log"))?;
        let reply = self.try_again(&mut || {
            self.client.call(&Call {
                method: "GET",
                url: &url,
                headers: &[("accept", "application/json")],
                body: Body::Empty,
                timeout: None,
                limit: LARGEST,
            })
        })?;
        if !reply.is_success() {
            return Err(refused(reply.status, &reply.body));
        }
        let log: Value = serde_json::from_slice(&reply.body)
            .map_err(|_| NotaryError::Answer("a readable log"))?;
        let issues = log["issues"].as_array().map_or(&[][..], Vec::as_slice);
        Ok(issues.iter().map(Issue::read).collect())
    }

    /// A question to the API and the answer to it.
    fn ask(
        &self,
        method: &'static str,
        url: &str,
        body: Option<&Value>,
    ) -> Result<Value, NotaryError> {
        let (url, _) = http::parse(url)?;
        let body = body.map(Value::to_string);
        let reply = self.try_again(&mut || {
            let token = self.key.token(now(), TOKEN_LIFE);
            let authorization = Zeroizing::new(format!("Bearer {}", *token));
            let mut headers = vec![
                ("authorization", authorization.as_str()),
                ("accept", "application/json"),
            ];
            if body.is_some() {
                headers.push(("content-type", "application/json"));
            }
            self.client.call(&Call {
                method,
                url: &url,
                headers: &headers,
                body: body
                    .as_deref()
                    .map_or(Body::Empty, |body| Body::Bytes(body.as_bytes())),
                timeout: None,
                limit: LARGEST,
            })
        })?;
        if !reply.is_success() {
            return Err(refused(reply.status, &reply.body));
        }
        serde_json::from_slice(&reply.body).map_err(|_| NotaryError::Answer("valid JSON"))
    }

    /// Lines break, and services have bad moments: notarization takes minutes, and is not given up
    /// for that.
    fn try_again(
        &self,
        call: &mut dyn FnMut() -> Result<http::Reply, HttpError>,
    ) -> Result<http::Reply, NotaryError> {
        let mut tries = 0;
        loop {
            tries += 1;
            match call() {
                Ok(reply) if !reply.may_pass() || tries >= TRIES => return Ok(reply),
                Err(error) if !error.may_pass() || tries >= TRIES => return Err(error.into()),
                _ => thread::sleep(self.server.pause * tries),
            }
        }
    }
}

/// Whether Apple would take the program at all: signed with an identity, time stamped, under the
/// hardened runtime. Everything else is for Apple to say.
///
/// # Errors
/// What is missing, in words.
pub fn check_ready(program: &[u8]) -> Result<(), &'static str> {
    for program in programs(program).ok_or("it is malformed")? {
        let image = Image::parse(program).ok().flatten();
        let image = image.ok_or("it is not a macOS program")?;
        let signature = image.signature().ok().flatten();
        let signature = signature.ok_or("it is not signed")?.1;
        let signer = match state::of(program) {
            Ok(State::Good(signer)) => signer,
            Ok(State::Unknown(Some(signer), _)) => signer,
            Ok(State::AdHoc { .. }) => return Err("it is signed without an identity"),
            _ => return Err("its signature is broken"),
        };
        if signer.time.is_none() {
            return Err("its signature has no time stamp");
        }
        let flags = signature::flags(&program[signature]).unwrap_or(0);
        if flags & macho::codesign::RUNTIME == 0 {
            return Err("it is not signed for the hardened runtime");
        }
    }
    Ok(())
}

/// The programs in a file, one for each processor; `None` when it is broken.
fn programs(file: &[u8]) -> Option<Vec<&[u8]>> {
    Some(match fat::parts(file).ok()? {
        Some(parts) => parts.into_iter().map(|part| &file[part]).collect(),
        None => vec![file],
    })
}

fn text(value: &Value, what: &'static str) -> Result<String, NotaryError> {
    value
        .as_str()
        .map(str::to_owned)
        .ok_or(NotaryError::Answer(what))
}

/// What the API says about a request that it does not take: `{"errors": [{"title": ..., "detail":
/// ...}]}`.
fn refused(status: u16, body: &[u8]) -> NotaryError {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let first = &body["errors"][0];
    let said = first["detail"].as_str().or(first["title"].as_str());
    NotaryError::Refused {
        status,
        detail: said.map(error::plain),
    }
}

fn now() -> Duration {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
}

fn digest(mut file: &File) -> std::io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(0))?;
    let mut digest = Sha256::new();
    std::io::copy(&mut file, &mut digest)?;
    Ok(digest.finalize().to_vec())
}
