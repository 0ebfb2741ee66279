//! The subject of a client certificate, as a policy writes it: by RFC 4514, as in
//! `CN=desk,O=Example`.
//!
//! What the server can never find in a certificate is refused. `CN = desk, O = Example`, as openssl
//! prints subjects by default, would name an identity that cannot log in.

/// The attributes that a subject may have.
pub const ATTRIBUTES: [&str; 11] =
    ["CN", "serialNumber", "C", "L", "ST", "street", "O", "OU", "emailAddress", "DC", "UID"];

/// What is wrong with a subject, if anything is.
pub(super) fn check(subject: &str) -> Result<(), String> {
    if parts(subject).all(is_attribute) {
        return Ok(());
    }
    Err(format!(
        "{subject:?} is no subject as in \"CN=desk,O=Example\"; `openssl x509 -noout -subject \
         -nameopt RFC2253,-esc_msb -in FILE` prints that of a certificate"
    ))
}

/// What stands between commas and plus signs, of those that no backslash precedes.
fn parts(subject: &str) -> impl Iterator<Item = &str> {
    let mut is_escaped = false;
    subject.split(move |character| {
        let separates = !is_escaped && matches!(character, ',' | '+');
        is_escaped = !is_escaped && character == '\\';
        separates
    })
}

fn is_attribute(part: &str) -> bool {
    let Some((name, value)) = part.split_once('=') else { return false };
    let ends_open = value.ends_with(' ') && !value.ends_with("\\ ");
    ATTRIBUTES.contains(&name) && !value.is_empty() && !value.starts_with([' ', '#']) && !ends_open
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_are_written_as_the_server_finds_them() {
        for good in ["CN=desk", "CN=desk,O=Example", "CN=a+UID=b,C=DE", "CN=\\ a\\,b\\\\,O=x = y"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "desk",
            "CN = desk",
            "CN=desk, O=Example",
            "subject=CN = desk",
            "/CN=desk",
            "cn=desk",
            "CN=",
            "CN=a,b",
            "CN=a\\\\,b",
            "CN=a ",
            "2.5.4.3=a",
        ] {
            let problem = check(bad).unwrap_err();
            assert!(problem.contains("is no subject as in"), "{problem}");
        }
    }
}
