//! The signature of a Mach-O file with an identity, as Apple's `codesign` makes it; and ad hoc with
//! more than page hashes.
//!
//! A superblob with, in this order: the code directory (version 2.4, or 2.5 for the hardened
//! runtime), the requirements, the entitlements as property list and as DER, and the CMS signature
//! over the code directory. Hashes are SHA-256, which every system since 10.11.4 takes.
//!
//! The signature's length is in the load commands, the load commands are hashed, and the CMS
//! signature is over the hashes: its length has to be known before it exists. RSA signatures have
//! one length; for ECDSA and time stamps room is left, and what the superblob leaves of it are
//! zeros at the end of the file. Should a time stamp take more, all is done again with more room.
//!
//! Signed attributes besides those of every CMS signature: the time, and twice the hash of the code
//! directory, once cut to 20 bytes in a property list (1.2.840.113635.100.9.1), once whole
//! (1.2.840.113635.100.9.2).

use std::collections::BTreeMap;
use std::time::Duration;

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_DATA, ID_SIGNING_TIME};
use const_oid::db::rfc5912::ID_SHA_256;
use der::Encode;
use sha2::{Digest, Sha256};
use x509_cert::time::Time;

use super::super::cms::{self, Message};
use super::super::der::{OCTET_STRING, oid, seq, tlv};
use super::super::error::SignError;
use super::super::identity::Identity;
use super::super::{Edits, timestamp};
use super::entitlements::SLOT_ENTITLEMENTS;
use super::kept::Kept;
pub use super::options::{CodesignOptions, RUNTIME};
use super::requirements;
use crate::image::ImageError;
use crate::image::macho::adhoc::{ADHOC, CMS, CODE_DIRECTORY, PAGE, Pages, SHA256, SUPERBLOB};
use crate::image::macho::{EXECUTE, Image, Segment};
use crate::progress::Progress;
use crate::sign::SignOptions;

const ENTITLEMENTS: u32 = 0xfade_7171;
const ENTITLEMENTS_DER: u32 = 0xfade_7172;
/// Slots.
const SLOT_REQUIREMENTS: u32 = 2;
const SLOT_ENTITLEMENTS_DER: u32 = 7;
const SLOT_CMS: u32 = 0x1_0000;
const EMPTY_REQUIREMENTS: [u32; 3] = [0xfade_0c01, 12, 0];
const MAIN_BINARY: u64 = 1;

pub(in super::super) const CDHASHES: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113635.100.9.1");
pub(in super::super) const CDHASHES2: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113635.100.9.2");
/// `id-aa-timeStampToken`
pub(in super::super) const STAMP: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.14");

/// Room for a time stamp token with its certificates.
const STAMP_ROOM: u64 = 9000;
/// How much one token of a server may be longer than another.
const SPARE_ROOM: u64 = 512;

/// Whether a signature is made, or something of its length.
#[derive(Clone, Copy)]
enum Step<'p> {
    Measure,
    Sign(&'p dyn Progress),
}

const CODE_SIGNATURE: u32 = 0x1d;
const COMMAND: usize = 16;
const BUILD_VERSION: u32 = 0x32;
const VERSION_MIN: u32 = 0x24;

/// Signs a program.
pub(in super::super) fn sign(
    program: &[u8],
    identity: Option<&Identity>,
    options: &SignOptions,
    progress: &dyn Progress,
) -> Result<Edits, SignError> {
    let image = Image::parse_code(program)?.ok_or(SignError::NotSignable)?;
    let place = Place::find(&image)?;
    let kept = Kept::of(&image, &options.macos)?;
    let identifier = options.macos.identifier.clone();
    let identifier = identifier.or_else(|| kept.identifier.clone());
    let identifier = identifier.unwrap_or_else(|| options.macos.fallback.clone());
    if identifier.trim().is_empty() {
        return Err(SignError::NoIdentifier);
    }
    let identifier = identifier.replace('\0', "");
    let draft = Draft::new(&image, identifier, &kept, identity, options)?;
    let hashed = |head: &[u8], place: &Place| {
        let mut pages = Pages::new(place.limit);
        pages.update(head);
        pages.update(&program[head.len()..place.end]);
        pages.update(&vec![0; place.limit as usize - place.end]);
        pages.finish()
    };
    let mut room = draft.room(&place, identity, options, progress)?;
    // A time stamp that did not fit tells how much it takes; another may be a little longer.
    for _ in 0..3 {
        let mut head = program[..place.head].to_vec();
        place.write(&mut head, room);
        let superblob = draft.write(
            &place,
            &hashed(&head, &place),
            identity,
            options,
            Step::Sign(progress),
        )?;
        let len = superblob.len() as u64;
        if len > room {
            if identity.is_some_and(Identity::is_external) {
                let problem = "the time stamp is longer than the one before; try again";
                return Err(SignError::Key(problem.to_owned()));
            }
            room = (len + 256).next_multiple_of(16);
            continue;
        }
        return Ok(Edits {
            keep: place.end as u64,
            patches: vec![(0, head), (place.limit.into(), superblob)],
            len: u64::from(place.limit) + room,
        });
    }
    Err(SignError::Key(
        "the length of the signature keeps changing".to_owned(),
    ))
}

/// Where the signature goes, and the fields that say so.
struct Place {
    /// End of the load commands, one for the signature included.
    head: usize,
    /// The load command, and whether it is new.
    command: usize,
    is_new: bool,
    /// The segment command of `__LINKEDIT`, and where its bytes begin.
    linkedit: usize,
    linkedit_offset: u64,
    page: u64,
    /// End of what is signed, without the zeros up to a multiple of 16, and with them.
    end: usize,
    limit: u32,
}

impl Place {
    fn find(image: &Image<'_>) -> Result<Place, SignError> {
        let wrong = |at: usize, problem| ImageError::Malformed {
            structure: "segment command",
            offset: at as u64,
            problem,
        };
        let last = image.segments.last();
        let linkedit: &Segment<'_> = last
            .filter(|last| last.name == b"__LINKEDIT")
            .ok_or(SignError::Lacks("__LINKEDIT is not its last segment"))?;
        if linkedit.file_end() != image.bytes.len() as u64 {
            let problem = "the file does not end with __LINKEDIT";
            return Err(wrong(linkedit.command, problem).into());
        }
        let commands = image.commands.last().map_or(32, |last| last.at + last.size);
        let (command, head, end, is_new) = match image.signature()? {
            Some((command, range)) => {
                let inside = range.end == image.bytes.len()
                    && range.start as u64 >= linkedit.offset
                    && range.start >= commands;
                if !inside {
                    let problem = "the present signature is not the end of __LINKEDIT";
                    return Err(wrong(linkedit.command, problem).into());
                }
                (command, commands, range.start, false)
            }
            None => {
                // Linkers leave room between the load commands and the first section.
                let head = commands + COMMAND;
                let sections = image.segments.iter().flat_map(|segment| segment.sections);
                let offsets = sections.map(|section| section.offset.get(object::LittleEndian));
                let first = offsets.filter(|offset| *offset != 0).min();
                let free = image.bytes.get(commands..head);
                let free = free.is_some_and(|free| free.iter().all(|byte| *byte == 0))
                    && first.is_none_or(|first| head <= first as usize)
                    && head as u64 <= linkedit.offset;
                if !free {
                    return Err(SignError::Lacks(
                        "no room for the load command of a signature; link with -headerpad",
                    ));
                }
                (commands, head, image.bytes.len(), true)
            }
        };
        let limit = (end as u64).next_multiple_of(16);
        Ok(Place {
            head,
            command,
            is_new,
            linkedit: linkedit.command,
            linkedit_offset: linkedit.offset,
            page: image.page(),
            end,
            limit: i32::try_from(limit)
                .map_err(|_| ImageError::TooLarge("a Mach-O file ends at 2 GiB"))?
                .cast_unsigned(),
        })
    }

    /// Writes into the load commands that the signature takes `room` bytes.
    fn write(&self, head: &mut [u8], room: u64) {
        let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
        let data = [self.limit, room as u32];
        if self.is_new {
            let kind = [CODE_SIGNATURE, COMMAND as u32];
            put(self.command, &kind.map(u32::to_le_bytes).concat());
        }
        put(self.command + 8, &data.map(u32::to_le_bytes).concat());
        let size = u64::from(self.limit) + room - self.linkedit_offset;
        put(self.linkedit + 48, &size.to_le_bytes());
        let memory = size.next_multiple_of(self.page.max(0x4000));
        put(self.linkedit + 32, &memory.to_le_bytes());
        if self.is_new {
            for at in [16, 20] {
                let old = u32::from_le_bytes(head[at..at + 4].try_into().expect("four bytes"));
                let more = if at == 16 { 1 } else { COMMAND as u32 };
                head[at..at + 4].copy_from_slice(&(old + more).to_le_bytes());
            }
        }
    }
}

/// All of a signature but what depends on hashes.
struct Draft {
    identifier: String,
    team: Option<String>,
    flags: u32,
    executable: (u64, u64),
    executable_flags: u64,
    runtime: Option<u32>,
    /// Blobs by slot, with their headers.
    blobs: BTreeMap<u32, Vec<u8>>,
    /// Hashes of what has no blob.
    sealed: BTreeMap<u32, [u8; 32]>,
}

impl Draft {
    fn new(
        image: &Image<'_>,
        identifier: String,
        kept: &Kept,
        identity: Option<&Identity>,
        options: &SignOptions,
    ) -> Result<Draft, SignError> {
        let text = image.find_segment(b"__TEXT");
        let text = text.ok_or(SignError::Lacks("no segment named __TEXT"))?;
        let macos = &options.macos;
        let requirements = match identity {
            Some(identity) => requirements::designated(&identifier, identity)?,
            None => EMPTY_REQUIREMENTS.map(u32::to_be_bytes).concat(),
        };
        let mut blobs = BTreeMap::from([(SLOT_REQUIREMENTS, requirements)]);
        // What a library may do is its program's to say.
        let is_program = image.header.filetype.get(object::LittleEndian).0 == EXECUTE;
        let mut executable_flags = if is_program { MAIN_BINARY } else { 0 };
        if macos.entitlements.is_some() && !is_program {
            return Err(SignError::LibraryEntitlements);
        }
        let entitlements = macos.entitlements.as_ref().or(kept.entitlements.as_ref());
        if let Some(entitlements) = entitlements {
            let der = entitlements.der().map_err(SignError::Key)?;
            blobs.insert(SLOT_ENTITLEMENTS, blob(ENTITLEMENTS, &entitlements.xml));
            blobs.insert(SLOT_ENTITLEMENTS_DER, blob(ENTITLEMENTS_DER, &der));
            executable_flags |= entitlements.flags();
        }
        let adhoc = if identity.is_none() { ADHOC } else { 0 };
        let own = identity.and_then(requirements::team);
        if let (Some(asked), Some(own)) = (&macos.team, &own)
            && asked != own
        {
            return Err(SignError::Team {
                asked: asked.clone(),
                own: own.clone(),
            });
        }
        let team = macos.team.clone().or(own);
        let runtime = if macos.hardened_runtime { RUNTIME } else { 0 };
        let flags = adhoc | runtime | kept.flags;
        Ok(Draft {
            identifier,
            team: team.map(|team| team.replace('\0', "")),
            flags,
            executable: (text.offset, text.file_size),
            executable_flags,
            runtime: (flags & RUNTIME != 0).then(|| sdk(image)),
            blobs,
            sealed: macos.sealed.clone(),
        })
    }

    /// How much the signature will take.
    fn room(
        &self,
        place: &Place,
        identity: Option<&Identity>,
        options: &SignOptions,
        progress: &dyn Progress,
    ) -> Result<u64, SignError> {
        let hashes = vec![0; u64::from(place.limit).div_ceil(PAGE) as usize * 32];
        let len = self.write(place, &hashes, identity, options, Step::Measure)?;
        let len = len.len() as u64;
        let stamp = match identity {
            // A signer outside is asked once, so the room has to suffice.
            Some(identity) if identity.is_external() => {
                let token = timestamp::fetch(&options.timestamp_urls, &[], progress)?;
                token.map_or(0, |token| token.len() as u64 + SPARE_ROOM)
            }
            _ if options.timestamp_urls.is_empty() => 0,
            _ => STAMP_ROOM,
        };
        Ok((len + stamp).next_multiple_of(16))
    }

    fn directory(&self, limit: u32, hashes: &[u8]) -> Vec<u8> {
        let header: u32 = if self.runtime.is_some() { 96 } else { 88 };
        let version = if self.runtime.is_some() {
            0x2_0500
        } else {
            0x2_0400
        };
        let slots = self.blobs.keys().chain(self.sealed.keys());
        let special = slots.copied().max().unwrap_or(0);
        let mut names = self.identifier.clone().into_bytes();
        names.push(0);
        let mut team_at = 0;
        if let Some(team) = &self.team {
            team_at = header + names.len() as u32;
            names.extend_from_slice(team.as_bytes());
            names.push(0);
        }
        let hashes_at = header + names.len() as u32 + 32 * special;
        let len = hashes_at + hashes.len() as u32;
        let mut out = Vec::with_capacity(len as usize);
        put(
            &mut out,
            &[CODE_DIRECTORY, len, version, self.flags, hashes_at, header],
        );
        put(&mut out, &[special, (hashes.len() / 32) as u32, limit]);
        out.extend_from_slice(&[32, SHA256, 0, PAGE.ilog2() as u8]);
        // Spare, scatter, team, spare, and the limit of files beyond 4 GiB.
        put(&mut out, &[0, 0, team_at, 0, 0, 0]);
        let (start, size) = self.executable;
        for value in [start, size, self.executable_flags] {
            out.extend_from_slice(&value.to_be_bytes());
        }
        if let Some(runtime) = self.runtime {
            put(&mut out, &[runtime, 0]);
        }
        out.extend_from_slice(&names);
        for slot in (1..=special).rev() {
            match self.blobs.get(&slot) {
                Some(blob) => out.extend_from_slice(&Sha256::digest(blob)),
                None => {
                    let sealed = self.sealed.get(&slot).copied();
                    out.extend_from_slice(&sealed.unwrap_or_default());
                }
            }
        }
        out.extend_from_slice(hashes);
        out
    }

    /// The superblob.
    fn write(
        &self,
        place: &Place,
        hashes: &[u8],
        identity: Option<&Identity>,
        options: &SignOptions,
        step: Step<'_>,
    ) -> Result<Vec<u8>, SignError> {
        let directory = self.directory(place.limit, hashes);
        let signature = match identity {
            Some(identity) => signature(&directory, identity, options, step)?,
            None => Vec::new(),
        };
        let cms = blob(CMS, &signature);
        let mut parts = vec![(0, &directory)];
        parts.extend(self.blobs.iter().map(|(slot, blob)| (*slot, blob)));
        parts.push((SLOT_CMS, &cms));
        let header = 12 + 8 * parts.len();
        let total = header + parts.iter().map(|(_, part)| part.len()).sum::<usize>();
        let mut out = Vec::with_capacity(total);
        put(&mut out, &[SUPERBLOB, total as u32, parts.len() as u32]);
        let mut at = header;
        for (slot, part) in &parts {
            put(&mut out, &[*slot, at as u32]);
            at += part.len();
        }
        out.extend(parts.into_iter().flat_map(|(_, part)| part.iter().copied()));
        Ok(out)
    }
}

/// The CMS signature over a code directory.
fn signature(
    directory: &[u8],
    identity: &Identity,
    options: &SignOptions,
    step: Step<'_>,
) -> Result<Vec<u8>, SignError> {
    let digest: [u8; 32] = Sha256::digest(directory).into();
    let hashes = plist::Value::Array(vec![plist::Value::Data(digest[..20].to_vec())]);
    let list = plist::Dictionary::from_iter([("cdhashes".to_owned(), hashes)]);
    let mut xml = Vec::new();
    plist::Value::from(list)
        .to_writer_xml(&mut xml)
        .map_err(|error| SignError::Key(error.to_string()))?;
    xml.push(b'\n'); // as Apple's writer ends
    let time = time(options.time)?;
    let attributes = vec![
        (ID_SIGNING_TIME, time.to_der()?),
        (CDHASHES, tlv(OCTET_STRING, &xml)),
        (
            CDHASHES2,
            seq(&[&oid(ID_SHA_256), &tlv(OCTET_STRING, &digest)]),
        ),
    ];
    let message = Message {
        kind: ID_DATA,
        content: None,
        signed: directory.to_vec(),
        attributes,
        stamp: STAMP,
    };
    match step {
        Step::Measure => {
            let key = |_: &[u8]| Ok(identity.placeholder());
            cms::sign(identity.signer(), message, key, |_| Ok(None))
        }
        Step::Sign(progress) => {
            let key = |message: &[u8]| identity.sign(message);
            cms::sign(identity.signer(), message, key, |signature| {
                timestamp::fetch(&options.timestamp_urls, signature, progress)
            })
        }
    }
}

/// Two digits for the year up to 2049, as X.509 has it.
fn time(seconds: u64) -> Result<Time, SignError> {
    let since = Duration::from_secs(seconds);
    let short = der::asn1::UtcTime::from_unix_duration(since).map(Time::UtcTime);
    Ok(short.or_else(|_| {
        der::asn1::GeneralizedTime::from_unix_duration(since).map(Time::GeneralTime)
    })?)
}

fn blob(magic: u32, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(8 + content.len());
    put(&mut out, &[magic, 8 + content.len() as u32]);
    out.extend_from_slice(content);
    out
}

fn put(out: &mut Vec<u8>, words: &[u32]) {
    out.extend(words.iter().flat_map(|word| word.to_be_bytes()));
}

/// The version of the system that the program was made for: the hardened runtime is the one of that
/// system.
fn sdk(image: &Image<'_>) -> u32 {
    let commands = image.commands.iter();
    let mut found = commands.filter_map(|command| match command.kind {
        BUILD_VERSION if command.size >= 20 => Some(image.word(command.at + 16)),
        VERSION_MIN if command.size >= 16 => Some(image.word(command.at + 12)),
        _ => None,
    });
    found.next_back().unwrap_or(11 << 16)
}
