//! Keys from a real server on this machine: rotation, floods of unknown ids, and each answer that
//! is refused.

mod issuer;

use std::time::Duration;

use serde_json::json;
use time::OffsetDateTime;
use tokio::{task::JoinSet, time::timeout};
use tonic::Code;

use self::issuer::{Answer, Server, Signer, token};
use super::*;
use crate::grpc::{
    access::{AccessFiles, key_sets::Pace},
    reloads::ReloadUsage,
    status::RpcError,
};

/// Far longer than any of this takes.
const PATIENCE: Duration = Duration::from_mins(1);
/// A pace at which a test need not wait.
const FAST: Pace = Pace {
    refresh: Duration::from_hours(1),
    least: Duration::from_millis(200),
    retry: Duration::from_millis(20),
    kept: Duration::from_hours(1),
    within: Duration::from_secs(20),
};

/// Access by a policy, whose keys are fetched for as long as this is there.
struct Followed {
    access: Access,
    _folder: tempfile::TempDir,
    _following: JoinSet<()>,
}

impl Followed {
    /// With one issuer for each of these, whose keys are at its address.
    fn start(issuers: &[(&str, String)], ca: Option<&str>, pace: Pace) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut policy = String::new();
        for (name, keys) in issuers {
            let issuer = format!("[[issuer]]\nname = '{name}'\naudience = 'handover'\n{keys}\n");
            policy.push_str(&issuer);
            if let Some(ca) = ca {
                std::fs::write(folder.path().join("ca.pem"), ca).unwrap();
                policy += "ca = 'ca.pem'\n";
            }
        }
        for (name, _) in issuers {
            let identity = format!(
                "[[identity]]\nname = 'ana of {name}'\ngrants = [{{ role = 'reader' }}]\n\
                 subjects = [{{ issuer = '{name}', subject = 'ana' }}]\n"
            );
            policy.push_str(&identity);
        }
        let path = folder.path().join("policy.toml");
        std::fs::write(&path, policy).unwrap();
        let files = AccessFiles { policy: Some(path), tokens: None };
        let access = Access::load_with(files, pace).unwrap();
        let mut following = JoinSet::new();
        let followed = access.clone();
        following.spawn(async move { followed.follow_keys().await });
        Self { access, _folder: folder, _following: following }
    }

    /// What becomes of a token.
    fn known(&self, token: &str) -> Result<String, RpcError> {
        let credential = issuer::credential(token);
        let (rights, now) = (self.access.rights(), OffsetDateTime::now_utc());
        let known = credential.known(&rights, self.access.key_sets(), now)?;
        Ok(known.principal.expect("it is one").name.to_string())
    }

    /// The code with which a token is refused.
    #[track_caller]
    fn refused(&self, token: &str) -> Code {
        tonic::Status::from(self.known(token).unwrap_err()).code()
    }

    /// Waits until a token is accepted.
    async fn accepted(&self, token: &str) -> String {
        let accepted = self.until(|| self.known(token).ok());
        accepted.await
    }

    /// The problem with an issuer's keys, once there is one.
    async fn problem(&self, issuer: &str) -> String {
        let found = self.until(|| Some(self.usage(issuer).failing?.problem));
        found.await
    }

    fn usage(&self, issuer: &str) -> ReloadUsage {
        let usage = self.access.reloads().into_iter().find(|it| it.issuer == issuer);
        usage.expect("it is in the policy")
    }

    async fn until<T>(&self, found: impl Fn() -> Option<T>) -> T {
        let finding = async {
            loop {
                if let Some(found) = found() {
                    return found;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, finding).await.expect("it comes to that")
    }
}

fn at(address: &str) -> String {
    format!("jwks = '{address}'")
}

#[tokio::test]
async fn a_key_works_from_the_fetch_on_that_brings_it_until_the_one_that_lacks_it() {
    let server = Server::start(None).await;
    let (old, new) = (Signer::new("old"), Signer::new("new"));
    server.answer("/keys", Answer::json(&issuer::set(&[&old])));
    let access = Followed::start(&[("i", at(&server.url("/keys")))], None, FAST);
    let (by_old, by_new) = (token(&old, "i"), token(&new, "i"));
    assert_eq!(access.accepted(&by_old).await, "ana of i");
    server.answer("/keys", Answer::json(&issuer::set(&[&old, &new])));
    // Nothing but the token has the set fetched again.
    assert_eq!(access.accepted(&by_new).await, "ana of i");
    assert_eq!(server.requests(), 2);
    access.known(&by_old).unwrap();
    server.answer("/keys", Answer::json(&issuer::set(&[&new])));
    access.access.reload();
    access.until(|| access.known(&by_old).err().map(drop)).await;
    assert!(access.known(&by_new).is_ok());
    access.until(|| (access.refused(&by_old) == Code::Unauthenticated).then_some(())).await;
}

#[tokio::test]
async fn made_up_key_ids_do_not_hammer_the_issuer_and_are_refused() {
    let server = Server::start(None).await;
    let good = Signer::new("good");
    server.answer("/keys", Answer::json(&issuer::set(&[&good])));
    let access = Followed::start(&[("i", at(&server.url("/keys")))], None, FAST);
    access.accepted(&token(&good, "i")).await;
    let begun = Instant::now();
    let mut codes = std::collections::HashMap::new();
    let mut calls = 0_u64;
    let made_up = Signer::new("made up");
    let made_up = token(&made_up, "i");
    while begun.elapsed() < 5 * FAST.least {
        *codes.entry(access.refused(&made_up)).or_insert(0) += 1;
        calls += 1;
        tokio::task::yield_now().await;
    }
    assert!(calls > 100, "{calls}");
    let most = begun.elapsed().as_millis() / FAST.least.as_millis() + 2;
    let requests = u128::from(server.requests());
    assert!((2..=most).contains(&requests), "{requests} requests by {calls} calls");
    // After a fetch it is certain that there is no such key.
    assert!(codes.contains_key(&Code::Unauthenticated), "{codes:?}");
    assert!(codes.keys().all(|it| [Code::Unauthenticated, Code::Unavailable].contains(it)));
    access.known(&token(&good, "i")).unwrap();
}

#[tokio::test]
async fn an_issuer_that_hangs_holds_up_no_other_and_its_tokens_are_not_blamed() {
    let server = Server::start(None).await;
    let (one, other) = (Signer::new("1"), Signer::new("1"));
    server.answer("/hangs", Answer::Hangs);
    server.answer("/keys", Answer::json(&issuer::set(&[&other])));
    let issuers = [("hangs", at(&server.url("/hangs"))), ("answers", at(&server.url("/keys")))];
    let pace = Pace { within: Duration::from_millis(300), ..FAST };
    let access = Followed::start(&issuers, None, pace);
    access.accepted(&token(&other, "answers")).await;
    let refusal = tonic::Status::from(access.known(&token(&one, "hangs")).unwrap_err());
    assert_eq!(refusal.code(), Code::Unavailable);
    assert!(refusal.message().contains("keys of the issuer \"hangs\" are not there"));
    let problem = access.problem("hangs").await;
    assert!(problem.contains("did not answer within 0.3 s"), "{problem}");
    server.answer("/hangs", Answer::json(&issuer::set(&[&one])));
    access.accepted(&token(&one, "hangs")).await;
    assert_eq!(access.usage("hangs").failing, None);
}

#[tokio::test]
async fn what_is_no_set_of_keys_is_refused_with_the_reason() {
    let server = Server::start(None).await;
    let signer = Signer::new("1");
    let good = Answer::json(&issuer::set(&[&signer]));
    let cases = [
        (Answer::text("<html>"), "is refused as a set of keys"),
        (Answer::json(&json!({"keys": []})), "no key for signatures"),
        (Answer::Endless, "has more than 262144 bytes"),
        (Answer::Code(404), "answered with 404"),
        (Answer::Moved(server.url("/keys")), "answered with 302"),
    ];
    server.answer("/keys", good.clone());
    server.answer("/changes", good);
    let access = Followed::start(&[("i", at(&server.url("/changes")))], None, FAST);
    let own = token(&signer, "i");
    access.accepted(&own).await;
    for (answer, expected) in cases {
        server.answer("/changes", answer);
        access.access.reload();
        let found = access.until(|| {
            let problem = access.usage("i").failing?.problem;
            problem.contains(expected).then_some(())
        });
        found.await;
        access.known(&own).expect("the keys from before are in use");
    }
}

#[tokio::test]
async fn a_discovery_document_names_the_keys_of_its_own_issuer() {
    let server = Server::start(None).await;
    let (issuer, signer) = (server.url(""), Signer::new("1"));
    let document = |issuer: &str, keys: &str| {
        Answer::json(&json!({"issuer": issuer, "jwks_uri": keys, "response_types_supported": []}))
    };
    let well_known = "/.well-known/openid-configuration";
    server.answer("/keys", Answer::json(&issuer::set(&[&signer])));
    let access = Followed::start(&[(issuer.as_str(), String::new())], None, FAST);
    for (answer, expected) in [
        (Answer::Code(404), "answered with 404"),
        (document("https://other.example", &server.url("/keys")), "it is of the issuer"),
        (document(&format!("{issuer}/"), &server.url("/keys")), "it is of the issuer"),
        (document(&issuer, "http://10.0.0.1/keys"), "use https://"),
        (document(&issuer, "file:///etc/keys"), "jwks_uri"),
        (Answer::text("{"), "is refused as a discovery document"),
    ] {
        server.answer(well_known, answer);
        let found = access.until(|| {
            let problem = access.usage(&issuer).failing?.problem;
            problem.contains(expected).then_some(())
        });
        found.await;
        assert_eq!(access.refused(&token(&signer, &issuer)), Code::Unavailable);
    }
    server.answer(well_known, document(&issuer, &server.url("/keys")));
    access.accepted(&token(&signer, &issuer)).await;
}

#[tokio::test]
async fn https_is_verified_and_leads_to_no_plain_text() {
    let (tls, ca) = issuer::certificate(&["127.0.0.1"]);
    let server = Server::start(Some(tls)).await;
    let (issuer, signer) = (server.url(""), Signer::new("1"));
    server.answer("/keys", Answer::json(&issuer::set(&[&signer])));
    let plain = Server::start(None).await;
    let well_known = "/.well-known/openid-configuration";
    let leads_to = |keys: &str| {
        server.answer(well_known, Answer::json(&json!({"issuer": issuer, "jwks_uri": keys})));
    };
    leads_to(&plain.url("/keys"));
    let access = Followed::start(&[(issuer.as_str(), String::new())], Some(&ca), FAST);
    let problem = access.problem(&issuer).await;
    assert!(problem.contains("does not begin with https://"), "{problem}");
    assert_eq!(plain.requests(), 0);
    leads_to(&server.url("/keys"));
    access.accepted(&token(&signer, &issuer)).await;

    // Another authority, and that of the system.
    for ca in [Some(issuer::certificate(&["127.0.0.1"]).1), None] {
        let access = Followed::start(&[("i", at(&server.url("/keys")))], ca.as_deref(), FAST);
        access.problem("i").await;
        assert_eq!(access.refused(&token(&signer, "i")), Code::Unavailable);
    }
    let (tls, ca) = issuer::certificate(&["other.example"]);
    let other = Server::start(Some(tls)).await;
    let access = Followed::start(&[("i", at(&other.url("/keys")))], Some(&ca), FAST);
    let problem = access.problem("i").await;
    assert!(problem.contains("is not for 127.0.0.1"), "{problem}");
}

#[tokio::test]
async fn a_set_that_cannot_be_fetched_any_more_is_used_for_a_bounded_time() {
    let server = Server::start(None).await;
    let signer = Signer::new("1");
    server.answer("/keys", Answer::json(&issuer::set(&[&signer])));
    let pace = Pace { kept: Duration::from_millis(600), refresh: FAST.retry, ..FAST };
    let access = Followed::start(&[("i", at(&server.url("/keys")))], None, pace);
    let own = token(&signer, "i");
    access.accepted(&own).await;
    server.answer("/keys", Answer::Code(500));
    let begun = Instant::now();
    access.until(|| access.known(&own).err().map(drop)).await;
    assert!(begun.elapsed() >= pace.kept / 2, "it was used on");
    assert_eq!(access.refused(&own), Code::Unavailable);
    server.answer("/keys", Answer::json(&issuer::set(&[&signer])));
    access.accepted(&own).await;
}

#[tokio::test]
async fn no_algorithm_without_a_public_key_passes_whether_keys_are_there_or_not() {
    let server = Server::start(None).await;
    let signer = Signer::new("1");
    server.answer("/keys", Answer::Code(503));
    let access = Followed::start(&[("i", at(&server.url("/keys")))], None, FAST);
    let forged = ["none", "HS256", "HS512", ""].map(|it| signer.signed(it, &issuer::claims("i")));
    for forged in &forged {
        assert_eq!(access.refused(forged), Code::Unauthenticated);
    }
    server.answer("/keys", Answer::json(&issuer::set(&[&signer])));
    access.accepted(&token(&signer, "i")).await;
    let requests = server.requests();
    for forged in &forged {
        assert_eq!(access.refused(forged), Code::Unauthenticated);
    }
    assert_eq!(server.requests(), requests, "they have nothing fetched");
}
