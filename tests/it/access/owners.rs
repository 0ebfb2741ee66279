//! Files of another user: they are refused as those that others may change, because their owner may
//! change them. To give files away needs root, so the tests do nothing without.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, chown},
    path::Path,
    process::Command,
};

use handover::domain::{access::Role, proto::GetHeadRequest};

use super::{Files, Guarded, token};
use crate::{
    metrics::scraped,
    support::{BINARY, Server, data_dir},
    tls::certificates::{Authority, Folder},
};

/// A user that is neither root nor the one that runs the tests.
const STRANGER: u32 = 65_534;
const ISSUER: &str = "[[issuer]]\nname = 'https://id.example'\naudience = 'handover'\n\
                      jwks = 'keys.json'\n";
const KEYS: &str = r#"{"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "1", "x":
                       "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;

/// Whether files can be given away here; if not, the test says so.
#[expect(clippy::print_stdout, reason = "a test that does nothing says why")]
fn is_root() -> bool {
    let file = tempfile::NamedTempFile::new().expect("a temporary file");
    let own = file.as_file().metadata().expect("it is there").uid() == 0;
    if !own {
        println!("skipped: to give a file to another user needs root");
    }
    own
}

fn give(path: &Path, owner: u32) {
    chown(path, Some(owner), None).expect("root may");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn a_file_of_another_user_is_refused_at_the_start_with_its_owner_and_what_mends_it() {
    if !is_root() {
        return;
    }
    let files = Files::new(ISSUER, vec![token(1, "night", &[Role::Operator], &[])]);
    files.write("keys.json", KEYS);
    let (folder, authority) = (Folder::new(), Authority::new("servers"));
    let (cert, key) = folder.pair("server", &authority.server());
    let ca = folder.write("clients.pem", &authority.pem);
    let (policy, tokens, jwks) =
        (files.path("policy.toml"), files.path("tokens.toml"), files.path("keys.json"));
    let settings = files.path("handover.toml");
    files.write("handover.toml", "scrub = true\n");
    let named = [
        ("--config", &settings),
        ("--policy", &policy),
        ("--tokens", &tokens),
        ("--tls-cert", &cert),
        ("--tls-key", &key),
        ("--tls-client-ca", &ca),
    ];
    let arguments: Vec<&str> = named.iter().flat_map(|(flag, path)| [*flag, text(path)]).collect();
    let (_dir, data) = data_dir();
    drop(Server::start(&data, &arguments));
    for (setting, path, harm) in [
        ("config", &settings, "change the settings"),
        ("policy", &policy, "change who may do what"),
        ("tokens", &tokens, "read or change the tokens"),
        ("jwks", &jwks, "add keys"),
        ("tls-key", &key, "use the key"),
        ("tls-client-ca", &ca, "add authorities"),
    ] {
        give(path, STRANGER);
        let error = Server::try_start(&data, &arguments).expect_err("it is another user's");
        for part in [
            format!("{setting}: {} belongs to user {STRANGER}, which can {harm}", text(path)),
            "it has to belong to root: ".to_owned(),
            format!("`chown 0 {}` mends that", text(path)),
        ] {
            assert!(error.contains(&part), "{part:?} is not in {error}");
        }
        let mut check = Command::new(BINARY);
        let ended = check.args(["config", "check"]).args(&arguments).output().expect("it runs");
        let checked = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{checked}");
        assert!(checked.contains("belongs to user"), "{checked}");
        give(path, 0);
    }
    drop(Server::start(&data, &arguments));
}

#[tokio::test]
async fn a_file_that_is_given_away_later_is_not_taken_up() {
    if !is_root() {
        return;
    }
    let tokens = vec![token(1, "night", &[Role::Operator], &[])];
    let metrics = ["--metrics-listen", "127.0.0.1:0"];
    let server = Guarded::start_with("public-read = true\n", tokens, &metrics);
    let policy = server.files.path("policy.toml");
    let failing = || {
        let metrics = server.metrics.as_ref().expect("an address");
        scraped(metrics)["handover_reload_failed{what=\"policy\"}"]
    };
    server.files.write("policy.toml", "public-read = false\n");
    give(&policy, STRANGER);
    let line = server.reload("not taken up");
    assert!(line.contains("belongs to user 65534"), "{line}");
    assert_eq!(failing().to_bits(), 1.0_f64.to_bits());
    server
        .stranger()
        .await
        .get_head(GetHeadRequest::default())
        .await
        .expect("the old policy stays");
    give(&policy, 0);
    server.reload("new files are in use");
    assert_eq!(failing().to_bits(), 0.0_f64.to_bits());
    let refused = server.stranger().await.get_head(GetHeadRequest::default()).await;
    super::refused(refused);
}

#[test]
fn root_lists_and_revokes_the_tokens_of_a_server_of_another_user() {
    if !is_root() {
        return;
    }
    let files = Files::new("", vec![token(1, "desk", &[Role::Reader], &[])]);
    let path = files.path("tokens.toml");
    give(&path, STRANGER);
    let run = |arguments: &[&str]| {
        let mut command = Command::new(BINARY);
        let ended = command.args(arguments).args(["--tokens", text(&path)]).output();
        let ended = ended.expect("the binary can be run");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).expect("UTF-8")
    };
    assert!(run(&["token", "list"]).contains("desk"));
    assert_eq!(run(&["token", "revoke", "desk"]), "desk is revoked\n");
    assert!(run(&["access", "check"]).contains("desk"));
    assert_eq!(fs::metadata(&path).expect("it is there").uid(), STRANGER, "it keeps its owner");
}
