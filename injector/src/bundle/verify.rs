//! Judging a signed bundle: its program's signature, the seal, and everything that the seal speaks
//! of.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use plist::{Dictionary, Value};

use super::layout::{self, Layout};
use super::rules::Rule;
use super::seal::{self, Hashes};
use super::tree::{self, MOST_LEVELS, What};
use super::{BundleError, code_hashes, is_code};
use crate::mmap::Map;
use crate::property_list;
use crate::sign::state::{self, State};

/// The longest seal that is read; bytes.
const LARGEST_SEAL: u64 = 256 << 20;

/// The state of a bundle's signature: its program's, if all else fits that.
///
/// # Errors
///
/// It is not a bundle, or something in it cannot be read.
pub fn verify(bundle: &Path) -> Result<State, BundleError> {
    judge(bundle, MOST_LEVELS)?.ok_or_else(|| BundleError::NotABundle(bundle.to_owned()))
}

fn judge(bundle: &Path, levels: u32) -> Result<Option<State>, BundleError> {
    let levels = layout::one_level_less(bundle, levels)?;
    let mut last = None;
    for layout in Layout::of(bundle)? {
        let Some(program) = &layout.program else {
            continue;
        };
        match layout::check_root(bundle) {
            Err(BundleError::Layout { path, problem }) => {
                let path = path.strip_prefix(bundle).unwrap_or(&path).display();
                return Ok(Some(State::Broken(format!("`{path}`: {problem}"))));
            }
            checked => checked?,
        }
        let state = judge_layout(&layout, program, levels)?;
        if matches!(state, State::Broken(_) | State::None) {
            return Ok(Some(state));
        }
        // What cannot be told of one version cannot be told of the bundle.
        if !matches!(last, Some(State::Unknown(..))) {
            last = Some(state);
        }
    }
    Ok(last)
}

fn judge_layout(layout: &Layout, program: &Path, levels: u32) -> Result<State, BundleError> {
    let read = |path: &Path| Map::open(path).map_err(|source| BundleError::read(path, source));
    let bytes = read(program)?;
    let state = state::of(&bytes).map_err(|source| BundleError::Sign {
        path: program.to_owned(),
        source,
    })?;
    if matches!(state, State::Broken(_) | State::None) {
        return Ok(state);
    }
    let broken = |problem: String| Ok(State::Broken(problem));
    let place = layout.base.join(seal::PLACE);
    let Ok(found) = fs::metadata(&place) else {
        return broken(
            "it is sealed by nothing: _CodeSignature/CodeResources is missing".to_owned(),
        );
    };
    if found.len() > LARGEST_SEAL {
        return broken("its seal is too long".to_owned());
    }
    let seal = read(&place)?;
    for (slot, content, what) in [
        (
            1,
            &layout.info[..],
            "Info.plist was changed after it was signed",
        ),
        (3, &seal[..], "the seal was changed after it was signed"),
    ] {
        if !state::seals(&bytes, slot, content) {
            return broken(what.to_owned());
        }
    }
    let list = property_list::read(&seal);
    let list = list.and_then(Value::into_dictionary).unwrap_or_default();
    let [_, (name, rules)] = layout.rules.lists();
    let own = list.get(name).and_then(Value::as_dictionary);
    if own.is_none_or(|own| sorted(own) != sorted(&rules)) {
        // What rules of its maker's own leave out cannot be told.
        let reason = "a seal with rules of its own".to_owned();
        return Ok(State::Unknown(state.signer().cloned(), reason));
    }
    let none = Dictionary::new();
    let files = list
        .get("files2")
        .and_then(Value::as_dictionary)
        .unwrap_or(&none);
    let mut unchecked = None;
    if let Some(problem) = compare(layout, files, levels, &mut unchecked)? {
        return broken(problem);
    }
    Ok(match (state, unchecked) {
        (State::Unknown(signer, reason), _) => State::Unknown(signer, reason),
        (state, Some(reason)) => State::Unknown(state.signer().cloned(), reason),
        (state, None) => state,
    })
}

fn sorted(rules: &Dictionary) -> Dictionary {
    let mut rules = rules.clone();
    rules.sort_keys();
    rules
}

/// The first thing that is not as the seal says; and what of the code inside cannot be checked.
fn compare(
    layout: &Layout,
    files: &Dictionary,
    levels: u32,
    unchecked: &mut Option<String>,
) -> Result<Option<String>, BundleError> {
    let mut seen = BTreeSet::new();
    for item in tree::list(layout)? {
        let rule = layout.rules.of(&item.path);
        if rule == Rule::Omitted || matches!(item.what, What::InnerBundle) {
            continue;
        }
        let path = &item.path;
        let Some(entry) = files.get(path) else {
            return Ok(Some(format!("`{path}` was added after it was signed")));
        };
        seen.insert(path.clone());
        let field = |name: &str| entry.as_dictionary().and_then(|entry| entry.get(name));
        let same = match &item.what {
            What::Link(target) => field("symlink").and_then(Value::as_string) == Some(target),
            What::Bundle => match judge(&item.on_disk, levels)? {
                Some(State::None) | None => return Ok(Some(format!("`{path}` is not signed"))),
                Some(State::Broken(problem)) => return Ok(Some(format!("in `{path}`: {problem}"))),
                Some(state) => {
                    note_unchecked(unchecked, path, &state);
                    let program = Layout::of(&item.on_disk)?
                        .pop()
                        .and_then(|layout| layout.program);
                    let hash = program.map(|program| hashes_of(&program)).transpose()?;
                    is_one_of(field("cdhash"), &hash.unwrap_or_default())
                }
            },
            What::InnerBundle => true,
            What::File => {
                let bytes = Map::open(&item.on_disk);
                let bytes = bytes.map_err(|source| BundleError::read(&item.on_disk, source))?;
                if rule == Rule::Nested && is_code(&bytes) {
                    match state::of(&bytes) {
                        Ok(State::Broken(problem)) => {
                            return Ok(Some(format!("in `{path}`: {problem}")));
                        }
                        Ok(State::None) | Err(_) => {
                            return Ok(Some(format!("`{path}` is not signed")));
                        }
                        Ok(state) => {
                            note_unchecked(unchecked, path, &state);
                            is_one_of(field("cdhash"), &code_hashes(&bytes))
                        }
                    }
                } else {
                    let hashes = Hashes::of(&bytes);
                    let hash = field("hash2").and_then(Value::as_data);
                    hash == Some(&hashes.sha256[..])
                }
            }
        };
        if !same {
            return Ok(Some(format!("`{path}` was changed after it was signed")));
        }
    }
    let is_optional = |entry: &Value| {
        let entry = entry.as_dictionary();
        entry
            .and_then(|entry| entry.get("optional"))
            .and_then(Value::as_boolean)
            == Some(true)
    };
    let missing = files
        .iter()
        .find(|(path, entry)| !seen.contains(*path) && !is_optional(entry));
    Ok(missing.map(|(path, _)| format!("`{path}` is missing")))
}

fn note_unchecked(unchecked: &mut Option<String>, path: &str, state: &State) {
    if let State::Unknown(_, reason) = state {
        unchecked.get_or_insert_with(|| format!("in `{path}`: {reason}"));
    }
}

fn hashes_of(program: &Path) -> Result<Vec<[u8; 20]>, BundleError> {
    let bytes = Map::open(program).map_err(|source| BundleError::read(program, source))?;
    Ok(code_hashes(&bytes))
}

fn is_one_of(stated: Option<&Value>, hashes: &[[u8; 20]]) -> bool {
    let stated = stated.and_then(Value::as_data);
    stated.is_some_and(|stated| hashes.iter().any(|hash| hash[..] == *stated))
}
