//! Clients over connections that the program makes itself, over a simulated network for example.

use std::io;

use http::Uri;
use hyper_util::rt::TokioIo;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    time::timeout,
};

use super::{Client, ClientError, connector::CONNECT_TIMEOUT, endpoint};

impl Client {
    /// Will connect to `address` as [`Self::lazy`] does, but over what `connect` makes, in plain
    /// text. There is one connection at a time, so streams beyond 960 at a time are refused.
    pub fn lazy_over<S, F>(
        address: &str,
        mut connect: impl FnMut(Uri) -> F + Send + 'static,
    ) -> Result<Self, ClientError>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
        F: Future<Output = io::Result<S>> + Send + 'static,
    {
        let connector = tower::service_fn(move |uri| {
            let connecting = timeout(CONNECT_TIMEOUT, connect(uri));
            async move { connecting.await?.map(TokioIo::new) }
        });
        let channel = endpoint(address, address.to_owned())?.connect_with_connector_lazy(connector);
        Ok(Self { exposed: Some(address.to_owned()), ..Self::from_channel(channel) })
    }
}
