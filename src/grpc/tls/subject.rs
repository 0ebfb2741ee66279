//! The subject of a certificate as text, by RFC 4514: `CN=desk,O=Example`. The last part of the
//! subject comes first. `openssl x509 -noout -subject -nameopt RFC2253,-esc_msb` prints the same.
//!
//! A subject that cannot be written without doubt has no text, and so names no identity: one with
//! an unusual attribute, a string that is neither UTF-8 nor ASCII, or a control character.

use tokio_rustls::rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
const OBJECT_ID: u8 = 0x06;
const UTF8_STRING: u8 = 0x0c;
const PRINTABLE_STRING: u8 = 0x13;
const IA5_STRING: u8 = 0x16;

/// The attributes that have a name: the object identifier as it is encoded, and the name.
const ATTRIBUTES: [(&[u8], &str); 11] = [
    (&[0x55, 4, 3], "CN"),
    (&[0x55, 4, 5], "serialNumber"),
    (&[0x55, 4, 6], "C"),
    (&[0x55, 4, 7], "L"),
    (&[0x55, 4, 8], "ST"),
    (&[0x55, 4, 9], "street"),
    (&[0x55, 4, 10], "O"),
    (&[0x55, 4, 11], "OU"),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1], "emailAddress"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 25], "DC"),
    (&[0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 1, 1], "UID"),
];

/// The subject of a certificate; `None`: it is empty, or has no text.
pub(super) fn of(certificate: &CertificateDer<'_>) -> Option<String> {
    let parsed = EndEntityCert::try_from(certificate).ok()?;
    text(parsed.subject()).filter(|subject| !subject.is_empty())
}

/// The text of a name, which is given without its outer tag.
fn text(mut name: &[u8]) -> Option<String> {
    let mut parts = Vec::new();
    while !name.is_empty() {
        let mut set = taken(&mut name, SET)?;
        let mut attributes = Vec::new();
        while !set.is_empty() {
            attributes.push(attribute(taken(&mut set, SEQUENCE)?)?);
        }
        parts.push(attributes.join("+"));
    }
    parts.reverse();
    Some(parts.join(","))
}

fn attribute(mut attribute: &[u8]) -> Option<String> {
    let id = taken(&mut attribute, OBJECT_ID)?;
    let (_, name) = ATTRIBUTES.iter().find(|(known, _)| *known == id)?;
    let value = string(&mut attribute)?;
    (attribute.is_empty() && !value.is_empty()).then(|| format!("{name}={}", escaped(value)))
}

fn string<'a>(from: &mut &'a [u8]) -> Option<&'a str> {
    let tag = *from.first()?;
    let bytes = match tag {
        UTF8_STRING | PRINTABLE_STRING | IA5_STRING => taken(from, tag)?,
        _ => return None,
    };
    let text = std::str::from_utf8(bytes).ok()?;
    let plain = tag == UTF8_STRING || text.is_ascii();
    (plain && !text.chars().any(char::is_control)).then_some(text)
}

/// The text with what has a meaning in a name behind a backslash.
fn escaped(value: &str) -> String {
    let mut escaped = String::new();
    for (at, character) in value.char_indices() {
        let first = at == 0 && matches!(character, ' ' | '#');
        let last = at + character.len_utf8() == value.len() && character == ' ';
        if first || last || matches!(character, '"' | '+' | ',' | ';' | '<' | '>' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// The content of the next element, which has this tag; what follows it is left.
fn taken<'a>(from: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    let (first, rest) = from.split_first()?;
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match *length {
        short @ ..=0x7f => (usize::from(short), rest),
        0x81 => rest.split_first().map(|(length, rest)| (usize::from(*length), rest))?,
        0x82 => {
            let (length, rest) = rest.split_first_chunk::<2>()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length).filter(|_| *first == tag)?;
    *from = rest;
    Some(content)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, DnValue, KeyPair};

    use super::*;

    fn subject(attributes: Vec<(DnType, DnValue)>) -> Option<String> {
        let mut params = CertificateParams::default();
        params.distinguished_name = rcgen::DistinguishedName::new();
        for (kind, value) in attributes {
            params.distinguished_name.push(kind, value);
        }
        of(params.self_signed(&KeyPair::generate().unwrap()).unwrap().der())
    }

    fn utf8(text: &str) -> DnValue {
        DnValue::Utf8String(text.to_owned())
    }

    #[test]
    fn a_subject_is_written_from_its_end_and_escaped() {
        let name = vec![
            (DnType::CountryName, DnValue::PrintableString("DE".try_into().unwrap())),
            (DnType::OrganizationName, utf8("Desk, \u{dc}bersicht + Co")),
            (DnType::CommonName, utf8(" #1\\")),
        ];
        let expected = "CN=\\ #1\\\\,O=Desk\\, \u{dc}bersicht \\+ Co,C=DE";
        assert_eq!(subject(name).as_deref(), Some(expected));
        let long = "x".repeat(300);
        assert_eq!(subject(vec![(DnType::CommonName, utf8(&long))]), Some(format!("CN={long}")));
    }

    #[test]
    fn a_policy_takes_the_attributes_that_are_found_and_no_other() {
        assert_eq!(ATTRIBUTES.map(|(_, name)| name), crate::domain::access::ATTRIBUTES);
    }

    #[test]
    fn a_subject_that_could_be_read_in_two_ways_has_no_text() {
        assert_eq!(subject(vec![]), None, "it is empty");
        assert_eq!(subject(vec![(DnType::CommonName, utf8("a\u{0}b"))]), None);
        let strange = DnType::CustomDnType(vec![2, 5, 4, 99]);
        assert_eq!(subject(vec![(strange, utf8("a")), (DnType::CommonName, utf8("b"))]), None);
        let bmp = DnValue::BmpString("a".try_into().unwrap());
        assert_eq!(subject(vec![(DnType::CommonName, bmp)]), None);
        for broken in [&[SET, 5][..], &[SET, 2, SEQUENCE, 9], &[SET, 0x83, 0, 0, 1, 0], &[0x30, 0]]
        {
            assert_eq!(text(broken), None);
        }
    }
}
