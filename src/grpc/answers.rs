//! The type of streamed answers.

use std::pin::Pin;

use futures_util::Stream;
use tonic::Status;

/// A stream of answers.
pub(crate) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
