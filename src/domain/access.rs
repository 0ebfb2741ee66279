//! Access: who may do what. Pure: no files, no clock.
//!
//! ```text
//!   policy file --> policy --+
//!                            +--> rights --> a principal, or why there is none
//!   token file  --> tokens --+                   |
//!   key sets    --> jwt -----+                   |
//!   rules (one for each method of the services) -+--> decision
//! ```
//!
//! A **principal** is an identity with its grants. A **grant** is a role, limited to categories of
//! streams or not. Each method has a **rule**: the permission that it needs, and whether its
//! requests say which categories they concern. [`decide`] compares them.

mod call_rate;
mod categories;
mod decision;
mod jwt;
mod located;
mod policy;
mod rights;
mod roles;
mod rules;
mod secret;
mod subject;
#[cfg(test)]
mod tests;
mod tokens;

pub use self::{
    call_rate::CallRate,
    categories::Categories,
    decision::{Denied, decide},
    jwt::{BadJwt, Issuer, KeyAddress, KeySource, Keys, is_jwt},
    policy::{Policy, PolicyError},
    rights::{BadToken, Principal, Rights},
    roles::{Grant, Permission, Role},
    rules::{RULES, Rule, Scope, rule_of},
    secret::{PREFIX, TokenHash, is_token, token_from},
    subject::ATTRIBUTES,
    tokens::{Token, TokenError, TokenState, Tokens, check_name},
};
