//! What a call that failed means for an import.

use crate::{
    cli::exit::Failure,
    grpc::client::{ClientError, ClientErrorKind},
};

/// Whether the server refused this one line, rather than being unable to go on.
pub(super) fn is_about_the_row(error: &ClientError) -> bool {
    matches!(
        error.kind,
        ClientErrorKind::Invalid
            | ClientErrorKind::Conflict
            | ClientErrorKind::NotFound
            | ClientErrorKind::BeyondHead
            | ClientErrorKind::Refused
    )
}

/// Why an import could not go on, and that it can be run again.
pub(super) fn again(error: ClientError) -> Failure {
    let mut failure = Failure::from(error);
    failure.message.push_str("; run the same import again, it adds nothing twice");
    failure
}
