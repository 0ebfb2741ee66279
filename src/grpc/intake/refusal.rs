//! The refusal of what cannot be read as a message.

use tonic::Status;

use crate::{
    domain::violation::Violations,
    grpc::status::{REQUEST, RpcError},
};

/// A request that is no message, and why.
pub(super) fn unreadable(problem: &str) -> Status {
    let mut violations = Violations::default();
    violations.add(REQUEST, problem);
    RpcError::from(violations).into()
}
