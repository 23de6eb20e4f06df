//! Requirements: what a system asks of a program before it takes it for the same one as before,
//! when that program is updated or asks for what its predecessor was allowed.
//!
//! The *designated* requirement is an expression over identifier and certificates, in prefix
//! notation of big-endian words. It is the one that `codesign` writes when nobody gives another:
//!
//! * Developer ID: the identifier, any of Apple's anchors, the marks of Developer ID in the
//!   certificate and in the one above it, and the team in the certificate's organizational unit;
//! * Apple Development and the like: the identifier, any of Apple's anchors, the certificate's
//!   name, and the mark of the authority for developers above it;
//! * anything else: the identifier, and the topmost certificate that belongs to the same
//!   organization, by its SHA-1.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::{CN, O, OU};
use der::Encode;
use sha1::{Digest, Sha1};
use x509_cert::Certificate;

use super::super::chain::attribute;
use super::super::error::SignError;
use super::super::identity::Identity;

const REQUIREMENTS: u32 = 0xfade_0c01;
const REQUIREMENT: u32 = 0xfade_0c00;
const EXPRESSION: u32 = 1;
const DESIGNATED: u32 = 3;

/// Operators.
const IDENT: u32 = 2;
const ANCHOR_HASH: u32 = 4;
const AND: u32 = 6;
const CERT_FIELD: u32 = 11;
const CERT_GENERIC: u32 = 14;
const APPLE_GENERIC_ANCHOR: u32 = 15;
const EXISTS: u32 = 0;
const EQUAL: u32 = 1;
/// Places in the chain.
const LEAF: u32 = 0;
const ABOVE: u32 = 1;
const ANCHOR: u32 = u32::MAX;

/// Marks that Apple's authority puts into certificates: application of a Developer ID, its
/// intermediate, and that of developers.
const DEVELOPER_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.6.1.13");
const DEVELOPER_ID_ABOVE: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.2.840.113635.100.6.2.6");
const DEVELOPER_ABOVE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113635.100.6.2.1");

/// Whether Apple issued the certificate.
fn is_apple(certificate: &Certificate) -> bool {
    attribute(&certificate.tbs_certificate.issuer, O).as_deref() == Some("Apple Inc.")
}

/// Whether this can be a team id.
///
/// # Errors
/// It is malformed.
pub(crate) fn check_team(id: &str) -> Result<(), SignError> {
    let is_part = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
    if id.len() == 10 && id.bytes().all(is_part) {
        return Ok(());
    }
    Err(SignError::TeamForm(id.to_owned()))
}

/// The team that Apple wrote into the certificate.
pub(crate) fn team(identity: &Identity) -> Option<String> {
    let leaf = identity.leaf();
    attribute(&leaf.tbs_certificate.subject, OU).filter(|_| is_apple(leaf))
}

fn has(certificate: &Certificate, mark: ObjectIdentifier) -> bool {
    let extensions = certificate.tbs_certificate.extensions.iter().flatten();
    extensions
        .into_iter()
        .any(|extension| extension.extn_id == mark)
}

/// An expression in the making.
#[derive(Default)]
struct Expression(Vec<u8>);

impl Expression {
    fn words(&mut self, words: &[u32]) -> &mut Self {
        self.0
            .extend(words.iter().flat_map(|word| word.to_be_bytes()));
        self
    }

    /// Length, bytes, zeros up to a word.
    fn data(&mut self, bytes: &[u8]) -> &mut Self {
        self.words(&[bytes.len() as u32]);
        self.0.extend_from_slice(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    fn mark(&mut self, place: u32, mark: ObjectIdentifier) -> &mut Self {
        self.words(&[CERT_GENERIC, place]);
        self.data(mark.as_bytes()).words(&[EXISTS])
    }

    fn field(&mut self, name: &str, value: &str) -> &mut Self {
        self.words(&[CERT_FIELD, LEAF]).data(name.as_bytes());
        self.words(&[EQUAL]).data(value.as_bytes())
    }
}

/// The set of requirements: the designated one alone.
pub(super) fn designated(identifier: &str, identity: &Identity) -> Result<Vec<u8>, SignError> {
    let chain = identity.chain();
    let leaf = identity.leaf();
    let subject = &leaf.tbs_certificate.subject;
    let mut expression = Expression::default();
    expression.words(&[AND, IDENT]).data(identifier.as_bytes());
    let names = (attribute(subject, OU), attribute(subject, CN));
    match names {
        (Some(team), _) if is_apple(leaf) && has(leaf, DEVELOPER_ID) => {
            expression.words(&[AND, APPLE_GENERIC_ANCHOR, AND]);
            expression.mark(ABOVE, DEVELOPER_ID_ABOVE).words(&[AND]);
            expression
                .mark(LEAF, DEVELOPER_ID)
                .field("subject.OU", &team);
        }
        (_, Some(name)) if is_apple(leaf) => {
            expression.words(&[AND, APPLE_GENERIC_ANCHOR, AND]);
            expression.field("subject.CN", &name);
            expression.mark(ABOVE, DEVELOPER_ABOVE);
        }
        _ => {
            let (place, certificate) = same_organization(chain);
            let hash = Sha1::digest(certificate.to_der()?);
            expression.words(&[ANCHOR_HASH, place]).data(&hash);
        }
    }
    let expression = expression.0;
    let mut out = Expression::default();
    let len = 12 + expression.len() as u32;
    out.words(&[REQUIREMENTS, 20 + len, 1, DESIGNATED, 20]);
    out.words(&[REQUIREMENT, len, EXPRESSION]);
    out.0.extend_from_slice(&expression);
    Ok(out.0)
}

/// The designated requirement in Apple's language for them, as seals of bundles have it.
pub(crate) fn designated_text(identifier: &str, identity: &Identity) -> Result<String, SignError> {
    let chain = identity.chain();
    let leaf = identity.leaf();
    let subject = &leaf.tbs_certificate.subject;
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    let mark = |place: &str, mark: ObjectIdentifier| {
        format!("certificate {place}[field.{mark}] /* exists */")
    };
    let mut terms = vec![format!("identifier {}", quoted(identifier))];
    match (attribute(subject, OU), attribute(subject, CN)) {
        (Some(team), _) if is_apple(leaf) && has(leaf, DEVELOPER_ID) => terms.extend([
            "anchor apple generic".to_owned(),
            mark("1", DEVELOPER_ID_ABOVE),
            mark("leaf", DEVELOPER_ID),
            format!("certificate leaf[subject.OU] = {}", quoted(&team)),
        ]),
        (_, Some(name)) if is_apple(leaf) => terms.extend([
            "anchor apple generic".to_owned(),
            format!("certificate leaf[subject.CN] = {}", quoted(&name)),
            mark("1", DEVELOPER_ABOVE),
        ]),
        _ => {
            let (place, certificate) = same_organization(chain);
            let place = match place {
                LEAF => "leaf".to_owned(),
                ANCHOR => "root".to_owned(),
                place => place.to_string(),
            };
            let hash = Sha1::digest(certificate.to_der()?);
            let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
            terms.push(format!("certificate {place} = H\"{hash}\""));
        }
    }
    Ok(terms.join(" and "))
}

/// The topmost certificate with the signer's organization, and its place.
fn same_organization(chain: &[Certificate]) -> (u32, &Certificate) {
    let organization = |at: usize| attribute(&chain.get(at)?.tbs_certificate.subject, O);
    let mut at = 0;
    if let Some(own) = organization(0) {
        while organization(at + 1).as_ref() == Some(&own) {
            at += 1;
        }
        if at + 1 == chain.len() {
            return (ANCHOR, &chain[at]);
        }
    }
    (at as u32, &chain[at])
}
