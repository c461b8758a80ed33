//! Every call of a command times every plausible errno, a run for each.

use std::env;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::thread;

use super::errnos::plausible;
use super::inject::{Harm, Injector, Point, Verdict, aim, verdict};
use super::tolerated::{Row, TOLERATED, is_in};
use super::{Case, Host, Outcome, Secluded, bin};

/// A command whose calls are made to fail. `%W` in its words is the number of the worker that runs it, `%D` the test's
/// directory, `%R` its rootfs.
pub struct Scene {
    /// What it is called.
    pub name: &'static str,
    /// Rootlet's words; the first is the file that is executed, where it is not rootlet's own.
    pub words: &'static str,
    /// What stands before the injector.
    pub under: &'static str,
    /// Options of the injector.
    pub options: &'static [&'static str],
    /// A line of shell that makes ready each worker's mount namespace.
    pub setup: &'static str,
    /// One that prints what must not be there after a run, in a worker's mount namespace.
    pub left: &'static str,
    /// Undoes `setup` where the end of the mount namespace does not.
    pub teardown: &'static str,
    /// What is said is said on this file.
    pub console: &'static str,
    /// What may fail without an end of the run, beside `TOLERATED`: calls, part of their text, why that is right.
    pub tolerated: &'static [Row],
    /// What may stay behind where it fails: calls, part of their text, why nobody can know better.
    pub may_leave: &'static [Row],
    /// Calls that carry output, which is lost where they fail.
    pub carries: &'static str,
    /// What a line may say instead of the call and the errno.
    pub words_of_refusals: &'static [&'static str],
    /// What must end by itself whatever fails, as PID 1 does: then an end with a line of its own is no good end.
    pub goes_on: bool,
}

impl Scene {
    /// One with nothing special.
    pub const PLAIN: Scene = Scene {
        name: "",
        words: "",
        under: "",
        options: &[],
        setup: "true",
        left: "true",
        teardown: "",
        console: "",
        tolerated: &[],
        may_leave: &[],
        carries: "",
        words_of_refusals: &[],
        goes_on: false,
    };
}

/// What CMD finds out about the container that it is in; `facts` leaves of it what is the same in each run.
pub const PROBE: &str = "cat /proc/self/cgroup /proc/self/status /proc/self/limits /proc/self/mountinfo; hostname; ls -la /dev; \
    readlink /proc/1/exe || echo PID 1 is hidden; cat /proc/1/status";

/// The lines of the probe that tell how a container is closed off.
fn facts(text: &str) -> Vec<String> {
    let passing = [
        "State",
        "Name",
        "TracerPid",
        "Vm",
        "Rss",
        "Pid",
        "NS",
        "Tgid",
        "PPid",
        "Ngid",
        "nonvol",
        "volun",
        "Sig",
        "Threads",
        "FD",
    ];
    let passing = |line: &&str| !passing.iter().any(|name| line.starts_with(name));
    let mount = |line: &str| {
        let fields: Vec<&str> = line.split(' ').collect();
        // Numbers of mounts and devices, of peer groups, names of cgroups.
        match fields[..] {
            [_, _, device, root, ..] if device.contains(':') && root.starts_with('/') => {
                let kept = fields[4..].iter().filter(|field| !field.contains(':'));
                kept.copied().collect::<Vec<_>>().join(" ")
            }
            _ => line.to_owned(),
        }
    };
    // What ls says of times differs.
    let listed = |line: String| match line.split_whitespace().collect::<Vec<_>>()[..] {
        [mode, _, uid, gid, .., name] if mode.len() == 10 => format!("{mode} {uid} {gid} {name}"),
        _ => line,
    };
    text.lines().filter(passing).map(mount).map(listed).collect()
}

/// What one command came to.
struct Ending {
    outcome: Outcome,
    verdict: Verdict,
    left: String,
}

impl Ending {
    /// The exit code; a machine that is switched off ends well.
    fn code(&self) -> Option<i32> {
        if self.verdict.power { Some(0) } else { self.outcome.status.code() }
    }
}

/// A place to run commands in.
struct Worker<'t> {
    t: &'t Case,
    secluded: Secluded<'t>,
    index: usize,
    /// Records that were there before.
    names: Vec<String>,
    teardown: String,
}

impl<'t> Worker<'t> {
    fn new(t: &'t Case, scene: &Scene, index: usize) -> Worker<'t> {
        let worker = |text: &str| fill(t, text, index);
        let secluded = Secluded::new(t, &worker(scene.setup));
        Worker { t, names: secluded.names(), secluded, index, teardown: worker(scene.teardown) }
    }

    fn log(&self) -> PathBuf {
        self.t.path(&format!("log.{}", self.index))
    }

    fn run(&self, scene: &Scene, injector: &Injector, what: &str) -> Ending {
        let mut words: Vec<String> = split(self.t, scene.under, self.index);
        words.extend(injector.words(scene.options, &self.log(), what));
        let own = split(self.t, scene.words, self.index);
        let is_other = own.first().is_some_and(|word| word.starts_with('/'));
        words.extend((!is_other).then(|| bin().display().to_string()));
        words.extend(own);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        // It may have been another user's.
        let _ = fs::remove_file(self.log());
        let mut outcome = self.secluded.command(&words).output();
        if !scene.console.is_empty() {
            let console = fs::read(fill(self.t, scene.console, self.index)).unwrap_or_default();
            let console = String::from_utf8_lossy(&console);
            let (own, others): (Vec<&str>, Vec<&str>) =
                console.lines().partition(|line| line.starts_with("rootlet: "));
            outcome.stderr.extend(own.iter().map(|line| format!("{line}\n")));
            outcome.stdout.extend(others.iter().map(|line| format!("{line}\n")));
        }
        let log = fs::read_to_string(self.log()).unwrap_or_default();
        Ending { outcome, verdict: verdict(&log), left: String::new() }
    }

    /// What a command has left behind; after one that was killed, when the next has cleaned up.
    fn left(&self, scene: &Scene, harm: Harm) -> String {
        // Whoever could not remove his record, or was killed, has it removed by the next.
        if harm == Harm::Kill || self.secluded.names() != self.names {
            self.secluded.run().cmd(["/bin/true"]).output();
        }
        let names: Vec<String> =
            self.secluded.names().into_iter().filter(|name| !self.names.contains(name)).collect();
        let names = if names.is_empty() { String::new() } else { format!("records {names:?} ") };
        if scene.left == "true" {
            return names;
        }
        let script = self.secluded.script(&fill(self.t, scene.left, self.index));
        format!("{names}{}{}", script.stdout, script.stderr)
    }
}

impl Drop for Worker<'_> {
    fn drop(&mut self) {
        if !self.teardown.is_empty() {
            self.secluded.command(&["sh", "-c", &self.teardown]).output();
        }
    }
}

fn fill(t: &Case, text: &str, index: usize) -> String {
    text.replace("%W", &index.to_string())
        .replace("%D", t.dir().to_str().unwrap())
        .replace("%R", t.rootfs().to_str().unwrap())
        .replace("%L", &t.label())
        .replace("%F", &env::var("ROOTLET_DOCKER_PROFILE").unwrap_or_default())
        .replace("%B", bin().to_str().unwrap())
}

/// Words are parted by blanks; `%P` is the probe as one of them.
fn split(t: &Case, text: &str, index: usize) -> Vec<String> {
    let words = text.split_whitespace();
    let word = |word: &str| match word {
        "%P" => PROBE.to_owned(),
        _ => fill(t, word, index).replace('~', " "),
    };
    words.map(word).collect()
}

fn takes_all() -> bool {
    env::var_os("ROOTLET_FAULTS").is_some_and(|value| value == "all")
}

/// Which of so many faults are tried: all, or every so-manieth, the same each time unless `ROOTLET_FAULTS` is the number
/// of another part.
fn chosen(index: usize, of: usize, at_most: usize) -> bool {
    let part = env::var("ROOTLET_FAULTS").ok().and_then(|value| value.parse::<usize>().ok());
    let stride = of.div_ceil(at_most).max(1);
    takes_all() || (index + part.unwrap_or(0)).is_multiple_of(stride)
}

/// The calls of a clean run, and what its command has said. A call that is not made in each run is none of them.
fn clean(
    worker: &Worker,
    scene: &Scene,
    injector: &Injector,
    times: usize,
) -> (Vec<Point>, Vec<String>) {
    let mut points: Option<Vec<Point>> = None;
    let mut said = Vec::new();
    for _ in 0..times {
        let ending = worker.run(scene, injector, "list");
        assert!(
            ending.code() == Some(0) && ending.verdict.left.is_empty(),
            "{}: a clean run: {ending:?}",
            scene.name,
            ending = (&ending.outcome, &ending.verdict)
        );
        assert_eq!(worker.left(scene, Harm::Errno("EPERM")), "", "{}", scene.name);
        said = facts(&ending.outcome.stdout);
        let log = fs::read_to_string(worker.log()).unwrap();
        let now = injector.points(&log);
        // What a call is about is told by the last run: the first may make what all others find.
        points = Some(match points {
            None => now,
            Some(before) => {
                let place = |p: &Point| (p.process, p.number, p.nth);
                let was_there = |point: &Point| before.iter().any(|p| place(p) == place(point));
                now.into_iter().filter(was_there).collect()
            }
        });
    }
    (points.unwrap(), said)
}

/// What a scene has shown.
#[derive(Default)]
pub struct Tally {
    /// Calls of a clean run.
    pub calls: usize,
    /// Faults that were tried.
    pub faults: usize,
    /// Faults whose call was not made.
    pub not_reached: usize,
    /// Faults after which all was as without them.
    pub no_matter: usize,
    complaints: Vec<String>,
}

/// Tries the faults of a scene; with `ROOTLET_FAULTS=all` all of them, else about `at_most`.
pub fn try_faults(
    t: &Case,
    scene: &Scene,
    injector: &Injector,
    kill: bool,
    at_most: usize,
) -> Vec<String> {
    let before = Host::now();
    let workers: Vec<Worker> = (0..3).map(|index| Worker::new(t, scene, index)).collect();
    let (points, _) = clean(&workers[0], scene, injector, 4);
    let harms = |point: &Point| -> Vec<Harm> {
        match kill {
            true => vec![Harm::Kill],
            false => {
                plausible(&point.name, &point.text).iter().map(|errno| Harm::Errno(errno)).collect()
            }
        }
    };
    let all: Vec<(Point, Harm)> = points
        .iter()
        .flat_map(|point| harms(point).into_iter().map(|harm| (point.clone(), harm)))
        .collect();
    let count = all.len();
    let faults = all.into_iter().enumerate().filter(|(index, _)| chosen(*index, count, at_most));
    let queue = Mutex::new(faults.map(|(_, fault)| fault));
    let tally = Mutex::new(Tally { calls: points.len(), ..Tally::default() });
    thread::scope(|scope| {
        for worker in &workers {
            let (queue, tally) = (&queue, &tally);
            scope.spawn(move || {
                // Names and places are each worker's own.
                let (_, said) = clean(worker, scene, injector, 1);
                while let Some((point, harm)) = { queue.lock().unwrap().next() } {
                    try_fault(worker, scene, injector, (&point, harm), &said, tally);
                }
            });
        }
    });
    drop(workers);
    let tally = tally.into_inner().unwrap();
    println!(
        "measured: {}: {} calls, {} of {count} faults ({}), {} not reached, {} of no matter, {} wrong",
        scene.name,
        tally.calls,
        tally.faults,
        if kill { "killed there" } else { "calls x errnos" },
        tally.not_reached,
        tally.no_matter,
        tally.complaints.len()
    );
    before.unchanged(t, scene.name);
    tally.complaints.iter().for_each(|complaint| println!("{complaint}"));
    // Some calls are made at times: a wait that was one call can be two.
    let most = 1 + tally.faults / 20;
    assert!(tally.not_reached <= most, "{}: {} not reached", scene.name, tally.not_reached);
    tally.complaints
}

fn try_fault(
    worker: &Worker,
    scene: &Scene,
    injector: &Injector,
    (point, harm): (&Point, Harm),
    said: &[String],
    tally: &Mutex<Tally>,
) {
    let what = aim(point, harm);
    // Whether a wait is one call or two depends on who is quicker.
    let mut ending = worker.run(scene, injector, &what);
    for _ in 0..4 {
        if ending.verdict.reached {
            break;
        }
        ending = worker.run(scene, injector, &what);
    }
    ending.left = worker.left(scene, harm);
    let complaint = complaint(scene, point, harm, &ending, said);
    let mut tally = tally.lock().unwrap();
    tally.faults += 1;
    tally.not_reached += usize::from(!ending.verdict.reached);
    let good = ending.code() == Some(0) && ending.outcome.stderr.is_empty();
    tally.no_matter += usize::from(good);
    if let Some(complaint) = complaint {
        let stderr = &ending.outcome.stderr;
        tally
            .complaints
            .push(format!("{}: {point}: {harm:?}: {complaint}\n    {stderr:?}", scene.name));
    }
}

/// What is wrong with how a command ended; nothing is the aim.
fn complaint(
    scene: &Scene,
    point: &Point,
    harm: Harm,
    ending: &Ending,
    said: &[String],
) -> Option<String> {
    let Ending { outcome, verdict, left } = ending;
    let Some(code) = ending.code() else { return Some("the injector died".into()) };
    // It is counted.
    if !verdict.reached {
        return None;
    }
    // Some failures leave PID 1 of a machine with a shell for a person, who does not come here.
    let waits = scene.goes_on && verdict.left == ["0 rootlet"] && !outcome.stderr.is_empty();
    if !verdict.left.is_empty() && !waits {
        return Some(format!("hangs or outlives: {:?}", verdict.left));
    }
    if !left.is_empty() && !is_in(scene.may_leave, point, harm) {
        return Some(format!("leaves {left}"));
    }
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    if lines.iter().any(|line| !line.starts_with("rootlet: ")) {
        return Some("a line that is not rootlet's".into());
    }
    let carries = scene.carries.split(' ').any(|call| call == point.name);
    // The kernel says by EINVAL alone that it has no such capability.
    let carries = carries || matches!(harm, Harm::Errno("EINVAL")) && known(scene, point, "EINVAL");
    let tells = scene.goes_on
        && match harm {
            Harm::Kill => true,
            Harm::Errno(errno) => !outcome.stderr.is_empty() || known(scene, point, errno),
        };
    if code == 0 && !carries && !tells && facts(&outcome.stdout) != said {
        let now = facts(&outcome.stdout);
        let other = now.iter().zip(said).find(|(now, then)| now != then);
        return Some(format!(
            "another container: {} lines for {}, {other:?}",
            now.len(),
            said.len()
        ));
    }
    match harm {
        Harm::Kill => of_a_kill(scene, point, code, lines.len()),
        Harm::Errno(errno) => of_an_errno(scene, point, errno, code, &lines),
    }
}

fn known(scene: &Scene, point: &Point, errno: &'static str) -> bool {
    let harm = Harm::Errno(errno);
    is_in(TOLERATED, point, harm) || is_in(scene.tolerated, point, harm)
}

fn of_a_kill(scene: &Scene, point: &Point, code: i32, lines: usize) -> Option<String> {
    let good = scene.goes_on
        || match point.process {
            0 => code == 137,
            _ => matches!(code, 125 | 137 | 0),
        };
    (!good || lines > 1).then(|| format!("ends with {code} and {lines} lines"))
}

fn of_an_errno(
    scene: &Scene,
    point: &Point,
    errno: &'static str,
    code: i32,
    lines: &[&str],
) -> Option<String> {
    let known = known(scene, point, errno);
    // As if nothing had been: a call that was made again, or one that may fail.
    let carries = scene.carries.split(' ').any(|call| call == point.name);
    if carries && lines.is_empty() {
        return None;
    }
    if code == 0 && lines.is_empty() {
        return (!known && errno != "EINTR").then(|| "nobody has noticed".into());
    }
    // What fails when the container has ended is told, and changes nothing of its end.
    if code == 0 && !scene.goes_on && !known {
        return Some("a line, but the end is good".into());
    }
    let line = match lines {
        [line] => line,
        [line, ..] if scene.goes_on => line,
        _ => return Some(format!("{} lines, code {code}", lines.len())),
    };
    let says_other = scene.words_of_refusals.iter().any(|words| line.contains(words));
    if !says_other && (!line.contains(errno) || !line.contains(&point.name)) {
        return Some("the line names another call or errno".into());
    }
    (!matches!(code, 0 | 1 | 125..=127) && !scene.goes_on).then(|| format!("ends with {code}"))
}
