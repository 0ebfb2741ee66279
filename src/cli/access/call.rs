//! Whether a call passes, and why.

use time::OffsetDateTime;

use crate::{
    cli::exit::{Exit, Failure},
    config::nearest,
    domain::access::{
        Categories, Permission, Principal, RULES, Rights, Rule, Scope, TokenState, decide, rule_of,
    },
};

/// A line for each way in which the identity can log in, and whether one of them passes.
pub(super) fn decided(
    rights: &Rights,
    method: &str,
    identity: Option<&str>,
    category: Option<&str>,
) -> Result<(String, bool), Failure> {
    let rule = rule_of(method).ok_or_else(|| unknown(method))?;
    let Some(identity) = identity else {
        let (line, passes) = answer(rights, None, rule, category);
        return Ok((format!("without credentials: {line}\n"), passes));
    };
    let (mut text, mut passes, mut found) = (String::new(), false, false);
    for (by, principal, unusable) in ways(rights, identity) {
        found = true;
        let (line, permitted) = match unusable {
            Some(problem) => (format!("refused: {problem}"), false),
            None => answer(rights, Some(principal), rule, category),
        };
        passes |= permitted;
        text.extend([identity, " by ", &by, ": ", &line, "\n"]);
    }
    if !found {
        let message = format!("neither the policy nor a token names the identity {identity:?}");
        return Err(Failure::new(Exit::NotFound, message));
    }
    Ok((text, passes))
}

/// The ways in which an identity can log in: what by, its principal, and why that is of no use.
fn ways<'a>(
    rights: &'a Rights,
    identity: &'a str,
) -> impl Iterator<Item = (String, &'a Principal, Option<String>)> {
    let tokens = rights.tokens().iter().filter(move |(_, it)| &*it.name == identity);
    let tokens = tokens.map(|(token, principal)| {
        let unusable = match token.state(OffsetDateTime::now_utc()) {
            TokenState::Valid => None,
            TokenState::Expired(at) => Some(format!("the token expired on {at}")),
            TokenState::Revoked(at) => Some(format!("the token was revoked on {at}")),
        };
        (format!("the token {:?}", token.name), &**principal, unusable)
    });
    let identities = rights.identities().iter().filter(move |it| &*it.name == identity);
    let certificates = identities.map(|principal| {
        let named = rights.certificates().any(|(_, it)| it.name == principal.name);
        let problem = "the policy names no certificate of it".to_owned();
        ("its certificate".to_owned(), &**principal, (!named).then_some(problem))
    });
    let jwts = rights.subjects().filter(move |it| &*it.2.name == identity);
    let jwts = jwts.map(|(issuer, subject, principal)| {
        (format!("a JWT of {issuer:?} for {subject:?}"), &**principal, None)
    });
    tokens.chain(certificates).chain(jwts)
}

fn answer(
    rights: &Rights,
    principal: Option<&Principal>,
    rule: &Rule,
    category: Option<&str>,
) -> (String, bool) {
    let categories = match decide(rights, principal, rule) {
        Err(denied) => return (format!("refused: {denied}"), false),
        Ok(_) if rule.permission == Permission::Nothing => {
            return ("passes: it needs no credentials".to_owned(), true);
        }
        Ok(categories) => categories,
    };
    let needs = rule.permission.roles();
    let covered = match category {
        _ if rule.scope == Scope::Nothing => true,
        Some(category) => categories.has(category),
        None => categories == Categories::All,
    };
    match (covered, category) {
        (true, _) => (format!("passes: it needs {needs}, for {categories}"), true),
        (false, Some(category)) => {
            (format!("refused: permitted for {categories}, and not for {category}"), false)
        }
        (false, None) => {
            (format!("refused without --category: permitted for {categories} alone"), false)
        }
    }
}

fn unknown(method: &str) -> Failure {
    let mut methods = RULES.iter().map(|rule| rule.method);
    // A name without its package, or without its service.
    let shortened = methods.clone().find(|name| ends_with_name(name, method));
    let meant = shortened.or_else(|| nearest(method, &mut methods));
    let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
    Failure::usage(format!("--call: there is no method {method:?}{meant}"))
}

/// Whether a method's name ends with these whole parts of it.
fn ends_with_name(name: &str, end: &str) -> bool {
    let before = name.strip_suffix(end);
    !end.is_empty() && before.is_some_and(|before| before.ends_with(['.', '/']))
}
