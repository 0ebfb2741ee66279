//! What the server counts of itself, as Prometheus scrapes it and as `handover status` prints it.

use std::{
    collections::BTreeMap,
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    time::Duration,
};

use futures_util::StreamExt as _;
use handover::domain::proto::{
    CreateGroupRequest, GetHeadRequest, GetHeadResponse, SubscribeRequest,
    subscribe_response::Frame,
};

use crate::{
    rpc::Rpc,
    support::{BINARY, Server, append, data_dir, event, new_id},
};

const LOOPBACK: [&str; 2] = ["--metrics-listen", "127.0.0.1:0"];
/// A scrape that takes longer has hung.
const LONG: Duration = Duration::from_mins(1);

/// How long Prometheus waits by default.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a server's metrics are.
fn address(server: &Server) -> String {
    let line = server.printed.lines().find_map(|line| line.strip_prefix("metrics on http://"));
    line.expect("an address").trim_end_matches("/metrics").to_owned()
}

/// What is answered to a request over HTTP/1.1, headers included.
fn exchange(address: &str, request: &str) -> String {
    exchange_within(address, request, LONG)
}

/// The same, if no part of it takes longer than so long.
fn exchange_within(address: &str, request: &str, patience: Duration) -> String {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(patience)).expect("a time");
    stream.write_all(request.as_bytes()).expect("it is read");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer, and its end");
    answer
}

fn scrape(server: &Server) -> BTreeMap<String, f64> {
    scraped(&address(server))
}

/// The samples at an address, by name and labels.
pub(crate) fn scraped(address: &str) -> BTreeMap<String, f64> {
    let answer = exchange(address, "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n");
    let (head, text) = answer.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("text/plain; version=0.0.4"), "{head}");
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').expect("a name and a value");
        (name.to_owned(), value.parse().expect("a number"))
    };
    samples.map(sample).collect()
}

/// The samples once they are so: what follows the log does it a moment later.
async fn settled(
    server: &Server,
    are_so: impl Fn(&BTreeMap<String, f64>) -> bool,
) -> BTreeMap<String, f64> {
    let settling = async {
        loop {
            let samples = scrape(server);
            if are_so(&samples) {
                return samples;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, settling).await.expect("it comes to that")
}

#[track_caller]
fn assert_samples(samples: &BTreeMap<String, f64>, expected: &[(&str, f64)]) {
    for (name, value) in expected {
        assert_eq!(samples.get(*name), Some(value), "{name} of {samples:#?}");
    }
}

/// The calls of a method of the event store that ended with a code.
fn ended(method: &str, code: &str) -> String {
    format!(
        "handover_calls_total{{method=\"handover.v1.EventStoreService/{method}\",code=\"{code}\"}}"
    )
}

#[tokio::test]
async fn appends_calls_and_refusals_are_counted() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &LOOPBACK);
    let client = server.client().await;
    let first = append("x/a", vec![event("one", &[]), event("two", &[])]);
    client.append(first.clone()).await.expect("it is new");
    client.append(first).await.expect("it is a repetition");
    let mut conflict = append("x/a", vec![event("three", &[])]);
    conflict.writes[0].expected_revision = Some(7);
    client.append(conflict).await.expect_err("the stream has two events");
    let samples = settled(&server, |samples| {
        samples["handover_append_index_seconds_count"] > 0.0
            && samples["handover_projection_lag_events{projection=\"claims\"}"] == 0.0
    })
    .await;
    assert_samples(
        &samples,
        &[
            ("handover_head_position", 2.0),
            ("handover_index_position", 2.0),
            ("handover_projection_lag_events{projection=\"claims\"}", 0.0),
            ("handover_events_recorded_total", 2.0),
            ("handover_appends_total{outcome=\"recorded\"}", 1.0),
            ("handover_appends_total{outcome=\"repeated\"}", 1.0),
            ("handover_appends_total{outcome=\"conflict\"}", 1.0),
            ("handover_append_journal_seconds_count", 1.0),
            ("handover_append_index_seconds_count", 1.0),
            ("handover_journal_sync_seconds_count", 1.0),
            ("handover_batch_appends_sum", 1.0),
            ("handover_batch_appends_count", 1.0),
            (&ended("Append", "OK"), 2.0),
            (&ended("Append", "ABORTED"), 1.0),
            ("handover_call_seconds_count{method=\"handover.v1.EventStoreService/Append\"}", 3.0),
            ("handover_refusals_total{reason=\"APPEND_CONFLICT\"}", 1.0),
            ("handover_connections", 1.0),
            ("handover_connections_accepted_total", 1.0),
            ("handover_writable", 1.0),
            ("handover_appends_blocked{reason=\"disk_full\"}", 0.0),
            ("handover_journal_file_bytes", f64::from(32 << 20)),
            ("handover_volumes", 0.0),
            ("handover_groups", 0.0),
            ("handover_subscriptions", 0.0),
        ],
    );
    assert!(samples["handover_append_queue_seconds_count"] >= 1.0);
    assert!(samples["handover_append_lookup_seconds_count"] >= 2.0);
    assert!(samples["handover_budget_used_bytes{budget=\"tail_cache\"}"] > 0.0);
    assert!(samples["process_open_fds"] > 3.0);
    let lag = "handover_subscription_largest_lag_events";
    assert!(!samples.contains_key(lag), "there are no subscriptions, so the lag is not known");
}

#[tokio::test]
async fn subscriptions_and_groups_are_counted_while_they_are_there() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &LOOPBACK);
    let client = server.client().await;
    client.append(append("x/a", vec![event("one", &[])])).await.expect("it is new");
    let mut frames = client.subscribe(SubscribeRequest::default());
    loop {
        let frame = frames.next().await.expect("it goes on").expect("no error").frame;
        if matches!(frame, Some(Frame::CaughtUp(_))) {
            break;
        }
    }
    let create =
        CreateGroupRequest { name: "desk".into(), request_id: new_id(), ..Default::default() };
    client.create_group(create).await.expect("it is new");
    let samples = scrape(&server);
    assert_samples(
        &samples,
        &[
            ("handover_subscriptions", 1.0),
            ("handover_groups", 1.0),
            ("handover_group_lag_events{group=\"desk\"}", 1.0),
            ("handover_group_parked_events{group=\"desk\"}", 0.0),
            ("handover_group_consumers{group=\"desk\"}", 0.0),
            ("handover_group_stalled{group=\"desk\"}", 0.0),
        ],
    );
    assert!(samples["handover_group_lag_seconds{group=\"desk\"}"] > 0.0);
    drop(frames);
    settled(&server, |samples| samples["handover_subscriptions"] == 0.0).await;
}

#[tokio::test]
async fn clients_cannot_make_labels() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &LOOPBACK);
    let rpc = Rpc::connect(&server).await;
    for number in 0..50 {
        let method = format!("MadeUp{number}/Method{number}");
        let refused = rpc.call::<_, GetHeadResponse>(&method, GetHeadRequest::default()).await;
        assert_eq!(refused.expect_err("there is none").reason, "UNIMPLEMENTED");
    }
    let samples = scrape(&server);
    assert_samples(
        &samples,
        &[
            ("handover_calls_total{method=\"other\",code=\"UNIMPLEMENTED\"}", 50.0),
            ("handover_refusals_total{reason=\"UNIMPLEMENTED\"}", 50.0),
        ],
    );
    assert!(!samples.keys().any(|name| name.contains("MadeUp")), "{samples:#?}");
}

#[test]
fn only_metrics_are_served_there_and_only_to_this_machine() {
    let (_dir, data) = data_dir();
    let error = Server::try_start(&data, &["--metrics-listen", "0.0.0.0:0"]).expect_err("refused");
    assert!(error.contains("metrics-listen") && error.contains("insecure"), "{error}");
    assert!(!data.exists(), "a refused start touches nothing");
    let server = Server::start(&data, &["--metrics-listen", "0.0.0.0:0", "--insecure"]);
    let port = address(&server).rsplit_once(':').expect("a port").1.to_owned();
    let address = format!("127.0.0.1:{port}");
    for (request, expected) in [
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 404"),
        ("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 405"),
        ("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "HTTP/1.1 200"),
        ("nonsense\r\n\r\n", "HTTP/1.1 400"),
    ] {
        let answer = exchange(&address, request);
        assert!(answer.starts_with(expected), "{request}: {answer}");
    }
}

#[test]
fn scrapers_that_hang_do_not_keep_others_from_the_metrics() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &LOOPBACK);
    let silent = || TcpStream::connect(address(&server)).expect("it listens");
    let silent: Vec<_> = (0..40).map(|_| silent()).collect();
    assert!(scrape(&server).contains_key("handover_head_position"));
    drop(silent);
}

#[tokio::test]
async fn the_status_has_the_same_numbers() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &LOOPBACK);
    let client = server.client().await;
    client.append(append("x/a", vec![event("one", &[])])).await.expect("it is new");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(BINARY);
        command.args(["status", "--server", &server.address]).args(arguments);
        let ended = command.output().expect("the binary can be run");
        assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        String::from_utf8(ended.stdout).expect("UTF-8")
    };
    let status: serde_json::Value = serde_json::from_str(&run(&[])).expect("a line of JSON");
    assert_eq!(status["position"], "1", "{status}");
    assert_eq!(status["appends"]["state"], "WRITING_STATE_ACCEPTED", "{status}");
    assert_eq!(status["appends"]["sync"]["count"], "1", "{status}");
    assert_eq!(status["storage"]["journalFileBytes"], (32_u64 << 20).to_string(), "{status}");
    assert_eq!(status["connections"]["accepted"], "2", "{status}");
    let table = run(&["--output", "table"]);
    for expected in
        ["position 1, recorded at", "appends        accepted\n", "EventStoreService/Append"]
    {
        assert!(table.contains(expected), "{table}");
    }
    let rows = run(&["--output", "csv"]);
    assert!(rows.contains("appends,sync,count,1\n"), "{rows}");
    let samples = scrape(&server);
    assert_samples(&samples, &[("handover_journal_sync_seconds_count", 1.0)]);
}

#[test]
fn connections_that_make_no_request_keep_no_scraper_from_the_metrics() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &LOOPBACK);
    let address = address(&server);
    // If each held one of 16 places for 5 s, the scrape would wait for 40 s.
    let silent = (0..120).map(|_| {
        let mut stream = TcpStream::connect(&address).expect("it listens");
        stream.write_all(b"GET /metrics HTTP/1.1\r\n").expect("it is read");
        stream
    });
    let _open: Vec<_> = silent.collect();
    let answer = exchange_within(&address, "GET /metrics HTTP/1.1\r\nHost: test\r\n\r\n", PATIENCE);
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
