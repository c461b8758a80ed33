//! The injector (inject.c): one call of one process fails, or kills it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use super::{Case, host};

/// A system call of one process of a command, as it comes in a clean run.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Point {
    /// Which process, in the order in which they are made.
    pub process: usize,
    /// The call's number on this machine.
    pub number: usize,
    /// The how-manieth of that number in that process, from 1.
    pub nth: usize,
    /// Its name.
    pub name: String,
    /// The first string among its arguments, or what it is about.
    pub text: String,
}

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Point { process, nth, name, text, .. } = self;
        write!(f, "process {process}, {name} #{nth} ({text})")
    }
}

/// What is done to a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Harm {
    /// It answers this errno and is not made.
    Errno(&'static str),
    /// The process is killed before it.
    Kill,
}

/// How a command with one fault has ended.
#[derive(Debug)]
pub struct Verdict {
    /// The call has been come to.
    pub reached: bool,
    /// The machine has been switched off.
    pub power: bool,
    /// Processes that outlived the first, or all after nine seconds.
    pub left: Vec<String>,
}

/// The compiled injector and what it needs to know.
pub struct Injector {
    program: PathBuf,
    names: BTreeMap<usize, String>,
}

impl Injector {
    /// Compiles it into the test's directory.
    pub fn new(t: &Case) -> Injector {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/inject.c");
        let program = t.path("inject");
        host("cc", &["-O1", "-Wall", "-Werror", "-o", program.to_str().unwrap(), source]);
        let macros = host("cc", &["-E", "-dM", "-include", "sys/syscall.h", "-xc", "/dev/null"]);
        let name = |line: &str| {
            let (name, number) = line.strip_prefix("#define __NR_")?.split_once(' ')?;
            Some((number.parse().ok()?, name.to_owned()))
        };
        Injector { program, names: macros.lines().filter_map(name).collect() }
    }

    /// The words that stand before a command; `what` is `list` or a fault of `aim`.
    pub fn words(&self, options: &[&str], log: &Path, what: &str) -> Vec<String> {
        let mut words = vec![self.program.display().to_string()];
        words.extend(options.iter().map(|&option| option.to_owned()));
        words.extend([log.display().to_string(), what.to_owned()]);
        words
    }

    /// All calls that a list has.
    pub fn points(&self, log: &str) -> Vec<Point> {
        let point = |line: &str| {
            let mut fields = line.splitn(5, ' ');
            let mut next = || fields.next()?.parse::<i64>().ok();
            let (process, number, nth, _) = (next()?, next()?, next()?, next()?);
            let number = usize::try_from(number).ok()?;
            Some(Point {
                process: usize::try_from(process).ok()?,
                number,
                nth: usize::try_from(nth).ok()?,
                name: self.names.get(&number)?.clone(),
                text: fields.next().unwrap_or_default().to_owned(),
            })
        };
        log.lines().filter_map(point).collect()
    }
}

/// How the injector is told of a fault.
pub fn aim(point: &Point, harm: Harm) -> String {
    let last = match harm {
        Harm::Kill => "kill".to_owned(),
        Harm::Errno(name) => number_of(name).to_string(),
    };
    format!("{}:{}:{}:{last}", point.process, point.number, point.nth)
}

/// What a log says of the end.
pub fn verdict(log: &str) -> Verdict {
    let left = log.lines().filter_map(|line| line.strip_prefix("left "));
    Verdict {
        reached: log.lines().any(|line| line == "reached"),
        power: log.lines().any(|line| line == "power"),
        left: left.map(str::to_owned).collect(),
    }
}

/// The number of an errno of Linux.
fn number_of(errno: &str) -> i32 {
    let rows = [
        ("EPERM", 1),
        ("ENOENT", 2),
        ("ESRCH", 3),
        ("EINTR", 4),
        ("EIO", 5),
        ("ENOEXEC", 8),
        ("ECHILD", 10),
        ("EAGAIN", 11),
        ("ENOMEM", 12),
        ("EACCES", 13),
        ("EBUSY", 16),
        ("EEXIST", 17),
        ("ENODEV", 19),
        ("EINVAL", 22),
        ("ENFILE", 23),
        ("EMFILE", 24),
        ("ENOSPC", 28),
        ("EROFS", 30),
        ("EPIPE", 32),
        ("ENOSYS", 38),
        ("ENOBUFS", 105),
        ("EUSERS", 87),
        ("EDQUOT", 122),
    ];
    rows.iter().find(|row| row.0 == errno).unwrap_or_else(|| panic!("no {errno}")).1
}
