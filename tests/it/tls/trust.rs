//! Which side is refused by the other, and that each says why.

use std::{process::Command, sync::Arc};

use handover::grpc::client::{Client, ClientErrorKind, ClientTls};
use rcgen::date_time_ymd;
use tokio::net::TcpListener;
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        crypto::ring,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

use super::{
    certificates::{Authority, Folder, Pair},
    server::{Secure, refused, text},
};
use crate::{
    lifecycle::line_with,
    support::{BINARY, Server, data_dir},
};

/// A server that shows any certificate, good or not. It ends with the test.
async fn showing(pair: &Pair) -> String {
    let cert = CertificateDer::from_pem_slice(pair.cert.as_bytes()).expect("a certificate");
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("a key");
    let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    let config = builder.with_no_client_auth().with_single_cert(vec![cert], key);
    let acceptor = TlsAcceptor::from(Arc::new(config.expect("a pair")));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("https://{}", listener.local_addr().expect("an address"));
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let _ = acceptor.accept(tcp).await;
        }
    });
    address
}

#[tokio::test]
async fn a_client_says_what_is_wrong_with_a_servers_certificate() {
    let server = Secure::start();
    let other = server.folder.write("other.pem", &Authority::new("others").pem);
    let others = ClientTls { ca: Some(other), ..ClientTls::default() };
    let error = refused(&server.url(), &others).await;
    assert_eq!(error.kind, ClientErrorKind::Untrusted, "{error}");
    assert!(error.message.contains("not issued by an authority that is trusted here"), "{error}");

    for (names, from, expected) in [
        (&["elsewhere.example"][..], 2024, "is not for 127.0.0.1, but for elsewhere.example"),
        (&["127.0.0.1"], 1990, "expired on 1991-01-01T00:00:00Z"),
        (&["127.0.0.1"], 4000, "is valid from 4000-01-01T00:00:00Z on, which is later than now"),
    ] {
        let pair = server.authority.issue(names, |params| {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(if from == 2024 { 4000 } else { from + 1 }, 1, 1);
        });
        let error = refused(&showing(&pair).await, &server.trust()).await;
        assert_eq!(error.kind, ClientErrorKind::Untrusted, "{error}");
        assert!(error.message.contains(expected), "{error}");
    }
    // Without HTTP/2 there is no gRPC.
    let error = refused(&showing(&server.authority.server()).await, &server.trust()).await;
    assert!(error.message.contains("no HTTP/2"), "{error}");
}

/// A server that looks at the certificates of clients, and a client with a certificate.
fn looking(auth: &str) -> (Secure, ClientTls) {
    let clients = Authority::new("clients");
    let server = Secure::start_with(|folder, _| {
        let ca = folder.write("clients.pem", &clients.pem);
        folder.pair("desk", &clients.client());
        folder.pair("stranger", &Authority::new("strangers").client());
        let mut arguments = vec!["--tls-client-ca".to_owned(), text(&ca).to_owned()];
        if !auth.is_empty() {
            arguments.extend(["--tls-client-auth".to_owned(), auth.to_owned()]);
        }
        arguments
    });
    let desk = with_certificate(&server, "desk");
    (server, desk)
}

fn with_certificate(server: &Secure, name: &str) -> ClientTls {
    let folder = &server.folder;
    let cert = Some(folder.path(&format!("{name}.pem")));
    ClientTls { cert, key: Some(folder.path(&format!("{name}.key"))), ..server.trust() }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused_where_one_is_required_and_says_so() {
    // Authorities of clients alone mean that a certificate is required.
    for auth in ["required", ""] {
        let (server, desk) = looking(auth);
        let client = Client::connect_with(&server.url(), &desk).await.expect("a connection");
        assert!(client.serving().await.expect("an answer"));
        for _ in 0..20 {
            let error = refused(&server.url(), &server.trust()).await;
            assert_eq!(error.kind, ClientErrorKind::Untrusted, "{error}");
            assert!(error.message.contains("requires a certificate of its clients"), "{error}");
        }
        let line = line_with(&server.log, "a TLS handshake failed");
        assert!(line.contains("has sent no certificate"), "{line}");
        assert!(line.contains("peer=\"127.0.0.1:"), "{line}");
        let error = refused(&server.url(), &with_certificate(&server, "stranger")).await;
        assert_eq!(error.kind, ClientErrorKind::Untrusted, "{error}");
        assert!(error.message.contains("refuses this client's certificate"), "{error}");
        line_with(&server.log, "not issued by an authority in tls-client-ca");
    }
}

#[tokio::test]
async fn an_optional_certificate_may_be_missing_and_has_to_be_good() {
    let (server, desk) = looking("optional");
    for tls in [&desk, &server.trust()] {
        let client = Client::connect_with(&server.url(), tls).await.expect("a connection");
        assert!(client.serving().await.expect("an answer"));
    }
    let error = refused(&server.url(), &with_certificate(&server, "stranger")).await;
    assert_eq!(error.kind, ClientErrorKind::Untrusted, "{error}");
}

#[tokio::test]
async fn a_certificate_for_servers_is_none_of_a_client() {
    let server = Secure::start_with(|folder, authority| {
        folder.pair("desk", &authority.server());
        vec!["--tls-client-ca".to_owned(), text(&folder.path("ca.pem")).to_owned()]
    });
    let error = refused(&server.url(), &with_certificate(&server, "desk")).await;
    assert_eq!(error.kind, ClientErrorKind::Untrusted, "{error}");
    line_with(&server.log, "is not for clients");
}

#[tokio::test]
async fn plain_text_and_tls_that_meet_are_named_on_both_sides() {
    let server = Secure::start();
    let plain = format!("http://{}", server.at);
    for _ in 0..20 {
        let error = refused(&plain, &ClientTls::default()).await;
        assert_eq!(error.kind, ClientErrorKind::Untrusted, "{error}");
        assert!(error.message.contains("its address begins with https://"), "{error}");
    }
    line_with(&server.log, "the client does not speak TLS");

    let (_dir, data) = data_dir();
    let plain = Server::start(&data, &[]);
    let address = plain.address.replace("http://", "https://");
    let error = refused(&address, &server.trust()).await;
    assert_eq!(error.kind, ClientErrorKind::Untrusted, "{error}");
    assert!(error.message.contains("its address begins with http://"), "{error}");
}

#[test]
fn commands_take_certificates_by_options_and_by_variables() {
    let (server, _) = looking("required");
    let path = |name: &str| server.folder.path(name);
    let run = |options: &[&str], variables: &[(&str, &str)]| {
        let mut command = Command::new(BINARY);
        command.args(["counts", "--server", &server.url()]).args(options);
        let ended = command.envs(variables.iter().copied()).output().expect("it can be run");
        (ended.status.code(), String::from_utf8_lossy(&ended.stderr).into_owned())
    };
    let (ca, cert, key) = (path("ca.pem"), path("desk.pem"), path("desk.key"));
    let (ca, cert, key) = (text(&ca), text(&cert), text(&key));
    let all = ["--tls-ca", ca, "--tls-cert", cert, "--tls-key", key];
    assert_eq!(run(&all, &[]), (Some(0), String::new()));
    let variables =
        [("HANDOVER_TLS_CA", ca), ("HANDOVER_TLS_CERT", cert), ("HANDOVER_TLS_KEY", key)];
    assert_eq!(run(&[], &variables), (Some(0), String::new()));

    let (code, reported) = run(&all[..2], &[]);
    assert_eq!(code, Some(1), "{reported}");
    assert!(reported.contains("--tls-cert and --tls-key"), "{reported}");
    let (code, reported) = run(&all[..4], &[]);
    assert_eq!(code, Some(2), "{reported}");
    assert!(reported.contains("tls-key has to be given as well"), "{reported}");
    let plain = format!("http://{}", server.at);
    let (code, reported) = run(&["--tls-ca", ca], &[("HANDOVER_SERVER", plain.as_str())]);
    assert_eq!(code, Some(1), "an option goes before a variable: {reported}");
}

#[tokio::test]
async fn certificates_are_never_named_for_plain_text() {
    let folder = Folder::new();
    let ca = Some(folder.write("ca.pem", &Authority::new("servers").pem));
    let tls = ClientTls { ca, ..ClientTls::default() };
    let error = refused("http://127.0.0.1:1", &tls).await;
    assert_eq!(error.kind, ClientErrorKind::Invalid, "{error}");
    assert!(error.message.contains("has to begin with https://"), "{error}");
    // Without a scheme, they say what is meant.
    let error = refused("127.0.0.1:1", &tls).await;
    assert_eq!(error.kind, ClientErrorKind::Unavailable, "{error}");
}
