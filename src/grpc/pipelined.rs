//! A request of `AppendStream` as the server takes it.
//!
//! A refused append does not end a pipeline: it is answered in its place, and the appends behind it
//! are made. That holds as well for one that is refused before it is decoded.

use tonic::Status;

use crate::{
    domain::{
        proto::{AppendRequest, AppendStreamRequest},
        violation::Violations,
    },
    grpc::{codec::DecodedRequest, status::REQUEST},
};

/// An append, or what is wrong with the message that should have held it.
#[derive(Clone, Debug)]
pub(crate) struct Pipelined(pub(crate) Result<AppendRequest, Violations>);

impl DecodedRequest for Pipelined {
    type Message = AppendStreamRequest;

    /// Reports what is wrong as `Append` does.
    fn from_decoded(decoded: Result<AppendStreamRequest, Violations>) -> Result<Self, Status> {
        let append = decoded.map(|request| request.append.unwrap_or_default());
        Ok(Self(append.map_err(|violations| violations.rebased("append", "").of_whole(REQUEST))))
    }
}
