//! What a server with TLS speaks: two versions, HTTP/2 and HTTP/1.1.

use std::sync::Arc;

use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};
use tokio_rustls::{
    TlsConnector,
    client::TlsStream,
    rustls::{
        ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion,
        crypto::ring,
        pki_types::{CertificateDer, ServerName, pem::PemObject as _},
        version::{TLS12, TLS13},
    },
};

use super::server::Secure;
use crate::{
    lifecycle::line_with,
    metrics::scraped,
    support::{append, event, read_all},
};

/// A connection that speaks one version and offers one protocol.
pub(super) async fn connected(
    server: &Secure,
    version: &'static SupportedProtocolVersion,
    protocol: &[u8],
) -> TlsStream<TcpStream> {
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(server.authority.pem.as_bytes());
    roots.add(authority.expect("a certificate")).expect("an authority");
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(&[version]).expect("a version");
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![protocol.to_vec()];
    let tcp = TcpStream::connect(&server.at).await.expect("it can be reached");
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, tcp).await.expect("a handshake")
}

#[tokio::test]
async fn both_versions_and_both_protocols_are_spoken() {
    let server = Secure::start();
    for (version, number) in
        [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)]
    {
        for protocol in [&b"h2"[..], b"http/1.1"] {
            let stream = connected(&server, version, protocol).await;
            let session = stream.get_ref().1;
            assert_eq!(session.protocol_version(), Some(number));
            assert_eq!(session.alpn_protocol(), Some(protocol));
        }
    }
    let client = server.client().await;
    client.append(append("x/a", vec![event("one", &[])])).await.expect("it is recorded");
    assert_eq!(read_all(&client).await.len(), 1);
    let name = server.url().replace("127.0.0.1", "localhost");
    let client = handover::grpc::client::Client::connect_with(&name, &server.trust()).await;
    assert!(client.expect("a connection").serving().await.expect("an answer"));
}

#[tokio::test]
async fn pages_call_over_http_1_with_tls() {
    let server = Secure::start();
    let stream = connected(&server, &TLS13, b"http/1.1").await;
    let (mut browser, connection) =
        http1::handshake(TokioIo::new(stream)).await.expect("a connection");
    tokio::spawn(connection);
    let request = Request::post("/handover.v1.EventStoreService/GetHead")
        .header("host", "localhost")
        .header("content-type", "application/grpc-web+proto")
        .body(Full::new(bytes::Bytes::from_static(&[0; 5])))
        .expect("a request");
    let response = browser.send_request(request).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    let trailers = String::from_utf8_lossy(&body);
    assert!(trailers.contains("grpc-status:0"), "{trailers:?}");
}

#[tokio::test]
async fn connections_that_say_nothing_hold_up_no_other() {
    let server = Secure::start();
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(TcpStream::connect(&server.at).await.expect("it can be reached"));
    }
    assert!(server.client().await.serving().await.expect("an answer"));
}

#[tokio::test]
async fn a_flood_of_handshakes_that_fail_writes_a_bounded_number_of_lines() {
    const CONNECTIONS: u32 = 1_000;
    let server =
        Secure::start_with(|_, _| ["--metrics-listen", "127.0.0.1:0"].map(str::to_owned).to_vec());
    let begun = std::time::Instant::now();
    for _ in 0..CONNECTIONS {
        let mut plain = TcpStream::connect(&server.at).await.expect("it can be reached");
        plain.write_all(b"GET / HTTP/1.1\r\n\r\n").await.expect("it is read");
        // The server ends it, after an alert.
        let mut alert = Vec::new();
        let _ = plain.read_to_end(&mut alert).await;
    }
    let failed = scraped(&server.metrics)["handover_tls_handshakes_failed_total"];
    assert_eq!(failed.to_bits(), f64::from(CONNECTIONS).to_bits());
    let permitted = 100 + begun.elapsed().as_millis() / 100 + 1;
    // What the server logs when it stops comes after all of them.
    server.signal("TERM");
    let mut lines = 0;
    loop {
        let line = line_with(&server.log, "");
        if line.contains("stopping") {
            break;
        }
        lines += u128::from(line.contains("a TLS handshake failed"));
    }
    assert!((100..=permitted).contains(&lines), "{lines} lines, and {permitted} may come");
}
