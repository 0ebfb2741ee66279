//! A process that may have few descriptors: idle connections take none that the store needs.

use std::{
    net::TcpStream,
    process::{Command, Stdio},
    time::Duration,
};

use crate::support::{BINARY, Server, append, data_dir, event, read_all};

/// Descriptors that the server may have.
const DESCRIPTORS: u32 = 64;
/// Connections that say nothing.
const IDLE: usize = 70;
/// How long a write may take to be possible again once the connections are gone.
const RECOVERS: Duration = Duration::from_secs(5);

#[tokio::test]
async fn idle_connections_take_no_descriptor_that_appends_need_and_no_processor() {
    let (_dir, data) = data_dir();
    let mut command = Command::new("sh");
    let script = format!("ulimit -n {DESCRIPTORS} && exec \"$@\"");
    command.args(["-c", &script, "sh", BINARY, "serve", "--listen", "127.0.0.1:0"]);
    // Small files, so that appends need new ones while there are too few descriptors.
    command.args(["--journal-file-mib", "1", "--volume-mib", "1", "--data"]).arg(&data);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let server = Server::announced(command.spawn().expect("a shell")).expect("it starts");
    let client = server.client().await;
    let grow = async |number: usize| {
        let payload = format!("{number} {}", "x".repeat(500 << 10));
        client.append(append("x/a", vec![event(&payload, &[])])).await
    };
    grow(0).await.expect("it is recorded");
    let address = server.address.strip_prefix("http://").expect("an address").to_owned();
    let idle: Vec<TcpStream> =
        (0..IDLE).map(|_| TcpStream::connect(&address).expect("the system queues it")).collect();
    let before = server.processor_time();
    for number in 1..12 {
        grow(number).await.expect("appends go on");
    }
    // Nothing tells that a listener spins but the processor that it takes while nothing happens.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let used = server.processor_time().saturating_sub(before);
    assert!(used < Duration::from_millis(800), "{used:?} of a processor in a second of rest");
    drop(idle);
    let another = tokio::time::timeout(RECOVERS, server.client()).await.expect("it is accepted");
    let written = another.append(append("x/b", vec![event("after", &[])]));
    tokio::time::timeout(RECOVERS, written).await.expect("in time").expect("it is recorded");
    assert_eq!(read_all(&another).await.len(), 13);
}
