//! Tickets, and stapling them to bundles.
//!
//! Apple publishes tickets in a public database of CloudKit, without authorization. A ticket's name
//! there is `2`, the kind of hash (1 for SHA-1, 2 for SHA-256) and the first 20 bytes of the hash
//! of the program's code directory. Stapling writes the ticket, as it is, to the file
//! `Contents/CodeResources` of a bundle. (Apple describes neither; this is what its `stapler`
//! does.)

use std::path::{Path, PathBuf};

use base64ct::{Base64, Encoding};
use oxidize_format::Hex;
use serde_json::{Value, json};

use super::error::NotaryError;
use super::{LARGEST, Server};
use crate::http::{self, Body, Call, Client};
use crate::image::macho::{Image, signature};
use crate::mmap::Map;
use crate::output::{self, mode::Mode};
use crate::property_list;
use crate::regular;

/// What a ticket begins with.
const MAGIC: &[u8] = b"s8ch";

/// The main program of a bundle.
///
/// # Errors
/// The bundle's `Info.plist` cannot be read or names no program.
pub fn program_of(bundle: &Path) -> Result<PathBuf, NotaryError> {
    let unusable = |problem| NotaryError::Bundle {
        path: bundle.to_owned(),
        problem,
    };
    let list = bundle.join("Contents/Info.plist");
    let list = regular::read(&list, regular::MOST_TEXT).ok();
    let list = list.and_then(|list| property_list::read(&list));
    let list = list.ok_or_else(|| unusable("its Contents/Info.plist cannot be read"))?;
    let name = list
        .as_dictionary()
        .and_then(|list| list.get("CFBundleExecutable"));
    let name = name.and_then(plist::Value::as_string);
    let name = name.ok_or_else(|| unusable("its Info.plist names no CFBundleExecutable"))?;
    // Nothing outside of the bundle.
    if name.is_empty() || name == ".." || name.contains(['/', '\\']) {
        return Err(unusable(
            "the CFBundleExecutable in its Info.plist is not a file name",
        ));
    }
    let program = bundle.join("Contents/MacOS").join(name);
    if program.is_file() {
        Ok(program)
    } else {
        Err(unusable(
            "the CFBundleExecutable of its Info.plist is not there",
        ))
    }
}

/// The names under which a program's tickets are found, one for each processor.
#[must_use]
pub fn names(program: &[u8]) -> Vec<String> {
    let name = |program: &&[u8]| {
        let (_, signature) = Image::parse(program).ok()??.signature().ok()??;
        let (kind, hash) = signature::code_hash(&program[signature])?;
        Some(format!("2/{kind}/{}", Hex(&hash)))
    };
    let programs = super::programs(program).unwrap_or_default();
    programs.iter().filter_map(name).collect()
}

/// Fetches the ticket for a bundle and puts it where macOS looks for it.
///
/// # Errors
/// There is no ticket yet, the service cannot be reached, or the file cannot be written.
pub fn staple(bundle: &Path, server: &Server) -> Result<(), NotaryError> {
    if bundle.is_file() {
        return Err(NotaryError::NoPlace(bundle.to_owned()));
    }
    let path = program_of(bundle)?;
    let program = Map::open(&path).map_err(|source| NotaryError::Read {
        path: path.clone(),
        source,
    })?;
    let names = names(&program);
    if names.is_empty() {
        let problem = "its program is not signed";
        return Err(NotaryError::NotReady { path, problem });
    }
    let ticket = fetch(&names, server)?.ok_or_else(|| NotaryError::NoTicket(bundle.to_owned()))?;
    let place = bundle.join("Contents/CodeResources");
    output::write_bytes(&place, Mode::data(), &ticket).map_err(NotaryError::Staple)
}

/// The first ticket that there is.
fn fetch(names: &[String], server: &Server) -> Result<Option<Vec<u8>>, NotaryError> {
    let records: Vec<Value> = names
        .iter()
        .map(|name| json!({ "recordName": name }))
        .collect();
    let body = json!({ "records": records }).to_string();
    let (url, _) = http::parse(&server.tickets)?;
    let client = Client::new(&http::Settings::from_env())?;
    let reply = client.call(&Call {
        method: "POST",
        url: &url,
        headers: &[
            ("accept", "application/json"),
            ("content-type", "application/json"),
        ],
        body: Body::Bytes(body.as_bytes()),
        timeout: None,
        limit: LARGEST,
    })?;
    if !reply.is_success() {
        return Err(super::refused(reply.status, &reply.body));
    }
    let answer: Value =
        serde_json::from_slice(&reply.body).map_err(|_| NotaryError::Answer("a ticket"))?;
    let records = answer["records"]
        .as_array()
        .ok_or(NotaryError::Answer("a ticket"))?;
    for record in records {
        let known = record["recordName"].as_str();
        if !known.is_some_and(|name| names.iter().any(|asked| asked == name)) {
            continue;
        }
        let Some(ticket) = record["fields"]["signedTicket"]["value"].as_str() else {
            continue;
        };
        let ticket = Base64::decode_vec(ticket).ok();
        let ticket = ticket.filter(|ticket| ticket.starts_with(MAGIC));
        return ticket.map(Some).ok_or(NotaryError::Answer("a ticket"));
    }
    Ok(None)
}
