//! The cryptographic part of both kinds of signature: CMS signed data with one signer.
//!
//! Both systems want version 1 throughout, as PKCS#7 had it, whatever the content is.

use std::collections::HashSet;

use ::cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use ::cms::content_info::{CmsVersion, ContentInfo};
use ::cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA};
use const_oid::db::rfc5912::{ID_EC_PUBLIC_KEY, RSA_ENCRYPTION};
use const_oid::{AssociatedOid, ObjectIdentifier};
use der::asn1::{Any, OctetString, SetOfVec};
use der::{Decode, Encode, Tag, Tagged as _};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::SubjectKeyIdentifier;

use super::der as raw;
use super::error::SignError;
use super::key::{self, Hash, Public};
use super::{ber, chain};

/// What is signed.
pub(super) struct Message {
    /// Kind of the content.
    pub(super) kind: ObjectIdentifier,
    /// The content itself, in DER, where it is part of the signature.
    pub(super) content: Option<Vec<u8>>,
    /// The content as it is hashed.
    pub(super) signed: Vec<u8>,
    /// Attributes besides the content's kind and digest: kind, and values in DER.
    pub(super) attributes: Vec<(ObjectIdentifier, Vec<u8>)>,
    /// Attribute in which a time stamp goes.
    pub(super) stamp: ObjectIdentifier,
}

/// Who signs.
pub(super) struct Signer<'a> {
    /// The signer's certificate first, then its issuers.
    pub(super) chain: &'a [Certificate],
    /// With which digests are made.
    pub(super) hash: Hash,
    /// How the key signs.
    pub(super) algorithm: AlgorithmIdentifierOwned,
}

/// The signed data, in DER. `key` signs the attributes; `stamp` gets the signature and answers with
/// a time stamp token.
pub(super) fn sign(
    signer: Signer<'_>,
    message: Message,
    key: impl FnOnce(&[u8]) -> Result<Vec<u8>, SignError>,
    stamp: impl FnOnce(&[u8]) -> Result<Option<Vec<u8>>, SignError>,
) -> Result<Vec<u8>, SignError> {
    let hash = signer.hash;
    let algorithm = AlgorithmIdentifierOwned {
        oid: hash.oid(),
        parameters: Some(Any::null()),
    };
    let digest = hash.digest(&message.signed);
    let mut attributes = vec![
        attribute(ID_CONTENT_TYPE, &raw::oid(message.kind))?,
        attribute(ID_MESSAGE_DIGEST, &raw::tlv(raw::OCTET_STRING, &digest))?,
    ];
    for (kind, value) in &message.attributes {
        attributes.push(attribute(*kind, value)?);
    }
    let attributes = SetOfVec::try_from(attributes)?;
    let signature = key(&attributes.to_der()?)?;
    let token = stamp(&signature)?;
    let unsigned = token
        .map(|token| SetOfVec::try_from(vec![attribute(message.stamp, &token)?]))
        .transpose()?;
    let leaf = &signer.chain[0].tbs_certificate;
    let info = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: leaf.issuer.clone(),
            serial_number: leaf.serial_number.clone(),
        }),
        digest_alg: algorithm.clone(),
        signed_attrs: Some(attributes),
        signature_algorithm: signer.algorithm,
        signature: OctetString::new(signature)?,
        unsigned_attrs: unsigned,
    };
    let certificates = signer.chain.iter().cloned();
    let certificates: Vec<_> = certificates.map(CertificateChoices::Certificate).collect();
    let content = message.content.as_deref().map(Any::from_der).transpose()?;
    let data = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![algorithm])?,
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: message.kind,
            econtent: content,
        },
        certificates: Some(CertificateSet(SetOfVec::try_from(certificates)?)),
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(vec![info])?),
    };
    let info = ContentInfo {
        content_type: ID_SIGNED_DATA,
        content: Any::encode_from(&data)?,
    };
    Ok(info.to_der()?)
}

fn attribute(kind: ObjectIdentifier, value: &[u8]) -> Result<Attribute, der::Error> {
    Ok(Attribute {
        oid: kind,
        values: SetOfVec::try_from(vec![Any::from_der(value)?])?,
    })
}

/// Signed data, parsed.
pub(super) struct Parsed {
    data: SignedData,
    /// The signed attributes as the signer hashed them.
    attributes: Option<Vec<u8>>,
}

/// The result of checking a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verification {
    /// The signer's key signed exactly this.
    Valid,
    /// It did not.
    Invalid(&'static str),
    /// It was signed in a way that is not checked here: by this algorithm.
    Unsupported(String),
}

impl Parsed {
    /// Reads signed data with one signer, in DER or BER; `None` for anything else. What follows it
    /// is ignored.
    pub(super) fn read(bytes: &[u8]) -> Option<Parsed> {
        Self::read_any(bytes).filter(|parsed| parsed.data.signer_infos.0.len() == 1)
    }

    fn read_any(bytes: &[u8]) -> Option<Parsed> {
        let der = ber::to_der(bytes)?;
        let der = with_certificates_once(&der).unwrap_or(der);
        let info = ContentInfo::from_der(&der).ok()?;
        if info.content_type != ID_SIGNED_DATA {
            return None;
        }
        let data = info.content.decode_as::<SignedData>().ok()?;
        let attributes = attributes(&der);
        Some(Parsed { data, attributes })
    }

    /// The certificates in a PKCS#7 file; `None` for anything else.
    pub(super) fn bag(bytes: &[u8]) -> Option<Vec<Certificate>> {
        let parsed = Self::read_any(bytes)?;
        Some(parsed.certificates().cloned().collect())
    }

    fn signer(&self) -> &SignerInfo {
        self.data.signer_infos.0.get(0).expect("there is one")
    }

    /// The content, without tag and length.
    pub(super) fn content(&self) -> Option<&[u8]> {
        let content = self.data.encap_content_info.econtent.as_ref()?;
        let is_known = matches!(content.tag(), Tag::Sequence | Tag::OctetString);
        is_known.then(|| content.value())
    }

    /// Kind of the content.
    pub(super) fn kind(&self) -> ObjectIdentifier {
        self.data.encap_content_info.econtent_type
    }

    /// All certificates, in no order.
    pub(super) fn certificates(&self) -> impl Iterator<Item = &Certificate> {
        let all = self.data.certificates.iter().flat_map(|set| set.0.iter());
        all.filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Some(certificate),
            CertificateChoices::Other(_) => None,
        })
    }

    /// The signer's certificate.
    pub(super) fn leaf(&self) -> Option<&Certificate> {
        self.certificates().find(|certificate| {
            let body = &certificate.tbs_certificate;
            match &self.signer().sid {
                SignerIdentifier::IssuerAndSerialNumber(id) => {
                    body.issuer == id.issuer && body.serial_number == id.serial_number
                }
                SignerIdentifier::SubjectKeyIdentifier(id) => {
                    let found: Option<SubjectKeyIdentifier> =
                        chain::extension(certificate, SubjectKeyIdentifier::OID);
                    found.as_ref() == Some(id)
                }
            }
        })
    }

    /// The signer's certificate and those above it, as far as they are there.
    pub(super) fn chain(&self) -> Vec<&Certificate> {
        let pool: Vec<_> = self.certificates().collect();
        self.leaf()
            .map_or_else(Vec::new, |leaf| chain::build(leaf, &pool))
    }

    /// The signer's signature.
    pub(super) fn signature(&self) -> &[u8] {
        self.signer().signature.as_bytes()
    }

    /// All values of a signed attribute, in DER.
    pub(super) fn signed_values(&self, kind: ObjectIdentifier) -> Vec<Vec<u8>> {
        let attributes = self.signer().signed_attrs.iter().flat_map(|all| all.iter());
        let found = attributes.filter(|attribute| attribute.oid == kind);
        let values = found.flat_map(|attribute| attribute.values.iter());
        values.filter_map(|value| value.to_der().ok()).collect()
    }

    fn value(attributes: Option<&SetOfVec<Attribute>>, kind: ObjectIdentifier) -> Option<&Any> {
        let mut attributes = attributes?.iter();
        attributes
            .find(|attribute| attribute.oid == kind)?
            .values
            .get(0)
    }

    /// The first value of an attribute that is not signed, in DER.
    pub(super) fn unsigned(&self, kind: ObjectIdentifier) -> Option<Vec<u8>> {
        let value = Self::value(self.signer().unsigned_attrs.as_ref(), kind)?;
        value.to_der().ok()
    }

    /// All values of an attribute that is not signed, in DER.
    pub(super) fn unsigned_values(&self, kind: ObjectIdentifier) -> Vec<Vec<u8>> {
        let attributes = self
            .signer()
            .unsigned_attrs
            .iter()
            .flat_map(|all| all.iter());
        let found = attributes.filter(|attribute| attribute.oid == kind);
        let values = found.flat_map(|attribute| attribute.values.iter());
        values.filter_map(|value| value.to_der().ok()).collect()
    }

    /// Whether the kind of the content is the one that was signed.
    fn names_one_kind(&self) -> bool {
        let attributes = self.signer().signed_attrs.as_ref();
        let named = attributes.map(|all| Self::value(Some(all), ID_CONTENT_TYPE));
        named.is_none_or(|named| named.is_some_and(|kind| kind.value() == self.kind().as_bytes()))
    }

    /// Whether the hash of the signature is among those that the signed data announces.
    pub(super) fn announces_its_hash(&self) -> bool {
        let hash = self.signer().digest_alg.oid;
        let mut announced = self.data.digest_algorithms.iter();
        announced.any(|announced| announced.oid == hash)
    }

    /// Whether this content has been signed.
    pub(super) fn verify(&self, content: &[u8]) -> Verification {
        let signer = self.signer();
        let Some(hash) = Hash::of(signer.digest_alg.oid) else {
            return Verification::Unsupported(key::name(signer.digest_alg.oid));
        };
        let Some(leaf) = self.leaf() else {
            return Verification::Invalid("the signer's certificate is missing");
        };
        if !self.names_one_kind() {
            return Verification::Invalid("the kind of its content is not the signed one");
        }
        let message = match &self.attributes {
            Some(attributes) => {
                let digest = Self::value(signer.signed_attrs.as_ref(), ID_MESSAGE_DIGEST);
                if digest.is_none_or(|digest| digest.value() != hash.digest(content)) {
                    return Verification::Invalid("the signed digest is another");
                }
                &attributes[..]
            }
            None if signer.signed_attrs.is_some() => {
                return Verification::Invalid("its signed attributes are malformed");
            }
            None => content,
        };
        let info = &leaf.tbs_certificate.subject_public_key_info;
        let Some(key) = Public::of(info) else {
            return Verification::Unsupported(key::kind(info));
        };
        let algorithm = signer.signature_algorithm.oid;
        let hash = match Hash::of(algorithm) {
            Some(hash) => hash,
            // Some name the kind of the key alone.
            None if [RSA_ENCRYPTION, ID_EC_PUBLIC_KEY].contains(&algorithm) => hash,
            None => return Verification::Unsupported(key::name(algorithm)),
        };
        if key.verify(hash, message, self.signature()) {
            Verification::Valid
        } else {
            Verification::Invalid("the signature is not the signer's")
        }
    }
}

/// Signed data without the repetitions among its certificates, which Microsoft's signing service
/// writes, and which no set in DER may have. `None` if it is no signed data.
fn with_certificates_once(der: &[u8]) -> Option<Vec<u8>> {
    let (raw::SEQUENCE, info, _) = raw::split(der)? else {
        return None;
    };
    let mut info = raw::elements(info)?;
    let (raw::SEQUENCE, data, _) = raw::split(info.get(1)?.1)? else {
        return None;
    };
    let join = |parts: &[(u8, &[u8])]| -> Vec<u8> {
        let part = |(tag, content): &(u8, &[u8])| raw::tlv(*tag, content);
        parts.iter().flat_map(part).collect()
    };
    let mut fields = raw::elements(data)?;
    // Behind version, algorithms and content.
    let certificates = fields
        .get_mut(3)
        .filter(|field| field.0 == raw::context(0))?;
    let mut seen = HashSet::new();
    let mut once = raw::elements(certificates.1)?;
    once.retain(|certificate| seen.insert(*certificate));
    let once = join(&once);
    certificates.1 = &once;
    let data = raw::tlv(raw::SEQUENCE, &join(&fields));
    info[1].1 = &data;
    Some(raw::tlv(raw::SEQUENCE, &join(&info)))
}

/// The attributes that the first signer of signed data signed, as a SET: in the order in which they
/// stand there, which is not always the one that DER asks for.
fn attributes(der: &[u8]) -> Option<Vec<u8>> {
    let inside = |value: (u8, _), tag: u8| (value.0 == tag).then_some(value.1);
    let (_, info, _) = raw::split(der)?;
    let data = inside(*raw::elements(info)?.get(1)?, raw::context(0))?;
    let (_, data, _) = raw::split(data)?;
    let signers = inside(*raw::elements(data)?.last()?, raw::SET)?;
    let (_, signer, _) = raw::split(signers)?;
    let fields = raw::elements(signer)?;
    // Behind version, signer and algorithm; a signer's key identifier has the same number.
    let signed = inside(*fields.get(3)?, raw::context(0))?;
    Some(raw::tlv(raw::SET, signed))
}
