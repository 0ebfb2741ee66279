//! The rules of access, and the files that they come from.

use std::collections::BTreeSet;

use time::{Duration, OffsetDateTime};

use super::*;
use crate::domain::{filter::Filter, proto, violation::Violations};

const ISSUER: &str = "[[issuer]]\nname = 'i'\naudience = 'a'\njwks = 'k'\n";
const DESK: &str = "hdo_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn now() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + Duration::days(20_000)
}

fn token(name: &str, secret: &str, roles: &[Role]) -> Token {
    Token {
        name: name.to_owned(),
        hash: TokenHash::of(secret),
        roles: roles.to_vec(),
        categories: Categories::All,
        created: now(),
        expires: None,
        revoked: None,
    }
}

fn rights(policy: &str, tokens: Vec<Token>) -> Rights {
    Rights::new(&Policy::parse(policy).unwrap(), Tokens(tokens), Vec::new())
}

fn only(names: &[&str]) -> Categories {
    Categories::only(names).unwrap()
}

fn filter(items: &[(&[&str], &[&str], &[&str])]) -> Filter {
    let texts = |list: &[&str]| list.iter().map(ToString::to_string).collect();
    let item = |(streams, categories, tags): &(&[&str], &[&str], &[&str])| proto::FilterItem {
        streams: texts(streams),
        categories: texts(categories),
        types: vec!["demo.Type".to_owned()],
        tags: texts(tags),
    };
    let items = items.iter().map(item).collect();
    let mut wrong = Violations::default();
    let filter = Filter::parse(proto::Filter { items }, "", &mut wrong);
    assert!(wrong.0.is_empty(), "{wrong:?}");
    filter
}

#[test]
fn each_method_of_the_descriptors_has_one_rule_and_no_other_has_one() {
    let own = proto::descriptions().services().flat_map(|service| {
        let methods: Vec<_> = service.methods().map(|it| it.name().to_owned()).collect();
        methods.into_iter().map(move |method| format!("{}/{method}", service.full_name()))
    });
    let own: BTreeSet<String> = own.collect();
    let ruled: Vec<_> = RULES.iter().map(|rule| rule.method.to_owned()).collect();
    let once: BTreeSet<String> = ruled.iter().cloned().collect();
    assert_eq!(once.len(), ruled.len(), "a method has two rules");
    let foreign = |method: &&String| method.starts_with("grpc.");
    assert_eq!(once.iter().filter(|it| !foreign(it)).cloned().collect::<BTreeSet<_>>(), own);
    assert_eq!(once.iter().filter(foreign).count(), 4, "health and reflection");
}

#[test]
fn a_recorder_is_no_curator_and_only_an_operator_administers() {
    use Permission::{Append, Consume, Curate, Nothing, Operate, Read, Record};
    let given = |role: Role| {
        let all = [Nothing, Read, Consume, Append, Record, Curate, Operate];
        all.into_iter().filter(|it| role.gives(*it)).collect::<Vec<_>>()
    };
    assert_eq!(given(Role::Reader), [Nothing, Read, Consume]);
    assert_eq!(given(Role::Recorder), [Nothing, Read, Consume, Append, Record]);
    assert_eq!(given(Role::Curator), [Nothing, Read, Consume, Append, Curate]);
    assert_eq!(given(Role::Operator), [Nothing, Read, Consume, Operate]);
}

#[test]
fn a_filter_is_held_by_categories_only_if_it_can_match_nothing_else() {
    let held = |filter: &Filter| only(&["exchange", "source"]).hold(filter);
    assert!(held(&filter(&[(&["exchange/a"], &[], &[])])));
    assert!(held(&filter(&[(&[], &["exchange", "source"], &["to:DE"])])));
    assert!(held(&filter(&[(&["exchange/a", "source/b"], &["desk"], &[])])), "both have to match");
    assert!(!held(&Filter::all()));
    assert!(!held(&filter(&[(&[], &[], &["to:DE"])])), "tags are in every category");
    assert!(!held(&filter(&[(&["exchange/a", "desk/b"], &[], &[])])));
    assert!(!held(&filter(&[(&[], &["exchange", "desk"], &[])])));
    assert!(!held(&filter(&[(&["exchange/a"], &[], &[]), (&[], &[], &[])])), "one alternative");
    assert!(Categories::All.hold(&Filter::all()));
}

#[test]
fn decisions_follow_role_scope_and_categories() {
    let policy = "public-read = ['source']\n\
                  [[identity]]\nname = 'a'\ncertificates = ['CN=a']\n\
                  grants = [{ role = 'recorder', categories = ['exchange'] }]\n\
                  [[identity]]\nname = 'b'\ncertificates = ['CN=b']\n\
                  grants = [{ role = 'reader' }]";
    let rights = rights(policy, vec![]);
    let decided = |subject: Option<&str>, method: &str| {
        let principal = subject.map(|it| rights.of_certificate(it).unwrap());
        decide(&rights, principal.as_deref(), rule_of(method).unwrap())
    };
    let (a, b) = (Some("CN=a"), Some("CN=b"));
    let append = "/handover.v1.EventStoreService/Append";
    let read = "handover.v1.EventStoreService/Read";
    let counts = "handover.v1.CountService/GetCountryCounts";
    assert_eq!(decided(a, append), Ok(only(&["exchange"])));
    assert_eq!(decided(a, read), Ok(only(&["exchange", "source"])), "what all may read besides");
    assert_eq!(decided(None, read), Ok(only(&["source"])));
    assert_eq!(decided(b, read), Ok(Categories::All));
    assert_eq!(decided(b, counts), Ok(Categories::All));
    assert!(matches!(decided(a, counts), Err(Denied::Limited { .. })));
    assert!(matches!(decided(None, counts), Err(Denied::Limited { identity: None, .. })));
    assert_eq!(decided(None, append), Err(Denied::NoCredentials));
    let consume = "handover.v1.ConsumerGroupService/Consume";
    assert_eq!(decided(None, consume), Err(Denied::NoCredentials), "that is no mere reading");
    assert!(matches!(decided(b, append), Err(Denied::NoRole { .. })));
    assert_eq!(decided(None, "grpc.health.v1.Health/Check"), Ok(Categories::All));
}

#[test]
fn a_rate_is_that_of_the_identity_or_that_of_all() {
    let policy = "rate = { calls-per-second = 9 }\n\
                  [[identity]]\nname = 'desk'\ncertificates = ['CN=desk']\n\
                  grants = [{ role = 'reader' }]\n\
                  rate = { calls-per-second = 2, burst = 3 }\n\
                  [[identity]]\nname = 'press'\ncertificates = ['CN=press']\n\
                  grants = [{ role = 'reader' }]";
    assert_eq!(rights("", vec![]).rate(None), None);
    let rights = rights(policy, vec![token("alone", DESK, &[]), token("desk", "other", &[])]);
    let shown = |principal: Option<&Principal>| rights.rate(principal).map(|it| it.to_string());
    let of_all = Some("9 calls a second, 9 at once".to_owned());
    let of_desk = Some("2 calls a second, 3 at once".to_owned());
    assert_eq!(shown(None), of_all);
    assert_eq!(shown(rights.of_certificate("CN=press").as_deref()), of_all);
    assert_eq!(shown(rights.of_certificate("CN=desk").as_deref()), of_desk);
    let by_token = |secret: &str| rights.of_token(&TokenHash::of(secret), now()).unwrap().0;
    assert_eq!(shown(Some(&by_token(DESK))), of_all);
    assert_eq!(shown(Some(&by_token("other"))), of_desk);
}

#[test]
fn a_token_belongs_to_the_identity_that_lists_it_or_has_its_name_or_to_itself() {
    let policy = "[[identity]]\nname = 'desk'\ntokens = ['desk-2027']\n\
                  grants = [{ role = 'curator' }]";
    let other = DESK.replace('A', "B");
    let third = DESK.replace('A', "C");
    let tokens = vec![
        token("desk", DESK, &[]),
        token("desk-2027", &other, &[Role::Operator]),
        token("press", &third, &[Role::Reader]),
    ];
    let rights = rights(policy, tokens);
    let of = |secret: &str| rights.of_token(&TokenHash::of(secret), now()).unwrap().0;
    assert_eq!(&*of(DESK).name, "desk");
    assert_eq!(of(DESK).categories(Permission::Curate), Some(Categories::All));
    assert_eq!(&*of(&other).name, "desk");
    assert_eq!(of(&other).categories(Permission::Operate), Some(Categories::All));
    assert_eq!(of(DESK).categories(Permission::Operate), None);
    assert_eq!(&*of(&third).name, "press");
    assert_eq!(rights.of_token(&TokenHash::of("hdo_"), now()), Err(BadToken::Unknown));
}

#[test]
fn a_token_that_expired_or_was_revoked_is_refused_by_name() {
    let expires = |at| Token { expires: Some(at), ..token("desk", DESK, &[Role::Reader]) };
    let found = |token, at| rights("", vec![token]).of_token(&TokenHash::of(DESK), at);
    let end = now() + Duration::days(1);
    assert!(found(expires(end), end - Duration::seconds(1)).is_ok());
    let ended = Err(BadToken::Expired { name: "desk".to_owned(), at: end });
    assert_eq!(found(expires(end), end), ended);
    let mut tokens = Tokens(vec![expires(end)]);
    assert_eq!(tokens.revoke("desk", now()), Ok(true));
    assert_eq!(tokens.revoke("desk", end), Ok(false));
    assert!(tokens.revoke("dask", now()).unwrap_err().0.contains("there is no token \"dask\""));
    let revoked = Err(BadToken::Revoked { name: "desk".to_owned(), at: now() });
    assert_eq!(found(tokens.0.remove(0), now()), revoked);
}

#[test]
fn a_file_of_tokens_is_read_as_it_was_written_and_holds_no_token() {
    let mut tokens = Tokens::default();
    let categories = only(&["exchange"]);
    let expires = Some(now() + Duration::days(90));
    let desk = Token { categories, expires, ..token("desk", DESK, &[Role::Recorder]) };
    tokens.add(desk.clone(), now()).unwrap();
    tokens.add(token("press", "other", &[]), now()).unwrap();
    let twice = tokens.add(Token { hash: TokenHash::of("x"), ..desk.clone() }, now());
    assert!(twice.unwrap_err().0.contains("two tokens named \"desk\""));
    let again = Token { hash: TokenHash::of("x"), ..desk };
    tokens.add(again, now() + Duration::days(91)).expect("the first is of no use any more");
    let text = tokens.written().unwrap();
    assert!(!text.contains(PREFIX) && !text.contains(&DESK[4..]), "{text}");
    let read = Tokens::parse(&text).unwrap();
    assert_eq!(read.written().unwrap(), text);
    let shown = |tokens: &Tokens| format!("{:?}", tokens.0);
    assert_eq!(shown(&read), shown(&tokens));
}

#[test]
fn what_is_wrong_with_a_file_of_tokens_is_named() {
    let good = "[[token]]\nname = 'a'\nsha256 = '0000000000000000000000000000000000000000000000000\
                000000000000000'\ncreated = '2026-01-01T00:00:00Z'\n";
    assert_eq!(Tokens::parse(good).unwrap().0.len(), 1);
    for (text, expected) in [
        (good.replace("created", "made"), "unknown field `made`"),
        (good.replace("2026-01-01T00:00:00Z", "2026-01-01"), "has created \"2026-01-01\""),
        (good.replace("sha256 = '00", "sha256 = '0"), "64 lower-case hexadecimal digits"),
        (good.replace("'a'", "' a'"), "is no name"),
        (format!("{good}roles = ['writer']"), "unknown variant `writer`"),
        (format!("{good}categories = []"), "no category is named"),
        (format!("{good}{good}"), "two tokens named \"a\""),
        (format!("{good}{}", good.replace("'a'", "'b'")), "have the same sha256"),
        ("[[tokens]]".to_owned(), "unknown field `tokens`"),
    ] {
        let error = Tokens::parse(&text).unwrap_err().0;
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn what_is_wrong_with_a_policy_is_named_with_its_line() {
    let one = "[[identity]]\nname = 'a'\ngrants = [{ role = 'reader' }]\n";
    assert!(Policy::parse(one).is_ok());
    assert_eq!(Policy::parse("").unwrap(), Policy::default());
    for (text, expected) in [
        ("publik-read = true".to_owned(), "unknown field `publik-read`"),
        ("public-read = 'yes'".to_owned(), "it must be true, false or a list of categories"),
        ("public-read = ['Desk']".to_owned(), "lower-case letters"),
        (one.replace("role", "rolle"), "line 3"),
        (one.replace("'reader'", "'Reader'"), "unknown variant `Reader`"),
        (one.replace("grants", "grant"), "unknown field `grant`"),
        (one.replace("'reader'", "'reader', categories = []"), "no category is named"),
        (one.replace("'reader'", "'reader', categories = ['a/b']"), "line 3"),
        (format!("{one}{one}"), "line 5: the identity \"a\" is in line 2 already"),
        (
            format!("{one}tokens = ['t']\n{}tokens = ['t']", one.replace("'a'", "'b'")),
            "line 8: the token \"t\" is in line 4 already",
        ),
        (format!("{one}certificates = ['CN=a', 'CN=a']"), "the certificate \"CN=a\""),
        (format!("{one}rate = {{ calls-per-second = 0 }}"), "calls-per-second is 0; it must be"),
        (format!("{one}rate = {{ calls-per-second = 5, burst = -1 }}"), "burst is -1; it must be"),
        (format!("{one}rate = {{ burst = 5 }}"), "missing field `calls-per-second`"),
        (format!("{one}rate = {{ calls-per-second = 1, per = 2 }}"), "unknown field `per`"),
        (format!("{one}rate = 5"), "line 4"),
        (format!("{one}certificates = ['']"), "line 4: \"\" is no name"),
        (format!("{one}certificates = ['CN = a']"), "line 4: \"CN = a\" is no subject as in"),
        (
            format!("{one}subjects = [{{ issuer = 'i', subject = 's' }}]"),
            "line 4: there is no issuer \"i\"",
        ),
        (format!("{ISSUER}{ISSUER}"), "line 6: the issuer \"i\" is in line 2 already"),
        (ISSUER.replace("audience", "aud"), "unknown field `aud`"),
        (
            format!(
                "{ISSUER}{one}subjects = [\n{{ issuer = 'i', subject = 's' }},\n\
                 {{ issuer = 'i', subject = 's' }}]"
            ),
            "line 10: the subject \"s of i\" is in line 9 already",
        ),
        ("[[identity]]\nname = ".to_owned(), "line 2"),
    ] {
        let error = Policy::parse(&text).unwrap_err().to_string();
        assert!(error.contains(expected) && !error.contains('\n'), "{text}: {error}");
    }
}

#[test]
fn a_token_looks_like_one_and_its_hash_says_nothing() {
    let made = token_from(&[7; 32]);
    assert!(is_token(&made) && is_token(DESK), "{made}");
    for bad in ["", "hdo_", "hdo_AAAA", &made[1..], &format!("{made}A"), &made.replace("Bw", "B ")]
    {
        assert!(!is_token(bad), "{bad}");
    }
    let hash = TokenHash::of(&made);
    assert!(TokenHash::parse(&hash.to_string()).unwrap().is(&hash));
    assert!(!TokenHash::of(DESK).is(&hash));
    assert_eq!(format!("{hash:?}"), "TokenHash(..)");
}

#[test]
fn a_file_of_tokens_revokes_by_itself_and_adds_nothing() {
    let (first, second, third) =
        (token("a", DESK, &[]), token("b", "b", &[]), token("c", "c", &[]));
    let rights = rights("", vec![first.clone(), second.clone(), third.clone()]);
    let revoked = |file: Vec<Token>| rights.revoked_by(&Tokens(file));
    assert!(revoked(vec![]).is_none(), "a file that is half written revokes nothing");
    let fourth = token("d", "d", &[Role::Operator]);
    assert!(revoked(vec![first.clone(), second, third, fourth]).is_none());

    let other = token("b", "other", &[Role::Operator]);
    let file = vec![Token { revoked: Some(now()), ..first }, other];
    let left = revoked(file.clone()).unwrap();
    let of = |secret: &str| left.of_token(&TokenHash::of(secret), now());
    assert!(matches!(of(DESK), Err(BadToken::Revoked { .. })), "it is marked");
    assert!(matches!(of("b"), Err(BadToken::Revoked { .. })), "another one has its name");
    assert!(of("c").is_ok());
    assert_eq!(of("other"), Err(BadToken::Unknown));
    assert!(left.revoked_by(&Tokens(file)).is_none(), "that is done");
}
