//! Command lines of `init` and of tini, dumb-init and catatonit.

use std::ffi::CStr;

use rootlet::input::arguments::Arguments;
use rootlet::input::init_options::{Request, parse};
use rootlet::input::refusal::Subject;
use rootlet::input::supervision::{Id, Style, Supervision};

use super::strings;

/// The highest number of a signal.
const SIGNALS: u8 = 64;

/// The first string names the program. If an empty one follows somewhere, the strings up to it are variables.
pub fn check(input: &[u8]) -> bool {
    let strings = strings(input);
    let words: Vec<&CStr> = strings.iter().map(|word| word.as_c_str()).collect();
    let Some((command, words)) = words.split_first() else { return false };
    let mut options = Supervision::new();
    options.style = match command.to_bytes() {
        b"tini" => Style::Tini,
        b"dumb-init" => Style::DumbInit,
        b"catatonit" => Style::Catatonit,
        _ => Style::Rootlet,
    };
    let mut halves = words.splitn(2, |word| word.is_empty());
    let (first, second) = (halves.next().unwrap_or_default(), halves.next());
    let (variables, words) = second.map_or((&[][..], first), |second| (first, second));
    let mut arguments = Arguments::new(words.iter().copied(), 1);
    let request = parse(&mut arguments, variables.iter().copied(), &mut options);
    if let Subject::Words { first, count } = arguments.found.subject {
        assert!(first >= 1 && (first + u32::from(count)) as usize <= words.len() + 1);
    }
    let rest: Vec<&CStr> = arguments.operands().collect();
    assert!(words.ends_with(&rest));
    match request {
        Ok(Request::Supervise) => {
            assert!(!rest.is_empty() || options.asks(Id::Pause));
            check_signals(&options);
            true
        }
        Ok(_) => true,
        Err(_) => false,
    }
}

/// Every signal is rewritten to a signal or to none; one that is rewritten counts as changed.
fn check_signals(options: &Supervision<'_>) {
    for signal in 1..=SIGNALS {
        let by = options.rewritten(signal);
        assert!(by <= SIGNALS, "{signal} becomes {by}");
        assert!(by == signal || options.changes(signal), "{signal} is changed");
    }
    if let Some(score) = options.oom_score_adj {
        let score: i32 = score.to_str().unwrap().parse().unwrap();
        assert!((-1000..=1000).contains(&score));
    }
}
