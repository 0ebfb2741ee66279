//! Mutated parts of a run, with right checksums: none makes a reader panic.

use super::{footer, group, leaf, list, times, *};
use crate::{
    fuzz::{Fuzz, golden},
    log::index::key::Key,
};

const SALT: u32 = 77;
const AT: u64 = 4096;

fn leaf_page(body: &[u8]) -> String {
    let mut page = body.to_vec();
    page.resize(PAGE, 0);
    leaf::seal(&mut page, SALT, AT);
    let Ok(leaf) = leaf::LeafPage::open(&page, SALT, AT) else { return "no page".to_owned() };
    let (mut bad, mut good) = (0, 0);
    for place in 0..leaf.len() {
        let Ok((key, entry)) = leaf.entry(1, place) else {
            bad += 1;
            continue;
        };
        good += 1;
        let _ = leaf.find(1, key);
        if let leaf::EntryList::Short(bytes) = entry.list {
            let _ = leaf::decode_short(1, entry.count, bytes);
        }
    }
    format!("page{}{}", if bad > 0 { " bad" } else { "" }, if good > 0 { " good" } else { "" })
}

fn checked(body: &[u8]) -> Vec<u8> {
    let crc = checksum(SALT, AT + 4, body).to_be_bytes();
    [&crc[..], body].concat()
}

fn filter(body: &[u8]) -> String {
    let Ok(filter) = group::decode_filter(&checked(body), SALT, AT) else {
        return "no filter".to_owned();
    };
    for number in 0..64_u64 {
        xorf::Filter::contains(&filter, &number.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    }
    "filter".to_owned()
}

fn long_list(body: &[u8]) -> String {
    let at = list::LongList { directory: 1 << 20, containers: 3, last: 9 };
    let Ok(directory) = list::Directory::new(&at, body.to_vec()) else {
        return "no list".to_owned();
    };
    let found = (0..directory.len()).filter(|place| directory.get(*place).is_some()).count();
    directory.partition_point(|container| container.number < 2);
    format!("list{}", if found > 0 { " of some" } else { "" })
}

fn times_page(body: &[u8]) -> String {
    let mut page = body.to_vec();
    page.truncate(PAGE - 4);
    let crc = checksum(SALT, AT, &page).to_be_bytes();
    let read = times::decode(&[&crc[..], &page].concat(), SALT, AT);
    read.map_or("no times".to_owned(), |_| "times".to_owned())
}

fn footer_of(body: &[u8]) -> String {
    let mut trailer = AT.to_be_bytes().to_vec();
    trailer.extend((body.len() as u64).to_be_bytes());
    trailer.extend(checksum(SALT, AT, body).to_be_bytes());
    let trailer = footer::Trailer::decode(&trailer, AT + body.len() as u64).expect("it fits");
    let Ok(footer) = footer::Footer::decode(body, SALT, &trailer) else {
        return "no footer".to_owned();
    };
    for group in &footer.groups {
        let _ = (group.keys_bytes(), group.memory());
    }
    "footer".to_owned()
}

fn header_page(body: &[u8]) -> String {
    let mut page = b"\x89HOI\r\n\x1a\n".to_vec();
    page.extend(crc32c::crc32c(body.get(..72).unwrap_or_default()).to_be_bytes());
    page.extend(body);
    Header::decode(&page).map_or_else(|error| error.0.to_owned(), |_| "header".to_owned())
}

/// The first byte chooses the part.
fn read(input: &[u8]) -> String {
    let Some((part, body)) = input.split_first() else { return String::new() };
    match part % 7 {
        0 => leaf_page(body),
        1 => filter(body),
        2 => long_list(body),
        3 => times_page(body),
        4 => footer_of(body),
        5 => header_page(body),
        _ => {
            let keys = group::decode_keys(&checked(body), SALT, AT).map(|keys| {
                group::page_of(&keys, Key::from_bytes([9; Key::BYTES]));
            });
            let bitmap = list::decode_bitmap(body).map(|bitmap| bitmap.len());
            format!("{} {}", keys.is_ok(), bitmap.is_ok())
        }
    }
}

#[test]
fn no_part_of_a_run_that_was_changed_makes_a_reader_panic() {
    // What stands in a page behind its checksum, taken for each of the parts.
    let seeds = golden("index_run").into_iter().flat_map(|bytes| {
        let parts = [&bytes[..], bytes.get(4..).unwrap_or_default()];
        let of = |part: u8| parts.map(|bytes| [&[part][..], bytes].concat());
        (0..7).flat_map(of).collect::<Vec<_>>()
    });
    Fuzz::of("run", seeds).run(read);
}
