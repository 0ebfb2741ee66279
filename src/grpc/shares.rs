//! Bounds how many streams one caller has open, so that no caller alone takes all that there are.
//!
//! The streams of all callers have bounds of their own: reads, subscriptions and watches of the
//! record in `engine::streams`, those of libraries in `foreign`. One caller may have three quarters
//! of each, so a quarter is left for all others. Less would hinder a program that passes the record
//! on to many.
//!
//! A caller is an identity, however it logs in, or the peer of a call without credentials. This
//! machine is not bounded without credentials: a proxy on it brings the calls of all clients.

use std::{
    collections::{HashMap, hash_map::Entry},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use http::Extensions;
use http_body_util::BodyExt as _;
use tonic::{Status, body::Body};

use crate::grpc::{
    access::Caller,
    around::{Answer, Around, HttpRequest},
    connection::ConnectionInfo,
    foreign::{MOST_REFLECTIONS, MOST_WATCHES},
    intake,
    peers::peer_of,
    status::{RpcError, overloaded},
};

/// Streams of the record that one caller may have open: three quarters of 16,384.
const MOST_OF_RECORD: usize = 12_288;

/// The open streams of each caller that has some.
#[derive(Clone, Debug, Default)]
pub(super) struct Shares(Arc<Mutex<HashMap<Key, usize>>>);

type Key = (Kind, CallerKey);

/// The streams that have a bound together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    Record,
    Reflection,
    Watch,
}

/// The caller of a stream.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum CallerKey {
    Identity(Arc<str>),
    Peer(IpAddr),
}

impl Kind {
    /// The kind of stream that a method opens; `None`: it answers once.
    fn of(path: &str) -> Option<Self> {
        match path {
            "/grpc.health.v1.Health/Watch" => Some(Self::Watch),
            _ if path.starts_with("/grpc.reflection.") => Some(Self::Reflection),
            _ if path.starts_with("/grpc.") || intake::answers_once(path) => None,
            _ => Some(Self::Record),
        }
    }

    fn share(self) -> usize {
        match self {
            Self::Record => MOST_OF_RECORD,
            Self::Reflection => MOST_REFLECTIONS / 4 * 3,
            Self::Watch => MOST_WATCHES / 4 * 3,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Record => "streams",
            Self::Reflection => "reflection streams",
            Self::Watch => "watches of health",
        }
    }
}

impl CallerKey {
    fn of(extensions: &Extensions) -> Option<Self> {
        if let Some(identity) = Caller::of(extensions).recorded_by() {
            return Some(Self::Identity(identity));
        }
        let peer = peer_of(extensions.get::<ConnectionInfo>()?.origin.address?.ip());
        (!peer.is_loopback()).then_some(Self::Peer(peer))
    }
}

impl Shares {
    /// Opens one more stream, unless its caller has as many as one may have.
    fn open(&self, kind: Kind, caller: CallerKey) -> Result<Open, RpcError> {
        let key = (kind, caller);
        let mut streams = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = streams.entry(key.clone()).or_default();
        let share = kind.share();
        if *count < share {
            *count += 1;
            drop(streams);
            return Ok(Open { shares: self.clone(), key });
        }
        let caller = match &key.1 {
            CallerKey::Identity(name) => format!("{name:?}"),
            CallerKey::Peer(_) => "this address".to_owned(),
        };
        let message = format!(
            "{caller} has {share} {} open, and one caller may have no more; end some",
            kind.name()
        );
        Err(overloaded(message).with("streams", share))
    }
}

impl Around for Shares {
    fn around<E: Send + 'static>(
        &self,
        request: HttpRequest,
        within: impl FnOnce(HttpRequest) -> Answer<E>,
    ) -> Answer<E> {
        let kind = Kind::of(request.uri().path());
        let open = match kind.zip(CallerKey::of(request.extensions())) {
            None => return within(request),
            Some((kind, caller)) => self.open(kind, caller),
        };
        let open = match open {
            Ok(open) => open,
            Err(refusal) => {
                return Box::pin(std::future::ready(Ok(Status::from(refusal).into_http())));
            }
        };
        let answer = within(request);
        Box::pin(async move {
            let response = answer.await?;
            Ok(response.map(|body| Body::new(open.held_by(body))))
        })
    }
}

/// One stream, open until it is dropped.
#[derive(Debug)]
struct Open {
    shares: Shares,
    key: Key,
}

impl Open {
    /// The body of the stream, which counts until it is dropped: each frame passes as it is.
    fn held_by(self, body: Body) -> impl http_body::Body<Data = Bytes, Error = Status> {
        body.map_frame(move |frame| {
            let _held = &self;
            frame
        })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut streams = self.shares.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Occupied(mut count) = streams.entry(self.key.clone()) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;

    use super::*;
    use crate::{engine::Streams, grpc::origin::Origin};

    fn identity(name: &str) -> CallerKey {
        CallerKey::Identity(name.into())
    }

    fn from(address: &str) -> Option<CallerKey> {
        let address = Some(address.parse().unwrap());
        let mut extensions = Extensions::new();
        extensions.insert(ConnectionInfo::from(Origin { address, ..Origin::default() }));
        CallerKey::of(&extensions)
    }

    #[test]
    fn one_caller_takes_no_more_than_its_share_and_leaves_the_rest_to_others() {
        let shares = Shares::default();
        for kind in [Kind::Record, Kind::Reflection, Kind::Watch] {
            let open = |name: &str| shares.open(kind, identity(name));
            let mut held: Vec<_> = (0..kind.share()).map(|_| open("desk").unwrap()).collect();
            let refusal = Status::from(open("desk").unwrap_err());
            assert_eq!(refusal.get_details_error_info().unwrap().reason, "OVERLOADED");
            let said = format!("\"desk\" has {} {} open", held.len(), kind.name());
            assert!(refusal.message().starts_with(&said), "{}", refusal.message());
            held.push(open("press").unwrap());
            held.remove(0);
            held.push(open("desk").unwrap());
        }
        assert!(shares.0.lock().unwrap().is_empty(), "nothing is kept of callers without streams");
    }

    #[test]
    fn a_share_is_three_quarters_of_what_all_have() {
        let of_all = Streams::default().open_streams().limit;
        assert_eq!(MOST_OF_RECORD as u64 * 4, of_all * 3);
    }

    #[test]
    fn a_caller_without_credentials_is_its_peer_and_this_machine_is_none() {
        assert_eq!(from("10.0.0.1:1"), from("[::ffff:10.0.0.1]:2"));
        assert!(from("10.0.0.1:1").is_some());
        assert_eq!(from("[2001:db8::1]:1"), from("[2001:db8::2]:1"), "one network");
        assert_ne!(from("10.0.0.1:1"), from("10.0.0.2:1"));
        assert_eq!((from("127.0.0.1:1"), from("[::1]:1")), (None, None));
    }

    #[test]
    fn what_answers_with_a_stream_counts_and_nothing_else() {
        let service = "/handover.v1.EventStoreService";
        for (path, kind) in [
            (&*format!("{service}/Subscribe"), Some(Kind::Record)),
            (&format!("{service}/AppendStream"), Some(Kind::Record)),
            (&format!("{service}/Append"), None),
            (
                "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                Some(Kind::Reflection),
            ),
            ("/grpc.health.v1.Health/Watch", Some(Kind::Watch)),
            ("/grpc.health.v1.Health/Check", None),
        ] {
            assert_eq!(Kind::of(path), kind, "{path}");
        }
    }
}
