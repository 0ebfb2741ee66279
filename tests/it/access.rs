//! Who may do what, over the real binary: logins, roles, categories, and how long they last.

mod audit;
mod categories;
mod certificates;
mod commands;
mod issuers;
mod jwt;
mod lasting;
mod matrix;
mod owners;
mod rates;
mod recorded;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
    sync::mpsc::Receiver,
};

use handover::{
    domain::access::{Categories, Role, Token, TokenHash, Tokens, token_from},
    grpc::client::{Client, ClientError, ClientErrorKind, ClientToken},
};
use time::{Duration, OffsetDateTime};

use crate::{
    lifecycle::{line_with, start_logged},
    support::{Held, data_dir},
};

/// A token that no file has.
const UNKNOWN: u8 = 255;

/// The token with this number.
pub(crate) fn secret(number: u8) -> String {
    token_from(&[number; 32])
}

/// What is kept of a token that has roles in some categories, or in all.
pub(crate) fn token(number: u8, name: &str, roles: &[Role], categories: &[&str]) -> Token {
    let now = OffsetDateTime::now_utc();
    let categories = match categories {
        [] => Categories::All,
        some => Categories::only(some).expect("categories"),
    };
    Token {
        name: name.to_owned(),
        hash: TokenHash::of(&secret(number)),
        roles: roles.to_vec(),
        categories,
        created: now,
        expires: None,
        revoked: None,
    }
}

/// The same token, which ended an hour ago.
fn expired(token: Token) -> Token {
    Token { expires: Some(OffsetDateTime::now_utc() - Duration::hours(1)), ..token }
}

/// Files of access, which go with the test.
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new(policy: &str, tokens: Vec<Token>) -> Self {
        let files = Self(tempfile::tempdir().expect("a temporary directory"));
        files.write("policy.toml", policy);
        files.put(tokens);
        files
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        let new = self.path("new");
        fs::write(&new, text).expect("it can be written");
        fs::set_permissions(&new, fs::Permissions::from_mode(0o600)).expect("it is ours");
        fs::rename(new, self.path(name)).expect("it can be renamed");
    }

    fn put(&self, tokens: Vec<Token>) {
        self.write("tokens.toml", &Tokens(tokens).written().expect("a file of tokens"));
    }

    /// The arguments of a server that uses both.
    pub(crate) fn arguments(&self) -> Vec<String> {
        let text = |name| self.path(name).to_str().expect("UTF-8").to_owned();
        ["--policy".to_owned(), text("policy.toml"), "--tokens".to_owned(), text("tokens.toml")]
            .to_vec()
    }
}

/// A server that controls access, with its log.
struct Guarded {
    files: Files,
    child: Held,
    log: Receiver<String>,
    address: String,
    /// Where its metrics are, if they are anywhere.
    metrics: Option<String>,
    _data: tempfile::TempDir,
}

impl Guarded {
    fn start(policy: &str, tokens: Vec<Token>) -> Self {
        Self::start_with(policy, tokens, &[])
    }

    fn start_with(policy: &str, tokens: Vec<Token>, more: &[&str]) -> Self {
        let files = Files::new(policy, tokens);
        let arguments = files.arguments();
        let mut arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        arguments.extend(more);
        let (data_dir, data) = data_dir();
        let (child, log) = start_logged(&data, "127.0.0.1:0", &arguments);
        let started = line_with(&log, "starting");
        let after = |key| started.split(key).nth(1).and_then(|rest| rest.split(' ').next());
        let address = format!("http://{}", after(" address=").expect("it is in the line"));
        let metrics = after(" metrics=").map(str::to_owned);
        line_with(&log, "serving");
        Self { files, child, log, address, metrics, _data: data_dir }
    }

    /// A client without credentials.
    async fn stranger(&self) -> Client {
        Client::connect(&self.address).await.expect("the server can be reached")
    }

    /// A client with the token of this number.
    async fn client(&self, number: u8) -> Client {
        let token = ClientToken::parse(&secret(number)).expect("a token");
        self.stranger().await.with_token(token).expect("it is this machine")
    }

    /// Has the files read again, and waits until the log says what came of it.
    fn reload(&self, expected: &str) -> String {
        let id = self.child.0.id().to_string();
        let sent = Command::new("kill").args(["-HUP", &id]).status().expect("kill can be run");
        assert!(sent.success());
        line_with(&self.log, expected)
    }
}

/// The reason of a refusal that says what the caller may not do.
#[track_caller]
fn refused<T: std::fmt::Debug>(outcome: Result<T, ClientError>) -> ClientError {
    let error = outcome.expect_err("it is refused");
    assert_eq!(error.kind, ClientErrorKind::Denied, "{error:?}");
    error
}

/// A file's permissions.
fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o7777
}
