//! The types of settings: each reads a value alike from a flag, a variable and the file, and says
//! what it allows.

use std::str::FromStr;

use clap::ValueEnum;
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};

use crate::{grpc::web::Origins, telemetry};

/// Bytes of the name that is written into every event.
const NAME_BYTES: usize = 256;

/// A whole number from `MIN` to `MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Within<const MIN: u64, const MAX: u64>(u64);

impl<const MIN: u64, const MAX: u64> Within<MIN, MAX> {
    /// The number.
    pub(crate) fn get(self) -> u64 {
        self.0
    }

    /// The help of a setting, with its bounds.
    pub(super) fn help(what: &str) -> String {
        format!("{what}, from {MIN} to {MAX}")
    }
}

impl<const MIN: u64, const MAX: u64> FromStr for Within<MIN, MAX> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.parse().ok().filter(|number| (MIN..=MAX).contains(number));
        number.map(Self).ok_or_else(|| match MAX {
            u64::MAX => "it must be a whole number".to_owned(),
            _ => format!("it must be a whole number from {MIN} to {MAX}"),
        })
    }
}

impl<'de, const MIN: u64, const MAX: u64> Deserialize<'de> for Within<MIN, MAX> {
    /// Takes any value, so that the bounds are part of the error about one of another type.
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let found = toml::Value::deserialize(from)?.to_string();
        found.parse().map_err(|problem| D::Error::custom(format!("is {found}; {problem}")))
    }
}

/// What is demanded of clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, ValueEnum)]
#[serde(rename_all = "lowercase", try_from = "String")]
pub(crate) enum ClientAuth {
    /// No certificate.
    Off,
    /// A certificate that is sent has to be good.
    Optional,
    /// A good certificate.
    Required,
}

impl TryFrom<String> for ClientAuth {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        ValueEnum::from_str(&text, false)
            .map_err(|_| format!("is {text:?}; it must be off, optional or required"))
    }
}

/// A type of texts that `$check` accepts.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $check:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
        #[serde(try_from = "String")]
        pub(crate) struct $name(String);

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                let check: fn(&str) -> Result<(), String> = $check;
                check(text).map(|()| Self(text.to_owned()))
            }
        }

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse().map_err(|problem| format!("is {text:?}; {problem}"))
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

text!(
    /// A port behind an address or a name; whether there is such a name is found when it is
    /// listened to.
    Address,
    |text| match text.rsplit_once(':') {
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => Ok(()),
        _ => Err("it must be an address and a port, as in 127.0.0.1:50051 or localhost:1".into()),
    }
);
text!(
    /// The name that is written into every event.
    Name,
    |text| {
        if text.len() > NAME_BYTES || text.chars().any(char::is_control) {
            return Err(format!(
                "it must have at most {NAME_BYTES} bytes and no control characters"
            ));
        }
        Ok(())
    }
);
text!(
    /// What is logged.
    Filter,
    telemetry::check
);
text!(
    /// The address of a collector of spans. Whether it may be used is found when it is.
    Collector,
    |text| {
        let begins = ["http://", "https://"].iter().any(|scheme| text.starts_with(scheme));
        if begins && !text.contains('@') {
            return Ok(());
        }
        Err("it must be an address such as http://127.0.0.1:4317 or https://collector.example:4317"
            .into())
    }
);
text!(
    /// An origin of web pages.
    WebOrigin,
    |text| Origins::parse(&[text]).map(drop)
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_listened_on_but_not_without_a_port() {
        for good in ["localhost:50051", "127.0.0.1:0", "[::1]:7", "host.example:1"] {
            assert_eq!(good.parse::<Address>().unwrap().as_ref(), good);
        }
        for bad in ["", "localhost", ":50051", "localhost:", "localhost:65536", "50051"] {
            assert!(bad.parse::<Address>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_number_is_within_its_bounds_or_the_bounds_are_named() {
        for (text, number) in [("1", 1), ("16", 16)] {
            assert_eq!(text.parse::<Within<1, 16>>().unwrap().get(), number);
        }
        for bad in ["0", "17", "-1", "1.5", "", "x", "99999999999999999999"] {
            let problem = bad.parse::<Within<1, 16>>().unwrap_err();
            assert_eq!(problem, "it must be a whole number from 1 to 16", "{bad:?}");
        }
        assert_eq!(
            "-1".parse::<Within<0, { u64::MAX }>>().unwrap_err(),
            "it must be a whole number"
        );
    }
}
