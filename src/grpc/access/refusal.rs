//! Refusals of access as a client receives them.

use tonic::Code;

use crate::{
    domain::{
        access::Denied,
        proto::ErrorReason::{NotAuthenticated, NotPermitted},
    },
    grpc::status::{RpcError, not_ready},
};

/// The credentials of a call are missing or of no use.
pub(super) fn unauthenticated(problem: impl Into<String>) -> RpcError {
    RpcError::new(Code::Unauthenticated, NotAuthenticated, problem)
}

/// The caller is known, and may not do this.
pub(super) fn denied(denied: &Denied) -> RpcError {
    let message = denied.to_string();
    let refused = || RpcError::new(Code::PermissionDenied, NotPermitted, message.clone());
    match denied {
        Denied::NoCredentials => unauthenticated(message),
        Denied::NoRole { identity, permission } => {
            refused().with("identity", identity).with("needs", permission.roles())
        }
        Denied::Limited { identity, categories, concerns: _ } => {
            let identity = identity.as_deref().unwrap_or_default();
            refused().with("identity", identity).with("categories", categories)
        }
    }
}

/// A stream that the policy permits less now than when it began. It may be permitted still, which
/// is decided when it is opened again.
pub(super) fn changed() -> RpcError {
    not_ready(
        "the policy has changed for this stream; open it again, and what is permitted now is \
         decided anew"
            .to_owned(),
    )
}
