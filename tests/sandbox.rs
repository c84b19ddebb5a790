//! The sandbox of the daemon, tried from inside: the test runs itself again as a process that confines itself, and tries there
//! what it must not be able to do any more, and what it must still be able to do, on the confined thread, on a thread it starts
//! later, and on those of tokio. Everything forbidden is tried before as well, where it must succeed.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test says where it fails")]
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "a test that is skipped says why, a scene what it played"
)]

#[path = "sandbox/allowed.rs"]
mod allowed;
#[path = "sandbox/forbidden.rs"]
mod forbidden;
#[path = "sandbox/raw.rs"]
mod raw;
#[path = "sandbox/scene.rs"]
mod scene;
#[path = "sandbox/scenes.rs"]
mod scenes;

use std::os::unix::process::ExitStatusExt as _;

use scene::{Stage, can_open_interfaces, is_root};

#[test]
fn a_confined_daemon_can_do_its_work_and_nothing_else() {
    let played = Stage::new("daemon").play();
    assert!(played.is_played_to_its_end(), "{played}");
}

#[test]
fn a_daemon_that_became_a_user_can_do_its_work_and_nothing_else() {
    if lacks("root", is_root()) {
        return;
    }
    let played = Stage::new("daemon_as_nobody").play();
    assert!(played.is_played_to_its_end(), "{played}");
}

#[test]
fn the_thread_that_opens_interfaces_can_do_that_and_nothing_else() {
    if lacks("CAP_NET_RAW", can_open_interfaces()) {
        return;
    }
    let played = Stage::new("opener").play();
    assert!(played.is_played_to_its_end(), "{played}");
}

#[test]
fn the_thread_that_opens_interfaces_still_can_as_another_user() {
    if lacks("root", is_root()) {
        return;
    }
    let played = Stage::new("opener_as_nobody").play();
    assert!(played.is_played_to_its_end(), "{played}");
}

#[test]
fn a_ring_is_read_on_a_thread_without_capabilities() {
    if lacks("CAP_NET_RAW", can_open_interfaces()) {
        return;
    }
    let played = Stage::new("ring").play();
    assert!(played.is_played_to_its_end(), "{played}");
}

#[test]
fn without_landlock_and_seccomp_a_user_still_has_no_power() {
    if lacks("root", is_root()) {
        return;
    }
    let played = Stage::new("user_alone").play();
    assert!(played.is_played_to_its_end(), "{played}");
}

#[test]
fn configuration_and_databases_that_are_replaced_are_read_again() {
    let played = Stage::new("replacement").play();
    assert!(played.is_played_to_its_end(), "{played}");
}

#[test]
fn a_plan_with_paths_that_are_not_there_confines_and_names_them() {
    let played = Stage::new("missing").play();
    assert!(played.is_played_to_its_end(), "{played}");
}

#[test]
fn what_is_switched_off_is_said_to_be_off() {
    let played = Stage::new("off").play();
    assert!(played.is_played_to_its_end(), "{played}");
}

#[test]
fn a_user_that_does_not_exist_ends_the_start_with_advice() {
    if lacks("root", is_root()) {
        return;
    }
    let played = Stage::new("no_such_user").play();
    assert!(played.is_played_to_its_end(), "{played}");
}

#[test]
fn a_confined_process_that_aborts_leaves_by_the_signal_for_that() {
    let played = Stage::new("abort").play();
    assert_eq!(played.output.status.signal(), Some(6), "{played}");
}

/// What runs inside; nothing where the tests run.
#[test]
fn inside() {
    if let Some(scene) = scene::Scene::of_this_process() {
        scenes::check(&scene);
    }
}

fn lacks(what: &str, has: bool) -> bool {
    if !has {
        eprintln!("skipped: takes {what}");
    }
    !has
}
