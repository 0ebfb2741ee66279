//! The credentials of a call: a token in its headers, or the certificate of its connection.
//!
//! A token goes before a certificate, and one that is of no use is refused: the call does not fall
//! back to the certificate, nor to what all may read.

use std::{fmt, sync::Arc};

use http::{HeaderMap, header::AUTHORIZATION};
use time::OffsetDateTime;
use tokio::time::Instant;

use super::{
    key_sets::KeySets,
    refusal::{self, keys_missing, unauthenticated},
};
use crate::{
    domain::access::{BadJwt, BadToken, Denied, Principal, Rights, TokenHash, is_jwt, is_token},
    grpc::{
        origin::{ClientCertificate, Origin},
        status::RpcError,
    },
};

/// How the header of a token begins, in any case of letters.
const SCHEME: &str = "bearer ";

/// What a call brings.
#[derive(Clone, Debug)]
pub(super) enum Credential {
    /// Nothing.
    None,
    /// A token, of which the hash is kept.
    Token(TokenHash),
    /// A JWT, which is verified again when the policy has changed.
    Jwt(Jwt),
    /// A verified certificate.
    Certificate(Arc<ClientCertificate>),
}

/// A JWT. It is not printed.
#[derive(Clone)]
pub(super) struct Jwt(Arc<str>);

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jwt(..)")
    }
}

/// The principal of a credential, and until when it is one.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    pub(super) principal: Option<Arc<Principal>>,
    pub(super) until: Option<OffsetDateTime>,
}

impl Credential {
    /// The credential of a call with these headers, over a connection of this origin.
    pub(super) fn of(headers: &HeaderMap, origin: &Origin) -> Result<Self, RpcError> {
        let mut given = headers.get_all(AUTHORIZATION).iter();
        let Some(header) = given.next() else {
            return Ok(origin.certificate.clone().map_or(Self::None, Self::Certificate));
        };
        if given.next().is_some() {
            return Err(unauthenticated(
                "the header `authorization` is there twice; send one token",
            ));
        }
        if !origin.is_private() {
            return Err(unauthenticated(
                "a token came in plain text from another machine, so others may have read it; \
                 revoke it, and connect by https://",
            ));
        }
        match header.to_str().ok().and_then(bearer) {
            Some(token) if is_token(token) => Ok(Self::Token(TokenHash::of(token))),
            Some(token) if is_jwt(token) => Ok(Self::Jwt(Jwt(token.into()))),
            Some(_) | None => Err(unauthenticated(
                "the header `authorization` is not `Bearer` and a token of handover, or a JWT",
            )),
        }
    }

    /// The principal of the credential. A certificate that the policy does not name is none.
    pub(super) fn known(
        &self,
        rights: &Rights,
        keys: &KeySets,
        now: OffsetDateTime,
    ) -> Result<Known, RpcError> {
        match self {
            Self::None => Ok(Known::default()),
            Self::Token(hash) => {
                let found = rights.of_token(hash, now);
                let (principal, until) = found.map_err(|bad| unauthenticated(bad.to_string()))?;
                Ok(Known { principal: Some(principal), until })
            }
            Self::Jwt(Jwt(token)) => {
                let found = rights.of_jwt(token, now);
                let (principal, until) = found.map_err(|bad| refused(&bad, keys))?;
                Ok(Known { principal: Some(principal), until: Some(until) })
            }
            Self::Certificate(certificate) => {
                let until = certificate.until.and_then(|until| {
                    let seconds = i64::try_from(until.as_secs()).ok()?;
                    OffsetDateTime::from_unix_timestamp(seconds).ok()
                });
                let Some(principal) = rights.of_certificate(&certificate.subject) else {
                    return Ok(Known::default());
                };
                if until.is_some_and(|until| until <= now) {
                    return Err(unauthenticated("the client's certificate has expired"));
                }
                Ok(Known { principal: Some(principal), until })
            }
        }
    }
}

impl Credential {
    /// The refusal of a call with this credential. A certificate that is no login is named: else
    /// its owner would look for a fault in the certificate.
    pub(super) fn denied(&self, problem: &Denied) -> RpcError {
        match (problem, self) {
            (Denied::NoCredentials, Self::Certificate(certificate)) => unauthenticated(format!(
                "this needs credentials, and no identity of the policy has the subject of the \
                 client's certificate, {:?}",
                certificate.subject
            )),
            _ => refusal::denied(problem),
        }
    }
}

/// The refusal of a JWT. That its issuer's keys are not there is no fault of the caller.
fn refused(bad: &BadToken, keys: &KeySets) -> RpcError {
    if matches!(bad, BadToken::Jwt(BadJwt::NoKeys(_))) {
        return keys_missing(bad);
    }
    if let BadToken::Jwt(BadJwt::UnknownKey(issuer)) = bad
        && !keys.is_new(issuer, Instant::now())
    {
        return keys_missing(bad);
    }
    unauthenticated(bad.to_string())
}

/// What follows `Bearer`.
fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(token)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;
    use crate::domain::access::token_from;

    fn origin(encrypted: bool) -> Origin {
        let certificate = ClientCertificate { subject: "CN=desk".to_owned(), until: None };
        let (address, certificate) = (Some("10.0.0.1:1".parse().unwrap()), Some(certificate));
        Origin { address, encrypted, certificate: certificate.map(Arc::new) }
    }

    fn found(values: &[&str], origin: &Origin) -> Result<Credential, String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        Credential::of(&headers, origin)
            .map_err(|error| tonic::Status::from(error).message().into())
    }

    #[test]
    fn a_token_goes_before_a_certificate_and_nothing_takes_the_place_of_a_bad_one() {
        let token = token_from(&[1; 32]);
        let of = |values: &[&str]| found(values, &origin(true));
        assert!(matches!(of(&[]), Ok(Credential::Certificate(_))));
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let found = of(&[&format!("{scheme} {token}")]).unwrap();
            let Credential::Token(hash) = found else { panic!("{found:?}") };
            assert!(hash.is(&TokenHash::of(&token)));
        }
        for bad in ["", "Bearer", "Bearer ", &token, "Basic YTpi", &format!("Bearer  {token}")] {
            let error = of(&[bad]).unwrap_err();
            assert!(error.contains("is not `Bearer` and a token"), "{bad}: {error}");
            assert!(!error.contains(&token));
        }
        let both = format!("Bearer {token}");
        assert!(of(&[&both, &both]).unwrap_err().contains("there twice"));
    }

    #[test]
    fn a_certificate_that_no_identity_has_is_named() {
        let said = |credential: &Credential| {
            tonic::Status::from(credential.denied(&Denied::NoCredentials)).message().to_owned()
        };
        let certificate = Credential::of(&HeaderMap::new(), &origin(true)).unwrap();
        assert!(said(&certificate).contains("certificate, \"CN=desk\""), "{}", said(&certificate));
        assert!(said(&Credential::None).contains("a token, or a client certificate"));
    }

    #[test]
    fn a_token_in_plain_text_is_taken_from_this_machine_alone() {
        let header = format!("Bearer {}", token_from(&[1; 32]));
        let error = found(&[&header], &origin(false)).unwrap_err();
        assert!(error.contains("plain text from another machine"), "{error}");
        let address = Some("127.0.0.1:1".parse().unwrap());
        let own = Origin { address, ..Origin::default() };
        assert!(matches!(found(&[&header], &own), Ok(Credential::Token(_))));
        assert!(matches!(found(&[], &own), Ok(Credential::None)));
    }
}
