//! Containers that are built in copies of the prepared namespace of mounts.

mod support;

use support::escapes::PREPARED;
use support::{Host, Rootlet, Trace, case};

/// `rootlet run` where it has been prepared.
fn run(t: &support::Case) -> Rootlet {
    t.run().under(PREPARED)
}

#[test]
fn a_prepared_start_gives_the_same_container() {
    let t = case!("-", "unshare");
    let look = "cut -d' ' -f5- /proc/self/mountinfo | sed 's/ shared:[0-9]*//; s/ master:[0-9]*//' | sort; stat -c '%A %N %t:%T' /* /dev/*
        cat /proc/self/status | grep -E 'Cap|Secc|NoNew'; hostname; ls /proc | grep -c '^[0-9]'; pwd";
    let data = t.folder("data");
    let volume = format!("{}:/mnt", data.display());
    for options in [&[][..], &["--read-only"], &["-v", &volume, "--tmpfs", "/tmp"], &["--no-init"]]
    {
        let [plain, prepared] =
            [t.run(), run(&t)].map(|run| run.opts(options).sh(look).output().ok().to_owned());
        assert_eq!(plain, prepared, "{options:?}");
    }
}

#[test]
fn none_of_the_hosts_mounts_is_copied() {
    let t = case!("-", "strace", "unshare");
    let before = Host::now();
    let (outcome, trace) = Trace::of(t.run().cmd(["/bin/true"]), t.path("plain"), &[]);
    outcome.ok();
    assert!(trace.calls.iter().any(|call| call.name == "pivot_root" && call.worked()));
    let log = t.path("log");
    run_traced(&t, &log).ok();
    let trace = Trace::read(&log);
    let made = |name: &str| trace.calls.iter().filter(|call| call.name == name).collect::<Vec<_>>();
    let clone = made("clone3");
    assert!(clone.iter().all(|call| !call.text.contains("CLONE_NEWNS")), "{clone:?}");
    assert_eq!(made("setns").len(), 1, "{trace:?}");
    assert!(made("pivot_root").is_empty());
    before.unchanged(&t, "a prepared start");
}

fn run_traced(t: &support::Case, log: &std::path::Path) -> support::Outcome {
    let script = "mount -t tmpfs run /run; $BIN prepare
        strace -f -q -o $1 $BIN run --rootfs $ROOT /bin/true";
    t.host_script_with(script, &[log.to_str().unwrap().to_owned()])
}

#[test]
fn preparing_is_undone_and_done_again() {
    let t = case!("-", "unshare");
    let before = Host::now();
    let script = "mount -t tmpfs run /run
        pins() { grep -c ' /run/rootlet/.mounts ' /proc/self/mountinfo || true; }
        $BIN prepare; $BIN prepare; pins
        $BIN run --rootfs $ROOT --name x -- sh -c 'echo up; exec sleep 100' & until [ -e /run/rootlet/x ]; do sleep 0.01; done
        $BIN prepare --remove; pins; ls -A /run/rootlet
        $BIN prepare --remove; $BIN run --rootfs $ROOT -- echo plain
        umount /run/rootlet/.mounts 2>/dev/null || true; : > /run/rootlet/.mounts
        $BIN prepare; pins; umount /run/rootlet/.mounts; $BIN run --rootfs $ROOT -- echo unmounted
        $BIN prepare; pins; kill %1; wait; ls -A /run/rootlet";
    let run = t.host_script(script);
    let expected = "1\nup\n0\nx\nplain\n1\nunmounted\n1\n.mounts\n";
    let mut lines: Vec<&str> = run.stdout.lines().collect();
    let up = lines.iter().position(|line| *line == "up").expect("it runs");
    lines.remove(up);
    let expected: Vec<&str> = expected.lines().filter(|line| *line != "up").collect();
    assert_eq!((run.code(), lines), (0, expected), "{run:?}");
    before.unchanged(&t, "preparing and undoing it");
}

#[test]
fn two_who_prepare_at_once_do_not_undo_each_others_work() {
    let t = case!("-", "unshare");
    let script = "mount -t tmpfs run /run
        for round in $(seq 40); do
            $BIN prepare & one=$!
            $BIN prepare && wait $one && grep -q ' /run/rootlet/.mounts ' /proc/self/mountinfo || echo round $round
            $BIN prepare --remove
        done";
    let run = t.host_script(script);
    assert_eq!((run.code(), run.stdout.as_str()), (0, ""), "{run:?}");
}

#[test]
fn what_is_not_ours_is_not_joined() {
    let t = case!("-", "unshare");
    let script = "mount -t tmpfs run /run; mkdir -m 700 /run/rootlet; : > /run/rootlet/.mounts
        # A namespace with all of a host's mounts, pinned by somebody else.
        unshare --mount --propagation private -- sleep 100 & sleep 0.2
        mount --bind /proc/$!/ns/mnt /run/rootlet/.mounts || { kill $!; echo 'rootlet: cannot pin here'; exit 0; }
        kill $!; $BIN run --rootfs $ROOT -- echo inside || echo $?";
    let mut run = t.host_script(script);
    // The kernel pins a namespace of mounts by chance only: each processor numbers them by itself.
    for _ in 0..50 {
        if !run.stdout.contains("cannot pin") {
            break;
        }
        run = t.host_script(script);
    }
    assert_eq!(run.stdout, "125\n", "{run:?}");
    let line = "have mounts of its own and none of the host's: statfs: EINVAL (Invalid argument)";
    assert!(run.stderr.contains(line), "{run:?}");
}

#[test]
fn bad_requests_are_one_line() {
    let t = case!("-", "unshare");
    for (words, said) in [
        (&["prepare", "--remove", "x"][..], "rootlet: x is not an option here"),
        (&["prepare", "--all"], "rootlet: --all is not an option here"),
    ] {
        t.rootlet().opts(words).output().refused(125, &[said]);
    }
    let help = t.rootlet().opts(["prepare", "--help"]).output();
    assert!(help.ok().starts_with("usage: rootlet prepare "), "{help:?}");
    let user = Rootlet::new(&support::user::open_to_user(&t), t.dir()).opt("prepare");
    let user = user.under(support::user::AS_USER).output();
    user.refused(125, &["rootlet: prepare: openat: EACCES"]);
}

/// Of the time of a start that copies the host's mounts, with as many as `MOUNTS`.
const MOST_TIME: f64 = 0.6;
const MOUNTS: usize = 5000;

#[test]
fn a_start_takes_as_long_with_many_mounts() {
    let t = case!("-", "unshare");
    let script = format!(
        "mount -t tmpfs run /run; mkdir /run/many; mount -t tmpfs many /run/many; cd /run/many; mkdir {{1..{MOUNTS}}}
        for i in {{1..{MOUNTS}}}; do echo \"/run/many/$i /run/many/$i none bind\"; done > $DIR/fstab; mount -a -T $DIR/fstab
        time_of() {{ local before=${{EPOCHREALTIME/./}}; $BIN run --rootfs $ROOT /bin/true; echo $1 $((${{EPOCHREALTIME/./}} - before)); }}
        for round in {{1..12}}; do
            $BIN prepare; time_of prepared; time_of prepared; $BIN prepare --remove; time_of plain; time_of plain
        done"
    );
    let run = t.host_script(&script);
    run.ok();
    let least = |kind: &str| {
        let times = run.stdout.lines().filter_map(|line| line.strip_prefix(kind));
        times.map(|time| time.trim().parse::<u64>().unwrap()).min().unwrap()
    };
    let (prepared_us, plain_us) = (least("prepared"), least("plain"));
    let ratio = prepared_us as f64 / plain_us as f64;
    println!(
        "measured: with {MOUNTS} mounts {prepared_us} us prepared, {plain_us} us plain: ratio {ratio:.2}"
    );
    assert!(ratio <= MOST_TIME, "{ratio:.2}");
}
