//! Faults of histories and of verification.

use super::{Fault, unit};

/// All of them.
pub(in crate::planted) const HISTORIES: &[Fault] = &[
    Fault {
        name: "newest-branch-alone",
        breaks: "a name counts up to the newest branch, though an earlier restore went \
            further back",
        caught_by: &[unit(
            "domain::history::tests::\
             histories_are_common_up_to_the_lowest_branch_between_them",
            "left: UpTo(300)",
        )],
    },
    Fault {
        name: "beyond-branch",
        breaks: "a follower goes on behind the branch, and misses what is there now",
        caught_by: &[unit(
            "engine::histories::tests::\
             a_position_beyond_the_branch_is_refused_and_one_up_to_it_is_not",
            "it is beyond the branch",
        )],
    },
    Fault {
        name: "token-of-any-history",
        breaks: "a page token of an earlier history passes for one of the present history",
        caught_by: &[unit(
            "grpc::page::tests::a_token_has_the_history_that_it_was_sealed_in",
            "left: (42, Some",
        )],
    },
    Fault {
        name: "state-over-branch",
        breaks: "figures of events that are gone are taken up after a restore",
        caught_by: &[unit(
            "log::history::tests::a_branch_removes_saved_states_which_may_be_ahead_of_the_log",
            "projections",
        )],
    },
    Fault {
        name: "history-lost",
        breaks: "a restored store whose `HISTORY` is lost serves under its original name",
        caught_by: &[unit(
            "log::history::tests::a_restored_store_without_its_history_is_damaged",
            "its history is gone",
        )],
    },
    Fault {
        name: "log-short-of-branch",
        breaks: "a log that ends before its branch is served",
        caught_by: &[unit(
            "log::history::tests::a_log_that_ends_before_its_branch_is_damaged",
            "events are gone",
        )],
    },
    Fault {
        name: "restored-as-original",
        breaks: "an older program serves a restored store under its original name",
        caught_by: &[unit(
            "log::history::tests::\
             each_branch_is_added_to_those_before_and_older_programs_are_kept_out",
            "format 2",
        )],
    },
    Fault {
        name: "copy-unnoticed",
        breaks: "a copy of a live folder is served without a look at all of its volumes",
        caught_by: &[unit(
            "log::store::tests::\
             a_copy_of_an_open_folder_is_known_as_one_until_it_is_found_to_be_whole",
            "open(&copy)",
        )],
    },
    Fault {
        name: "verify-passes-index",
        breaks: "`verify` does not see that the index has other positions than the events",
        caught_by: &[unit(
            "log::index::tests::verification::\
             a_run_that_is_of_other_events_is_found_out_whatever_the_difference",
            "left == right",
        )],
    },
    Fault {
        name: "verify-passes-volume",
        breaks: "`verify` does not compare a volume with the digest of its contents",
        caught_by: &[unit(
            "log::verification::tests::\
             a_volume_with_other_contents_than_the_manifest_says_is_damage",
            "the volume is not damaged",
        )],
    },
    Fault {
        name: "verify-passes-journal",
        breaks: "`verify` does not report a damaged frame of the journal",
        caught_by: &[unit(
            "log::verification::tests::\
             a_flipped_bit_of_a_frame_that_is_in_no_volume_is_damage",
            "the frame is not damaged",
        )],
    },
    Fault {
        name: "verify-passes-order",
        breaks: "`verify` does not see that events are older than those before them",
        caught_by: &[unit(
            "log::verification::tests::\
             an_event_that_is_older_than_the_one_before_it_is_a_fault_of_the_record",
            "panicked at src/log/verification/tests.rs",
        )],
    },
    Fault {
        name: "verify-passes-figures",
        breaks: "`verify` does not compare saved figures with the events",
        caught_by: &[unit(
            "engine::verification::saved::tests::\
             saved_figures_that_are_not_those_of_the_events_are_wrong",
            "wrong figures",
        )],
    },
    Fault {
        name: "verify-passes-groups",
        breaks: "`verify` does not see that a group goes back",
        caught_by: &[unit(
            "domain::group::audit::tests::\
             entries_that_follow_each_other_fit_and_others_do_not",
            "on an `Ok` value",
        )],
    },
];
