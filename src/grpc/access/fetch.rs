//! Fetches the keys of an issuer, by HTTPS, or by plain HTTP within this machine. How long it takes
//! and how much comes is bounded. Nothing is followed elsewhere but what the discovery document
//! names.

use std::{io, net::SocketAddr, path::Path, pin::pin, time::Duration};

use bytes::Bytes;
use http::{
    Request, StatusCode,
    header::{ACCEPT, CONNECTION, HOST, USER_AGENT},
};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::{TlsStream, rustls::pki_types::ServerName};

use crate::{
    domain::access::{Issuer, KeyAddress, KeySource, Keys},
    grpc::{
        file_access::ReadBy,
        tls::{Side, Wire, for_https, of_handshake},
    },
};

/// The key of the policy for the authorities of an issuer's address.
pub(super) const CA: &str = "ca";
/// Bytes of a document. Sets of large issuers have some 10 KiB.
const DOCUMENT_BYTES: usize = 256 << 10;
/// Bytes of the headers before it.
const HEADER_BYTES: usize = 32 << 10;
const AGENT: &str = concat!("handover/", env!("CARGO_PKG_VERSION"));

/// The part of a discovery document that counts.
#[derive(Deserialize)]
struct Discovered {
    issuer: String,
    jwks_uri: String,
}

/// The keys of an issuer, or why they are not to be had. The file of authorities is read anew.
pub(super) async fn keys(
    issuer: &Issuer,
    ca: Option<&Path>,
    within: Duration,
) -> Result<Keys, String> {
    let fetched = async {
        match &issuer.keys {
            KeySource::File(path) => Err(format!("{path} is a file")),
            KeySource::Address(address) => set(address, ca).await,
            KeySource::Discovery(address) => {
                set(&discovered(&issuer.name, address, ca).await?, ca).await
            }
        }
    };
    let fetched = tokio::time::timeout(within, fetched).await;
    fetched.unwrap_or_else(|_| {
        Err(format!("{} did not answer within {} s", issuer.keys, within.as_secs_f32()))
    })
}

async fn set(address: &KeyAddress, ca: Option<&Path>) -> Result<Keys, String> {
    let text = get(address, ca).await?;
    Keys::parse(&text).map_err(|error| format!("{address} is refused as a set of keys: {error}"))
}

/// The address of the keys, by the discovery document. It has to be that of the issuer, and a
/// document that came encrypted names no address of plain text.
async fn discovered(
    issuer: &str,
    address: &KeyAddress,
    ca: Option<&Path>,
) -> Result<KeyAddress, String> {
    let text = get(address, ca).await?;
    let refused =
        |problem: String| format!("{address} is refused as a discovery document: {problem}");
    let found: Discovered =
        serde_json::from_str(&text).map_err(|error| refused(error.to_string()))?;
    if found.issuer != issuer {
        return Err(refused(format!("it is of the issuer {:?}, not {issuer:?}", found.issuer)));
    }
    let named = &found.jwks_uri;
    let keys = KeyAddress::parse(named)
        .map_err(|problem| refused(format!("its jwks_uri {named:?} {problem}")))?;
    if address.encrypted && !keys.encrypted {
        return Err(refused(format!("its jwks_uri {named:?} does not begin with https://")));
    }
    Ok(keys)
}

/// What an address answers with.
async fn get(address: &KeyAddress, ca: Option<&Path>) -> Result<String, String> {
    let failed = |problem: String| format!("{address} {problem}");
    let stream = connected(address, ca).await.map_err(failed)?;
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEADER_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failed(format!("is no server of HTTP/1.1: {error}")))?;
    let exchange = async {
        let request = request(address)?;
        let answer = sender.send_request(request).await;
        let answer = answer.map_err(|error| format!("did not answer: {error}"))?;
        if answer.status() != StatusCode::OK {
            return Err(format!("answered with {}; 200 is expected", answer.status()));
        }
        let body = Limited::new(answer.into_body(), DOCUMENT_BYTES).collect().await;
        let body = body.map_err(|error| {
            format!("could not be read, or has more than {DOCUMENT_BYTES} bytes: {error}")
        })?;
        String::from_utf8(body.to_bytes().into())
            .map_err(|_| "answered with what is not UTF-8".to_owned())
    };
    // The connection has to be driven for as long as the exchange goes on.
    let mut exchange = pin!(exchange);
    let mut connection = pin!(connection);
    let answered = tokio::select! {
        biased;
        answered = &mut exchange => answered,
        _ = &mut connection => exchange.await,
    };
    answered.map_err(failed)
}

fn request(address: &KeyAddress) -> Result<Request<Empty<Bytes>>, String> {
    Request::get(&address.path)
        .header(HOST, &address.authority)
        .header(ACCEPT, "application/json, application/jwk-set+json")
        .header(USER_AGENT, AGENT)
        .header(CONNECTION, "close")
        .body(Empty::new())
        .map_err(|error| format!("cannot be requested: {error}"))
}

async fn connected(address: &KeyAddress, ca: Option<&Path>) -> Result<Wire, String> {
    let unreachable = |error: io::Error| format!("cannot be reached: {error}");
    let found = lookup_host((address.host.as_str(), address.port)).await;
    // A name such as `localhost` could lead elsewhere.
    let permitted = |at: &SocketAddr| address.encrypted || at.ip().to_canonical().is_loopback();
    let at: Vec<SocketAddr> = found.map_err(unreachable)?.filter(permitted).collect();
    if at.is_empty() {
        return Err("leads to no address, or to another machine in plain text".to_owned());
    }
    let stream = TcpStream::connect(at.as_slice()).await.map_err(unreachable)?;
    if !address.encrypted {
        return Ok(Wire::Plain(stream));
    }
    let ca = ca.map(Path::to_owned);
    let tls =
        tokio::task::spawn_blocking(move || for_https(CA, ca.as_deref(), ReadBy::Server)).await;
    let tls = tls.map_err(|error| format!("cannot be trusted: {error}"))?;
    let tls = tls.map_err(|error| format!("cannot be trusted: {error}"))?;
    let name = ServerName::try_from(address.host.clone());
    let name = name.map_err(|error| format!("has no name for a certificate: {error}"))?;
    let stream = tls.connect(name, stream).await.map_err(|error| {
        of_handshake(&error, Side::Client).unwrap_or_else(|| format!("ended TLS: {error}"))
    })?;
    Ok(Wire::Tls(Box::new(TlsStream::from(stream))))
}
