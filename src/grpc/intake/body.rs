//! The body of a request, as the codec gets it.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use http_body::Frame;
use tonic::{Code, Status, body::Body};

use super::{
    budget::{Account, BudgetShare, full},
    framing::{Broken, Framing, Piece, header},
    methods::Method,
    refusal::unreadable,
    unpack::{Packed, Unpacker},
    waiting::{WAITS, WaitingCall},
};
use crate::{
    domain::{proto::ErrorReason, violation::Violations},
    grpc::{
        deadline::header_bytes,
        status::{REQUEST, RpcError},
    },
};

/// Bytes of an unfinished message that are not counted: a stream takes as much itself.
const UNCOUNTED: usize = 4 << 10;
/// What a call takes until its first message has come, about, and how often its headers are held:
/// by the transport, as they came, and as they are looked up.
const OPENED: usize = 8 << 10;
const HEADERS: usize = 3;

type Unpacking = Pin<Box<dyn Future<Output = Result<Bytes, Status>> + Send>>;

/// What is known of a call's messages while they come.
pub(super) struct Intake {
    method: &'static Method,
    /// Messages may be compressed, by gzip.
    gzip: bool,
    account: BudgetShare,
    /// The account, where it ends with the body.
    kept: Option<Account>,
    /// What counts from the whole message to the one answer; none: there are several answers.
    pub(super) waiting: Option<Arc<WaitingCall>>,
    unpacker: Unpacker,
    framing: Framing,
    /// Bytes that count until the first message has come, or the only one and its end.
    opened: usize,
    /// Nothing comes any more.
    ended: bool,
    /// Bytes of large messages that are whole and not done with.
    whole: usize,
    /// What has come and was not looked at.
    rest: Bytes,
    unpacking: Option<Unpacking>,
    /// What the codec can have.
    ready: VecDeque<Bytes>,
    /// What the call ends with, once the codec has had what came before.
    failed: Option<Status>,
}

/// A body that looks at its messages.
pub(super) struct Watched {
    inner: Body,
    intake: Intake,
}

impl Intake {
    pub(super) fn new<B>(
        method: &'static Method,
        request: &http::Request<B>,
        account: BudgetShare,
        unpacker: Unpacker,
    ) -> Self {
        let encoding = request.headers().get("grpc-encoding");
        let opened = OPENED + HEADERS * header_bytes(request);
        let failed = account.hold(opened, false).err().map(Status::from);
        Self {
            method,
            gzip: encoding.is_some_and(|encoding| encoding == "gzip"),
            account,
            kept: None,
            waiting: None,
            unpacker,
            framing: Framing::new(method.limit),
            opened,
            ended: false,
            whole: 0,
            rest: Bytes::new(),
            unpacking: None,
            ready: VecDeque::new(),
            failed,
        }
    }

    /// Keeps the account as long as the body.
    pub(super) fn keep(&mut self, account: Account) {
        self.kept = Some(account);
    }

    pub(super) fn over(self, inner: Body) -> Watched {
        Watched { inner, intake: self }
    }

    /// Looks at what has come, up to a message that has to be unpacked first.
    fn advance(&mut self) {
        self.failed = self.looked_at().err();
    }

    fn looked_at(&mut self) -> Result<(), Status> {
        while self.unpacking.is_none() {
            let piece = self.framing.next(&mut self.rest).map_err(|it| self.broken(&it))?;
            if self.method.takes_one && self.framing.begun > 1 {
                return Err(unreadable("is followed by another message; this method takes one"));
            }
            match piece {
                None => break,
                Some(Piece::Plain(bytes)) => self.ready.push_back(bytes),
                Some(Piece::Packed(content)) => self.unpack(content)?,
            }
        }
        self.whole += std::mem::take(&mut self.framing.large);
        self.book()
    }

    fn unpack(&mut self, content: Bytes) -> Result<(), Status> {
        if !self.gzip {
            // gRPC says that this is INTERNAL, though the sender is wrong.
            let message = "a message is marked as compressed, but grpc-encoding names no encoding";
            return Err(RpcError::new(Code::Internal, ErrorReason::Transport, message).into());
        }
        let packed = Packed::new(content, self.method)?;
        if packed.is_small() {
            let unpacked = packed.unpacked()?;
            self.pass(unpacked);
            return Ok(());
        }
        let unpacking = self.unpacker.clone().apart(packed, self.account.clone(), self.whole);
        self.unpacking = Some(Box::pin(unpacking));
        Ok(())
    }

    fn pass(&mut self, message: Bytes) {
        self.ready.push_back(header(message.len()));
        self.ready.push_back(message);
    }

    /// Books what is held.
    fn book(&self) -> Result<(), Status> {
        let unfinished = self.framing.unfinished();
        let first = if self.method.takes_one {
            !self.ended
        } else {
            self.framing.begun <= 1 && (self.framing.begun == 0 || unfinished > 0)
        };
        let counted = match unfinished {
            0..=UNCOUNTED if first => self.opened,
            0..=UNCOUNTED => 0,
            _ => unfinished,
        };
        if counted + self.whole > 0 || self.account.holds_any() {
            self.account.hold(counted + self.whole, counted == 0)?;
        }
        Ok(())
    }

    /// The codec has decoded all that it was given, or it would not ask for more.
    fn taken(&mut self) -> Result<(), Status> {
        if self.whole > 0 && !self.method.takes_one {
            self.whole = 0;
            self.book()?;
        }
        Ok(())
    }

    fn poll_unpacked(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Status>> {
        if let Some(unpacking) = &mut self.unpacking {
            let unpacked = ready!(unpacking.as_mut().poll(context));
            self.unpacking = None;
            let unpacked = unpacked?;
            self.whole += unpacked.len();
            self.pass(unpacked);
            self.advance();
        }
        Poll::Ready(Ok(()))
    }

    /// Nothing comes any more.
    fn end(&mut self) -> Result<(), Status> {
        if let Some(missing) = self.framing.missing() {
            return Err(unreadable(&format!("is cut short: at least {missing} bytes are missing")));
        }
        if self.method.takes_one && self.framing.begun == 0 {
            return Err(unreadable(
                "is missing: this method takes one message, which may be empty",
            ));
        }
        self.ended = true;
        if let Some(waiting) = &self.waiting {
            waiting.begin(WAITS + self.opened)?;
        }
        self.book()
    }

    fn broken(&self, broken: &Broken) -> Status {
        match broken {
            Broken::Flag(flag) => unreadable(&format!(
                "is not framed as gRPC does it: it begins with {flag} instead of 0 or 1"
            )),
            Broken::TooLarge(length) => {
                let mut violations = Violations::default();
                violations.exceeds(REQUEST, "bytes", *length, self.method.limit);
                RpcError::from(violations).into()
            }
        }
    }

    fn poll(
        &mut self,
        inner: &mut Body,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Frame<Bytes>>, Status>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Ok(Some(Frame::data(bytes))));
            }
            if self.unpacking.is_some() {
                ready!(self.poll_unpacked(context))?;
                continue;
            }
            if let Some(failed) = self.failed.take() {
                return Poll::Ready(Err(failed));
            }
            self.taken()?;
            if self.account.is_cut(context) {
                return Poll::Ready(Err(full().into()));
            }
            let frame = ready!(http_body::Body::poll_frame(Pin::new(inner), context));
            match frame.transpose().map_err(foreign)?.map(Frame::into_data) {
                Some(Ok(data)) => {
                    self.rest = data;
                    self.advance();
                }
                Some(Err(trailers)) => {
                    self.end()?;
                    return Poll::Ready(Ok(Some(trailers)));
                }
                None => return Poll::Ready(self.end().map(|()| None)),
            }
        }
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Self { inner, intake } = &mut *self;
        intake.poll(inner, context).map(Result::transpose)
    }
}

/// gRPC-Web's encoding is read by a library, which calls what it cannot read an internal error.
fn foreign(status: Status) -> Status {
    match status.message().strip_prefix("tonic-web: ") {
        Some(problem) => unreadable(&format!("is not encoded as gRPC-Web: {problem}")),
        None => status,
    }
}
