//! The files of access: policy, tokens and the keys of issuers, read together. What does not fit is
//! refused, saying what and where, and all of it at once: an operator mends it in one go.

use std::{
    borrow::Cow,
    fmt::Display,
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::fetch::CA;
use crate::{
    domain::access::{Issuer, KeySource, Keys, Policy, Rights, Tokens},
    grpc::{
        file_access::{ANY_ACCESS, CHANGES, Demand, ReadBy},
        reloads::Reloaded,
        tls::for_https,
    },
};

/// Bytes that such a file may have.
const FILE_BYTES: u64 = 4 << 20;
/// What names a file, and what it is of: two settings, and the key of the policy for the keys of an
/// issuer.
const POLICY: Named = ("policy", Reloaded::Policy);
pub(super) const TOKENS: Named = ("tokens", Reloaded::Tokens);
const JWKS: Named = ("jwks", Reloaded::Keys);
/// The key of the policy for the authorities of an issuer's address.
const AUTHORITIES: Named = (CA, Reloaded::Keys);

type Named = (&'static str, Reloaded);
/// What was in a file, or why it is not read.
type Text = Result<String, AccessError>;

/// What is wrong with a file of access.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{setting}: {} {problem}", path.display())]
pub struct AccessError {
    /// The setting that names the file.
    setting: &'static str,
    path: PathBuf,
    problem: String,
    pub(super) of: Reloaded,
}

/// What is wrong with the files of access: one thing at least.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", lines(.0))]
pub struct AccessErrors(Vec<AccessError>);

impl AccessErrors {
    /// What is wrong with the files of one kind; `None`: nothing is.
    pub(super) fn of(&self, what: Reloaded) -> Option<String> {
        let own = self.0.iter().filter(|error| error.of == what).map(ToString::to_string);
        let own: Vec<_> = own.collect();
        (!own.is_empty()).then(|| own.join("; "))
    }
}

fn lines(errors: &[AccessError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The files that say who may do what; at least one is named.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessFiles {
    /// Identities and grants.
    pub policy: Option<PathBuf>,
    /// Tokens, hashed.
    pub tokens: Option<PathBuf>,
}

/// What was in the files when they were read together.
pub(super) struct Contents {
    policy: Option<Text>,
    tokens: Option<Text>,
    /// The keys of the issuers that the policy names; absent: they are fetched.
    keys: Vec<Option<Text>>,
    by: ReadBy,
}

impl AccessFiles {
    /// What the files say, for a command. Keys that are fetched are not there.
    pub fn rights(&self) -> Result<Rights, AccessErrors> {
        self.parsed(&self.read(ReadBy::Command))
    }

    pub(super) fn read(&self, by: ReadBy) -> Contents {
        let demand = |harm| Demand { forbidden: CHANGES, harm, by };
        let policy = |path: &PathBuf| read(POLICY, path, demand("change who may do what"));
        let policy = self.policy.as_ref().map(policy);
        let tokens = self.tokens.as_ref().map(|path| read_tokens(path, by));
        // A policy that does not parse names no files; it is refused when it is looked at.
        let text = policy.as_ref().and_then(|text| text.as_deref().ok());
        let parsed = text.and_then(|text| Policy::parse(text).ok());
        let issuers = parsed.iter().flat_map(Policy::issuers);
        let keys = issuers.map(|it| match &it.keys {
            KeySource::File(path) => Some(read(JWKS, &self.of_policy(path), demand("add keys"))),
            KeySource::Address(_) | KeySource::Discovery(_) => None,
        });
        let keys = keys.collect();
        Contents { policy, tokens, keys, by }
    }

    /// The path of a file that the policy names: from the policy's own folder on.
    fn of_policy(&self, path: &str) -> PathBuf {
        let folder = self.policy.as_deref().and_then(Path::parent);
        folder.unwrap_or(Path::new("")).join(path)
    }

    /// The file with the authorities of an issuer's address.
    pub(super) fn authorities_of(&self, issuer: &Issuer) -> Option<PathBuf> {
        issuer.ca.as_ref().map(|ca| self.of_policy(ca))
    }

    /// The keys of each issuer; absent: they are fetched.
    fn keys(&self, policy: &Policy, contents: &Contents) -> Vec<Result<Option<Keys>, AccessError>> {
        let sets = policy.issuers().iter().zip(&contents.keys);
        let parsed = sets.map(|(issuer, text)| match (&issuer.keys, text) {
            (KeySource::File(path), Some(text)) => {
                let keys = Keys::parse(text.as_ref().map_err(Clone::clone)?);
                keys.map(Some).map_err(|error| wrong(JWKS, &self.of_policy(path), &error))
            }
            // They are read again whenever keys are fetched.
            _ => self.check_authorities(issuer, contents.by).map(|()| None),
        });
        parsed.collect()
    }

    fn check_authorities(&self, issuer: &Issuer, by: ReadBy) -> Result<(), AccessError> {
        let Some(path) = self.authorities_of(issuer) else { return Ok(()) };
        let loaded = for_https(CA, Some(&path), by);
        loaded.map(drop).map_err(|error| wrong(AUTHORITIES, &path, &error))
    }

    /// What the policy says.
    fn policy(&self, contents: &Contents) -> Result<Policy, AccessError> {
        let (Some(path), Some(text)) = (&self.policy, &contents.policy) else {
            return Ok(Policy::default());
        };
        let policy = Policy::parse(text.as_ref().map_err(Clone::clone)?);
        policy.map_err(|error| wrong(POLICY, path, &error))
    }

    /// The tokens, whatever else is wrong.
    pub(super) fn tokens(&self, contents: &Contents) -> Result<Tokens, AccessError> {
        let (Some(path), Some(text)) = (&self.tokens, &contents.tokens) else {
            return Ok(Tokens::default());
        };
        parse_tokens(path, text.as_ref().map_err(Clone::clone)?)
    }

    /// What the contents say, or everything that is wrong with them.
    pub(super) fn parsed(&self, contents: &Contents) -> Result<Rights, AccessErrors> {
        let mut errors = Vec::new();
        let policy = noted(self.policy(contents), &mut errors).unwrap_or_default();
        let tokens = noted(self.tokens(contents), &mut errors).unwrap_or_default();
        let keys = self.keys(&policy, contents).into_iter();
        let keys = keys.map(|keys| noted(keys, &mut errors).flatten()).collect();
        if errors.is_empty() {
            Ok(Rights::new(&policy, tokens, keys))
        } else {
            Err(AccessErrors(errors))
        }
    }
}

/// What was found; an error is added to the others.
fn noted<T>(found: Result<T, AccessError>, errors: &mut Vec<AccessError>) -> Option<T> {
    found.map_err(|error| errors.push(error)).ok()
}

impl Contents {
    /// Differs if one of the files differs, or why it is not read.
    pub(super) fn digest(&self) -> [u8; 32] {
        let mut all = Sha256::new();
        let named = [&self.policy, &self.tokens].into_iter().chain(&self.keys);
        for text in named {
            let (kind, text) = match text {
                None => (0, Cow::default()),
                Some(Ok(text)) => (1, Cow::Borrowed(text.as_str())),
                Some(Err(error)) => (2, Cow::Owned(error.to_string())),
            };
            all.update([kind]);
            all.update((text.len() as u64).to_be_bytes());
            all.update(text.as_bytes());
        }
        all.finalize().into()
    }
}

pub(super) fn read_tokens(path: &Path, by: ReadBy) -> Text {
    read(TOKENS, path, Demand { forbidden: ANY_ACCESS, harm: "read or change the tokens", by })
}

pub(super) fn parse_tokens(path: &Path, text: &str) -> Result<Tokens, AccessError> {
    Tokens::parse(text).map_err(|error| wrong(TOKENS, path, &error))
}

/// Reads a file, unless others can do with it what they must not.
fn read(named: Named, path: &Path, demand: Demand) -> Text {
    let failed = |error: io::Error| problem(named, path, format!("cannot be read: {error}"));
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if let Some(open_to_others) = demand.problem(path, &metadata) {
        return Err(problem(named, path, open_to_others));
    }
    let mut text = String::new();
    let read = file.take(FILE_BYTES + 1).read_to_string(&mut text).map_err(failed)?;
    if read as u64 > FILE_BYTES {
        return Err(problem(named, path, format!("has more than {FILE_BYTES} bytes")));
    }
    Ok(text)
}

pub(super) fn wrong(named: Named, path: &Path, error: &dyn Display) -> AccessError {
    problem(named, path, format!("is refused: {error}"))
}

pub(super) fn problem((setting, of): Named, path: &Path, problem: String) -> AccessError {
    AccessError { setting, path: path.to_owned(), problem, of }
}
