//! What the settings of TLS mean together.

use std::{net::SocketAddr, path::PathBuf};

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

    /// Refuses to serve other machines in plain text or without a policy, unless that is permitted.
    pub(crate) fn check_exposure(&self, address: SocketAddr) -> anyhow::Result<()> {
        if self.insecure || !is_reached_by_others(address) {
            return Ok(());
        }
        let (harm, settings) = match (self.tls_cert.is_some(), self.access_files().is_some()) {
            (true, true) => return Ok(()),
            (false, true) => ("nothing would be encrypted", "tls-cert and tls-key"),
            (true, false) => ("each of them might record", "policy or tokens"),
            (false, false) => (
                "nothing would be encrypted, and each of them might record",
                "tls-cert and tls-key, and policy or tokens",
            ),
        };
        anyhow::bail!(
            "listen: other machines can reach {address}, and {harm}; give {settings}, listen on \
             127.0.0.1, or permit it with insecure"
        )
    }

    /// Refuses to serve metrics to other machines, unless that is permitted: they are never
    /// encrypted.
    pub(crate) fn check_exposure_of_metrics(&self, address: SocketAddr) -> anyhow::Result<()> {
        if self.insecure || !is_reached_by_others(address) {
            return Ok(());
        }
        anyhow::bail!(
            "metrics-listen: other machines can reach {address}, and metrics are plain text; \
             listen on 127.0.0.1, or permit it with insecure"
        )
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

/// Whether other machines can connect to an address.
pub(crate) fn is_reached_by_others(address: SocketAddr) -> bool {
    !address.ip().to_canonical().is_loopback()
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

    #[test]
    fn loopback_is_what_no_other_machine_reaches() {
        for (address, reached) in [
            ("127.0.0.1:1", false),
            ("127.8.0.1:1", false),
            ("[::1]:1", false),
            ("[::ffff:127.0.0.1]:1", false),
            ("0.0.0.0:1", true),
            ("[::]:1", true),
            ("10.0.0.1:1", true),
            ("[::ffff:10.0.0.1]:1", true),
        ] {
            assert_eq!(is_reached_by_others(address.parse().unwrap()), reached, "{address}");
        }
    }
}
