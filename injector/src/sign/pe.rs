//! Authenticode: the signature of a Windows program.
//!
//! It is appended to the file at a multiple of 8 as a `WIN_CERTIFICATE` (revision 2, kind 2), the
//! last data directory but one names its place, and the checksum is computed again. What is signed
//! is the digest of everything but the checksum, that data directory, and the signature itself; the
//! crate `authenticode` computes it.
//!
//! The signature is CMS signed data whose content is a `SpcIndirectDataContent`: a constant that
//! says "PE image", and the digest, by the same hash as the signature's ("Windows Authenticode
//! Portable Executable Signature Format" wants that). The content stands in the signed data as the
//! SEQUENCE it is and not inside an OCTET STRING, as PKCS#7 had it, and its digest leaves out the
//! SEQUENCE's own tag and length. Signed attributes besides: who publishes the program
//! (`SpcSpOpusInfo`), and that it is signed for somebody in person (`SpcStatementType`). There is
//! no signing time in it: a time stamp says that with more weight, and without one the same input
//! gives the same bytes.
//!
//! The constant has room for hashes of the program's pages, by which Windows can check a page when
//! it reads it: a table of file offsets and SHA-256 digests, the headers' first (without what is
//! not signed either), then those of every section, each as if zeros filled its page; at the end
//! the offset where the last section ends, and no digest.

use std::ops::Range;

use authenticode::{PeOffsetError, PeOffsets, PeTrait, authenticode_digest};
use const_oid::ObjectIdentifier;
use object::LittleEndian as Le;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};

use super::cms::{self, Message};
use super::der::{self, context, context_primitive, oid, seq, split, tlv};
use super::error::SignError;
use super::identity::Identity;
use super::key::Hash;
use super::{Edits, timestamp};
use crate::image::ImageError;
use crate::image::pe::checksum::Checksum;
use crate::image::pe::{CERTIFICATES, Image};
use crate::progress::Progress;
use crate::sign::SignOptions;

/// What only Windows has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuthenticodeOptions {
    /// The name of the program that Windows shows when it asks for an administrator's rights.
    pub program_name: Option<String>,
    /// Where to read more about it.
    pub program_url: Option<String>,
    /// Whether the signature holds a hash of each page, too.
    pub page_hashes: bool,
}

const fn spc(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

pub(super) const INDIRECT_DATA: ObjectIdentifier = spc("1.3.6.1.4.1.311.2.1.4");
const STATEMENT_TYPE: ObjectIdentifier = spc("1.3.6.1.4.1.311.2.1.11");
const OPUS_INFO: ObjectIdentifier = spc("1.3.6.1.4.1.311.2.1.12");
const PE_IMAGE_DATA: ObjectIdentifier = spc("1.3.6.1.4.1.311.2.1.15");
const PAGE_HASHES: ObjectIdentifier = spc("1.3.6.1.4.1.311.2.3.2");
/// The class of the object that page hashes are.
const PAGE_HASHES_CLASS: [u8; 16] = [
    0xa6, 0xb5, 0x86, 0xd5, 0xb4, 0xa1, 0x24, 0x66, 0xae, 0x05, 0xa2, 0x17, 0xda, 0x8e, 0x60, 0xd6,
];
const INDIVIDUAL: ObjectIdentifier = spc("1.3.6.1.4.1.311.2.1.21");
/// Where Microsoft keeps RFC 3161 tokens.
pub(super) const STAMP: ObjectIdentifier = spc("1.3.6.1.4.1.311.3.3.1");

/// Where a signature holds others of the same program.
pub(super) const NESTED: ObjectIdentifier = spc("1.3.6.1.4.1.311.2.4.1");

/// `WIN_CERT_REVISION_2_0` and `WIN_CERT_TYPE_PKCS_SIGNED_DATA`.
const CERTIFICATE_KIND: [u8; 4] = [0, 2, 2, 0];
const ALIGNMENT: u64 = 8;

/// Signs a program.
pub(super) fn sign(
    program: &[u8],
    identity: &Identity,
    options: &SignOptions,
    progress: &dyn Progress,
) -> Result<Edits, SignError> {
    let image = Image::parse(program)?.ok_or(SignError::NotSignable)?;
    let keep = image.certificates()?.map_or(program.len(), |old| old.start);
    let start = (keep as u64).next_multiple_of(ALIGNMENT);
    let padding = vec![0; (start - keep as u64) as usize];
    let digest = digest(&image, &padding, identity.hash())?;
    let pages = options.windows.page_hashes.then(|| page_hashes(&image));
    let signature = signature(&digest, pages.transpose()?, identity, options, progress)?;
    let len = (8 + signature.len() as u64).next_multiple_of(ALIGNMENT);
    let end = start + len;
    let small = |value: u64| {
        let small = i32::try_from(value).ok().map(i32::cast_unsigned);
        small.ok_or(ImageError::TooLarge("Windows loads no program of 2 GiB"))
    };
    small(end)?;
    let mut table = small(len)?.to_le_bytes().to_vec();
    table.extend_from_slice(&CERTIFICATE_KIND);
    table.extend_from_slice(&signature);
    table.resize(len as usize, 0);

    let directory = [small(start)?, small(len)?].map(u32::to_le_bytes).concat();
    let (checksum_at, directory_at) = (image.checksum_at(), image.directory_at(CERTIFICATES));
    let mut checksum = Checksum::default();
    checksum.update(&program[..checksum_at]);
    checksum.update(&[0; 4]);
    checksum.update(&program[checksum_at + 4..directory_at]);
    checksum.update(&directory);
    checksum.update(&program[directory_at + 8..keep]);
    checksum.update(&padding);
    checksum.update(&table);
    Ok(Edits {
        keep: keep as u64,
        patches: vec![
            (checksum_at as u64, checksum.finish().to_le_bytes().to_vec()),
            (directory_at as u64, directory),
            (start, table),
        ],
        len: end,
    })
}

/// The digest of a program without its signature, followed by the zeros up to a new one.
fn digest(image: &Image<'_>, padding: &[u8], hash: Hash) -> Result<Vec<u8>, SignError> {
    match hash {
        Hash::Sha1 => digest_by::<Sha1>(image, padding),
        Hash::Sha256 => digest_by::<Sha256>(image, padding),
        Hash::Sha384 => digest_by::<Sha384>(image, padding),
        Hash::Sha512 => digest_by::<Sha512>(image, padding),
    }
}

fn digest_by<H: Digest + sha2::digest::Update>(
    image: &Image<'_>,
    padding: &[u8],
) -> Result<Vec<u8>, SignError> {
    let mut digest = H::new();
    let outside = |_| ImageError::Malformed {
        structure: "PE headers",
        offset: 0,
        problem: "a part of the file that is signed lies outside it",
    };
    authenticode_digest(&Reader { image }, &mut digest).map_err(outside)?;
    Digest::update(&mut digest, padding);
    Ok(digest.finalize().to_vec())
}

/// The table of page hashes.
fn page_hashes(image: &Image<'_>) -> Result<Vec<u8>, SignError> {
    let wrong = |problem| {
        SignError::Image(ImageError::Malformed {
            structure: "PE headers",
            offset: image.optional_at as u64,
            problem,
        })
    };
    let page = image.optional.section_alignment.get(Le) as usize;
    let headers = image.optional.size_of_headers.get(Le) as usize;
    let (checksum, directory) = (image.checksum_at(), image.directory_at(CERTIFICATES));
    if page == 0 || headers > page || headers > image.bytes.len() || headers < directory + 8 {
        return Err(wrong(
            "its headers are not one page, so pages cannot be hashed",
        ));
    }
    let mut table = Vec::new();
    let mut add = |offset: usize, parts: &[&[u8]]| {
        let mut digest = Sha256::new();
        parts.iter().for_each(|part| digest.update(part));
        // Sections were found inside the file, and a file that is signed has less than 2 GiB.
        table.extend_from_slice(&(offset as u32).to_le_bytes());
        table.extend_from_slice(&digest.finalize());
    };
    let zeros = vec![0; page];
    let bytes = image.bytes;
    let parts = [
        &bytes[..checksum],
        &bytes[checksum + 4..directory],
        &bytes[directory + 8..headers],
        &zeros[headers..],
    ];
    add(0, &parts);
    let mut end = headers;
    for section in image.sections().filter(|section| section.file_size > 0) {
        let start = section.offset as usize;
        end = start + section.file_size as usize;
        for (index, part) in bytes[start..end].chunks(page).enumerate() {
            add(start + index * page, &[part, &zeros[part.len()..]]);
        }
    }
    table.extend_from_slice(&(end as u32).to_le_bytes());
    table.extend_from_slice(&[0; 32]);
    Ok(table)
}

fn signature(
    digest: &[u8],
    pages: Option<Vec<u8>>,
    identity: &Identity,
    options: &SignOptions,
    progress: &dyn Progress,
) -> Result<Vec<u8>, SignError> {
    // A link to a file with an obsolete name, as everybody's signatures have it, or to an object
    // with the hashes.
    let file = match pages {
        None => {
            let name = utf16("<<<Obsolete>>>");
            tlv(context(2), &tlv(context_primitive(0), &name))
        }
        Some(table) => {
            let values = tlv(der::SET, &tlv(der::OCTET_STRING, &table));
            let object = tlv(der::SET, &seq(&[&oid(PAGE_HASHES), &values]));
            let class = tlv(der::OCTET_STRING, &PAGE_HASHES_CLASS);
            let object = tlv(der::OCTET_STRING, &object);
            tlv(context(1), &[class, object].concat())
        }
    };
    let image = seq(&[&tlv(der::BIT_STRING, &[0]), &tlv(context(0), &file)]);
    let algorithm = seq(&[&oid(identity.hash().oid()), &tlv(der::NULL, &[])]);
    let content = seq(&[
        &seq(&[&oid(PE_IMAGE_DATA), &image]),
        &seq(&[&algorithm, &tlv(der::OCTET_STRING, digest)]),
    ]);
    let (_, inside, _) = split(&content).expect("it was just written");
    let mut opus = Vec::new();
    if let Some(name) = &options.windows.program_name {
        opus.extend(tlv(context(0), &tlv(context_primitive(0), &utf16(name))));
    }
    if let Some(url) = &options.windows.program_url {
        opus.extend(tlv(context(1), &tlv(context_primitive(0), url.as_bytes())));
    }
    let message = Message {
        kind: INDIRECT_DATA,
        signed: inside.to_vec(),
        content: Some(content),
        attributes: vec![
            (OPUS_INFO, tlv(der::SEQUENCE, &opus)),
            (STATEMENT_TYPE, seq(&[&oid(INDIVIDUAL)])),
        ],
        stamp: STAMP,
    };
    let key = |message: &[u8]| identity.sign(message);
    cms::sign(identity.signer(), message, key, |signature| {
        timestamp::fetch(&options.timestamp_urls, signature, progress)
    })
}

/// `BMPString`: big endian.
fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_be_bytes).collect()
}

/// The image for the crate that computes the digest.
struct Reader<'i, 'a> {
    image: &'i Image<'a>,
}

impl PeTrait for Reader<'_, '_> {
    fn data(&self) -> &[u8] {
        self.image.bytes
    }

    fn num_sections(&self) -> usize {
        self.image.sections().count()
    }

    fn section_data_range(&self, index: usize) -> Result<Range<usize>, PeOffsetError> {
        let section = index
            .checked_sub(1)
            .and_then(|index| self.image.sections().nth(index));
        let section = section.ok_or(PeOffsetError)?;
        let index = |at: u64| usize::try_from(at).map_err(|_| PeOffsetError);
        Ok(index(section.offset)?..index(section.offset + section.file_size)?)
    }

    fn certificate_table_range(&self) -> Result<Option<Range<usize>>, PeOffsetError> {
        self.image.certificates().map_err(|_| PeOffsetError)
    }

    fn offsets(&self) -> Result<PeOffsets, PeOffsetError> {
        let (check_sum, directory) = (
            self.image.checksum_at(),
            self.image.directory_at(CERTIFICATES),
        );
        Ok(PeOffsets {
            check_sum,
            after_check_sum: check_sum + 4,
            security_data_dir: directory,
            after_security_data_dir: directory + 8,
            after_header: self.image.optional.size_of_headers.get(Le) as usize,
        })
    }
}

/// The certificate table of a program.
pub(super) struct Found<'a> {
    table: &'a [u8],
    image: Image<'a>,
    /// Digests that were computed.
    digests: Vec<(Hash, Vec<u8>)>,
}

/// An entry of a certificate table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entry<'a> {
    /// A signature, and perhaps something behind it.
    Signature(&'a [u8]),
    /// Of another kind (`wCertificateType`) or revision.
    Other { revision: u16, kind: u16 },
}

impl<'a> Found<'a> {
    /// The digest that a signature should be of.
    pub(super) fn digest(&mut self, hash: Hash) -> Result<Vec<u8>, SignError> {
        if let Some((_, digest)) = self.digests.iter().find(|known| known.0 == hash) {
            return Ok(digest.clone());
        }
        let digest = digest(&self.image, &[], hash)?;
        self.digests.push((hash, digest.clone()));
        Ok(digest)
    }

    /// The entries of the table, each with the padding behind it; `None` where they do not end with
    /// it.
    pub(super) fn entries(&self) -> Option<Vec<Entry<'a>>> {
        let mut entries = Vec::new();
        let mut rest = self.table;
        while !rest.is_empty() {
            let (header, _) = rest.split_first_chunk::<8>()?;
            let len = u32::from_le_bytes(*header.first_chunk()?);
            let whole = usize::try_from(u64::from(len).next_multiple_of(ALIGNMENT)).ok()?;
            let (entry, behind) = rest.split_at_checked(whole.max(8))?;
            let half = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
            entries.push(match header[4..] == CERTIFICATE_KIND {
                true => Entry::Signature(&entry[8..]),
                false => Entry::Other {
                    revision: half(4),
                    kind: half(6),
                },
            });
            rest = behind;
        }
        Some(entries)
    }
}

/// The signatures in a program; `None` when there is none.
pub(super) fn find(program: &[u8]) -> Result<Option<Found<'_>>, SignError> {
    let image = Image::parse(program)?.ok_or(SignError::NotSignable)?;
    let Some(range) = image.certificates()? else {
        return Ok(None);
    };
    Ok(Some(Found {
        table: &program[range],
        image,
        digests: Vec::new(),
    }))
}

/// The digest of the program that stands in the content of a signature, and by which hash.
pub(super) fn signed_digest(content: &[u8]) -> Option<(ObjectIdentifier, &[u8])> {
    let parts = der::elements(content)?;
    let (_, info) = parts.get(1)?;
    let info = der::elements(info)?;
    let (_, algorithm) = info.first()?;
    let algorithm = der::elements(algorithm)?;
    let (_, oid) = algorithm.first().filter(|(tag, _)| *tag == der::OID)?;
    let hash = ObjectIdentifier::from_bytes(oid).ok()?;
    let (_, digest) = info.get(1).filter(|(tag, _)| *tag == der::OCTET_STRING)?;
    Some((hash, digest))
}
