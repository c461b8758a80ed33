//! The options of `rootlet init`, as PID 1 of a pid namespace and elsewhere.

mod support;

use std::fs;
use std::thread::sleep;
use std::time::Instant;

use support::inits::{LOOP, PLACES, Place, Row, TRAPS, init, millis, orphaning, started, together};
use support::{Terminal, case, kill, state};

/// Signals by their names, in the order of their numbers, which follow.
const NAMES: [&str; 28] = [
    "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "USR1", "SEGV", "USR2", "PIPE",
    "ALRM", "TERM", "STKFLT", "CONT", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM",
    "PROF", "WINCH", "IO", "PWR", "SYS",
];
const NUMBERS: [i32; 28] = [
    1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 18, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
    30, 31,
];

#[test]
fn help_names_every_option() {
    let t = case!("-");
    let long = t.rootlet().opts(["init", "--help"]).output();
    for option in [
        "-g, --group",
        "--session",
        "-a, --all",
        "-r, --rewrite SIG:SIG",
        "--drop SIG",
        "--delay SIG=TIME",
        "--kill-after TIME",
        "--grace TIME",
        "--wait-all",
        "--exit-map N:M",
        "--stop-ok",
        "--oom-score-adj N",
        "--pause",
        "-h, --help",
    ] {
        assert!(long.ok().contains(&format!(" {option} ")), "no {option} in {long:?}");
    }
    assert_eq!(t.rootlet().opts(["init", "-h"]).output().ok(), long.ok());
}

#[test]
fn bad_values_are_refused_in_one_line_before_anything_runs() {
    let t = case!("-");
    let signals =
        ["", "NOPE", "SIG", "0", "65", "-1", "RTMIN+31", "RTMAX-31", "RTMAX+1", "15x", "KILL"];
    let times = ["", "x", "-1", "1y", "5 s", "1ms2", "99999999999999999999"];
    let mut rows: Vec<(&str, String)> = Vec::new();
    let mut add = |option, values: &[&str], form: &dyn Fn(&str) -> String| {
        rows.extend(values.iter().map(|value| (option, form(value))));
    };
    let plain = |value: &str| value.to_owned();
    add("--rewrite", &signals, &|signal| format!("{signal}:TERM"));
    // KILL can be sent on in place of another.
    add("-r", &signals[..10], &|signal| format!("TERM:{}", signal.replace('0', "00x")));
    add("--rewrite", &["", "TERM", "TERM:INT:HUP", "15:3x"], &plain);
    add("--drop", &signals, &plain);
    add("--delay", &signals, &|signal| format!("{signal}=1s"));
    add("--delay", &times, &|time| format!("TERM={time}"));
    add("--delay", &["", "TERM", "TERM:1s"], &plain);
    add("--kill-after", &times, &plain);
    add("--grace", &times, &plain);
    add(
        "--exit-map",
        &["", "1", "1:", ":1", "256:0", "1:256", "-1:0", "a:b", "1:2:3", "1:2x"],
        &plain,
    );
    add("--oom-score-adj", &["", "x", "1001", "-1001", "5x", "--5", "1.5"], &plain);
    for (option, value) in &rows {
        let run = init(&t, Place::Below, &[option, value]).cmd(["echo", "started"]).output();
        let words = [format!("rootlet: init {option}"), value.clone()];
        run.refused(125, &words.each_ref().map(String::as_str));
    }
    for (words, named) in [
        (&["--nope", "true"][..], "init --nope"),
        (&["-x", "true"], "init -x"),
        // These are other programs'.
        (&["-s", "true"], "init -s"),
        (&["-v", "true"], "init -v"),
        (&["-w", "true"], "init -w"),
        (&["-c", "true"], "init -c"),
        (&["-P"], "init -P"),
        (&["-L"], "init -L"),
        (&["-V"], "init -V"),
        (&["-e", "1", "true"], "init -e"),
        (&["-p", "TERM", "true"], "init -p"),
        (&["--single-child", "true"], "init --single-child"),
        (&["--wait", "true"], "init --wait"),
        (&["--wait-all=1", "true"], "init --wait-all=1"),
        (&["--grace"], "init --grace"),
        (&["-r"], "init -r"),
        (&["--pause", "true"], "init"),
        (&["--pause", "--", "true"], "init"),
        (&["--stop-ok", "--"], "init"),
        (&[], "init"),
    ] {
        init(&t, Place::Below, words).output().refused(125, &[&format!("rootlet: {named} ")]);
    }
}

#[test]
fn rewrite_knows_every_name_and_every_number() {
    let t = case!("-");
    let by_name = NAMES.iter().zip(34..).map(|(name, by)| format!("{name}:RTMIN+{}", by - 34));
    let by_name: Vec<_> =
        by_name.zip(NUMBERS).zip(34..).map(|((o, from), by)| (o, from, by)).collect();
    let others = [
        ("term:usr1", 15, 10),
        ("SIGINT:SigUsr2", 2, 12),
        ("1:sigquit", 1, 3),
        ("RTMIN:14", 34, 14),
        ("rtmin+3:HUP", 37, 1),
        ("SIGRTMAX-1:INT", 63, 2),
        ("32:TERM", 32, 15),
        ("33:XCPU", 33, 24),
        // A rule's result is not looked up again: 35 stands on both sides.
        ("RTMAX:SIGRTMIN+1", 64, 35),
        ("35:rtmax", 35, 64),
        ("10:rtmin", 10, 34),
    ];
    let others = others.map(|(option, from, by)| (option.to_owned(), from, by)).to_vec();
    for place in PLACES {
        for (rules, form) in [(&by_name, "--rewrite="), (&others, "-r")] {
            let options: Vec<_> =
                rules.iter().map(|(option, ..)| format!("{form}{option}")).collect();
            let options: Vec<_> = options.iter().map(String::as_str).collect();
            let (run, pid) = started(&t, place, &options, TRAPS);
            let mut said = "up\n".to_owned();
            for (_, from, by) in rules {
                assert!(kill(pid, *from));
                said.push_str(&format!("got {by}\n"));
                run.expect(&said);
            }
            assert!(kill(pid, 62));
            assert_eq!(run.finish().ok(), said, "{place:?}");
        }
    }
}

#[test]
fn dropped_signals_do_not_arrive() {
    let t = case!("-");
    let options =
        ["--drop", "TERM", "--drop=rtmin+4", "-r", "HUP:0", "--rewrite", "64:0", "--drop=TSTP"];
    for place in PLACES {
        let (run, pid) = started(&t, place, &options, TRAPS);
        for signo in [15, 38, 1, 64, 20, 10] {
            assert!(kill(pid, signo));
        }
        run.expect("got 10\n");
        // Nothing of the dropped is left pending, either.
        assert!(kill(pid, 63));
        run.expect("got 63\n");
        assert!(kill(pid, 62));
        assert_eq!(run.finish().ok(), "up\ngot 10\ngot 63\n", "{place:?}");
    }
}

#[test]
fn a_delayed_signal_arrives_that_much_later() {
    let t = case!("-");
    for place in PLACES {
        let options = ["--delay", "TERM=500ms", "--delay=USR1=250ms", "-r", "TERM:INT"];
        let (run, pid) = started(&t, place, &options, TRAPS);
        let sent = Instant::now();
        assert!(kill(pid, 15) && kill(pid, 10) && kill(pid, 12));
        for (signo, delay) in [(12, 0), (10, 250), (2, 500)] {
            run.expect(&format!("got {signo}\n"));
            let took = sent.elapsed();
            assert!(took >= millis(delay) && took < millis(delay + 4000), "{signo} {took:?}");
        }
        assert!(kill(pid, 62));
        assert_eq!(run.finish().ok(), "up\ngot 12\ngot 10\ngot 2\n", "{place:?}");
        // Nobody waits a minute for a signal to a program that has ended meanwhile.
        let (run, pid) = started(&t, place, &["--delay", "TERM=1m"], TRAPS);
        assert!(kill(pid, 15) && kill(pid, 62));
        assert_eq!(run.finish().ok(), "up\n");
    }
}

#[test]
fn kill_follows_term_after_a_time() {
    let t = case!("-");
    let deaf = &*format!("trap '' TERM QUIT; trap 'sleep 0.3; exit 4' HUP; echo up; {LOOP}");
    let obeys = &*format!("trap 'sleep 0.3; echo over; exit 3' TERM; echo up; {LOOP}");
    let mate = &*format!("(trap '' TERM; {LOOP}) & {deaf}");
    let waits = "echo up; until test -e $ROW.sent; do sleep 0.02; done; sleep 0.3; exit 4";
    let rows: [Row; 9] = [
        // The rest of the group is killed too: else it would have a minute.
        (&["-g", "--kill-after=200ms", "--grace=1m"], mate, 15, 137, "up\n", 200),
        (&["--kill-after=200ms", "--rewrite=TERM:QUIT"], deaf, 15, 137, "up\n", 200),
        (&["--kill-after=200ms", "--rewrite=INT:TERM"], deaf, 2, 137, "up\n", 200),
        // TERM alone begins it, when it is passed on, and who ends in time is not killed.
        (&["--kill-after=100ms", "--drop=TERM"], waits, 15, 4, "up\n", 300),
        (&["--kill-after", "200ms"], deaf, 1, 4, "up\n", 300),
        (&["--kill-after", "2s"], obeys, 15, 3, "up\nover\n", 300),
        (&["--kill-after", "400ms"], deaf, 15, 137, "up\n", 400),
        // The time begins when TERM has been passed on.
        (&["--kill-after=300ms", "--delay=TERM=300ms"], deaf, 15, 137, "up\n", 600),
        (&["--kill-after", "1"], deaf, 15, 137, "up\n", 1000),
    ];
    together(&t, &rows);
    // Who asks again and again does not put it off.
    let (run, pid) = started(&t, Place::Below, &["--kill-after", "500ms"], deaf);
    let asked = Instant::now();
    while state(pid).is_some_and(|state| state != 'Z') {
        assert!(asked.elapsed() < millis(5000), "TERM puts KILL off");
        assert!(kill(pid, 15));
        sleep(millis(50));
    }
    assert_eq!(run.finish().code(), 137);
}

#[test]
fn exit_map_and_stop_ok_change_the_status() {
    let t = case!("-");
    let waits = &*format!("echo up; {LOOP}");
    let exits = |code: i32| format!("trap 'exit {code}' TERM; echo up; {LOOP}");
    let (exits_143, exits_3) = (&*exits(143), &*exits(3));
    let dies = "kill -TERM $$";
    let late = "echo up; until test -e $ROW.sent; do sleep 0.02; done; sleep 0.1; kill -TERM $$";
    let deaf = &*format!("trap '' TERM; echo up; {LOOP}");
    let several =
        &["--exit-map", "1:2", "--exit-map=2:3", "--exit-map", "255:0", "--exit-map=0:9"][..];
    let rows: [Row; 21] = [
        (&["--exit-map", "143:0"], dies, 0, 0, "", 0),
        (&["--exit-map", "143:0"], "exit 143", 0, 0, "", 0),
        (&["--exit-map", "143:0"], waits, 15, 0, "up\n", 0),
        (&["--exit-map", "143:0"], waits, 2, 130, "up\n", 0),
        // A result is not looked up again.
        (several, "exit 1", 0, 2, "", 0),
        (several, "exit 2", 0, 3, "", 0),
        (several, "exit 255", 0, 0, "", 0),
        (several, "exit 0", 0, 9, "", 0),
        (several, "exit 7", 0, 7, "", 0),
        (&[], waits, 15, 143, "up\n", 0),
        (&["--stop-ok"], waits, 15, 0, "up\n", 0),
        (&["--stop-ok"], waits, 1, 0, "up\n", 0),
        (&["--stop-ok"], exits_143, 15, 0, "up\n", 0),
        (&["--stop-ok"], exits_3, 15, 3, "up\n", 0),
        (&["--stop-ok", "-r", "TERM:INT"], waits, 15, 0, "up\n", 0),
        // Nobody asked for these.
        (&["--stop-ok"], dies, 0, 143, "", 0),
        (&["--stop-ok"], "exit 143", 0, 143, "", 0),
        (&["--stop-ok"], late, 28, 143, "up\n", 0),
        (&["--stop-ok", "--drop", "TERM"], late, 15, 143, "up\n", 0),
        (&["--stop-ok", "--delay", "TERM=1m"], late, 15, 143, "up\n", 0),
        (&["--stop-ok", "--kill-after", "400ms"], deaf, 15, 137, "up\n", 400),
    ];
    together(&t, &rows);
}

#[test]
fn stop_ok_does_not_count_a_key() {
    let t = case!("-");
    for (signo, code) in [(0, 130), (2, 0)] {
        let run = init(&t, Place::Below, &["--stop-ok"]).sh("echo up; read x; read x; exit 5");
        let mut terminal = Terminal::start(run, 24, 80);
        terminal.expect("up\r\n");
        if signo == 0 {
            terminal.keys("\x03")
        } else {
            assert!(kill(terminal.pid(), signo))
        }
        assert_eq!(terminal.finish().code(), Some(code), "{}", terminal.screen());
    }
}

#[test]
fn oom_score_is_rootlets_own() {
    let t = case!("-", "setpriv");
    let inherited = fs::read_to_string("/proc/self/oom_score_adj").unwrap();
    let script = "cat /proc/$PPID/oom_score_adj /proc/self/oom_score_adj";
    let unable = ["setpriv", "--bounding-set=-sys_resource", "--inh-caps=-sys_resource"];
    for place in PLACES {
        for score in ["500", "1000"] {
            let run = init(&t, place, &["--oom-score-adj", score]).sh(script).output();
            assert_eq!(run.ok(), format!("{score}\n{inherited}"), "{place:?}");
        }
        // Raising is everybody's right, and so is going back; lowering is not.
        let run = init(&t, place, &["--oom-score-adj=700"]).sh(script).under(unable).output();
        assert_eq!(run.ok(), format!("700\n{inherited}"), "{place:?}");
        let run = init(&t, place, &["--oom-score-adj", "-999"]).sh("echo started").under(unable);
        run.output().refused(125, &["oom_score_adj", "EACCES (Permission denied)"]);
    }
}

#[test]
fn options_can_be_combined() {
    let t = case!("-");
    let rest = &*orphaning(&format!("trap \"echo asked; exit\" USR1; echo > $1; echo up; {LOOP}"));
    let waits = &*format!("trap '' USR2; echo up; {LOOP}");
    let dies = &*format!("echo up; {LOOP}");
    let rows: [Row; 4] = [
        (
            &["-g", "-r", "USR1:TERM", "--drop=TERM", "--stop-ok", "--grace=0"],
            dies,
            10,
            0,
            "up\n",
            0,
        ),
        (&["--wait-all", "-r", "TERM:USR1", "--exit-map=3:4", "-a"], rest, 15, 4, "up\nasked\n", 0),
        (&["--session", "--delay=HUP=300ms", "--exit-map=129:0"], dies, 1, 0, "up\n", 300),
        (
            &["-r", "INT:TERM", "-r", "TERM:USR2", "--kill-after=400ms", "--exit-map=137:1", "-a"],
            waits,
            15,
            1,
            "up\n",
            400,
        ),
    ];
    together(&t, &rows);
}
