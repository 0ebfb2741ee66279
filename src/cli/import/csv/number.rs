//! Numbers as people write them into tables: a value, a range, about so many, or none.
//!
//! Nothing is guessed. What can be read in two ways is refused with both, and no text is read as 0
//! but 0 itself.

/// What a cell says of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) value: Option<u32>,
    /// The lower end of a range, or "at least".
    pub(super) low: Option<u32>,
    /// The upper end of a range, or "at most".
    pub(super) high: Option<u32>,
    /// "About".
    pub(super) approximate: bool,
    /// The words say more than the number does, so they are kept.
    pub(super) worded: bool,
}

/// What is taken where a number may stand.
const TAKEN: &str = "give a whole number from 0 to 4294967295 (1 045 and 1,045 are that too), \
    `12-15`, `about 50`, `at least 30`, `more than 30`, `at most 30`, `several`, or nothing";

/// Cells that say nothing.
const NOTHING: [&str; 8] = ["", "-", "\u{2013}", "\u{2014}", "n/a", "n.a.", "...", "\u{2026}"];
/// Words for "about", before or behind a number.
const ABOUT: [&str; 13] = [
    "approximately",
    "approx.",
    "approx",
    "about",
    "around",
    "circa",
    "ca.",
    "ca",
    "c.",
    "roughly",
    "nearly",
    "~",
    "\u{2248}",
];
/// Words before the smallest number.
const AT_LEAST: [&str; 9] = [
    "at least",
    "no fewer than",
    "no less than",
    "not less than",
    "not fewer than",
    "min.",
    "minimum",
    ">=",
    "\u{2265}",
];
/// Words before the largest number.
const AT_MOST: [&str; 9] = [
    "at most",
    "no more than",
    "not more than",
    "up to",
    "max.",
    "maximum",
    "<=",
    "\u{2264}",
    "as many as",
];
/// Words before a number that the smallest is above.
const ABOVE: [&str; 3] = ["more than", "over", ">"];
/// Words before a number that the largest is below.
const BELOW: [&str; 4] = ["fewer than", "less than", "under", "<"];
/// Words of which one is enough to say that no number was given.
const VAGUE: [&str; 15] = [
    "several",
    "some",
    "many",
    "few",
    "dozens",
    "scores",
    "hundreds",
    "thousands",
    "unknown",
    "undisclosed",
    "unspecified",
    "unclear",
    "unstated",
    "uncounted",
    "numerous",
];
/// Words that may stand beside them, or behind a "not".
const BESIDE: [&str; 18] = [
    "a",
    "an",
    "of",
    "the",
    "number",
    "dozen",
    "hundred",
    "thousand",
    "people",
    "persons",
    "prisoners",
    "soldiers",
    "civilians",
    "bodies",
    "not",
    "given",
    "known",
    "large",
];

/// Reads a cell.
pub(super) fn read(text: &str) -> Result<Written, String> {
    let lower = spaced(text).to_lowercase();
    if NOTHING.contains(&lower.as_str()) {
        return Ok(Written::default());
    }
    if is_date(&lower) {
        let why = "which is a date; a spreadsheet makes one of 12-15, so format the column as text";
        return Err(format!("is {text:?}, {why}"));
    }
    if no_number(&lower) {
        return Ok(Written { worded: true, ..Written::default() });
    }
    about(&lower).map_err(|problem| format!("is {text:?}, {problem}"))
}

/// Each run of white space as one space, and none at the ends.
fn spaced(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A number, with or without "about".
fn about(text: &str) -> Result<Written, String> {
    let before = ABOUT.iter().find_map(|word| after(text, word));
    let behind = || ABOUT.iter().find_map(|word| text.strip_suffix(word)?.strip_suffix(' '));
    match before.or_else(behind) {
        Some(rest) => Ok(Written { approximate: true, worded: true, ..bounded(rest)? }),
        None => bounded(text),
    }
}

/// The text behind a word. A word of letters ends where they do.
fn after<'a>(text: &'a str, word: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(word)?;
    let apart = !word.ends_with(char::is_alphabetic) || !rest.starts_with(char::is_alphabetic);
    apart.then(|| rest.trim_start())
}

/// A number, a bound or a range.
fn bounded(text: &str) -> Result<Written, String> {
    let behind = |words: &[&str]| words.iter().find_map(|word| after(text, word));
    let at_least = |low| Written { low: Some(low), worded: true, ..Written::default() };
    let at_most = |high| Written { high: Some(high), worded: true, ..Written::default() };
    let or_more = [" or more", "+"].iter().find_map(|end| text.strip_suffix(end));
    if let Some(rest) = behind(&AT_LEAST).or(or_more) {
        return Ok(at_least(whole(rest.trim_end())?));
    }
    if let Some(rest) = behind(&AT_MOST) {
        return Ok(at_most(whole(rest)?));
    }
    if let Some(rest) = behind(&ABOVE) {
        return Ok(at_least(whole(rest)?.checked_add(1).ok_or(TAKEN)?));
    }
    if let Some(rest) = behind(&BELOW) {
        return Ok(at_most(whole(rest)?.checked_sub(1).ok_or(TAKEN)?));
    }
    match ends(text) {
        Some((low, high)) => range(whole(low)?, whole(high)?),
        None => Ok(Written { value: Some(whole(text)?), ..Written::default() }),
    }
}

/// The texts of both ends of a range.
fn ends(text: &str) -> Option<(&str, &str)> {
    let apart = |mark: &str| {
        let (low, high) = text.split_once(mark)?;
        let (low, high) = (low.trim_end(), high.trim_start());
        (!low.is_empty() && !high.is_empty()).then_some((low, high))
    };
    if let Some(rest) = after(text, "between") {
        return rest.split_once(" and ");
    }
    ["-", "\u{2013}", "\u{2014}", "..", " to "].iter().find_map(|mark| apart(mark))
}

fn range(low: u32, high: u32) -> Result<Written, String> {
    if low > high {
        return Err(format!("a range from {low} down to {high}; {TAKEN}"));
    }
    Ok(Written { low: Some(low), high: Some(high), worded: true, ..Written::default() })
}

/// A whole number: digits, in groups of three or not, with nothing but zeros behind a point.
fn whole(text: &str) -> Result<u32, String> {
    let refused = || format!("not a whole number; {TAKEN}");
    let (text, zeros) = without_zeros(text);
    if text.starts_with('0') && text.len() > 1 && zeros {
        return Err(refused());
    }
    let mark = text.chars().find(|it| !it.is_ascii_digit());
    let digits = match mark {
        None => text.to_owned(),
        Some(mark @ (' ' | ',' | '.' | '\'' | '\u{2019}' | '_')) => {
            grouped(text, mark).ok_or_else(refused)?
        }
        Some(_) => return Err(refused()),
    };
    digits.parse().map_err(|_| refused())
}

/// A number without the one or two zeros of a fraction. Three digits are a group of thousands.
fn without_zeros(text: &str) -> (&str, bool) {
    let cut = [",0", ".0", ",00", ".00"].iter().find_map(|end| text.strip_suffix(end));
    (cut.unwrap_or(text), cut.is_some())
}

/// The digits of a number in groups of three.
fn grouped(text: &str, mark: char) -> Option<String> {
    let groups: Vec<&str> = text.split(mark).collect();
    let digits = |group: &&str| group.bytes().all(|byte| byte.is_ascii_digit());
    let (first, rest) = groups.split_first()?;
    let good = (1..=3).contains(&first.len()) && !first.starts_with('0');
    let good = good && rest.iter().all(|group| group.len() == 3) && groups.iter().all(digits);
    good.then(|| groups.concat())
}

fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split(['-', 't']).collect();
    let lengths: Vec<usize> = parts.iter().take(3).map(|part| part.len()).collect();
    let digits = |part: &&str| part.bytes().all(|byte| byte.is_ascii_digit());
    lengths == [4, 2, 2] && parts.iter().take(3).all(digits)
}

/// Words that say that no number was given.
fn no_number(text: &str) -> bool {
    let words: Vec<&str> = text.split(' ').collect();
    let vague = words.iter().any(|word| VAGUE.contains(word))
        || matches!(words.as_slice(), ["not", ..] if words.len() > 1);
    vague && words.iter().all(|word| VAGUE.contains(word) || BESIDE.contains(word))
}

#[cfg(test)]
mod tests;
