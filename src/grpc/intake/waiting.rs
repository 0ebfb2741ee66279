//! What a call holds while it waits for its one answer, from its whole request on.
//!
//! A call that waits takes memory in the transport, in its task and in the queues that it stands
//! in. It is not cut: its event may be recorded already. So where many wait, a connection with more
//! than its share is refused the next one before anything is done for it. Other connections are
//! served.

use std::sync::OnceLock;

use crate::{
    grpc::{
        counted::{Counted, Shares, Sums},
        status::{RpcError, overloaded},
    },
    log::usage::Used,
};

/// What a call takes while it waits, about, beyond what it took when it was opened.
pub(super) const WAITS: usize = 8 << 10;
/// From 64 MiB in all on, which is some 3,500 calls, a connection has 1 MiB of them; from twice as
/// much on, none more waits.
const SHARES: Shares = Shares { much: 64 << 20, share: 1 << 20, little: 0 };

/// A call with one answer; what it holds is given back when this is dropped.
#[derive(Debug)]
pub(super) struct WaitingCall {
    sums: Sums,
    counted: OnceLock<Counted>,
}

impl WaitingCall {
    /// A call whose request has not come yet; it holds nothing here.
    pub(super) fn new(sums: Sums) -> Self {
        Self { sums, counted: OnceLock::new() }
    }

    /// Holds so many bytes from now on, or is refused.
    pub(super) fn begin(&self, bytes: usize) -> Result<(), RpcError> {
        let fits = self.counted.get_or_init(|| Counted::new(bytes, self.sums.clone())).fits(SHARES);
        if fits { Ok(()) } else { Err(full()) }
    }
}

/// How much waiting calls hold of what they may.
pub(super) fn held(bytes: usize) -> Used {
    Used::of(bytes, 2 * SHARES.much)
}

fn full() -> RpcError {
    overloaded(format!(
        "calls that wait for their answers take {} bytes, and this connection has its share of \
         them; nothing was done for this one, so send it again later",
        SHARES.much
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a call of these tests takes.
    const CALL: usize = 16 << 10;

    /// A call of the connection that has come whole.
    fn whole(all: &Sums, connection: &Sums) -> (WaitingCall, bool) {
        let sums = Sums { all: all.all.clone(), own: connection.own.clone() };
        let call = WaitingCall::new(sums);
        let admitted = call.begin(CALL).is_ok();
        (call, admitted)
    }

    #[test]
    fn a_connection_has_no_more_than_its_share_where_many_calls_wait() {
        let all = Sums::default();
        let [greedy, good] = std::array::from_fn(|_| Sums::default());
        let mut waiting: Vec<_> = (0..4_096).map(|_| whole(&all, &greedy)).collect();
        assert!(waiting.iter().all(|(_, admitted)| *admitted));
        assert!(!whole(&all, &greedy).1, "it has more than its share");
        let others: Vec<_> = (0..64).map(|_| whole(&all, &good)).collect();
        assert!(others.iter().all(|(_, admitted)| *admitted), "another one has its share");
        assert!(!whole(&all, &good).1, "which ends");
        waiting.truncate(4_096 - 65);
        assert!(whole(&all, &greedy).1, "answers make room");
        drop((waiting, others));
        assert_eq!(all.all.load(std::sync::atomic::Ordering::Relaxed), 0);
    }

    #[test]
    fn a_connection_that_waits_for_nothing_is_served_up_to_twice_as_many() {
        let all = Sums::default();
        let calls: Vec<_> = (0..8_192).map(|_| whole(&all, &Sums::default())).collect();
        assert!(calls.iter().all(|(_, admitted)| *admitted));
        let last = Sums::default();
        assert!(!whole(&all, &last).1, "beyond that, the server does not grow");
    }
}
