//! How the real client connects over the simulated network, and how the real server accepts.

use std::{io, net::Ipv4Addr};

use futures_util::{Stream, stream};
use handover::{
    client::Client,
    grpc::{client::Client as Calls, peer_stream::PeerStream},
};
use turmoil::net::{TcpListener, TcpStream};

/// The host of the server.
pub(super) const SERVER: &str = "server";
const PORT: u16 = 50_051;

/// A client of the server, on the host that runs this.
pub(super) fn client() -> Client {
    let address = format!("http://{SERVER}:{PORT}");
    let calls = Calls::lazy_over(&address, |_| TcpStream::connect((SERVER, PORT)));
    Client::over(calls.expect("it is an address"))
}

/// The connections that come to the host that runs this.
pub(super) async fn connections()
-> io::Result<impl Stream<Item = io::Result<PeerStream<TcpStream>>> + Send + Unpin> {
    let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, PORT)).await?;
    Ok(Box::pin(stream::unfold(listener, |listener| async {
        let accepted = listener.accept().await;
        Some((accepted.map(|(stream, peer)| PeerStream { stream, peer }), listener))
    })))
}
