//! Files with which a server does not start: each is named, with what is wrong and what to do.

use rcgen::date_time_ymd;

use super::{
    certificates::{Authority, Folder, set_mode},
    server::text,
};
use crate::support::{Server, data_dir};

/// Why a server does not start with these arguments; it has touched nothing.
fn refused(arguments: &[&str]) -> String {
    let (_dir, data) = data_dir();
    let error = Server::try_start(&data, arguments).expect_err("it is refused");
    assert!(!data.exists(), "a refused start touches nothing");
    error
}

#[test]
fn a_key_that_others_may_read_is_refused_with_its_mode_and_the_command_that_mends_it() {
    let folder = Folder::new();
    let (cert, key) = folder.pair("server", &Authority::new("servers").server());
    let (cert, path) = (text(&cert), text(&key));
    for mode in [0o640, 0o604, 0o666] {
        set_mode(&key, mode);
        let error = refused(&["--tls-cert", cert, "--tls-key", path]);
        let expected = format!("tls-key: {path} has mode {mode:04o}");
        assert!(
            error.contains(&expected) && error.contains(&format!("chmod 600 {path}")),
            "{error}"
        );
    }
    let (_dir, data) = data_dir();
    for mode in [0o400, 0o600] {
        set_mode(&key, mode);
        Server::start(&data, &["--tls-cert", cert, "--tls-key", path]);
    }
}

#[test]
fn what_does_not_fit_is_refused_by_setting_file_and_reason() {
    let (folder, authority) = (Folder::new(), Authority::new("servers"));
    let server = authority.server();
    let (cert, key) = folder.pair("server", &server);
    let (_, another) = folder.pair("another", &authority.server());
    let dated = |from: i32, until: i32| {
        authority.issue(&["localhost"], |params| {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(until, 1, 1);
        })
    };
    let (expired, expired_key) = folder.pair("expired", &dated(2020, 2021));
    let (early, early_key) = folder.pair("early", &dated(3000, 3001));
    let empty = folder.write("empty.pem", "");
    let broken = folder.write("broken.pem", &server.cert.replacen("MII", "M!!", 1));
    let garbage = folder
        .write("garbage.pem", "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    let locked = folder.write(
        "locked.key",
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
    );
    let missing = folder.path("missing.pem");
    for (cert, key, expected) in [
        (&cert, &another, "is not the key of the certificate in"),
        (&expired, &expired_key, "expired on 2021-01-01T00:00:00Z"),
        (&early, &early_key, "is valid from 3000-01-01T00:00:00Z on, which is later than now"),
        (&empty, &key, "empty.pem has no certificate"),
        (&broken, &key, "broken.pem cannot be parsed"),
        (&garbage, &key, "garbage.pem cannot be parsed"),
        (&cert, &empty, "empty.pem has no key"),
        (&cert, &locked, "locked.key is protected by a passphrase"),
        (&missing, &key, "missing.pem cannot be read: No such file"),
        (&cert, &missing, "missing.pem cannot be read: No such file"),
        (&key, &key, "server.key has no certificate"),
    ] {
        let error = refused(&["--tls-cert", text(cert), "--tls-key", text(key)]);
        assert!(error.contains(expected) && error.contains("tls-"), "{expected}: {error}");
    }
    let pair = ["--tls-cert", text(&cert), "--tls-key", text(&key)];
    for (ca, expected) in [
        (&empty, "tls-client-ca: "),
        (&garbage, "garbage.pem"),
        (&missing, "missing.pem cannot be read"),
        (&expired, "has no authority that is valid now: certificate 1 expired on 2021-01-01"),
    ] {
        let error = refused(&[&pair[..], &["--tls-client-ca", text(ca)]].concat());
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn settings_that_need_each_other_are_given_together() {
    let folder = Folder::new();
    let (cert, key) = folder.pair("server", &Authority::new("servers").server());
    let (cert, key) = (text(&cert), text(&key));
    for (arguments, expected) in [
        (&["--tls-cert", cert][..], "tls-cert: tls-key has to be given as well"),
        (&["--tls-key", key], "tls-key: tls-cert has to be given as well"),
        (&["--tls-client-ca", cert], "are for a server with tls-cert and tls-key"),
        (&["--tls-client-auth", "off"], "are for a server with tls-cert and tls-key"),
        (
            &["--tls-cert", cert, "--tls-key", key, "--tls-client-auth", "required"],
            "tls-client-ca has to name the authorities of clients",
        ),
        (&["--tls-client-auth", "perhaps"], "invalid value 'perhaps' for '--tls-client-auth"),
    ] {
        let error = refused(arguments);
        assert!(error.contains(expected), "{expected}: {error}");
    }
}
