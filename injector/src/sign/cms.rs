//! The cryptographic part of both kinds of signature: CMS signed data with one signer.
//!
//! Both systems want version 1 throughout, as PKCS#7 had it, whatever the content is.

use ::cms::cert::{CertificateChoices, IssuerAndSerialNumber};
use ::cms::content_info::{CmsVersion, ContentInfo};
use ::cms::signed_data::{
    CertificateSet, EncapsulatedContentInfo, SignedData, SignerIdentifier, SignerInfo, SignerInfos,
};
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA};
use const_oid::db::rfc5912::ID_SHA_256;
use const_oid::{AssociatedOid, ObjectIdentifier};
use der::asn1::{Any, OctetString, SetOfVec};
use der::{Decode, Encode};
use sha2::{Digest, Sha256};
use spki::AlgorithmIdentifierOwned;
use x509_cert::Certificate;
use x509_cert::attr::Attribute;

use super::der as raw;
use super::error::Error;
use super::identity::Identity;

/// What is signed.
pub(super) struct Message {
    /// Kind of the content.
    pub(super) kind: ObjectIdentifier,
    /// The content itself, in DER, where it is part of the signature.
    pub(super) content: Option<Vec<u8>>,
    /// SHA-256 of the content.
    pub(super) digest: [u8; 32],
    /// Attributes besides the content's kind and digest: kind, and values in DER.
    pub(super) attributes: Vec<(ObjectIdentifier, Vec<u8>)>,
    /// Attribute in which a time stamp goes.
    pub(super) stamp: ObjectIdentifier,
}

/// The signed data, in DER. `stamp` gets the signature and answers with a time stamp token.
pub(super) fn sign(
    identity: &Identity,
    message: Message,
    stamp: impl FnOnce(&[u8]) -> Result<Option<Vec<u8>>, Error>,
) -> Result<Vec<u8>, Error> {
    let sha256 = AlgorithmIdentifierOwned {
        oid: ID_SHA_256,
        parameters: Some(Any::null()),
    };
    let mut attributes = vec![
        attribute(ID_CONTENT_TYPE, &raw::oid(message.kind))?,
        attribute(
            ID_MESSAGE_DIGEST,
            &raw::tlv(raw::OCTET_STRING, &message.digest),
        )?,
    ];
    for (kind, value) in &message.attributes {
        attributes.push(attribute(*kind, value)?);
    }
    let attributes = SetOfVec::try_from(attributes)?;
    let signature = identity.sign(&attributes.to_der()?)?;
    let token = stamp(&signature)?;
    let unsigned = token
        .map(|token| SetOfVec::try_from(vec![attribute(message.stamp, &token)?]))
        .transpose()?;
    let leaf = &identity.leaf().tbs_certificate;
    let signer = SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: leaf.issuer.clone(),
            serial_number: leaf.serial_number.clone(),
        }),
        digest_alg: sha256.clone(),
        signed_attrs: Some(attributes),
        signature_algorithm: identity.algorithm(),
        signature: OctetString::new(signature)?,
        unsigned_attrs: unsigned,
    };
    let certificates = identity.chain().iter().cloned();
    let certificates: Vec<_> = certificates.map(CertificateChoices::Certificate).collect();
    let content = message.content.as_deref().map(Any::from_der).transpose()?;
    let data = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::try_from(vec![sha256])?,
        encap_content_info: EncapsulatedContentInfo {
            econtent_type: message.kind,
            econtent: content,
        },
        certificates: Some(CertificateSet(SetOfVec::try_from(certificates)?)),
        crls: None,
        signer_infos: SignerInfos(SetOfVec::try_from(vec![signer])?),
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
}

/// What the cryptography says about a signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    /// The signer's key signed exactly this.
    Good,
    /// It did not.
    Bad(&'static str),
    /// It was signed in a way that is not checked here.
    Unknown,
}

impl Parsed {
    /// Reads signed data with one signer; `None` for anything else. What follows it is ignored.
    pub(super) fn read(bytes: &[u8]) -> Option<Parsed> {
        let (tag, value, _) = raw::split(bytes)?;
        let info = ContentInfo::from_der(&raw::tlv(tag, value)).ok()?;
        let data = info.content.decode_as::<SignedData>().ok()?;
        let one = info.content_type == ID_SIGNED_DATA && data.signer_infos.0.len() == 1;
        one.then_some(Parsed { data })
    }

    fn signer(&self) -> &SignerInfo {
        self.data.signer_infos.0.get(0).expect("there is one")
    }

    /// The content, without tag and length.
    pub(super) fn content(&self) -> Option<&[u8]> {
        Some(self.data.encap_content_info.econtent.as_ref()?.value())
    }

    /// The signer's certificate.
    pub(super) fn leaf(&self) -> Option<&Certificate> {
        let SignerIdentifier::IssuerAndSerialNumber(id) = &self.signer().sid else {
            return None;
        };
        let all = self.data.certificates.as_ref()?.0.iter();
        let mut certificates = all.filter_map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => Some(certificate),
            CertificateChoices::Other(_) => None,
        });
        certificates.find(|certificate| {
            let body = &certificate.tbs_certificate;
            body.issuer == id.issuer && body.serial_number == id.serial_number
        })
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

    /// Whether this content has been signed.
    pub(super) fn judge(&self, content: &[u8]) -> Judgement {
        let signer = self.signer();
        if signer.digest_alg.oid != ID_SHA_256 {
            return Judgement::Unknown;
        }
        let digest = Self::value(signer.signed_attrs.as_ref(), ID_MESSAGE_DIGEST);
        let Some(digest) = digest else {
            return Judgement::Unknown;
        };
        if digest.value() != &Sha256::digest(content)[..] {
            return Judgement::Bad("the signed digest is another");
        }
        let Some(leaf) = self.leaf() else {
            return Judgement::Bad("the signer's certificate is missing");
        };
        let Some(Ok(message)) = signer.signed_attrs.as_ref().map(Encode::to_der) else {
            return Judgement::Unknown;
        };
        match check(leaf, &message, signer.signature.as_bytes()) {
            Some(true) => Judgement::Good,
            Some(false) => Judgement::Bad("the signature is not the signer's"),
            None => Judgement::Unknown,
        }
    }
}

/// Whether the owner of the certificate signed the SHA-256 of the message; `None` for a kind of key that is not known here.
fn check(certificate: &Certificate, message: &[u8], signature: &[u8]) -> Option<bool> {
    use rsa::pkcs1::DecodeRsaPublicKey;
    use rsa::signature::Verifier;
    let info = &certificate.tbs_certificate.subject_public_key_info;
    let bits = info.subject_public_key.raw_bytes();
    if info.algorithm.oid == rsa::pkcs1::ALGORITHM_OID {
        let key = rsa::RsaPublicKey::from_pkcs1_der(bits).ok()?;
        let key = rsa::pkcs1v15::VerifyingKey::<Sha256>::new(key);
        let signature = rsa::pkcs1v15::Signature::try_from(signature);
        return Some(signature.is_ok_and(|signature| key.verify(message, &signature).is_ok()));
    }
    let curve = info.algorithm.parameters.as_ref();
    let curve = curve.and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok());
    if curve == Some(p256::NistP256::OID) {
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(bits).ok()?;
        let signature = p256::ecdsa::Signature::from_der(signature);
        return Some(signature.is_ok_and(|signature| key.verify(message, &signature).is_ok()));
    }
    None
}
