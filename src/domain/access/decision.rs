//! Whether a caller may call a method, or why not.

use super::{
    categories::Categories,
    rights::{Principal, Rights},
    roles::Permission,
    rules::{Rule, Scope},
};

/// Why a call is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The caller has no credentials, and the method needs some.
    #[error("this needs credentials: a token, or a client certificate that the policy names")]
    NoCredentials,
    /// The principal has no role that gives the permission.
    #[error("{identity:?} does not have {} that this needs", permission.roles())]
    NoRole {
        /// The principal's name.
        identity: String,
        /// What is missing.
        permission: Permission,
    },
    /// The permission is limited to categories, and the request concerns others.
    #[error("{} may do this for {categories} alone, and {concerns}", named(identity.as_ref()))]
    Limited {
        /// The principal's name; `None`: a caller without credentials.
        identity: Option<String>,
        /// What is permitted.
        categories: Categories,
        /// What the request concerns.
        concerns: &'static str,
    },
}

fn named(identity: Option<&String>) -> String {
    identity.map_or_else(|| "a caller without credentials".to_owned(), |it| format!("{it:?}"))
}

/// For which categories a caller may call a method. Where the method's scope is [`Scope::Named`],
/// the request has to be compared with them.
pub fn decide(
    rights: &Rights,
    principal: Option<&Principal>,
    rule: &Rule,
) -> Result<Categories, Denied> {
    if rule.permission == Permission::Nothing {
        return Ok(Categories::All);
    }
    let identity = principal.map(|principal| principal.name.to_string());
    let Some(categories) = rights.categories(principal, rule.permission) else {
        return Err(match identity {
            None => Denied::NoCredentials,
            Some(identity) => Denied::NoRole { identity, permission: rule.permission },
        });
    };
    if rule.scope == Scope::Whole && categories != Categories::All {
        let concerns = "this concerns all of the record";
        return Err(Denied::Limited { identity, categories, concerns });
    }
    Ok(categories)
}
