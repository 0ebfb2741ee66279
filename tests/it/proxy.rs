//! A proxy between clients and servers that cuts connections, and stays where it is when the server
//! behind it is another one.

use std::{
    io,
    ops::Range,
    sync::{Arc, Mutex},
};

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What the connections share.
#[derive(Debug)]
struct Shared {
    /// Where the server is, as `host:port`.
    server: Mutex<String>,
    /// After how many bytes from the server a connection is cut, and the chance that draws it.
    lives: Mutex<Option<(Range<usize>, StdRng)>>,
    opened: watch::Sender<usize>,
    cut: watch::Sender<()>,
    /// What is said to the server in the client's name.
    inserted: watch::Sender<&'static [u8]>,
}

/// A running proxy, on this machine only; it ends with the test.
#[derive(Clone, Debug)]
pub(crate) struct Proxy {
    pub(crate) address: String,
    shared: Arc<Shared>,
}

impl Proxy {
    pub(crate) async fn start(server: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let shared = Arc::new(Shared {
            server: Mutex::new(bare(server)),
            lives: Mutex::new(None),
            opened: watch::Sender::new(0),
            cut: watch::Sender::new(()),
            inserted: watch::Sender::new(&[]),
        });
        let accepting = Arc::clone(&shared);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let shared = Arc::clone(&accepting);
                tokio::spawn(async move { shared.pass(client).await });
            }
        });
        Self { address, shared }
    }

    /// The server is at another address now.
    pub(crate) fn point_at(&self, server: &str) {
        *self.shared.server.lock().expect("no test panics here") = bare(server);
    }

    /// Cuts every connection that is there.
    pub(crate) fn cut(&self) {
        self.shared.cut.send_replace(());
    }

    /// Says something to the server in the name of every client that is silent now.
    pub(crate) fn insert(&self, bytes: &'static [u8]) {
        self.shared.inserted.send_replace(bytes);
    }

    /// From now on each new connection lives for so many bytes from the server; `None`: for ever.
    pub(crate) fn lives(&self, bytes: Option<Range<usize>>, seed: u64) {
        let lives = bytes.map(|bytes| (bytes, StdRng::seed_from_u64(seed)));
        *self.shared.lives.lock().expect("no test panics here") = lives;
    }

    /// How many connections were made.
    pub(crate) fn opened(&self) -> usize {
        *self.shared.opened.borrow()
    }
}

fn bare(address: &str) -> String {
    address.trim_start_matches("http://").to_owned()
}

impl Shared {
    /// Passes bytes on until the connection has lived long enough; then both sides are closed.
    async fn pass(&self, client: TcpStream) -> io::Result<()> {
        self.opened.send_modify(|opened| *opened += 1);
        let mut cut = self.cut.subscribe();
        let server = self.server.lock().expect("no test panics here").clone();
        let life = match &mut *self.lives.lock().expect("no test panics here") {
            Some((bytes, chance)) => chance.random_range(bytes.clone()),
            None => usize::MAX,
        };
        let (mut from_server, mut to_server) = TcpStream::connect(server).await?.into_split();
        let (mut from_client, mut to_client) = client.into_split();
        let mut inserted = self.inserted.subscribe();
        let forwards = async {
            let mut bytes = vec![0; 1 << 16];
            loop {
                tokio::select! {
                    read = from_client.read(&mut bytes) => match read? {
                        0 => return io::Result::Ok(()),
                        read => to_server.write_all(&bytes[..read]).await?,
                    },
                    Ok(()) = inserted.changed() => {
                        let bytes = *inserted.borrow_and_update();
                        to_server.write_all(bytes).await?;
                    }
                }
            }
        };
        let backwards = async {
            let (mut left, mut bytes) = (life, vec![0; 1 << 16]);
            loop {
                let read = from_server.read(&mut bytes).await?;
                let passed = read.min(left);
                to_client.write_all(&bytes[..passed]).await?;
                left -= passed;
                if read == 0 || left == 0 {
                    return io::Result::Ok(());
                }
            }
        };
        tokio::select! {
            done = forwards => done,
            done = backwards => done,
            _ = cut.changed() => Ok(()),
        }
    }
}
