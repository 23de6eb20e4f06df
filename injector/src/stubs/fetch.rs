//! Getting a stub that is not available locally: from directories, then from an index.

use std::cell::OnceCell;
use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use oxidize_format::Target;
use sha2::{Digest, Sha256};

use super::listed::{Listed, Trusted};
use super::manifest::{Manifest, Sha256Sum};
use super::pip;
use super::store::{Bundle, Source, Store};
use super::wheel::{self, Wheel};
use super::{Sources, StubError, index};
use crate::http::HttpError;
use crate::http::{self, Client, Login, Settings, Url};
use crate::progress::Progress;
use crate::regular;

/// No wheel of a stub that is not listed is longer, in bytes.
const MAX_UNLISTED: u64 = 1 << 30;

/// A stub that was fetched.
#[derive(Debug)]
pub struct Fetched {
    /// The stub, in the store.
    pub bundle: Bundle,
    /// Where it was: a path, or a URL without credentials.
    pub origin: String,
}

/// Fetches stubs into a store.
#[derive(Debug)]
pub struct Fetcher<'f> {
    store: &'f Store,
    listed: &'f Listed,
    sources: &'f Sources,
    progress: &'f dyn Progress,
    index: OnceCell<Index>,
}

#[derive(Debug)]
struct Index {
    client: Client,
    url: Url,
    login: Option<Login>,
}

impl<'f> Fetcher<'f> {
    /// A fetcher that trusts this list.
    #[must_use]
    pub fn new(
        store: &'f Store,
        listed: &'f Listed,
        sources: &'f Sources,
        progress: &'f dyn Progress,
    ) -> Fetcher<'f> {
        Fetcher {
            store,
            listed,
            sources,
            progress,
            index: OnceCell::new(),
        }
    }

    /// The stub for `target` from the first place that has the right one. `None` when no stub for
    /// it could be accepted, so that nobody was asked.
    ///
    /// # Errors
    /// A place cannot be reached, or what it has is damaged or not listed.
    pub fn fetch(&self, target: Target) -> Result<Option<Fetched>, StubError> {
        let trusted = self.listed.find(target);
        let name = match trusted {
            Some(trusted) => trusted.wheel.clone(),
            None if !self.sources.allow_unlisted => return Ok(None),
            None => wheel::file_name(&self.listed.version, target),
        };
        // What a directory offers may be refused, and the next place may still have the right file.
        let mut refused = None;
        for directory in &self.sources.find_links {
            let path = directory.join(&name);
            match regular::open(&path) {
                Ok(file) => match self.take(file, &path.display().to_string(), target) {
                    Ok(fetched) => return Ok(Some(fetched)),
                    Err(error) => drop(refused.get_or_insert(error)),
                },
                Err(error) if error.kind() == io::ErrorKind::NotFound && directory.is_dir() => {}
                Err(source) => return Err(StubError::FindLinks { path, source }),
            }
        }
        let result = match (self.sources.offline, refused) {
            (true, Some(refused)) => Err(refused),
            (true, None) => Err(StubError::Offline(target)),
            (false, refused) => self
                .ask_index(&name, target, trusted)
                .map_err(|error| refused.unwrap_or(error)),
        };
        result.map(Some)
    }

    /// Adds the stub in a wheel, or in a directory with a manifest, whatever its target.
    ///
    /// # Errors
    /// The stub cannot be read, is damaged or not listed, or cannot be written into the cache.
    pub fn import(&self, path: &Path) -> Result<Bundle, StubError> {
        let origin = path.display().to_string();
        let unreadable = |source| StubError::Unreadable {
            origin: origin.clone(),
            source,
        };
        let mut source = if path.is_dir() {
            Source::Directory(path.to_owned())
        } else {
            Source::Wheel(
                Wheel::open(regular::open(path).map_err(unreadable)?).map_err(unreadable)?,
            )
        };
        self.add(&mut source, &origin, None)
    }

    fn take(&self, file: File, origin: &str, target: Target) -> Result<Fetched, StubError> {
        let wheel = Wheel::open(file).map_err(|source| StubError::Unreadable {
            origin: origin.to_owned(),
            source,
        })?;
        let bundle = self.add(&mut Source::Wheel(wheel), origin, Some(target))?;
        Ok(Fetched {
            bundle,
            origin: origin.to_owned(),
        })
    }

    fn add(
        &self,
        source: &mut Source,
        origin: &str,
        target: Option<Target>,
    ) -> Result<Bundle, StubError> {
        let accept = |manifest: &Manifest, digest: Sha256Sum| {
            if let Some(wanted) = target.filter(|target| target.triple() != manifest.target) {
                return Err(StubError::OtherTarget {
                    path: PathBuf::from(origin),
                    found: manifest.target.clone(),
                    wanted,
                });
            }
            if self.sources.allow_unlisted || self.listed.trusts(digest) {
                return Ok(());
            }
            Err(StubError::NotListed {
                origin: origin.to_owned(),
                target: manifest.target.clone(),
            })
        };
        self.store.add(source, origin, accept, self.progress)
    }

    fn index(&self) -> Result<&Index, StubError> {
        if let Some(index) = self.index.get() {
            return Ok(index);
        }
        let pip = pip::Config::load();
        let mut settings = Settings::from_env();
        settings.ca_bundle = settings.ca_bundle.or(pip.cert);
        settings.proxy = pip.proxy;
        let url = match &self.sources.index_url {
            Some(url) => url.clone(),
            None if pip.no_index => return Err(StubError::NoIndex),
            None => pip.index_url,
        };
        let (mut url, login) = http::parse(&url)?;
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        let client = Client::new(&settings)?;
        Ok(self.index.get_or_init(|| Index { client, url, login }))
    }

    fn ask_index(
        &self,
        name: &str,
        target: Target,
        trusted: Option<&Trusted>,
    ) -> Result<Fetched, StubError> {
        let Index { client, url, login } = self.index()?;
        let missing = || StubError::NotOnIndex {
            wheel: name.to_owned(),
            index: url.to_string(),
        };
        self.progress.start("Asking", 0);
        let page = url
            .join(&format!("{}/", wheel::PROJECT))
            .map_err(|_| missing())?;
        let answer = match client.get(&page, index::ACCEPT, login.as_ref()) {
            Err(error) if error.is_not_found() => return Err(missing()),
            answer => answer?,
        };
        let (kind, base) = (answer.media_type(), answer.url().clone());
        let page = answer.bytes(index::MAX_PAGE)?;
        let mut links = index::links(&page, &kind, &base).map_err(|problem| StubError::Page {
            url: base.to_string(),
            problem,
        })?;
        let link = links.find(|link| link.name == name).ok_or_else(missing)?;

        let limit = trusted.map_or(MAX_UNLISTED, |trusted| trusted.size + wheel::OVERHEAD);
        let answer = client.get(&link.url, "*/*", login.as_ref())?;
        let origin = answer.url().to_string();
        let mut file = self.store.unnamed()?;
        let found = self.download(answer, &mut file, limit)?;
        if link.sha256.is_some_and(|sum| sum != found) {
            return Err(StubError::NotWhatTheIndexSays(origin));
        }
        self.take(file, &origin, target)
    }

    /// Copies an answer into a file and rewinds it. Tells its digest.
    fn download(
        &self,
        mut answer: http::Answer,
        file: &mut File,
        limit: u64,
    ) -> Result<Sha256Sum, StubError> {
        let expected = answer.content_length();
        self.progress.start("Fetching", expected.unwrap_or(0));
        let uncached = |source| self.store.unusable(source);
        let mut hasher = Sha256::new();
        let mut buffer = vec![0; 1 << 16];
        let mut length = 0;
        loop {
            let count = match answer.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(answer.interrupted(error).into()),
            };
            length += count as u64;
            if length > limit {
                return Err(HttpError::TooLong {
                    url: answer.url().to_string(),
                    limit,
                }
                .into());
            }
            hasher.update(&buffer[..count]);
            file.write_all(&buffer[..count]).map_err(uncached)?;
            self.progress.advance(count as u64);
        }
        if expected.is_some_and(|expected| expected != length) {
            return Err(answer
                .interrupted(io::ErrorKind::UnexpectedEof.into())
                .into());
        }
        file.rewind().map_err(uncached)?;
        Ok(Sha256Sum::finish(hasher))
    }
}
