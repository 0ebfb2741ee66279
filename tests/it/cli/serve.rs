//! `serve --load`: from a clone to "who went where".

use super::{
    EXAMPLE, EXAMPLE_EVENTS, Running, arg, command, example, file, parsed, retraction, run,
    transfer,
};
use crate::support::{Server, data_dir, read_all};
use serde_json::json;

/// The figures of the example, as they must be printed.
pub(super) const TABLE: &str = " \
 country | unit   | received      | sent
---------+--------+---------------+--------------------
 BY      | person | -             | shared, at most 26
 DE      | person | 13            | shared, at most 26
 NO      | person | -             | shared, at most 26
 PL      | person | -             | shared, at most 26
 RU      | person | 10 (minors 2) | shared, at most 26
 SI      | person | -             | shared, at most 26
 US      | person | 3             | shared, at most 26
received in all: 26
(as of position 32)
";

#[test]
fn loading_the_example_prints_who_received_how_many_and_then_the_address() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &["--load", EXAMPLE]);
    let loaded = format!("{EXAMPLE}: 32 lines: 32 added, 0 already there, 0 refused");
    let address = &server.address;
    assert!(address.starts_with("http://127.0.0.1:"), "{address}");
    assert_eq!(server.printed, format!("{loaded}\n\n{TABLE}\nserving on {address}\n"));
}

#[tokio::test]
async fn loading_it_again_at_the_next_start_adds_nothing() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &["--load", EXAMPLE]);
    let before = read_all(&server.client().await).await;
    assert_eq!(before.len() as u64, EXAMPLE_EVENTS);
    server.terminate();
    assert!(server.wait(), "it ends well");
    let server = Server::start(&data, &["--load", EXAMPLE]);
    let expected = "32 lines: 0 added, 32 already there, 0 refused\n";
    assert!(server.printed.contains(expected), "{}", server.printed);
    assert!(server.printed.contains(TABLE), "{}", server.printed);
    assert_eq!(read_all(&server.client().await).await, before);
}

#[test]
fn a_load_that_cannot_be_opened_refuses_before_anything_is_made() {
    let (dir, data) = data_dir();
    for path in [dir.path().join("none.jsonl"), dir.path().to_owned()] {
        let arguments = ["serve", "--data", arg(&data), "--listen", "127.0.0.1:0", "--load"];
        let error = run("", &[&arguments[..], &[arg(&path)]].concat()).refused(2);
        assert!(error.contains("--load") && error.contains(arg(&path)), "{error}");
        assert!(!data.exists(), "a refused start touches nothing");
    }
}

#[test]
fn a_taken_address_refuses_before_anything_is_made() {
    let (_dir, data) = data_dir();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = taken.local_addr().expect("an address").to_string();
    let error = run("", &["serve", "--data", arg(&data), "--listen", &address]).refused(1);
    assert!(error.contains(&address) && error.contains("--listen"), "{error}");
    assert!(!data.exists(), "a refused start touches nothing");
}

#[test]
fn a_misspelt_variable_is_refused_before_anything_is_made() {
    let (_dir, data) = data_dir();
    for arguments in [&["serve", "--data", arg(&data), "--listen", "127.0.0.1:0"][..], &["counts"]]
    {
        let mut command = command("", arguments);
        command.env("HANDOVER_LISTN", "127.0.0.1:1").env("HANDOVER_SERVICE_HOST", "10.0.0.1");
        let error = Running::start(command).end().refused(2);
        assert!(error.contains("HANDOVER_LISTN") && error.contains("HANDOVER_LISTEN"), "{error}");
        assert!(!data.exists(), "a refused start touches nothing");
    }
}

#[test]
fn a_variable_that_is_no_setting_is_noted_beside_the_output() {
    let (_dir, server) = example();
    let plain = run(&server.address, &["counts"]).good();
    let mut command = command(&server.address, &["counts"]);
    command.env("HANDOVER_WEATHER", "x").env("HANDOVER_PORT", "tcp://10.0.0.1:50051");
    let done = Running::start(command).end();
    assert_eq!((done.code, done.out.as_str()), (Some(0), plain.as_str()));
    let note = "note: the environment variable HANDOVER_WEATHER is not a setting; it is ignored\n";
    assert_eq!(done.err, note);
}

#[test]
fn an_empty_variable_is_neither_a_value_nor_the_default() {
    let mut unset = command("", &["counts"]);
    unset.env("HANDOVER_SERVER", "");
    let error = Running::start(unset).end().refused(2);
    assert!(error.contains("the environment variable HANDOVER_SERVER is empty"), "{error}");
    let (_dir, data) = data_dir();
    for variable in ["HANDOVER_RECORDED_BY", "HANDOVER_LISTEN", "HANDOVER_DATA"] {
        let mut command = command("http://127.0.0.1:1", &["serve"]);
        command.env("HANDOVER_DATA", &data).env(variable, "");
        let error = Running::start(command).end().refused(2);
        assert!(error.contains(variable), "{error}");
        assert!(!data.exists(), "a refused start touches nothing");
    }
}

#[test]
fn damaged_data_has_an_exit_code_of_its_own() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &["--load", EXAMPLE]);
    server.terminate();
    assert!(server.wait(), "it ends well");
    let manifest = data.join("MANIFEST");
    std::fs::write(&manifest, "torn").expect("it can be written");
    let error = run("", &["serve", "--data", arg(&data), "--listen", "127.0.0.1:0"]).refused(7);
    assert!(error.contains(arg(&manifest)) && error.contains("damaged"), "{error}");
}

#[test]
fn rows_that_are_refused_are_reported_and_the_others_are_served() {
    let (dir, data) = data_dir();
    let lines = [
        json!({"payload": transfer("DE", 2)}),
        json!({"payload": transfer("Germany", 2)}),
        json!({"payload": retraction(999), "stream": "exchange/demo-1"}),
        json!({"payload": transfer("FR", 4)}),
    ];
    let path = file(dir.path(), "rows.jsonl", &lines);
    let arguments = ["serve", "--data", arg(&data), "--listen", "127.0.0.1:0", "--load"];
    let mut serving = Running::start(command("", &[&arguments[..], &[arg(&path)]].concat()));
    let expected = format!("{}: 4 lines: 2 added, 0 already there, 2 refused", path.display());
    assert_eq!(serving.line(), expected);
    let address = loop {
        if let Some(address) = serving.line().strip_prefix("serving on ") {
            break address.to_owned();
        }
    };
    let counts = parsed(&run(&address, &["counts"]).good());
    let received: Vec<_> =
        counts.iter().map(|count| (&count["country"], &count["received"]["low"])).collect();
    assert_eq!(received, [(&json!("DE"), &json!(2)), (&json!("FR"), &json!(4))]);
    serving.interrupt();
    let done = serving.end();
    assert_eq!((done.code, done.out.as_str()), (Some(0), ""));
    let name = path.display();
    let rows: Vec<&str> =
        done.err.lines().filter(|line| line.starts_with(&format!("{name}:"))).collect();
    assert!(rows[0].contains(":2:12: payload.leg.to[0]: is \"Germany\""), "{rows:#?}");
    assert!(rows[1].contains(":3:1: claim 999: there is no claim"), "{rows:#?}");
    assert_eq!(rows.len(), 2, "{rows:#?}");
}
