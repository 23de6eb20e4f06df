//! `oxidize-inject stubs`.

use std::env;
use std::path::Path;

use oxidize_format::target::{Target, UnknownTarget};
use serde_json::{Value, json};

use super::args::{self, FetchStubs, ImportStubs, PathOfStub, PruneStubs, Stubs};
use super::bar::Bar;
use super::common::{Common, Format};
use super::failure::Failure;
use super::hint::Hint;
use super::{print, say, text};
use oxidize_inject::internal::cache::Cache;
use oxidize_inject::internal::stubs::store::Bundle;
use oxidize_inject::internal::stubs::{self, Finder, Origin, Sources, StubError};

pub(super) fn stubs(command: &Stubs) -> Result<(), Failure> {
    match command {
        Stubs::List(args) => list(&args.common),
        Stubs::Fetch(args) => fetch(args),
        Stubs::Import(args) => import(args),
        Stubs::Path(args) => path(args),
        Stubs::Verify(args) => verify(&args.common),
        Stubs::Prune(args) => prune(args),
    }
}

/// The options, completed from the environment.
pub(super) fn sources(args: &args::Sources) -> Sources {
    let from_env = || {
        env::var("OXIDIZE_INDEX_URL")
            .ok()
            .filter(|url| !url.is_empty())
    };
    Sources {
        find_links: args.find_links.clone(),
        index_url: args.index_url.clone().or_else(from_env),
        offline: args.offline,
        allow_unlisted: args.allow_unlisted_stub,
    }
}

fn failed(what: impl Into<String>, error: &StubError) -> Failure {
    Failure::because(what, error).hint(error.hint())
}

fn cache() -> Result<Cache, Failure> {
    Cache::open().map_err(|error| Failure::because("cannot use the cache directory", &error))
}

/// Runs `work` with a finder that has these sources.
fn with<T>(
    sources: &Sources,
    common: &Common,
    work: impl FnOnce(&Finder<'_>) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let progress = Bar::unless(common.quiet);
    let result = work(&Finder::new(&cache()?, sources, &progress));
    progress.finish();
    result
}

fn list(common: &Common) -> Result<(), Failure> {
    let rows = with(&Sources::default(), common, |finder| {
        let unreadable = |error: StubError| failed("cannot list the stubs", &error);
        let mut rows = Vec::new();
        for target in Target::ALL {
            let published = finder.listed().find(target).is_some();
            let row = match finder.local(target) {
                Ok(Some(stub)) => {
                    let state = if stub.origin == Origin::Beside {
                        "beside"
                    } else {
                        "cached"
                    };
                    (state, Some(stub.path))
                }
                Ok(None) if published => ("published", None),
                Ok(None) => ("absent", None),
                Err(_) => ("damaged", None),
            };
            rows.push((target.triple().to_owned(), row.0, row.1));
        }
        for entry in finder.store().entries().map_err(unreadable)? {
            match entry.bundle {
                Ok(bundle) if finder.listed().trusts(bundle.digest) => {}
                Ok(bundle) => rows.push((
                    bundle.manifest.target.clone(),
                    "unlisted",
                    Some(bundle.program()),
                )),
                Err(_) => rows.push((String::new(), "damaged", Some(entry.directory))),
            }
        }
        Ok(rows)
    })?;
    if common.output_format == Format::Json {
        let rows: Vec<Value> = rows
            .iter()
            .map(|(target, state, path)| {
                let path = path.as_ref().map(|path| path.display().to_string());
                json!({ "target": target, "state": state, "path": path })
            })
            .collect();
        return print(&format!("{:#}\n", json!(rows)));
    }
    let mut table = String::new();
    for (target, state, path) in rows {
        let path = path.map(|path| path.display().to_string());
        let target = if target.is_empty() { "?" } else { &target };
        let line = format!("{target:28} {state:9} {}", path.unwrap_or_default());
        table.push_str(line.trim_end());
        table.push('\n');
    }
    print(&table)
}

fn tell(bundles: &[(Bundle, String)], common: &Common) -> Result<(), Failure> {
    if common.output_format == Format::Json {
        let list: Vec<Value> = bundles
            .iter()
            .map(|(bundle, origin)| {
                json!({
                    "target": bundle.manifest.target,
                    "version": bundle.manifest.version,
                    "sha256": bundle.manifest.program().sha256.to_string(),
                    "size": bundle.manifest.size(),
                    "path": bundle.program().display().to_string(),
                    "origin": origin,
                })
            })
            .collect();
        return print(&format!("{:#}\n", json!(list)));
    }
    if !common.quiet {
        for (bundle, origin) in bundles {
            let manifest = &bundle.manifest;
            say(&format!(
                "{}  {}  {origin}",
                manifest.target,
                text::size(manifest.size())
            ));
        }
    }
    Ok(())
}

fn fetch(args: &FetchStubs) -> Result<(), Failure> {
    let sources = sources(&args.sources);
    let fetched = with(&sources, &args.common, |finder| {
        let targets: Vec<String> = if args.all {
            finder
                .listed()
                .stubs
                .iter()
                .map(|stub| stub.target.clone())
                .collect()
        } else if args.targets.is_empty() {
            vec![stubs::host_target().triple().to_owned()]
        } else {
            args.targets.clone()
        };
        if targets.is_empty() {
            return Err(
                Failure::new("this version has no published stubs").hint(Some(
                    "make them: `cargo run --release -p oxidize-prebuilt -- stub --target TRIPLE`",
                )),
            );
        }
        let mut fetched = Vec::new();
        for target in &targets {
            let what = || format!("cannot fetch the stub for {target}");
            let target: Target = target
                .parse()
                .map_err(|error: UnknownTarget| failed(what(), &error.into()))?;
            let there = finder
                .cached(target)
                .map_err(|error| failed(what(), &error))?;
            if let Some(bundle) = there {
                fetched.push((bundle, "already in the cache".to_owned()));
                continue;
            }
            let new = finder
                .fetcher()
                .fetch(target)
                .map_err(|error| failed(what(), &error))?;
            let new = new.ok_or_else(|| failed(what(), &stubs::not_found(target)))?;
            fetched.push((new.bundle, new.origin));
        }
        Ok(fetched)
    })?;
    tell(&fetched, &args.common)
}

fn import(args: &ImportStubs) -> Result<(), Failure> {
    let sources = Sources {
        allow_unlisted: args.allow_unlisted_stub,
        ..Sources::default()
    };
    let imported = with(&sources, &args.common, |finder| {
        let import = |path: &Path| {
            let imported = finder.fetcher().import(path);
            imported.map_err(|error| failed(format!("cannot import `{}`", path.display()), &error))
        };
        let mut imported = Vec::new();
        for path in &args.files {
            imported.push((import(path)?, path.display().to_string()));
        }
        Ok(imported)
    })?;
    tell(&imported, &args.common)
}

fn path(args: &PathOfStub) -> Result<(), Failure> {
    let sources = Sources {
        allow_unlisted: args.allow_unlisted_stub,
        ..Sources::default()
    };
    let target = args.target.clone();
    let target = target.unwrap_or_else(|| stubs::host_target().triple().to_owned());
    let stub = with(&sources, &args.common, |finder| {
        let what = format!("no stub for {target} is available locally");
        let found = target.parse().map_err(StubError::Unsupported);
        match found.and_then(|target| finder.local(target)) {
            Ok(Some(stub)) => Ok(stub),
            Ok(None) => Err(Failure::new(what).hint(Some(format!(
                "`oxidize-inject stubs fetch {target}` fetches it"
            )))),
            Err(error) => Err(failed(what, &error)),
        }
    })?;
    let path = stub.path.display().to_string();
    if args.common.output_format == Format::Json {
        return print(&format!(
            "{:#}\n",
            json!({ "target": target, "path": path })
        ));
    }
    print(&format!("{path}\n"))
}

fn verify(common: &Common) -> Result<(), Failure> {
    let entries = with(&Sources::default(), common, |finder| {
        finder
            .store()
            .entries()
            .map_err(|error| failed("cannot verify the stubs", &error))
    })?;
    let mut damaged = 0;
    let mut rows = Vec::new();
    for entry in entries {
        let place = entry.directory.display().to_string();
        let problem = match entry.bundle.and_then(|bundle| bundle.verify()) {
            Ok(()) => None,
            Err(error) => {
                damaged += 1;
                Some(error.to_string())
            }
        };
        rows.push((place, problem));
    }
    if common.output_format == Format::Json {
        let rows: Vec<Value> = rows
            .iter()
            .map(|(place, problem)| json!({ "path": place, "ok": problem.is_none(), "problem": problem }))
            .collect();
        print(&format!("{:#}\n", json!(rows)))?;
    } else if !common.quiet {
        let lines: String = rows
            .iter()
            .map(|(place, problem)| match problem {
                None => format!("{place}: ok\n"),
                Some(problem) => format!("{problem}\n"),
            })
            .collect();
        print(&lines)?;
    }
    if damaged == 0 {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{damaged} of {} stubs in the cache are damaged",
        rows.len()
    ))
    .hint(Some(
        "`oxidize-inject stubs prune` removes them, and the next use fetches them again",
    )))
}

fn prune(args: &PruneStubs) -> Result<(), Failure> {
    let removed = with(&Sources::default(), &args.common, |finder| {
        let keep = |bundle: &Bundle| {
            !args.all && finder.listed().trusts(bundle.digest) && bundle.verify().is_ok()
        };
        let pruned = finder.store().prune(keep);
        pruned.map_err(|error| failed("cannot remove stubs", &error))
    })?;
    let removed: Vec<String> = removed
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    if args.common.output_format == Format::Json {
        return print(&format!("{:#}\n", json!({ "removed": removed })));
    }
    if !args.common.quiet {
        removed
            .iter()
            .for_each(|path| say(&format!("removed {path}")));
    }
    Ok(())
}
