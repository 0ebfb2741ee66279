//! The place of backups that a command names: a folder, or the address of an object store.

use std::path::Path;

use crate::log::backup::{
    BackupError,
    target::{DirectoryTarget, Target},
};

/// The schemes of object stores. `https` is for the addresses that providers show.
const STORES: [&str; 9] = ["s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss", "https"];

/// Opens the place, which need not exist yet.
pub(super) fn open(place: &Path) -> Result<Box<dyn Target>, BackupError> {
    let text = place.to_string_lossy();
    let Some(scheme) = scheme(&text) else {
        return Ok(Box::new(DirectoryTarget::open(place)?));
    };
    let unfit = |what: String| BackupError::Unfit { place: shown(&text), what };
    if !STORES.contains(&scheme.as_str()) {
        let what = format!(
            "{scheme}:// is no address of an object store; s3://, gs:// and az:// are, and a \
             folder is named by its path alone"
        );
        return Err(unfit(what));
    }
    objects(&text).map_err(unfit)
}

/// The scheme of an address, in lower case; absent: it is a path. A folder of such a name is
/// reached by `./`.
fn scheme(text: &str) -> Option<String> {
    let (scheme, _) = text.split_once("://")?;
    let mut letters = scheme.chars();
    let begins = letters.next().is_some_and(|it| it.is_ascii_alphabetic());
    let goes_on = letters.all(|it| it.is_ascii_alphanumeric() || "+-.".contains(it));
    (begins && goes_on).then(|| scheme.to_ascii_lowercase())
}

/// An address without what may be a secret: a password, and what follows `?` or `#`.
fn shown(address: &str) -> String {
    let end = address.find(['?', '#']).unwrap_or(address.len());
    let address = address.get(..end).unwrap_or_default();
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let (authority, path) = match rest.find('/') {
        Some(slash) => rest.split_at(slash),
        None => (rest, ""),
    };
    match authority.rsplit_once('@') {
        Some((user, host)) if user.contains(':') => format!("{scheme}://...@{host}{path}"),
        _ => address.to_owned(),
    }
}

/// The target at an address, or why there is none.
#[cfg(feature = "object-store")]
fn objects(address: &str) -> Result<Box<dyn Target>, String> {
    Ok(Box::new(crate::objects::ObjectTarget::open(address)?))
}

/// Refuses the address: what keeps backups there is not part of this program.
#[cfg(not(feature = "object-store"))]
fn objects(_: &str) -> Result<Box<dyn Target>, String> {
    let what = "it is the address of an object store, and this program was built without the \
                feature object-store; build it with `cargo build --release --features \
                object-store`, or name a folder (./ before a name that reads as an address)";
    Err(what.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_no_folder_and_a_folder_of_its_name_is_reached_by_its_path() {
        for (address, own) in [
            ("s3://bucket/prefix", "s3"),
            ("S3://bucket", "s3"),
            ("abfss://container@account/x", "abfss"),
            ("file:///backups", "file"),
            ("git+ssh://x", "git+ssh"),
        ] {
            assert_eq!(scheme(address).as_deref(), Some(own), "{address}");
        }
        for path in ["s3:", "./s3://bucket", "/s3://x", "a/b://c", "s3:/x", "://x", "1s://x", ""] {
            assert_eq!(scheme(path), None, "{path}");
        }
    }

    #[test]
    fn a_place_that_is_refused_is_shown_without_secrets() {
        for (address, expected) in [
            ("s3://key:secret@bucket/x", "s3://...@bucket/x"),
            ("az://container@account/x?sig=secret", "az://container@account/x"),
            ("https://host/x#secret", "https://host/x"),
            ("gs://bucket", "gs://bucket"),
        ] {
            assert_eq!(shown(address), expected);
        }
        let error = open(Path::new("ftp://me:secret@host/x?token=secret")).unwrap_err().to_string();
        assert!(error.contains("ftp:// is no address of an object store"), "{error}");
        assert!(!error.contains("secret"), "{error}");
    }
}
