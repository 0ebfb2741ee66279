//! What is wrong with JSON, in plain words: the reader's own texts speak of its types.

/// What the reader says of a text that is no JSON, and what is said instead.
const SYNTAX: [(&str, &str); 17] = [
    ("EOF while parsing an object", "it ends within an object; is a } missing?"),
    ("EOF while parsing a list", "it ends within a list; is a ] missing?"),
    ("EOF while parsing a string", "it ends within a text; is a \" missing?"),
    ("EOF while parsing a value", "it ends where a value should stand"),
    (
        "expected value",
        "a value should stand here: a text in \", a number, true, false, null, { or [",
    ),
    ("expected ident", "this word is none of true, false and null"),
    ("key must be a string", "a name in \" should stand here"),
    ("trailing characters", "something stands behind its end"),
    ("trailing comma", "a comma stands before the end of an object or a list"),
    ("expected `:`", "a : should stand here, behind a name"),
    ("expected `,` or `}`", "a comma or a } should stand here"),
    ("expected `,` or `]`", "a comma or a ] should stand here"),
    ("invalid escape", "this is not an escape of JSON; write a \\ as \\\\"),
    ("invalid number", "this is not a number of JSON"),
    ("number out of range", "the number is larger than any that is read"),
    (
        "control character (\\u0000-\\u001F) found while parsing a string",
        "a control character stands in a text; write a line break as \\n and a tab as \\t",
    ),
    ("recursion limit exceeded", "it is nested too deep"),
];
/// What the reader expects, in its words and in plain ones.
const EXPECTED: [(&str, &str); 11] = [
    ("a string or integer", "a text or a whole number"),
    ("a 64-bit unsigned integer or decimal string", "a whole number, also as a text"),
    ("a 64-bit signed integer or decimal string", "a whole number, also as a text"),
    ("a 32-bit unsigned integer or decimal string", "a whole number, also as a text"),
    ("a 32-bit signed integer or decimal string", "a whole number, also as a text"),
    ("a string", "a text"),
    ("a borrowed string", "a text"),
    ("a boolean", "true or false"),
    ("a map", "an object"),
    ("a sequence", "a list"),
    ("an array", "a list"),
];

/// What follows the name of a member that is unknown.
const KNOWN: &str = " is not known here; the known names are ";

/// What is wrong with a text that is no JSON.
pub(super) fn syntax(problem: &str) -> String {
    let known = SYNTAX.iter().find(|(theirs, _)| problem == *theirs);
    format!("not JSON: {}", known.map_or(problem, |(_, plain)| plain))
}

/// What is wrong with JSON that says something else than is expected.
pub(super) fn data(problem: &str) -> String {
    let wrong = problem.strip_prefix("invalid type: ").or(problem.strip_prefix("invalid value: "));
    if let Some((found, expected)) = wrong.and_then(|it| it.rsplit_once(", expected ")) {
        let known = EXPECTED.iter().find(|(theirs, _)| expected == *theirs);
        let expected = known.map_or(expected, |(_, plain)| plain);
        return format!("is {}; {expected} should stand here", self::found(found));
    }
    if let Some(name) = problem.strip_prefix("missing field ") {
        return format!("{} is missing", name.replace('`', "\""));
    }
    if let Some(name) = problem.strip_prefix("duplicate field ") {
        return format!("{} is given twice", name.replace('`', "\""));
    }
    if let Some(rest) = problem.strip_prefix("unknown field ") {
        let text = rest.replace(", expected one of ", KNOWN).replace(", expected ", KNOWN);
        return text.replace('`', "\"");
    }
    if let Some(name) = problem.strip_prefix("unrecognized field name ") {
        return format!("{name} is not a field of this message");
    }
    if let Some(name) = problem.strip_prefix("unrecognized enum value ") {
        return format!("{name} is none of the values of this field");
    }
    match problem {
        "invalid digit found in string" | "cannot parse integer from empty string" => {
            "is a text that is not a whole number".to_owned()
        }
        "number too large to fit in target type" | "number too small to fit in target type" => {
            "is a number that the field cannot hold".to_owned()
        }
        other => other.to_owned(),
    }
}

/// What was found: the reader puts its type before a value.
fn found(text: &str) -> String {
    let (kind, value) = text.split_once(' ').unwrap_or((text, ""));
    match kind {
        "integer" | "floating" => {
            let value = value.trim_start_matches("point ").trim_matches('`');
            format!("the number {value}")
        }
        "string" => format!("the text {value}"),
        "boolean" => value.trim_matches('`').to_owned(),
        "map" => "an object".to_owned(),
        "sequence" => "a list".to_owned(),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use crate::cli::json::JsonError;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Example {
        #[expect(dead_code, reason = "it is only read")]
        name: String,
        #[serde(default)]
        #[expect(dead_code, reason = "it is only read")]
        list: Vec<bool>,
    }

    #[test]
    fn every_problem_is_reported_in_plain_words() {
        for (text, expected) in [
            ("{", "not JSON: it ends within an object; is a } missing?"),
            ("{\"list\":[", "not JSON: it ends within a list; is a ] missing?"),
            ("{\"name\":\"a", "not JSON: it ends within a text; is a \" missing?"),
            ("{\"name\":", "not JSON: it ends where a value should stand"),
            ("{\"name\":x}", "not JSON: a value should stand here"),
            ("{\"list\":[tru]}", "not JSON: this word is none of true, false and null"),
            ("{name:1}", "not JSON: a name in \" should stand here"),
            ("{\"name\":\"\"}}", "not JSON: something stands behind its end"),
            ("{\"name\":\"\",}", "not JSON: a comma stands before the end"),
            ("{\"name\" 1}", "not JSON: a : should stand here"),
            ("{\"name\":\"\" 1}", "not JSON: a comma or a } should stand here"),
            ("{\"list\":[true true]}", "not JSON: a comma or a ] should stand here"),
            ("{\"name\":\"\\x\"}", "not JSON: this is not an escape of JSON"),
            ("{\"name\":01}", "not JSON: this is not a number of JSON"),
            ("{\"name\":\"\t\"}", "not JSON: a control character stands in a text"),
            ("{\"name\":1e999}", "not JSON: the number is larger than any that is read"),
            ("{\"name\":12}", "is the number 12; a text should stand here"),
            ("{\"name\":1.5}", "is the number 1.5; a text should stand here"),
            ("{\"name\":null}", "is null; a text should stand here"),
            ("{\"name\":true}", "is true; a text should stand here"),
            ("{\"name\":{}}", "is an object; a text should stand here"),
            ("{\"name\":[]}", "is a list; a text should stand here"),
            ("{\"list\":\"a\"}", "is the text \"a\"; a list should stand here"),
            ("{\"list\":[1]}", "is the number 1; true or false should stand here"),
            ("{}", "\"name\" is missing"),
            ("{\"name\":\"\",\"name\":\"\"}", "\"name\" is given twice"),
            ("{\"x\":1}", "\"x\" is not known here; the known names are \"name\" or \"list\""),
        ] {
            let error = JsonError::from(serde_json::from_str::<Example>(text).unwrap_err());
            assert!(error.problem.starts_with(expected), "{text}: {}", error.problem);
        }
    }
}
