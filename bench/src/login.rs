//! How the clients of a bench connect: in plain text, or by TLS with a token.

use std::{
    ffi::OsString,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use handover::{
    cli::exit::{Exit, Failure},
    grpc::{
        client::{Client, ClientToken},
        tls::ClientTls,
    },
};
use rcgen::{CertificateParams, KeyPair};

use super::process::{Role, run};

/// What a client shows and trusts; by default nothing, in plain text.
#[derive(Clone, Debug, Default)]
pub(super) struct Login {
    tls: ClientTls,
    token: Option<ClientToken>,
}

impl Login {
    /// Connects.
    pub(super) async fn connect(&self, address: &str) -> Result<Client, Failure> {
        let client = Client::connect_with(address, &self.tls).await?;
        match &self.token {
            Some(token) => Ok(client.with_token(token.clone())?),
            None => Ok(client),
        }
    }
}

/// A server with TLS and tokens: its arguments, and how its clients connect.
#[derive(Debug)]
pub(super) struct Secured {
    pub(super) arguments: Vec<OsString>,
    pub(super) login: Login,
}

impl Secured {
    /// Writes a certificate and a file of tokens into `folder`, in place of those of an earlier
    /// case. The certificate signs itself, so that it is also the authority that clients trust.
    pub(super) async fn new(folder: &Path) -> Result<Self, Failure> {
        let (cert, key) = certificate(folder)?;
        let tokens = folder.join("tokens");
        // The earlier token has the same name, and two of one name are refused.
        match fs::remove_file(&tokens) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        let arguments = vec![
            "--tls-cert".into(),
            cert.clone().into(),
            "--tls-key".into(),
            key.into(),
            "--tokens".into(),
            tokens.clone().into(),
        ];
        let token = token(folder, &tokens).await?;
        let tls = ClientTls { ca: Some(cert), ..ClientTls::default() };
        Ok(Self { arguments, login: Login { tls, token: Some(token) } })
    }
}

/// Makes a token that may read and record.
async fn token(folder: &Path, tokens: &Path) -> Result<ClientToken, Failure> {
    let words = ["create", "--name", "bench", "--role", "reader,recorder", "--tokens"];
    let mut arguments: Vec<OsString> = words.map(OsString::from).into();
    arguments.push(tokens.into());
    let printed = run(Role::Token, arguments, &folder.join("log")).await?;
    Ok(ClientToken::parse(&printed)?)
}

fn certificate(folder: &Path) -> Result<(PathBuf, PathBuf), Failure> {
    let failed = |error: rcgen::Error| Failure::new(Exit::Failed, error.to_string());
    let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).map_err(failed)?;
    let key = KeyPair::generate().map_err(failed)?;
    let made = params.self_signed(&key).map_err(failed)?;
    let cert = write(folder, "server.pem", &made.pem())?;
    Ok((cert, write(folder, "server.key", &key.serialize_pem())?))
}

/// Writes a file that only its owner may read.
fn write(folder: &Path, name: &str, text: &str) -> Result<PathBuf, Failure> {
    let path = folder.join(name);
    fs::write(&path, text)?;
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
    Ok(path)
}
