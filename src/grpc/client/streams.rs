//! The connections that a client's streams go over.
//!
//! A server carries a bounded number of calls on one connection (1,024). A call beyond that waits
//! in silence until another one ends, which a stream may never do, and every other call of the
//! client waits behind it. So a connection gets fewer streams than that, and the next ones get a
//! connection of their own.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::transport::Channel;

use super::{ClientError, ClientErrorKind, connector::Connector};

/// Streams on one connection. The rest of the 1,024 calls is for answers that come at once.
const STREAMS: usize = 960;

/// The connections, the client's own first.
#[derive(Debug)]
pub(super) struct Streams {
    /// Where others are made; absent: there is only the one.
    connector: Option<Connector>,
    connections: Mutex<Vec<Connection>>,
}

#[derive(Debug)]
struct Connection {
    channel: Channel,
    free: Arc<Semaphore>,
}

impl Connection {
    fn new(channel: Channel) -> Self {
        Self { channel, free: Arc::new(Semaphore::new(STREAMS)) }
    }
}

impl Streams {
    pub(super) fn new(channel: Channel, connector: Option<Connector>) -> Self {
        Self { connector, connections: Mutex::new(vec![Connection::new(channel)]) }
    }

    /// Whether what is sent can be read on its way to the server.
    pub(super) fn is_exposed(&self) -> bool {
        self.connector.as_ref().is_some_and(Connector::is_exposed)
    }

    /// A connection for one more stream, which lasts as long as the permit is held.
    pub(super) fn open(&self) -> Result<(Channel, OwnedSemaphorePermit), ClientError> {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        let mut own = true;
        connections.retain(|it| std::mem::take(&mut own) || it.free.available_permits() < STREAMS);
        let free = |it: &Connection| Arc::clone(&it.free).try_acquire_owned().ok();
        let found = connections.iter().find_map(|it| Some((it.channel.clone(), free(it)?)));
        if let Some(found) = found {
            return Ok(found);
        }
        let connector = self.connector.as_ref().ok_or_else(full)?;
        let connection = Connection::new(connector.connect_lazy());
        let permit = free(&connection).ok_or_else(full)?;
        let channel = connection.channel.clone();
        connections.push(connection);
        Ok((channel, permit))
    }
}

fn full() -> ClientError {
    let message = format!(
        "{STREAMS} streams are open on this connection already, so nothing was sent; \
         end some, or connect once more"
    );
    ClientError { unsent: true, ..ClientError::local(ClientErrorKind::Other, message) }
}
