//! Scrapes a server's metrics as Prometheus does, until it is dropped.

use std::time::Duration;

use handover::cli::exit::{Exit, Failure};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use crate::subject::Subject;

/// How often: fifteen times as often as Prometheus does by default.
const EVERY: Duration = Duration::from_secs(1);
const REQUEST: &[u8] = b"GET /metrics HTTP/1.1\r\nHost: bench\r\nConnection: close\r\n\r\n";

/// A task that scrapes.
#[derive(Debug)]
pub(super) struct Scraper(JoinHandle<()>);

impl Scraper {
    /// Scrapes once, so that a server without metrics is an error, and then again and again.
    pub(super) async fn start(subject: &Subject) -> Result<Self, Failure> {
        let url = subject.process()?.metrics.clone();
        let address = url.as_deref().and_then(address).map(ToOwned::to_owned);
        let Some(address) = address else {
            return Err(Failure::new(Exit::Failed, "the server has announced no metrics"));
        };
        scrape(&address).await?;
        Ok(Self(tokio::spawn(async move {
            let mut ticks = interval(EVERY);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                // The server goes before the scraper does at the end of a case.
                let _ = scrape(&address).await;
            }
        })))
    }
}

impl Drop for Scraper {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Address and port of a URL such as `http://127.0.0.1:9090/metrics`.
fn address(url: &str) -> Option<&str> {
    url.strip_prefix("http://")?.split('/').next()
}

async fn scrape(address: &str) -> Result<(), Failure> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(REQUEST).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    if answer.starts_with(b"HTTP/1.1 200") {
        return Ok(());
    }
    let problem = String::from_utf8_lossy(&answer).into_owned();
    Err(Failure::new(Exit::Failed, format!("the metrics were not answered: {problem}")))
}
