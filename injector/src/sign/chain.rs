//! What certificates say: from when to when, for what, and by whom.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519;
use const_oid::db::rfc5280;
use const_oid::db::rfc5912;
use der::{Decode, Encode};
use x509_cert::Certificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{AuthorityInfoAccessSyntax, BasicConstraints, ExtendedKeyUsage};
use x509_cert::name::Name;

use super::key::{Hash, Public};

/// The last value of this kind in a name.
pub(super) fn attribute(name: &Name, kind: ObjectIdentifier) -> Option<String> {
    let mut parts = name.0.iter().rev().flat_map(|part| part.0.iter());
    let found = parts.find(|part| part.oid == kind)?;
    Some(String::from_utf8_lossy(found.value.value()).into_owned())
}

/// What to call the owner of a certificate.
pub(super) fn common_name(certificate: &Certificate) -> String {
    let subject = &certificate.tbs_certificate.subject;
    attribute(subject, rfc4519::CN)
        .or_else(|| attribute(subject, rfc4519::O))
        .unwrap_or_else(|| subject.to_string())
}

/// What a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    CodeSigning,
    TimeStamping,
}

impl Purpose {
    fn oid(self) -> ObjectIdentifier {
        match self {
            Purpose::CodeSigning => rfc5280::ID_KP_CODE_SIGNING,
            Purpose::TimeStamping => rfc5280::ID_KP_TIME_STAMPING,
        }
    }
}

/// A certificate's extended key usage against a purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usage {
    Named,
    /// There is no such extension.
    Missing,
    Other,
}

pub(super) fn extension<T: for<'d> Decode<'d>>(
    certificate: &Certificate,
    oid: ObjectIdentifier,
) -> Option<T> {
    let extensions = certificate.tbs_certificate.extensions.as_ref()?;
    let found = extensions
        .iter()
        .find(|extension| extension.extn_id == oid)?;
    T::from_der(found.extn_value.as_bytes()).ok()
}

/// Whether the certificate may serve the purpose.
pub(super) fn usage(certificate: &Certificate, purpose: Purpose) -> Usage {
    let usage: Option<ExtendedKeyUsage> = extension(certificate, rfc5280::ID_CE_EXT_KEY_USAGE);
    match usage {
        None => Usage::Missing,
        Some(usage) if usage.0.contains(&purpose.oid()) => Usage::Named,
        Some(_) => Usage::Other,
    }
}

/// From when to when a certificate is valid, in seconds since 1970.
pub(super) fn validity(certificate: &Certificate) -> (u64, u64) {
    let validity = &certificate.tbs_certificate.validity;
    let seconds = |time: &x509_cert::time::Time| time.to_unix_duration().as_secs();
    (seconds(&validity.not_before), seconds(&validity.not_after))
}

/// Seconds since 1970 as `YYYY-MM-DD`.
pub(super) fn day(seconds: u64) -> String {
    let date = der::DateTime::from_unix_duration(std::time::Duration::from_secs(seconds));
    date.map_or_else(
        |_| seconds.to_string(),
        |date| format!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day()),
    )
}

/// Seconds since 1970 as `YYYYMMDDhhmmssZ`.
pub(super) fn moment(seconds: u64) -> String {
    let date = der::DateTime::from_unix_duration(std::time::Duration::from_secs(seconds));
    date.map_or_else(
        |_| seconds.to_string(),
        |date| {
            let (year, month, day) = (date.year(), date.month(), date.day());
            let (hour, minute, second) = (date.hour(), date.minutes(), date.seconds());
            format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}Z")
        },
    )
}

fn is_authority(certificate: &Certificate) -> bool {
    extension::<BasicConstraints>(certificate, rfc5280::ID_CE_BASIC_CONSTRAINTS)
        .is_some_and(|constraints| constraints.ca)
}

/// Whether `issuer` signed `certificate`; `None` for a kind of key that is not known here.
fn is_signed_by(certificate: &Certificate, issuer: &Certificate) -> Option<bool> {
    let hash = Hash::of(certificate.signature_algorithm.oid)?;
    let key = Public::of(&issuer.tbs_certificate.subject_public_key_info)?;
    let body = certificate.tbs_certificate.to_der().ok()?;
    Some(key.verify(hash, &body, certificate.signature.raw_bytes()))
}

/// The first certificate, its issuer, the issuer's issuer, as far as they are at hand.
pub(super) fn build<'c>(leaf: &'c Certificate, pool: &[&'c Certificate]) -> Vec<&'c Certificate> {
    let mut chain = vec![leaf];
    // Two authorities that vouch for each other would go round for ever.
    while chain.len() <= pool.len() {
        let last = &chain[chain.len() - 1].tbs_certificate;
        if last.issuer == last.subject {
            break;
        }
        let mut issuers = pool
            .iter()
            .filter(|one| one.tbs_certificate.subject == last.issuer);
        let Some(issuer) = issuers.next() else { break };
        chain.push(issuer);
    }
    chain
}

/// What is wrong with a chain at a time, if anything: who issued whom, and until when.
pub(super) fn problem(chain: &[&Certificate], time: u64) -> Option<String> {
    for (index, certificate) in chain.iter().enumerate() {
        let name = common_name(certificate).escape_debug().to_string();
        let (start, end) = validity(certificate);
        if time < start {
            return Some(format!(
                "the certificate of `{name}` is valid from {}",
                day(start)
            ));
        }
        if time > end {
            return Some(format!(
                "the certificate of `{name}` was valid until {}",
                day(end)
            ));
        }
        let Some(issuer) = chain.get(index + 1) else {
            continue;
        };
        let above = common_name(issuer).escape_debug().to_string();
        if !is_authority(issuer) {
            return Some(format!("`{above}` is not an authority"));
        }
        if is_signed_by(certificate, issuer) == Some(false) {
            return Some(format!(
                "`{above}` did not sign the certificate of `{name}`"
            ));
        }
    }
    None
}

/// Where the certificate of the issuer can be had: what the certificate says, or what is known of
/// Apple's and Microsoft's authorities.
pub(super) fn issuer_url(certificate: &Certificate) -> Option<String> {
    let access: Option<AuthorityInfoAccessSyntax> =
        extension(certificate, rfc5280::ID_PE_AUTHORITY_INFO_ACCESS);
    let named = access
        .iter()
        .flat_map(|access| &access.0)
        .find_map(|access| match &access.access_location {
            GeneralName::UniformResourceIdentifier(url)
                if access.access_method == rfc5912::ID_AD_CA_ISSUERS =>
            {
                Some(url.to_string().escape_debug().to_string())
            }
            _ => None,
        });
    named.or_else(|| published(certificate).map(str::to_owned))
}

/// Apple's and Microsoft's intermediates, by their names in the certificates that they issued.
fn published(certificate: &Certificate) -> Option<&'static str> {
    use const_oid::db::rfc4519::{CN, OU};
    let issuer = &certificate.tbs_certificate.issuer;
    let name = attribute(issuer, CN)?;
    let unit = attribute(issuer, OU).unwrap_or_default();
    match (&name[..], &unit[..]) {
        ("Developer ID Certification Authority", "G2") => {
            Some("https://www.apple.com/certificateauthority/DeveloperIDG2CA.cer")
        }
        ("Developer ID Certification Authority", _) => {
            Some("https://www.apple.com/certificateauthority/DeveloperIDCA.cer")
        }
        ("Apple Worldwide Developer Relations Certification Authority", "G2") => {
            Some("https://www.apple.com/certificateauthority/AppleWWDRCAG2.cer")
        }
        ("Apple Worldwide Developer Relations Certification Authority", "G3") => {
            Some("https://www.apple.com/certificateauthority/AppleWWDRCAG3.cer")
        }
        ("Apple Worldwide Developer Relations Certification Authority", "G4") => {
            Some("https://www.apple.com/certificateauthority/AppleWWDRCAG4.cer")
        }
        ("Apple Worldwide Developer Relations Certification Authority", "G5") => {
            Some("https://www.apple.com/certificateauthority/AppleWWDRCAG5.cer")
        }
        ("Apple Worldwide Developer Relations Certification Authority", "G6") => {
            Some("https://www.apple.com/certificateauthority/AppleWWDRCAG6.cer")
        }
        (name, _) if name.starts_with("Microsoft ID Verified ") => {
            Some("https://www.microsoft.com/pkiops/docs/repository.htm")
        }
        _ => None,
    }
}
