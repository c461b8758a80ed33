//! The project keeps its rules, and each rule has samples that break it.

use super::*;

#[test]
fn the_project_is_tidy() {
    let found = violations().unwrap();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// Checks that a sample breaks exactly one rule, and which; or none, where `expected` is empty.
fn check(name: &str, text: &str, expected: &str) {
    let found = check_file(Path::new(name), text);
    if expected.is_empty() {
        assert!(found.is_empty(), "{name}: {text:?}: {found:?}");
    } else {
        assert_eq!(found.len(), 1, "{name}: {text:?}: {found:?}");
        assert!(found[0].contains(expected), "{found:?} should say {expected:?}");
    }
}

/// A sample behind a good first line.
fn check_source(name: &str, code: &str, expected: &str) {
    check(name, &format!("//! A sample.\n{code}\n"), expected);
}

#[test]
fn files_and_functions_have_a_longest_length() {
    let function =
        |lines: usize| format!("fn long() {{\n{}}}", "    let _ = 1;\n".repeat(lines - 2));
    check_source("src/text/a.rs", &function(70), "");
    check_source("src/text/a.rs", &function(71), "src/text/a.rs:2: long has 71 lines");
    check_source("tests/a.rs", &format!("impl A {{ {} }}", function(71)), "long has 71 lines");
    check_source("tests/a.rs", &format!("trait A {{ {} }}", function(71)), "long has 71 lines");
    check_source("tests/a.rs", &format!("mod a {{ {} }}", function(71)), "long has 71 lines");
    check_source("src/text/a.rs", &"// A line.\n".repeat(498), "");
    check_source("src/text/a.rs", &"// A line.\n".repeat(500), "502 lines");
}

#[test]
fn the_first_line_says_what_lives_there() {
    for text in ["", "fn a() {}\n", "//!\nfn a() {}\n", "// A comment.\n", "\n//! Too late.\n"] {
        check("src/text/a.rs", text, "first line");
    }
    let line = |length: usize| format!("//! {}\n", "a".repeat(length - 4));
    check("src/text/a.rs", &line(80), "");
    check("src/text/a.rs", &line(81), "first line of 81 characters");
}

#[test]
fn unsafe_stands_in_two_folders_only() {
    let block = "fn a() { unsafe { b() } }";
    check_source("src/sys/a.rs", block, "");
    check_source("src/start/a.rs", block, "");
    for name in ["src/run/a.rs", "src/systems.rs", "initsh/src/lib.rs", "xtask/src/a.rs"] {
        let found = check_file(Path::new(name), &format!("//! A sample.\n{block}\n")).join("; ");
        assert!(found.contains(":2: unsafe stands only below"), "{name}: {found}");
    }
    check_source("tests/a.rs", "#[unsafe(no_mangle)] fn a() {}", "unsafe stands only");
    check_source("tests/a.rs", "m! { unsafe fn a() {} }", "unsafe stands only");
    check_source("tests/a.rs", "#![forbid(unsafe_code)]", "");
    check_source("tests/a.rs", "/// Not unsafe.\nconst A: &str = \"unsafe\"; // unsafe", "");
}

#[test]
fn modules_use_only_what_stands_below_them() {
    let rows = [
        ("src/plan/a.rs", "use crate::input::A;", ""),
        ("src/plan/a.rs", "use crate::plan::b::C;", ""),
        ("src/plan/a.rs", "use crate::run::A;", ":2: plan may not use run"),
        ("src/plan/mod.rs", "fn a() { crate::role::b() }", "plan may not use role"),
        ("src/plan/a.rs", "use crate::{text, role::b};", "plan may not use role"),
        ("src/plan/a.rs", "use crate::{text::{run, role}, facts};", ""),
        ("src/plan/a.rs", "fn a() { b!(1, crate::run::C) }", "plan may not use run"),
        ("src/plan/a.rs", "macro_rules! a { () => { $crate::run::b() } }", "may not use run"),
        ("src/plan/a.rs", "fn a() -> crate::report::B { b }", "plan may not use report"),
        ("src/plan/a.rs", "use crate::sys::A;", "plan may not use sys: it makes no"),
        ("src/input/a.rs", "use crate::sys::A;", "input may not use sys: it makes no"),
        ("src/facts/a.rs", "use crate::sys::A;", ""),
        ("src/report.rs", "use super::run::A;", ""),
        ("src/report.rs", "use super::role::A;", "report may not use role"),
        ("src/plan/mod.rs", "use super::role::A;", "plan may not use role"),
        ("src/plan/a.rs", "use super::role::A;", ""),
        ("src/plan/a.rs", "use super::super::role::A;", "plan may not use role"),
        ("src/plan/a.rs", "use self::super::super::role::A;", "plan may not use role"),
        ("src/plan/a.rs", "mod tests { use super::super::role::A; }", ""),
        ("src/plan/a.rs", "mod tests { use super::super::super::role::A; }", "not use role"),
        ("src/plan/a.rs", "use crate::*;", "* at the crate's root"),
        ("src/plan/a.rs", "use crate::Thing;", "Thing at the crate's root"),
        ("src/lib.rs", "pub use crate::role::A;", ""),
        ("src/start/a.rs", "use rootlet::role; use crate::role;", ""),
        ("src/widgets/mod.rs", "", "module widgets is none of"),
        ("src/widgets.rs", "", "module widgets is none of"),
        ("xtask/src/a.rs", "use crate::run::A;", ""),
    ];
    for (name, code, expected) in rows {
        check_source(name, code, expected);
    }
}

#[test]
fn names_say_something() {
    check_source("src/text/line.rs", "", "");
    for name in ["src/text/util.rs", "xtask/src/helpers.rs", "tests/common/pty.rs"] {
        check_source(name, "", "says nothing");
    }
    check("tests/misc.toml", "", "says nothing");
}

#[test]
fn unfinished_work_is_refused() {
    let marks = [["TO", "DO"], ["FIX", "ME"], ["X", "XX"]].map(|parts| parts.concat());
    for mark in marks {
        check_source("src/text/a.rs", &format!("// {mark}: later"), &format!(":2: {mark}"));
        check("tests/vm/a/files/check.sh", &format!("# ({mark})\n"), &format!(":1: {mark}"));
        check("tests/vm/a/files/check.sh", &format!("mktemp /tmp/a.{mark}{mark}\n"), "");
    }
    let unfinished = ["to", "do!()"].concat();
    check_source("src/text/a.rs", &format!("fn a() {{ {unfinished} }}"), "finish it");
    check_source("src/text/a.rs", "fn a() { core::unimplemented!() }", "finish it");
    check_source("tests/a.rs", "#[test]\n#[ignore]\nfn a() {}", ":3: an ignored test");
    check_source("tests/a.rs", "#[ignore = \"slow\"]\nfn a() {}", "an ignored test");
    check_source("tests/a.rs", "#[cfg_attr(a, ignore)]\nfn a() {}", "an ignored test");
    check_source("tests/a.rs", "fn ignore() {}", "");
}

#[test]
fn what_is_not_rust_is_named() {
    let found = check_file(Path::new("tests/a.rs"), "//! A sample.\nfn (\n").join("; ");
    assert!(found.contains("not Rust"), "{found}");
}
