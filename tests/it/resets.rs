//! Calls that are reset by the thousand, frame by frame, end nothing but themselves.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::{
    frames::{DATA, HEADERS, PING, PREFACE, SETTINGS, frame, opened},
    support::{Server, data_dir},
};

const RST_STREAM: u8 = 3;
const GOAWAY: u8 = 7;
/// Longer than any of this takes.
const BOUND: Duration = Duration::from_mins(1);

/// A connection by its frames.
struct Connection(TcpStream);

impl Connection {
    async fn open(server: &Server) -> Self {
        let address = server.address.trim_start_matches("http://");
        let connection = TcpStream::connect(address).await.expect("the server can be reached");
        let mut connection = Self(connection);
        let preface = [PREFACE, &frame(SETTINGS, 0, 0, &[])[..]];
        connection.send(&preface.concat()).await;
        connection
    }

    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.expect("it is taken");
    }

    /// The type of the next frame, and whether it acknowledges one.
    async fn next(&mut self) -> (u8, bool) {
        let mut head = [0; 9];
        self.0.read_exact(&mut head).await.expect("the connection stands");
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut content = vec![0; length as usize];
        self.0.read_exact(&mut content).await.expect("the connection stands");
        assert_ne!(head[3], GOAWAY, "it is cut: {:?}", String::from_utf8_lossy(&content));
        (head[3], head[4] & 1 == 1)
    }

    /// Waits until everything that was sent has been looked at.
    async fn answers_a_ping(&mut self) {
        self.send(&frame(PING, 0, 0, &[7; 8])).await;
        while self.next().await != (PING, true) {}
    }
}

#[tokio::test]
async fn calls_that_are_opened_and_cancelled_at_once_do_not_cut_their_connection() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let cancelled = async {
        let mut connection = Connection::open(&server).await;
        // As many as are free, and as many again.
        let calls = (0..4_096).flat_map(|number| {
            let stream = 2 * number + 1;
            let call = opened(stream, "/handover.v1.EventStoreService/GetHead");
            [call, frame(RST_STREAM, 0, stream, &[0, 0, 0, 8])]
        });
        let sent: Vec<u8> = calls.flatten().collect();
        connection.send(&sent).await;
        connection.answers_a_ping().await;
    };
    timeout(BOUND, cancelled).await.expect("it is answered");
}

#[tokio::test]
async fn calls_that_are_answered_before_they_have_come_do_not_cut_their_connection() {
    let (_dir, data) = data_dir();
    let server = Server::start(&data, &[]);
    let refused = async {
        let mut connection = Connection::open(&server).await;
        for round in 0..20 {
            let streams: Vec<u32> = (0..120).map(|it| 2 * (120 * round + it) + 1).collect();
            let calls: Vec<u8> = streams.iter().flat_map(|it| opened(*it, "/x.Y/Z")).collect();
            connection.send(&calls).await;
            // All are answered: there is no such method.
            let mut answered = 0;
            while answered < streams.len() {
                answered += usize::from(connection.next().await.0 == HEADERS);
            }
            let bodies = streams.iter().flat_map(|it| frame(DATA, 1, *it, &[0; 5]));
            let bodies: Vec<u8> = bodies.collect();
            connection.send(&bodies).await;
        }
        connection.answers_a_ping().await;
    };
    timeout(BOUND, refused).await.expect("it is answered");
}
