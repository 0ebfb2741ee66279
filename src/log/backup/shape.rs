//! The names that a target has. Nothing else in it is listed, swept or deleted.

/// The folders at the top.
const FOLDERS: [&str; 3] = ["backups", "frames", "volumes"];
/// What the name of a piece ends with until all of it is durable.
pub(super) const UNFINISHED: &str = ".new";

/// The name of the piece with a volume's offset table.
pub(super) const OFFSETS: &str = "places";
/// What the names of snapshots of sled begin with. sled makes them again, so they may be missing.
pub(super) const SNAPSHOT: &str = "snap.";
/// The file of a volume that holds its events.
pub(super) const DATABASE: &str = "db";

/// Whether a volume's folder has this name: its first position.
pub(super) fn is_volume(directory: &str) -> bool {
    is_decimal(directory, 20)
}

/// Whether a file of a volume has this name: the database, its settings, or a snapshot.
pub(super) fn is_volume_file(name: &str) -> bool {
    let is_snapshot = |number: &str| {
        number.len() == 16 && number.bytes().all(|it| it.is_ascii_digit() || is_in(it, b"ABCDEF"))
    };
    [DATABASE, "conf"].contains(&name) || name.strip_prefix(SNAPSHOT).is_some_and(is_snapshot)
}

/// Whether a whole piece of a target has this name.
pub fn is_piece(name: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        ["BACKUP"] => true,
        ["backups", manifest] => manifest
            .split_once('-')
            .is_some_and(|(number, position)| is_decimal(number, 10) && is_decimal(position, 20)),
        ["frames", frames] => match frames.split('-').collect::<Vec<_>>().as_slice() {
            [first, last, check] => {
                is_decimal(first, 20) && is_decimal(last, 20) && is_hex(check, 8)
            }
            _ => false,
        },
        ["volumes", folder, file] => {
            is_folder_of_volume(folder)
                && (is_volume_file(file) || [OFFSETS, "PIECES"].contains(file))
        }
        _ => false,
    }
}

/// Whether a piece that is not written to its end has this name.
pub(super) fn is_unfinished(name: &str) -> bool {
    name.strip_suffix(UNFINISHED).is_some_and(is_piece)
}

/// Whether a folder with pieces has this name.
pub(super) fn is_folder(name: &str) -> bool {
    let volume = name.strip_prefix("volumes/");
    FOLDERS.contains(&name) || volume.is_some_and(is_folder_of_volume)
}

fn is_folder_of_volume(name: &str) -> bool {
    let parts = name.split_once('-');
    parts.is_some_and(|(directory, digest)| is_volume(directory) && is_hex(digest, 16))
}

fn is_decimal(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|it| it.is_ascii_digit())
}

fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|it| it.is_ascii_digit() || is_in(it, b"abcdef"))
}

fn is_in(byte: u8, letters: &[u8]) -> bool {
    letters.contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;

    const VOLUME: &str = "volumes/00000000000000000001-0123456789abcdef";

    #[test]
    fn only_names_that_a_backup_gives_are_those_of_pieces() {
        let frames = "frames/00000000000000000001-00000000000000000009-0000beef";
        let of_volume = ["db", "conf", "snap.00000000000FF0A1", "places", "PIECES"];
        let mut own: Vec<String> = of_volume.iter().map(|it| format!("{VOLUME}/{it}")).collect();
        own.extend(["BACKUP", frames, "backups/0000000001-00000000000000000020"].map(Into::into));
        for name in &own {
            assert!(is_piece(name) && !is_unfinished(name) && !is_folder(name), "{name}");
            assert!(is_unfinished(&format!("{name}.new")) && !is_piece(&format!("{name}.new")));
            // Another byte less, more, or in another case.
            assert!(!is_piece(&name[1..]) && !is_piece(&format!("{name}x")), "{name}");
            assert!(!is_piece(&format!("x/{name}")) && !is_piece(&format!("{name}/x")), "{name}");
            assert!(!is_piece(&format!("../{name}")) && !is_piece(&format!("/{name}")), "{name}");
        }
        for folder in ["backups", "frames", "volumes", VOLUME] {
            assert!(is_folder(folder) && !is_piece(folder), "{folder}");
        }
        for other in [
            "",
            "notes.new",
            "frames/half.new",
            "volumes/archive",
            "volumes/archive/db",
            "volumes/00000000000000000001/db",
            "volumes/../db",
            "volumes/00000000000000000001-0123456789ABCDEF/db",
            "volumes/00000000000000000001-0123456789abcdef/..",
            "volumes/00000000000000000001-0123456789abcdef/db.bak",
            "backups/0000000001",
            "backups/00000000001-00000000000000000020",
        ] {
            assert!(!is_piece(other) && !is_unfinished(other) && !is_folder(other), "{other}");
        }
    }
}
