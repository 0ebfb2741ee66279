//! What is wrong with a file in TOML, in one line, with the place.

/// The problem and its place in the text. The library's own words quote lines of the file, and a
/// log has one line for each event.
pub(super) fn located(text: &str, error: &toml::de::Error) -> String {
    let message = error.message().replace('\n', "; ");
    let Some(before) = error.span().and_then(|span| text.get(..span.start)) else {
        return message;
    };
    let line = 1 + before.matches('\n').count();
    let column = 1 + before.rsplit('\n').next().map_or(0, |last| last.chars().count());
    format!("line {line}, column {column}: {message}")
}
