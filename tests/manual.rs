//! rootlet.8, --help and the parser know the same options.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use support::{Case, case};

/// Commands whose parser is not tried: those of other programs refuse in those programs' words (and are compared with
/// them elsewhere), the shell's in its own, and a mistake of this test must not switch the machine off.
const UNTRIED: [&str; 6] = ["tini", "dumb-init", "catatonit", "poweroff", "switch_root", "sh"];

/// What the parser says of an option that it does not know.
const UNKNOWN: &str = "is not an option here";

/// Of each command's section of the page: flags, and whether a value follows.
type Flags = BTreeMap<String, bool>;

/// `-v, --volume SRC:DST` is `-v` and `--volume`, both with a value; that of `--net[=FILE]` need not be given.
fn flags(words: &str) -> Flags {
    let parts: Vec<&str> = words.split_whitespace().collect();
    let given = words.contains('=') && !words.contains("[=");
    let valued = given || parts.iter().any(|part| !part.starts_with('-'));
    let names = parts.iter().filter(|part| part.starts_with('-'));
    names.map(|name| (flag_alone(name), valued)).collect()
}

fn flag_alone(word: &str) -> String {
    word.split("[=").next().unwrap().trim_end_matches(',').to_owned()
}

fn of_page() -> BTreeMap<String, Flags> {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/rootlet.8")).unwrap();
    let page = page.replace("\\-", "-").replace("\\&", "").replace("\\e", "\\");
    let mut commands = BTreeMap::new();
    for section in page.split(".SS rootlet ").skip(1) {
        let section = section.split("\n.SH ").next().unwrap();
        let (name, rest) = section.split_once('\n').unwrap();
        let options = rest.split(".TP\n.B ").skip(1);
        let all = options.flat_map(|option| flags(option.lines().next().unwrap()));
        commands.insert(name.to_owned(), all.collect());
    }
    commands
}

/// The flags at the beginning of the lines of --help: up to two spaces, or as far as they reach.
fn of_help(t: &Case, command: &str) -> BTreeSet<String> {
    let option = if ["tini", "catatonit"].contains(&command) { "-h" } else { "--help" };
    let outcome = t.rootlet().opts([command, option]).output();
    assert_eq!(outcome.code(), 0, "{command} {option}: {outcome:?}");
    // dumb-init's goes to standard error.
    let text = outcome.stdout + &outcome.stderr;
    let lines = text.lines().filter(|line| line.trim_start().starts_with('-'));
    let starts = lines.map(|line| {
        let words = line.trim_start();
        let flags = words.split("  ").next().unwrap();
        // Flags stand first, with commas between them.
        let mut all = vec![flags.split(' ').next().unwrap()];
        all.extend(flags.split(", ").skip(1).filter_map(|more| more.split(' ').next()));
        all.into_iter().filter(|flag| flag.starts_with('-')).map(flag_alone)
    });
    starts.flat_map(Iterator::collect::<Vec<_>>).collect()
}

#[test]
fn the_page_has_the_options_that_help_has() {
    let t = case!("-");
    let page = of_page();
    for command in ["run", "init", "poweroff", "tini"] {
        assert!(page.contains_key(command), "no section of {command}: run `cargo xtask man`");
    }
    for (command, flags) in &page {
        let names: BTreeSet<String> = flags.keys().cloned().collect();
        assert_eq!(names, of_help(&t, command), "{command}: run `cargo xtask man`");
        assert!(!names.is_empty() || command == "sh", "{command} has no options");
    }
}

#[test]
fn every_command_of_the_general_help_is_in_the_page() {
    let t = case!("-");
    let help = t.rootlet().opt("--help").output().ok().to_owned();
    let page = of_page();
    let words = help.lines().filter_map(|line| line.trim_start().strip_prefix("rootlet "));
    let commands = words.filter_map(|rest| rest.split([' ', ',']).next());
    let commands: Vec<&str> =
        commands.filter(|word| word.chars().all(|c| c.is_ascii_lowercase())).collect();
    assert!(commands.contains(&"run") && commands.contains(&"init"), "{commands:?}");
    for command in commands.iter().filter(|command| **command != "sh") {
        assert!(page.contains_key(*command), "no section of {command}: run `cargo xtask man`");
    }
}

#[test]
fn the_parser_knows_the_options_of_the_page_and_no_others() {
    let t = case!("-");
    let mut tried = 0;
    for (command, flags) in of_page().iter().filter(|(name, _)| !UNTRIED.contains(&name.as_str())) {
        let unknown = |flag: &str, value: Option<&str>| {
            // Help is printed where all before it is right, and nothing is done in any case.
            let words = [command.as_str(), flag].into_iter().chain(value).chain(["--help"]);
            t.rootlet().opts(words).output().stderr.contains(UNKNOWN)
        };
        for (flag, &valued) in flags {
            assert!(!unknown(flag, valued.then_some("1")), "{command} {flag} is not known");
            tried += 1;
        }
        if !flags.is_empty() {
            let letters = ('a'..='z').chain('A'..='Z').map(|letter| format!("-{letter}"));
            for flag in letters.chain(["--no-such-option".to_owned()]) {
                assert_eq!(unknown(&flag, None), !flags.contains_key(&flag), "{command} {flag}");
            }
        }
    }
    assert!(tried > 70, "{tried} options");
}
