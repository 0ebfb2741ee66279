//! The concerns of every call of gRPC, from the outermost one to the innermost.
//!
//! They are one layer: the transport clones the whole service for every call, and a layer for each
//! would make that forty counts of references, which both processors change.

use crate::grpc::{
    access::Guard,
    around::{Answer, Around, HttpRequest},
    calls::Calls,
    deadline::Errors,
    foreign::ForeignStreams,
    intake::BoundedIntake,
    shares::Shares,
    unread::Unread,
};

/// What is around the calls of all services.
#[derive(Clone, Debug, Default)]
pub(super) struct Concerns {
    pub(super) calls: Calls,
    pub(super) guard: Guard,
    pub(super) shares: Shares,
    pub(super) foreign: ForeignStreams,
    pub(super) intake: BoundedIntake,
    pub(super) unread: Unread,
}

impl Around for Concerns {
    fn around<E: Send + 'static>(
        &self,
        request: HttpRequest,
        within: impl FnOnce(HttpRequest) -> Answer<E>,
    ) -> Answer<E> {
        let Self { calls, guard, shares, foreign, intake, unread } = self;
        let within = |request| unread.around(request, within);
        let within = |request| intake.around(request, within);
        let within = |request| foreign.around(request, within);
        let within = |request| Errors.around(request, within);
        // Around the concern of errors, which exchanges the bodies of paged answers.
        let within = |request| shares.around(request, within);
        let within = |request| guard.around(request, within);
        calls.around(request, within)
    }
}
