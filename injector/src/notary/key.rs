//! Keys of App Store Connect, and the tokens they sign.
//!
//! A key is the `.p8` file that Apple offers for download once (PKCS#8 in PEM, ECDSA with P-256),
//! with an id of its own and the issuer's id of the team. Other tools keep the three together in a
//! JSON file: `key_id`, `issuer_id`, and the key as `private_key` (base64 of the DER, rcodesign) or
//! `key` (the PEM, fastlane).
//!
//! Tokens are JSON Web Tokens (RFC 7519) with ES256 signatures (RFC 7518, 3.4): two numbers of 32
//! bytes, not DER.

use std::fmt;
use std::path::Path;
use std::time::Duration;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{Signature, SigningKey};
use p256::pkcs8::DecodePrivateKey;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::error::NotaryError;
use crate::sign::SignError;
use crate::sign::{identity, pem};

/// Apple's name for whom the token is for.
const AUDIENCE: &str = "appstoreconnect-v1";

/// A key with the names it goes by.
pub struct ApiKey {
    id: String,
    issuer: String,
    key: SigningKey,
}

impl fmt::Debug for ApiKey {
    /// Without the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl ApiKey {
    /// Loads a key. Its ids may stand in the file; that of the key also in its name,
    /// `AuthKey_ID.p8`.
    ///
    /// # Errors
    /// The file cannot be read, is not a key, or nothing says its ids.
    pub fn load(
        path: &Path,
        id: Option<&str>,
        issuer: Option<&str>,
    ) -> Result<ApiKey, NotaryError> {
        let unusable = |problem| NotaryError::Key {
            path: path.to_owned(),
            problem,
        };
        let bytes = identity::read(path).map_err(|error| match error {
            SignError::Io { path, source } => NotaryError::Read { path, source },
            _ => unusable("it cannot be read"),
        })?;
        let (mut own_id, mut own_issuer) = (None, None);
        let der = if bytes.trim_ascii_start().starts_with(b"{") {
            let mut json: Value = serde_json::from_slice(&bytes)
                .map_err(|_| unusable("it looks like JSON, but is not valid JSON"))?;
            let mut take = |name: &str| match json[name].take() {
                Value::String(text) => Some(text),
                _ => None,
            };
            (own_id, own_issuer) = (take("key_id"), take("issuer_id"));
            if let Some(pem) = take("key").map(Zeroizing::new) {
                from_pem(pem.as_bytes())
            } else {
                let text = take("private_key").map(Zeroizing::new);
                let text = text.ok_or_else(|| unusable("there is no key in it"))?;
                Base64::decode_vec(text.trim()).ok().map(Zeroizing::new)
            }
        } else {
            from_pem(&bytes)
        };
        let der = der.ok_or_else(|| unusable("there is no private key in it"))?;
        let key = SigningKey::from_pkcs8_der(&der)
            .map_err(|_| unusable("its key is not one of ECDSA with P-256"))?;
        let id = id.map(str::to_owned).or(own_id).or_else(|| from_name(path));
        let issuer = issuer.map(str::to_owned).or(own_issuer);
        Ok(ApiKey {
            id: id.ok_or_else(|| NotaryError::KeyId {
                path: path.to_owned(),
            })?,
            issuer: issuer.ok_or_else(|| NotaryError::KeyIssuer {
                path: path.to_owned(),
            })?,
            key,
        })
    }

    /// A token that is good from this moment, since 1970, for so long.
    pub(super) fn token(&self, now: Duration, life: Duration) -> Zeroizing<String> {
        let header = json!({ "alg": "ES256", "kid": self.id, "typ": "JWT" });
        let claims = json!({
            "iss": self.issuer,
            "iat": now.as_secs(),
            "exp": (now + life).as_secs(),
            "aud": AUDIENCE,
        });
        let encode = |value: &Value| Base64UrlUnpadded::encode_string(value.to_string().as_bytes());
        let mut token = format!("{}.{}", encode(&header), encode(&claims));
        let signature: Signature = self.key.sign(token.as_bytes());
        token.push('.');
        token.push_str(&Base64UrlUnpadded::encode_string(&signature.to_bytes()));
        Zeroizing::new(token)
    }
}

fn from_pem(bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let blocks = pem::blocks(bytes)?;
    let mut blocks = blocks.into_iter();
    blocks.find_map(|(label, der)| (label == "PRIVATE KEY").then_some(der))
}

fn from_name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let id = name.strip_prefix("AuthKey_")?.strip_suffix(".p8")?;
    (!id.is_empty()).then(|| id.to_owned())
}
