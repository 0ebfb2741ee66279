//! What a policy and tokens mean, in lines.

use time::OffsetDateTime;

use crate::domain::access::{CallRate, Categories, Grant, Principal, Rights, TokenState};

/// All that is permitted, and to whom.
pub(super) fn of(rights: &Rights) -> String {
    let public = match rights.public_read() {
        None => "callers without credentials may do nothing but ask for health".to_owned(),
        Some(categories) => format!("callers without credentials may read {}", shown(categories)),
    };
    let rate = rate(rights.rate(None));
    let mut lines = vec![public, format!("each of their addresses may make {rate}")];
    for identity in rights.identities() {
        let granted = granted(&identity.grants);
        lines.push(format!(
            "identity {:?}: {granted}; {}",
            identity.name,
            self::rate(identity.rate)
        ));
        let own = |principal: &Principal| principal.name == identity.name;
        let mut subjects: Vec<&str> =
            rights.certificates().filter(|it| own(it.1)).map(|it| it.0).collect();
        subjects.sort_unstable();
        lines.extend(subjects.iter().map(|subject| format!("  by the certificate {subject:?}")));
        let mut jwts: Vec<_> = rights.subjects().filter(|it| own(it.2)).collect();
        jwts.sort_unstable_by_key(|it| (it.0, it.1));
        let jwt = |it: &(&str, &str, _)| format!("  by JWTs of {:?} for {:?}", it.0, it.1);
        lines.extend(jwts.iter().map(jwt));
        let by_token = rights.tokens().iter().any(|it| own(&it.1));
        if subjects.is_empty() && jwts.is_empty() && !by_token {
            let missing = "  has no certificate, no token and no subject, so it cannot log in";
            lines.push(missing.to_owned());
        }
    }
    for (token, principal) in rights.tokens() {
        let state = match token.state(OffsetDateTime::now_utc()) {
            TokenState::Valid => token
                .expires
                .map_or_else(|| "valid for ever".to_owned(), |at| format!("valid until {at}")),
            TokenState::Expired(at) => format!("expired on {at}"),
            TokenState::Revoked(at) => format!("revoked on {at}"),
        };
        let (name, identity) = (&token.name, &principal.name);
        let grants = granted(&principal.grants);
        let rate = self::rate(principal.rate);
        lines.push(format!("token {name:?} ({state}) is {identity:?}: {grants}; {rate}"));
    }
    lines.join("\n") + "\n"
}

fn rate(rate: Option<CallRate>) -> String {
    rate.map_or_else(|| "as many calls as it likes".to_owned(), |rate| rate.to_string())
}

fn granted(grants: &[Grant]) -> String {
    let grant = |grant: &Grant| format!("{} for {}", grant.role.name(), shown(&grant.categories));
    let all: Vec<_> = grants.iter().map(grant).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join("; ") }
}

fn shown(categories: &Categories) -> String {
    categories.to_string()
}
