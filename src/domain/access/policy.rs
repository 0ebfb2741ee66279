//! The policy file: identities, what they log in with, and their grants.

use std::{collections::HashMap, sync::Arc};

use serde::{Deserialize, Deserializer, de::Error as _};
use toml::Spanned;

use super::{
    call_rate::CallRate,
    categories::Categories,
    jwt::{Issuer, KeySource},
    located::located,
    roles::{Grant, Role},
    subject,
    tokens::check_name,
};

/// What a policy calls the issuers of tokens.
const ISSUER: &str = "issuer";

/// What is wrong with a policy, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PolicyError(String);

/// An identity of the policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) name: Arc<str>,
    pub(super) grants: Vec<Grant>,
    /// Its rate of calls; `None`: it is not bounded.
    pub(super) rate: Option<CallRate>,
    /// Names of its tokens. A token that no identity lists belongs to the identity of its name.
    pub(super) tokens: Vec<String>,
    /// Subjects of its client certificates.
    pub(super) certificates: Vec<String>,
    /// Issuers of its JWTs, each with its subject there.
    pub(super) subjects: Vec<(String, String)>,
}

/// Identities and grants. By default nothing is granted but the roles of tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What callers without credentials may read; `None`: nothing.
    pub(super) public_read: Option<Categories>,
    /// The rate of calls of each caller that has none of its own; `None`: it is not bounded.
    pub(super) rate: Option<CallRate>,
    pub(super) identities: Vec<Identity>,
    pub(super) issuers: Vec<Issuer>,
}

impl Policy {
    /// Reads a policy; the error says what is wrong with it, and in which line.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let file: PolicyFile =
            toml::from_str(text).map_err(|error| PolicyError(located(text, &error)))?;
        let mut seen = Seen { text, lines: HashMap::new() };
        let issuers = file.issuer.into_iter().map(|entry| seen.issuer(entry));
        let issuers = issuers.collect::<Result<_, _>>()?;
        let rate = file.rate;
        let identities = file.identity.into_iter().map(|entry| seen.identity(entry, rate));
        let identities = identities.collect::<Result<_, _>>()?;
        Ok(Self { public_read: file.public_read.0, rate, identities, issuers })
    }

    /// The issuers of JWTs.
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }
}

/// What has been named so far, by kind and name, with the line where.
struct Seen<'a> {
    text: &'a str,
    lines: HashMap<(&'static str, String), usize>,
}

impl Seen<'_> {
    fn identity(
        &mut self,
        entry: Entry,
        of_all: Option<CallRate>,
    ) -> Result<Identity, PolicyError> {
        let name = self.once("identity", entry.name)?;
        let tokens = entry.tokens.into_iter().map(|it| self.once("token", it));
        let tokens = tokens.collect::<Result<_, _>>()?;
        let certificates = entry.certificates.into_iter().map(|it| self.certificate(it));
        let certificates = certificates.collect::<Result<_, _>>()?;
        let subjects = entry.subjects.into_iter().map(|it| self.subject(it));
        let subjects = subjects.collect::<Result<_, _>>()?;
        let grants = entry.grants.into_iter().map(Into::into).collect();
        let rate = entry.rate.or(of_all);
        Ok(Identity { name: name.into(), grants, tokens, certificates, subjects, rate })
    }

    fn issuer(&mut self, entry: IssuerEntry) -> Result<Issuer, PolicyError> {
        let line = self.line(&entry.name);
        let wrong = |problem: String| PolicyError(format!("line {line}: {problem}"));
        let IssuerEntry { name, audience, jwks, ca } = entry;
        let name = self.once(ISSUER, name)?;
        let keys = KeySource::parse(&name, jwks).map_err(wrong)?;
        if ca.is_some() && !keys.is_fetched() {
            return Err(wrong(format!(
                "ca is for keys that are fetched, and those of {name:?} are in a file"
            )));
        }
        Ok(Issuer { name, audience, keys, ca })
    }

    /// The subject of a certificate, as the server finds it in one.
    fn certificate(&mut self, subject: Spanned<String>) -> Result<String, PolicyError> {
        let line = self.line(&subject);
        let subject = self.once("certificate", subject)?;
        subject::check(&subject).map_err(|it| PolicyError(format!("line {line}: {it}")))?;
        Ok(subject)
    }

    /// A subject of an issuer that the policy has.
    fn subject(&mut self, entry: SubjectEntry) -> Result<(String, String), PolicyError> {
        let SubjectEntry { issuer, subject } = entry;
        let line = self.line(&subject);
        if !self.lines.contains_key(&(ISSUER, issuer.clone())) {
            return Err(PolicyError(format!("line {line}: there is no issuer {issuer:?}")));
        }
        let subject = subject.into_inner();
        let both = format!("{subject} of {issuer}");
        self.noted("subject", both, line).map(|_| (issuer, subject))
    }

    fn line(&self, text: &Spanned<String>) -> usize {
        let before = self.text.get(..text.span().start).unwrap_or_default();
        1 + before.matches('\n').count()
    }

    /// A name that no other thing of its kind has.
    fn once(&mut self, kind: &'static str, name: Spanned<String>) -> Result<String, PolicyError> {
        let line = self.line(&name);
        let name = name.into_inner();
        check_name(&name).map_err(|problem| PolicyError(format!("line {line}: {problem}")))?;
        self.noted(kind, name, line)
    }

    fn noted(
        &mut self,
        kind: &'static str,
        name: String,
        line: usize,
    ) -> Result<String, PolicyError> {
        match self.lines.insert((kind, name.clone()), line) {
            None => Ok(name),
            Some(first) => Err(PolicyError(format!(
                "line {line}: the {kind} {name:?} is in line {first} already; name it once"
            ))),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PolicyFile {
    #[serde(default)]
    public_read: PublicRead,
    rate: Option<CallRate>,
    #[serde(default)]
    identity: Vec<Entry>,
    #[serde(default)]
    issuer: Vec<IssuerEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssuerEntry {
    name: Spanned<String>,
    audience: String,
    jwks: Option<String>,
    ca: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SubjectEntry {
    issuer: String,
    subject: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Spanned<String>,
    #[serde(default)]
    tokens: Vec<Spanned<String>>,
    #[serde(default)]
    certificates: Vec<Spanned<String>>,
    #[serde(default)]
    subjects: Vec<SubjectEntry>,
    grants: Vec<GrantEntry>,
    rate: Option<CallRate>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantEntry {
    role: Role,
    categories: Option<Categories>,
}

impl From<GrantEntry> for Grant {
    fn from(GrantEntry { role, categories }: GrantEntry) -> Self {
        Self { role, categories: categories.unwrap_or(Categories::All) }
    }
}

/// `true`, `false`, or categories.
#[derive(Default)]
struct PublicRead(Option<Categories>);

impl<'de> Deserialize<'de> for PublicRead {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let given = toml::Value::deserialize(from)?;
        if let Some(read) = given.as_bool() {
            return Ok(Self(read.then_some(Categories::All)));
        }
        if given.is_array() {
            return given.try_into().map(|some| Self(Some(some))).map_err(D::Error::custom);
        }
        Err(D::Error::custom(format!(
            "public-read is {given}; it must be true, false or a list of categories"
        )))
    }
}
