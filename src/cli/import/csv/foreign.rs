//! Bytes of a table that are no UTF-8: whether the table is in another encoding, and in which.

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1251, WINDOWS_1252};

/// Bytes that are looked at to tell the encoding.
pub(super) const SAMPLE_BYTES: usize = 1 << 16;
/// Bytes of a word that is shown.
const WORD_BYTES: usize = 24;

/// Whether the records so far are UTF-8.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    /// Some record had more than ASCII, and was UTF-8.
    proven: bool,
}

impl Utf8 {
    /// Looks at a record; whether it shows that the table is in another encoding. In a table that
    /// has shown to be UTF-8 it is a fault of that record.
    pub(super) fn is_foreign(&mut self, record: &::csv::ByteRecord) -> bool {
        let is_utf_8 = record.iter().all(|field| std::str::from_utf8(field).is_ok());
        self.proven |= is_utf_8 && !record.as_slice().is_ascii();
        !is_utf_8 && !self.proven
    }
}

/// Which encoding fits, shown by a word in it and in another.
pub(super) fn advice(sample: &[u8]) -> String {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(sample, true);
    let guess = detector.guess(None, Utf8Detection::Deny);
    let guess = if guess == UTF_8 { WINDOWS_1252 } else { guess };
    let other = if guess == WINDOWS_1252 { WINDOWS_1251 } else { WINDOWS_1252 };
    let read = |encoding: &'static Encoding| {
        let (text, ..) = encoding.decode(word(sample));
        let label = encoding.name().to_lowercase();
        (label, text.into_owned())
    };
    let ((fits, right), (label, wrong)) = (read(guess), read(other));
    format!(
        "is not UTF-8; --encoding {fits} reads {right:?} there, --encoding {label} reads {wrong:?}"
    )
}

/// The first word that has more than ASCII.
fn word(sample: &[u8]) -> &[u8] {
    let words = sample.split(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric());
    let mut words = words.filter(|word| !word.is_ascii());
    let word = words.next().unwrap_or_default();
    word.get(..WORD_BYTES).unwrap_or(word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_that_fits_is_shown_by_a_word_of_the_table() {
        let text = "demo-1,\u{41a}\u{438}\u{435}\u{432} \u{41c}\u{43e}\u{441}\u{43a}\u{432}\u{430}";
        let (bytes, ..) = WINDOWS_1251.encode(text);
        assert_eq!(
            advice(&bytes),
            "is not UTF-8; --encoding windows-1251 reads \"\u{41a}\u{438}\u{435}\u{432}\" there, \
             --encoding windows-1252 reads \"\u{ca}\u{e8}\u{e5}\u{e2}\""
        );
        let (bytes, ..) = WINDOWS_1252.encode("demo-1,Z\u{fc}rich and Gen\u{e8}ve");
        let advice = advice(&bytes);
        assert!(advice.contains("--encoding windows-1252 reads \"Z\u{fc}rich\" there"), "{advice}");
    }

    #[test]
    fn a_table_that_has_shown_to_be_utf_8_stays_so() {
        let (ascii, bad, good) = (&b"a"[..], &b"\xe9"[..], "\u{e9}".as_bytes());
        for (fields, foreign) in [(vec![ascii, bad], true), (vec![good, bad], false)] {
            let mut utf_8 = Utf8::default();
            let found: Vec<_> =
                fields.iter().map(|it| utf_8.is_foreign(&[*it].as_slice().into())).collect();
            assert_eq!(found, [false, foreign]);
        }
    }
}
