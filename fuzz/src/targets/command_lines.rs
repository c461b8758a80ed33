//! Command lines for containers and of `ip`; the first string is the command.

use std::ffi::CStr;
use std::mem::ManuallyDrop;

use rootlet::input::arguments::{Arguments, Manual};
use rootlet::input::enter_options::{self, Style};
use rootlet::input::ip_command::{self, Action};
use rootlet::input::manage_options::{self, Verb};
use rootlet::input::mount_options::Volume;
use rootlet::input::record::is_name;
use rootlet::input::refusal::{Refusal, Subject};
use rootlet::input::run_options::{self, Lists, NAME_BYTES, RunOptions, RunRequest};
use rootlet::input::see_options::{self, SeeOptions};
use rootlet::text::arena::Arena;

use super::strings;

/// The index in its argument vector at which a command line begins.
const POSITION: u32 = 2;
/// Room for the texts of one command line.
const ARENA_BYTES: usize = 1 << 16;

/// The words that a refusal is about stand on the command line.
fn check_refusal(refusal: &Refusal, words: usize) {
    if let Subject::Words { first, count } = refusal.subject() {
        let end = first + u32::from(count);
        assert!(first >= POSITION && end as usize <= POSITION as usize + words, "{first} {count}");
        assert!((1..=2).contains(&count));
    }
}

/// The program with its arguments is the end of the command line; returns how many words that is.
fn check_program<'a>(rest: impl Iterator<Item = &'a CStr>, words: &[&CStr]) -> usize {
    let rest: Vec<&CStr> = rest.collect();
    assert!(words.ends_with(&rest));
    rest.len()
}

pub fn check_run(input: &[u8]) -> bool {
    let strings = strings(input);
    let words: Vec<&CStr> = strings.iter().map(|word| word.as_c_str()).collect();
    let (mut room, mut lists) = (vec![0; ARENA_BYTES], ManuallyDrop::new(Lists::new()));
    let mut options = RunOptions::new(&mut lists);
    let mut arena = Arena::new(&mut room);
    let parsed = run_options::parse(words.iter().copied(), POSITION, &mut arena, &mut options);
    match parsed {
        Ok(RunRequest::Help) => true,
        Ok(RunRequest::Run(rest)) => {
            assert!(check_program(rest, &words) > 0);
            check_options(&options);
            true
        }
        Err(refusal) => {
            check_refusal(&refusal, words.len());
            false
        }
    }
}

/// What the readers of the options may rely on.
fn check_options(options: &RunOptions<'_>) {
    let is_absolute = |path: &CStr| path.to_bytes().starts_with(b"/");
    assert!(options.lists.volumes.iter().all(|Volume { target, .. }| is_absolute(target)));
    assert!(options.lists.tmpfs.iter().all(|tmpfs| is_absolute(tmpfs.target)));
    assert!(options.name.is_none_or(|name| is_name(name.to_bytes())));
    for name in [options.hostname, options.domainname].into_iter().flatten() {
        assert!(name.to_bytes().len() <= NAME_BYTES);
    }
    for map in [&options.uid_map, &options.gid_map] {
        for (index, range) in map.iter().enumerate() {
            let ends = [range.inner, range.outer].map(|first| first.checked_add(range.size));
            assert!(range.size > 0 && ends.iter().all(Option::is_some));
            let earlier = &map[..index];
            let is_apart = |a: u32, a_size: u32, b: u32, b_size: u32| {
                u64::from(a) + u64::from(a_size) <= b.into()
                    || u64::from(b) + u64::from(b_size) <= a.into()
            };
            assert!(earlier.iter().all(|other| {
                is_apart(range.inner, range.size, other.inner, other.size)
                    && is_apart(range.outer, range.size, other.outer, other.size)
            }));
        }
    }
    assert!(options.lists.variables.iter().all(|variable| !variable.to_bytes().starts_with(b"=")));
}

/// `exec` or nsenter, as the first string says.
pub fn check_exec(input: &[u8]) -> bool {
    let strings = strings(input);
    let words: Vec<&CStr> = strings.iter().map(|word| word.as_c_str()).collect();
    let Some((command, words)) = words.split_first() else { return false };
    let style = if *command == c"nsenter" { Style::Nsenter } else { Style::Exec };
    let (mut room, mut lists) = (vec![0; ARENA_BYTES], ManuallyDrop::new(Lists::new()));
    let mut options = RunOptions::new(&mut lists);
    let mut arena = Arena::new(&mut room);
    let parsed =
        enter_options::parse(style, words.iter().copied(), POSITION, &mut arena, &mut options);
    match parsed {
        Ok(RunRequest::Help) => true,
        Ok(RunRequest::Run(rest)) => {
            let count = check_program(rest, words);
            let enter = &options.enter;
            assert!(style != Style::Exec || count > 0);
            for (index, (kind, file)) in enter.files.iter().enumerate() {
                assert!(!file.is_empty() && enter.has_file(*kind));
                assert!(enter.files[..index].iter().all(|(other, _)| other != kind));
            }
            check_options(&options);
            true
        }
        Err(refusal) => {
            check_refusal(&refusal, words.len());
            false
        }
    }
}

const VERBS: [(&CStr, Verb); 7] = [
    (c"wait", Verb::Wait),
    (c"kill", Verb::Kill),
    (c"stop", Verb::Stop),
    (c"pause", Verb::Pause),
    (c"resume", Verb::Resume),
    (c"rm", Verb::Remove),
    (c"logs", Verb::Logs),
];

pub fn check_manage(input: &[u8]) -> bool {
    let strings = strings(input);
    let words: Vec<&CStr> = strings.iter().map(|word| word.as_c_str()).collect();
    let Some((command, words)) = words.split_first() else { return false };
    let Some((_, verb)) = VERBS.iter().find(|(name, _)| name == command) else { return false };
    let mut arguments = Arguments::new(words.iter().copied(), POSITION);
    match manage_options::parse(*verb, &mut arguments) {
        Ok(None) => true,
        Ok(Some(asked)) => {
            let is_sound = manage_options::check_names(*verb, arguments.operands()).is_ok();
            assert!((1..=64).contains(&asked.signal) && asked.verb == *verb);
            let count = check_program(arguments.operands(), words);
            let names = arguments.operands().all(|name| is_name(name.to_bytes()));
            let suffices = count == 1 || count > 1 && *verb != Verb::Logs;
            assert_eq!(is_sound, names && suffices);
            is_sound
        }
        Err(reason) => {
            check_refusal(&arguments.refusal(reason), words.len());
            false
        }
    }
}

const SEEING: [(&CStr, Manual, usize); 5] = [
    (c"ps", see_options::PS, 1),
    (c"ns", see_options::NS, 1),
    (c"mounts", see_options::MOUNTS, 1),
    (c"inspect", see_options::INSPECT, 1),
    (c"stats", see_options::STATS, usize::MAX),
];

pub fn check_see(input: &[u8]) -> bool {
    let strings = strings(input);
    let words: Vec<&CStr> = strings.iter().map(|word| word.as_c_str()).collect();
    let Some((command, words)) = words.split_first() else { return false };
    let Some((_, manual, most)) = SEEING.iter().find(|row| row.0 == *command) else { return false };
    let mut arguments = Arguments::new(words.iter().copied(), POSITION);
    let mut options = SeeOptions::default();
    match see_options::parse(*manual, *most, &mut arguments, &mut options) {
        Ok(goes_on) => {
            let count = check_program(arguments.operands(), words);
            assert!(count <= *most || !goes_on);
            true
        }
        Err(reason) => {
            check_refusal(&arguments.refusal(reason), words.len());
            false
        }
    }
}

pub fn check_ip(input: &[u8]) -> bool {
    let strings = strings(input);
    let mut words = strings.iter().map(|word| word.as_c_str());
    match ip_command::parse(&mut || words.next()) {
        Ok(command) => {
            if let Some(prefix) = command.prefix {
                assert!(usize::from(prefix.length) <= prefix.address.bytes().len() * 8);
            }
            let is_changed = command.action != Action::Show;
            assert!(
                !is_changed
                    || command.device.is_some()
                    || command.object == ip_command::Object::Route
            );
            true
        }
        Err((word, _)) => {
            assert!(word.is_empty() || strings.iter().any(|one| one.as_c_str() == word));
            false
        }
    }
}
