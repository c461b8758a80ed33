//! Supervisors under test: `rootlet init` in both places, and the originals.

use std::fmt::Debug;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::{Case, Rootlet, Running, bin, find_child, kill};

/// Where rootlet stands.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Place {
    /// PID 1 of a pid namespace.
    First,
    /// The child of somebody, in a namespace of others.
    Below,
}

pub const PLACES: [Place; 2] = [Place::First, Place::Below];

/// The words that make PID 1 of what follows; its namespace ends with the program that made it.
pub const UNSHARE: [&str; 5] = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"];

/// `rootlet init OPTIONS`.
pub fn init(t: &Case, place: Place, options: &[&str]) -> Rootlet {
    let init = t.rootlet().opt("init").opts(options);
    if place == Place::First { init.under(UNSHARE) } else { init }
}

/// The pid of rootlet, once its command runs.
pub fn rootlet(run: &Running, place: Place) -> u32 {
    if place == Place::First { find_child(run.pid()) } else { run.pid() }
}

/// Starts `rootlet init OPTIONS -- sh -c SCRIPT`, waits for its `up`, and gives rootlet's pid.
pub fn started(t: &Case, place: Place, options: &[&str], script: &str) -> (Running, u32) {
    let run = init(t, place, options).sh(script).spawn();
    run.expect("up\n");
    let pid = rootlet(&run, place);
    (run, pid)
}

pub fn millis(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// Options, script, the signal that rootlet gets when the script is up (0: none), exit code, what the script says,
/// and how many milliseconds that takes at least, from the signal or from the start on.
pub type Row<'a> = (&'a [&'a str], &'a str, i32, i32, &'a str, u64);

/// How many rows run at once: more would wait for each other.
const AT_ONCE: usize = 10;

/// Runs all rows in both places, many at once; the rows stand in the order in which they end.
pub fn together(t: &Case, rows: &[Row]) {
    for (first, rows) in (0..).step_by(AT_ONCE).zip(rows.chunks(AT_ONCE)) {
        run_rows(t, first, rows);
    }
}

fn run_rows(t: &Case, first: usize, rows: &[Row]) {
    let each = || (first..).zip(rows).flat_map(|row| PLACES.map(|place| (row, place)));
    let start = |((index, row), place): ((usize, &Row), Place)| {
        let name = format!("{index}.{place:?}");
        (init(t, place, row.0).sh(row.1).env("ROW", name).spawn(), Instant::now())
    };
    let mut runs: Vec<_> = each().map(start).collect();
    for (((index, row), place), (run, since)) in each().zip(&mut runs) {
        if row.2 != 0 {
            run.expect("up\n");
            *since = Instant::now();
            assert!(kill(rootlet(run, place), row.2));
            t.file(&format!("{index}.{place:?}.sent"), "");
        }
    }
    for (((_, row), place), (run, since)) in each().zip(runs) {
        let outcome = run.finish();
        let took = since.elapsed();
        assert_eq!((outcome.code(), &*outcome.stdout), (row.3, row.4), "{place:?} {outcome:?}");
        assert!(
            took >= millis(row.5) && took < millis(row.5 + 4500),
            "{place:?} {took:?} {outcome:?}"
        );
    }
}

/// Says each signal that it gets, until signal 62.
pub const TRAPS: &str =
    "for s in $(seq 61) 63 64; do case $s in 9|17|19|32|33) ;; *) trap \"echo got $s\" $s;;
    esac; done; trap 'kill $! 2> /dev/null; exit 0' 62; sleep 60 & echo up; while :; do wait; done";

/// A script that runs for ever, in steps short enough for a trap to be run soon.
pub const LOOP: &str = "while :; do sleep 0.05; done";

/// A script that ends with 3 and leaves a process that runs `body`, once that is ready.
pub fn leaving(body: &str) -> String {
    format!("mkfifo $ROW; sh -c 'exec 2> /dev/null; {body}' rest $ROW $$ & read x < $ROW; exit 3")
}

/// The same, but an orphan in a session of its own.
pub fn orphaning(body: &str) -> String {
    let orphan = format!("(setsid sh -c 'exec 2> /dev/null; {body}' rest $ROW $$ &)");
    format!("mkfifo $ROW; {orphan}; read x < $ROW; exit 3")
}

/// The words of a line that names a supervisor and its options; `@` is the binary under test.
pub fn words(line: &str) -> Vec<String> {
    let bin = bin().display().to_string();
    line.split(' ').map(|word| if word == "@" { bin.clone() } else { word.to_owned() }).collect()
}

/// The supervisor of such a line, as a child of the test.
pub fn below(t: &Case, line: &str) -> Rootlet {
    let words = words(line);
    Rootlet::new(Path::new(&words[0]), t.dir()).opts(&words[1..])
}

/// The same as PID 1 of a pid namespace.
pub fn pid_1(t: &Case, line: &str) -> Rootlet {
    below(t, line).under(UNSHARE)
}

/// Starts a PID 1 whose script says `up`, and gives its pid.
pub fn up(t: &Case, line: &str, script: &str) -> (Running, u32) {
    let run = pid_1(t, line).sh(script).spawn();
    run.expect("up\n");
    let pid = find_child(run.pid());
    (run, pid)
}

/// Demands that `probe` sees `broken` in each of the originals and `good` in each of rootlet's names.
pub fn compare<T: Debug + PartialEq<E>, E: Debug>(
    probe: impl Fn(&str) -> T,
    originals: &[&str],
    broken: E,
    ours: &[&str],
    good: E,
) {
    for line in originals {
        assert_eq!(probe(line), broken, "{line} has no such defect");
    }
    for line in ours {
        assert_eq!(probe(line), good, "{line}");
    }
}

pub fn pause(count: u64) {
    sleep(Duration::from_millis(count));
}
