//! The same command lines under the names of tini, dumb-init and catatonit.
//!
//! Each row runs with the original and with rootlet, and both must do the same; where they differ on purpose, the
//! table says what each of them does. Rows on names run in every way in which rootlet can get one.

#[path = "peers_cli/ground.rs"]
mod ground;
#[path = "peers_cli/rows.rs"]
mod rows;
mod support;

use ground::{Ground, TWO_WAYS, WAYS};
use support::case;

/// The names that stand for all others.
const MAIN: [&str; 3] = ["tini", "dumb-init", "catatonit"];

/// A ground, or the end of a test that cannot run here.
macro_rules! ground {
    () => {
        Ground::new(case!("-", "tini", "tini-static", "dumb-init", "catatonit"))
    };
}

#[test]
fn tini_is_as_the_original() {
    ground!().compare(&["tini"], &TWO_WAYS, rows::TINI);
}

#[test]
fn dumb_init_is_as_the_original() {
    ground!().compare(&["dumb-init"], &TWO_WAYS, rows::DUMB_INIT);
}

#[test]
fn catatonit_is_as_the_original() {
    ground!().compare(&["catatonit"], &TWO_WAYS, rows::CATATONIT);
}

#[test]
fn other_names_of_tini_and_catatonit_are_as_the_original() {
    ground!().compare(&["docker-init", "podman-init"], &WAYS, rows::ALIASES);
    ground!().compare(&["tini-static"], &WAYS, rows::TINI_STATIC);
}

#[test]
fn the_program_gets_what_the_original_gives_it() {
    ground!().compare(&MAIN, &WAYS, rows::PROGRAM);
}

#[test]
fn a_program_is_found_and_executed_or_refused_as_by_the_original() {
    ground!().compare(&MAIN, &TWO_WAYS, rows::EXEC);
}

#[test]
fn every_end_of_the_program_is_reported_as_by_the_original() {
    ground!().compare(&MAIN, &["symlink"], rows::ENDS);
}

#[test]
fn at_a_terminal_the_program_stands_where_the_original_puts_it() {
    let ground = ground!();
    ground.compare_with(Ground::shown, &MAIN, &TWO_WAYS, rows::TERMINAL);
    ground.compare_with(Ground::shown, &["tini", "dumb-init"], &TWO_WAYS, rows::REDIRECTED);
    ground.compare_with(Ground::shown, &["dumb-init"], &TWO_WAYS, rows::SINGLE_TERMINAL);
}

#[test]
fn differences_are_those_that_are_intended() {
    ground!().differ(Ground::picture, rows::DIFFERENCES);
    ground!().differ(Ground::shown, rows::TERMINAL_DIFFERENCES);
}

#[test]
fn other_names_are_no_names() {
    let ground = ground!();
    for file in ["rootlet", "rootlet-init"] {
        for (line, sign) in rows::NAMES {
            let seen = ground.own(file, line);
            assert!(seen.starts_with(sign), "{file}, {line}: no {sign:?}\n{seen}");
        }
    }
}
