//! The file of tokens: what is kept of each, read and written.

use serde::{Deserialize, Serialize};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{
    categories::Categories,
    located::located,
    roles::{Grant, Role},
    secret::TokenHash,
};

/// Tokens that a file may hold: each call is compared with all of them.
const MOST_TOKENS: usize = 1_000;
/// Bytes of the name of an identity or a token.
const NAME_BYTES: usize = 256;
/// How a file begins.
const HEAD: &str = "\
# Tokens of handover. `handover token create`, `list` and `revoke` keep this file. It holds the\n\
# SHA-256 of each token and no token itself.\n";

/// What is kept of a token.
#[derive(Clone, Debug)]
pub struct Token {
    /// Its name, which no other token of the file has.
    pub name: String,
    /// The hash by which it is recognized.
    pub hash: TokenHash,
    /// What it is for; the policy may add to it.
    pub roles: Vec<Role>,
    /// Where its roles apply.
    pub categories: Categories,
    /// When it was made.
    pub created: OffsetDateTime,
    /// When it ends; `None`: never.
    pub expires: Option<OffsetDateTime>,
    /// When it was revoked; `None`: it was not.
    pub revoked: Option<OffsetDateTime>,
}

/// Whether a token can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenState {
    /// It can.
    Valid,
    /// Its time is over, since then.
    Expired(OffsetDateTime),
    /// It was revoked, then.
    Revoked(OffsetDateTime),
}

impl Token {
    /// Whether it can be used now.
    pub fn state(&self, now: OffsetDateTime) -> TokenState {
        match (self.revoked, self.expires) {
            (Some(at), _) => TokenState::Revoked(at),
            (None, Some(at)) if at <= now => TokenState::Expired(at),
            (None, _) => TokenState::Valid,
        }
    }

    /// What it grants by itself.
    pub fn grants(&self) -> impl Iterator<Item = Grant> {
        let grant = |role: &Role| Grant { role: *role, categories: self.categories.clone() };
        self.roles.iter().map(grant)
    }
}

/// What is wrong with a file of tokens, or with a change of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TokenError(pub String);

/// The tokens of a file.
#[derive(Clone, Debug, Default)]
pub struct Tokens(pub Vec<Token>);

impl Tokens {
    /// Reads a file.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let file: TokenFile =
            toml::from_str(text).map_err(|error| TokenError(located(text, &error)))?;
        let mut tokens = Self::default();
        for (number, entry) in (1..).zip(file.token) {
            let name = entry.name.clone();
            let wrong = |problem| TokenError(format!("token {number} ({name:?}) {problem}"));
            let token = entry.read().map_err(wrong)?;
            tokens.check_new(&token)?;
            tokens.0.push(token);
        }
        Ok(tokens)
    }

    /// The file's text.
    pub fn written(&self) -> Result<String, TokenError> {
        let token = self.0.iter().map(Entry::of).collect::<Result<_, _>>()?;
        let text = toml::to_string(&TokenFile { token });
        let text = text.map_err(|error| TokenError(error.to_string()))?;
        Ok(format!("{HEAD}\n{text}"))
    }

    /// Adds a token. One of the same name that can be used no more makes room for it.
    pub fn add(&mut self, token: Token, now: OffsetDateTime) -> Result<(), TokenError> {
        check_name(&token.name).map_err(|problem| TokenError(format!("name: {problem}")))?;
        self.0.retain(|it| it.name != token.name || it.state(now) == TokenState::Valid);
        self.check_new(&token)?;
        self.0.push(token);
        Ok(())
    }

    /// Revokes the token of this name; `false`: it was revoked before.
    pub fn revoke(&mut self, name: &str, now: OffsetDateTime) -> Result<bool, TokenError> {
        let token = self.0.iter_mut().find(|token| token.name == name);
        let token = token.ok_or_else(|| {
            TokenError(format!("there is no token {name:?}; `handover token list` shows them"))
        })?;
        let is_new = token.revoked.is_none();
        token.revoked.get_or_insert(now);
        Ok(is_new)
    }

    fn check_new(&self, token: &Token) -> Result<(), TokenError> {
        let name = &token.name;
        if self.0.iter().any(|it| it.name == *name) {
            let problem = format!("there are two tokens named {name:?}; each has its own name");
            return Err(TokenError(problem));
        }
        if let Some(same) = self.0.iter().find(|it| it.hash.is(&token.hash)) {
            let problem = format!("{name:?} and {:?} have the same sha256", same.name);
            return Err(TokenError(problem));
        }
        if self.0.len() >= MOST_TOKENS {
            return Err(TokenError(format!("a file may hold {MOST_TOKENS} tokens")));
        }
        Ok(())
    }
}

/// Whether a text can name an identity or a token; the error says what is allowed.
pub fn check_name(name: &str) -> Result<(), String> {
    let named = !name.trim().is_empty() && name.len() <= NAME_BYTES;
    if named && name.trim() == name && !name.chars().any(char::is_control) {
        return Ok(());
    }
    Err(format!(
        "{name:?} is no name; it has 1 to {NAME_BYTES} bytes, no control characters, and no space \
         at its ends"
    ))
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct TokenFile {
    #[serde(default)]
    token: Vec<Entry>,
}

/// A token as it is written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    sha256: String,
    #[serde(default)]
    roles: Vec<Role>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    categories: Option<Categories>,
    created: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    revoked: Option<String>,
}

impl Entry {
    fn of(token: &Token) -> Result<Self, TokenError> {
        let text = |time: OffsetDateTime| {
            time.format(&Rfc3339).map_err(|error| TokenError(error.to_string()))
        };
        let categories = match &token.categories {
            Categories::All => None,
            Categories::Only(_) => Some(token.categories.clone()),
        };
        Ok(Self {
            name: token.name.clone(),
            sha256: token.hash.to_string(),
            roles: token.roles.clone(),
            categories,
            created: text(token.created)?,
            expires: token.expires.map(text).transpose()?,
            revoked: token.revoked.map(text).transpose()?,
        })
    }

    fn read(self) -> Result<Token, String> {
        check_name(&self.name).map_err(|problem| format!("has a name that is none: {problem}"))?;
        let hash = TokenHash::parse(&self.sha256).ok_or_else(|| {
            "has a sha256 that is not 64 lower-case hexadecimal digits".to_owned()
        })?;
        let time = |key: &str, text: &str| {
            OffsetDateTime::parse(text, &Rfc3339).map_err(|_| {
                format!("has {key} {text:?}, which is no time as 2027-01-31T12:00:00Z")
            })
        };
        Ok(Token {
            hash,
            categories: self.categories.unwrap_or(Categories::All),
            created: time("created", &self.created)?,
            expires: self.expires.as_deref().map(|it| time("expires", it)).transpose()?,
            revoked: self.revoked.as_deref().map(|it| time("revoked", it)).transpose()?,
            name: self.name,
            roles: self.roles,
        })
    }
}
