//! `handover bench-echo`: serves appends that are answered at once, for the bench to measure.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
};

use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};

use crate::{
    cli::exit::{Exit, Failure},
    grpc::echo,
};

/// What `bench-echo` can be asked for.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct EchoArgs {
    /// Address to listen on
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

/// Serves until it is told to stop.
pub(in crate::cli) async fn run(args: EchoArgs) -> Result<Exit, Failure> {
    let listener = TcpListener::bind(args.listen).await?;
    let mut terminate = signal(SignalKind::terminate())?;
    writeln!(io::stdout(), "serving on http://{}", listener.local_addr()?)?;
    io::stdout().flush()?;
    let stop = async move {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        }
    };
    echo::listen(listener, stop).await?;
    Ok(Exit::Done)
}
