//! At a terminal: as a plain command, and with a terminal of its own.

mod support;

use std::collections::BTreeSet;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use support::{
    Case, Host, Rootlet, Terminal, Trace, await_true, case, children, descendants, kill, state,
};

/// A job-control shell on a terminal of 24 by 80. `$RUN` starts a container in it.
fn shell(t: &Case) -> Terminal {
    let bash = Rootlet::new(Path::new("bash"), t.dir()).opts(["--norc", "--noprofile", "-i"]);
    let run = format!("{} run --rootfs {}", support::bin().display(), t.rootfs().display());
    let bash =
        bash.env("PS1", "").env("PS2", "").env("RUN", run).env("TERM", "dumb").env("HISTFILE", "");
    let mut terminal = Terminal::start(bash, 24, 80);
    // What is typed is shown as well, so every awaited word is one that only its execution makes.
    terminal.keys("stty -echo; echo rea''dy\r");
    terminal.expect("ready\r\n");
    terminal
}

/// A container on a terminal of its own, started as the leader of a session.
fn on_tty(t: &Case, options: &[&str], script: &str) -> Terminal {
    Terminal::start(t.run().opt("-t").opts(options).sh(script), 31, 97)
}

#[test]
fn ctrl_c_reaches_the_command_once() {
    let t = case!("-", "bash", "strace");
    let log = t.path("log");
    let mut terminal = shell(&t);
    let script = "trap 'echo interrupted' INT; echo up; i=0; while [ $i -lt 10 ]; do sleep 0.05; i=$((i+1)); done; echo over";
    let strace = Trace::prefix(&log, &["-f", "-e", "trace=none"]).join(" ");
    terminal.keys(&format!("{strace} $RUN sh -c \"{}\"\r", script.replace('$', "\\$")));
    terminal.expect("up\r\n").screen();
    terminal.keys("\x03");
    terminal.expect("over\r\n");
    assert_eq!(terminal.screen().matches("interrupted").count(), 1, "{}", terminal.screen());
    terminal.keys("echo status $?\r");
    terminal.expect("status 0\r\n");
    // The shell counts two that come together as one; the tracer sees each.
    let interrupts = Trace::read(&log).signals;
    let interrupts: Vec<_> =
        interrupts.iter().filter(|(_, signal)| signal.starts_with("SIGINT")).collect();
    // A child that was being forked gets it without its origin, which reads as pid 0; PID 1 would show as 1.
    let sent = interrupts
        .iter()
        .filter(|(_, signal)| signal.contains("si_pid=") && !signal.contains("si_pid=0"))
        .count();
    assert!(
        !interrupts.is_empty() && sent == 0,
        "forwarded although the terminal had sent it: {interrupts:?}"
    );
    let pids: BTreeSet<_> = interrupts.iter().map(|(pid, _)| pid).collect();
    assert_eq!(pids.len(), interrupts.len(), "a process got it twice: {interrupts:?}");
}

#[test]
fn ctrl_c_and_ctrl_backslash_end_a_command_without_traps() {
    let t = case!("-", "bash");
    let before = Host::now();
    let mut terminal = shell(&t);
    for (key, status) in [("\x03", 130), ("\x1c", 131)] {
        // No shell: busybox's ignores SIGQUIT.
        terminal.keys("ulimit -c 0; $RUN cat; echo status $?\r");
        assert!(
            await_true(|| descendants(terminal.pid()).len() == 3),
            "supervisor, PID 1, command"
        );
        terminal.keys(&format!("up{status}\r"));
        terminal.expect(&format!("up{status}\r\n"));
        terminal.keys(key);
        terminal.expect(&format!("status {status}\r\n"));
    }
    before.unchanged(&t, "interrupted containers");
}

#[test]
fn ctrl_z_stops_the_whole_job_and_fg_goes_on() {
    let t = case!("-", "bash");
    let mut terminal = shell(&t);
    terminal.keys("$RUN sh -c 'echo up; while read line; do echo got $line; done; exit 3'\r");
    terminal.expect("up\r\n");
    terminal.keys("one\r");
    terminal.expect("got one\r\n");
    terminal.keys("\x1a");
    terminal.expect("Stopped");
    let rootlet = children(terminal.pid())[0];
    let command = *descendants(rootlet).last().unwrap();
    let stopped = || state(rootlet) == Some('T') && state(command) == Some('T');
    assert!(await_true(stopped), "{:?} {:?}", state(rootlet), state(command));
    // The shell is in front meanwhile.
    terminal.keys("echo sh''ell\r");
    terminal.expect("shell\r\n");
    terminal.keys("fg\r");
    assert!(
        await_true(|| state(rootlet) != Some('T') && state(command) != Some('T')),
        "fg wakes both"
    );
    terminal.keys("two\r");
    terminal.expect("got two\r\n");
    terminal.keys("\x1a");
    terminal.expect_that("second stop", |screen| screen.matches("Stopped").count() >= 2);
    assert!(await_true(stopped));
    terminal.keys("fg\r");
    // Ctrl-D is for the command: typed earlier it would end the shell.
    assert!(await_true(|| state(command) != Some('T')));
    terminal.keys("three\r");
    terminal.expect("got three\r\n");
    terminal.keys("\x04");
    assert!(await_true(|| state(rootlet).is_none()));
    terminal.keys("echo status $?\r");
    terminal.expect("status 3\r\n");
}

#[test]
fn ctrl_z_does_not_stop_what_ignores_it() {
    let t = case!("-", "bash");
    let mut terminal = shell(&t);
    for (round, command) in ["", "$RUN"].into_iter().enumerate() {
        // The plain command first, to see that this is what the shell and the terminal do.
        let script = format!("trap \"\" TSTP; echo up {round}; read x; echo got $x");
        terminal.keys(&format!("{command} sh -c '{script}'\r"));
        terminal.expect(&format!("up {round}\r\n"));
        terminal.keys("\x1a");
        sleep(Duration::from_millis(100));
        terminal.keys(&format!("word {round}\r"));
        terminal.expect(&format!("got word {round}\r\n"));
    }
    assert!(!terminal.screen().contains("Stopped"), "{}", terminal.screen());
}

#[test]
fn a_background_job_is_stopped_by_the_terminal_until_fg() {
    let t = case!("-", "bash");
    let mut terminal = shell(&t);
    // No shell: busybox's first waits for input, and only then tries to read it.
    terminal.keys("$RUN cat &\r");
    assert!(await_true(|| children(terminal.pid()).iter().any(|&job| state(job) == Some('T'))));
    terminal.keys("fg\r");
    let rootlet = children(terminal.pid())[0];
    assert!(await_true(|| state(rootlet) != Some('T')));
    terminal.keys("word\r\x04");
    terminal.expect("word\r\n");
    assert!(await_true(|| state(rootlet).is_none()));
}

#[test]
fn init_role_hands_the_terminal_to_its_command() {
    let t = case!("-", "bash");
    let mut terminal = shell(&t);
    let init = format!("{} init --", support::bin().display());
    terminal.keys(&format!("{init} cat; echo status $?\r"));
    assert!(await_true(|| descendants(terminal.pid()).len() == 2), "rootlet and its command");
    let rootlet = children(terminal.pid())[0];
    let command = children(rootlet)[0];
    // Fields of /proc/PID/stat behind the state: parent, process group, session, terminal, foreground group.
    let group = |pid: u32, index| support::stat_field(pid, index).unwrap();
    assert!(await_true(|| group(command, 5) == command.to_string()), "it is in the foreground");
    assert_eq!(group(command, 2), command.to_string(), "in a process group of its own");
    terminal.keys("one\r");
    terminal.expect("one\r\n");
    terminal.keys("\x1a");
    terminal.expect("Stopped");
    assert!(await_true(|| state(command) == Some('T')));
    terminal.keys("fg; echo status $?\r");
    assert!(await_true(|| state(command) != Some('T') && group(command, 5) == command.to_string()));
    terminal.keys("two\r");
    terminal.expect("two\r\n");
    terminal.keys("\x03");
    terminal.expect("status 130\r\n");
}

#[test]
fn without_t_the_window_is_the_callers() {
    let t = case!("-", "bash");
    let mut terminal = shell(&t);
    let script = "trap 'stty size' WINCH; stty size; while :; do sleep 0.05; done";
    terminal.keys(&format!("$RUN sh -c \"{script}\"\r"));
    terminal.expect("24 80\r\n");
    terminal.resize(40, 111);
    terminal.expect("40 111\r\n");
    sleep(Duration::from_millis(200));
    assert_eq!(terminal.screen().matches("40 111").count(), 1, "SIGWINCH came again");
    terminal.keys("\x03");
}

#[test]
fn with_t_the_terminal_is_the_containers_first() {
    let t = case!("-");
    let script = "tty; echo TERM $TERM; stty size; test -c /dev/console && echo console; echo hi > /dev/console
        echo to tty > /dev/tty; cut -d' ' -f5-7 /proc/self/stat; ls -1 /dev/pts; stat -c '%a %g' /dev/pts/0; exit 7";
    let mut terminal = on_tty(&t, &[], script);
    assert_eq!(terminal.finish().code(), Some(7), "{}", terminal.screen());
    terminal.expect("620 5\r\n");
    let screen = terminal.screen();
    for line in ["/dev/pts/0", "TERM xterm", "31 97", "console", "hi", "to tty", "0", "ptmx"] {
        assert!(screen.lines().any(|shown| shown.trim_end() == line), "no {line:?} in {screen}");
    }
    // The device number of the controlling terminal is that of a pts with minor 0.
    let session = screen.lines().find(|line| line.trim_end().ends_with(" 34816"));
    assert!(session.is_some(), "no controlling terminal: {screen}");
}

#[test]
fn with_t_the_terminal_is_the_users() {
    let t = case!("-");
    let script = "stat -c 'owner %u %g' $(tty) /dev/console; : < /dev/tty && : > /dev/console && echo opened";
    let mut terminal = on_tty(&t, &["--user", "1000:1000"], script);
    assert_eq!(terminal.finish().code(), Some(0), "{}", terminal.screen());
    terminal.expect("opened\r\n");
    assert_eq!(terminal.screen().matches("owner 1000 5\r\n").count(), 2, "{}", terminal.screen());
}

#[test]
fn with_t_the_environment_can_still_name_another_terminal() {
    let t = case!("-");
    let mut terminal = on_tty(&t, &["--env", "TERM=vt100"], "echo TERM $TERM");
    terminal.expect("TERM vt100\r\n").screen();
    assert_eq!(terminal.finish().code(), Some(0));
}

#[test]
fn with_t_a_shell_has_job_control() {
    let t = case!("-");
    let mut terminal = Terminal::start(t.run().opt("-t").cmd(["/bin/sh"]), 24, 80);
    terminal.keys("echo rea''dy\r");
    terminal.expect("ready\r\n");
    terminal.keys("sleep 100\r");
    let sleeps = |pid: u32| {
        std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| words == b"sleep\x00100\0")
    };
    assert!(await_true(|| descendants(terminal.pid()).into_iter().any(sleeps)));
    terminal.keys("\x1a");
    terminal.expect("Stopped");
    terminal.keys("kill -9 %1; wait; echo go''ne\r");
    terminal.expect("gone\r\n");
    assert!(!terminal.screen().contains("job control turned off"), "{}", terminal.screen());
    // The first time it warns of a job that it has not seen ending.
    terminal.keys("exit 5\rexit 5\r");
    assert_eq!(terminal.finish().code(), Some(5));
}

#[test]
fn with_t_a_new_size_is_passed_on() {
    let t = case!("-");
    let terminal =
        on_tty(&t, &[], "trap 'stty size' WINCH; stty size; while :; do sleep 0.05; done");
    terminal.expect("31 97\r\n");
    for (rows, columns) in [(50, 132), (2, 3), (24, 80)] {
        terminal.resize(rows, columns);
        terminal.expect(&format!("{rows} {columns}\r\n"));
    }
}

/// Reads five bytes as they are, then lines.
const RAW_THEN_COOKED: &str = "trap 'echo inner interrupt' INT; stty raw -echo; echo up
    dd bs=1 count=5 2>&- | od -An -tx1; stty sane -echo; echo cooked; read x; read x; exit 9";

#[test]
fn with_t_keys_go_in_raw() {
    let t = case!("-");
    let before = Host::now();
    let mut terminal = on_tty(&t, &[], RAW_THEN_COOKED);
    terminal.expect("up\n");
    // The outer terminal must neither act on these nor change them.
    terminal.keys("\x11\x13\x16\x7f\x04");
    terminal.expect(" 11 13 16 7f 04");
    terminal.expect("cooked\r\n");
    terminal.keys("\x03");
    terminal.expect("inner interrupt");
    terminal.keys("\r\r");
    assert_eq!(terminal.finish().code(), Some(9));
    before.unchanged(&t, "a raw terminal");
}

/// A run on a terminal, and the attributes that this had before.
fn with_attributes(run: Rootlet) -> (Terminal, String) {
    // Held until they are known: the terminal is raw within a millisecond after the start.
    let run = run.under(["sh", "-c", "read go; exec \"$0\" \"$@\""]);
    let mut terminal = Terminal::start(run, 24, 80);
    let attributes = terminal.attributes();
    terminal.keys("\r");
    (terminal, attributes)
}

#[test]
fn with_t_attributes_are_restored_on_every_end() {
    let t = case!("-");
    let host = Host::now();
    // What happens, options, script, signal to rootlet (0 for none), exit code.
    let rows: [(&str, &[&str], &str, i32, i32); 7] = [
        ("normal end", &[], "echo up; sleep 0.2; exit 4", 0, 4),
        ("command killed", &[], "echo up; sleep 0.2; kill -9 $$", 0, 137),
        ("rootlet told to end", &[], "echo up; sleep 100", 15, 143),
        ("rootlet interrupted", &[], "echo up; sleep 100", 2, 130),
        ("hang-up", &[], "echo up; sleep 100", 1, 129),
        ("no init", &["--no-init"], "echo up; sleep 0.2; exit 6", 0, 6),
        ("the command spoils its own", &[], "echo up; stty raw -echo; sleep 0.2", 0, 0),
    ];
    for (what, options, script, signal, code) in rows {
        let (mut terminal, before) = with_attributes(t.run().opt("-t").opts(options).sh(script));
        terminal.expect("up\r\n");
        let during = terminal.attributes();
        assert_ne!(before, during, "{what}: not raw");
        if signal != 0 {
            kill(terminal.pid(), signal);
        }
        assert_eq!(terminal.finish().code(), Some(code), "{what}");
        assert_eq!(terminal.attributes(), before, "{what}");
        host.unchanged(&t, what);
    }
}

#[test]
fn with_t_attributes_are_restored_when_nothing_starts() {
    let t = case!("-");
    for (options, command, code) in [
        (&[][..], "nosuchcommand", 127),
        (&[], "/etc/passwd", 126),
        (&["--workdir", "/nosuch/dir/x"], "true", 125),
    ] {
        let run = t.run().opt("-t").opts(options).cmd([command]);
        let (mut terminal, before) = with_attributes(run);
        assert_eq!(terminal.finish().code(), Some(code), "{}", terminal.screen());
        assert_eq!(terminal.attributes(), before, "{command}");
        // The message starts at the line's beginning and ends it as on any terminal.
        terminal.expect_that("whole message", |screen| {
            screen.contains("rootlet: ") && screen.ends_with("\r\n")
        });
        let screen = terminal.screen();
        let lines: Vec<&str> = screen.lines().filter(|line| !line.trim().is_empty()).collect();
        assert!(lines.len() == 1 && lines[0].starts_with("rootlet: "), "{screen:?}");
    }
}

#[test]
fn with_t_a_killed_pid_1_restores_too() {
    let t = case!("-");
    let before = Host::now();
    let run = t.run().opt("-t").sh("echo up; sleep 100");
    let (mut terminal, attributes) = with_attributes(run);
    terminal.expect("up\r\n");
    kill(children(terminal.pid())[0], 9);
    assert_eq!(terminal.finish().code(), Some(137));
    assert_eq!(terminal.attributes(), attributes);
    before.unchanged(&t, "a killed PID 1 on a terminal");
}

#[test]
fn with_t_all_output_arrives() {
    let t = case!("-");
    let mut terminal =
        on_tty(&t, &[], "dd if=/dev/zero bs=1024 count=1024 2>&- | tr '\\0' x; echo end");
    assert_eq!(terminal.finish().code(), Some(0));
    terminal.expect("end\r\n");
    assert_eq!(terminal.screen().matches('x').count(), 1 << 20);
    // The last words of a short command, whose end and output race.
    for round in 0..30 {
        let mut terminal = on_tty(&t, &[], "echo last words");
        assert_eq!(terminal.finish().code(), Some(0));
        assert_eq!(terminal.expect("last words\r\n").screen(), "last words\r\n", "round {round}");
    }
}

#[test]
fn with_t_output_that_nobody_has_read_yet_survives_the_end() {
    let t = case!("-");
    // More than the outer terminal's buffer takes, and less than that and the inner one's together.
    let script = "sleep 0.3; dd if=/dev/zero bs=1024 count=20 2>&- | tr '\\0' x; echo end";
    let mut terminal = Terminal::held(t.run().opt("-t").sh(script), 24, 80);
    let init = support::find_child(terminal.pid());
    assert!(await_true(|| state(init).is_none_or(|s| s == 'Z')), "the command waits for a reader");
    sleep(Duration::from_millis(50));
    terminal.show();
    assert_eq!(terminal.finish().code(), Some(0));
    terminal.expect("end\r\n");
    assert_eq!(terminal.screen().matches('x').count(), 20 * 1024);
}

#[test]
fn with_t_a_held_terminal_does_not_hold_up_signals() {
    let t = case!("-");
    let before = Host::now();
    let terminal = Terminal::held(t.run().opt("-t").cmd(["yes"]), 24, 80);
    let init = support::find_child(terminal.pid());
    // By then every buffer on the way is full, and rootlet must not sit in a write that nobody takes.
    sleep(Duration::from_millis(300));
    kill(terminal.pid(), 15);
    assert!(await_true(|| state(init).is_none_or(|s| s == 'Z')), "TERM is not forwarded");
    // Output is left over; whoever asks again does not want it.
    kill(terminal.pid(), 15);
    assert!(await_true(|| state(terminal.pid()).is_none_or(|s| s == 'Z')), "hangs");
    drop(terminal);
    before.unchanged(&t, "a held terminal");
}

#[test]
fn with_t_all_input_arrives() {
    let t = case!("-");
    let mut terminal = on_tty(
        &t,
        &[],
        "stty -echo; echo up; n=0; while [ $n -lt 500 ]; do read line; n=$((n+1)); last=$line; done; echo $last",
    );
    terminal.expect("up\r\n");
    for number in 0..500 {
        terminal.keys(&format!("a line of input number {number}\r"));
    }
    terminal.expect("a line of input number 499\r\n");
    assert_eq!(terminal.finish().code(), Some(0));
}

#[test]
fn with_t_and_no_terminal_outside_the_command_still_runs() {
    let t = case!("-");
    let run = t.run().opt("-t").sh("tty; exit 3").output();
    assert_eq!(run.ends(3).stdout, "/dev/pts/0\r\n");
}

#[test]
fn with_t_input_that_nobody_reads_does_not_hold_up_signals() {
    let t = case!("-");
    let typed = t.file("typed", "a line that is as long as lines are\n".repeat(20_000));
    let run = format!("{} run --rootfs {} -t", support::bin().display(), t.rootfs().display());
    let script = format!("timeout 5 {run} -- sh -c 'sleep 30' < {}", typed.display());
    let outcome = t.host_script(&format!("{script} > /dev/null || echo $?"));
    assert_eq!(outcome.ok(), "124\n", "TERM was not forwarded: {outcome:?}");
}

#[test]
fn with_t_an_unfinished_line_of_input_comes_to_its_end() {
    let t = case!("-");
    let run = format!("{} run --rootfs {} -t", support::bin().display(), t.rootfs().display());
    let outcome =
        t.host_script(&format!("printf abc | timeout 5 {run} -- cat > /dev/null; echo $?"));
    assert_eq!(outcome.ok(), "0\n", "{outcome:?}");
}

#[test]
fn with_t_in_the_background_the_terminal_stays_the_shells() {
    let t = case!("-", "bash");
    let mut terminal = shell(&t);
    terminal
        .keys("$RUN -t sh -c 'echo ra''n' & sleep 0.5; stty -a | tr ' ' '\\n' | grep -x icanon\r");
    terminal.expect("icanon\r\n");
    terminal.keys("fg\r");
    terminal.expect("ran\r\n");
}
