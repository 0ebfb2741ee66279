//! A connection in the protocol of PostgreSQL: prepared statements, many requests under way.
//!
//! A request is one or more executions and a `Sync`, which makes them one transaction. The server
//! answers requests in the order in which they came.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use handover::cli::exit::Failure;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::peers::connection::failed;

pub(super) const NAME: &str = "PostgreSQL";
/// Version 3.0 of the protocol.
const PROTOCOL: u32 = 3 << 16;
/// Requests that wait to be written.
const QUEUED: usize = 1_024;
/// Bytes before the content of a message: its type and its length.
const HEAD: usize = 5;

/// What a request was answered with.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Answer {
    /// Rows of all executions.
    pub(super) rows: u64,
    /// The columns of the last row; absent: null.
    pub(super) last: Vec<Option<Bytes>>,
    /// Why the transaction failed.
    error: Option<String>,
}

type Taker = oneshot::Sender<Answer>;
/// What is sent and not answered yet, oldest first.
type UnderWay = Arc<Mutex<VecDeque<Taker>>>;

/// A connection; it ends when it is dropped.
#[derive(Debug)]
pub(super) struct Wire {
    out: mpsc::Sender<(Bytes, Taker)>,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Wire {
    /// Connects as `user`, without a password, with `settings` of the session.
    pub(super) async fn connect(
        address: &str,
        (user, database): (&str, &str),
        settings: &[(&str, &str)],
    ) -> Result<Self, Failure> {
        let socket = TcpStream::connect(address).await.map_err(|it| failed(NAME, it))?;
        socket.set_nodelay(true)?;
        let (mut reader, mut writer) = socket.into_split();
        let mut hello = BytesMut::new();
        let login = [("user", user), ("database", database)];
        framed(&mut hello, None, |out| {
            out.put_u32(PROTOCOL);
            for (name, value) in login.iter().chain(settings) {
                text(out, name);
                text(out, value);
            }
            out.put_u8(0);
        });
        writer.write_all(&hello).await?;
        let mut buffer = BytesMut::new();
        answer(&mut reader, &mut buffer).await?.accepted()?;
        let (out, queued) = mpsc::channel(QUEUED);
        let under_way = UnderWay::default();
        let tasks = [
            tokio::spawn(write(writer, queued, Arc::clone(&under_way))),
            tokio::spawn(read(reader, buffer, under_way)),
        ];
        Ok(Self { out, tasks })
    }

    /// Sends a request, and waits for its answer.
    pub(super) async fn request(&self, mut request: BytesMut) -> Result<Answer, Failure> {
        framed(&mut request, Some(b'S'), |_| ());
        let (taker, answer) = oneshot::channel();
        let lost = || failed(NAME, "the connection was lost");
        self.out.send((request.freeze(), taker)).await.map_err(|_| lost())?;
        answer.await.map_err(|_| lost())?.accepted()
    }

    /// Has the server prepare a statement.
    pub(super) async fn prepare(&self, name: &str, statement: &str) -> Result<(), Failure> {
        let mut request = BytesMut::new();
        framed(&mut request, Some(b'P'), |out| {
            text(out, name);
            text(out, statement);
            // Types of parameters follow from the statement.
            out.put_u16(0);
        });
        self.request(request).await.map(drop)
    }
}

impl Answer {
    fn accepted(self) -> Result<Self, Failure> {
        match &self.error {
            Some(error) => Err(failed(NAME, error)),
            None => Ok(self),
        }
    }
}

/// Adds an execution of a prepared statement. All parameters and results are texts.
pub(super) fn execution(request: &mut BytesMut, name: &str, parameters: &[&str]) {
    framed(request, Some(b'B'), |out| {
        text(out, "");
        text(out, name);
        out.put_u16(0);
        out.put_u16(u16::try_from(parameters.len()).unwrap_or(u16::MAX));
        for parameter in parameters {
            out.put_u32(u32::try_from(parameter.len()).unwrap_or(u32::MAX));
            out.put_slice(parameter.as_bytes());
        }
        out.put_u16(0);
    });
    framed(request, Some(b'E'), |out| {
        text(out, "");
        out.put_u32(0);
    });
}

/// Writes a message: its type, its length, its content.
fn framed(out: &mut BytesMut, kind: Option<u8>, content: impl FnOnce(&mut BytesMut)) {
    let mut body = BytesMut::new();
    content(&mut body);
    if let Some(kind) = kind {
        out.put_u8(kind);
    }
    out.put_u32(u32::try_from(body.len() + 4).unwrap_or(u32::MAX));
    out.put_slice(&body);
}

fn text(out: &mut BytesMut, text: &str) {
    out.put_slice(text.as_bytes());
    out.put_u8(0);
}

async fn write(
    mut writer: OwnedWriteHalf,
    mut queued: mpsc::Receiver<(Bytes, Taker)>,
    under_way: UnderWay,
) {
    let mut together = Vec::new();
    while queued.recv_many(&mut together, QUEUED).await > 0 {
        let mut bytes = BytesMut::new();
        for (request, taker) in together.drain(..) {
            bytes.put_slice(&request);
            under_way.lock().unwrap_or_else(PoisonError::into_inner).push_back(taker);
        }
        if writer.write_all(&bytes).await.is_err() {
            // The reader notices it as well, and ends what waits.
            return;
        }
    }
}

async fn read(mut reader: OwnedReadHalf, mut buffer: BytesMut, under_way: UnderWay) {
    while let Ok(answer) = answer(&mut reader, &mut buffer).await {
        let taker = under_way.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if let Some(taker) = taker {
            // What is not taken any more is not needed.
            let _ = taker.send(answer);
        }
    }
    under_way.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Takes messages until the server is ready for the next request.
async fn answer(reader: &mut OwnedReadHalf, buffer: &mut BytesMut) -> Result<Answer, Failure> {
    let mut answer = Answer::default();
    loop {
        while let Some((kind, content)) = parse(buffer) {
            if answer.take(kind, content)? {
                return Ok(answer);
            }
        }
        if reader.read_buf(buffer).await? == 0 {
            let why = answer.error.unwrap_or_else(|| "the server ended the connection".to_owned());
            return Err(failed(NAME, why));
        }
    }
}

/// Takes the first message out of what came; `None`: not all of it is there.
fn parse(buffer: &mut BytesMut) -> Option<(u8, Bytes)> {
    let (kind, rest) = buffer.split_first()?;
    let (length, _) = rest.split_first_chunk()?;
    let (kind, length) = (*kind, u32::from_be_bytes(*length) as usize);
    if buffer.len() < length + 1 {
        return None;
    }
    let mut message = buffer.split_to(length + 1).freeze();
    message.advance(HEAD.min(message.len()));
    Some((kind, message))
}

impl Answer {
    /// Takes a message; `true`: it was the last one.
    fn take(&mut self, kind: u8, mut content: Bytes) -> Result<bool, Failure> {
        match kind {
            b'Z' => return Ok(true),
            b'E' => self.error = Some(problem(&content)),
            // Only a login without a password ends with zero.
            b'R' if content.try_get_u32().ok() != Some(0) => {
                return Err(failed(NAME, "the server wants a password"));
            }
            b'D' => {
                self.rows += 1;
                self.last = columns(content).ok_or_else(|| failed(NAME, "a row ends early"))?;
            }
            _ => {}
        }
        Ok(false)
    }
}

fn columns(mut row: Bytes) -> Option<Vec<Option<Bytes>>> {
    let count = row.try_get_u16().ok()?;
    let column = |_| {
        // A length of -1 is a null.
        let Ok(length) = usize::try_from(row.try_get_i32().ok()?) else { return Some(None) };
        (length <= row.len()).then(|| Some(row.split_to(length)))
    };
    (0..count).map(column).collect()
}

/// The text of an error, which is one of its fields.
fn problem(content: &[u8]) -> String {
    let mut fields = content.split(|byte| *byte == 0);
    let message = fields.find_map(|field| field.strip_prefix(b"M"));
    String::from_utf8_lossy(message.unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(kind: u8, content: &[u8]) -> BytesMut {
        let mut bytes = BytesMut::new();
        framed(&mut bytes, Some(kind), |out| out.put_slice(content));
        bytes
    }

    #[test]
    fn an_answer_has_its_rows_and_the_columns_of_the_last() {
        let mut bytes = message(b'D', b"\0\x01\0\0\0\x01a");
        bytes.extend(message(b'D', b"\0\x02\0\0\0\x02bc\xFF\xFF\xFF\xFF"));
        bytes.extend(message(b'C', b"SELECT 2\0"));
        bytes.extend(message(b'Z', b"I"));
        for step in [1, 4, bytes.len()] {
            let (mut buffer, mut answer, mut ended) = (BytesMut::new(), Answer::default(), false);
            for part in bytes.chunks(step) {
                buffer.extend_from_slice(part);
                while let Some((kind, content)) = parse(&mut buffer) {
                    assert!(!ended, "nothing follows the end");
                    ended = answer.take(kind, content).unwrap();
                }
            }
            assert!(ended);
            let last = vec![Some(Bytes::from_static(b"bc")), None];
            assert_eq!(answer, Answer { rows: 2, last, error: None });
        }
    }

    #[test]
    fn an_error_is_known_by_its_message() {
        let mut answer = Answer::default();
        let content = Bytes::from_static(b"SERROR\0C23505\0Mno such thing\0\0");
        assert!(!answer.take(b'E', content).unwrap());
        assert!(answer.accepted().unwrap_err().message.contains("no such thing"));
        let mut answer = Answer::default();
        assert!(answer.take(b'R', Bytes::from_static(&[0, 0, 0, 10])).is_err());
        assert!(answer.take(b'D', Bytes::from_static(b"\0\x01\0\0\0\x09a")).is_err());
    }
}
