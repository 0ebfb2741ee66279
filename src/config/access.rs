//! What the settings of access mean together, and what may be served to other machines.

use std::net::SocketAddr;

use super::Settings;
use crate::grpc::access::AccessFiles;

impl Settings {
    /// The files that say who may do what; `None`: all may do everything.
    pub(crate) fn access_files(&self) -> Option<AccessFiles> {
        let files = AccessFiles { policy: self.policy.clone(), tokens: self.tokens.clone() };
        (files != AccessFiles::default()).then_some(files)
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
}

/// Whether other machines can connect to an address.
pub(crate) fn is_reached_by_others(address: SocketAddr) -> bool {
    !address.ip().to_canonical().is_loopback()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::tests::settings;

    #[test]
    fn other_machines_are_served_with_tls_and_a_policy_or_if_that_is_permitted() {
        let problem = |flags: &[&str], address: &str| {
            let settings = settings(flags, None).unwrap();
            settings.check_exposure(address.parse().unwrap()).err().map(|error| error.to_string())
        };
        let tls = ["--tls-cert", "a", "--tls-key", "b"];
        let both = [&tls[..], &["--policy", "p"]].concat();
        let all = "10.0.0.1:1";
        assert_eq!(problem(&[], "127.0.0.1:1"), None);
        assert_eq!(problem(&both, all), None);
        assert_eq!(problem(&[&tls[..], &["--tokens", "t"]].concat(), all), None);
        assert_eq!(problem(&["--insecure"], all), None);
        for (flags, named, not) in [
            (&[][..], "tls-cert and tls-key, and policy or tokens", "nothing else"),
            (&tls, "give policy or tokens", "encrypted"),
            (&["--policy", "p"], "give tls-cert and tls-key", "record"),
        ] {
            let problem = problem(flags, all).expect("it is refused");
            assert!(problem.contains(named) && problem.contains("insecure"), "{problem}");
            assert!(!problem.contains(not), "{problem}");
        }
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
