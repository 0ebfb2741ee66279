//! An issuer on this machine: it signs tokens, and answers over HTTP or HTTPS as a test has it.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Request, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, Full, StreamBody, combinators::BoxBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rcgen::{CertificateParams, KeyPair};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring::default_provider, pki_types::PrivateKeyDer},
};

use crate::grpc::{access::credentials::Credential, origin::Origin};

/// A key that signs.
pub(super) struct Signer {
    id: String,
    key: EcdsaKeyPair,
}

impl Signer {
    pub(super) fn new(id: &str) -> Self {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, made.as_ref(), &random);
        Self { id: id.to_owned(), key: key.unwrap() }
    }

    /// A token whose header names this algorithm.
    pub(super) fn signed(&self, algorithm: &str, claims: &Value) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let header = json!({"alg": algorithm, "kid": self.id});
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

/// The set of the public keys.
pub(super) fn set(signers: &[&Signer]) -> Value {
    let key = |signer: &&Signer| {
        let point = signer.key.public_key().as_ref();
        let part = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let (x, y) = (part(&point[1..33]), part(&point[33..]));
        json!({"kty": "EC", "crv": "P-256", "kid": signer.id, "x": x, "y": y})
    };
    json!({"keys": signers.iter().map(key).collect::<Vec<_>>()})
}

pub(super) fn claims(issuer: &str) -> Value {
    let expires = OffsetDateTime::now_utc().unix_timestamp() + 300;
    json!({"iss": issuer, "sub": "ana", "aud": "handover", "exp": expires})
}

/// A token of the issuer for `ana`.
pub(super) fn token(signer: &Signer, issuer: &str) -> String {
    signer.signed("ES256", &claims(issuer))
}

/// What a call with this token brings.
pub(super) fn credential(token: &str) -> Credential {
    let mut headers = HeaderMap::new();
    headers.insert(header::AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    let own = Some("127.0.0.1:1".parse().unwrap());
    Credential::of(&headers, &Origin { address: own, ..Origin::default() }).unwrap()
}

/// A certificate for a name, with what accepts connections by it, and itself as its authority.
pub(super) fn certificate(names: &[&str]) -> (TlsAcceptor, String) {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let key = KeyPair::generate().unwrap();
    let made = CertificateParams::new(names).unwrap().self_signed(&key).unwrap();
    let own = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.der().clone()], own)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), made.pem())
}

/// What a path answers with.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Text(String),
    Code(u16),
    Moved(String),
    /// A body that does not end.
    Endless,
    /// Nothing, for as long as the client waits.
    Hangs,
}

impl Answer {
    pub(super) fn json(value: &Value) -> Self {
        Self::Text(value.to_string())
    }

    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }

    async fn response(self) -> Response<BoxBody<Bytes, Infallible>> {
        let whole = |text: String| Response::new(Full::new(Bytes::from(text)).boxed());
        match self {
            Self::Text(text) => whole(text),
            Self::Code(code) => {
                let mut response = whole(String::new());
                *response.status_mut() = code.try_into().unwrap();
                response
            }
            Self::Moved(to) => {
                let mut response = whole(String::new());
                *response.status_mut() = http::StatusCode::FOUND;
                response.headers_mut().insert(header::LOCATION, to.parse().unwrap());
                response
            }
            Self::Endless => {
                let part = || Ok(Frame::data(Bytes::from_static(&[b' '; 4 << 10])));
                let parts = stream::repeat_with(part);
                Response::new(StreamBody::new(parts).boxed())
            }
            Self::Hangs => std::future::pending().await,
        }
    }
}

/// A server of an issuer; it ends with this.
pub(super) struct Server {
    base: String,
    state: Arc<State>,
    _serving: JoinSet<()>,
}

#[derive(Default)]
struct State {
    answers: Mutex<HashMap<String, Answer>>,
    requests: AtomicU64,
}

impl Server {
    /// A server that answers with 404, by TLS or in plain text.
    pub(super) async fn start(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let base = format!("{scheme}://{}", listener.local_addr().unwrap());
        let state = Arc::<State>::default();
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, tls, Arc::clone(&state)));
        Self { base, state, _serving: serving }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(super) fn answer(&self, path: &str, answer: Answer) {
        self.state.answers.lock().unwrap().insert(path.to_owned(), answer);
    }

    /// How many requests have come.
    pub(super) fn requests(&self) -> u64 {
        self.state.requests.load(Relaxed)
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (tls, state) = (tls.clone(), Arc::clone(&state));
        connections.spawn(async move {
            match tls {
                None => serve(stream, state).await,
                Some(tls) => {
                    if let Ok(stream) = tls.accept(stream).await {
                        serve(stream, state).await;
                    }
                }
            }
        });
    }
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, state: Arc<State>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let state = Arc::clone(&state);
        async move {
            state.requests.fetch_add(1, Relaxed);
            let answer = state.answers.lock().unwrap().get(request.uri().path()).cloned();
            Ok::<_, Infallible>(answer.unwrap_or(Answer::Code(404)).response().await)
        }
    });
    // A client that has read enough goes.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}
