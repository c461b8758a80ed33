//! Init of a container: an inittab, its services, its end, beside busybox's.

mod support;

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use support::{Case, Running, await_true, case, find_child, kill, status_field};

/// Entries of every kind and form; each writes a line to /log.
const ALL_FORMS: &str = r#"# a comment
::respawn:/bin/sh -c "echo respawned >>/log; exec sleep 1000"
::once:/bin/sh -c "sleep 0.3; echo once >>/log; sleep 0.3; kill -TERM 1"
::sysinit:say one # trailing
  ::sysinit:say a terminal of blanks
::sysinit:/bin/sh -c "echo by a shell: $0 >>/log"
::bogus:say no action
::::
::sysinit:
id:3:sysinit:say a terminal that is not there
::sysinit:say a:b c
::sysinit:say a#b c
::sysinit:say [x] %x,y
::sysinit:-say login
::wait:-/bin/sh -c "echo login shell: $0 >>/log"
null::wait:say on null
/dev/null::wait:say on /dev/null
::once:say twice
::wait:say twice
::SYSINIT:say capitals
::sysinit:plain
::shutdown:say down 1
::ctrlaltdel:say keys
::shutdown:say down 2
"#;

fn with_inittab(t: &Case, inittab: &str) {
    let script = |name: &str, text: &str| {
        let path = t.rootfs().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    };
    script("bin/say", "#!/bin/sh\necho \"$0|$1|$2|$3|$4\" >>/log\n");
    // No first line: only a shell understands it.
    script("bin/plain", "echo plain >>/log\n");
    fs::write(t.rootfs().join("etc/inittab"), inittab).unwrap();
    fs::write(t.rootfs().join("log"), "").unwrap();
}

/// A container whose PID 1 is its own /sbin/init.
fn init(t: &Case) -> support::Rootlet {
    t.run().opt("--no-init").cmd(["/sbin/init"])
}

fn log(t: &Case) -> String {
    fs::read_to_string(t.rootfs().join("log")).unwrap()
}

fn await_log(t: &Case, line: &str) {
    assert!(await_true(|| log(t).contains(line)), "{line} is not in {}", log(t));
}

#[test]
fn the_same_inittab_gives_the_same_order_of_starts_as_busyboxs_init() {
    let t = case!("init-inittab");
    with_inittab(&t, ALL_FORMS);
    assert_eq!(init(&t).output().code(), 0);
    let ours = log(&t);
    with_inittab(&t, ALL_FORMS);
    // busybox's init asks for the end by reboot(2), which a container without that capability refuses.
    let run = t.run().opt("--no-init").cmd(["/bin/busybox", "init"]).spawn();
    await_log(&t, "down|2");
    let theirs = log(&t);
    kill(find_child(run.pid()), 9);
    run.finish();
    assert_eq!(ours, theirs);
    assert!(ours.lines().count() >= 15, "{ours}");
}

#[test]
fn services_get_every_variable_of_the_container() {
    let t = case!("init-inittab");
    with_inittab(&t, "::once:/bin/sh -c \"env | grep -c ^MANY >>/log; kill -TERM 1\"\n");
    let variables = (0..100).map(|number| format!("--env=MANY{number}=1"));
    t.run().opt("--no-init").opts(variables).cmd(["/sbin/init"]).output().ends(0);
    assert_eq!(log(&t), "100\n");
}

#[test]
fn switch_root_opens_the_console_in_the_new_root() {
    let t = case!("root-late", "busybox", "unshare");
    // The root that is left has to be in memory, as an initramfs is.
    let script = "cd $DIR; mkdir old; mount -t tmpfs none old; mkdir old/new; cp $BIN old/rootlet
        mount -t tmpfs none old/new; cp $(command -v busybox) old/new; : >old/new/console
        for console in /console /nope; do
            unshare --mount --pid --fork chroot old \
                /rootlet switch_root -c $console /new /busybox echo switched
            cat old/new/console
        done";
    let done = t.host_script(script);
    assert_eq!(done.stdout, "switched\nswitched\nswitched\n", "{done:?}");
    assert!(done.stderr.contains("rootlet: /nope: openat: ENOENT"), "{done:?}");
}

#[test]
fn bad_lines_are_named_with_line_and_column() {
    let t = case!("init-broken");
    with_inittab(&t, "::bogus:x\n::once\nnothing::once:say x\n::once:/bin/sh -c \"exit 3\"\n");
    let run = init(&t).output();
    assert_eq!(run.code(), 3);
    for line in [
        "rootlet: /etc/inittab: line 1, column 3: is no action",
        "rootlet: /etc/inittab: line 2, column 7: has fewer than the four fields",
        "rootlet: /dev/nothing: newfstatat: ENOENT (No such file or directory)",
    ] {
        assert!(run.stderr.contains(line), "{line}: {run:?}");
    }
}

#[test]
fn every_way_to_stop_a_container_is_an_end_in_order() {
    let t = case!("init-stop");
    // TERM, INT (no ctrlaltdel entry), USR1, USR2, PWR, RTMIN+3, RTMIN+4; RTMIN+5 and RTMIN+6 ask for a reboot.
    for (signal, status) in
        [(15, 0), (2, 0), (10, 0), (12, 0), (30, 0), (37, 0), (38, 0), (39, 129), (40, 129)]
    {
        with_inittab(
            &t,
            "::respawn:/bin/sh -c \"echo up >>/log; exec sleep 1000\"\n::shutdown:say down\n",
        );
        let start = Instant::now();
        let run = init(&t).spawn();
        await_log(&t, "up");
        kill(find_child(run.pid()), signal);
        run.finish().ends(status);
        assert_eq!(log(&t).matches("down").count(), 1, "signal {signal}");
        assert!(start.elapsed() < Duration::from_secs(4), "signal {signal}");
    }
}

fn services(t: &Case, inittab: &str) -> (Running, u32) {
    with_inittab(t, inittab);
    let run = init(t).spawn();
    await_log(t, "up");
    let pid = find_child(run.pid());
    (run, pid)
}

const SERVICES: &str = "::respawn:/bin/sh -c \"echo up >>/log; exec sleep 1001\"\n\
    ::respawn:/bin/sh -c \"exec sleep 1002\"\n";

fn sleeping(pid: u32, seconds: &str) -> Vec<u32> {
    let of = |pid: &u32| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    support::children(pid).into_iter().filter(|pid| of(pid).contains(seconds)).collect()
}

#[test]
fn hup_reads_the_inittab_again() {
    let t = case!("init-respawn");
    let (run, pid) = services(&t, SERVICES);
    assert!(await_true(|| sleeping(pid, "1001").len() == 1 && sleeping(pid, "1002").len() == 1));
    let kept = sleeping(pid, "1002");
    let new =
        SERVICES.lines().nth(1).unwrap().to_owned() + "\n::respawn:sleep 1003\n::once:say once\n";
    fs::write(t.rootfs().join("etc/inittab"), new).unwrap();
    kill(pid, 1);
    assert!(await_true(|| sleeping(pid, "1003").len() == 1));
    assert!(await_true(|| sleeping(pid, "1001").is_empty()));
    assert_eq!(sleeping(pid, "1002"), kept, "what stays in the inittab goes on");
    assert!(!log(&t).contains("once"), "what is started once is not started again");
    kill(pid, 15);
    run.finish().ends(0);
}

#[test]
fn tstp_starts_nothing_until_cont() {
    let t = case!("-");
    let (run, pid) = services(&t, SERVICES);
    assert!(await_true(|| sleeping(pid, "1001").len() == 1));
    kill(pid, 20);
    kill(sleeping(pid, "1001")[0], 9);
    sleep(Duration::from_millis(500));
    assert!(sleeping(pid, "1001").is_empty());
    kill(pid, 18);
    assert!(await_true(|| sleeping(pid, "1001").len() == 1));
    kill(pid, 15);
    run.finish().ends(0);
}

#[test]
fn quit_makes_the_restart_entry_pid_1() {
    let t = case!("-");
    let inittab = SERVICES.to_owned()
        + "::shutdown:say down\n::restart:/bin/sh -c \"echo pid $$ >>/log; exit 7\"\n";
    let (run, pid) = services(&t, &inittab);
    kill(pid, 3);
    run.finish().ends(7);
    assert!(log(&t).ends_with("down|||\npid 1\n"), "{}", log(&t));
}

#[test]
fn the_applets_ask_init() {
    let t = case!("init-inittab");
    for (command, status) in
        [("poweroff", 0), ("halt", 0), ("halt -p", 0), ("reboot", 129), ("telinit 0", 0)]
    {
        for name in ["poweroff", "halt", "reboot", "telinit"] {
            let link = t.rootfs().join("sbin").join(name);
            fs::remove_file(&link).ok();
            std::os::unix::fs::symlink("init", link).unwrap();
        }
        let inittab =
            format!("::once:/sbin/{command}\n::respawn:sleep 1000\n::shutdown:say down\n");
        with_inittab(&t, &inittab);
        init(&t).output().ends(status);
        assert!(log(&t).contains("down"), "{command}");
    }
}

#[test]
fn an_applet_refuses_what_it_does_not_know() {
    let t = case!("-");
    for (words, code, line) in [
        (&["poweroff", "now"][..], 125, "now is not an option here; --help lists them"),
        (&["halt", "-d", "1s"], 125, "-d needs a time such as 500ms, 10s or 2m"),
        (&["telinit", "5"], 125, "init boots a machine only as PID 1; see rootlet --help"),
        (&["switch_root", "/a"], 1, "switch_root needs NEW_ROOT and INIT"),
        (&["switch_root", "/a", "/b"], 1, "switch_root works only as PID 1"),
        (&["switch_root", "-x"], 1, "-x is not an option here; --help lists them"),
    ] {
        t.rootlet().opts(words).output().refused(code, &[&format!("rootlet: {line}\n")]);
    }
    t.rootlet().opts(["halt", "-w"]).output().ends(0);
}

#[test]
fn an_idle_init_wakes_nobody_and_is_small() {
    let t = case!("-");
    let (run, pid) = services(&t, SERVICES);
    sleep(Duration::from_millis(300));
    let switches = || -> u64 {
        status_field(
            &fs::read_to_string(format!("/proc/{pid}/status")).unwrap(),
            "voluntary_ctxt_switches",
        )
        .parse()
        .unwrap()
    };
    let before = switches();
    sleep(Duration::from_millis(1200));
    assert_eq!(switches(), before);
    let memory = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let anonymous = memory.lines().find_map(|line| line.strip_prefix("Pss_Anon:")).unwrap();
    let kilobytes: u32 = anonymous.trim().trim_end_matches(" kB").trim().parse().unwrap();
    assert!(kilobytes <= 60, "{kilobytes} kB");
    kill(pid, 15);
    run.finish().ends(0);
}

#[test]
fn a_root_without_a_shell_has_initsh() {
    let t = case!("-");
    with_inittab(&t, "::sysinit:echo \"own $((6 * 7))\" >>/log\n::wait:-/bin/sh /script\n");
    fs::write(t.rootfs().join("script"), "echo \"$0 $-\" >>/log; kill -TERM 1\n").unwrap();
    fs::remove_file(t.rootfs().join("bin/sh")).unwrap();
    assert_eq!(init(&t).output().code(), 0);
    assert_eq!(log(&t), "own 42\n/script \n");
}
