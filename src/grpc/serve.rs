//! The gRPC server: services, health, reflection, and the bounds of the transport.

use std::{io, sync::Arc, time::Duration};

use futures_util::{Stream, TryStreamExt as _, stream};
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
};
use tonic::{
    codec::CompressionEncoding,
    service::Routes,
    transport::{Endpoint, Server, server::Router, server::TcpIncoming},
};
use tower::layer::util::{Identity, Stack};

use crate::{
    domain::{limits, proto},
    engine::Engine,
    grpc::{
        access::Guard,
        around::AroundLayer,
        client::Client,
        concerns::Concerns,
        connection::Connection,
        connections::Connections,
        foreign::ForeignStreams,
        health::Health,
        incoming::Incoming,
        intake::BoundedIntake,
        observer::Observer,
        outbound::Sending,
        peer_stream::PeerStream,
        peers::ConnectionLimits,
        protection::Protection,
        server_stubs::{
            backup_service_server::BackupServiceServer, claim_service_server::ClaimServiceServer,
            consumer_group_service_server::ConsumerGroupServiceServer,
            count_service_server::CountServiceServer,
            event_store_service_server::EventStoreServiceServer,
            exchange_service_server::ExchangeServiceServer,
            projection_service_server::ProjectionServiceServer,
            source_service_server::SourceServiceServer,
            statement_service_server::StatementServiceServer,
            status_service_server::StatusServiceServer,
            transfer_service_server::TransferServiceServer,
            verification_service_server::VerificationServiceServer,
        },
        service::Service,
        tls::{Handshakes, ServerTls},
        web::{Origins, WebLayer},
    },
};

/// Window of one stream: what a client may have sent before the server reads it.
const STREAM_WINDOW: u32 = 2 << 20;
/// Window of a connection. h2 lets half of it be small frames, so it bounds small acks as well.
const CONNECTION_WINDOW: u32 = 8 << 20;
/// Streams that one connection may have open.
const STREAMS_PER_CONNECTION: u32 = 1_024;
/// Streams that a client may have reset before the server has looked at them (rapid reset): more
/// than one read can hold on top of those after which a connection rests (`resets`). By h2's
/// default of 20 the connection would end with every other call on it.
const PENDING_RESETS: usize = 4_096;
/// Bytes of a request's headers that the transport takes. Clients learn this number and refuse to
/// send more. It is above the limit, so that the server refuses what is a little too much, with a
/// reason.
const HEADER_BYTES: u32 = 64 << 10;
const _: () = assert!(limits::HEADER_BYTES < HEADER_BYTES as usize);
/// How often a probe checks that a silent connection is still there, and how long its answer may
/// take.
const KEEPALIVE: (Duration, Duration) = (Duration::from_secs(20), Duration::from_secs(10));

/// A service that takes messages up to the limit, compressed or not, and answers alike. They come
/// here unpacked, and within the limits of [`BoundedIntake`]. (Generated services share no trait
/// that could say this.)
macro_rules! bounded {
    ($service:expr) => {
        $service
            .max_decoding_message_size(limits::REQUEST_BYTES)
            .accept_compressed(CompressionEncoding::Gzip)
            .send_compressed(CompressionEncoding::Gzip)
    };
}

/// What is served, apart from how it is listened to.
#[derive(Clone, Debug)]
pub struct Services {
    routes: Routes,
    layers: Layers,
    observer: Observer,
    /// Health of the services; not ready at first.
    pub health: Health,
}

/// What is around the calls of all services.
#[derive(Clone, Debug, Default)]
struct Layers {
    sending: Sending,
    origins: Origins,
    concerns: Concerns,
}

impl Services {
    /// All services over `engine`; with `reflection`, clients can ask which there are. Pages of
    /// `origins` may write.
    pub async fn new(engine: &Arc<Engine>, reflection: bool, origins: Origins) -> Self {
        let (reporter, health_service) = tonic_health::server::health_reporter();
        let health = Health::new(reporter).await;
        let concerns = Concerns {
            foreign: ForeignStreams::until(engine.stopping()),
            intake: BoundedIntake::prepared(),
            ..Concerns::default()
        };
        let observer = Observer::new(engine, &concerns.calls, &concerns.intake, &concerns.unread);
        let layers = Layers { sending: Sending(engine.streams()), origins, concerns };
        let service = Service(Arc::clone(engine));
        let mut routes = Routes::new(bounded!(health_service))
            .add_service(bounded!(EventStoreServiceServer::new(service.clone())))
            .add_service(bounded!(BackupServiceServer::new(service.clone())))
            .add_service(bounded!(ProjectionServiceServer::new(service.clone())))
            .add_service(bounded!(ConsumerGroupServiceServer::new(service.clone())))
            .add_service(bounded!(SourceServiceServer::new(service.clone())))
            .add_service(bounded!(StatementServiceServer::new(service.clone())))
            .add_service(bounded!(ExchangeServiceServer::new(service.clone())))
            .add_service(bounded!(TransferServiceServer::new(service.clone())))
            .add_service(bounded!(ClaimServiceServer::new(service.clone())))
            .add_service(bounded!(CountServiceServer::new(service.clone())))
            .add_service(bounded!(VerificationServiceServer::new(service)))
            .add_service(bounded!(StatusServiceServer::new(observer.clone())));
        if reflection {
            routes = with_reflection(routes);
        }
        Self { routes: routes.prepare(), layers, observer, health }
    }

    /// Serves so many connections at a time on `listener` until `stop`, protected as given; then
    /// waits for the calls under way.
    pub async fn listen(
        &self,
        listener: TcpListener,
        protection: Protection,
        limits: ConnectionLimits,
        stop: impl Future<Output = ()> + Send,
    ) -> io::Result<()> {
        let follows = follow_files(protection.clone());
        self.observer.protected_by(&protection);
        let Protection { tls, access, .. } = protection;
        let incoming = incoming(listener, limits, Arc::clone(&self.observer.connections));
        let served = listen(self.router(Guard(access)), incoming, tls, stop);
        tokio::select! {
            served = served => served,
            () = follows => Ok(()),
        }
    }

    /// Serves so many of `connections` at a time until `stop`, in plain text and without a policy;
    /// then waits for the calls under way. The program accepts the connections itself, over a
    /// simulated network for example.
    pub async fn serve_connections<S>(
        &self,
        connections: impl Stream<Item = io::Result<PeerStream<S>>> + Send + Unpin,
        limits: ConnectionLimits,
        stop: impl Future<Output = ()> + Send,
    ) -> io::Result<()>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let incoming = Incoming::new(connections, limits, Arc::clone(&self.observer.connections));
        let connections = incoming.map_ok(|admitted| {
            let origin = admitted.connection.origin();
            Connection::from_origin(admitted, origin)
        });
        let router = self.router(Guard::default());
        let served = router.serve_with_incoming_shutdown(connections, stop).await;
        served.map_err(io::Error::other)
    }

    /// What the server reports of itself.
    pub fn observer(&self) -> &Observer {
        &self.observer
    }

    fn router(&self, guard: Guard) -> Bounded {
        let mut layers = self.layers.clone();
        layers.concerns.guard = guard;
        bounded(self.routes.clone(), layers)
    }

    /// A client of these services that needs no network, and that may do everything.
    pub async fn in_process(&self) -> io::Result<Client> {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let connection = stream::iter([Ok::<_, io::Error>(theirs)]);
        tokio::spawn(self.router(Guard::default()).serve_with_incoming(connection));
        let mut ours = Some(ours);
        let connector = tower::service_fn(move |_| {
            let ours = ours.take().map(TokioIo::new);
            std::future::ready(ours.ok_or_else(|| io::Error::other("the connection has ended")))
        });
        let endpoint = Endpoint::from_static("http://in-process");
        let channel = endpoint.connect_with_connector(connector).await;
        channel.map(Client::from_channel).map_err(io::Error::other)
    }
}

/// Serves `routes` of a program's own to at most so many connections at a time on `listener` until
/// `stop`. The transport has the same bounds as that of [`Services`].
pub async fn routes(
    routes: Routes,
    listener: TcpListener,
    connections: usize,
    stop: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let concerns = Concerns { intake: BoundedIntake::prepared(), ..Concerns::default() };
    let layers = Layers { concerns, ..Layers::default() };
    let bounded = bounded(routes.prepare(), layers);
    let limits = ConnectionLimits::new(connections, None);
    listen(bounded, incoming(listener, limits, Arc::default()), None, stop).await
}

/// What is served and how its transport is bounded.
type Bounded =
    Router<Stack<AroundLayer<Concerns>, Stack<WebLayer, Stack<AroundLayer<Sending>, Identity>>>>;

/// So many connections at a time on `listener`, each counted.
fn incoming(
    listener: TcpListener,
    limits: ConnectionLimits,
    connections: Arc<Connections>,
) -> Incoming<TcpIncoming> {
    // No-delay and keepalive are taken from here, not from the server's settings. HTTP/1 has no
    // pings, so it is the system that finds out that a page has gone without a word.
    let incoming = TcpIncoming::from(listener)
        .with_nodelay(Some(true))
        .with_keepalive(Some(KEEPALIVE.0))
        .with_keepalive_interval(Some(KEEPALIVE.1));
    Incoming::new(incoming, limits, connections)
}

/// Serves `router` to the connections that come, until `stop`.
async fn listen(
    router: Bounded,
    incoming: Incoming<TcpIncoming>,
    tls: Option<ServerTls>,
    stop: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let incoming = Handshakes::new(incoming, tls);
    let served = router.serve_with_incoming_shutdown(incoming, stop).await;
    served.map_err(io::Error::other)
}

/// Looks at the files of TLS and access, and fetches keys, for as long as it is awaited.
async fn follow_files(Protection { tls, access, .. }: Protection) {
    let of_tls = async {
        if let Some(tls) = tls {
            tls.follow_files().await;
        }
    };
    let of_access = async {
        if let Some(access) = access {
            tokio::join!(access.follow_files(), access.follow_keys());
        }
    };
    tokio::join!(of_tls, of_access, std::future::pending::<()>());
}

/// `routes` within `layers` and the bounds of the transport.
fn bounded(routes: Routes, layers: Layers) -> Bounded {
    let Layers { sending, origins, concerns } = layers;
    Server::builder()
        .accept_http1(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(STREAMS_PER_CONNECTION)
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS))
        // h2 would cut a connection after 1,024 of them in its whole life, which an ordinary client
        // reaches by calls that are answered before they have come whole. `resets` slows it down.
        .http2_max_local_error_reset_streams(None)
        .http2_max_header_list_size(HEADER_BYTES)
        .http2_keepalive_interval(Some(KEEPALIVE.0))
        .http2_keepalive_timeout(Some(KEEPALIVE.1))
        .layer(AroundLayer::new(sending))
        .layer(WebLayer(origins))
        .layer(AroundLayer::new(concerns))
        .add_routes(routes)
}

/// Both versions of reflection: some clients know only the older one.
fn with_reflection(routes: Routes) -> Routes {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let v1 = builder().build_v1().expect("the descriptors were checked when they were compiled");
    let v1alpha = builder().build_v1alpha().expect("the same descriptors as above");
    routes.add_service(bounded!(v1)).add_service(bounded!(v1alpha))
}
