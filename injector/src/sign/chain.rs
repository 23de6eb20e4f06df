//! What certificates say: from when to when, for what, and by whom.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519;
use const_oid::db::rfc5280;
use const_oid::db::rfc5912;
use der::{Decode, Encode};
use x509_cert::Certificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    AuthorityInfoAccessSyntax, BasicConstraints, ExtendedKeyUsage, KeyUsage,
};
use x509_cert::name::Name;

use super::doubt::Doubt;
use super::key::{self, Hash, Public};
use crate::text;

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

/// Seconds since 1970 as RFC 3339 has it, in UTC.
pub(super) fn moment(seconds: u64) -> String {
    let date = der::DateTime::from_unix_duration(std::time::Duration::from_secs(seconds));
    date.map_or_else(|_| seconds.to_string(), |date| date.to_string())
}

fn constraints(certificate: &Certificate) -> Option<BasicConstraints> {
    extension(certificate, rfc5280::ID_CE_BASIC_CONSTRAINTS)
}

fn is_authority(certificate: &Certificate) -> bool {
    constraints(certificate).is_some_and(|constraints| constraints.ca)
}

/// Whether `issuer` signed `certificate`; `None` for an algorithm that is not known here.
fn is_signed_by(certificate: &Certificate, issuer: &Certificate) -> Option<bool> {
    // The algorithm stands in it twice, and only one of them is signed.
    if certificate.signature_algorithm != certificate.tbs_certificate.signature {
        return Some(false);
    }
    let hash = Hash::of(certificate.signature_algorithm.oid)?;
    let key = Public::of(&issuer.tbs_certificate.subject_public_key_info)?;
    let body = certificate.tbs_certificate.to_der().ok()?;
    let signature = certificate.signature.as_bytes();
    Some(signature.is_some_and(|signature| key.verify(hash, &body, signature)))
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
        let is_issuer = |one: &&&Certificate| one.tbs_certificate.subject == last.issuer;
        let below = chain[chain.len() - 1];
        let signed = |one: &&&Certificate| is_signed_by(below, one) == Some(true);
        // An authority that got a new key has the name it had.
        let mut issuers = pool.iter().filter(is_issuer);
        let first = issuers.clone().next();
        let Some(issuer) = issuers.find(signed).or(first) else {
            break;
        };
        chain.push(issuer);
    }
    chain
}

/// Whether a certificate names itself as its issuer, as roots do.
fn is_root(certificate: &Certificate) -> bool {
    certificate.tbs_certificate.subject == certificate.tbs_certificate.issuer
}

/// Everything that is doubtful at a time about a chain of certificates for code: what `sign` warns
/// of, and what `verify` tells.
pub(super) fn doubts(chain: &[&Certificate], time: u64) -> Vec<Doubt> {
    let mut doubts: Vec<Doubt> = problems(chain, time)
        .into_iter()
        .chain(unchecked(chain))
        .map(Doubt::Chain)
        .collect();
    if let Some(last) = chain.last().filter(|last| !is_root(last)) {
        let place =
            issuer_url(last).map_or_else(String::new, |url| format!(" (published at {url})"));
        let issuer = attribute(&last.tbs_certificate.issuer, rfc4519::CN).unwrap_or_default();
        doubts.push(Doubt::NoIssuer(format!(
            "the certificate of `{}`, which issued that of `{}`, is missing{place}",
            text::name(&issuer),
            shown_name(last),
        )));
    }
    if let Some(leaf) = chain.first()
        && usage(leaf, Purpose::CodeSigning) == Usage::Missing
    {
        doubts.push(Doubt::Purpose(common_name(leaf)));
    }
    doubts
}

/// Whether all that is missing from a chain seems to be its root, which every system has and no
/// signature needs. A certificate does not say whether its issuer is a root, so the signer's own
/// issuer counts as an intermediate, as do the intermediates that are known by name.
pub(super) fn lacks_only_a_root(chain: &[&Certificate]) -> bool {
    match chain {
        [_, .., last] => published(last).is_none(),
        _ => false,
    }
}

/// What cannot be checked of who issued whom.
pub(super) fn unchecked(chain: &[&Certificate]) -> Vec<String> {
    let pairs = chain.iter().zip(chain.iter().skip(1));
    let unchecked = pairs.filter(|(below, above)| is_signed_by(below, above).is_none());
    let told = unchecked.map(|(below, above)| {
        let algorithm = match Hash::of(below.signature_algorithm.oid) {
            Some(_) => key::kind(&above.tbs_certificate.subject_public_key_info),
            None => key::name(below.signature_algorithm.oid),
        };
        format!(
            "whether `{}` signed the certificate of `{}` is not checked here: {algorithm}",
            shown_name(above),
            shown_name(below)
        )
    });
    told.collect()
}

/// Everything that is wrong at a time with a chain of certificates for code.
fn problems(chain: &[&Certificate], time: u64) -> Vec<String> {
    let mut problems = Vec::new();
    if let Some(leaf) = chain.first() {
        let name = shown_name(leaf);
        if usage(leaf, Purpose::CodeSigning) == Usage::Other {
            problems.push(format!(
                "the certificate of `{name}` is not for signing code"
            ));
        }
        if !may_sign(leaf) {
            problems.push(format!(
                "the certificate of `{name}` has no digitalSignature in its key usage"
            ));
        }
        if is_authority(leaf) {
            problems.push(format!(
                "the certificate of `{name}` is an authority's (CA:TRUE), and systems may reject \
                 programs that it signs"
            ));
        }
    }
    problems.extend(path_problems(chain, time));
    for (depth, issuer) in chain.iter().enumerate().skip(1) {
        let name = shown_name(issuer);
        if !is_root(issuer) && !may_issue_for_code(issuer) {
            problems.push(format!(
                "`{name}` is an authority for other purposes than signing code"
            ));
        }
        let key_usage: Option<KeyUsage> = extension(issuer, rfc5280::ID_CE_KEY_USAGE);
        if key_usage.is_some_and(|usage| !usage.key_cert_sign()) {
            problems.push(format!(
                "the certificate of `{name}` has no keyCertSign in its key usage"
            ));
        }
        let longest = constraints(issuer).and_then(|constraints| constraints.path_len_constraint);
        // Authorities between it and the signer.
        if longest.is_some_and(|longest| usize::from(longest) < depth - 1) {
            problems.push(format!("`{name}` allows no authority this far below it"));
        }
    }
    problems
}

/// The first thing that is wrong with a chain at a time, if anything: who issued whom, and until
/// when.
pub(super) fn problem(chain: &[&Certificate], time: u64) -> Option<String> {
    path_problems(chain, time).into_iter().next()
}

fn path_problems(chain: &[&Certificate], time: u64) -> Vec<String> {
    let mut problems = Vec::new();
    for (index, certificate) in chain.iter().enumerate() {
        let name = shown_name(certificate);
        let (start, end) = validity(certificate);
        if time < start {
            problems.push(format!(
                "the certificate of `{name}` is valid from {}",
                moment(start)
            ));
        }
        if time > end {
            problems.push(format!(
                "the certificate of `{name}` was valid until {}",
                moment(end)
            ));
        }
        let Some(issuer) = chain.get(index + 1) else {
            // Nobody else vouches for what stands in it.
            if is_root(certificate) && is_signed_by(certificate, certificate) == Some(false) {
                problems.push(format!("`{name}` did not sign its own certificate"));
            }
            continue;
        };
        let above = shown_name(issuer);
        if !is_authority(issuer) {
            problems.push(format!("`{above}` is not an authority"));
        }
        if is_signed_by(certificate, issuer) == Some(false) {
            problems.push(format!(
                "`{above}` did not sign the certificate of `{name}`"
            ));
        }
    }
    problems
}

/// A certificate's name in one line.
fn shown_name(certificate: &Certificate) -> String {
    text::name(&common_name(certificate))
}

/// Whether the key may sign what is no certificate.
pub(super) fn may_sign(certificate: &Certificate) -> bool {
    let usage: Option<KeyUsage> = extension(certificate, rfc5280::ID_CE_KEY_USAGE);
    usage.is_none_or(|usage| usage.digital_signature())
}

/// Whether those for whom the authority vouches may sign code: the purposes in its certificate, if
/// there are any, bound theirs (as Windows sees it).
fn may_issue_for_code(issuer: &Certificate) -> bool {
    let usage: Option<ExtendedKeyUsage> = extension(issuer, rfc5280::ID_CE_EXT_KEY_USAGE);
    let allowed = [Purpose::CodeSigning.oid(), rfc5280::ANY_EXTENDED_KEY_USAGE];
    usage.is_none_or(|usage| usage.0.iter().any(|purpose| allowed.contains(purpose)))
}

/// Where the certificate of the issuer can be had: what the certificate says, or what is known of
/// Apple's and Microsoft's authorities.
fn issuer_url(certificate: &Certificate) -> Option<String> {
    let access: Option<AuthorityInfoAccessSyntax> =
        extension(certificate, rfc5280::ID_PE_AUTHORITY_INFO_ACCESS);
    let named = access
        .iter()
        .flat_map(|access| &access.0)
        .find_map(|access| match &access.access_location {
            GeneralName::UniformResourceIdentifier(url)
                if access.access_method == rfc5912::ID_AD_CA_ISSUERS =>
            {
                Some(text::name(url.as_ref()))
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
