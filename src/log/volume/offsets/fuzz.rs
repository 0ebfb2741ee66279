//! Mutated offset tables, with right checksums: none makes a lookup panic.

use super::*;
use crate::{
    fuzz::{Fuzz, golden},
    log::volume::contents::ContentsTally,
};

fn read(input: &[u8]) -> String {
    let mut tally = ContentsTally::new(1);
    tally.events(b"any", 3);
    let contents = tally.finish();
    let mut bytes = input.to_vec();
    // What binds it to a volume, and then the checksum over that.
    if let Some(digest) = bytes.get_mut(16..48) {
        digest.copy_from_slice(&contents.digest_bytes());
    }
    let crc = bytes.get(12..).map(crc32c::crc32c).unwrap_or_default();
    if let Some(found) = bytes.get_mut(8..12) {
        found.copy_from_slice(&crc.to_be_bytes());
    }
    match OffsetTable::decode(&bytes, &contents) {
        Err(why) => why.to_owned(),
        Ok(table) => {
            assert_eq!(table.encode(&contents), bytes, "it is read otherwise than written");
            for position in [0, 1, 2, 3, u64::MAX] {
                let _ = (table.block(position), table.page(position));
                let keys = [Key::Block(position), Key::Part(position, 1), Key::Page(position)];
                let _ = keys.map(|key| table.find(key).map(|value| table.position(value)));
            }
            format!("table{}", if table.parts().is_empty() { "" } else { " with parts" })
        }
    }
}

#[test]
fn no_offset_table_that_was_changed_makes_a_lookup_panic() {
    Fuzz::of("offsets", golden("places")).run(read);
}
