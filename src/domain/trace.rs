//! The trace that a request belongs to, as W3C Trace Context names it (`traceparent`).

use std::{str::FromStr, sync::Arc};

/// The key of the metadata of an event, and the name of the header.
pub const TRACEPARENT: &str = "traceparent";
/// Bytes of the value.
const LENGTH: usize = 55;

/// A `traceparent` of version 00: the trace, the span that sent the request, and flags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceParent(Arc<str>);

/// A text that is no `traceparent`, or one of a version that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoTrace;

impl TraceParent {
    /// Bytes that it adds to the metadata of an event.
    pub const BYTES: usize = TRACEPARENT.len() + LENGTH;

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the trace, 32 hexadecimal digits.
    pub fn trace_id(&self) -> &str {
        self.0.get(3..35).unwrap_or_default()
    }

    /// The id of the span that sent the request, 16 hexadecimal digits.
    pub fn span_id(&self) -> &str {
        self.0.get(36..52).unwrap_or_default()
    }

    /// Whether the client keeps the trace: the last bit of the flags.
    pub fn is_sampled(&self) -> bool {
        let flags = self.0.get(53..).and_then(|flags| u8::from_str_radix(flags, 16).ok());
        flags.is_some_and(|flags| flags & 1 == 1)
    }
}

impl FromStr for TraceParent {
    type Err = NoTrace;

    /// Takes what the specification allows and nothing else: hexadecimal digits in lower case, and
    /// no id of zeros.
    fn from_str(text: &str) -> Result<Self, NoTrace> {
        let parts: Vec<&str> = text.split('-').collect();
        let ["00", trace, span, flags] = parts.as_slice() else { return Err(NoTrace) };
        let digits = |part: &str, length: usize| {
            let good = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
            part.len() == length && part.bytes().all(good)
        };
        let id = |part: &str, length| digits(part, length) && part.bytes().any(|it| it != b'0');
        let good = id(trace, 32) && id(span, 16) && digits(flags, 2);
        if good { Ok(Self(text.into())) } else { Err(NoTrace) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_traceparent_has_four_parts_of_hexadecimal_digits() {
        let trace: TraceParent = GOOD.parse().unwrap();
        assert_eq!(trace.as_str(), GOOD);
        assert_eq!(trace.trace_id(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!((trace.span_id(), trace.is_sampled()), ("00f067aa0ba902b7", true));
        let other: TraceParent = GOOD.replace("-01", "-fe").parse().unwrap();
        assert!(!other.is_sampled());
        assert_eq!(TraceParent::BYTES, TRACEPARENT.len() + GOOD.len());
        for bad in [
            "",
            "00",
            &GOOD.to_uppercase(),
            &GOOD.replacen("00-", "01-", 1),
            &GOOD.replace("4bf92f3577b34da6a3ce929d0e0e4736", &"0".repeat(32)),
            &GOOD.replace("00f067aa0ba902b7", &"0".repeat(16)),
            &format!("{GOOD}-x"),
            &GOOD[1..],
            &GOOD.replace('4', "\u{e9}"),
        ] {
            assert_eq!(bad.parse::<TraceParent>(), Err(NoTrace), "{bad:?}");
        }
    }
}
