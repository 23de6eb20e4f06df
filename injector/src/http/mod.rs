//! HTTP for whatever is fetched or asked: the stub index, time stamps, notarization.
//!
//! Proxies come from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`. Trusted certificates
//! come from a bundle (the setting, else `PIP_CERT`, `REQUESTS_CA_BUNDLE` or `SSL_CERT_FILE`), else
//! from the system and Mozilla's list. User name and password go to the host they belong to and to
//! no other, whatever redirects say, and no error repeats them.

pub mod netrc;
mod pace;

use std::env;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::blocking::{RequestBuilder, Response};
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Method, NoProxy, Proxy, StatusCode};
use thiserror::Error;
pub use url::Url;

use pace::Pace;

use crate::regular;
use netrc::Netrc;

/// Redirects that are followed.
const REDIRECTS: usize = 10;

/// How to reach others.
#[derive(Debug, Clone)]
pub struct Settings {
    /// PEM file with the certificates to trust, instead of the system's.
    pub ca_bundle: Option<PathBuf>,
    /// A proxy for everything that `NO_PROXY` does not except, instead of the environment's.
    pub proxy: Option<String>,
    /// How long to wait for a connection, for an answer, or for more of it.
    pub timeout: Duration,
}

impl Settings {
    /// What the environment says.
    #[must_use]
    pub fn from_env() -> Settings {
        let bundle = ["PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"]
            .into_iter()
            .find_map(|name| env::var_os(name).filter(|value| !value.is_empty()));
        Settings {
            ca_bundle: bundle.map(PathBuf::from),
            proxy: None,
            timeout: Duration::from_secs(30),
        }
    }
}

/// A request failed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HttpError {
    /// The certificates to trust cannot be used.
    #[error("cannot read certificates from `{}`", path.display())]
    CaBundle {
        /// The bundle.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// The proxy is none.
    #[error("the proxy in the settings of pip is not a URL")]
    Proxy,
    /// There can be no client.
    #[error("cannot set up HTTPS")]
    Setup(#[source] reqwest::Error),
    /// Not a URL of the web.
    #[error("`{0}` is not an http or https URL")]
    NotAUrl(String),
    /// The server was not reached, or did not answer in the language of the web.
    #[error("cannot reach {url}")]
    Unreachable {
        /// The URL, without credentials.
        url: String,
        /// What is wrong.
        source: reqwest::Error,
    },
    /// The server took too long.
    #[error("{0} did not answer in time")]
    Timeout(String),
    /// The server refused.
    #[error("{url} answered {status}")]
    Status {
        /// The URL, without credentials.
        url: String,
        /// The status code.
        status: StatusCode,
    },
    /// A redirect leads nowhere that may be followed.
    #[error("{url} redirects {problem}")]
    Redirect {
        /// The URL, without credentials.
        url: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// The answer broke off.
    #[error("the answer from {url} was cut short")]
    Interrupted {
        /// The URL, without credentials.
        url: String,
        /// What is wrong.
        source: io::Error,
    },
    /// The answer is longer than any right one.
    #[error("the answer from {url} is longer than {limit} bytes")]
    TooLong {
        /// The URL, without credentials.
        url: String,
        /// The limit in bytes.
        limit: u64,
    },
}

impl HttpError {
    /// Whether the server says that there is no such thing.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, HttpError::Status { status, .. } if *status == StatusCode::NOT_FOUND || *status == StatusCode::GONE)
    }

    /// Whether the same request may well succeed later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        match self {
            HttpError::Unreachable { .. }
            | HttpError::Timeout(_)
            | HttpError::Interrupted { .. } => true,
            HttpError::Status { status, .. } => may_pass(status.as_u16()),
            _ => false,
        }
    }
}

/// Too many requests, or a server in trouble.
fn may_pass(status: u16) -> bool {
    status == 429 || (500..600).contains(&status)
}

/// One request, as it is: nothing of netrc is added, no redirect followed, and the address is told
/// without what stands behind `?`, which may be a key to it.
#[derive(Debug)]
pub struct Call<'a> {
    /// The method.
    pub method: &'static str,
    /// The URL.
    pub url: &'a Url,
    /// Names and values. They are not shown.
    pub headers: &'a [(&'a str, &'a str)],
    /// What is sent.
    pub body: Body<'a>,
    /// For sending and the begin of the answer, instead of the settings'.
    pub timeout: Option<Duration>,
    /// How many bytes the answer may have.
    pub limit: u64,
}

/// What is sent.
#[derive(Debug, Clone, Copy)]
pub enum Body<'a> {
    /// Nothing.
    Empty,
    /// Bytes.
    Bytes(&'a [u8]),
    /// A file of so many bytes, from its start.
    File(&'a File, u64),
}

/// The answer to a [`Call`], whatever it says.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// All of it.
    pub body: Vec<u8>,
}

impl Reply {
    /// Whether the server did what it was asked.
    #[must_use]
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// Whether the same request may well succeed later.
    #[must_use]
    pub fn may_pass(&self) -> bool {
        may_pass(self.status)
    }
}

/// User name and password for one server.
#[derive(Clone)]
pub struct Login {
    origin: url::Origin,
    user: String,
    password: String,
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// Reads a URL. User name and password in it become a login, and the URL goes without them from
/// then on.
///
/// # Errors
/// The text is not a URL of a scheme that we speak.
pub fn parse(text: &str) -> Result<(Url, Option<Login>), HttpError> {
    let not_a_url = || HttpError::NotAUrl(without_login(text));
    let mut url = Url::parse(text).map_err(|_| not_a_url())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(not_a_url());
    }
    let decode = |text: &str| decoded(text).ok_or_else(not_a_url);
    let login = match (url.username(), url.password()) {
        ("", None) => None,
        (user, password) => Some(Login {
            origin: url.origin(),
            user: decode(user)?,
            password: decode(password.unwrap_or_default())?,
        }),
    };
    strip(&mut url);
    Ok((url, login))
}

fn strip(url: &mut Url) {
    // These fail for URLs that cannot have a login, which then have none.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

/// A URL without what may be a secret: name and password, query, fragment. A text that is none, or
/// has no server, is not shown at all: a login without a scheme looks like that.
#[must_use]
pub fn shown(text: &str) -> String {
    let url = Url::parse(text).ok().filter(Url::has_host);
    let Some(mut url) = url else {
        return "a malformed address".to_owned();
    };
    strip(&mut url);
    if url.query().is_some() {
        url.set_query(Some("..."));
    }
    if url.fragment().is_some() {
        url.set_fragment(Some("..."));
    }
    url.to_string()
}

/// For a text that may be no URL at all: nothing of what stands before an `@` may be shown.
fn without_login(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((_, rest)) => format!("...@{rest}"),
        None => text.to_owned(),
    }
}

/// Undoes `%41`; `None` for an escape that is not one, and for what is not UTF-8.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first != b'%' {
            bytes.push(first);
            continue;
        }
        let (digits, after) = after.split_first_chunk::<2>()?;
        // `from_str_radix` takes a sign, too.
        let digits = str::from_utf8(digits)
            .ok()
            .filter(|_| digits.iter().all(u8::is_ascii_hexdigit))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

/// The last part of a URL's path, decoded: a file name, without directories on any system.
#[must_use]
pub fn file_name(url: &Url) -> Option<String> {
    decoded(url.path_segments()?.next_back()?)
        .filter(|name| !name.is_empty() && !name.contains(['/', '\\', '\0']))
}

/// Asks servers.
#[derive(Debug)]
pub struct Client {
    inner: reqwest::blocking::Client,
    patience: Duration,
    netrc: Netrc,
}

impl Client {
    /// A client with these settings.
    ///
    /// # Errors
    /// A proxy or a certificate file in the settings cannot be used.
    pub fn new(settings: &Settings) -> Result<Client, HttpError> {
        let mut builder = reqwest::blocking::Client::builder()
            .user_agent(concat!("oxidize-inject/", env!("CARGO_PKG_VERSION")))
            .redirect(Policy::none())
            .referer(false)
            .connect_timeout(settings.timeout)
            .timeout(settings.timeout);
        if let Some(path) = &settings.ca_bundle {
            builder = builder.tls_built_in_root_certs(false);
            for certificate in certificates(path)? {
                builder = builder.add_root_certificate(certificate);
            }
        }
        if let Some(proxy) = &settings.proxy {
            let proxy = Proxy::all(proxy).map_err(|_| HttpError::Proxy)?;
            builder = builder.proxy(proxy.no_proxy(NoProxy::from_env()));
        }
        Ok(Client {
            inner: builder
                .build()
                .map_err(|error| HttpError::Setup(error.without_url()))?,
            patience: settings.timeout,
            netrc: Netrc::load(),
        })
    }

    /// Fetches.
    ///
    /// # Errors
    /// The server cannot be reached or does not answer with success.
    pub fn get(&self, url: &Url, accept: &str, login: Option<&Login>) -> Result<Answer, HttpError> {
        let request = |url: &Url| self.inner.get(url.clone()).header(ACCEPT, accept);
        self.follow(url, login, &request)
    }

    /// Sends `body` and gives the whole answer, which may have `limit` bytes.
    ///
    /// # Errors
    /// The server cannot be reached or does not answer with success, or the answer is longer.
    pub fn post(
        &self,
        url: &str,
        content_type: &str,
        accept: &str,
        body: &[u8],
        limit: u64,
    ) -> Result<Vec<u8>, HttpError> {
        let (url, login) = parse(url)?;
        let request = |url: &Url| {
            self.inner
                .post(url.clone())
                .header(CONTENT_TYPE, content_type)
                .header(ACCEPT, accept)
                .body(body.to_vec())
        };
        self.follow(&url, login.as_ref(), &request)?.bytes(limit)
    }

    /// Sends one request.
    ///
    /// # Errors
    /// The server cannot be reached, or does not answer in HTTP.
    pub fn call(&self, call: &Call<'_>) -> Result<Reply, HttpError> {
        let mut shown = call.url.clone();
        strip(&mut shown);
        shown.set_query(None);
        let broken = |source| HttpError::Interrupted {
            url: shown.to_string(),
            source,
        };
        let method = Method::from_bytes(call.method.as_bytes()).expect("a method's name");
        let mut request = self.inner.request(method, call.url.clone());
        for (name, value) in call.headers {
            request = request.header(*name, *value);
        }
        if let Some(timeout) = call.timeout {
            request = request.timeout(timeout);
        }
        request = match call.body {
            Body::Empty => request,
            Body::Bytes(bytes) => request.body(bytes.to_vec()),
            Body::File(file, len) => {
                let mut file = file.try_clone().map_err(broken)?;
                file.seek(SeekFrom::Start(0)).map_err(broken)?;
                request.body(reqwest::blocking::Body::sized(file, len))
            }
        };
        let response = request.send().map_err(|source| match source {
            error if error.is_timeout() => HttpError::Timeout(shown.to_string()),
            error => HttpError::Unreachable {
                url: shown.to_string(),
                source: error.without_url(),
            },
        })?;
        let status = response.status().as_u16();
        let answer = Answer {
            url: shown.clone(),
            response,
            pace: Pace::new(self.patience),
        };
        Ok(Reply {
            status,
            body: answer.bytes(call.limit)?,
        })
    }

    fn follow(
        &self,
        url: &Url,
        login: Option<&Login>,
        request: &dyn Fn(&Url) -> RequestBuilder,
    ) -> Result<Answer, HttpError> {
        let mut url = url.clone();
        strip(&mut url);
        for _ in 0..=REDIRECTS {
            let mut builder = request(&url);
            if let Some(login) = login.filter(|login| login.origin == url.origin()) {
                builder = builder.basic_auth(&login.user, Some(&login.password));
            } else if let Some((user, password)) =
                self.netrc.find(url.host_str().unwrap_or_default())
            {
                builder = builder.basic_auth(user, Some(password));
            }
            let shown = || url.to_string();
            let response = builder.send().map_err(|source| match source {
                error if error.is_timeout() => HttpError::Timeout(shown()),
                error => HttpError::Unreachable {
                    url: shown(),
                    source: error.without_url(),
                },
            })?;
            let status = response.status();
            if status.is_success() {
                return Ok(Answer {
                    url,
                    response,
                    pace: Pace::new(self.patience),
                });
            }
            let target = response
                .headers()
                .get(LOCATION)
                .filter(|_| status.is_redirection());
            let Some(target) = target else {
                return Err(HttpError::Status {
                    url: shown(),
                    status,
                });
            };
            let refused = |problem| HttpError::Redirect {
                url: shown(),
                problem,
            };
            let mut next = target
                .to_str()
                .ok()
                .and_then(|target| url.join(target).ok())
                .filter(|next| matches!(next.scheme(), "http" | "https"))
                .ok_or_else(|| refused("to something that is not a URL"))?;
            if url.scheme() == "https" && next.scheme() == "http" {
                return Err(refused("from https to http"));
            }
            strip(&mut next);
            url = next;
        }
        Err(HttpError::Redirect {
            url: url.to_string(),
            problem: "without end",
        })
    }
}

fn certificates(path: &Path) -> Result<Vec<Certificate>, HttpError> {
    let failed = |source| HttpError::CaBundle {
        path: path.to_owned(),
        source,
    };
    let bytes = regular::read(path, regular::MOST_TEXT).map_err(failed)?;
    let found =
        Certificate::from_pem_bundle(&bytes).map_err(|error| failed(io::Error::other(error)))?;
    if found.is_empty() {
        return Err(failed(io::Error::other("there is no certificate in it")));
    }
    Ok(found)
}

/// An answer, read as it arrives.
#[derive(Debug)]
pub struct Answer {
    url: Url,
    response: Response,
    pace: Pace,
}

impl Answer {
    /// Where it came from in the end.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Its length in bytes, if the server tells.
    #[must_use]
    pub fn content_length(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// Its media type, without parameters.
    #[must_use]
    pub fn media_type(&self) -> String {
        let value = self.response.headers().get(CONTENT_TYPE);
        let value = value
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let kind = value.split(';').next().unwrap_or_default();
        kind.trim().to_ascii_lowercase()
    }

    /// All of it, at most `limit` bytes.
    ///
    /// # Errors
    /// The connection breaks off, or the answer is longer.
    pub fn bytes(mut self, limit: u64) -> Result<Vec<u8>, HttpError> {
        let mut bytes = Vec::new();
        let read = (&mut self)
            .take(limit.saturating_add(1))
            .read_to_end(&mut bytes);
        read.map_err(|source| self.interrupted(source))?;
        if bytes.len() as u64 > limit {
            return Err(HttpError::TooLong {
                url: self.url.to_string(),
                limit,
            });
        }
        Ok(bytes)
    }

    /// What an error of reading means.
    #[must_use]
    pub fn interrupted(&self, source: io::Error) -> HttpError {
        HttpError::Interrupted {
            url: self.url.to_string(),
            source,
        }
    }
}

impl Read for Answer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.response.read(buffer)?;
        if count > 0 && !self.pace.advance(count) {
            return Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "less than 4 KiB a second arrived",
            ));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_leaves_the_url() {
        let (url, login) = parse("https://me:p%40ss@example.org/simple/").unwrap();
        assert_eq!(url.as_str(), "https://example.org/simple/");
        let login = login.unwrap();
        assert_eq!((&*login.user, &*login.password), ("me", "p@ss"));
        assert!(!format!("{login:?}").contains("p@ss"));
        assert!(parse("https://example.org").unwrap().1.is_none());
    }

    #[test]
    fn what_is_no_url_is_shown_without_a_password() {
        for text in [
            "ftp://me:secret@example.org/",
            "me:secret@example.org",
            "https://me:secret@",
        ] {
            let told = parse(text).unwrap_err().to_string();
            assert!(!told.contains("secret"), "{told}");
        }
    }

    #[test]
    fn an_answer_that_drips_for_ever_is_given_up() {
        let server = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", server.local_addr().unwrap());
        let drip = std::thread::spawn(move || {
            use std::io::Write;
            let (mut peer, _) = server.accept().unwrap();
            let _ = peer.read(&mut [0; 4096]);
            let mut sent = peer.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
            while sent.is_ok() {
                std::thread::sleep(Duration::from_millis(10));
                sent = peer.write_all(b".");
            }
        });
        let settings = Settings {
            ca_bundle: None,
            proxy: None,
            timeout: Duration::from_millis(500),
        };
        let client = Client::new(&settings).unwrap();
        let answer = client.get(&Url::parse(&url).unwrap(), "*/*", None).unwrap();
        assert!(matches!(
            answer.bytes(1 << 20),
            Err(HttpError::Interrupted { .. })
        ));
        drip.join().unwrap();
    }

    #[test]
    fn file_names_are_decoded() {
        let name = |url| file_name(&Url::parse(url).unwrap());
        assert_eq!(
            name("http://h/a/b%2B1.whl#sha256=00").as_deref(),
            Some("b+1.whl")
        );
        assert_eq!(name("http://h/a/"), None);
        assert_eq!(name("http://h/%zz"), None);
        assert_eq!(name("http://h/%+1"), None);
        assert_eq!(name("http://h/a%2Fb.whl"), None);
    }
}
