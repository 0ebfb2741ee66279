//! Tokens of another issuer: JSON Web Tokens (RFC 7519), signed by a key of the issuer's set.
//!
//! The algorithm is the key's, never the token's own choice: `none`, or another one than the key
//! is for, is refused. Issuer, audience, subject and expiry have to be there. Clocks may differ by
//! 60 s.

mod keys;
mod source;

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, de::DeserializeOwned};
use time::{Duration, OffsetDateTime};

use self::keys::Missing;
pub use self::{
    keys::Keys,
    source::{KeyAddress, KeySource},
};

/// How far the clock of an issuer may be from the server's.
const SKEW: Duration = Duration::seconds(60);
/// Characters of an algorithm's name that an error repeats.
const ALG_CHARACTERS: usize = 32;
/// The algorithms that are accepted, as errors have them.
const KNOWN: &str = "RS256 to RS512, PS256 to PS512, ES256, ES384 and EdDSA (Ed25519)";
/// Characters that a token may have.
const CHARACTERS: usize = 8 << 10;

/// An issuer whose tokens are accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer {
    /// Its name, as tokens have it in `iss`.
    pub name: String,
    /// What tokens have to be for, in `aud`.
    pub audience: String,
    /// Where its keys come from.
    pub keys: KeySource,
    /// The file with the authorities that may have issued the certificate of that address, from the
    /// policy's folder on; `None`: those of the system.
    pub ca: Option<String>,
}

/// Why a JWT is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadJwt {
    /// It is malformed, or a part is missing.
    #[error("the token is not a JWT that can be read: {0}")]
    Malformed(Cow<'static, str>),
    /// The policy does not name its issuer.
    #[error("the policy has no issuer {0:?}")]
    Issuer(String),
    /// It is signed by an algorithm that no key is for: none, a shared secret, or an unknown one.
    #[error("the token is signed by {0:?}, which is not accepted; {KNOWN} are")]
    Algorithm(String),
    /// The keys of its issuer, which has this name, are not there.
    #[error("the keys of the issuer {0:?} are not there")]
    NoKeys(String),
    /// Its issuer, which has this name, has no key of its kid.
    #[error("no key of the issuer {0:?} has the token's kid")]
    UnknownKey(String),
    /// No key of its issuer fits it.
    #[error("no key of the token's issuer has its kid and its alg")]
    Key,
    /// Its signature is not that of the key.
    #[error("the token's signature is wrong")]
    Signature,
    /// It is for another audience.
    #[error("the token is for another audience")]
    Audience,
    /// It is not valid yet.
    #[error("the token is valid from {0} on, which is later than now")]
    Early(OffsetDateTime),
    /// It has expired.
    #[error("the token expired on {0}")]
    Expired(OffsetDateTime),
}

/// What a verified token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verified {
    pub(super) issuer: String,
    pub(super) subject: String,
    /// When it is refused from.
    pub(super) until: OffsetDateTime,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Some(Vec<String>),
}

impl Audience {
    fn has(&self, wanted: &str) -> bool {
        match self {
            Self::One(one) => one == wanted,
            Self::Some(some) => some.iter().any(|one| one == wanted),
        }
    }
}

/// Whether a text looks like a JWT: three parts in base64url.
pub fn is_jwt(text: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.len() <= CHARACTERS && text.split('.').count() == 3 && text.split('.').all(part)
}

/// What a token says, if one of these issuers has signed it and it is valid now.
pub(super) fn verified(
    token: &str,
    issuers: &[(Issuer, Option<Keys>)],
    now: OffsetDateTime,
) -> Result<Verified, BadJwt> {
    let malformed = |problem: &'static str| BadJwt::Malformed(problem.into());
    let (signed, signature) = token.rsplit_once('.').ok_or_else(|| malformed("it has no parts"))?;
    let (header, claims) = signed.split_once('.').ok_or_else(|| malformed("it has two parts"))?;
    let (header, claims): (Header, Claims) = (json(header)?, json(claims)?);
    if header.crit.is_some() {
        return Err(malformed("it has critical extensions, and the server knows none"));
    }
    let found = issuers.iter().find(|(issuer, _)| issuer.name == claims.iss);
    let (issuer, keys) = found.ok_or_else(|| BadJwt::Issuer(claims.iss.clone()))?;
    if !keys::is_known(&header.alg) {
        return Err(BadJwt::Algorithm(header.alg.chars().take(ALG_CHARACTERS).collect()));
    }
    let keys = keys.as_ref().ok_or_else(|| BadJwt::NoKeys(issuer.name.clone()))?;
    let found = keys.find(header.kid.as_deref(), &header.alg);
    let key = found.map_err(|missing| match missing {
        Missing::Id => BadJwt::UnknownKey(issuer.name.clone()),
        Missing::Other => BadJwt::Key,
    })?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| BadJwt::Signature)?;
    if !key.verifies(signed.as_bytes(), &signature) {
        return Err(BadJwt::Signature);
    }
    if !claims.aud.has(&issuer.audience) {
        return Err(BadJwt::Audience);
    }
    let until = check_times(&claims, now)?;
    Ok(Verified { issuer: claims.iss, subject: claims.sub, until })
}

/// Refuses what is over or has not begun. Answers when the token is refused from.
fn check_times(claims: &Claims, now: OffsetDateTime) -> Result<OffsetDateTime, BadJwt> {
    for begins in [claims.nbf, claims.iat].into_iter().flatten() {
        let begins = moment(begins)?;
        if begins > now + SKEW {
            return Err(BadJwt::Early(begins));
        }
    }
    let expires = moment(claims.exp)?;
    let until = expires.checked_add(SKEW).unwrap_or(expires);
    if until <= now { Err(BadJwt::Expired(expires)) } else { Ok(until) }
}

/// A time of a token, in seconds since the Unix epoch; parts of a second are left out.
fn moment(seconds: f64) -> Result<OffsetDateTime, BadJwt> {
    let problem = || BadJwt::Malformed("a time in it is out of range".into());
    let whole = format!("{:.0}", seconds.floor()).parse().map_err(|_| problem())?;
    OffsetDateTime::from_unix_timestamp(whole).map_err(|_| problem())
}

fn json<T: DeserializeOwned>(part: &str) -> Result<T, BadJwt> {
    let bytes = URL_SAFE_NO_PAD.decode(part);
    let bytes = bytes.map_err(|_| BadJwt::Malformed("it is not in base64url".into()))?;
    // The words of the library quote names of claims, and no values but numbers.
    serde_json::from_slice(&bytes).map_err(|error| BadJwt::Malformed(error.to_string().into()))
}

#[cfg(test)]
mod tests;
