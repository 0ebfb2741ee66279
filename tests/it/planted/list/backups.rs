//! Faults of backups and restores.

use super::{Fault, unit};

/// All of them.
pub(in crate::planted) const BACKUPS: &[Fault] = &[
    Fault {
        name: "backup-without-tail",
        breaks: "a backup ends with the last sealed volume, and lacks the frames behind it",
        caught_by: &[unit(
            "log::tests::backups::promises::a_backup_has_all_that_was_durable_when_it_began",
            "the last position that is durable",
        )],
    },
    Fault {
        name: "manifest-before-volumes",
        breaks: "a manifest of a backup is put before the volumes that it needs",
        caught_by: &[unit(
            "log::tests::backups::faults::\
             a_backup_that_was_killed_is_resumed_by_the_next_and_what_it_left_is_removed",
            "a manifest is there",
        )],
    },
    Fault {
        name: "piece-named-before-sync",
        breaks: "a piece of a backup gets its name before it is durable",
        caught_by: &[unit(
            "log::tests::backups::faults::\
             wherever_the_power_fails_a_backup_is_whole_or_not_there",
            "value: Piece",
        )],
    },
    Fault {
        name: "piece-unchecked",
        breaks: "a piece of a backup is read without its digest",
        caught_by: &[unit(
            "log::backup::pieces::tests::\
             any_flipped_bit_cut_or_addition_of_a_piece_is_found_and_names_it",
            "bit 0 is another",
        )],
    },
    Fault {
        name: "reuse-missing-piece",
        breaks: "a backup takes over a volume of which a piece is gone",
        caught_by: &[unit(
            "log::tests::backups::bad::\
             a_piece_that_is_gone_or_cut_is_copied_again_by_the_next_backup",
            "it was there while the backup was made",
        )],
    },
    Fault {
        name: "volume-values-unchecked",
        breaks: "a volume is backed up, verified and restored without a look at its values",
        caught_by: &[unit(
            "log::tests::backups::values::\
             a_volume_with_a_damaged_value_is_named_with_its_position_and_not_backed_up",
            "a value is damaged",
        )],
    },
    Fault {
        name: "exchanged-target-unnoticed",
        breaks: "a backup lists pieces in a folder that was exchanged while it was made",
        caught_by: &[unit(
            "log::tests::backups::changing::\
             a_folder_that_is_exchanged_while_a_backup_is_made_gets_no_manifest",
            "called `Result::unwrap_err()`",
        )],
    },
    Fault {
        name: "unchecked-volume-taken-over",
        breaks: "a backup takes over a volume that an earlier version copied with its damage",
        caught_by: &[unit(
            "log::tests::backups::values::\
             a_damaged_value_that_was_copied_so_is_found_not_restored_and_copied_again",
            "the damaged volume was taken over",
        )],
    },
    Fault {
        name: "restore-wrong-table",
        breaks: "a restore writes a table of offsets that is none",
        caught_by: &[unit(
            "log::tests::backups::values::an_empty_table_of_an_earlier_version_is_not_restored",
            "an empty table was restored",
        )],
    },
    Fault {
        name: "reuse-by-directory",
        breaks: "a backup takes over a volume of another history that has the same folder",
        caught_by: &[unit(
            "log::tests::backups::promises::\
             volumes_of_another_history_are_not_taken_over_though_their_folders_have_the_same_name",
            "each manifest has its volumes|the volume of the history that is backed up",
        )],
    },
    Fault {
        name: "frames-of-another-record",
        breaks: "a backup takes over the frames of the last one, though others are in their place",
        caught_by: &[unit(
            "log::tests::backups::promises::\
             frames_of_a_folder_that_was_put_back_are_not_taken_over",
            "each manifest is that of its own frames",
        )],
    },
    Fault {
        name: "prune-shared-pieces",
        breaks: "`--keep` removes pieces that only an older kept backup needs",
        caught_by: &[unit(
            "log::tests::backups::promises::\
             a_backup_that_is_kept_keeps_pieces_that_no_newer_one_needs",
            "a kept backup lacks a piece",
        )],
    },
    Fault {
        name: "room-unchecked",
        breaks: "a backup fills the target though it would not fit",
        caught_by: &[unit(
            "log::tests::backups::bad::what_would_not_fit_is_refused_before_anything_is_put",
            "there is no room",
        )],
    },
    Fault {
        name: "backup-unclaimed",
        breaks: "two processes work on one target",
        caught_by: &[unit(
            "log::tests::backups::bad::only_one_process_at_a_time_works_on_a_target",
            "on an `Ok` value",
        )],
    },
    Fault {
        name: "backup-of-another-store",
        breaks: "the backups of two stores are mixed in one target",
        caught_by: &[unit(
            "log::tests::backups::bad::a_target_of_another_store_is_refused_and_left_alone",
            "on an `Ok` value",
        )],
    },
    Fault {
        name: "verify-newest-backup-alone",
        breaks: "`verify --backup` passes over the pieces of older backups",
        caught_by: &[unit(
            "log::tests::backups::promises::\
             every_backup_in_a_target_is_verified_and_not_the_newest_alone",
            "what is wrong with the older backup",
        )],
    },
    Fault {
        name: "path-behind-nothing",
        breaks: "a path goes back by `..` behind a folder that does not exist yet, and means another place later",
        caught_by: &[unit(
            "log::tests::backups::places::\
             a_path_that_comes_to_mean_a_data_directory_is_refused_before_anything_is_made",
            "missing/../victim",
        )],
    },
    Fault {
        name: "target-follows-links",
        breaks: "a backup goes behind links in its target, and cleans up what lies there",
        caught_by: &[unit(
            "log::tests::backups::hostile::\
             cleaning_follows_no_link_and_deletes_only_what_a_backup_may_have_put",
            "is listed|lies behind a link",
        )],
    },
    Fault {
        name: "foreign-swept",
        breaks: "a backup deletes files in its target that no backup has put there",
        caught_by: &[unit(
            "log::tests::backups::hostile::\
             cleaning_follows_no_link_and_deletes_only_what_a_backup_may_have_put",
            "is listed|a foreign file was swept",
        )],
    },
    Fault {
        name: "restore-into-backup",
        breaks: "a record is restored into the folder of its backup, whose next backup would meet it",
        caught_by: &[unit(
            "log::tests::backups::places::\
             no_record_is_restored_among_backups_or_around_them",
            "cannot take a restored record: it is not empty",
        )],
    },
    Fault {
        name: "names-unchecked",
        breaks: "a manifest or a server names files outside of the folder",
        caught_by: &[unit(
            "log::tests::backups::named::\
             a_server_does_not_choose_the_names_of_files",
            "the record has no sealed volume|it names what it must not",
        )],
    },
    Fault {
        name: "pieces-uncompared",
        breaks: "a manifest lists a piece that is none of its volume, or leaves one out",
        caught_by: &[unit(
            "log::tests::backups::named::\
             a_manifest_that_names_what_no_backup_has_is_refused_and_nothing_is_written",
            "is missing",
        )],
    },
    Fault {
        name: "restore-without-branch",
        breaks: "a restored record goes on under the name of the one that was lost",
        caught_by: &[unit(
            "log::tests::backups::promises::\
             each_restore_begins_a_history_behind_what_it_restored",
            "the branches of the restored record",
        )],
    },
    Fault {
        name: "restore-unchecked",
        breaks: "a restore writes before it has checked the whole backup",
        caught_by: &[unit(
            "log::tests::backups::bad::\
             a_piece_that_is_missing_cut_flipped_or_swapped_is_named_and_nothing_is_written",
            "something was written",
        )],
    },
    Fault {
        name: "restore-past-its-end",
        breaks: "a restore up to a position restores what comes after it",
        caught_by: &[unit(
            "log::tests::backups::promises::a_restore_up_to_a_position_has_nothing_behind_it",
            "the end that was requested",
        )],
    },
    Fault {
        name: "restore-cuts-append",
        breaks: "a restore ends within an append",
        caught_by: &[unit(
            "log::backup::restore::cut::tests::\
             an_end_is_the_last_known_one_and_never_inside_of_an_append",
            "left == right|is a cut",
        )],
    },
    Fault {
        name: "store-before-record",
        breaks: "a restored folder is a data directory before its record is there",
        caught_by: &[unit(
            "log::tests::backups::faults::\
             whatever_step_of_a_restore_fails_no_store_is_there_and_the_same_restore_ends_it",
            "STORE came",
        )],
    },
    Fault {
        name: "resume-keeps-wrong-file",
        breaks: "a resumed restore keeps a file that has other bytes than its piece",
        caught_by: &[unit(
            "log::tests::backups::faults::\
             a_restore_that_was_interrupted_goes_on_and_keeps_what_is_right",
            "a file with another bit stayed so",
        )],
    },
    Fault {
        name: "request-ids-unrestored",
        breaks: "a restored record does not know its request ids, so an append is made twice",
        caught_by: &[unit(
            "log::tests::backups::promises::request_ids_hold_after_a_restore_wherever_it_ends",
            "the request ids up to",
        )],
    },
    Fault {
        name: "restore-over-store",
        breaks: "a restore overwrites a data directory",
        caught_by: &[unit(
            "log::tests::backups::faults::\
             whatever_step_of_a_restore_fails_no_store_is_there_and_the_same_restore_ends_it",
            "on an `Ok` value",
        )],
    },
];
