//! `handover token` and `handover access check`, and how commands log in.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    process::{Command, Output},
};

use super::{Files, Guarded, mode, secret};
use crate::support::BINARY;

fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(BINARY);
    command.args(arguments).envs(variables.iter().copied());
    command.output().expect("the binary can be run")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

/// What a command printed, if it ended well.
#[track_caller]
fn good(output: &Output) -> String {
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// What a command complained about, if it ended with this code.
#[track_caller]
fn bad(output: &Output, code: i32) -> String {
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    error
}

#[test]
fn a_token_is_printed_once_kept_hashed_listed_and_revoked() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("tokens.toml");
    let at = ["--tokens", file.to_str().expect("UTF-8")];
    let token = |arguments: &[&str]| run(&[&["token"], arguments, &at[..]].concat(), &[]);
    let create = ["create", "--name", "desk", "--role", "recorder", "--category", "exchange"];
    let made = token(&[&create[..], &["--expires", "90d"]].concat());
    let secret = good(&made).trim().to_owned();
    assert!(secret.starts_with("hdo_") && secret.len() == 47, "{secret}");
    let said = text(&made.stderr);
    assert!(said.contains("desk: recorder, exchange, until 20"), "{said}");
    let kept = fs::read_to_string(&file).expect("the file");
    assert!(!kept.contains(&secret[4..]) && !said.contains(&secret[4..]), "{kept}");
    assert_eq!(mode(&file), 0o600);

    let twice = bad(&token(&create), 2);
    assert!(twice.contains("two tokens named \"desk\""), "{twice}");
    let press = good(&token(&["create", "--name", "press", "--expires", "never"]));
    assert_ne!(press.trim(), secret);
    let listed = good(&token(&["list"]));
    for part in ["desk", "valid", "recorder", "exchange", "never"] {
        assert!(listed.contains(part), "{listed}");
    }
    assert_eq!(good(&token(&["revoke", "desk"])), "desk is revoked\n");
    assert_eq!(good(&token(&["revoke", "desk"])), "desk was revoked before\n");
    let missing = bad(&token(&["revoke", "dask"]), 3);
    assert!(missing.contains("there is no token \"dask\""), "{missing}");
    let lines = good(&token(&["list", "--json"]));
    let first: serde_json::Value =
        serde_json::from_str(lines.lines().next().expect("a line")).expect("JSON");
    assert_eq!((&first["name"], &first["state"]), (&"desk".into(), &"revoked".into()));
    good(&token(&create));

    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).expect("it is ours");
    let error = bad(&token(&["list"]), 2);
    assert!(error.contains("mode 0640") && error.contains("chmod 600"), "{error}");
    for (wrong, named) in [
        (&["create", "--name", "x", "--role", "writer"][..], "--role"),
        (&["create", "--name", "x", "--expires", "soon"], "--expires"),
        (&["create", "--name", " "], "is no name"),
        (&["create", "--name", "x", "--category", "a"], "--role as well"),
        (&["create", "--name", "x", "--role", "reader", "--category", "A"], "--category"),
    ] {
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("it is ours");
        let error = bad(&token(wrong), 2);
        assert!(error.contains(named), "{error}");
    }
}

#[test]
fn a_token_that_cannot_be_printed_is_not_made() {
    let dir = tempfile::tempdir().expect("a temporary directory");
    let file = dir.path().join("tokens.toml");
    let at = ["--tokens", file.to_str().expect("UTF-8")];
    let create =
        |name| [&["token", "create", "--role", "reader", "--name", name][..], &at].concat();
    good(&run(&create("desk"), &[]));
    let full = fs::File::options().write(true).open("/dev/full").expect("a full disk");
    let mut command = Command::new(BINARY);
    let output = command.args(create("lost")).stdout(full).output().expect("it can be run");
    let error = bad(&output, 1);
    assert!(error.contains("the token could not be printed"), "{error}");
    let listed = good(&run(&[&["token", "list"][..], &at].concat(), &[]));
    assert!(listed.contains("desk") && !listed.contains("lost"), "{listed}");
}

#[tokio::test]
async fn commands_log_in_by_a_file_or_a_variable_and_no_error_has_the_token() {
    let server = Guarded::start("", vec![]);
    let tokens = server.files.path("tokens.toml");
    let create = |name: &str, role: &str| {
        let tokens = tokens.to_str().expect("UTF-8");
        let made = ["token", "create", "--name", name, "--role", role, "--tokens", tokens];
        good(&run(&made, &[])).trim().to_owned()
    };
    let (reader, recorder) = (create("reader", "reader"), create("recorder", "recorder"));
    server.reload("new files are in use");
    let address = [("HANDOVER_SERVER", server.address.as_str())];
    let with = |more: &[(&'static str, &str)], arguments: &[&str]| {
        run(arguments, &[&address[..], more].concat())
    };
    let append = ["import", "examples/ankara-2024.jsonl"];
    let refused = bad(&with(&[], &["counts"]), 11);
    assert!(refused.contains("this needs credentials"), "{refused}");
    let refused = bad(&with(&[("HANDOVER_TOKEN", &reader)], &append), 11);
    assert!(refused.contains("\"reader\" does not have the role"), "{refused}");
    assert!(!refused.contains(&reader[4..]), "{refused}");
    let unknown = secret(9);
    let refused = bad(&with(&[("HANDOVER_TOKEN", &unknown)], &["counts"]), 11);
    assert!(refused.contains("does not know this token") && !refused.contains(&unknown[4..]));
    let refused = bad(&with(&[("HANDOVER_TOKEN", "secret words")], &["counts"]), 2);
    assert!(refused.contains("HANDOVER_TOKEN: ") && !refused.contains("secret words"), "{refused}");
    good(&with(&[("HANDOVER_TOKEN", &recorder)], &append));
    let file = server.files.path("token");
    server.files.write("token", &format!("{reader}\n"));
    let named = file.to_str().expect("UTF-8");
    let by_flag = with(&[("HANDOVER_TOKEN", &unknown)], &["counts", "--token-file", named]);
    assert!(good(&by_flag).contains("DE"), "the file goes before the variable");
    good(&with(&[("HANDOVER_TOKEN_FILE", named)], &["groups"]));
}

#[test]
fn access_check_says_what_a_policy_means_and_whether_a_call_passes() {
    let policy = "public-read = ['exchange']\nrate = { calls-per-second = 9 }\n[[identity]]\nname = 'desk'\n\
                  certificates = ['CN=desk']\n\
                  grants = [{ role = 'recorder', categories = ['exchange'] }]\n\
                  rate = { calls-per-second = 2, burst = 5 }\n";
    let files = Files::new(policy, vec![]);
    let path = files.path("policy.toml");
    let check = |more: &[&str]| {
        let policy = path.to_str().expect("UTF-8");
        run(&[&["access", "check", "--policy", policy], more].concat(), &[])
    };
    let meaning = good(&check(&[]));
    for line in [
        "callers without credentials may read exchange",
        "each of their addresses may make 9 calls a second, 9 at once",
        "identity \"desk\": recorder for exchange; 2 calls a second, 5 at once",
        "by the certificate \"CN=desk\"",
    ] {
        assert!(meaning.contains(line), "{meaning}");
    }
    let append = ["--identity", "desk", "--call", "handover.v1.EventStoreService/Append"];
    let passes = good(&check(&[&append[..], &["--category", "exchange"]].concat()));
    assert!(passes.contains("desk by its certificate: passes"), "{passes}");
    let elsewhere = check(&[&append[..], &["--category", "source"]].concat());
    assert_eq!(elsewhere.status.code(), Some(11));
    assert!(
        text(&elsewhere.stdout).contains("refused: permitted for exchange, and not for source")
    );
    let retract = ["--identity", "desk", "--call", "handover.v1.ClaimService/RetractClaim"];
    let retract = check(&retract);
    assert!(text(&retract.stdout).contains("does not have the role curator"), "{retract:?}");
    let stranger = check(&["--call", "handover.v1.EventStoreService/Append"]);
    assert!(text(&stranger.stdout).contains("without credentials: refused"), "{stranger:?}");
    for slip in ["handover.v1.EventStoreService/Apend", "EventStoreService/Append", "Append"] {
        let error = bad(&check(&["--call", slip]), 2);
        assert!(error.contains("did you mean handover.v1.EventStoreService/Append"), "{error}");
    }
    bad(&check(&["--identity", "dask", "--call", "handover.v1.EventStoreService/Read"]), 3);
    files.write("policy.toml", "[[identity]]\nname = 'a'\n");
    let error = bad(&check(&[]), 2);
    assert!(error.contains("policy: ") && error.contains("missing field `grants`"), "{error}");
}
