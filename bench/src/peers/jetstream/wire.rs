//! A connection in the protocol of NATS: text lines with payloads, many requests under way at once.
//!
//! One task writes what is queued, many requests together, and another hands answers out by the
//! number that stands in their subject. A client that does less would slow the server down; one
//! that does more would take processor time from it, because both share the machine.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::{Buf as _, Bytes, BytesMut};
use handover::cli::exit::Failure;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
    task::JoinHandle,
};

use crate::peers::connection::failed;

pub(super) const NAME: &str = "NATS";
/// Requests that wait to be written.
const QUEUED: usize = 1_024;
/// Messages of one request that wait to be taken.
const WAITING: usize = 4_096;
/// What the name of an inbox's own subscription begins with.
const OWN: &str = "own";
/// How this client introduces itself. Without `verbose` the server confirms no line.
const CONNECT: &str = "CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\
                       \"no_responders\":true,\"protocol\":1,\"lang\":\"rust\",\
                       \"name\":\"handover-bench\",\"version\":\"1\"}\r\n";

/// A message that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    /// The inbox that it is for; `None`: none of this connection's.
    inbox: Option<u64>,
    /// Where an answer is expected; empty: nowhere.
    pub(super) reply: Bytes,
    /// The block of headers, if there is one.
    pub(super) headers: Bytes,
    pub(super) payload: Bytes,
}

/// A line of the server, with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Frame {
    Message(Message),
    Ping,
    /// What needs no answer: its information, and its answer to a ping.
    Other,
    Error(String),
}

/// Takers of messages, by the number in the subject.
type Takers = Arc<Mutex<HashMap<u64, mpsc::Sender<Message>>>>;

/// A connection; it ends when it is dropped.
#[derive(Debug)]
pub(super) struct Wire {
    out: mpsc::Sender<Bytes>,
    takers: Takers,
    next: AtomicU64,
    /// The beginning of all subjects that are answered to.
    inbox: String,
    tasks: [JoinHandle<()>; 2],
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Messages to one subject of the connection's own; none come after it was dropped.
#[derive(Debug)]
pub(super) struct Inbox {
    number: u64,
    pub(super) subject: String,
    messages: mpsc::Receiver<Message>,
    takers: Takers,
}

impl Drop for Inbox {
    fn drop(&mut self) {
        self.takers.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

impl Inbox {
    /// The next message, which is waited for.
    pub(super) async fn next(&mut self) -> Result<Message, Failure> {
        let message = self.messages.recv().await;
        let message = message.ok_or_else(|| failed(NAME, "the connection was lost"))?;
        // An answer without a body that says so: nothing listens at the subject.
        if message.headers.starts_with(b"NATS/1.0 503") {
            return Err(failed(NAME, "no stream listens at the subject"));
        }
        Ok(message)
    }
}

impl Wire {
    pub(super) async fn connect(address: &str) -> Result<Self, Failure> {
        let socket = TcpStream::connect(address).await.map_err(|it| failed(NAME, it))?;
        socket.set_nodelay(true)?;
        let (mut reader, mut writer) = socket.into_split();
        let mut buffer = BytesMut::new();
        // Its information comes first.
        next_frame(&mut reader, &mut buffer).await?;
        let inbox = format!("_INBOX.{}", uuid::Uuid::new_v4().simple());
        let hello = format!("{CONNECT}SUB {inbox}.* 1\r\nPING\r\n");
        writer.write_all(hello.as_bytes()).await?;
        if let Frame::Error(problem) = next_frame(&mut reader, &mut buffer).await? {
            return Err(failed(NAME, problem));
        }
        let (out, queued) = mpsc::channel(QUEUED);
        let takers = Takers::default();
        let tasks = [
            tokio::spawn(write(writer, queued)),
            tokio::spawn(read(reader, buffer, Arc::clone(&takers), out.clone())),
        ];
        Ok(Self { out, takers, next: AtomicU64::new(1), inbox, tasks })
    }

    /// A subject of its own.
    pub(super) fn inbox(&self) -> Inbox {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (taker, messages) = mpsc::channel(WAITING);
        let takers = Arc::clone(&self.takers);
        takers.lock().unwrap_or_else(PoisonError::into_inner).insert(number, taker);
        Inbox { number, subject: format!("{}.{number}", self.inbox), messages, takers }
    }

    /// A subject of its own with a subscription of its own. The server looks for a subscription to
    /// just the subject that a consumer is to deliver to; a wider one is not enough.
    pub(super) async fn subscribed(&self) -> Result<Inbox, Failure> {
        let mut inbox = self.inbox();
        // Beside what is subscribed to already: each message would come twice.
        inbox.subject = format!("{}.{OWN}.{}", self.inbox, inbox.number);
        self.send(format!("SUB {} {OWN}{}\r\n", inbox.subject, inbox.number)).await?;
        Ok(inbox)
    }

    /// Ends a subscription of its own.
    pub(super) async fn unsubscribe(&self, inbox: &Inbox) -> Result<(), Failure> {
        self.send(format!("UNSUB {OWN}{}\r\n", inbox.number)).await
    }

    /// Queues lines.
    pub(super) async fn send(&self, lines: impl Into<Bytes>) -> Result<(), Failure> {
        let sent = self.out.send(lines.into()).await;
        sent.map_err(|_| failed(NAME, "the connection was lost"))
    }

    /// Publishes a message, and waits for the answer to it.
    pub(super) async fn request(
        &self,
        subject: &str,
        headers: &[(&str, &str)],
        payload: &[u8],
    ) -> Result<Message, Failure> {
        let mut inbox = self.inbox();
        let mut lines = BytesMut::new();
        publication(&mut lines, (subject, &inbox.subject), headers, payload);
        self.send(lines).await?;
        inbox.next().await
    }
}

/// Writes the lines of a publication.
pub(super) fn publication(
    lines: &mut BytesMut,
    (subject, reply): (&str, &str),
    headers: &[(&str, &str)],
    payload: &[u8],
) {
    if headers.is_empty() {
        let line = format!("PUB {subject} {reply} {}\r\n", payload.len());
        lines.extend_from_slice(line.as_bytes());
    } else {
        let mut block = String::from("NATS/1.0\r\n");
        for (name, value) in headers {
            block.extend([*name, ": ", *value, "\r\n"]);
        }
        block.push_str("\r\n");
        let (head, all) = (block.len(), block.len() + payload.len());
        let line = format!("HPUB {subject} {reply} {head} {all}\r\n");
        lines.extend_from_slice(line.as_bytes());
        lines.extend_from_slice(block.as_bytes());
    }
    lines.extend_from_slice(payload);
    lines.extend_from_slice(b"\r\n");
}

async fn write(mut writer: OwnedWriteHalf, mut queued: mpsc::Receiver<Bytes>) {
    let mut together = Vec::new();
    while queued.recv_many(&mut together, QUEUED).await > 0 {
        let written = match &together[..] {
            [one] => writer.write_all(one).await,
            many => writer.write_all(&many.concat()).await,
        };
        if written.is_err() {
            // The reader notices it as well, and ends what waits.
            return;
        }
        together.clear();
    }
}

/// Hands messages out until the connection ends; then everything that waits learns it.
async fn read(
    mut reader: OwnedReadHalf,
    mut buffer: BytesMut,
    takers: Takers,
    out: mpsc::Sender<Bytes>,
) {
    while let Ok(frame) = next_frame(&mut reader, &mut buffer).await {
        match frame {
            Frame::Message(message) => {
                let taker = message.inbox.and_then(|number| {
                    takers.lock().unwrap_or_else(PoisonError::into_inner).get(&number).cloned()
                });
                if let Some(taker) = taker {
                    // What is not taken any more is not needed.
                    let _ = taker.send(message).await;
                }
            }
            Frame::Ping => {
                if out.send(Bytes::from_static(b"PONG\r\n")).await.is_err() {
                    break;
                }
            }
            Frame::Other => {}
            Frame::Error(_) => break,
        }
    }
    takers.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

async fn next_frame(reader: &mut OwnedReadHalf, buffer: &mut BytesMut) -> Result<Frame, Failure> {
    loop {
        if let Some(frame) = parse(buffer)? {
            return Ok(frame);
        }
        if reader.read_buf(buffer).await? == 0 {
            return Err(failed(NAME, "the server ended the connection"));
        }
    }
}

/// Takes the first frame out of what came; `None`: not all of it is there.
fn parse(buffer: &mut BytesMut) -> Result<Option<Frame>, Failure> {
    let Some(end) = buffer.windows(2).position(|pair| pair == b"\r\n") else { return Ok(None) };
    let line = buffer.get(..end).unwrap_or_default();
    let kind = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    let frame = match kind {
        b"MSG" | b"HMSG" => {
            let whole = line.rsplit(|byte| *byte == b' ').next().and_then(size);
            let whole = whole.ok_or_else(|| strange(line))?;
            if buffer.len() < end + 2 + whole + 2 {
                return Ok(None);
            }
            let line = buffer.split_to(end + 2).freeze().slice(..end);
            let body = buffer.split_to(whole).freeze();
            buffer.advance(2);
            let message = message(&line, body).ok_or_else(|| strange(&line))?;
            return Ok(Some(Frame::Message(message)));
        }
        b"PING" => Frame::Ping,
        b"-ERR" => Frame::Error(String::from_utf8_lossy(line).into_owned()),
        _ => Frame::Other,
    };
    buffer.advance(end + 2);
    Ok(Some(frame))
}

/// A message from its line, which has the subject, the number of the subscription, where an answer
/// goes if one is expected, the size of the headers if there are any, and the size of it all.
fn message(line: &Bytes, mut body: Bytes) -> Option<Message> {
    let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
    let (names, head) = match &words[..] {
        [b"MSG", names @ .., _] => (names, 0),
        [b"HMSG", names @ .., head, _] => (names, size(head)?),
        _ => return None,
    };
    let headers = (head <= body.len()).then(|| body.split_to(head))?;
    let name = |index: usize| names.get(index).map(|name| line.slice_ref(name));
    let inbox = inbox(names.first()?, names.get(1)?);
    Some(Message { inbox, reply: name(2).unwrap_or_default(), headers, payload: body })
}

/// The number of an inbox. A subscription of its own has it in its name, because what a consumer is
/// sent comes by the subject that it was published to. Else the subject ends with it.
fn inbox(subject: &[u8], subscription: &[u8]) -> Option<u64> {
    let number = match subscription.strip_prefix(OWN.as_bytes()) {
        Some(number) => number,
        None => subject.rsplit(|byte| *byte == b'.').next()?,
    };
    std::str::from_utf8(number).ok()?.parse().ok()
}

fn size(word: &[u8]) -> Option<usize> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn strange(line: &[u8]) -> Failure {
    failed(NAME, format!("a line that has no meaning: {}", String::from_utf8_lossy(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_however_the_bytes_come() {
        let mut lines = BytesMut::from(&b"INFO {}\r\nPING\r\n"[..]);
        lines.extend_from_slice(b"MSG _I.7 1 5\r\na\r\nbc\r\n");
        lines.extend_from_slice(b"HMSG _I.8 1 $JS.ACK.x 14 16\r\nNATS/1.0 204\r\nxy\r\n");
        lines.extend_from_slice(b"MSG b.x.5 own9 0\r\n\r\nMSG b.x 1 0\r\n\r\n-ERR 'no'\r\n");
        let message = |inbox, reply: &'static str, headers: &'static str, payload: &'static str| {
            let (headers, payload) = (Bytes::from(headers), Bytes::from(payload));
            Frame::Message(Message { inbox, reply: Bytes::from(reply), headers, payload })
        };
        let expected = [
            Frame::Other,
            Frame::Ping,
            message(Some(7), "", "", "a\r\nbc"),
            message(Some(8), "$JS.ACK.x", "NATS/1.0 204\r\n", "xy"),
            message(Some(9), "", "", ""),
            message(None, "", "", ""),
            Frame::Error("-ERR 'no'".to_owned()),
        ];
        for step in [1, 3, 7, lines.len()] {
            let (mut buffer, mut found) = (BytesMut::new(), Vec::new());
            for part in lines.chunks(step) {
                buffer.extend_from_slice(part);
                while let Some(frame) = parse(&mut buffer).unwrap() {
                    found.push(frame);
                }
            }
            assert_eq!(found, expected, "in pieces of {step}");
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        for line in ["MSG _I.7 1 x\r\n\r\n", "MSG\r\n\r\n", "HMSG _I.7 1 9 2\r\nab\r\n"] {
            assert!(parse(&mut BytesMut::from(line)).is_err(), "{line}");
        }
    }

    #[test]
    fn a_publication_has_the_sizes_of_its_parts() {
        let mut lines = BytesMut::new();
        publication(&mut lines, ("b.1", "_I.2"), &[], b"abc");
        publication(&mut lines, ("b.1", ""), &[("K", "v")], b"abc");
        let expected =
            "PUB b.1 _I.2 3\r\nabc\r\nHPUB b.1  18 21\r\nNATS/1.0\r\nK: v\r\n\r\nabc\r\n";
        assert_eq!(lines, expected);
    }
}
