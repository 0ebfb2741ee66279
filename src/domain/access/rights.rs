//! What policy and tokens say together: the principal of each credential.

use std::{collections::HashMap, sync::Arc};

use time::OffsetDateTime;

use super::{
    call_rate::CallRate,
    categories::Categories,
    jwt::{self, BadJwt, Issuer, Keys},
    policy::{Identity, Policy},
    roles::{Grant, Permission},
    secret::TokenHash,
    tokens::{Token, TokenState, Tokens},
};

/// An identity with all that it is granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// Its name, which is recorded with what it records.
    pub name: Arc<str>,
    /// What it is granted.
    pub grants: Vec<Grant>,
    /// How many calls it may make; `None`: that is not bounded.
    pub rate: Option<CallRate>,
}

impl Principal {
    /// For which categories it has a permission; `None`: it does not have it at all.
    pub fn categories(&self, permission: Permission) -> Option<Categories> {
        let giving = self.grants.iter().filter(|grant| grant.role.gives(permission));
        giving.fold(None, |found: Option<Categories>, grant| {
            Some(found.map_or_else(|| grant.categories.clone(), |it| it.and(&grant.categories)))
        })
    }
}

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadToken {
    /// The server does not know it.
    #[error("the server does not know this token")]
    Unknown,
    /// It ended.
    #[error("the token {name:?} expired on {at}")]
    Expired {
        /// Its name.
        name: String,
        /// When.
        at: OffsetDateTime,
    },
    /// It is a JWT, and is refused.
    #[error(transparent)]
    Jwt(#[from] BadJwt),
    /// It is a JWT of a subject that is no identity.
    #[error("the policy has no identity for the subject {subject:?} of {issuer:?}")]
    Subject {
        /// The issuer.
        issuer: String,
        /// The subject.
        subject: String,
    },
    /// It was revoked.
    #[error("the token {name:?} was revoked on {at}")]
    Revoked {
        /// Its name.
        name: String,
        /// When.
        at: OffsetDateTime,
    },
}

/// The principals of all credentials, and what needs none.
#[derive(Clone, Debug, Default)]
pub struct Rights {
    public_read: Option<Categories>,
    rate: Option<CallRate>,
    tokens: Vec<(Token, Arc<Principal>)>,
    certificates: HashMap<String, Arc<Principal>>,
    subjects: HashMap<(String, String), Arc<Principal>>,
    issuers: Vec<(Issuer, Option<Keys>)>,
    principals: Vec<Arc<Principal>>,
}

impl Rights {
    /// What a policy and tokens say together, with the keys of each issuer of the policy that are
    /// there.
    pub fn new(policy: &Policy, tokens: Tokens, keys: Vec<Option<Keys>>) -> Self {
        let issuers = policy.issuers.iter().cloned().zip(keys).collect();
        let public_read = policy.public_read.clone();
        let mut rights = Self { public_read, issuers, ..Self::default() };
        for identity in &policy.identities {
            let principal = Arc::new(principal(identity, None));
            for subject in &identity.certificates {
                rights.certificates.insert(subject.clone(), Arc::clone(&principal));
            }
            for subject in &identity.subjects {
                rights.subjects.insert(subject.clone(), Arc::clone(&principal));
            }
            rights.principals.push(principal);
        }
        for token in tokens.0 {
            let principal = Arc::new(of_token(policy, &token));
            rights.tokens.push((token, principal));
        }
        rights.rate = policy.rate;
        rights
    }

    /// The issuers of JWTs.
    pub fn issuers(&self) -> impl Iterator<Item = &Issuer> {
        self.issuers.iter().map(|(issuer, _)| issuer)
    }

    /// The same with the keys of the issuers whose keys are fetched; `None`: they are not there.
    #[must_use]
    pub fn with_keys(mut self, keys: impl Fn(&Issuer) -> Option<Keys>) -> Self {
        let fetched = self.issuers.iter_mut().filter(|(issuer, _)| issuer.keys.is_fetched());
        fetched.for_each(|(issuer, of)| *of = keys(issuer));
        self
    }

    /// What callers without credentials may read; `None`: nothing.
    pub fn public_read(&self) -> Option<&Categories> {
        self.public_read.as_ref()
    }

    /// How many calls a principal may make, or each address without credentials; `None`: that is
    /// not bounded.
    pub fn rate(&self, principal: Option<&Principal>) -> Option<CallRate> {
        principal.map_or(self.rate, |principal| principal.rate)
    }

    /// The identities of the policy, without what their tokens grant.
    pub fn identities(&self) -> &[Arc<Principal>] {
        &self.principals
    }

    /// The tokens, each with its principal.
    pub fn tokens(&self) -> &[(Token, Arc<Principal>)] {
        &self.tokens
    }

    /// The subjects of client certificates, each with its principal.
    pub fn certificates(&self) -> impl Iterator<Item = (&str, &Arc<Principal>)> {
        self.certificates.iter().map(|(subject, principal)| (subject.as_str(), principal))
    }

    /// The principal of a token, and when the token ends. Every token is compared, whichever fits.
    pub fn of_token(
        &self,
        hash: &TokenHash,
        now: OffsetDateTime,
    ) -> Result<(Arc<Principal>, Option<OffsetDateTime>), BadToken> {
        let found = self.tokens.iter().fold(None, |found, candidate| {
            if candidate.0.hash.is(hash) { Some(candidate) } else { found }
        });
        let (token, principal) = found.ok_or(BadToken::Unknown)?;
        let name = token.name.clone();
        match token.state(now) {
            TokenState::Valid => Ok((Arc::clone(principal), token.expires)),
            TokenState::Expired(at) => Err(BadToken::Expired { name, at }),
            TokenState::Revoked(at) => Err(BadToken::Revoked { name, at }),
        }
    }

    /// The same rights without the tokens that a file has revoked, or replaced by others of their
    /// names; `None`: it has not. Nothing is added: that takes the policy that belongs to the file.
    pub fn revoked_by(&self, file: &Tokens) -> Option<Self> {
        let revoked = |own: &Token| {
            let named = file.0.iter().find(|token| token.name == own.name)?;
            let is_own = named.hash.is(&own.hash);
            let at = if is_own { named.revoked? } else { named.created };
            own.revoked.is_none().then_some(at)
        };
        let mut changed = None;
        for (place, (token, _)) in self.tokens.iter().enumerate() {
            let Some(at) = revoked(token) else { continue };
            let rights = changed.get_or_insert_with(|| self.clone());
            if let Some((token, _)) = rights.tokens.get_mut(place) {
                token.revoked = Some(at);
            }
        }
        changed
    }

    /// The principal of a JWT, and when the JWT ends.
    pub fn of_jwt(
        &self,
        token: &str,
        now: OffsetDateTime,
    ) -> Result<(Arc<Principal>, OffsetDateTime), BadToken> {
        let jwt::Verified { issuer, subject, until } = jwt::verified(token, &self.issuers, now)?;
        let by = (issuer, subject);
        match self.subjects.get(&by) {
            Some(principal) => Ok((Arc::clone(principal), until)),
            None => Err(BadToken::Subject { issuer: by.0, subject: by.1 }),
        }
    }

    /// The subjects of JWTs, each with its issuer and its principal.
    pub fn subjects(&self) -> impl Iterator<Item = (&str, &str, &Arc<Principal>)> {
        self.subjects.iter().map(|((issuer, subject), it)| (issuer.as_str(), subject.as_str(), it))
    }

    /// The principal of a client certificate with this subject; `None`: no identity has it.
    pub fn of_certificate(&self, subject: &str) -> Option<Arc<Principal>> {
        self.certificates.get(subject).cloned()
    }

    /// For which categories a principal, or a caller without one, has a permission. What all may
    /// read, each principal may.
    pub fn categories(
        &self,
        principal: Option<&Principal>,
        permission: Permission,
    ) -> Option<Categories> {
        let own = principal.and_then(|principal| principal.categories(permission));
        let public = self.public_read.as_ref().filter(|_| permission == Permission::Read);
        match (own, public) {
            (Some(own), Some(public)) => Some(own.and(public)),
            (own, public) => own.or_else(|| public.cloned()),
        }
    }
}

/// The principal of a token: the identity that lists it, or has its name, or the token alone.
fn of_token(policy: &Policy, token: &Token) -> Principal {
    let identities = &policy.identities;
    let listed = identities.iter().find(|it| it.tokens.contains(&token.name));
    let named = || identities.iter().find(|it| *it.name == *token.name);
    if let Some(identity) = listed.or_else(named) {
        return principal(identity, Some(token));
    }
    let (name, grants) = (token.name.as_str().into(), token.grants().collect());
    Principal { name, grants, rate: policy.rate }
}

fn principal(identity: &Identity, token: Option<&Token>) -> Principal {
    let of_token = token.into_iter().flat_map(Token::grants);
    let grants = identity.grants.iter().cloned().chain(of_token).collect();
    Principal { name: Arc::clone(&identity.name), grants, rate: identity.rate }
}
