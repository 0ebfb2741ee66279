//! Who may do what, as the files say it now, and when the files are taken up again.
//!
//! The contents are compared, not times, and a change is taken up when two looks in a row found it:
//! a file that is half written is not taken for one that does not fit. What does not fit leaves
//! what is in use.

use std::{
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval},
};

use super::{
    audit::Audit,
    files::{AccessErrors, AccessFiles, Contents},
    key_sets::{KeySets, Pace},
    rates::Rates,
};
use crate::{
    domain::access::{Issuer, Rights},
    grpc::{
        file_access::ReadBy,
        reloads::{ReloadUsage, Reloaded, Reloads},
    },
};

/// How often the files are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// What the files are of. They are taken up together, and each one that does not fit is reported.
const KINDS: [Reloaded; 3] = [Reloaded::Policy, Reloaded::Tokens, Reloaded::Keys];

/// Who may do what. Clones share what is in use.
#[derive(Clone)]
pub struct Access(Arc<Shared>);

struct Shared {
    files: AccessFiles,
    rights: watch::Sender<Arc<Rights>>,
    looks: Mutex<Looks>,
    reloads: Reloads,
    keys: KeySets,
    audit: Audit,
    rates: Rates,
}

/// What was found so far.
struct Looks {
    in_use: [u8; 32],
    last: [u8; 32],
}

impl fmt::Debug for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Access").field("files", &self.0.files).finish_non_exhaustive()
    }
}

impl Access {
    /// Reads the files for the first time; what does not fit is refused. Keys that are fetched are
    /// not there yet.
    pub fn load(files: AccessFiles) -> Result<Self, AccessErrors> {
        Self::load_with(files, Pace::default())
    }

    /// The same, with keys fetched at another pace.
    pub(super) fn load_with(files: AccessFiles, pace: Pace) -> Result<Self, AccessErrors> {
        let contents = files.read(ReadBy::Server);
        let rights = files.parsed(&contents)?;
        log("access is controlled", &rights);
        let in_use = contents.digest();
        let looks = Mutex::new(Looks { in_use, last: in_use });
        let rights = watch::Sender::new(Arc::new(rights));
        let (reloads, audit, rates) = (Reloads::default(), Audit::default(), Rates::default());
        let keys = KeySets::new(pace);
        keys.keep(rights.borrow().issuers(), Instant::now());
        Ok(Self(Arc::new(Shared { files, rights, looks, reloads, keys, audit, rates })))
    }

    /// Takes up what the files hold now, and logs what came of it. Keys are fetched anew.
    pub fn reload(&self) {
        self.0.keys.renew(Instant::now());
        let mut looks = self.0.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let contents = self.0.files.read(ReadBy::Server);
        looks.last = contents.digest();
        if looks.last == looks.in_use {
            self.fits();
            tracing::info!("access: the files hold what is in use");
            return;
        }
        self.take_up(&mut looks, &contents, true);
    }

    /// Takes up what has changed, if the look before found it as well.
    fn look(&self) {
        let mut looks = self.0.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let contents = self.0.files.read(ReadBy::Server);
        let found = contents.digest();
        let found_before = std::mem::replace(&mut looks.last, found) == found;
        if found == looks.in_use {
            if self.fits() {
                tracing::info!("access: the files hold again what is in use");
            }
            return;
        }
        if found_before {
            self.take_up(&mut looks, &contents, false);
        }
    }

    fn take_up(&self, looks: &mut Looks, contents: &Contents, signalled: bool) {
        match self.0.files.parsed(contents) {
            Ok(rights) => {
                looks.in_use = contents.digest();
                self.fits();
                self.0.keys.keep(rights.issuers(), Instant::now());
                self.0.rights.send_modify(|now| *now = self.with_keys(rights));
                log("access: new files are in use", &self.rights());
            }
            Err(errors) => {
                for what in KINDS {
                    self.note(what, errors.of(what), signalled);
                }
                self.take_up_revocations(looks, contents);
            }
        }
    }

    /// Notes that all files fit, and says whether one did not.
    fn fits(&self) -> bool {
        KINDS.map(|what| self.0.reloads.fits(what)).contains(&true)
    }

    /// Notes what is wrong with the files of one kind, or that nothing is.
    fn note(&self, what: Reloaded, problem: Option<String>, signalled: bool) {
        let Some(problem) = problem else {
            self.0.reloads.fits(what);
            return;
        };
        if self.0.reloads.failed(what, problem.clone(), signalled) {
            tracing::warn!(problem, "access: the files are not taken up; what is in use stays");
        }
    }

    /// Has the keys in use that are there now.
    pub(super) fn renew_keys(&self) {
        self.0.rights.send_modify(|rights| *rights = self.with_keys(Rights::clone(rights)));
    }

    /// The rights with the keys that are there now.
    fn with_keys(&self, rights: Rights) -> Arc<Rights> {
        Arc::new(rights.with_keys(|issuer| self.0.keys.keys(issuer)))
    }

    /// The keys that are fetched.
    pub(super) fn key_sets(&self) -> &KeySets {
        &self.0.keys
    }

    /// The file with the authorities of an issuer's address.
    pub(super) fn authorities_of(&self, issuer: &Issuer) -> Option<PathBuf> {
        self.0.files.authorities_of(issuer)
    }

    /// Refuses the tokens that are revoked, whatever else is wrong with the files: a policy that
    /// does not parse must not keep a stolen token in use.
    fn take_up_revocations(&self, looks: &mut Looks, contents: &Contents) {
        if self.0.files.tokens.is_none() {
            return;
        }
        let Ok(tokens) = self.0.files.tokens(contents) else { return };
        let Some(rights) = self.rights().revoked_by(&tokens) else { return };
        // No files hold this, so the next ones that fit are taken up.
        looks.in_use = [0; 32];
        let rights = Arc::new(rights);
        self.0.rights.send_replace(Arc::clone(&rights));
        log("access: revoked tokens are refused, and nothing else is taken up", &rights);
    }

    /// What is in use.
    pub(super) fn rights(&self) -> Arc<Rights> {
        Arc::clone(&self.0.rights.borrow())
    }

    /// Notices when something else is in use.
    pub(super) fn changes(&self) -> watch::Receiver<Arc<Rights>> {
        self.0.rights.subscribe()
    }

    /// How the reading of the files has gone, and the fetching of keys.
    pub(in crate::grpc) fn reloads(&self) -> Vec<ReloadUsage> {
        let mut usage = self.0.reloads.usage(&KINDS);
        usage.extend(self.0.keys.usage());
        usage
    }

    pub(super) fn audit(&self) -> &Audit {
        &self.0.audit
    }

    pub(super) fn rates(&self) -> &Rates {
        &self.0.rates
    }

    /// Looks at the files for as long as it is awaited.
    pub(in crate::grpc) async fn follow_files(&self) {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let access = self.clone();
            // A disk may take its time.
            let _ = tokio::task::spawn_blocking(move || access.look()).await;
        }
    }
}

fn log(message: &str, rights: &Rights) {
    let (identities, tokens) = (rights.identities().len(), rights.tokens().len());
    let public_read = rights.public_read().map_or_else(|| "no".to_owned(), ToString::to_string);
    tracing::info!(target: "handover::audit", identities, tokens, public_read, "{message}");
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

    use super::*;

    const FIRST: &str = "public-read = true\n";
    const SECOND: &str = "public-read = false\n";

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    fn is_public(access: &Access) -> bool {
        access.rights().public_read().is_some()
    }

    #[test]
    fn what_two_looks_found_is_taken_up_and_what_does_not_parse_never_is() {
        let dir = tempfile::tempdir().unwrap();
        let policy = dir.path().join("policy.toml");
        write(&policy, FIRST, 0o644);
        let files = AccessFiles { policy: Some(policy.clone()), tokens: None };
        let access = Access::load(files).unwrap();
        assert!(is_public(&access));

        write(&policy, SECOND, 0o644);
        access.look();
        assert!(is_public(&access), "it may be half written");
        access.look();
        assert!(!is_public(&access), "it has not changed any more");

        write(&policy, "public-read = tru", 0o644);
        access.look();
        access.look();
        access.reload();
        assert!(!is_public(&access), "a policy that does not parse changes nothing");
        fs::remove_file(&policy).unwrap();
        access.look();
        access.look();
        access.reload();
        assert!(!is_public(&access), "nor does one that is not there");
        write(&policy, FIRST, 0o666);
        access.reload();
        assert!(!is_public(&access), "nor one that others may change");
        write(&policy, FIRST, 0o644);
        access.reload();
        assert!(is_public(&access), "a signal takes up what fits at once");
    }

    #[test]
    fn a_token_is_revoked_though_the_policy_does_not_parse() {
        let dir = tempfile::tempdir().unwrap();
        let (policy, tokens) = (dir.path().join("policy.toml"), dir.path().join("tokens.toml"));
        let entry = |name: &str, digit: &str| {
            let hash = digit.repeat(64);
            format!(
                "[[token]]\nname = '{name}'\nsha256 = '{hash}'\ncreated = '2026-01-01T00:00:00Z'\n"
            )
        };
        let (desk, press) = (entry("desk", "1"), entry("press", "2"));
        write(&policy, FIRST, 0o600);
        write(&tokens, &format!("{desk}{press}"), 0o600);
        let files = AccessFiles { policy: Some(policy.clone()), tokens: Some(tokens.clone()) };
        let access = Access::load(files).unwrap();
        let revoked = || {
            let rights = access.rights();
            rights.tokens().iter().map(|it| it.0.revoked.is_some()).collect::<Vec<_>>()
        };
        write(&policy, "public-read = tru", 0o600);
        let gone = format!("{desk}revoked = '2026-01-02T00:00:00Z'\n{press}");
        write(&tokens, &gone, 0o600);
        access.look();
        access.look();
        assert_eq!(revoked(), [true, false]);
        assert!(is_public(&access), "the policy in use stays");
        let added = format!("{gone}{}", entry("other", "3"));
        write(&tokens, &added, 0o600);
        access.reload();
        assert_eq!(revoked(), [true, false], "nothing is added");

        write(&policy, FIRST, 0o600);
        write(&tokens, &format!("{desk}{press}"), 0o600);
        access.look();
        access.look();
        assert_eq!(revoked(), [false, false], "what was in use at first fits again");
    }

    #[test]
    fn files_that_others_could_use_are_refused_with_what_mends_it() {
        let dir = tempfile::tempdir().unwrap();
        let (policy, tokens) = (dir.path().join("policy.toml"), dir.path().join("tokens.toml"));
        write(&policy, "", 0o664);
        let files = AccessFiles { policy: Some(policy.clone()), tokens: Some(tokens.clone()) };
        let refused = || Access::load(files.clone()).unwrap_err().to_string();
        let error = refused();
        assert!(error.starts_with("policy: ") && error.contains("mode 0664"), "{error}");
        write(&policy, "", 0o644);
        assert!(refused().contains("tokens.toml cannot be read"), "{}", refused());
        for mode in [0o640, 0o604, 0o620, 0o602] {
            write(&tokens, "", mode);
            let error = refused();
            assert!(error.starts_with("tokens: ") && error.contains("`chmod 600 "), "{error}");
        }
        write(&tokens, "[[token]]\nname = 1", 0o600);
        assert!(refused().contains("line 2"), "{}", refused());
        write(&tokens, "", 0o600);
        Access::load(files.clone()).unwrap();
    }
}
