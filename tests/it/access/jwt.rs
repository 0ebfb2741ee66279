//! Identities by the tokens of another issuer.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use handover::{
    domain::proto::GetHeadRequest,
    grpc::client::{Client, ClientToken},
};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Guarded, refused};
use crate::support::{append, event, read_all};

const POLICY: &str = "\
[[issuer]]
name = 'https://id.example'
audience = 'handover'
jwks = 'keys.json'
[[identity]]
name = 'Ana'
subjects = [{ issuer = 'https://id.example', subject = 'ana' }]
grants = [{ role = 'recorder' }]
";

/// A key, and its id.
pub(super) struct Signer(EcdsaKeyPair, &'static str);

impl Signer {
    fn new() -> Self {
        Self::named("1")
    }

    pub(super) fn named(id: &'static str) -> Self {
        let (kind, random) = (&ECDSA_P256_SHA256_FIXED_SIGNING, SystemRandom::new());
        let made = EcdsaKeyPair::generate_pkcs8(kind, &random).expect("a key");
        Self(EcdsaKeyPair::from_pkcs8(kind, made.as_ref(), &random).expect("a key"), id)
    }

    /// A set with its public key.
    pub(super) fn keys(&self) -> String {
        let point = self.0.public_key().as_ref();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (x, y) = (part(&point[1..33]), part(&point[33..]));
        json!({"keys": [{"kty": "EC", "crv": "P-256", "kid": self.1, "x": x, "y": y}]}).to_string()
    }

    pub(super) fn token(&self, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"alg": "ES256", "kid": self.1});
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).expect("a signature");
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn claims(subject: &str, audience: &str, lasts: i64) -> Value {
    let expires = OffsetDateTime::now_utc().unix_timestamp() + lasts;
    json!({"iss": "https://id.example", "sub": subject, "aud": audience, "exp": expires})
}

pub(super) async fn client(server: &Guarded, token: &str) -> Client {
    let token = ClientToken::parse(token).expect("a token");
    server.stranger().await.with_token(token).expect("it is this machine")
}

#[tokio::test]
async fn a_jwt_of_an_issuer_of_the_policy_is_an_identity_until_its_key_is_gone() {
    let (signer, other) = (Signer::new(), Signer::new());
    let server = Guarded::start("", vec![]);
    server.files.write("policy.toml", POLICY);
    let line = server.reload("not taken up");
    assert!(line.contains("jwks: ") && line.contains("keys.json cannot be read"), "{line}");
    server.files.write("keys.json", &signer.keys());
    server.reload("new files are in use");

    let head = GetHeadRequest::default;
    let good = signer.token(&claims("ana", "handover", 300));
    let ana = client(&server, &good).await;
    ana.append(append("x/a", vec![event("one", &[])])).await.expect("it may record");
    assert_eq!(read_all(&ana).await[0].recorded_by, "Ana");
    for (token, problem) in [
        (signer.token(&claims("ana", "press", 300)), "for another audience"),
        (signer.token(&claims("ana", "handover", -3_600)), "the token expired on"),
        (signer.token(&claims("bob", "handover", 300)), "no identity for the subject"),
        (other.token(&claims("ana", "handover", 300)), "signature is wrong"),
    ] {
        let error = refused(client(&server, &token).await.get_head(head()).await);
        assert_eq!(error.reason, "NOT_AUTHENTICATED");
        assert!(error.message.contains(problem), "{error}");
    }
    server.files.write("keys.json", &other.keys());
    server.reload("new files are in use");
    refused(ana.get_head(head()).await);
}
