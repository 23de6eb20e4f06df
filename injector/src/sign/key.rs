//! Public keys and hashes: what was signed, and by whose key.

use const_oid::db::rfc5912;
use const_oid::{AssociatedOid, ObjectIdentifier};
use p256::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::pkcs1::DecodeRsaPublicKey;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, RsaPublicKey};
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha384, Sha512};
use spki::SubjectPublicKeyInfoOwned;

/// A hash that signatures use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// The hash that an algorithm's number stands for, also as a part of a signature's algorithm.
    pub(super) fn of(oid: ObjectIdentifier) -> Option<Hash> {
        let known = [
            (rfc5912::ID_SHA_1, Hash::Sha1),
            (rfc5912::ID_SHA_256, Hash::Sha256),
            (rfc5912::ID_SHA_384, Hash::Sha384),
            (rfc5912::ID_SHA_512, Hash::Sha512),
            (rfc5912::SHA_1_WITH_RSA_ENCRYPTION, Hash::Sha1),
            (rfc5912::SHA_256_WITH_RSA_ENCRYPTION, Hash::Sha256),
            (rfc5912::SHA_384_WITH_RSA_ENCRYPTION, Hash::Sha384),
            (rfc5912::SHA_512_WITH_RSA_ENCRYPTION, Hash::Sha512),
            (rfc5912::ECDSA_WITH_SHA_256, Hash::Sha256),
            (rfc5912::ECDSA_WITH_SHA_384, Hash::Sha384),
            (rfc5912::ECDSA_WITH_SHA_512, Hash::Sha512),
        ];
        known
            .iter()
            .find(|known| known.0 == oid)
            .map(|known| known.1)
    }

    pub(super) fn oid(self) -> ObjectIdentifier {
        match self {
            Hash::Sha1 => rfc5912::ID_SHA_1,
            Hash::Sha256 => rfc5912::ID_SHA_256,
            Hash::Sha384 => rfc5912::ID_SHA_384,
            Hash::Sha512 => rfc5912::ID_SHA_512,
        }
    }

    pub(super) fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha1 => Sha1::digest(bytes).to_vec(),
            Hash::Sha256 => Sha256::digest(bytes).to_vec(),
            Hash::Sha384 => Sha384::digest(bytes).to_vec(),
            Hash::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    fn padding(self) -> Pkcs1v15Sign {
        match self {
            Hash::Sha1 => Pkcs1v15Sign::new::<Sha1>(),
            Hash::Sha256 => Pkcs1v15Sign::new::<Sha256>(),
            Hash::Sha384 => Pkcs1v15Sign::new::<Sha384>(),
            Hash::Sha512 => Pkcs1v15Sign::new::<Sha512>(),
        }
    }
}

/// What people call an algorithm.
pub(super) fn name(oid: ObjectIdentifier) -> String {
    let known = [
        ("1.2.840.113549.2.2", "MD2"),
        ("1.2.840.113549.2.5", "MD5"),
        ("1.2.840.113549.1.1.2", "MD2 with RSA"),
        ("1.2.840.113549.1.1.4", "MD5 with RSA"),
        ("1.2.840.113549.1.1.10", "RSASSA-PSS"),
        ("1.2.840.10040.4.1", "DSA"),
        ("1.3.132.0.35", "P-521"),
        ("1.3.101.112", "Ed25519"),
    ];
    let number = oid.to_string();
    let known = known.iter().find(|known| known.0 == number);
    let name = known.map(|known| known.1);
    let name = name.or_else(|| const_oid::db::DB.by_oid(&oid));
    name.map_or(number, str::to_owned)
}

/// What people call the kind of a key.
pub(super) fn kind(info: &SubjectPublicKeyInfoOwned) -> String {
    let curve = info.algorithm.parameters.as_ref();
    let curve = curve.and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok());
    match curve.filter(|_| info.algorithm.oid == rfc5912::ID_EC_PUBLIC_KEY) {
        Some(curve) => name(curve),
        None => name(info.algorithm.oid),
    }
}

/// A public key of a kind that is known here.
#[derive(Debug, Clone)]
pub(super) enum Public {
    Rsa(RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
}

impl Public {
    /// `None` for a kind of key that is not known here.
    pub(super) fn of(info: &SubjectPublicKeyInfoOwned) -> Option<Public> {
        let bits = info.subject_public_key.raw_bytes();
        if info.algorithm.oid == rfc5912::RSA_ENCRYPTION {
            return RsaPublicKey::from_pkcs1_der(bits).ok().map(Public::Rsa);
        }
        let curve = info.algorithm.parameters.as_ref()?;
        let curve = curve.decode_as::<ObjectIdentifier>().ok()?;
        if curve == p256::NistP256::OID {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(bits);
            return key.ok().map(Public::P256);
        }
        if curve == p384::NistP384::OID {
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(bits);
            return key.ok().map(Public::P384);
        }
        None
    }

    /// The hash that goes with the key when something is signed.
    pub(super) fn hash(&self) -> Hash {
        match self {
            Public::Rsa(_) | Public::P256(_) => Hash::Sha256,
            // Services that hold such keys sign no other.
            Public::P384(_) => Hash::Sha384,
        }
    }

    /// The algorithm's name for a signer outside, and that of its hash.
    pub(super) fn names(&self) -> (&'static str, &'static str) {
        match self {
            Public::Rsa(_) => ("rsa-pkcs1-sha256", "sha256"),
            Public::P256(_) => ("ecdsa-p256-sha256", "sha256"),
            Public::P384(_) => ("ecdsa-p384-sha384", "sha384"),
        }
    }

    /// The length of the longest signature.
    pub(super) fn longest(&self) -> usize {
        match self {
            Public::Rsa(key) => key.size(),
            Public::P256(_) => 72,
            Public::P384(_) => 104,
        }
    }

    /// Whether the key's owner signed this message.
    pub(super) fn verify(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let digest = hash.digest(message);
        match self {
            Public::Rsa(key) => key.verify(hash.padding(), &digest, signature).is_ok(),
            Public::P256(key) => p256::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok()),
            Public::P384(key) => p384::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok()),
        }
    }

    /// A signature as CMS wants it. Tokens give the two numbers of an ECDSA signature one after the
    /// other, services give them in DER.
    pub(super) fn normal(&self, signature: Vec<u8>) -> Vec<u8> {
        let der = match self {
            Public::Rsa(_) => None,
            Public::P256(_) => p256::ecdsa::Signature::from_slice(&signature)
                .ok()
                .map(|signature| signature.to_der().as_bytes().to_vec()),
            Public::P384(_) => p384::ecdsa::Signature::from_slice(&signature)
                .ok()
                .map(|signature| signature.to_der().as_bytes().to_vec()),
        };
        der.unwrap_or(signature)
    }
}
