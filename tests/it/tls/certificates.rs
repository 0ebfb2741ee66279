//! Authorities and certificates, and the files that they are in.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
};

/// What issues certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// A certificate and its key, in PEM.
#[derive(Clone)]
pub(crate) struct Pair {
    pub(crate) cert: String,
    pub(crate) key: String,
    /// The certificate as it is shown in a handshake.
    pub(crate) der: Vec<u8>,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::<String>::new()).expect("parameters");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let pem = params.self_signed(&key).expect("a certificate").pem();
        Self { issuer: Issuer::new(params, key), pem }
    }

    /// A certificate for a server on this machine.
    pub(crate) fn server(&self) -> Pair {
        self.issue(&["localhost", "127.0.0.1"], |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        })
    }

    /// A certificate for a client.
    pub(crate) fn client(&self) -> Pair {
        self.issue(&["desk.example"], |params| {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        })
    }

    /// A certificate for these names, otherwise as `change` leaves it.
    pub(crate) fn issue(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
    ) -> Pair {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(names).expect("parameters");
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let made = params.signed_by(&key, &self.issuer).expect("a certificate");
        Pair { cert: made.pem(), key: key.serialize_pem(), der: made.der().to_vec() }
    }
}

/// A folder with files of TLS, which goes with the test.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary directory"))
    }

    /// Writes a file that only its owner may read.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, text).expect("it can be written");
        set_mode(&path, 0o600);
        path
    }

    /// Writes `NAME.pem` and `NAME.key`.
    pub(crate) fn pair(&self, name: &str, pair: &Pair) -> (PathBuf, PathBuf) {
        let cert = self.write(&format!("{name}.pem"), &pair.cert);
        (cert, self.write(&format!("{name}.key"), &pair.key))
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts a new pair in place of `NAME.pem` and `NAME.key`, each by a rename.
    pub(crate) fn replace(&self, name: &str, pair: &Pair) {
        let (cert, key) = self.pair("new", pair);
        fs::rename(cert, self.path(&format!("{name}.pem"))).expect("it can be renamed");
        fs::rename(key, self.path(&format!("{name}.key"))).expect("it can be renamed");
    }
}

pub(crate) fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode can be set");
}
