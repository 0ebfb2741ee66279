//! The token by which a client logs in, and the channel that sends it.

use std::{
    fs::File,
    io::Read as _,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    task::{Context, Poll},
};

use http::{HeaderValue, header::AUTHORIZATION};
use tonic::{
    body::Body,
    transport::{Channel, Error},
};
use tower::Service;

use super::{ClientError, ClientErrorKind};
use crate::domain::access::{PREFIX, is_jwt, is_token};

/// Bytes that a file with a token may have.
const FILE_BYTES: u64 = 16 << 10;
/// What others may not do with a token: anything.
const OTHERS: u32 = 0o077;

/// A token. It is in no error, log or debug output.
#[derive(Clone, Debug)]
pub struct ClientToken(HeaderValue);

impl ClientToken {
    /// A token as `handover token create` printed it, or a JWT; space around it is left out.
    pub fn parse(text: &str) -> Result<Self, ClientError> {
        Self::parsed(text, "the token")
    }

    /// The token in a file to which only its owner has access.
    pub fn read(path: &Path) -> Result<Self, ClientError> {
        let shown = path.display();
        let failed =
            |error: std::io::Error| wrong(format!("token-file: {shown} cannot be read: {error}"));
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let mode = metadata.permissions().mode() & 0o7777;
        if metadata.is_file() && mode & OTHERS != 0 {
            return Err(wrong(format!(
                "token-file: {shown} has mode {mode:04o}, which lets others than its owner use the \
                 token; `chmod 600 {shown}` mends that"
            )));
        }
        let mut text = String::new();
        file.take(FILE_BYTES).read_to_string(&mut text).map_err(failed)?;
        Self::parsed(&text, &format!("token-file: what {shown} holds"))
    }

    fn parsed(text: &str, what: &str) -> Result<Self, ClientError> {
        let token = text.trim();
        let header = HeaderValue::from_str(&format!("Bearer {token}")).ok();
        let Some(mut header) = header.filter(|_| is_token(token) || is_jwt(token)) else {
            let problem = format!(
                "{what} is no token: that begins with {PREFIX}, and 43 letters, digits, - and _ \
                 follow; or it is a JWT"
            );
            return Err(wrong(problem));
        };
        header.set_sensitive(true);
        Ok(Self(header))
    }
}

fn wrong(problem: String) -> ClientError {
    ClientError::local(ClientErrorKind::Invalid, problem)
}

/// A channel that sends a token with each call, if there is one. Every call but that of health goes
/// through it.
#[derive(Clone, Debug)]
pub(super) struct Authorized {
    channel: Channel,
    token: Option<ClientToken>,
}

impl Authorized {
    pub(super) fn over(channel: Channel, token: Option<ClientToken>) -> Self {
        Self { channel, token }
    }
}

impl Service<http::Request<Body>> for Authorized {
    type Response = http::Response<Body>;
    type Error = Error;
    type Future = <Channel as Service<http::Request<Body>>>::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        Service::poll_ready(&mut self.channel, context)
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        if let Some(ClientToken(header)) = &self.token {
            request.headers_mut().insert(AUTHORIZATION, header.clone());
        }
        Service::call(&mut self.channel, request)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::domain::access::token_from;

    #[test]
    fn what_is_no_token_is_refused_and_no_error_or_output_has_it() {
        let good = token_from(&[3; 32]);
        let token = ClientToken::parse(&format!(" {good}\n")).unwrap();
        assert!(!format!("{token:?}").contains(&good[4..]), "{token:?}");
        for bad in ["", "hdo_", &good[1..], &format!("{good}{good}"), &good.replace("hdo", "hda")] {
            let error = ClientToken::parse(bad).unwrap_err();
            assert_eq!(error.kind, ClientErrorKind::Invalid);
            assert!(!error.to_string().contains(&good[5..20]), "{error}");
        }
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        let missing = ClientToken::read(&path).unwrap_err().to_string();
        assert!(
            missing.contains("token-file: ") && missing.contains("cannot be read"),
            "{missing}"
        );
        fs::write(&path, format!("{}\n", token_from(&[3; 32]))).unwrap();
        let set = |mode| fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        set(0o640);
        let error = ClientToken::read(&path).unwrap_err().to_string();
        assert!(error.contains("mode 0640") && error.contains("chmod 600"), "{error}");
        set(0o400);
        ClientToken::read(&path).unwrap();
    }
}
