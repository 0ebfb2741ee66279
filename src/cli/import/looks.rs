//! What an input looks like that is neither JSON Lines nor a table, so that one message says what
//! to do with all of it.

use super::csv::dialect::shared_columns;

/// How files begin that hold no text in UTF-8, and what to do with them.
const FORMATS: [(&[u8], &str); 6] = [
    (
        b"PK\x03\x04",
        "a zip file, as spreadsheets (.xlsx, .ods) are; save the table as CSV in UTF-8",
    ),
    (b"\xd0\xcf\x11\xe0", "an old spreadsheet (.xls); save the table as CSV in UTF-8"),
    (b"\x1f\x8b", "a gzip file; unpack it: `gzip -dc FILE | handover import -`"),
    (b"\x28\xb5\x2f\xfd", "a zstd file; unpack it: `zstd -dc FILE | handover import -`"),
    (b"\xfd7zXZ", "an xz file; unpack it: `xz -dc FILE | handover import -`"),
    (b"%PDF", "a PDF; take the table out of it, as CSV in UTF-8"),
];
/// What to do with text in another encoding.
const NOT_UTF_8: &str = "is not text in UTF-8; save it in UTF-8, or say its --encoding";
/// Columns that a header shares with a form by more than chance.
const SHARED: usize = 2;
/// Bytes of the first line that are kept, and characters of it that are shown.
const KEPT: usize = 4096;
const SHOWN: usize = 40;

/// What is remembered of the first lines that are not blank.
#[derive(Debug, Default)]
pub(super) struct Looks {
    /// The beginning of the first line.
    first: Vec<u8>,
    /// Lines so far.
    lines: usize,
    /// Some line begins as an object does.
    objects: bool,
}

impl Looks {
    /// Looks at the next line that is not blank.
    pub(super) fn add(&mut self, line: &[u8]) {
        let line = line.trim_ascii();
        if self.lines == 0 {
            self.first = line.iter().take(KEPT).copied().collect();
        }
        self.lines += 1;
        self.objects |= line.starts_with(b"{");
    }

    /// What the input is, as a sentence goes on after `this is not JSON Lines: `, if no line of it
    /// is an event. `None`: it is JSON Lines with wrong lines.
    pub(super) fn problem(&self) -> Option<String> {
        if is_utf_16(&self.first) {
            let advice = "it looks like UTF-16 without a mark: --encoding utf-16le or utf-16be";
            return Some(advice.to_owned());
        }
        let format = FORMATS.iter().find(|(start, _)| self.first.starts_with(start));
        if let Some((_, format)) = format {
            return Some(format!("it looks like {format}"));
        }
        let Ok(first) = std::str::from_utf8(&self.first) else {
            return Some(format!("it {NOT_UTF_8}"));
        };
        let advice = match first.bytes().next()? {
            b'[' => {
                "it looks like a JSON array; JSON Lines has one event a line: `jq -c '.[]' FILE`"
            }
            b'{' if self.lines > 1 && first.ends_with(['{', '[', ',']) => {
                "it looks like JSON over several lines; JSON Lines has one event a line: \
                 `jq -c . FILE`"
            }
            _ if self.objects => return None,
            b'<' => "it looks like XML or HTML",
            _ => return Some(separated(first).unwrap_or_else(|| begins(first))),
        };
        Some(advice.to_owned())
    }
}

/// A table with bars between its fields.
fn separated(first: &str) -> Option<String> {
    (shared_columns(first.as_bytes(), b'|') >= SHARED).then(|| {
        "it looks like a table with bars between its fields; put a line sep=| before it, or save \
         it with commas, semicolons or tabs"
            .to_owned()
    })
}

/// Whether each second byte is 0, as it is of Latin letters in UTF-16.
fn is_utf_16(text: &[u8]) -> bool {
    let zeros = |from: usize| text.iter().skip(from).step_by(2).all(|byte| *byte == 0);
    text.len() > 3 && (zeros(0) != zeros(1))
}

fn begins(first: &str) -> String {
    let shown: String = first.chars().take(SHOWN).collect();
    let more = if shown.len() < first.len() { "..." } else { "" };
    format!(
        "it begins with {shown:?}{more}, which is neither an event, such as {{\"payload\": ...}}, \
         nor the header of a table"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &[u8]) -> Option<String> {
        let mut looks = Looks::default();
        text.split(|byte| *byte == b'\n').for_each(|line| looks.add(line));
        looks.problem()
    }

    #[test]
    fn what_it_looks_like_is_reported_with_what_to_do() {
        for (text, advice) in [
            (" exchange | actor ", "a table with bars"),
            ("[{\"payload\": {}}]", "jq -c '.[]' FILE"),
            ("[\n{\n", "a JSON array"),
            ("{\n  \"payload\": {\n", "JSON over several lines"),
            ("{\"payload\": {},\n\"id\": 5}", "JSON over several lines"),
            ("<?xml version=\"1.0\"?>", "XML or HTML"),
            ("Dear reader; we write", "it begins with \"Dear reader; we write\", which is neither"),
            ("5", "it begins with \"5\""),
            ("%PDF-1.7", "a PDF"),
            ("e\0x\0", "--encoding utf-16le"),
            ("\0e\0x", "UTF-16 without a mark"),
            ("PK\u{3}\u{4}", ".xlsx"),
        ] {
            let problem = problem(text.as_bytes()).expect(text);
            assert!(problem.contains(advice), "{text:?}: {problem}");
        }
        let long = problem(&[b'x'; 9000]).unwrap();
        assert!(long.contains("xxx\"..., which"), "{long}");
        for bytes in [&b"\x1f\x8b\x08"[..], b"Stra\xdfe"] {
            assert!(problem(bytes).is_some_and(|it| it.contains("UTF-8") || it.contains("gzip")));
        }
    }

    #[test]
    fn lines_of_which_one_is_an_object_are_json_lines() {
        for text in ["{", "{\"a\": 1}\n{\"b\": 2}", "x\n{\"payload\": 5}", "{\"a\"\n{"] {
            assert_eq!(problem(text.as_bytes()), None, "{text:?}");
        }
    }
}
