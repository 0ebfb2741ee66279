#!/usr/bin/env bash
# hyper 1.12.0 with h2 0.4.20 (crates, the transport of tonic): a client that drops the response of a call and its connection's
# handle does not end the call while the request's body waits for the server's window. No RST_STREAM is sent, and the connection
# stays open. A call whose request's body has ended ends at once, and so does its connection. So a client that gives up a pipeline
# which the server has stopped reading holds what it holds at the server for as long as its process lives.
# For handover: a test that measures what an attacker leaves behind ends the attacker's runtime, not only its calls.
set -euo pipefail
folder=$(mktemp -d) && trap 'rm -rf "$folder"' EXIT && cd "$folder"
cargo init --quiet --name found --vcs none
cat >> Cargo.toml <<'TOML'
bytes = "=1.11.0"
futures-util = "=0.3.32"
h2 = "=0.4.20"
http = "1"
http-body = "=1.0.1"
http-body-util = "=0.1.5"
hyper = { version = "=1.12.0", features = ["client", "http2"] }
hyper-util = { version = "=0.1.21", features = ["tokio"] }
tokio = { version = "=1.54.1", features = ["rt-multi-thread", "macros", "net", "time"] }
TOML
cat > src/main.rs <<'RUST'
use std::{convert::Infallible, time::Duration};

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::{TcpListener, TcpStream};

/// Whether the server's connection has ended 5 s after the client dropped all it holds of a call.
async fn ends(chunks: usize) -> bool {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(async move {
        let (socket, _) = listener.accept().await.unwrap();
        let mut connection = h2::server::handshake(socket).await.unwrap();
        let (request, mut respond) = connection.accept().await.unwrap().unwrap();
        // The request is held and never read, so its window stays shut.
        let answer = respond.send_response(Response::new(()), false).unwrap();
        while let Some(Ok(_)) = connection.accept().await {}
        drop((request, answer));
    });
    let io = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let client = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (mut sender, connection) = client.handshake(io).await.unwrap();
    tokio::spawn(connection);
    let chunk = || Ok::<_, Infallible>(Frame::data(Bytes::from(vec![0; 16 << 10])));
    let body = StreamBody::new(stream::repeat_with(chunk).take(chunks));
    let response = sender.send_request(Request::new(body)).await.unwrap();
    // The client has had time to fill the window.
    tokio::time::sleep(Duration::from_secs(1)).await;
    drop((response, sender));
    tokio::time::timeout(Duration::from_secs(5), server).await.is_ok()
}

#[tokio::main]
async fn main() {
    let seen = (ends(1).await, ends(usize::MAX).await);
    println!("ended: a request of one chunk {}, one that waits for the window {}", seen.0, seen.1);
    assert_eq!(seen, (true, false));
}
RUST
CARGO_TARGET_DIR="$folder/target" cargo run --quiet
