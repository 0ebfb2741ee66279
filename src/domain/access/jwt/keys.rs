//! The keys of an issuer: a JSON Web Key Set (RFC 7517).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{self, RsaParameters, RsaPublicKeyComponents, VerificationAlgorithm};
use serde::Deserialize;

/// Keys of one issuer. Those of unknown kinds, and those for encryption, are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys(Vec<Key>);

/// A public key, and the one algorithm that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Key {
    id: Option<String>,
    algorithm: &'static str,
    public: Public,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Public {
    /// The modulus and the exponent.
    Rsa(Vec<u8>, Vec<u8>),
    /// A point of an elliptic curve.
    Point(Vec<u8>),
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Entry {
    kty: String,
    kid: Option<String>,
    alg: Option<String>,
    r#use: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
}

/// The algorithms of RSA keys; a key that names none is for the first.
const OF_RSA: [&str; 6] = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

/// The algorithms of other keys.
const OF_CURVES: [&str; 3] = ["ES256", "ES384", "EdDSA"];

/// Whether a key can be for an algorithm.
pub(super) fn is_known(algorithm: &str) -> bool {
    OF_RSA.into_iter().chain(OF_CURVES).any(|known| known == algorithm)
}

/// Why there is no key for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Missing {
    /// None has the id that it names.
    Id,
    /// One has, and is for another algorithm; or the token names none, and there are several.
    Other,
}

impl Keys {
    /// Reads a set; one without any key that can be used is refused.
    pub fn parse(text: &str) -> Result<Self, String> {
        let set: Set = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let entries = set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok());
        let keys: Vec<Key> = entries.filter_map(Key::of).collect();
        if keys.is_empty() {
            let problem = "it has no key for signatures by RS256 to RS512, PS256 to PS512, ES256, \
                           ES384 or EdDSA (Ed25519)";
            return Err(problem.to_owned());
        }
        Ok(Self(keys))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The key with this id, if it is for this algorithm. A token without an id fits a set with one
    /// key alone.
    pub(super) fn find(&self, id: Option<&str>, algorithm: &str) -> Result<&Key, Missing> {
        let mut named = self.0.iter().filter(|key| match id {
            Some(id) => key.id.as_deref() == Some(id),
            None => self.0.len() == 1,
        });
        let found = named.find(|key| key.algorithm == algorithm);
        let known = |id| self.0.iter().any(|key| key.id.as_deref() == Some(id));
        let missing = if id.is_none_or(known) { Missing::Other } else { Missing::Id };
        found.ok_or(missing)
    }
}

impl Key {
    fn of(entry: Entry) -> Option<Self> {
        if entry.r#use.as_deref().is_some_and(|used| used != "sig") {
            return None;
        }
        let bytes = |part: &Option<String>| URL_SAFE_NO_PAD.decode(part.as_deref()?).ok();
        let given = entry.alg.as_deref();
        let (algorithm, public) = match (entry.kty.as_str(), entry.crv.as_deref()) {
            ("RSA", _) => {
                let named = given.unwrap_or("RS256");
                let algorithm = OF_RSA.into_iter().find(|it| *it == named)?;
                (algorithm, Public::Rsa(bytes(&entry.n)?, bytes(&entry.e)?))
            }
            ("EC", Some("P-256")) => ("ES256", point(bytes(&entry.x)?, bytes(&entry.y)?, 32)?),
            ("EC", Some("P-384")) => ("ES384", point(bytes(&entry.x)?, bytes(&entry.y)?, 48)?),
            ("OKP", Some("Ed25519")) => ("EdDSA", Public::Point(bytes(&entry.x)?)),
            _ => return None,
        };
        let fits = given.is_none_or(|given| given == algorithm);
        fits.then_some(Self { id: entry.kid, algorithm, public })
    }

    /// Whether the key has made this signature of the message.
    pub(super) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.public {
            Public::Rsa(n, e) => {
                let key = RsaPublicKeyComponents { n, e };
                key.verify(self.of_rsa(), message, signature).is_ok()
            }
            Public::Point(point) => {
                let key = signature::UnparsedPublicKey::new(self.of_curve(), point);
                key.verify(message, signature).is_ok()
            }
        }
    }

    fn of_rsa(&self) -> &'static RsaParameters {
        match self.algorithm {
            "RS384" => &signature::RSA_PKCS1_2048_8192_SHA384,
            "RS512" => &signature::RSA_PKCS1_2048_8192_SHA512,
            "PS256" => &signature::RSA_PSS_2048_8192_SHA256,
            "PS384" => &signature::RSA_PSS_2048_8192_SHA384,
            "PS512" => &signature::RSA_PSS_2048_8192_SHA512,
            _ => &signature::RSA_PKCS1_2048_8192_SHA256,
        }
    }

    fn of_curve(&self) -> &'static dyn VerificationAlgorithm {
        match self.algorithm {
            "ES384" => &signature::ECDSA_P384_SHA384_FIXED,
            "EdDSA" => &signature::ED25519,
            _ => &signature::ECDSA_P256_SHA256_FIXED,
        }
    }
}

/// An uncompressed point.
fn point(x: Vec<u8>, y: Vec<u8>, length: usize) -> Option<Public> {
    let right = x.len() == length && y.len() == length;
    right.then(|| Public::Point([vec![4], x, y].concat()))
}
