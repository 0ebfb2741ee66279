//! JWTs that are accepted, and each way in which one is refused.

use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};

use super::*;

const ISSUER: &str = "https://id.example";
/// The modulus of a key of 2,048 bits that openssl made.
const MODULUS: &str = "1WrkwINwJ2QYnMduFVhgCARbP4HuT2CVdTmjdBWygQu5uyPPzfIqAEMMQpyUvjFMaMCg_oOhHQ\
                       boTtmWwQmx8-UOehCT0g-mtTRQ2wsd351o_k-ixjMRgdlFAM_akawlOkeUFWaiXbz3jPyDELy4\
                       3OuI0ZSLOGeQwndorA2foeJvCHKHBSzHeCJM62T6m58OsfJB3HlT4QzcEh8695OAt-TwoA-WGX\
                       b3hgGY-tBYqA0gAOqFr23Pkt4JUTpPCBvfba1RgKssO9O6XRGtypgU0ifunSY8bmFx6Fn8XW9R\
                       mVwKS6vHtbPLjur-cK8RvSspwRDCM-tDxA741yRLtl7pTQ";
/// Its signature of [`RSA_SIGNED`], by RS256.
const RS256: &str = "laKRsOLJU4Q0lxxOJ-fpXUSxwlcB-cNzwBPbYQ6cH5BomJ5KdO-sUwX5TtAL1SMxsXBxv99KCNF1\
                     p-nfUgQN2rCb0fLz61yFBoZYRYQT_cUJaL9FqJuV3fpf6Q0_aSMqDem0jsU4vcRKtgiKqFNIpPmD\
                     -XwJVRogXSG8527FSQkGOYWKzC__Ie9JTdd7_ztsKxW44ULpFdqLKswr4DgUG9iQH2sxl4EMxCB8\
                     B6CoCoXjp5Y4ae4bZVaYd6pFTvoEySomwOvXocCdUtjvosSy_7998WX9WdgAsDUlQPXfCICXy0Wc\
                     BD3Fv1gcqGWOKP8UovV1PJ0ZJ3XXOlMMN8E9Ag";
/// The header `{"alg":"RS256","kid":"rsa"}` and the claims of `ana`.
const RSA_SIGNED: &str = "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSJ9.eyJpc3MiOiJodHRwczovL2lkLmV4YW1wb\
                          GUiLCJzdWIiOiJhbmEiLCJhdWQiOiJoYW5kb3ZlciIsImV4cCI6NDEwMjQ0NDgwMH0";

fn now() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

/// An issuer with a key of its own.
struct Signer {
    key: EcdsaKeyPair,
    random: SystemRandom,
}

impl Signer {
    fn new() -> Self {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random);
        Self { key: key.unwrap(), random }
    }

    fn jwk(&self, id: &str) -> Value {
        let point = self.key.public_key().as_ref();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (x, y) = (part(&point[1..33]), part(&point[33..]));
        json!({"kty": "EC", "crv": "P-256", "kid": id, "x": x, "y": y})
    }

    fn signed(&self, header: &Value, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(claims));
        let signature = self.key.sign(&self.random, signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn issuer() -> Issuer {
    let (name, audience) = (ISSUER.to_owned(), "handover".to_owned());
    Issuer { name, audience, keys: KeySource::File(String::new()), ca: None }
}

fn issuers(keys: &[Value]) -> Vec<(Issuer, Option<Keys>)> {
    vec![(issuer(), Some(Keys::parse(&json!({ "keys": keys }).to_string()).unwrap()))]
}

fn claims() -> Value {
    let now = now().unix_timestamp();
    json!({"iss": ISSUER, "sub": "ana", "aud": "handover", "iat": now - 5, "exp": now + 300})
}

#[test]
fn a_token_of_the_issuer_is_accepted_until_it_expires() {
    let signer = Signer::new();
    let issuers = issuers(&[signer.jwk("one"), Signer::new().jwk("two")]);
    let header = json!({"alg": "ES256", "kid": "one", "typ": "JWT"});
    let token = signer.signed(&header, &claims());
    assert!(is_jwt(&token));
    let until = now() + Duration::seconds(360);
    let found = verified(&token, &issuers, now()).unwrap();
    let (issuer, subject) = (ISSUER.to_owned(), "ana".to_owned());
    assert_eq!(found, Verified { issuer, subject, until });
    assert!(verified(&token, &issuers, until - Duration::seconds(1)).is_ok());
    let expired = now() + Duration::seconds(300);
    assert_eq!(verified(&token, &issuers, until), Err(BadJwt::Expired(expired)));
    let mut several = claims();
    several["aud"] = json!(["other", "handover"]);
    assert!(verified(&signer.signed(&header, &several), &issuers, now()).is_ok());
}

#[test]
fn each_claim_that_is_wrong_or_missing_is_named() {
    let signer = Signer::new();
    let issuers = issuers(&[signer.jwk("one")]);
    let refused = |change: &dyn Fn(&mut Value)| {
        let mut claims = claims();
        change(&mut claims);
        let token = signer.signed(&json!({"alg": "ES256", "kid": "one"}), &claims);
        verified(&token, &issuers, now()).unwrap_err()
    };
    let seconds = now().unix_timestamp();
    assert_eq!(refused(&|it| it["aud"] = json!("press")), BadJwt::Audience);
    assert_eq!(refused(&|it| it["aud"] = json!([])), BadJwt::Audience);
    assert!(matches!(refused(&|it| it["iss"] = json!("https://id.example/")), BadJwt::Issuer(_)));
    assert!(matches!(refused(&|it| it["exp"] = json!(seconds - 61)), BadJwt::Expired(_)));
    assert!(matches!(refused(&|it| it["nbf"] = json!(seconds + 62)), BadJwt::Early(_)));
    assert!(matches!(refused(&|it| it["iat"] = json!(seconds + 3_600)), BadJwt::Early(_)));
    assert!(matches!(refused(&|it| it["exp"] = json!(1e300)), BadJwt::Malformed(_)));
    for claim in ["iss", "sub", "aud", "exp"] {
        let missing = refused(&|it| drop(it.as_object_mut().unwrap().remove(claim)));
        assert!(matches!(missing, BadJwt::Malformed(_)), "{claim}: {missing}");
    }
    assert!(matches!(refused(&|it| it["exp"] = json!("4102444800")), BadJwt::Malformed(_)));
}

#[test]
fn the_key_decides_on_the_algorithm_and_no_other_signature_passes() {
    let signer = Signer::new();
    let rsa = json!({"kty": "RSA", "kid": "rsa", "n": MODULUS, "e": "AQAB"});
    let issuers = issuers(&[signer.jwk("one"), rsa]);
    let refused = |token: &str| verified(token, &issuers, now()).unwrap_err();
    let algorithm = |alg: &str| signer.signed(&json!({"alg": alg, "kid": "one"}), &claims());
    for alg in ["none", "None", "HS256", "es256"] {
        assert_eq!(refused(&algorithm(alg)), BadJwt::Algorithm(alg.to_owned()));
    }
    for alg in ["RS256", "ES384"] {
        assert_eq!(refused(&algorithm(alg)), BadJwt::Key, "{alg}");
    }
    let by = |header: Value| signer.signed(&header, &claims());
    let unknown = BadJwt::UnknownKey(ISSUER.to_owned());
    assert_eq!(refused(&by(json!({"alg": "ES256", "kid": "two"}))), unknown);
    assert_eq!(refused(&by(json!({"alg": "ES256"}))), BadJwt::Key, "which of two keys is not said");
    let extended = by(json!({"alg": "ES256", "kid": "one", "crit": ["x"]}));
    assert!(matches!(refused(&extended), BadJwt::Malformed(_)));
    let other = Signer::new().signed(&json!({"alg": "ES256", "kid": "one"}), &claims());
    assert_eq!(refused(&other), BadJwt::Signature);
    let good = by(json!({"alg": "ES256", "kid": "one"}));
    assert!(verified(&good, &issuers, now()).is_ok());
    let unsigned = good.rsplit_once('.').unwrap().0;
    assert_eq!(refused(&format!("{unsigned}.")), BadJwt::Signature);
    let (head, rest) = good.split_once('.').unwrap();
    let swapped = URL_SAFE_NO_PAD.encode(claims().to_string().replace("ana", "bob"));
    let signature = rest.split_once('.').unwrap().1;
    assert_eq!(refused(&format!("{head}.{swapped}.{signature}")), BadJwt::Signature);

    // What another implementation has signed.
    let token = format!("{RSA_SIGNED}.{RS256}");
    assert_eq!(verified(&token, &issuers, now()).unwrap().subject, "ana");
    let flipped = token.replace(".laKR", ".laKS");
    assert_eq!(refused(&flipped), BadJwt::Signature);
}

#[test]
fn where_keys_are_not_there_a_token_is_not_looked_at_further_than_its_algorithm() {
    let (signer, issuers) = (Signer::new(), [(issuer(), None)]);
    let by = |alg: &str| signer.signed(&json!({"alg": alg, "kid": "one"}), &claims());
    let refused = |alg| verified(&by(alg), &issuers, now()).unwrap_err();
    assert_eq!(refused("ES256"), BadJwt::NoKeys(ISSUER.to_owned()));
    for alg in ["none", "HS256"] {
        assert_eq!(refused(alg), BadJwt::Algorithm(alg.to_owned()), "it is never accepted");
    }
}

#[test]
fn a_set_of_keys_is_taken_without_those_that_are_of_no_use() {
    let parsed = |keys: Value| Keys::parse(&json!({ "keys": keys }).to_string());
    let mut encrypting = Signer::new().jwk("one");
    encrypting["use"] = json!("enc");
    let mut wrong = Signer::new().jwk("two");
    wrong["alg"] = json!("ES384");
    let secret = json!({"kty": "oct", "k": "AAAA", "alg": "HS256"});
    for none in [json!([]), json!([encrypting]), json!([wrong]), json!([secret, {"kty": 1}])] {
        let error = parsed(none).unwrap_err();
        assert!(error.contains("no key for signatures"), "{error}");
    }
    assert!(Keys::parse("{}").unwrap_err().contains("missing field `keys`"));
    parsed(json!([secret, Signer::new().jwk("one")])).unwrap();
}
