//! What the peers answer themselves: versions, help, complaints.

use crate::input::arguments::Found;
use crate::input::init_manuals::manual;
use crate::input::init_options::Request;
use crate::input::refusal::Reason;
use crate::input::supervision::Style;
use crate::report;
use crate::supervise::journal::{Journal, Note};
use crate::sys::standard;
use crate::text::errno::Errno;
use crate::text::parts::parts;

/// Prints what was asked for; gives the exit status.
pub fn answer(journal: Journal, request: Request, is_docker: bool) -> i32 {
    let note = match request {
        Request::Licence => Note::Licence,
        Request::Version if is_docker => Note::DockerVersion,
        Request::Version => Note::Version,
        _ => {
            print_help(journal.style, journal.style != Style::Tini);
            return 0;
        }
    };
    journal.note(note, [0; 2]);
    0
}

fn print_help(style: Style, is_complaint: bool) {
    let stream = if is_complaint { standard::error() } else { standard::output() };
    report::print_lines(stream, manual(style).0);
}

/// Says what is wrong with a command line, as getopt_long(3) does; gives the exit status.
pub fn refuse(journal: Journal, found: Found<'_>, reason: Reason) -> i32 {
    let (word, value) = (found.word.to_bytes(), found.value.to_bytes());
    let (note, name) = match (reason, found.letter) {
        (Reason::NoProgram, _) => (Note::NoProgram, word),
        (Reason::Reserved, _) => (Note::Reserved, word),
        (Reason::UnknownOption, 0) => (Note::UnknownWord, word),
        (Reason::UnknownOption, _) => (Note::UnknownLetter, word),
        (Reason::NoValue, _) if word.starts_with(b"--") => (Note::NoWordValue, word),
        (Reason::NoValue, _) => (Note::NoLetterValue, word),
        (Reason::UnwantedValue, _) => (Note::UnwantedValue, parts(word, b'=').skip_to(0)),
        _ => (Note::BadValue, value),
    };
    journal.note_name(note, [found.letter.into(), 0], name);
    if journal.style != Style::DumbInit && !matches!(note, Note::BadValue | Note::Reserved) {
        print_help(journal.style, true);
    }
    1
}

/// The status for a program that a peer cannot execute.
pub const fn status_of_failure(style: Style, errno: Errno) -> i32 {
    match (style, errno) {
        (Style::DumbInit, _) => 2,
        (Style::Tini, Errno::NOENT) => 127,
        (Style::Tini, Errno::ACCES) => 126,
        _ => 1,
    }
}
