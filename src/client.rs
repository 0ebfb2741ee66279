//! The client for services that follow the record: it retries what is safe to retry, resumes where
//! it was, and decides again where others were faster.
//!
//! | to | call | what it takes care of |
//! |---|---|---|
//! | append events | [`Client::append`] | request ids: a retry never records anything twice |
//! | read, decide, append | [`Client::update`] | reads and decides again when others wrote first |
//! | follow the log | [`Client::subscribe`] | resumes after the last handled position |
//! | watch figures | [`Client::watch_counts`] | resumes with what has changed since |
//! | watch an exchange | [`Client::watch_exchange`] | the same |
//! | share work with others | [`Client::consume`] | credit, order within a stream, answers |
//! | ask for figures and lists | [`Client::retried`] | retries; the calls are those of [`Calls`] |
//!
//! # Retry and update are different things
//!
//! A **retry** repeats the same request because its answer did not arrive or the server was not
//! ready. The request id makes that safe: what was recorded already is answered, and not recorded
//! again. The appends of other clients have nothing to do with it.
//!
//! An **update** is for a decision that rests on what was read. When another client has written
//! first, the server answers ABORTED, and the same request would be wrong: the client reads what is
//! new and calls for a new decision, with a new request id. [`Client::append`] therefore never
//! retries ABORTED, and [`Client::update`] never repeats a decision.
//!
//! ```no_run
//! use handover::client::{Append, Client};
//! use handover::domain::proto::{ExchangeReported, StatementMade};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::lazy("http://127.0.0.1:50051")?;
//! let said = StatementMade::default(); // filled in, of course
//! let noted = ExchangeReported::default();
//! let receipt = client
//!     .append(Append::new().event(said).event_in("exchange/demo-1", noted))
//!     .await?;
//! println!("recorded at {}", receipt.first_position);
//! # Ok(())
//! # }
//! ```

mod append;
mod attempts;
mod consume;
mod read;
mod retry;
mod subscribe;
mod update;
mod watch;

pub use append::{Append, Event};
pub use consume::{Consumer, Delivery, Verdict};
pub use retry::{CallError, Retry};
pub use subscribe::{Follow, Followed, Mark, Start, Subscription};
pub use update::{Update, UpdateError};
pub use watch::{Watch, Watched};

use std::sync::Arc;

use tokio::sync::OnceCell;

use crate::domain::proto::{GetHeadRequest, GetHeadResponse};
pub use crate::grpc::client::{
    Client as Calls, ClientError, ClientErrorKind, ClientTls, ClientToken, HistoryChange,
};

/// A client with patience. Cloning is cheap; clones share one connection, and the store.
///
/// Positions and revisions are valid in one store only. So a client that appends, reads, follows,
/// watches or consumes gets the name of the server's store with its first such call, and sends it
/// with every one. If another store is at the address later, the call ends with
/// [`ClientErrorKind::AnotherStore`], and nothing is recorded there.
///
/// The name says the history too. If the store was restored from a backup meanwhile, what rests on
/// positions beyond the branch ends with [`ClientErrorKind::HistoryChanged`]. The program undoes
/// what it made of later events and goes on with [`Client::of_store`] and the name in the error.
#[derive(Clone, Debug)]
pub struct Client {
    calls: Calls,
    retry: Retry,
    /// The store's name, once it is known.
    store: Arc<OnceCell<String>>,
}

impl Client {
    /// A client of the server at `address`, as in `http://127.0.0.1:50051`; the scheme may be left
    /// out. It connects with the first call, and again whenever the connection was lost, so a
    /// server that is not there yet is no error here.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn lazy(address: &str) -> Result<Self, ClientError> {
        Ok(Self::over(Calls::lazy(address)?))
    }

    /// The same by TLS, with the certificates of `tls`; without a scheme, by `https://`.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn lazy_with(address: &str, tls: &ClientTls) -> Result<Self, ClientError> {
        Ok(Self::over(Calls::lazy_with(address, tls)?))
    }

    /// The same client, which logs in by a token. A token that would be sent in plain text to
    /// another machine is refused. Earlier clones are not affected.
    pub fn with_token(self, token: ClientToken) -> Result<Self, ClientError> {
        Ok(Self { calls: self.calls.with_token(token)?, ..self })
    }

    /// A client over a connection that is already there.
    pub fn over(calls: Calls) -> Self {
        Self { calls, retry: Retry::default(), store: Arc::default() }
    }

    /// The same client for the store of this name, which a program keeps beside a position. Earlier
    /// clones are not affected.
    #[must_use]
    pub fn of_store(self, name: impl Into<String>) -> Self {
        Self { store: Arc::new(OnceCell::new_with(Some(name.into()))), ..self }
    }

    /// The name of the store, for programs to keep beside a position. The client gets it once.
    pub async fn store(&self) -> Result<String, CallError> {
        retry::retried(self.retry, || self.named_store()).await
    }

    /// The same, tried once. Empty: the server is older and gives no name.
    async fn named_store(&self) -> Result<String, ClientError> {
        match self.store.get() {
            Some(name) => Ok(name.clone()),
            None => Ok(self.head().await?.store),
        }
    }

    /// The head of the log, if it is that of the store that this client is for.
    async fn head(&self) -> Result<GetHeadResponse, ClientError> {
        let head = self.calls.get_head(GetHeadRequest::default()).await?;
        let store = self.store.get_or_init(|| std::future::ready(head.store.clone())).await;
        if of_one_store(store, &head.store) {
            return Ok(head);
        }
        Err(ClientError::another_store(store, &head.store))
    }

    /// The same client with another patience.
    #[must_use]
    pub fn with_retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// The calls of the services, each tried once.
    pub fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Asks a question until there is an answer, as patiently as an append. The call must be safe
    /// to repeat, which questions are.
    ///
    /// ```no_run
    /// # type Done = Result<(), Box<dyn std::error::Error>>;
    /// # async fn example(client: handover::client::Client) -> Done {
    /// use handover::domain::proto::GetCountryCountsRequest;
    /// let countries = vec!["DE".to_owned()];
    /// let request = GetCountryCountsRequest { countries, ..Default::default() };
    /// let answer = client
    ///     .retried(|calls| {
    ///         let request = request.clone();
    ///         async move { calls.country_counts(request).await }
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn retried<T, F>(&self, mut call: impl FnMut(Calls) -> F) -> Result<T, CallError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        retry::retried(self.retry, || call(self.calls.clone())).await
    }
}

/// Whether two names are of one store; their histories may differ, which the server compares.
fn of_one_store(one: &str, other: &str) -> bool {
    let store = |name: &str| name.split('#').next().map(str::to_owned);
    store(one) == store(other)
}
