//! Which versions of the other stores are measured: pinned, so that figures can be repeated.

pub(super) const UMADB: &str = "0.7.8";
/// Older ones have faults in what they acknowledge.
pub(super) const NATS: &str = "2.15.1";
pub(super) const MESSAGE_DB: &str = "1.3.1";
