//! Addresses of object stores: which store, which bucket or container, and which prefix in it.
//! Credentials and endpoints come from the environment variables of each provider.

use std::{sync::Arc, time::Duration};

use object_store::{
    BackoffConfig, ObjectStore, ObjectStoreScheme, RetryConfig, aws::AmazonS3Builder,
    azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder, path::Path,
};
use url::Url;

use super::{failure, http::Connector};

/// How often a request is repeated that a store may answer next time.
const RETRIES: usize = 7;
/// The time after which a request is not repeated.
const RETRY_WITHIN: Duration = Duration::from_mins(1);
/// The longest pause between two attempts.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// A prefix in a bucket or container.
#[derive(Debug)]
pub(super) struct Address {
    url: Url,
    kind: ObjectStoreScheme,
    /// The prefix; empty: all of the bucket.
    pub(super) prefix: Path,
}

impl Address {
    /// Takes an address apart. A secret in it is refused: it would be shown in messages and lists
    /// of processes.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let url = Url::parse(text).map_err(|error| format!("it is no address: {error}"))?;
        if url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            let what = "an address has no password and nothing behind ? or #; credentials are \
                        given by environment variables, as docs/BACKUP.md lists them";
            return Err(what.to_owned());
        }
        let unknown = "it names no bucket or container; s3://BUCKET/PREFIX, gs://BUCKET/PREFIX \
                       and az://CONTAINER/PREFIX do";
        let parsed = ObjectStoreScheme::parse(&url).map_err(|_| unknown.to_owned())?;
        let (kind, prefix) = parsed;
        let known = [
            ObjectStoreScheme::AmazonS3,
            ObjectStoreScheme::GoogleCloudStorage,
            ObjectStoreScheme::MicrosoftAzure,
        ];
        if !known.contains(&kind) {
            return Err(unknown.to_owned());
        }
        // Other characters are shown in other ways by stores, and names with a dot are passed over.
        let plain = |it: u8| it.is_ascii_alphanumeric() || b"-_./".contains(&it);
        if !url.path().bytes().all(plain) || url.path().contains("/.") {
            let what = "the parts of a prefix have ASCII letters, digits, `-`, `_` and dots, and \
                        begin with no dot; choose another prefix";
            return Err(what.to_owned());
        }
        Ok(Self { url, kind, prefix })
    }

    /// The store, which nothing was read of yet.
    pub(super) fn store(&self) -> Result<Arc<dyn ObjectStore>, String> {
        let (url, connector) = (self.url.as_str(), Connector::default());
        let built: object_store::Result<Arc<dyn ObjectStore>> = if self.kind
            == ObjectStoreScheme::AmazonS3
        {
            let builder = AmazonS3Builder::from_env().with_url(url).with_retry(retries());
            builder
                .with_http_connector(connector)
                .build()
                .map(|it| Arc::new(it) as Arc<dyn ObjectStore>)
        } else if self.kind == ObjectStoreScheme::GoogleCloudStorage {
            let builder = GoogleCloudStorageBuilder::from_env().with_url(url).with_retry(retries());
            builder
                .with_http_connector(connector)
                .build()
                .map(|it| Arc::new(it) as Arc<dyn ObjectStore>)
        } else {
            let builder = MicrosoftAzureBuilder::from_env().with_url(url).with_retry(retries());
            builder
                .with_http_connector(connector)
                .build()
                .map(|it| Arc::new(it) as Arc<dyn ObjectStore>)
        };
        built.map_err(|error| failure::as_io(&error).to_string())
    }
}

fn retries() -> RetryConfig {
    let backoff =
        BackoffConfig { max_backoff: LONGEST_PAUSE, base: 3.0, ..BackoffConfig::default() };
    RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRY_WITHIN }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_names_a_store_a_bucket_and_a_prefix() {
        for (text, kind, prefix) in [
            ("s3://bucket/a/b", ObjectStoreScheme::AmazonS3, "a/b"),
            ("s3a://bucket", ObjectStoreScheme::AmazonS3, ""),
            ("gs://bucket/a/", ObjectStoreScheme::GoogleCloudStorage, "a"),
            ("az://container/a", ObjectStoreScheme::MicrosoftAzure, "a"),
            ("abfss://c@account.dfs.core.windows.net/a", ObjectStoreScheme::MicrosoftAzure, "a"),
            ("https://account.blob.core.windows.net/c/a", ObjectStoreScheme::MicrosoftAzure, "a"),
            ("https://s3.eu-west-1.amazonaws.com/bucket/a", ObjectStoreScheme::AmazonS3, "a"),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.kind, address.prefix.as_ref()), (kind, prefix), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_of_a_store_or_has_a_secret_in_it_is_refused() {
        for (text, why) in [
            ("s3://", "no bucket"),
            ("s3:///a", "no bucket"),
            ("https://example.org/a", "no bucket"),
            ("s3://key:secret@bucket/a", "no password"),
            ("az://container/a?sig=secret", "no password"),
            ("gs://bucket/a#secret", "no password"),
            ("s3://bucket/a b", "the parts of a prefix"),
            ("s3://bucket/a%2Fb", "the parts of a prefix"),
            ("s3://bucket/.hidden", "the parts of a prefix"),
        ] {
            let error = Address::parse(text).expect_err(text);
            assert!(error.contains(why) && !error.contains("secret"), "{text}: {error}");
        }
    }
}
