//! Where the keys of an issuer come from: a file, an address, or the address that the issuer's
//! discovery document names (`OpenID` Connect Discovery 1.0).

use std::{fmt, net::IpAddr};

use http::Uri;

/// Characters that an address may have.
const CHARACTERS: usize = 2 << 10;
/// Where an issuer has its discovery document, behind its name.
const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// Where the keys of an issuer come from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum KeySource {
    /// A file, from the policy's folder on.
    File(String),
    /// An address that answers with them.
    Address(KeyAddress),
    /// An address that answers with the issuer's discovery document.
    Discovery(KeyAddress),
}

/// An address from which keys are fetched: `https`, or `http` within this machine.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyAddress {
    /// Whether what is sent is encrypted.
    pub encrypted: bool,
    /// The name or address of the host, without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Host and port as the address has them.
    pub authority: String,
    /// The path, with its query.
    pub path: String,
}

impl KeySource {
    /// Reads what a policy names; an issuer without anything is found by its name.
    pub(in crate::domain::access) fn parse(
        issuer: &str,
        jwks: Option<String>,
    ) -> Result<Self, String> {
        match jwks {
            Some(jwks) if jwks.contains("://") => KeyAddress::parse(&jwks)
                .map(Self::Address)
                .map_err(|problem| format!("jwks {jwks:?} {problem}")),
            Some(jwks) => Ok(Self::File(jwks)),
            None => discovery(issuer).map(Self::Discovery).map_err(|problem| {
                format!(
                    "the issuer {issuer:?} has no jwks, and is no address of a discovery document: \
                     it {problem}"
                )
            }),
        }
    }

    /// Whether they are fetched.
    pub fn is_fetched(&self) -> bool {
        !matches!(self, Self::File(_))
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file {path}"),
            Self::Address(address) => write!(f, "{address}"),
            Self::Discovery(address) => write!(f, "what {address} names"),
        }
    }
}

fn discovery(issuer: &str) -> Result<KeyAddress, String> {
    if issuer.contains('?') {
        return Err("has a query".to_owned());
    }
    KeyAddress::parse(&format!("{}{WELL_KNOWN}", issuer.trim_end_matches('/')))
}

impl KeyAddress {
    /// Reads an address; the error says what is wrong with it, as in "has a fragment".
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > CHARACTERS {
            return Err(format!("has more than {CHARACTERS} bytes"));
        }
        // The library leaves fragments out without a word.
        if text.contains('#') {
            return Err("has a fragment".to_owned());
        }
        let uri: Uri = text.parse().map_err(|error| format!("is no address: {error}"))?;
        let authority = uri.authority().ok_or_else(|| "names no host".to_owned())?;
        if authority.as_str().contains('@') {
            return Err("has a user or a password".to_owned());
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        let encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if is_own(&host) => false,
            Some("http") => {
                return Err("begins with http://, which is for this machine alone; use https://, \
                            or others could exchange the keys"
                    .to_owned());
            }
            Some(_) | None => return Err("does not begin with https://".to_owned()),
        };
        let port = authority.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let path = uri.path_and_query().map_or("/", |it| it.as_str()).to_owned();
        Ok(Self { encrypted, host, port, authority: authority.as_str().to_owned(), path })
    }
}

/// Whether a host is this machine.
fn is_own(host: &str) -> bool {
    host == "localhost"
        || host.parse().is_ok_and(|address: IpAddr| address.to_canonical().is_loopback())
}

impl fmt::Display for KeyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.encrypted { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_https_or_within_this_machine() {
        for (text, host, port, path) in [
            ("https://id.example/keys?v=1", "id.example", 443, "/keys?v=1"),
            ("https://id.example:8443", "id.example", 8443, "/"),
            ("https://[2001:db8::1]/keys", "2001:db8::1", 443, "/keys"),
            ("http://127.0.0.1:8080/keys", "127.0.0.1", 8080, "/keys"),
            ("http://[::1]/keys", "::1", 80, "/keys"),
            ("http://localhost/keys", "localhost", 80, "/keys"),
        ] {
            let address = KeyAddress::parse(text).unwrap();
            let found = (address.host.as_str(), address.port, address.path.as_str());
            assert_eq!(found, (host, port, path), "{text}");
            assert_eq!(address.encrypted, text.starts_with("https"));
        }
        for (text, problem) in [
            ("http://id.example/keys", "use https://"),
            ("http://10.0.0.1/keys", "use https://"),
            ("http://127.0.0.1.example/keys", "use https://"),
            ("ftp://id.example/keys", "does not begin with https://"),
            ("//id.example/keys", "names no host"),
            ("https://user:secret@id.example/keys", "a user or a password"),
            ("https://id.example/keys#one", "a fragment"),
            ("https:///keys", ""),
            ("https://id example/keys", "is no address"),
            (&format!("https://id.example/{}", "a".repeat(CHARACTERS)), "more than 2048 bytes"),
        ] {
            let error = KeyAddress::parse(text).unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }

    #[test]
    fn an_issuer_without_keys_is_found_by_its_name() {
        let source = |issuer: &str, jwks: Option<&str>| {
            KeySource::parse(issuer, jwks.map(str::to_owned)).map(|source| source.to_string())
        };
        let well_known = "what https://id.example/a/.well-known/openid-configuration names";
        assert_eq!(source("https://id.example/a", None).unwrap(), well_known);
        assert_eq!(source("https://id.example/a/", None).unwrap(), well_known);
        assert_eq!(source("i", Some("keys.json")).unwrap(), "the file keys.json");
        assert_eq!(source("i", Some("https://id.example/k")).unwrap(), "https://id.example/k");
        assert!(source("i", Some("http://id.example/k")).unwrap_err().contains("use https://"));
        assert!(source("i", None).unwrap_err().contains("has no jwks"));
        assert!(source("https://id.example/?a=b", None).unwrap_err().contains("has a query"));
    }
}
