//! Starting and stopping: one process a directory, formats, and a stop that answers everybody.

use std::fs;

use futures_util::{StreamExt as _, TryStreamExt as _};
use handover::domain::proto::{GetHeadRequest, SubscribeRequest};

use crate::support::{Server, append, data_dir, event, read_all};

#[tokio::test]
async fn a_data_directory_is_held_by_one_process() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let error = Server::try_start(&data, &[]).expect_err("it is held");
    assert!(error.contains("another process") || error.contains("in use"), "{error}");
    assert_eq!(server.printed, format!("serving on {}\n", server.address));
    let client = server.client().await;
    client.append(append("x/a", vec![event("one", &[])])).await.expect("the first goes on");
}

#[tokio::test]
async fn a_data_directory_of_a_newer_format_is_refused_and_left_alone() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    server.terminate();
    assert!(server.wait());
    let store = data.join("STORE");
    let text = fs::read_to_string(&store).expect("the store's file");
    // The file ends with a checksum of the rest.
    let newer = text.replace("format 1\n", "format 99\n");
    assert_ne!(newer, text, "the file names its format");
    let body = newer.split("crc32c ").next().expect("a body");
    let newer = format!("{body}crc32c {:08x}\n", crc32c::crc32c(body.as_bytes()));
    fs::write(&store, &newer).expect("it can be changed");
    let error = Server::try_start(&data, &[]).expect_err("it is newer");
    assert!(error.contains("newer") && error.contains("99"), "{error}");
    assert_eq!(fs::read_to_string(&store).expect("the store's file"), newer);
    fs::write(&store, text).expect("it can be changed back");
    Server::start(&data, &[]);
}

#[test]
fn a_foreign_directory_is_refused_and_left_alone() {
    let (_dir, data) = data_dir();
    fs::create_dir_all(&data).expect("a directory");
    fs::write(data.join("thesis.txt"), "mine").expect("a file");
    let error = Server::try_start(&data, &[]).expect_err("it is somebody else's");
    assert!(error.contains(&data.display().to_string()), "{error}");
    let names: Vec<_> = fs::read_dir(&data)
        .expect("it can be listed")
        .map(|entry| entry.expect("an entry").file_name())
        .filter(|name| name != "LOCK")
        .collect();
    assert_eq!(names, ["thesis.txt"]);
}

#[test]
fn a_bad_setting_is_refused_by_name_and_value() {
    let (_dir, data) = data_dir();
    for (arguments, named) in [
        (["--journal-file-mib", "0"], ["journal-file-mib", "0"]),
        (["--log", "=="], ["log", "=="]),
        (["--config", "/nowhere/x.toml"], ["config", "/nowhere/x.toml"]),
    ] {
        let error = Server::try_start(&data, &arguments).expect_err("it is refused");
        assert!(named.iter().all(|name| error.contains(name)), "{error}");
    }
    assert!(!data.exists(), "a refused start touches nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_answers_what_is_under_way_ends_streams_and_releases_the_directory() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let client = server.client().await;
    client.append(append("x/a", vec![event("first", &[])])).await.expect("it is appended");
    let mut frames = client.subscribe(SubscribeRequest::default());
    frames.next().await.expect("a frame").expect("no error");

    let (sent, mut acked) = tokio::sync::mpsc::channel(1);
    let pipeline = {
        let client = client.clone();
        tokio::spawn(async move {
            let requests = futures_util::stream::iter(0..)
                .map(|number| append("x/b", vec![event(&number.to_string(), &[])]));
            let mut outcomes = client.append_stream(requests);
            let mut acknowledged = Vec::new();
            while let Some(Ok(outcome)) = outcomes.next().await {
                let Ok(answer) = outcome else { break };
                acknowledged.push(answer.last_position);
                let _ = sent.try_send(());
            }
            acknowledged
        })
    };
    acked.recv().await.expect("appends are under way");
    server.terminate();
    let acknowledged = pipeline.await.expect("the pipeline ends");
    while let Ok(Some(_)) = frames.try_next().await {}
    assert!(server.wait(), "it ends well");

    let server = Server::start(&data, &[]);
    let client = server.client().await;
    let log = read_all(&client).await;
    let head = client.get_head(GetHeadRequest::default()).await.expect("a head");
    assert_eq!(head.position, log.len() as u64);
    assert!(acknowledged.iter().all(|position| *position <= head.position));
    assert!(!acknowledged.is_empty());
}
