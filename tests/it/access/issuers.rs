//! Keys of an issuer that is found by its name over HTTPS: what a server does without them, and how
//! they are exchanged.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use handover::{
    domain::{
        access::Role,
        proto::{GetHeadRequest, GetStatusRequest, SubscribeRequest},
    },
    grpc::client::ClientErrorKind,
};
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use super::{
    Guarded,
    jwt::{Signer, client},
    refused, token,
};
use crate::{
    lifecycle::line_with,
    metrics::scraped,
    tls::certificates::{Authority, Pair},
};

const WELL_KNOWN: &str = "/.well-known/openid-configuration";
const FAILED: &str = "handover_reload_failed{what=\"keys\"}";

/// An issuer on this machine, by HTTPS. It ends with this.
struct Issuer {
    name: String,
    /// The set of its keys; absent: it answers that it is not available.
    keys: Arc<Mutex<Option<String>>>,
    _serving: JoinSet<()>,
}

fn acceptor(pair: &Pair) -> TlsAcceptor {
    let chain = CertificateDer::from_pem_slice(pair.cert.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![chain], key)
        .expect("a pair");
    TlsAcceptor::from(Arc::new(config))
}

impl Issuer {
    async fn start(pair: &Pair) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let name = format!("https://{}/realm", listener.local_addr().expect("an address"));
        let (keys, acceptor) = (Arc::<Mutex<Option<String>>>::default(), acceptor(pair));
        let mut serving = JoinSet::new();
        let (of, answered) = (name.clone(), Arc::clone(&keys));
        serving.spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.expect("a connection");
                let Ok(stream) = acceptor.accept(stream).await else { continue };
                let service = service_fn(|request: Request<Incoming>| {
                    let answer = answer(&of, request.uri().path(), &answered);
                    std::future::ready(Ok::<_, Infallible>(answer))
                });
                // A client goes when it has its answer.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            }
        });
        Self { name, keys, _serving: serving }
    }

    fn has(&self, signer: &Signer) {
        *self.keys.lock().expect("it is ours") = Some(signer.keys());
    }

    fn claims(&self) -> Value {
        let expires = OffsetDateTime::now_utc().unix_timestamp() + 300;
        json!({"iss": self.name, "sub": "ana", "aud": "handover", "exp": expires})
    }
}

fn answer(issuer: &str, path: &str, keys: &Mutex<Option<String>>) -> Response<Full<Bytes>> {
    let keys = keys.lock().expect("it is ours").clone();
    let text = match (path.strip_prefix("/realm"), keys) {
        (Some(WELL_KNOWN), Some(_)) => {
            json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")}).to_string()
        }
        (Some("/keys"), Some(keys)) => keys,
        _ => {
            let mut response = Response::new(Full::default());
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            return response;
        }
    };
    Response::new(Full::new(Bytes::from(text)))
}

// The issuer answers while the test waits for a line of the log.
#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_is_found_by_its_name_and_a_withdrawn_key_ends_what_it_had_begun() {
    let authority = Authority::new("issuers");
    let issuer = Issuer::start(&authority.server()).await;
    let name = &issuer.name;
    let operator = vec![token(1, "night", &[Role::Operator], &[])];
    let server =
        Guarded::start_with("public-read = true", operator, &["--metrics-listen", "127.0.0.1:0"]);
    let metrics = server.metrics.as_deref().expect("they are listened for");
    server.files.write("ca.pem", &authority.pem);
    server.files.write(
        "policy.toml",
        &format!(
            "public-read = true\n[[issuer]]\nname = '{name}'\naudience = 'handover'\n\
             ca = 'ca.pem'\n[[identity]]\nname = 'Ana'\ngrants = [{{ role = 'recorder' }}]\n\
             subjects = [{{ issuer = '{name}', subject = 'ana' }}]\n"
        ),
    );
    server.reload("new files are in use");
    let line = line_with(&server.log, "the issuer's keys cannot be fetched");
    assert!(line.contains("answered with 503") && line.contains(WELL_KNOWN), "{line}");

    // Its token is not blamed, and what all may read takes its place as little.
    let (old, new) = (Signer::named("old"), Signer::named("new"));
    let ana = client(&server, &old.token(&issuer.claims())).await;
    let error = ana.get_head(GetHeadRequest::default()).await.expect_err("there are no keys");
    assert_eq!((error.kind, &*error.reason), (ClientErrorKind::Unavailable, "NOT_READY"));
    assert!(error.message.contains("are not there") && error.retry_after.is_some(), "{error:?}");
    assert_eq!(scraped(metrics)[FAILED].to_bits(), 1.0_f64.to_bits());
    let operator = server.client(1).await;
    let own = async || {
        let status = operator.server_status(GetStatusRequest {}).await.expect("it may");
        status.reloads.into_iter().find(|it| it.issuer == *name).expect("it is there")
    };
    let failing = own().await;
    assert!(failing.problem.contains("answered with 503"), "{failing:?}");
    assert!(failing.failing_since.is_some() && failing.fetched_at.is_none(), "{failing:?}");

    issuer.has(&old);
    server.reload("the issuer's keys are in use");
    let mut frames = ana.subscribe(SubscribeRequest::default());
    frames.try_next().await.expect("it may").expect("it goes on");
    assert_eq!(scraped(metrics)[FAILED].to_bits(), 0.0_f64.to_bits());
    let fetched = format!("handover_issuer_keys_fetched_timestamp_seconds{{issuer=\"{name}\"}}");
    assert!(scraped(metrics)[&fetched] > 1.7e9);
    let status = own().await;
    assert!(status.failing_since.is_none() && status.problem.is_empty(), "{status:?}");
    assert!(status.fetched_at.is_some() && status.failures > 0, "{status:?}");

    issuer.has(&new);
    server.reload("the issuer's keys are in use");
    let ended = async {
        loop {
            if let Err(error) = frames.try_next().await {
                return error;
            }
        }
    };
    assert_eq!(ended.await.reason, "NOT_AUTHENTICATED");
    refused(ana.get_head(GetHeadRequest::default()).await);
    let ana = client(&server, &new.token(&issuer.claims())).await;
    ana.get_head(GetHeadRequest::default()).await.expect("its key is there");
}

#[test]
fn an_address_of_keys_that_could_be_exchanged_on_the_way_is_refused() {
    let server = Guarded::start("", vec![]);
    for (keys, problem) in [
        ("jwks = 'http://id.example/keys'", "use https://"),
        ("jwks = 'https://id.example/keys'\nca = 'none.pem'", "none.pem"),
        ("jwks = 'keys.json'\nca = 'ca.pem'", "ca is for keys that are fetched"),
        ("", "has no jwks"),
    ] {
        let policy = format!("[[issuer]]\nname = 'i'\naudience = 'handover'\n{keys}\n");
        server.files.write("policy.toml", &policy);
        let line = server.reload("not taken up");
        assert!(line.contains(problem), "{keys}: {line}");
    }
}
