//! Command lines of `wait`, `kill`, `stop`, `pause`, `resume`, `rm`, `logs`.

use core::ffi::CStr;

use super::arguments::{Arguments, Manual};
use super::record::is_name;
use super::refusal::Reason;
use super::signal_names::{parse_signal, parse_time_ms};
use crate::text::number::parse_u64;
use crate::text::packed::packed;

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
#[repr(u8)]
pub enum Verb {
    /// Wait for the end and tell the status.
    Wait,
    /// Send a signal.
    Kill,
    /// Have it end, in order if it will.
    Stop,
    /// Let no process of it run.
    Pause,
    /// Let them run again.
    Resume,
    /// Forget one that has ended.
    Remove,
    /// Print its output.
    Logs,
}

/// What `--help` prints, and the table of the options, in the order of `Verb`. Names are docker's.
const MANUALS: [Manual; 7] = [
    Manual(packed!(
        "\
rootlet wait NAME...
Waits until containers have ended; prints their statuses, one a line.
Exit status of all commands that take names: 1 where one of them failed.

  -h, --help  print this help"
    )),
    Manual(packed!(
        "\
rootlet kill [options] NAME...
Sends a signal to CMD. KILL ends the whole container, also a paused one.

  -s, --signal SIGNAL  TERM, SIGTERM, 15, RTMIN+3 (default KILL)
      --all    to each of its processes
  -h, --help   print this help"
    )),
    Manual(packed!(
        "\
rootlet stop [options] NAME...
Sends TERM to CMD, after a while KILL, and waits for the end.

  -t, --time TIME      how long it may take: 500ms, 10s, 2m (default 10s)
      --grace TIME     the same
  -h, --help   print this help"
    )),
    Manual(packed!(
        "\
rootlet pause NAME...
Lets no process of a container run until rootlet resume NAME.

  -h, --help  print this help"
    )),
    Manual(packed!(
        "\
rootlet resume NAME...
Lets the processes of a paused container run again.

  -h, --help  print this help"
    )),
    Manual(packed!(
        "\
rootlet rm [options] NAME...
Removes the records of containers that have ended.

  -f, --force  kill those that have not
  -h, --help   print this help"
    )),
    Manual(packed!(
        "\
rootlet logs [options] NAME
Prints what a container has written to its --log.

  -f, --follow         go on until it has ended
  -n, --tail N         the last N lines (default all)
  -h, --help   print this help"
    )),
];

impl Verb {
    /// The manual.
    #[must_use]
    pub fn manual(self) -> Manual {
        let [first, ..] = MANUALS;
        MANUALS.get(self as usize).copied().unwrap_or(first)
    }
}

/// What was asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Manage {
    /// What is done.
    pub verb: Verb,
    /// `kill`: which signal.
    pub signal: u8,
    /// `kill`: to each process.
    pub all: bool,
    /// `stop`: how long CMD may take, in milliseconds.
    pub grace_ms: u32,
    /// `rm`: also what runs.
    pub force: bool,
    /// `logs`: until the end.
    pub follow: bool,
    /// `logs`: how many lines at the end; nothing for all.
    pub tail: Option<u64>,
}

impl Manage {
    const fn new(verb: Verb) -> Self {
        let (signal, grace_ms) = (9, 10_000);
        Self { verb, signal, all: false, grace_ms, force: false, follow: false, tail: None }
    }
}

/// Reads the options behind a verb; `None` when help is asked for. The names behind them are for `check_names`.
///
/// # Errors
/// What is wrong with the option that was read last.
#[inline(never)]
pub fn parse<'a, Words: Iterator<Item = &'a CStr> + Clone>(
    verb: Verb,
    arguments: &mut Arguments<'a, Words>,
) -> Result<Option<Manage>, Reason> {
    let mut asked = Manage::new(verb);
    while arguments.take(verb.manual())? {
        let value = arguments.found.value.to_bytes();
        match (verb, arguments.found.letter) {
            (_, b'h') => return Ok(None),
            (_, b's') => asked.signal = parse_signal(value).ok_or(Reason::NoSignal)?,
            (Verb::Kill, _) => asked.all = true,
            (Verb::Stop, _) => asked.grace_ms = parse_time_ms(value).ok_or(Reason::NoTime)?,
            (Verb::Remove, _) => asked.force = true,
            (_, b'f') => asked.follow = true,
            _ => {
                asked.tail = match value {
                    b"all" => None,
                    number => Some(parse_u64(number).ok_or(Reason::NoLines)?),
                }
            }
        }
    }
    Ok(Some(asked))
}

/// Checks the names behind the options.
///
/// # Errors
/// The name that is wrong and why: no container can have it, or it is one too many. An empty one where there are none.
pub fn check_names<'a>(
    verb: Verb,
    names: impl Iterator<Item = &'a CStr>,
) -> Result<(), (&'a CStr, Reason)> {
    let mut count = 0;
    for name in names {
        count += 1;
        if !is_name(name.to_bytes()) {
            return Err((name, Reason::NoName));
        }
        if count > 1 && verb == Verb::Logs {
            return Err((name, Reason::SecondName));
        }
    }
    if count == 0 { Err((c"", Reason::NeedsName)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::arguments::declared_names;

    fn read(verb: Verb, words: &[&'static CStr]) -> Result<Option<Manage>, Reason> {
        let mut arguments = Arguments::new(words.iter().copied(), 1);
        let asked = parse(verb, &mut arguments)?;
        check_names(verb, arguments.operands()).map_err(|(_, reason)| reason)?;
        Ok(asked)
    }

    #[test]
    fn options_are_dockers() {
        let kill = Manage::new(Verb::Kill);
        let stop = Manage::new(Verb::Stop);
        let logs = Manage::new(Verb::Logs);
        for (verb, words, asked) in [
            (Verb::Kill, &[c"a"] as &[&'static CStr], kill),
            (Verb::Kill, &[c"-s", c"hup", c"a", c"b"], Manage { signal: 1, ..kill }),
            (
                Verb::Kill,
                &[c"--signal=15", c"--all", c"a"],
                Manage { signal: 15, all: true, ..kill },
            ),
            (Verb::Stop, &[c"a"], stop),
            (Verb::Stop, &[c"-t", c"3", c"a"], Manage { grace_ms: 3000, ..stop }),
            (Verb::Stop, &[c"--time", c"0", c"a"], Manage { grace_ms: 0, ..stop }),
            (Verb::Stop, &[c"--grace", c"50ms", c"a"], Manage { grace_ms: 50, ..stop }),
            (Verb::Remove, &[c"-f", c"a"], Manage { force: true, ..Manage::new(Verb::Remove) }),
            (Verb::Logs, &[c"-fn3", c"a"], Manage { follow: true, tail: Some(3), ..logs }),
            (Verb::Logs, &[c"-n", c"3", c"--tail", c"all", c"a"], logs),
            (Verb::Wait, &[c"--", c"a"], Manage::new(Verb::Wait)),
        ] {
            assert_eq!(read(verb, words), Ok(Some(asked)), "{words:?}");
        }
        let mut arguments = Arguments::new([c"-h"].into_iter(), 1);
        assert_eq!(parse(Verb::Pause, &mut arguments), Ok(None));
    }

    #[test]
    fn what_is_wrong_is_refused() {
        for (verb, words, reason) in [
            (Verb::Wait, &[] as &[&'static CStr], Reason::NeedsName),
            (Verb::Wait, &[c"-f", c"a"], Reason::UnknownOption),
            (Verb::Wait, &[c"a", c"../b"], Reason::NoName),
            (Verb::Kill, &[c"-s", c"NONE", c"a"], Reason::NoSignal),
            (Verb::Kill, &[c"-s"], Reason::NoValue),
            (Verb::Stop, &[c"-t", c"x", c"a"], Reason::NoTime),
            (Verb::Logs, &[c"-n", c"-1", c"a"], Reason::NoLines),
            (Verb::Logs, &[c"a", c"b"], Reason::SecondName),
        ] {
            assert_eq!(read(verb, words), Err(reason), "{words:?}");
        }
    }

    #[test]
    fn each_verb_has_its_options() {
        for (verb, names) in [
            (Verb::Wait, &["help"] as &[&str]),
            (Verb::Kill, &["signal", "all", "help"]),
            (Verb::Stop, &["time", "grace", "help"]),
            (Verb::Pause, &["help"]),
            (Verb::Resume, &["help"]),
            (Verb::Remove, &["force", "help"]),
            (Verb::Logs, &["follow", "tail", "help"]),
        ] {
            assert_eq!(declared_names(verb.manual()), names, "{verb:?}");
        }
    }
}
