//! Command lines and variables of `rootlet init` and its peers.

use core::ffi::CStr;

use super::arguments::Arguments;
use super::init_manuals::manual;
use super::refusal::Reason;
use super::signal_names::{parse_signal, parse_status, parse_time_ms};
use super::supervision::{Id, Style, Supervision};
use crate::text::line::Line;
use crate::text::number::parse_u64;
use crate::text::packed::{Packed, packed};
use crate::text::parts::halves;

/// What a command line asks of us.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Request {
    /// Print the help.
    Help,
    /// Print the version.
    Version,
    /// Print the licence.
    Licence,
    /// Supervise the program that the operands name, or with `Id::Pause` none.
    Supervise,
}

/// Every option by its number, with the letter that stands for it in the peers' command lines; 0 for none.
const IDS: [(Id, u8); 24] = [
    (Id::Group, b'g'),
    (Id::Session, 0),
    (Id::All, 0),
    (Id::Rewrite, b'r'),
    (Id::Drop, 0),
    (Id::Delay, 0),
    (Id::KillAfter, 0),
    (Id::Grace, 0),
    (Id::WaitAll, 0),
    (Id::ExitMap, b'e'),
    (Id::StopOk, 0),
    (Id::OomScoreAdj, 0),
    (Id::Pause, b'P'),
    (Id::Help, b'h'),
    (Id::Subreaper, b's'),
    (Id::SingleChild, b'c'),
    (Id::Warn, b'w'),
    (Id::Verbose, b'v'),
    (Id::DeathSignal, b'p'),
    (Id::Licence, b'l'),
    (Id::Licence, b'L'),
    (Id::Version, b'V'),
    (Id::Verbosity, b'='),
    (Id::Reserved, b'!'),
];

/// No line needs more; it fits in a digit.
const MOST_VERBOSE: u8 = 9;
/// Between TERM and KILL: half of what engines wait before they kill a container.
const GRACE_MS: u32 = 5000;

/// tini and catatonit get these when they are in the background of a terminal; they are not for the program.
const TTIN: u8 = 21;
const TTOU: u8 = 22;

/// Reads the command line behind the name of a style, and the variables of a peer.
///
/// # Errors
/// An unknown option, a bad value, no program, or a program with `--pause`. `arguments` knows which word it is about.
#[inline(never)]
pub fn parse<'a, Words: Iterator<Item = &'a CStr> + Clone>(
    arguments: &mut Arguments<'a, Words>,
    environment: impl Iterator<Item = &'a CStr>,
    options: &mut Supervision<'a>,
) -> Result<Request, Reason> {
    begin(options);
    let mut words = arguments.operands();
    let is_own = options.style == Style::Rootlet;
    // tini knows this one only where it stands alone.
    if options.style == Style::Tini && words.next() == Some(c"--version") && words.next().is_none()
    {
        return Ok(Request::Version);
    }
    while arguments.take(manual(options.style))? {
        let found = &arguments.found;
        let row = if is_own {
            IDS.get(found.index)
        } else {
            IDS.iter().find(|row| row.1 == found.letter)
        };
        match row.map(|row| row.0) {
            Some(Id::Licence) => return Ok(Request::Licence),
            Some(Id::Version) => return Ok(Request::Version),
            Some(id) if id != Id::Help => {
                let value = found.value;
                apply(id, value.to_bytes(), options)?;
                if id == Id::OomScoreAdj {
                    options.oom_score_adj = Some(value);
                }
            }
            _ => return Ok(Request::Help),
        }
    }
    if !is_own {
        for variable in environment {
            apply_variable(variable.to_bytes(), options)?;
        }
    }
    options.finish();
    match (arguments.operands().next(), options.asks(Id::Pause)) {
        (None, false) => Err(Reason::NoProgram),
        (Some(_), true) if is_own => Err(Reason::ProgramWithPause),
        _ => Ok(Request::Supervise),
    }
}

/// What holds before any option is read.
fn begin(options: &mut Supervision<'_>) {
    options.verbosity = 1;
    match options.style {
        Style::Rootlet => {
            options.ask(Id::Grace);
            options.grace_ms = GRACE_MS;
            return options.ask(Id::Subreaper);
        }
        Style::DumbInit => {
            options.ask(Id::Group);
            options.ask(Id::Terminate);
            return options.ask(Id::Session);
        }
        Style::Catatonit => options.ask(Id::Subreaper),
        Style::Tini => {}
    }
    options.rewrite(TTIN, 0);
    options.rewrite(TTOU, 0);
}

fn apply(id: Id, text: &[u8], options: &mut Supervision<'_>) -> Result<(), Reason> {
    options.ask(id);
    match id {
        Id::Rewrite => {
            let (signal, by) = halves(text, b':');
            let by = if by == b"0" { 0 } else { signal_of(by)? };
            options.rewrite(forwarded(signal, options)?, by);
        }
        Id::Drop => options.rewrite(forwarded(text, options)?, 0),
        Id::Delay => {
            let (signal, time) = halves(text, b'=');
            let signal = forwarded(signal, options)?;
            options.delay(signal, time_of(time)?);
        }
        Id::KillAfter => options.kill_after_ms = time_of(text)?,
        Id::Grace => options.grace_ms = time_of(text)?,
        Id::ExitMap => {
            let (from, to) = halves(text, b':');
            // tini's are all mapped to 0.
            let to = if options.style == Style::Tini && to.is_empty() { b"0" } else { to };
            let pair = parse_status(from).zip(parse_status(to));
            let (from, to) = pair.ok_or(Reason::NoExitMap)?;
            options.map_exit(from, to);
        }
        Id::OomScoreAdj => check_oom_score(text)?,
        Id::Verbose => options.verbosity = (options.verbosity + 1).min(MOST_VERBOSE),
        Id::Verbosity => {
            options.verbosity =
                parse_u64(text).map_or(0, |number| number.min(MOST_VERBOSE.into()) as u8)
        }
        Id::DeathSignal => {
            options.death_signal = signal_of(text.strip_prefix(b"SIG").unwrap_or_default())?;
        }
        Id::Reserved => return Err(Reason::Reserved),
        _ => {}
    }
    Ok(())
}

fn signal_of(text: &[u8]) -> Result<u8, Reason> {
    parse_signal(text).ok_or(Reason::NoSignal)
}

/// A signal that can arrive: KILL and STOP act on us, CHLD is about our children. The peers take them.
fn forwarded(text: &[u8], options: &Supervision<'_>) -> Result<u8, Reason> {
    match signal_of(text)? {
        9 | 17 | 19 if options.style == Style::Rootlet => Err(Reason::NotForwarded),
        signal => Ok(signal),
    }
}

fn time_of(text: &[u8]) -> Result<u32, Reason> {
    parse_time_ms(text).ok_or(Reason::NoTime)
}

/// Variables of the peers: the style's number, the letter of the option that the variable stands for, the variable. One
/// that ends in `=` may have any value. `DUMB_INIT_DEBUG=1` says more than `-v`, so it stands for two of them.
const VARIABLES: Packed = packed!(
    "1sTINI_SUBREAPER=
1gTINI_KILL_PROCESS_GROUP=
1=TINI_VERBOSITY=
2vDUMB_INIT_DEBUG=1
2vDUMB_INIT_DEBUG=1
2cDUMB_INIT_SETSID=0
3vCATATONIT_DEBUG=
3!CATATONIT_LOG="
);

fn apply_variable(variable: &[u8], options: &mut Supervision<'_>) -> Result<(), Reason> {
    let mut line = Line::new();
    for row in VARIABLES.lines() {
        let [style, letter, known @ ..] = row.unpack(&mut line) else { continue };
        if let Some(value) = variable.strip_prefix(known)
            && *style == options.style as u8 + b'0'
            && (value.is_empty() || known.ends_with(b"="))
            && let Some((id, _)) = IDS.iter().find(|row| row.1 == *letter)
        {
            apply(*id, value, options)?;
        }
    }
    Ok(())
}

/// Whether a text is a score of proc_pid_oom_score_adj(5).
///
/// # Errors
/// `NoOomScore`
pub fn check_oom_score(text: &[u8]) -> Result<(), Reason> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let score = parse_u64(digits).filter(|score| *score <= 1000);
    score.map(drop).ok_or(Reason::NoOomScore)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::arguments::declared_names;

    fn read(
        style: Style,
        words: &[&'static CStr],
        environment: &[&'static CStr],
    ) -> Result<(Request, Supervision<'static>), Reason> {
        let mut options = Supervision::new();
        options.style = style;
        let mut arguments = Arguments::new(words.iter().copied(), 0);
        let request = parse(&mut arguments, environment.iter().copied(), &mut options)?;
        Ok((request, options))
    }

    fn supervised(
        style: Style,
        words: &[&'static CStr],
        environment: &[&'static CStr],
    ) -> Supervision<'static> {
        let (request, options) = read(style, words, environment).unwrap();
        assert_eq!(request, Request::Supervise, "{words:?}");
        options
    }

    #[test]
    fn options_of_the_manual_are_numbered_as_the_ids() {
        let names = [
            ("group", Id::Group),
            ("session", Id::Session),
            ("all", Id::All),
            ("rewrite", Id::Rewrite),
            ("drop", Id::Drop),
            ("delay", Id::Delay),
            ("kill-after", Id::KillAfter),
            ("grace", Id::Grace),
            ("wait-all", Id::WaitAll),
            ("exit-map", Id::ExitMap),
            ("stop-ok", Id::StopOk),
            ("oom-score-adj", Id::OomScoreAdj),
            ("pause", Id::Pause),
            ("help", Id::Help),
        ];
        assert_eq!(declared_names(manual(Style::Rootlet)), names.map(|(name, _)| name));
        for (number, (name, id)) in names.iter().enumerate() {
            assert_eq!((IDS[number].0, *id as usize), (*id, number), "{name}");
        }
    }

    #[test]
    fn options_are_data() {
        let options = supervised(
            Style::Rootlet,
            &[
                c"-r",
                c"TERM:QUIT",
                c"--drop=hup",
                c"--delay",
                c"USR1=2s",
                c"--kill-after",
                c"500ms",
                c"--exit-map",
                c"143:0",
                c"--stop-ok",
                c"--oom-score-adj=-7",
                c"-a",
                c"true",
            ],
            &[],
        );
        assert_eq!([15, 1, 2].map(|signal| options.rewritten(signal)), [3, 0, 2]);
        assert_eq!([10, 15].map(|signal| options.delay_ms(signal)), [2000, 0]);
        assert_eq!([143, 0, 3].map(|status| options.exit(status)), [0, 0, 3]);
        assert_eq!((options.kill_after_ms, options.grace_ms), (500, 5000));
        assert_eq!(options.oom_score_adj, Some(c"-7"));
        for id in [Id::All, Id::StopOk, Id::KillAfter, Id::Delay, Id::Grace, Id::Subreaper] {
            assert!(options.asks(id), "{id:?}");
        }
        for id in [Id::Group, Id::WaitAll, Id::Pause, Id::Session] {
            assert!(!options.asks(id), "{id:?}");
        }
        assert!(supervised(Style::Rootlet, &[c"--pause"], &[]).asks(Id::Pause));
    }

    #[test]
    fn a_bad_value_is_refused() {
        for (words, reason) in [
            (&[c"-r", c"TERM"] as &[&'static CStr], Reason::NoSignal),
            (&[c"-r", c"TERM:"], Reason::NoSignal),
            (&[c"-r", c"0:TERM"], Reason::NoSignal),
            (&[c"-r", c"TERM:QUIT:INT"], Reason::NoSignal),
            (&[c"-r", c"KILL:TERM"], Reason::NotForwarded),
            (&[c"--drop", c"CHLD"], Reason::NotForwarded),
            (&[c"--delay", c"TERM"], Reason::NoTime),
            (&[c"--delay", c"TERM=5x"], Reason::NoTime),
            (&[c"--grace", c"-1"], Reason::NoTime),
            (&[c"--exit-map", c"256:0"], Reason::NoExitMap),
            (&[c"--exit-map", c"1"], Reason::NoExitMap),
            (&[c"--exit-map", c"1:"], Reason::NoExitMap),
            (&[c"--oom-score-adj", c"1001"], Reason::NoOomScore),
            (&[c"--oom-score-adj", c"--1"], Reason::NoOomScore),
            (&[], Reason::NoProgram),
            (&[c"--pause", c"true"], Reason::ProgramWithPause),
        ] {
            assert_eq!(read(Style::Rootlet, words, &[]).err(), Some(reason), "{words:?}");
        }
    }

    #[test]
    fn tini() {
        let words = [c"-swgvve", c"143", c"-p", c"SIGTERM", c"-e0", c"--", c"-h"];
        let options = supervised(Style::Tini, &words, &[]);
        for id in [Id::Subreaper, Id::Warn, Id::Group, Id::DeathSignal] {
            assert!(options.asks(id), "{id:?}");
        }
        assert_eq!((options.verbosity, options.death_signal), (3, 15));
        // More never says less.
        let mut words = [c"-v"; 300];
        words[299] = c"true";
        assert_eq!(supervised(Style::Tini, &words, &[]).verbosity, MOST_VERBOSE);
        assert_eq!([0, 1, 143].map(|status| options.exit(status)), [0, 1, 0]);
        assert_eq!([20, 21, 22].map(|signal| options.rewritten(signal)), [20, 0, 0]);
        let variables = [c"TINI_SUBREAPER=", c"TINI_VERBOSITY=0", c"TINI_KILL_PROCESS_GROUP=x"];
        let options = supervised(Style::Tini, &[c"-vv", c"true"], &variables);
        assert!(options.asks(Id::Subreaper) && options.asks(Id::Group));
        assert_eq!(options.verbosity, 0);
        assert_eq!(read(Style::Tini, &[c"--version"], &[]).unwrap().0, Request::Version);
        for (words, reason) in [
            (&[c"--version", c"x"] as &[&'static CStr], Reason::UnknownOption),
            (&[c"-p", c"TERM", c"x"], Reason::NoSignal),
            (&[c"-e", c"256", c"x"], Reason::NoExitMap),
            (&[c"-e"], Reason::NoValue),
            (&[c"-s"], Reason::NoProgram),
        ] {
            assert_eq!(read(Style::Tini, words, &[]).err(), Some(reason), "{words:?}");
        }
    }

    #[test]
    fn dumb_init() {
        let options =
            supervised(Style::DumbInit, &[c"-r", c"15:3", c"--rewrite=1:0", c"true"], &[]);
        assert_eq!([15, 1, 2, 20].map(|signal| options.rewritten(signal)), [3, 0, 2, 19]);
        assert!(options.asks(Id::Session) && options.asks(Id::Group));
        for (words, environment) in [
            (&[c"-c", c"true"] as &[&'static CStr], &[] as &[&'static CStr]),
            (&[c"true"], &[c"DUMB_INIT_SETSID=0"]),
        ] {
            let options = supervised(Style::DumbInit, words, environment);
            assert!(!options.asks(Id::Session) && !options.asks(Id::Group));
            assert_eq!(options.rewritten(20), 20);
            assert!(!options.leads_group());
        }
        let verbosity =
            |environment| supervised(Style::DumbInit, &[c"true"], &[environment]).verbosity;
        let debug = [c"DUMB_INIT_DEBUG=1", c"DUMB_INIT_DEBUG=11", c"DUMB_INIT_DEBUG="];
        assert_eq!(debug.map(verbosity), [3, 1, 1]);
        for words in [c"65:1", c"0:1", c"1:65", c"1", c"1:", c"1:2x", c"x"] {
            assert!(read(Style::DumbInit, &[c"-r", words, c"x"], &[]).is_err(), "{words:?}");
        }
        assert_eq!(read(Style::DumbInit, &[c"--version"], &[]).unwrap().0, Request::Version);
    }

    #[test]
    fn catatonit() {
        let options = supervised(Style::Catatonit, &[c"-P"], &[c"CATATONIT_DEBUG="]);
        assert!(options.asks(Id::Pause) && options.asks(Id::Subreaper));
        assert_eq!(options.verbosity, 2);
        assert!(supervised(Style::Catatonit, &[c"-g", c"x"], &[]).asks(Id::Group));
        assert_eq!(read(Style::Catatonit, &[c"-L"], &[]).unwrap().0, Request::Licence);
        let reserved = read(Style::Catatonit, &[c"x"], &[c"CATATONIT_LOG=1"]);
        assert_eq!(reserved.err(), Some(Reason::Reserved));
    }
}
