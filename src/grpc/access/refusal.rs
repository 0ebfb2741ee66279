//! Refusals of access as a client receives them.

use std::time::Duration;

use tonic::Code;

use crate::{
    domain::{
        access::{BadToken, CallRate, Denied},
        proto::ErrorReason::{NotAuthenticated, NotPermitted, Overloaded},
    },
    grpc::status::{RpcError, not_ready},
};

/// The credentials of a call are missing or of no use.
pub(super) fn unauthenticated(problem: impl Into<String>) -> RpcError {
    RpcError::new(Code::Unauthenticated, NotAuthenticated, problem)
}

/// A token cannot be verified for want of its issuer's keys.
pub(super) fn keys_missing(bad: &BadToken) -> RpcError {
    not_ready(format!(
        "{bad}, so the server cannot verify the token; it fetches them, so try again. Its status \
         and its log say what is wrong if that lasts"
    ))
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

/// The caller is faster than the policy permits; after this time a call is within the rate.
pub(super) fn too_fast(identity: &str, rate: CallRate, after: Duration) -> RpcError {
    let caller = match identity {
        "" => "callers without credentials of use at this address".to_owned(),
        identity => format!("{identity:?}"),
    };
    let message = format!("{caller} may make {rate}, by the policy, and this is more");
    RpcError::new(Code::ResourceExhausted, Overloaded, message)
        .with("identity", identity)
        .with("rate", rate)
        .retry_after(after)
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
