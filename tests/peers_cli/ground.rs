//! The originals, rootlet under all their names, and what a run looks like.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{self, Case, Rootlet, Terminal};

/// A line of shell and what is in the original's [`Ground::picture`], so that no row can hold of nothing.
///
/// `$I` is the program under test, `$F` the folder of [`FILES`], the working directory is new and empty.
pub type Row = (&'static str, &'static str);

/// The names that are compared, and the program that is the original of each.
const ORIGINALS: [(&str, &str); 6] = [
    ("tini", "tini"),
    ("tini-static", "tini-static"),
    ("docker-init", "tini-static"),
    ("dumb-init", "dumb-init"),
    ("catatonit", "catatonit"),
    ("podman-init", "catatonit"),
];

/// Ways in which rootlet gets a name; `words` is by its first argument, the others by files called so.
pub const WAYS: [&str; 5] = ["words", "symlink", "hardlink", "copy", "alone"];

/// Two of them, which are both places of a name and both binaries: for what does not depend on where the name is.
pub const TWO_WAYS: [&str; 2] = ["words", "alone"];

/// Copies are made by other processes than this: one that is being written here while another thread starts
/// a process could not be executed for a moment (ETXTBSY).
const FILES: &str = r#"
mkdir original symlink hardlink copy alone bin one two && cp "$BIN" rootlet && cp "$INIT_BIN" rootlet-init
for pair in $PAIRS; do
    name=${pair%:*}
    ln -s "$(command -v ${pair#*:})" original/$name && ln -s ../rootlet symlink/$name
    ln rootlet hardlink/$name && cp rootlet copy/$name && ln -s ../rootlet-init alone/$name
done
program() { { echo '#!/bin/sh'; cat; } > $1; chmod 755 $1; }
program bin/argv <<'END'
printf '<%s>\n' $# "$@"
END
# Who adopts a process whose parent has ended.
program bin/orphan <<'END'
left=$( (sleep 5 > /dev/null 2>&1 & echo $!) )
grep -q "^PPid:.$PPID$" /proc/$left/status && echo init adopts || echo another adopts
kill $left
END
# Leaves a child to the init, and ends a while after that one has been reaped: the two make two SIGCHLDs.
program bin/leave <<'END'
left=$( (sh -c "sleep 0.02; exit $1" > /dev/null 2>&1 & echo $!) )
while kill -0 $left 2> /dev/null; do sleep 0.01; done
sleep 0.1
END
# What has become of the process whose pid is in the file `left`.
program bin/fate <<'END'
read pid < left
for i in 1 2 3 4 5 6 7 8 9; do
    grep -q 'State:.[SR]' /proc/$pid/status 2> /dev/null || exec echo ends
    sleep 0.02
done
kill $pid
echo lives
END
# Where this process stands, seen from the init.
program bin/place <<'END'
read pid name state parent group session terminal front rest < /proc/$$/stat
read pid name state parent group_of_init session_of_init rest < /proc/$PPID/stat
whose() { if [ $1 = $$ ]; then echo own; elif [ $1 = $2 ]; then echo "init's"; else echo other; fi; }
echo group $(whose $group $group_of_init), session $(whose $session $session_of_init)
[ $terminal = 0 ] && echo no terminal || { [ $front = $group ] && echo in front || echo behind; }
END
# Which of the signals that its parent gets come back. One more, 40, arrives when each has arrived or never will.
program bin/told <<'END'
exec 2> /dev/null
for n in 1 2 3 4 5 6 7 8 10 11 12 13 14 15 16 18 23 24 25 26 27 28 29 30 31 35; do trap "echo got $n" $n; done
trap over=1 40
for n; do
    over=
    kill -$n $PPID
    kill -40 $PPID
    until [ $over ]; do sleep 0.01; kill -0 $PPID || exit; done
done
exit 0
END
# Whether a signal to the init reaches the group or the program alone.
program bin/family <<'END'
exec 2> /dev/null
trap told=1 USR1
(
    # Each only notes: one of them may come in the middle of the other.
    trap told=1 USR1
    trap over=1 TERM
    : > up
    until [ $over ]; do sleep 0.01; done
    [ $told ] && echo member
) &
until [ -e up ]; do sleep 0.01; done
kill -USR1 $PPID
until [ $told ]; do sleep 0.01; done
kill $!
wait
echo main
END
# Waits for a signal that nobody sends but the kernel.
program bin/heir <<'END'
trap 'echo inherited; exit' $1
: > up
for i in $(seq $2); do sleep 0.01; done
echo nothing
END
printf 'echo bare $0 "$@"\n' > bare; chmod 755 bare; cp bare one/bare
echo echo plain > plain; mkdir two/folder; : > empty; chmod 755 empty; ln -s loop loop
echo '#!/nope/interpreter' > stale; echo '#!/bin' > wrong; chmod 755 stale wrong
echo one > one/both; ln -s loop one/loop; cp stale one/stale; mkdir one/folder; echo one > one/forbidden
for name in both loop stale folder/deep; do echo "echo two $name" | program two/$name; done
"#;

/// A command line on which rootlet differs on purpose, and the picture of each of the two.
pub struct Difference {
    pub name: &'static str,
    pub line: &'static str,
    pub original: &'static str,
    pub rootlet: &'static str,
}

/// A kind of picture: of a ground, a way, a name and a line.
pub type Look = fn(&Ground, &str, &str, &str) -> String;

/// A test's own folder of [`FILES`].
pub struct Ground {
    case: Case,
    runs: AtomicUsize,
}

impl Ground {
    pub fn new(case: Case) -> Ground {
        let pairs = ORIGINALS.map(|(name, original)| format!("{name}:{original}")).join(" ");
        let setup = Rootlet::new("sh".as_ref(), case.dir()).opts(["-euc", FILES]);
        let setup = setup.env("BIN", support::bin()).env("INIT_BIN", support::init_bin());
        setup.env("PAIRS", pairs).output().ok();
        Ground { case, runs: AtomicUsize::new(0) }
    }

    /// Demands of each row that rootlet does in these ways what the original does.
    pub fn compare(&self, names: &[&str], ways: &[&str], rows: &[Row]) {
        self.compare_with(Ground::picture, names, ways, rows);
    }

    /// The same by another kind of picture.
    pub fn compare_with(&self, look: Look, names: &[&str], ways: &[&str], rows: &[Row]) {
        let mut failures = Vec::new();
        for (name, (line, sign)) in
            names.iter().flat_map(|name| rows.iter().map(move |row| (name, row)))
        {
            let original = look(self, "original", name, line);
            if !original.contains(sign) {
                failures.push(format!("{name}, {line}: the original has no {sign:?}\n{original}"));
            }
            failures.extend(self.others(look, name, ways, line, &original));
        }
        report(&failures);
    }

    /// Demands that the original and rootlet differ as the table says, and no longer than they do.
    pub fn differ(&self, look: Look, rows: &[Difference]) {
        let mut failures = Vec::new();
        for Difference { name, line, original, rootlet } in rows {
            assert_ne!(original, rootlet, "{name}, {line}: no difference");
            failures.extend(self.others(look, name, &["original"], line, original));
            failures.extend(self.others(look, name, &TWO_WAYS, line, rootlet));
        }
        report(&failures);
    }

    /// The ways in which something else is seen than expected, those with the same picture together.
    fn others(
        &self,
        look: Look,
        name: &str,
        ways: &[&str],
        line: &str,
        expected: &str,
    ) -> Vec<String> {
        let mut wrong = BTreeMap::<String, Vec<&str>>::new();
        for way in ways {
            let seen = look(self, way, name, line);
            if seen != expected {
                wrong.entry(seen).or_default().push(way);
            }
        }
        let tell = |(seen, ways): (String, Vec<&str>)| {
            format!("{name} by {}, {line}\n{expected}-- but:\n{seen}", ways.join(", "))
        };
        wrong.into_iter().map(tell).collect()
    }

    /// What a line does where `$I` is `name` in this way.
    pub fn picture(&self, way: &str, name: &str, line: &str) -> String {
        let outcome = self.shell(&self.command(way, name), line).output();
        self.tidied(outcome.code(), &outcome.stdout, &outcome.stderr)
    }

    /// What a line shows on a terminal whose session it leads.
    pub fn shown(&self, way: &str, name: &str, line: &str) -> String {
        let mut terminal = Terminal::start(self.shell(&self.command(way, name), line), 24, 80);
        let code = terminal.finish().code().unwrap();
        // The last words of `place`.
        let ends = ["in front\r\n", "behind\r\n", "no terminal\r\n"];
        terminal.expect_that("end", |screen| ends.iter().any(|end| screen.ends_with(end)));
        self.tidied(code, &terminal.screen().replace('\r', ""), "")
    }

    /// What a line does where `$I` is one of rootlet's files.
    pub fn own(&self, file: &str, line: &str) -> String {
        let outcome = self.shell(self.case.path(file).to_str().unwrap(), line).output();
        self.tidied(outcome.code(), &outcome.stdout, &outcome.stderr)
    }

    /// The words that start `name` in this way.
    fn command(&self, way: &str, name: &str) -> String {
        let dir = self.case.dir().display();
        if way == "words" { format!("{dir}/rootlet {name}") } else { format!("{dir}/{way}/{name}") }
    }

    /// A shell that runs a line, with no more variables than it needs.
    fn shell(&self, init: &str, line: &str) -> Rootlet {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let dir = self.case.folder(&format!("run{run}"));
        let files = self.case.dir();
        let path = format!("{}/bin:/usr/bin:/bin", files.display());
        let shell = Rootlet::new("sh".as_ref(), &dir).opts(["-c", &format!("ulimit -c 0; {line}")]);
        shell.clear_env().env("PATH", path).env("I", init).env("F", files)
    }

    /// Exit code, standard output, and standard error with `! ` before each line, without what differs by
    /// nature.
    fn tidied(&self, code: i32, stdout: &str, stderr: &str) -> String {
        let dir = self.case.dir().to_str().unwrap();
        let mut pids = Vec::new();
        let mut tidy = |text: &str| {
            let way = |text: String, way: &&str| text.replace(&format!("{dir}/{way}/"), "");
            let text = ["original"].iter().chain(&WAYS).fold(text.to_owned(), way);
            with_numbered_pids(&essential(code, &text.replace(dir, "$F")), &mut pids)
        };
        let (stdout, stderr) = (tidy(stdout), tidy(stderr));
        let stderr: String = stderr.lines().map(|line| format!("! {line}\n")).collect();
        format!("exit {code}\n{stdout}{stderr}")
    }
}

fn report(failures: &[String]) {
    assert!(failures.is_empty(), "{} rows:\n{}", failures.len(), failures.join("\n"));
}

/// Puts `P1` for the first pid that a message names, `P2` for the next other one, and so on.
fn with_numbered_pids(text: &str, pids: &mut Vec<String>) -> String {
    const BEFORE: [&str; 9] =
        ["tini (", "catatonit:", "pid '", "pid: '", "pid=", "PID ", "pid1 (", "process ", "pid "];
    let mut result = String::new();
    let mut rest = text;
    while let Some(next) = rest.chars().next() {
        let is_pid = BEFORE.iter().any(|before| result.ends_with(before));
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        if is_pid && digits > 0 {
            let (pid, after) = rest.split_at(digits);
            let index = pids.iter().position(|known| known == pid).unwrap_or_else(|| {
                pids.push(pid.to_owned());
                pids.len() - 1
            });
            result.push_str(&format!("P{}", index + 1));
            rest = after;
        } else {
            result.push(next);
            rest = &rest[next.len_utf8()..];
        }
    }
    result
}

/// Of a usage text, and of tini's three lines on zombies, what others parse; the words are rootlet's own.
fn essential(code: i32, text: &str) -> String {
    let mut result = String::new();
    let mut in_usage = false;
    for line in text.lines() {
        let lower = line.to_ascii_lowercase();
        if lower.starts_with("usage: ") && !lower.starts_with("usage: -r") {
            in_usage = true;
            if code == 0 {
                result.clear();
            }
            result.push_str("usage\n");
        } else if lower.contains("zombie reaping won't work") {
            result.push_str("[WARN] zombie reaping won't work\n");
        } else if in_usage && code == 0 {
            result.push_str(&parsed(line));
        } else if !(in_usage || is_around(line)) {
            result.push_str(&format!("{line}\n"));
        }
    }
    result
}

/// Of a line of help: the options that it is about, and what tools look for. tini's `--version` may stand in
/// the first line alone.
fn parsed(line: &str) -> String {
    let words = line.split_whitespace().map(|word| word.trim_end_matches([',', ':']));
    let in_first_line = line.trim_start().starts_with("--version");
    let flags = words.take_while(|word| word.starts_with('-') && !in_first_line);
    let flags = flags.map(|flag| format!("{flag}\n"));
    let phrases = ["supervision of a valid init process", "more verbose"];
    let found = phrases.iter().filter(|phrase| line.contains(*phrase)).map(|p| format!("{p}\n"));
    flags.chain(found).collect()
}

/// Lines before the usage and around the warning, of either side.
fn is_around(line: &str) -> bool {
    line.contains("not running as PID 1")
        || line.starts_with("To fix the problem")
        || line.ends_with(" (tini version 0.19.0)")
}
