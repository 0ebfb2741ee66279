//! Keeps `docs/FORMAT.md` in step with the constants that it states.

use std::fs;

/// A file, a line of it that fixes a number, and how the page states it: a change of the first
/// leads to the second.
const FACTS: &[(&str, &str, &str)] = &[
    ("log/ends.rs", "EVENT_TAG: u8 = 0x0A;", "0A | length varint | RecordedEvent"),
    ("log/frame.rs", "FIXED: usize = 8 + 8 + 4 + 4;", "    24  44 x n  append table"),
    ("log/frame.rs", "BYTES: usize = 16 + 16 + 8 + 4;", "24+44n          encoded events"),
    ("log/frame.rs", "HEADROOM: usize = 80;", "    80         body: the frame"),
    ("log/frame.rs", "UNIT: usize = 4096;", "on multiples of 4096 bytes"),
    ("log/file_journal/envelope.rs", "VERSION: u32 = 1;", "    12      4  format version: 1"),
    ("log/file_journal/envelope.rs", "HEAD: usize = 8 + 4 + 4 + 16;", "    32      8  epoch"),
    ("log/file_journal/marker.rs", "envelope::HEAD + 8 + 8 + 8 + 4;", "crc of bytes 12 to 59"),
    ("log/file_journal/marker.rs", "NAME: &str = \"clean-stop\";", "`clean-stop` says"),
    ("log/file_journal/segment.rs", "{number:08}.{EXTENSION}", "files NNNNNNNN.journal"),
    ("log/file_journal/listing.rs", "NAME: &str = \"FILES\";", "listed in `FILES`"),
    ("log/file_journal/listing.rs", "{number} {length}\\n", "(`1 33554432`)"),
    ("log.rs", "journal_file_bytes: 32 << 20,", "It has 32 MiB (or"),
    ("log.rs", "volume_bytes: 64 << 20,", "have 64 MiB (or"),
    ("log/store.rs", "NEVER_RESTORED: u32 = 1;", "handover\nformat 1\nstore "),
    ("log/store.rs", "RESTORED: u32 = 2;", "`format 2`"),
    ("log/store.rs", "HISTORY: &str = \"HISTORY\";", "\nHISTORY "),
    (
        "log/history.rs",
        "branch {} after {}\\n",
        "branch fedcba9876543210fedcba9876543210 after 1200\n",
    ),
    ("log/store/lock.rs", "LOCK: &str = \"LOCK\";", "\nLOCK "),
    ("log/store.rs", "MANIFEST: &str = \"MANIFEST\";", "\nMANIFEST "),
    ("log/store.rs", "JOURNAL: &str = \"journal\";", "\njournal/ "),
    ("log/store.rs", "VOLUMES: &str = \"volumes\";", "\nvolumes/ "),
    ("log.rs", "volume_events: 200_000,", "or are 200,000."),
    ("log/store.rs", "INDEX: &str = \"index\";", "\nindex/ "),
    ("log/index/key.rs", "Self::Stream(name) => (1, name),", "1 stream,"),
    ("log/index/key.rs", "Self::Category(name) => (2, name),", "2 category,"),
    ("log/index/key.rs", "Self::Type(name) => (3, name),", "3 type,"),
    ("log/index/key.rs", "Self::Tag(tag) => (4, tag),", "4 tag,"),
    ("log/index/key.rs", "Self::Request(id) => (5, id),", "5 request id,"),
    ("log/index/layout.rs", "EXTENSION: &str = \"run\";", "`NNNNNNNN.run`"),
    ("log/index/run.rs", "PAGE: usize = 4096;", "header, zeros up to 4096"),
    ("log/index/run.rs", "group_keys: 32_768,", "of 32,768 keys at most"),
    ("log/index/run.rs", "inside_bytes: 64,", "difference, ...      64 bytes at most"),
    ("log/index/run/header.rs", "VERSION: u32 = 1;", "             12      4  format version: 1"),
    (
        "log/index/run/header.rs",
        "HEADER: usize = CHECKED_FROM + 4 + 16 + 8 + 8 + 4 + 32;",
        "12 to 83",
    ),
    ("log/index/run/leaf.rs", "LONG: u64 = 1;", "+ 1 if its list is long"),
    ("log/index/run/leaf.rs", "REVISION: u64 = 2;", "+ 2 if it is a stream"),
    ("log/index/run/leaf.rs", "FLAG_BITS: u32 = 2;", "number of positions x 4"),
    (
        "log/index/run/list.rs",
        "RECORD: usize = 4 + 8 + 4 + 4;",
        "directory    (number u32 | positions",
    ),
    ("log/index/run/list.rs", "LOW_BITS: u32 = 16;", "of the lowest 16 bits"),
    (
        "log/index/run/group.rs",
        "FILTER_HEAD: usize = CRC + 8 + 4 + 4;",
        "crc at | seed u64 | segment length",
    ),
    ("log/index/run/footer.rs", "TRAILER: usize = 8 + 8 + 4;", "trailer: the last 20 bytes"),
    (
        "log/index/run/footer.rs",
        "GROUP: usize = Key::BYTES + 8 + 4 + 4 + 4;",
        "footer       n u32 | (first key",
    ),
    ("log/store.rs", "PROJECTIONS: &str = \"projections\";", "\nprojections/ "),
    ("log/manifest.rs", "FORMAT: u32 = 1;", "  \"format\": 1,"),
    ("log/volume/block.rs", "VALUE_BYTES: usize = 4 << 10;", "at most 4096 bytes"),
    ("log/volume/block.rs", "PART_BYTES: usize = VALUE_BYTES - HEAD - KIND;", "4083 of them"),
    ("log/volume/block.rs", "(VALUE_BYTES - HEAD - LIST) / Append", "n at most 92,"),
    ("log/volume/block.rs", "MARKER: usize = 8;", "value  | marker 8 | crc u32 |"),
    ("log/volume/block.rs", "chain_update(\"volume values\")", "the ASCII text `volume values`"),
    ("log/volume/key.rs", "PAGE_PREFIX: u8 = 0xFF;", "| `FF`, position of"),
    ("log/volume/block.rs", "EVENTS: u8 = 1;", "block  | 01 | n u16 |"),
    ("log/volume/block.rs", "LARGE: u8 = 2;", "head   | 02 | length u32 |"),
    ("log/volume/block.rs", "PART: u8 = 3;", "part   | 03 | bytes"),
    ("log/volume/block.rs", "APPENDS: u8 = 4;", "page   | 04 | n u16 |"),
    ("log/volume/database.rs", "SEGMENT_BYTES: usize = 512 << 10;", "`segment_size` 512 KiB"),
    ("log/volume/sealed.rs", "COPY: &str = \".copy\";", "`NAME.copy`"),
    ("log/volume/offsets/file.rs", "VERSION: u32 = 1;", "    12       4  format version: 1"),
    (
        "log/volume/offsets/file.rs",
        "HEAD: usize = CHECKED + 4 + 32 + 8 + 3 * 4;",
        "    68  16 x n  an entry",
    ),
    (
        "log/volume/offsets/file.rs",
        "VALUE_OFFSET: usize = 4 + 2 + 2 + 8;",
        "entry        4  position",
    ),
    ("log/volumes/tables.rs", "PROGRESS: &str = \"scrubbed\";", "`places/scrubbed`"),
    ("log/store.rs", "OFFSET_TABLES: &str = \"places\";", "\nplaces/ "),
    ("log/volume/database.rs", "use_compression(false)", "no compression"),
    ("projections/register.rs", "NAME: &'static str = \"claims\";", "`projections/claims`"),
];

fn page() -> String {
    fs::read_to_string("docs/FORMAT.md").expect("the format page")
}

#[test]
fn the_format_page_states_every_size_and_number_of_the_code() {
    let page = page();
    assert!(page.is_ascii() && page.lines().count() <= 280, "it is one page, in ASCII");
    for (file, line, expected) in FACTS {
        let source = fs::read_to_string(format!("src/{file}")).expect(file);
        assert!(source.contains(line), "src/{file} no longer says {line:?}: mend docs/FORMAT.md");
        assert!(
            page.contains(expected),
            "docs/FORMAT.md does not say {expected:?}; src/{file}: {line}"
        );
    }
}

#[test]
fn the_format_page_draws_the_magic_of_what_is_stored() {
    for stored in ["journal_frame", "clean_stop", "saved_state", "index_run 0", "places"] {
        let magic: Vec<String> = super::stored::golden(stored)
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02X}"))
            .collect();
        let magic = format!("magic: {}", magic.join(" "));
        assert!(page().contains(&magic), "{stored}: {magic}");
    }
}
