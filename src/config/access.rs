//! What the settings of access mean together.

use super::Settings;
use crate::grpc::access::AccessFiles;

impl Settings {
    /// The files that say who may do what; `None`: all may do everything.
    pub(crate) fn access_files(&self) -> Option<AccessFiles> {
        let files = AccessFiles { policy: self.policy.clone(), tokens: self.tokens.clone() };
        (files != AccessFiles::default()).then_some(files)
    }
}

#[cfg(test)]
mod tests {
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
}
