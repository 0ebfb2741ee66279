//! The connections of one peer: it has its number, and others have theirs. On Linux each address of
//! 127.0.0.0/8 is this machine's, so that 127.0.0.2 is another peer.

use std::{net::SocketAddr, time::Duration};

use handover::{
    domain::proto::{GetHeadRequest, GetStatusRequest},
    grpc::client::Client,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

use crate::{
    frames::{PREFACE, SETTINGS, frame},
    lifecycle::{line_with, start_logged},
    support::data_dir,
};

/// Longer than any of this takes.
const BOUND: Duration = Duration::from_mins(1);
/// What one peer may have.
const OF_PEER: usize = 3;
/// Connections beyond that.
const REFUSED: u64 = 50;

/// A connection from another peer than this test's clients are.
async fn connect(server: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.2:0".parse().expect("an address")).expect("it is this machine's");
    socket.connect(server).await.expect("the system takes it")
}

/// Whether the server speaks on a connection; else it has closed it.
async fn is_served(connection: &mut TcpStream) -> bool {
    let speaks = async {
        let preface = [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat();
        connection.write_all(&preface).await?;
        connection.read_u8().await
    };
    timeout(BOUND, speaks).await.expect("it speaks or ends").is_ok()
}

#[tokio::test]
async fn a_peer_that_holds_all_of_its_connections_leaves_others_unhindered() {
    let (_dir, data) = data_dir();
    let number = OF_PEER.to_string();
    let arguments = ["--connections-per-peer", &number];
    let (child, log) = start_logged(&data, "127.0.0.1:0", &arguments);
    let started = line_with(&log, "starting");
    let at = started.split("address=").nth(1).and_then(|rest| rest.split(' ').next());
    let address: SocketAddr = at.expect("an address").parse().expect("an address");
    line_with(&log, "serving");

    let mut held = Vec::new();
    for _ in 0..OF_PEER {
        let mut connection = connect(address).await;
        assert!(is_served(&mut connection).await);
        held.push(connection);
    }
    for _ in 0..REFUSED {
        assert!(!is_served(&mut connect(address).await).await, "it is one too many");
    }
    let line = line_with(&log, "a connection is refused");
    assert!(line.contains("127.0.0.2") && line.contains("limit=3"), "{line}");

    let client = Client::connect(&format!("http://{address}")).await.expect("another peer");
    client.get_head(GetHeadRequest::default()).await.expect("it is served");
    let status = client.server_status(GetStatusRequest::default()).await.expect("a status");
    let connections = status.connections.expect("connections");
    assert_eq!((connections.open, connections.refused), (4, REFUSED));

    held.pop();
    let again = async { while !is_served(&mut connect(address).await).await {} };
    timeout(BOUND, again).await.expect("the place of one that has ended");
    drop(child);
    let lines = log.iter().filter(|line| line.contains("a connection is refused")).count();
    assert!(lines < 10, "{lines} more lines for {REFUSED} connections");
}
