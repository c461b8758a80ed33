//! The shell and a person: what is typed on a terminal, and what is seen then.
//!
//! `initsh/tests/jobs.txt` has scripts with `set -m` that dash and initsh must answer alike on a terminal.

mod support;

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use support::{Case, Rootlet, Terminal, await_true, case, children, descendants, kill, state};

/// A shell on a terminal, and how much of its screen was looked at.
struct Talk {
    terminal: Terminal,
    seen: usize,
}

impl Talk {
    fn with(shell: Rootlet, columns: u16) -> Talk {
        let shell = shell.env("PS1", "$ ").env("PS2", "> ").env("PATH", "/usr/bin:/bin");
        let terminal = Terminal::start(shell, 24, columns);
        terminal.expect("$ ");
        let seen = terminal.screen().len();
        Talk { terminal, seen }
    }

    fn start(t: &Case) -> Talk {
        Talk::with(t.rootlet().opt("sh").env("TERM", "vt102").env("HOME", t.dir()), 80)
    }

    /// Types keys and waits until this is seen behind what was seen before.
    fn say(&mut self, keys: &str, expected: &str) -> &mut Talk {
        self.terminal.keys(keys);
        let seen = self.seen;
        let mut end = 0;
        let new = |screen: &str| screen.get(seen..).and_then(|new| new.find(expected));
        self.terminal
            .expect_that(&format!("{expected:?} after {keys:?}"), |screen| new(screen).is_some());
        if let Some(place) = new(&self.terminal.screen()) {
            end = seen + place + expected.len();
        }
        self.seen = end;
        self
    }

    /// Types a command that stays, and waits until it runs.
    fn stay(&mut self, command: &str) -> &mut Talk {
        self.say(&format!("sh -c 'echo u\"\"p; {command}'\r"), "up\r\n")
    }

    fn exit(&mut self) -> i32 {
        self.terminal.keys("exit 7\r");
        self.terminal.finish().code().unwrap_or(-1)
    }
}

#[test]
fn lines_are_edited_with_the_usual_keys() {
    let t = case!("-");
    let mut talk = Talk::start(&t);
    for (keys, expected) in [
        ("echo a'b'c\r", "\r\nabc\r\n$ "),
        ("cho d''ef\x01e\r", "\r\ndef\r\n$ "),
        ("echo gx''h\x1b[D\x1b[D\x1b[D\x7f\r", "\r\ngh\r\n$ "),
        ("echo one two\x1bb\x0b\x19\x19\r", "\r\none twotwo\r\n$ "),
        ("echo grö''ße\x02\x7f\r", "\r\ngröe\r\n$ "),
        ("echo x\x15echo y''z\r", "\r\nyz\r\n$ "),
        ("echo cl''ear\x0c", "\x1b[H\x1b[2J$ echo cl''ear"),
        ("\r", "\r\nclear\r\n$ "),
        ("if true\r", "> "),
        ("then echo y''es; fi\r", "\r\nyes\r\n$ "),
        ("cat <<E\r", "> "),
        ("x$((2+3))\r", "> "),
        ("E\r", "\r\nx5\r\n$ "),
        ("echo \x1b[15~\x1b[[A\x1bo''k\x00\r", "\r\nok\r\n$ "),
    ] {
        talk.say(keys, expected);
    }
    assert_eq!(talk.exit(), 7);
}

#[test]
fn a_key_may_come_in_pieces_and_escape_alone_takes_none_away() {
    let t = case!("-");
    let mut talk = Talk::start(&t);
    talk.say("echo bc", "bc");
    for _ in 0..2 {
        // Each piece has been read when the line is drawn again.
        talk.say("\x1b", "").say("[", "").say("D", "\x08");
    }
    talk.say("a''", "a''").say("\r", "\r\nabc\r\n$ ");
    talk.say("\x1b[1", "").say(";5", "").say("Decho o''k\x1b", "");
    talk.say("\r", "\r\nok\r\n$ ");
    talk.say("\u{f6}\x01", "\x08")
        .say("echo \"", "")
        .say("\x05\"", "")
        .say("\r", "\r\n\u{f6}\r\n$ ");
    assert_eq!(talk.exit(), 7);
}

#[test]
fn lines_typed_before_come_again() {
    let t = case!("-");
    let mut talk = Talk::start(&t);
    talk.say("echo o''ne\r", "\r\none\r\n$ ").say("echo t''wo\r", "\r\ntwo\r\n$ ");
    talk.say("\x1b[A\x1b[A\r", "\r\none\r\n$ ");
    talk.say("echo th''ree\x10\x10\x0e\x0e\r", "\r\nthree\r\n$ ");
    talk.say("\x10\x10\x10\x17tw''o again\r", "\r\ntwo again\r\n$ ");
    assert_eq!(talk.exit(), 7);
}

#[test]
fn tab_completes_commands_variables_and_paths() {
    let t = case!("-");
    for name in ["a b", "file1", "file22", "file23", ".hidden", "it's", "größe1", "größe2"] {
        t.file(name, "");
    }
    t.folder("sub dir/inner");
    let program = t.path("bin/quite-a-program");
    t.folder("bin");
    fs::copy("/bin/true", program).unwrap();
    t.file("bin/quite-a-text", "");
    let mut talk = Talk::start(&t);
    talk.say(&format!("cd {}\r", t.dir().display()), "$ ");
    talk.say("PATH=$PATH:$PWD/bin; my_function() { echo f''un; }; a_name=val''ue\r", "$ ");
    for (keys, expected) in [
        // One way: all of it, and a blank; directories have their slash.
        ("echo a\t", "$ echo a\\ b \x1b[K"),
        ("\x15ech\t", "$ echo \x1b[K"),
        ("\x15my_f\t\r", "\r\nfun\r\n$ "),
        ("quit\t", "$ quite-a-program \x1b[K"),
        ("\x15echo $a_n\t\r", "\r\nvalue\r\n$ "),
        ("ls su\t", "$ ls sub\\ dir/\x1b[K"),
        ("\t\r", "\r\n$ "),
        ("echo ~/file1\t", "file1 "),
        ("\x15echo it\t", "$ echo it\\'s \x1b[K"),
        ("\x15echo 'a\t", "$ echo a\\ b \x1b[K"),
        ("\x15echo .hi\t", "$ echo .hidden \x1b[K"),
        ("\x15x=file1\t", "$ x=file1 \x1b[K"),
        ("quit\t", "$ x=file1 quite-a-program \x1b[K"),
        ("\x15echo x >file1\t", "$ echo x >file1 \x1b[K"),
        ("\x15if quit\t", "$ if quite-a-program \x1b[K"),
        ("\x15: `quit\t", "$ : `quite-a-program \x1b[K"),
        ("\x15: $(quit\t", "$ : $(quite-a-program \x1b[K"),
        ("\x15: | quit\t", "$ : | quite-a-program \x1b[K"),
        // In the middle of a line.
        ("\x15 file22\x01echo a\t", "$ echo a\\ b  file22\x1b[K"),
        // More ways: what they have in common, then all of them.
        ("\x05\x15echo fi\t", "$ echo file\x1b[K"),
        ("\t", "\r\nfile1  file22  file23  \r\n$ echo file"),
        ("2\t", "\x07"),
        ("\t", "\r\nfile22  file23  \r\n$ echo file2"),
        ("\x15echo gr\t", "$ echo größe\x1b[K"),
        // None.
        ("\x15echo nothing\t", "\x07"),
        ("\x15echo nothing/at/\t", "\x07"),
        ("\x15\r", "$ "),
        // What the host has where there is no such program.
        ("PATH=$PWD/bin\r", "$ "),
        ("switch_\t", "$ switch_root \x1b[K"),
        ("\x15\r", "$ "),
    ] {
        talk.say(keys, expected);
    }
    assert_eq!(talk.exit(), 7);
}

#[test]
fn ctrl_c_gives_up_what_is_typed_and_what_runs() {
    let t = case!("-");
    let mut talk = Talk::start(&t);
    talk.say("echo not''here", "here").say("\x03", "^C\r\n$ ").say("echo $?\r", "\r\n130\r\n$ ");
    talk.say("if true\r", "> ").say("\x03", "^C\r\n$ ");
    talk.say("cat <<E\r", "> ").say("not''here\r", "> ").say("\x03", "^C\r\n$ ");
    talk.say("echo \"not''here\r", "> ").say("\x03", "^C\r\n$ ");
    talk.stay("exec sleep 100").say("\x03", "^C\r\n$ ").say("echo $?\r", "\r\n130\r\n$ ");
    talk.say("sh -c 'echo u\"\"p; exec sleep 100' | cat; echo not''here\r", "up\r\n");
    talk.say("\x03", "^C\r\n$ ").say("echo $?\r", "\r\n130\r\n$ ");
    talk.say("(echo u''p; sleep 100; echo not''here)\r", "up\r\n").say("\x03", "$ ");
    talk.say("echo u''p; while :; do :; done\r", "up\r\n").say("\x03", "$ ");
    talk.say("echo u''p; read x; echo not''here\r", "up\r\n").say("\x03", "$ ");
    talk.say("echo u''p; { sleep 100 & wait; }; echo not''here\r", "up\r\n");
    // Until it is the program it may be in the foreground yet, and Ctrl-C meant for it.
    let is_sleep = |pid: u32| {
        std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"sleep"))
    };
    assert!(await_true(|| children(talk.terminal.pid()).into_iter().any(is_sleep)));
    talk.say("\x03", "$ ");
    talk.say("echo $?\r", "\r\n130\r\n$ ").say("kill %1\r", "$ ");
    talk.say("trap 'echo tr''ap' INT\r", "$ ").say("x\x03", "^C\r\ntrap\r\n").say("", "$ ");
    assert!(!talk.terminal.screen().contains("nothere"), "{}", talk.terminal.screen());
    assert_eq!(talk.exit(), 7);
}

#[test]
fn ctrl_z_stops_a_job_and_fg_and_bg_let_it_go_on() {
    let t = case!("-");
    let mut talk = Talk::start(&t);
    talk.stay("while read line; do echo got $line; done; exit 3");
    let job = children(talk.terminal.pid())[0];
    talk.say("\x1a", "[1] + Stopped                    sh -c").say("", "\r\n$ ");
    assert!(await_true(|| state(job) == Some('T')));
    talk.say("echo $?\r", "\r\n148\r\n$ ");
    // In the background it may not read, and stops again.
    talk.say("bg\r", "[1] sh -c");
    // The next prompt tells it.
    assert!(await_true(|| {
        talk.terminal.keys("\r");
        talk.terminal.screen().contains("[1] + Stopped (tty input)        sh -c")
    }));
    assert_eq!(state(job), Some('T'));
    talk.say("fg\r", "fg\r\n")
        .say("", "3\"\r\n")
        .say("li''ne\r", "got li''ne\r\n")
        .say("\x04", "$ ");
    talk.say("echo $?\r", "\r\n3\r\n$ ").say("fg\r", "no current job\r\n$ ");
    // A pipeline is one job, whichever of it is looked at.
    talk.say("sh -c 'echo u\"\"p >&2; exec sleep 100' | cat | cat\r", "up\r\n");
    let shell = talk.terminal.pid();
    let all = || children(shell).into_iter().filter(|pid| state(*pid) == Some('S')).collect();
    assert!(await_true(|| Vec::len(&all()) == 3));
    let all: Vec<u32> = all();
    talk.say("\x1a", "[1] + Stopped ").say("", "$ ");
    assert!(await_true(|| all.iter().all(|pid| state(*pid) == Some('T'))), "{all:?}");
    talk.say("fg %sh\r", "cat\r\n");
    assert!(await_true(|| all.iter().all(|pid| state(*pid) == Some('S'))), "{all:?}");
    talk.say("\x03", "$ ");
    assert!(await_true(|| all.iter().all(|pid| state(*pid).is_none())), "{all:?}");
    // What a word is made of is none, and cannot be stopped.
    talk.say("x=$(echo u''p >&2; sleep 0.3; echo val''ue); echo $x\r", "up\r\n");
    talk.say("\x1a", "value\r\n$ ");
    // A function with what it runs is one as well where it is in a subshell.
    talk.say("(echo u''p; sleep 100; :)\r", "up\r\n")
        .say("\x1a", "(echo u\"\"p; sleep 100; :)\r\n$ ");
    talk.say("kill %1; kill -CONT %1; sleep 0.5; wait %1; echo $?\r", "143\r\n").say("", "$ ");
    assert_eq!(talk.exit(), 7);
}

#[test]
fn stopped_jobs_are_told_once_when_the_shell_is_to_end() {
    let t = case!("-");
    for (first, second) in [("exit\r", "exit 5\r"), ("\x04", "exit 5\r"), ("exit\r", "\x04")] {
        let mut talk = Talk::start(&t);
        talk.stay("exec sleep 100").say("\x1a", "Stopped").say("", "$ ");
        let job = children(talk.terminal.pid())[0];
        talk.say(first, "You have stopped jobs.\r\n$ ").say("echo x''y\r", "\r\nxy\r\n$ ");
        talk.say(first, "You have stopped jobs.\r\n$ ");
        talk.terminal.keys(second);
        assert_eq!(talk.terminal.finish().code(), Some(if second == "\x04" { 0 } else { 5 }));
        // The kernel ends what nobody can let go on any more.
        assert!(await_true(|| state(job).is_none()));
    }
}

/// The lines on the screen that a shell says of its jobs.
fn told(screen: &str) -> Vec<String> {
    let lines = screen.lines().map(|line| line.trim_start_matches("^Z").trim_start_matches("$ "));
    let said =
        |line: &&str| line.starts_with('[') || line.starts_with("st ") || line.contains("have");
    lines.filter(said).map(|line| line.replace("${x}", "$x")).collect()
}

#[test]
fn jobs_are_told_as_dash_tells_them() {
    let t = case!("-", "dash");
    let talks = ["initsh", "dash"].map(|name| {
        let mut talk = match name {
            "dash" => Talk::with(Rootlet::new(Path::new("dash"), t.dir()), 80),
            _ => Talk::start(&t),
        };
        talk.say("sleep 100 | cat &\r", "$ ").say("jobs\r", "cat\r\n$ ");
        talk.stay("exec sleep 100").say("\x1a", "Stopped").say("", "$ ");
        talk.say("jobs\r", "cat\r\n").say("", "$ ").say("sleep 200 >/dev/null 2>&1 &\r", "$ ");
        talk.say("x=100; sleep $x & jobs\r", "cat\r\n").say("", "$ ");
        talk.say("jobs -p | wc -l; echo st $?\r", "\nst 0\r\n$ ");
        talk.say("bg\r", "[2] sh").say("", "$ ").say("jobs\r", "cat\r\n").say("", "$ ");
        talk.say("kill %1 %2 %3 %4; sleep 0.2; wait; echo st $?\r", "\nst 0\r\n").say("", "$ ");
        talk.say("\r", "$ ").say("jobs; echo st $?\r", "\nst 0\r\n").say("", "$ ");
        talk.say("(exit 4) & wait $!; echo st $?\r", "\nst 4\r\n").say("", "$ ");
        talk.say("jobs %5; echo st $?\r", "\nst 2\r\n").say("", "$ ");
        talk.say("fg %5; echo st $?\r", "\nst 2\r\n").say("", "$ ");
        talk.say("{ sleep 100; echo x; } & sleep 0.3; kill $!; sleep 0.1\r", "$ ").say("\r", "$ ");
        talk.say("set +m; sleep 0.1 & wait; jobs; echo st $?\r", "\nst 0\r\n").say("", "$ ");
        talk.say("set -m; sleep 100 & sleep 0.3\r", "$ ")
            .say("kill %%; wait %%; echo st $?\r", "st 143\r\n")
            .say("", "$ ");
        talk.say("exit\r", "");
        talk.terminal.finish();
        talk
    });
    let [ours, dash] = talks.map(|talk| told(&talk.terminal.screen()));
    assert_eq!(ours, dash);
    assert!(ours.len() > 15, "{ours:?}");
}

#[test]
fn scripts_control_jobs_as_in_dash() {
    let t = case!("-", "dash");
    let all =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("initsh/tests/jobs.txt"));
    let all = all.unwrap();
    let scripts: Vec<&str> = all.trim_end_matches('\n').split("\n---\n").collect();
    assert!(scripts.len() >= 10, "{} scripts", scripts.len());
    let mut wrong = Vec::new();
    for script in scripts {
        let [ours, dash] = [true, false].map(|is_ours| {
            let shell = match is_ours {
                true => t.rootlet().opt("sh"),
                false => Rootlet::new(Path::new("dash"), t.dir()),
            };
            let shell = shell.opts(["-c", script]).env("PATH", "/usr/bin:/bin");
            let mut terminal = Terminal::start(shell, 24, 80);
            let status = terminal.finish();
            terminal.keys("e\rnd\r");
            terminal.expect("nd\r\n");
            let screen = terminal.screen();
            (status.code(), screen.split("e\r\nnd").next().unwrap_or_default().to_owned())
        });
        if ours != dash {
            wrong.push(format!("{script}\n  initsh {ours:?}\n  dash {dash:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn commands_find_the_terminal_as_it_was_and_so_does_who_comes_later() {
    let t = case!("-", "stty");
    let file = t.path("attributes");
    let ends: [(&str, Option<i32>); 4] =
        [("exit 7\r", Some(7)), ("\x04", Some(0)), ("exec sh -c 'exit 9'\r", Some(9)), ("", None)];
    for (keys, code) in ends {
        let mut talk = Talk::start(&t);
        talk.say(&format!("stty -g >{}\r", file.display()), "$ ");
        let before = fs::read_to_string(&file).unwrap();
        assert!(await_true(|| talk.terminal.attributes() != before), "a prompt reads keys");
        // What a command sets stays; what one leaves that was killed does not.
        talk.say("stty -echok\r", "$ ").say(&format!("stty -g >{}\r", file.display()), "$ ");
        let changed = fs::read_to_string(&file).unwrap();
        assert_ne!(changed, before);
        talk.say("sh -c 'stty raw -echo; kill -9 $$'\r", "$ ");
        talk.say(&format!("stty -g >{}\r", file.display()), "$ ");
        assert_eq!(fs::read_to_string(&file).unwrap(), changed);
        if code.is_none() {
            // Some signal that ends it while it waits for a key.
            kill(talk.terminal.pid(), 15);
            talk.say("echo a''live\r", "\r\nalive\r\n$ ");
            kill(talk.terminal.pid(), 1);
        }
        talk.terminal.keys(keys);
        let status = talk.terminal.finish();
        assert_eq!(status.code(), code, "{keys:?}");
        assert_eq!(status.signal(), code.is_none().then_some(1), "{keys:?}");
        assert_eq!(talk.terminal.attributes(), changed, "{keys:?}");
    }
}

#[test]
fn signals_come_while_a_line_is_typed() {
    let t = case!("-");
    let mut talk = Talk::start(&t);
    let pid = talk.terminal.pid();
    talk.say("trap 'echo tr''ap' USR1\r", "$ ").say("echo o''k", "o''k");
    kill(pid, 10);
    // The action's words, and the line again.
    talk.say("", "trap\r\n$ echo o''k").say("\r", "\r\nok\r\n$ ");
    // Who is stopped goes on where he was.
    talk.say("echo a''gain", "a''gain");
    kill(pid, 19);
    assert!(await_true(|| state(pid) == Some('T')));
    kill(pid, 18);
    talk.say("", "\r$ echo a''gain").say("\r", "\r\nagain\r\n$ ");
    talk.say("trap 'exit 6' USR2\r", "$ ").say("ec", "ec");
    kill(pid, 12);
    assert_eq!(talk.terminal.finish().code(), Some(6));
}

#[test]
fn pasted_lines_are_read_one_by_one_and_commands_get_theirs() {
    let t = case!("-");
    let mut talk = Talk::start(&t);
    talk.say("echo o''ne\recho t''wo\rif true; then\recho th''ree\rfi\r", "\r\none\r\n");
    talk.say("", "\r\ntwo\r\n").say("", "\r\nthree\r\n$ ");
    talk.say("read a; read b; echo $b-$a\rfi''rst\rsec''ond\r", "sec''ond-fi''rst\r\n$ ");
    talk.say("echo r''eady; cat | wc -l\r1\r2\r3\r", "ready\r\n").say("\x04", "3\r\n$ ");
    // Junk does no harm: a line of it is a command like others.
    let junk: String =
        (1..128).map(char::from).filter(|c| !"\x03\x04\t\n\r\x13;".contains(*c)).collect();
    talk.say(&format!("{junk}{junk}\x15"), "$ ")
        .say("\x03", "^C\r\n$ ")
        .say("echo o''k\r", "\r\nok\r\n$ ");
    assert_eq!(talk.exit(), 7);
}

#[test]
fn a_line_that_is_too_long_is_refused_and_long_ones_scroll() {
    let t = case!("-");
    let mut talk = Talk::with(t.rootlet().opt("sh").env("TERM", "vt102"), 40);
    let many = "x".repeat(4000);
    talk.say(&format!("a={many}; echo ${{#a}}\r"), "\r\n4000\r\n$ ");
    talk.say(&format!("echo not''here{}\r", "x".repeat(5000)), "line is too long");
    talk.say("", "$ ").say("echo $?\r", "\r\n2\r\n$ ");
    assert!(!talk.terminal.screen().contains("nothere"));
    // No line of the screen was written past its end.
    talk.say("\x0c", "\x1b[2J$ ").say(": abcdefghijklmnopqrstuvwxyz0123456789+-*/", "+-*/\x1b[K");
    talk.say("\x01", "$ : abcdefghijklmnopqrstuvwxyz012345678\x1b[K\x08");
    // A wider window shows more at once.
    talk.terminal.resize(24, 60);
    talk.say("", "$ : abcdefghijklmnopqrstuvwxyz0123456789+-*/\x1b[K\x08");
    talk.say("\x05\x15", "$ \x1b[K");
    assert_eq!(talk.exit(), 7);
}

#[test]
fn a_dumb_terminal_has_its_own_lines() {
    let t = case!("-");
    let mut talk = Talk::with(t.rootlet().opt("sh").env("TERM", "dumb"), 80);
    talk.say("echo o\x7foo''k\r", "\r\nook\r\n$ ").say("if true\r", "> ").say("\x03", "^C\r\n$ ");
    talk.say("not''here\x03", "^C\r\n$ ").say("echo $?\r", "\r\n130\r\n$ ");
    talk.stay("exec sleep 100").say("\x1a", "Stopped").say("", "$ ").say("fg\r", "100\"\r\n");
    talk.say("\x03", "$ ").say("trap 'echo tr''ap' USR1\r", "$ ");
    kill(talk.terminal.pid(), 10);
    talk.say("", "trap\r\n");
    assert!(!talk.terminal.screen().contains("\x1b"), "{}", talk.terminal.screen());
    assert_eq!(talk.exit(), 7);
}

#[test]
fn without_a_terminal_of_its_own_a_shell_says_so_once() {
    let t = case!("-", "setsid");
    let mut talk = Talk::start(&t);
    let inner = format!("setsid -w {} sh\r", support::bin().display());
    talk.say(&inner, "can't access tty; job control turned off\r\n$ ");
    talk.say("echo not''here\x03", "^C\r\n$ ").say("echo $?\r", "\r\n130\r\n$ ");
    talk.say("sleep 0.01 & wait; echo $?\r", "\r\n0\r\n$ ").say("exit 3\r", "\r\n$ ");
    talk.say("echo $?\r", "\r\n3\r\n$ ");
    assert_eq!(talk.terminal.screen().matches("turned off").count(), 1);
    assert!(!talk.terminal.screen().contains("nothere"), "{}", talk.terminal.screen());
    // One in another has its own jobs, and gives the terminal back.
    let inner = format!("{} sh\r", support::bin().display());
    talk.say(&inner, "$ ").stay("exec sleep 100").say("\x1a", "Stopped").say("", "$ ");
    talk.say("fg\r", "100\"\r\n").say("\x03", "$ ").say("exit 4\r", "$ ");
    talk.say("echo $?\r", "\r\n4\r\n$ ").stay("exec sleep 100").say("\x03", "$ ");
    assert_eq!(talk.exit(), 7);
}

#[test]
fn a_shell_in_the_background_waits_until_it_is_in_front() {
    let t = case!("-");
    let mut talk = Talk::start(&t);
    let inner = format!("{} sh &\r", support::bin().display());
    talk.say(&inner, "$ ");
    let job = children(talk.terminal.pid())[0];
    assert!(await_true(|| state(job) == Some('T')));
    let parent = format!("\r\n{}\r\n$ ", talk.terminal.pid());
    talk.say("fg\r", "sh\r\n").say("", "$ ").say("echo $PPID\r", &parent);
    talk.say("exit\r", "$ ");
    assert!(descendants(talk.terminal.pid()).is_empty());
    // One that nothing stops does not ask for ever.
    let inner = format!("(trap '' TTIN; exec {} sh -mc 'echo o''n') &\r", support::bin().display());
    talk.say(&inner, "job control turned off\r\n").say("", "on\r\n").say("wait\r", "$ ");
    assert_eq!(talk.exit(), 7);
}

#[test]
fn ctrl_c_ends_a_program_whenever_it_comes() {
    let t = case!("-");
    let mut talk = Talk::start(&t);
    for round in 0..100 {
        // The shell itself says it: the program may not have the terminal yet, or not be there.
        talk.say("echo u''p; sleep 100\r", "up\r\n");
        std::thread::sleep(std::time::Duration::from_micros(round * 10));
        talk.say("\x03", "$ ").say("echo $?\r", "130\r\n$ ");
    }
    assert_eq!(talk.exit(), 7);
}
