//! What the settings of TLS mean together.

use std::path::PathBuf;

use super::{Settings, values::ClientAuth};
use crate::grpc::tls::{ClientCertificates, TlsFiles};

impl Settings {
    /// The files of TLS; `None`: the server speaks plain text.
    pub(crate) fn tls_files(&self) -> anyhow::Result<Option<TlsFiles>> {
        let (cert, key) = match (&self.tls_cert, &self.tls_key) {
            (Some(cert), Some(key)) => (cert.clone(), key.clone()),
            (None, None) if self.tls_client_ca.is_some() || self.tls_client_auth.is_some() => {
                anyhow::bail!(
                    "tls-client-ca and tls-client-auth are for a server with tls-cert and tls-key"
                );
            }
            (None, None) => return Ok(None),
            (Some(_), None) => anyhow::bail!("tls-cert: tls-key has to be given as well"),
            (None, Some(_)) => anyhow::bail!("tls-key: tls-cert has to be given as well"),
        };
        Ok(Some(TlsFiles { cert, key, clients: self.client_certificates()? }))
    }

    fn client_certificates(&self) -> anyhow::Result<ClientCertificates> {
        match (self.tls_client_auth, &self.tls_client_ca) {
            (None, None) | (Some(ClientAuth::Off), _) => Ok(ClientCertificates::Off),
            (Some(ClientAuth::Optional), Some(ca)) => Ok(ClientCertificates::Optional(ca.clone())),
            (None | Some(ClientAuth::Required), Some(ca)) => {
                Ok(ClientCertificates::Required(ca.clone()))
            }
            (Some(ClientAuth::Optional | ClientAuth::Required), None) => anyhow::bail!(
                "tls-client-auth: tls-client-ca has to name the authorities of clients"
            ),
        }
    }

    /// The paths among the settings, by key. A path need not be UTF-8, but what goes through the
    /// layers is.
    pub(super) fn paths(&mut self) -> [(&'static str, &mut Option<PathBuf>); 5] {
        [
            ("tls-cert", &mut self.tls_cert),
            ("tls-key", &mut self.tls_key),
            ("tls-client-ca", &mut self.tls_client_ca),
            ("policy", &mut self.policy),
            ("tokens", &mut self.tokens),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

    use clap::Parser as _;

    use super::*;
    use crate::config::tests::{Alone, settings};

    #[test]
    fn the_file_names_what_flags_do_not() {
        let file = "tls-cert = '/file.pem'\ntls-key = '/file.key'\ntls-client-ca = '/ca.pem'";
        let found = settings(&["--tls-key", "/flag.key"], Some(file)).unwrap();
        let files = found.tls_files().unwrap().unwrap();
        assert_eq!((files.cert, files.key), ("/file.pem".into(), "/flag.key".into()));
        assert_eq!(files.clients, ClientCertificates::Required("/ca.pem".into()));
        assert_eq!(settings(&[], None).unwrap().tls_files().unwrap(), None);
    }

    #[test]
    fn a_path_that_is_not_utf_8_stays_as_it_was_given() {
        let path = OsStr::from_bytes(b"/tls/\xff");
        let flags = [OsStr::new("serve"), OsStr::new("--tls-cert"), path];
        let mut args = Alone::try_parse_from(flags).unwrap().args;
        let file = tempfile::NamedTempFile::new().unwrap();
        args.config = Some(file.path().to_owned());
        assert_eq!(args.settings().unwrap().tls_cert, Some(PathBuf::from(path)));
    }
}
