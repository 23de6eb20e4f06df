//! What packaging for one target works with: its stub, the standard library, and a compiler that
//! runs here.

use std::cell::OnceCell;

use oxidize_format::Target;

use super::{Fetch, Findings, PackageError, Warning};
use crate::cache::Cache;
use crate::collect::stdlib::Archive;
use crate::compile::library::LibraryCode;
use crate::compile::{Compiler, bootstrap};
use crate::pack::{self, Part};
use crate::progress::Progress;
use crate::python::Python;
use crate::stubs::StubError;
use crate::stubs::{self, Finder, Origin, Stub};

/// The tools for one target. The compiler is made when it is first needed, because that can take
/// long and most mistakes are found before.
pub(super) struct Toolchain<'c> {
    stub: &'c Stub,
    archives: Vec<Archive>,
    cache: &'c Cache,
    finder: &'c Finder<'c>,
    compiler: OnceCell<Compiler<'c>>,
    code: OnceCell<LibraryCode>,
}

impl<'c> Toolchain<'c> {
    /// The tools for this stub.
    ///
    /// # Errors
    /// The archives of the standard library cannot be read.
    pub(super) fn new(
        stub: &'c Stub,
        cache: &'c Cache,
        finder: &'c Finder<'c>,
    ) -> Result<Toolchain<'c>, PackageError> {
        Ok(Toolchain {
            stub,
            archives: archives(cache, stub)?,
            cache,
            finder,
            compiler: OnceCell::new(),
            code: OnceCell::new(),
        })
    }

    /// The stub that the program is made of.
    pub(super) fn stub(&self) -> &'c Stub {
        self.stub
    }

    /// What is packaged for.
    pub(super) fn target(&self) -> Target {
        self.stub.target
    }

    /// The Python in the stub.
    pub(super) fn python(&self) -> Python {
        self.stub.slot.python
    }

    /// The cache.
    pub(super) fn cache(&self) -> &'c Cache {
        self.cache
    }

    /// The archives of the standard library.
    pub(super) fn archives(&self) -> &[Archive] {
        &self.archives
    }

    /// The standard library with all its modules, uncompiled.
    pub(super) fn library(&self) -> Part<'_> {
        pack::stdlib(&self.archives, self.python(), self.stub.target)
    }

    /// All licence texts, each under its name.
    pub(super) fn licenses(&self) -> Option<Vec<u8>> {
        let mut texts = Vec::new();
        for archive in &self.archives {
            for member in archive.licenses() {
                texts.extend_from_slice(format!("==== {} ====\n\n", member.path).as_bytes());
                texts.extend_from_slice(archive.bytes(&member).trim_ascii_end());
                texts.extend_from_slice(b"\n\n");
            }
        }
        (!texts.is_empty()).then_some(texts)
    }

    /// The compiler: the host's stub, whatever the target, because bytecode is the same everywhere.
    ///
    /// # Errors
    /// There is no stub for the host, or the compiler cannot be made of it.
    pub(super) fn compiler(
        &self,
        findings: &mut Findings,
        progress: &dyn Progress,
    ) -> Result<&Compiler<'c>, PackageError> {
        if let Some(compiler) = self.compiler.get() {
            return Ok(compiler);
        }
        let host = self.host()?;
        if let Some(host) = &host {
            findings.note_origin(self.finder, host);
        }
        let host = host.as_ref().unwrap_or(self.stub);
        if host.slot.python != self.python() {
            return Err(PackageError::OtherPython {
                stub: self.stub.path.clone(),
                python: self.python().to_string(),
                host: host.slot.python.to_string(),
            });
        }
        let archives = archives(self.cache, host)?;
        let compiler = bootstrap::compiler(self.cache, host, &archives, progress)
            .map_err(PackageError::Bootstrap)?;
        Ok(self.compiler.get_or_init(|| compiler))
    }

    /// The host's stub; `None` if the target's own will do, because it is the host's or because it
    /// runs here and the host's would have to be fetched.
    fn host(&self) -> Result<Option<Stub>, StubError> {
        let target = stubs::host_target();
        if self.stub.target == target {
            return Ok(None);
        }
        let runs_here = Some(self.stub.target) == target.statically();
        match self.finder.local(target)? {
            None if !runs_here => self.finder.find(None, Some(target)).map(Some),
            host => Ok(host),
        }
    }

    /// Adds the code of its modules to the standard library's part, and its compressed sources.
    ///
    /// # Errors
    /// The library cannot be compiled.
    pub(super) fn compile_library<'t>(
        &'t self,
        library: &mut Part<'t>,
        level: u8,
        findings: &mut Findings,
        progress: &dyn Progress,
    ) -> Result<(), PackageError> {
        if self.code.get().is_none() {
            // All of it, whatever the application hides or uses: that is what the cache keeps.
            let code = LibraryCode::load(
                self.compiler(findings, progress)?,
                &self.archives,
                &self.library(),
                self.target(),
                level,
                progress,
            )?;
            self.code.get_or_init(|| code);
        }
        let code = self.code.get().map(LibraryCode::by_path);
        library.add_made(&code.unwrap_or_default());
        Ok(())
    }
}

/// The archives of a stub's standard library: what all targets have, and what is its own.
fn archives(cache: &Cache, stub: &Stub) -> Result<Vec<Archive>, PackageError> {
    let paths = std::iter::once(&stub.library).chain(&stub.platform);
    paths.map(|path| Ok(Archive::open(cache, path)?)).collect()
}

impl Findings {
    /// What the user should know about where a stub comes from.
    pub(super) fn note_origin(&mut self, finder: &Finder<'_>, stub: &Stub) {
        let known = match &stub.origin {
            Origin::Given => finder.lists(&stub.image),
            Origin::Beside => true,
            Origin::Stored { listed, .. } => *listed,
        };
        if !known {
            self.warnings.push(Warning::UnlistedStub(stub.path.clone()));
        }
        if let Origin::Stored {
            fetched: Some(origin),
            ..
        } = &stub.origin
        {
            self.fetched.push(Fetch {
                target: stub.target,
                origin: origin.clone(),
            });
        }
    }
}
