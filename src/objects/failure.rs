//! What a store refuses, as an error of the system. The words are ours: those of the library may
//! have a signed address in them.

use std::{error::Error, io};

use object_store::client::HttpError;

use crate::grpc::causes;

/// The error in words, as the end of a sentence about an object, of a kind that callers look at.
pub(super) fn as_io(error: &object_store::Error) -> io::Error {
    use object_store::Error as Failed;
    let said = Said::of(error);
    if said.is_without_bucket() {
        let what = format!("there is no such bucket or container{said}; make it, or name another");
        return io::Error::other(what);
    }
    let (kind, what) = match error {
        Failed::NotFound { .. } => (io::ErrorKind::NotFound, format!("it is not there{said}")),
        Failed::AlreadyExists { .. } | Failed::Precondition { .. } | Failed::NotModified { .. } => {
            (io::ErrorKind::AlreadyExists, format!("it is there already{said}"))
        }
        Failed::PermissionDenied { .. } | Failed::Unauthenticated { .. } => {
            let what = format!(
                "the store refuses this with these credentials{said}; look at the environment \
                 variables of the provider, and at what the credentials permit"
            );
            (io::ErrorKind::Other, what)
        }
        Failed::Generic { .. }
        | Failed::InvalidPath { .. }
        | Failed::JoinError { .. }
        | Failed::NotSupported { .. }
        | Failed::NotImplemented { .. }
        | Failed::UnknownConfigurationKey { .. }
        | _ => (io::ErrorKind::Other, said.in_words(error)),
    };
    io::Error::new(kind, what)
}

/// What is known of an answer, or of the lack of one.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    /// The status of HTTP.
    status: Option<u16>,
    /// The provider's name of the error.
    code: Option<String>,
    /// Why no answer came.
    transport: Option<String>,
}

impl Said {
    fn of(error: &object_store::Error) -> Self {
        let mut cause: Option<&(dyn Error + 'static)> = Some(error);
        let mut said = Self::default();
        while let Some(error) = cause {
            if let Some(http) = error.downcast_ref::<HttpError>() {
                let source = http.source().map_or_else(|| http.to_string(), |it| causes(it));
                said.transport = Some(source);
                return said;
            }
            cause = error.source();
        }
        let text = error.to_string();
        said.status = between(&text, "status code: ", |it| it.is_ascii_digit())
            .and_then(|digits| digits.parse().ok());
        said.code = ["<Code>", "\"code\": \"", "\"error\": \""].iter().find_map(|begin| {
            between(&text, begin, |it| it.is_ascii_alphanumeric()).map(ToOwned::to_owned)
        });
        said
    }

    fn is_without_bucket(&self) -> bool {
        let code = self.code.as_deref().unwrap_or_default();
        ["NoSuchBucket", "ContainerNotFound", "ContainerBeingDeleted"].contains(&code)
    }

    /// What an error of no special kind means.
    fn in_words(&self, error: &object_store::Error) -> String {
        match self {
            Self { transport: Some(why), .. } => why.clone(),
            Self { status: Some(_), .. } | Self { code: Some(_), .. } => {
                format!("the store answered with an error{self}")
            }
            Self { .. } => without_queries(&causes(error)),
        }
    }
}

impl std::fmt::Display for Said {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.status, &self.code) {
            (Some(status), Some(code)) => write!(f, " ({status} {code})"),
            (Some(status), None) => write!(f, " ({status})"),
            (None, Some(code)) => write!(f, " ({code})"),
            (None, None) => Ok(()),
        }
    }
}

/// What stands behind `begin`, as long as its characters are of a kind; absent: nothing.
fn between<'a>(text: &'a str, begin: &str, is_of_it: impl Fn(char) -> bool) -> Option<&'a str> {
    let (_, rest) = text.split_once(begin)?;
    let end = rest.find(|it: char| !is_of_it(it)).unwrap_or(rest.len());
    rest.get(..end.min(64)).filter(|it| !it.is_empty())
}

/// A text without the queries of addresses, which may be signatures.
fn without_queries(text: &str) -> String {
    let cut = |word: &str| match word.split_once('?') {
        Some((address, _)) if address.contains("://") => address.to_owned(),
        _ => word.to_owned(),
    };
    text.split_whitespace().map(cut).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generic(text: &str) -> object_store::Error {
        object_store::Error::Generic { store: "S3", source: text.to_owned().into() }
    }

    fn missing(text: &str) -> object_store::Error {
        object_store::Error::NotFound { path: "a".to_owned(), source: text.to_owned().into() }
    }

    #[test]
    fn an_object_that_is_missing_is_no_bucket_that_is_missing() {
        let key = as_io(&missing("non-2xx status code: 404 Not Found: <Code>NoSuchKey</Code>"));
        assert_eq!(key.kind(), io::ErrorKind::NotFound);
        assert_eq!(key.to_string(), "it is not there (404 NoSuchKey)");
        for error in [
            missing("status code: 404: <Code>NoSuchBucket</Code>"),
            generic(
                "Error performing list request: status code: 404: <Code>ContainerNotFound</Code>",
            ),
        ] {
            let bucket = as_io(&error);
            assert_eq!(bucket.kind(), io::ErrorKind::Other);
            assert!(bucket.to_string().contains("no such bucket or container (404"), "{bucket}");
        }
    }

    #[test]
    fn no_signature_of_an_address_is_shown() {
        let shown = as_io(&generic("GET https://a.example/x?sig=secret failed")).to_string();
        assert!(!shown.contains("secret") && shown.contains("https://a.example/x"), "{shown}");
        let shown = as_io(&generic("GET https://a.example/x?sig=secret status code: 500 x"));
        assert_eq!(shown.to_string(), "the store answered with an error (500)");
    }

    #[test]
    fn a_connection_that_fails_says_why() {
        let cause = io::Error::new(io::ErrorKind::ConnectionRefused, "127.0.0.1:9 is not there");
        let http = HttpError::new(object_store::client::HttpErrorKind::Connect, cause);
        let error = object_store::Error::Generic { store: "S3", source: Box::new(http) };
        assert_eq!(as_io(&error).to_string(), "127.0.0.1:9 is not there");
    }
}
