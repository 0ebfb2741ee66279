//! Faults of the journal, the volumes, appends, followers, projections and groups.

use super::{Fault, unit, whole};

/// All of them.
pub(in crate::planted) const EVENTS: &[Fault] = &[
    Fault {
        name: "acknowledge-before-sync",
        breaks: "the writer answers a batch before its frame is durable",
        caught_by: &[unit(
            "engine::tests::durability::\
             after_a_failed_sync_appends_stop_with_the_first_reason_and_reads_go_on",
            "on an `Ok` value: Appended|the store accepts no appends",
        )],
    },
    Fault {
        name: "head-before-sync",
        breaks: "readers see a batch before its frame is durable",
        caught_by: &[unit(
            "engine::tests::durability::no_caller_is_answered_or_shown_anything_before_the_sync",
            "the head moves after the sync|no subscription has an event before its sync",
        )],
    },
    Fault {
        name: "refusal-before-sync",
        breaks: "an append is refused because of an event that is not durable yet",
        caught_by: &[unit(
            "engine::tests::durability::no_caller_is_answered_or_shown_anything_before_the_sync",
            "so is a refusal that rests on it",
        )],
    },
    Fault {
        name: "no-sync",
        breaks: "the journal acknowledges a frame that it did not sync",
        caught_by: &[unit(
            "log::file_journal::crash_tests::\
             whatever_lands_of_a_cut_workload_every_acknowledged_frame_is_there",
            "gone on from|frames of",
        )],
    },
    Fault {
        name: "go-on-after-failed-sync",
        breaks: "the journal writes again after a sync that failed",
        caught_by: &[unit(
            "log::file_journal::failure_tests::\
             after_a_failed_step_the_journal_stops_and_keeps_what_it_acknowledged",
            "panicked at src/log/file_journal/failure_tests.rs",
        )],
    },
    Fault {
        name: "file-unlisted",
        breaks: "a file of the journal is written to before it is listed, so its loss is \
            not noticed",
        caught_by: &[unit(
            "log::file_journal::damage_tests::\
             a_file_that_was_cut_or_removed_after_a_kill_is_no_torn_tail",
            "panicked at src/log/file_journal/damage_tests.rs",
        )],
    },
    Fault {
        name: "rename-before-sync",
        breaks: "a file that is replaced whole is renamed before its contents are durable",
        caught_by: &[unit(
            "log::files::tests::wherever_it_is_cut_an_atomic_write_leaves_the_old_file_or_the_new",
            "landed:",
        )],
    },
    Fault {
        name: "unsynced-tail",
        breaks: "an opened journal shows frames that are in the page cache alone",
        caught_by: &[unit(
            "log::file_journal::failure_tests::\
             after_a_failed_step_the_journal_stops_and_keeps_what_it_acknowledged",
            "what was shown was not durable",
        )],
    },
    Fault {
        name: "stale-frame",
        breaks: "recovery takes up an old frame of a file that was used again",
        caught_by: &[unit(
            "log::file_journal::tests::\
             a_frame_of_an_older_epoch_is_not_taken_up_behind_a_newer_one",
            "panicked at src/log/file_journal/tests.rs",
        )],
    },
    Fault {
        name: "damage-as-torn-tail",
        breaks: "recovery cuts the log off at a damaged frame that was durable",
        caught_by: &[unit(
            "log::file_journal::damage_tests::\
             a_flipped_bit_in_a_durable_frame_is_damage_wherever_it_is",
            "panicked at src/log/file_journal/damage_tests.rs",
        )],
    },
    Fault {
        name: "frame-unchecked",
        breaks: "a frame is read without its checksum",
        caught_by: &[unit(
            "log::frame::tests::every_single_bit_flip_and_another_predecessor_change_the_check",
            "panicked at src/log/frame.rs",
        )],
    },
    Fault {
        name: "block-unchecked",
        breaks: "a value of a volume is served without its checksum",
        caught_by: &[unit(
            "log::volume::block::tests::a_flip_of_any_single_bit_is_detected",
            "panicked at src/log/volume/block.rs",
        )],
    },
    Fault {
        name: "seal-unread",
        breaks: "a volume is sealed before it was read back",
        caught_by: &[unit(
            "log::tests::unsealed::an_unsealed_volume_with_flipped_bytes_is_rebuilt",
            "panicked at src/log",
        )],
    },
    Fault {
        name: "release-before-entry",
        breaks: "the journal lets frames go before the manifest has their volume",
        caught_by: &[unit(
            "log::tests::sealing::the_journal_keeps_its_frames_until_the_manifest_has_their_volume",
            "frame 1 is gone",
        )],
    },
    Fault {
        name: "any-revision",
        breaks: "an append is taken whatever revision it expects",
        caught_by: &[whole(
            "concurrency::of_two_writers_on_one_expected_revision_exactly_one_wins",
            "in round|panicked at tests/it/concurrency.rs",
        )],
    },
    Fault {
        name: "any-condition",
        breaks: "an append is taken though its condition forbids it",
        caught_by: &[whole(
            "concurrency::of_two_writers_on_one_condition_exactly_one_wins",
            "panicked at tests/it/concurrency.rs",
        )],
    },
    Fault {
        name: "window-ignored",
        breaks: "an append is decided without what came after its lookup",
        caught_by: &[unit(
            "domain::append::tests::decisions_equal_those_of_a_store_that_knows_all",
            "panicked at src/domain/append/tests.rs",
        )],
    },
    Fault {
        name: "request-ids-forgotten",
        breaks: "a request id of before the start is not known, and its append is made twice",
        caught_by: &[unit(
            "engine::tests::rebuild::\
             a_request_id_is_remembered_when_its_volume_is_sealed_and_after_a_restart",
            "appended.duplicate",
        )],
    },
    Fault {
        name: "time-goes-back",
        breaks: "an event is recorded before the one that it follows, because the clock was \
            set back",
        caught_by: &[unit(
            "engine::tests::durability::\
             recorded_times_never_go_back_and_a_clock_set_far_back_stops_appends",
            "left == right",
        )],
    },
    Fault {
        name: "index-ahead",
        breaks: "a lookup counts what the index has beyond the head",
        caught_by: &[unit(
            "engine::tests::claims::what_the_index_has_beyond_the_head_does_not_count_as_looked_up",
            "the writer would not look for the retraction",
        )],
    },
    Fault {
        name: "resume-one-later",
        breaks: "a follower that resumes misses one event",
        caught_by: &[whole(
            "concurrency::subscribers_resume_across_restarts_without_gap_or_duplicate",
            "filter Filter",
        )],
    },
    Fault {
        name: "skip-at-the-boundary",
        breaks: "a follower misses what is recorded while it catches up",
        caught_by: &[whole(
            "concurrency::subscribers_see_every_event_once_in_order_across_the_live_boundary",
            "filter Filter",
        )],
    },
    Fault {
        name: "projection-ahead-of-state",
        breaks: "figures count as of a position whose events they do not have",
        caught_by: &[unit(
            "engine::tests::followers::\
             figures_after_a_restart_are_the_same_whether_the_saved_state_is_used_or_not",
            "left == right",
        )],
    },
    Fault {
        name: "group-ahead-of-answers",
        breaks: "a group records events as finished that its consumers have not answered",
        caught_by: &[whole(
            "groups::recovery::after_a_kill_nothing_is_lost_and_what_was_parked_stays_so",
            "left == right",
        )],
    },
    Fault {
        name: "park-unrecorded",
        breaks: "a group takes an event for parked that is recorded nowhere",
        caught_by: &[whole(
            "groups::recovery::after_a_kill_nothing_is_lost_and_what_was_parked_stays_so",
            "left == right",
        )],
    },
    Fault {
        name: "park-untried",
        breaks: "a group parks an event that it was not tried often enough",
        caught_by: &[unit(
            "domain::group::tests::tries::\
             an_event_that_fails_too_often_is_parked_and_what_is_behind_it_goes_on",
            "panicked at src/domain/group/tests/tries.rs",
        )],
    },
    Fault {
        name: "retry-out-of-order",
        breaks: "a group hands out a later event of a stream before the one that is tried again",
        caught_by: &[unit(
            "domain::group::tests::schedules::\
             whatever_consumers_do_nothing_is_lost_and_order_is_kept",
            "was given before",
        )],
    },
];
