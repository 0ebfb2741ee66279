//! The exchange of certificates while the server runs: new connections get the new one, streams go
//! on, and what does not fit leaves what is in use.

use std::{fs, os::unix::fs::symlink};

use futures_util::StreamExt as _;
use handover::{
    domain::proto::SubscribeRequest,
    grpc::client::{Client, ClientErrorKind, ClientTls},
};
use rcgen::date_time_ymd;
use tokio_rustls::rustls::version::TLS13;

use super::{
    certificates::{Authority, set_mode},
    server::{Secure, refused, text},
    spoken::connected,
};
use crate::{
    lifecycle::line_with,
    support::{append, event, text as payload},
};

/// What a line of the log says when new files are in use.
const TAKEN_UP: &str = "new files are in use for new connections";
const NOT_TAKEN_UP: &str = "the certificate in use stays";

/// The certificate that a new connection is shown.
async fn shown(server: &Secure) -> Vec<u8> {
    let stream = connected(server, &TLS13, b"h2").await;
    stream.get_ref().1.peer_certificates().expect("certificates")[0].to_vec()
}

#[tokio::test]
async fn a_subscription_goes_on_over_new_certificates() {
    let server = Secure::start();
    let old = shown(&server).await;
    let client = server.client().await;
    let mut frames = client.subscribe(SubscribeRequest::default());
    let mut next = async || {
        loop {
            let frame = frames.next().await.expect("it goes on").expect("no error");
            let handover::domain::proto::subscribe_response::Frame::Events(events) =
                frame.frame.expect("a frame")
            else {
                continue;
            };
            return events.events.iter().map(payload).collect::<Vec<_>>();
        }
    };
    client.append(append("x/a", vec![event("before", &[])])).await.expect("it is recorded");
    assert_eq!(next().await, ["before"]);

    // By a signal, at once.
    let new = server.authority.server();
    server.folder.replace("server", &new);
    server.signal("HUP");
    line_with(&server.log, TAKEN_UP);
    assert!(shown(&server).await == new.der && new.der != old, "the new certificate is shown");
    client.append(append("x/a", vec![event("after", &[])])).await.expect("it is recorded");
    assert_eq!(next().await, ["after"]);

    // By itself, when the files have changed.
    let newer = server.authority.server();
    server.folder.replace("server", &newer);
    line_with(&server.log, TAKEN_UP);
    assert!(shown(&server).await == newer.der, "the newer certificate is shown");
    client.append(append("x/a", vec![event("later", &[])])).await.expect("it is recorded");
    assert_eq!(next().await, ["later"]);
}

#[tokio::test]
async fn secrets_that_are_exchanged_by_a_link_are_found() {
    let server = Secure::start_with(|folder, authority| {
        // As mounted secrets are: the files are links into a folder that is a link itself.
        let pair = authority.server();
        for (version, pair) in [("v1", &pair), ("v2", &authority.server())] {
            fs::create_dir(folder.path(version)).expect("a folder");
            folder.pair(&format!("{version}/server"), pair);
        }
        symlink("v1", folder.path("current")).expect("a link");
        for name in ["server.pem", "server.key"] {
            fs::remove_file(folder.path(name)).expect("it can be removed");
            symlink(format!("current/{name}"), folder.path(name)).expect("a link");
        }
        Vec::new()
    });
    let old = shown(&server).await;
    symlink("v2", server.folder.path("next")).expect("a link");
    fs::rename(server.folder.path("next"), server.folder.path("current")).expect("a rename");
    line_with(&server.log, TAKEN_UP);
    assert!(shown(&server).await != old, "the new certificate is shown");
}

#[tokio::test]
async fn files_that_do_not_fit_leave_what_is_in_use_and_are_logged() {
    let server = Secure::start();
    let old = shown(&server).await;
    let (cert, key) = (server.folder.path("server.pem"), server.folder.path("server.key"));
    let good = (fs::read(&cert).expect("a file"), fs::read(&key).expect("a file"));
    let expired = server.authority.issue(&["localhost"], |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    let mismatch = || drop(server.folder.write("server.key", &server.authority.server().key));
    let cut = || drop(server.folder.write("server.pem", "-----BEGIN CERTIFICATE-----\nMII"));
    let expire = || server.folder.replace("server", &expired);
    let wide = || set_mode(&key, 0o644);
    let gone = || fs::remove_file(&cert).expect("it can be removed");
    let changes: [(&dyn Fn(), &str); 5] = [
        (&mismatch, "is not the key of the certificate"),
        (&expire, "expired on 2021-01-01"),
        (&cut, "cannot be parsed"),
        (&wide, "chmod 600"),
        (&gone, "cannot be read"),
    ];
    for (change, expected) in changes {
        change();
        server.signal("HUP");
        let line = line_with(&server.log, expected);
        assert!(line.contains(NOT_TAKEN_UP) && line.contains("WARN"), "{expected}: {line}");
        assert!(shown(&server).await == old, "{expected}");
        fs::write(&cert, &good.0).expect("it can be written");
        fs::write(&key, &good.1).expect("it can be written");
        set_mode(&key, 0o600);
        server.signal("HUP");
        line_with(&server.log, "the files hold what is in use");
    }
    // Without a signal as well.
    mismatch();
    let line = line_with(&server.log, NOT_TAKEN_UP);
    assert!(line.contains("is not the key of the certificate"), "{line}");
    fs::write(&key, &good.1).expect("it can be written");
    line_with(&server.log, "the files hold again what is in use");
    assert!(shown(&server).await == old, "the old certificate is shown");
}

#[tokio::test]
async fn the_authorities_of_clients_are_exchanged_too() {
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let server = Secure::start_with(|folder, _| {
        folder.pair("first", &first.client());
        folder.pair("second", &second.client());
        let ca = folder.write("clients.pem", &first.pem);
        vec!["--tls-client-ca".to_owned(), text(&ca).to_owned()]
    });
    let with = |name: &str| ClientTls {
        cert: Some(server.folder.path(&format!("{name}.pem"))),
        key: Some(server.folder.path(&format!("{name}.key"))),
        ..server.trust()
    };
    let (first, then) = (with("first"), with("second"));
    let client = Client::connect_with(&server.url(), &first).await.expect("a connection");
    assert!(client.serving().await.expect("an answer"));
    let error = refused(&server.url(), &then).await;
    assert_eq!(error.kind, ClientErrorKind::Untrusted, "{error}");
    server.folder.write("clients.pem", &second.pem);
    server.signal("HUP");
    line_with(&server.log, TAKEN_UP);
    let error = refused(&server.url(), &first).await;
    assert_eq!(error.kind, ClientErrorKind::Untrusted, "{error}");
    let later = Client::connect_with(&server.url(), &then).await.expect("a connection");
    assert!(later.serving().await.expect("an answer"));
    assert!(client.serving().await.expect("the connection that stood still stands"));
}

#[tokio::test]
async fn a_new_certificate_is_taken_up_though_the_authorities_of_clients_are_broken() {
    let (first, second) = (Authority::new("first"), Authority::new("second"));
    let server = Secure::start_with(|folder, _| {
        folder.pair("first", &first.client());
        folder.pair("second", &second.client());
        let ca = folder.write("clients.pem", &first.pem);
        let optional = ["--tls-client-ca", text(&ca), "--tls-client-auth", "optional"];
        optional.map(ToOwned::to_owned).to_vec()
    });
    let with = |name: &str| ClientTls {
        cert: Some(server.folder.path(&format!("{name}.pem"))),
        key: Some(server.folder.path(&format!("{name}.key"))),
        ..server.trust()
    };
    let old = shown(&server).await;
    let new = server.authority.server();
    server.folder.write("clients.pem", "-----BEGIN CERTIFICATE-----\nMII");
    server.folder.replace("server", &new);
    // Without a signal.
    let mut lines = [line_with(&server.log, "TLS: "), line_with(&server.log, "TLS: ")];
    lines.sort_by_key(|line| line.contains(TAKEN_UP));
    assert!(lines[0].contains("the authorities of clients are not taken up"), "{lines:?}");
    assert!(lines[0].contains("clients.pem") && lines[1].contains(TAKEN_UP), "{lines:?}");
    assert!(shown(&server).await == new.der && new.der != old, "the new certificate is shown");
    let client = Client::connect_with(&server.url(), &with("first")).await.expect("a connection");
    assert!(client.serving().await.expect("the old authorities stay"));

    // And the other way round: an authority is withdrawn while the certificate is broken.
    server.folder.write("server.pem", "-----BEGIN CERTIFICATE-----\nMII");
    server.folder.write("clients.pem", &second.pem);
    server.signal("HUP");
    line_with(&server.log, NOT_TAKEN_UP);
    line_with(&server.log, TAKEN_UP);
    assert!(shown(&server).await == new.der, "the certificate in use stays");
    let error = refused(&server.url(), &with("first")).await;
    assert_eq!(error.kind, ClientErrorKind::Untrusted, "{error}");
    let later = Client::connect_with(&server.url(), &with("second")).await.expect("a connection");
    assert!(later.serving().await.expect("an answer"));
}
