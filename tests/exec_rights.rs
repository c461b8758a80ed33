//! What `rootlet exec` may do: what the container may, and no more.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::entering::{command_of, exec, waiting};
use support::{Host, Rootlet, await_true, case, find_child, links, status_field};

/// What says how a process is confined.
const RIGHTS: &str = "grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp):' /proc/self/status; cat /proc/self/*id_map";

#[test]
fn it_may_do_what_the_container_may_and_no_more() {
    let t = case!("-");
    for (number, options) in [
        &[][..],
        &["--privileged"],
        &["--cap-drop", "ALL"],
        &["--cap-drop", "ALL", "--cap-add", "NET_ADMIN"],
        &["--cap-add", "SYS_PTRACE"],
        &["-u", "user"],
        &["-u", "user", "--cap-add", "NET_RAW"],
        &["-u", "4000:4001"],
        &["--security-opt", "seccomp=unconfined"],
        &["--security-opt", "no-new-privileges=false"],
        &["--userns", "new", "--uidmap", "0:100000:65536", "--gidmap", "0:100000:65536"],
        &["--userns", "new"],
        &["--no-init"],
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("{}-{number}", t.label());
        let script = format!("{RIGHTS}; echo ready; read line; true");
        let run = t.run().opts(options).opts(["--name", &name]).sh(&script).open_stdin().spawn();
        run.expect("ready\n");
        let theirs = run.so_far();
        let inside = exec(&t).opt(&name).sh(&format!("{RIGHTS}; echo ready")).output();
        assert_eq!(inside.ok(), theirs, "{options:?}");
        // Nothing of the host's is open, and no signal is blocked.
        let inside =
            exec(&t).opt(&name).sh("grep SigBlk /proc/self/status; exec ls /proc/self/fd").output();
        // The last is that of the directory itself.
        assert_eq!(inside.ok(), "SigBlk:\t0000000000000000\n0\n1\n2\n3\n", "{options:?}");
        run.finish().ok();
    }
}

#[test]
fn more_or_less_is_given_only_when_asked_for() {
    let t = case!("-");
    let name = t.label();
    let first = waiting(t.run(), &name);
    let rights =
        "grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status | cut -f 2 | tr '\\n' ' '";
    // What the machine has.
    let own = fs::read_to_string("/proc/self/status").unwrap();
    let all = format!("{} 1 0 ", status_field(&own, "CapBnd"));
    for (options, expected) in [
        (&[][..], "00000000a80425fb 1 2 "),
        (&["--cap-add", "NET_ADMIN"], "00000000a80435fb 1 2 "),
        (&["--cap-drop", "ALL"], "0000000000000000 1 2 "),
        (&["--cap-drop", "chown"], "00000000a80425fa 1 2 "),
        (&["--privileged"], &all),
        (&["--security-opt", "seccomp=unconfined"], "00000000a80425fb 1 0 "),
        (&["--security-opt", "no-new-privileges=false"], "00000000a80425fb 0 2 "),
        (&["-u", "user"], "0000000000000000 1 2 "),
        (&["-u", "user", "--cap-add", "NET_RAW"], "0000000000002000 1 2 "),
    ] {
        let run = exec(&t).opts(options).opt(&name).sh(rights).output();
        assert_eq!(run.ok(), expected, "{options:?}");
    }
    let run = exec(&t).opts(["--landlock", "ro:/bin", &name]);
    let run = run.sh("cat /etc/passwd 2>&1; true").output();
    assert!(run.ok().contains("Permission denied"), "{run:?}");
    first.finish().ok();
}

#[test]
fn the_filter_is_the_one_that_the_container_was_given() {
    let t = case!("-");
    let name = t.label();
    // The default one.
    let first = waiting(t.run(), &name);
    let unshare = "unshare -U true 2>&1 | grep -o 'Operation not permitted'; mkdir /tmp/x && rmdir /tmp/x && echo made";
    let run = exec(&t).opt(&name).sh(unshare).output();
    assert_eq!(run.ok(), "Operation not permitted\nmade\n");
    first.finish().ok();
    // One of a file, which is named from where `run` was started.
    let filter = r#"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir","mkdirat"],"action":"SCMP_ACT_ERRNO","errnoRet":5}]}"#;
    let folder = t.folder("filters");
    fs::write(folder.join("filter.json"), filter).unwrap();
    let run = t.run().opts(["--security-opt", "seccomp=filter.json"]);
    let run = run.in_dir(&folder);
    let root = t.rootfs().to_str().unwrap().to_owned();
    assert!(Path::new(&root).is_absolute());
    let first = waiting(run, &name);
    let script = "mkdir /tmp/x 2>&1 | grep -o 'error'; grep Seccomp: /proc/self/status";
    for target in [name.clone(), command_of(&first).to_string()] {
        let run = exec(&t).opt(&target).sh(script).output();
        // By its pid nobody knows which filter it has: it gets the default.
        let by_name = target == name;
        assert_eq!(run.ok(), if by_name { "error\nSeccomp:\t2\n" } else { "Seccomp:\t2\n" });
    }
    // Without that file there is no way to know, and nothing is run without.
    fs::remove_file(folder.join("filter.json")).unwrap();
    let run = exec(&t).opts([&name, "true"]).output();
    run.refused(125, &["filter.json", "ENOENT"]);
    exec(&t).opts(["--security-opt", "seccomp=builtin", &name, "true"]).output().ok();
    first.finish().ok();
}

#[test]
fn it_is_in_the_cgroups_of_the_container() {
    let t = case!("-");
    let before = Host::now();
    let name = t.label();
    let first = waiting(t.run().opts(["-m", "64m", "--pids-limit", "20"]), &name);
    let theirs = fs::read_to_string(format!("/proc/{}/cgroup", command_of(&first))).unwrap();
    assert!(theirs.contains(&name));
    let mut inside =
        exec(&t).opts([&name, "sh", "-c", "echo in; read line; true"]).open_stdin().spawn();
    inside.expect("in");
    let outer = find_child(inside.pid());
    for pid in [outer, find_child(outer)] {
        assert_eq!(fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap(), theirs);
    }
    inside.say("");
    inside.finish().ok();
    let ours = fs::read_to_string("/proc/self/cgroup").unwrap();
    let inside = exec(&t).opts(["--no-cgroup", &name, "sh", "-c", "echo in; read line; true"]);
    let mut inside = inside.open_stdin().spawn();
    inside.expect("in");
    let pid = find_child(inside.pid());
    assert_eq!(fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap(), ours);
    inside.say("");
    inside.finish().ok();
    // Its limit is theirs together.
    let grow = "x=; while :; do x=$x$(head -c 4000000 /dev/zero | tr '\\0' a); done";
    assert_eq!(exec(&t).opt(&name).sh(grow).output().code(), 128 + 9);
    first.finish();
    before.unchanged(&t, "exec in cgroups");
}

#[test]
fn limits_and_clocks_are_the_containers() {
    let t = case!("-");
    let name = t.label();
    let limits = ["--ulimit", "nofile=64:128", "--ulimit", "core=0", "--oom-score-adj", "300"];
    let first = waiting(t.run().opts(limits).opts(["--time-offset", "boottime=100000000"]), &name);
    let command = command_of(&first);
    let theirs = &links(&format!("/proc/{command}/ns"))["time"];
    let script = "ulimit -n; ulimit -Hn; ulimit -Hc; cat /proc/self/oom_score_adj; readlink /proc/self/ns/time";
    for target in [name.clone(), command.to_string()] {
        let run = exec(&t).opt(&target).sh(script).output();
        assert_eq!(run.ok(), format!("64\n128\n0\n300\n{theirs}\n"));
        let uptime = exec(&t).opts([&target, "cut", "-d.", "-f1", "/proc/uptime"]).output();
        assert!(uptime.ok().trim().parse::<u64>().unwrap() > 100_000_000);
    }
    first.finish().ok();
}

/// A cgroup whose processes can be made to stand still.
struct Freezer(PathBuf);

impl Freezer {
    fn new(name: &str) -> Freezer {
        let v1 = Path::new("/sys/fs/cgroup/freezer");
        let top = if v1.exists() { v1 } else { Path::new("/sys/fs/cgroup") };
        let path = top.join(name);
        fs::create_dir(&path).unwrap();
        Freezer(path)
    }

    fn freeze(&self, pid: u32, frozen: bool) {
        fs::write(self.0.join("cgroup.procs"), pid.to_string()).unwrap();
        let is_v1 = self.0.join("freezer.state").exists();
        let (file, words) = if is_v1 {
            ("freezer.state", ["THAWED", "FROZEN"])
        } else {
            ("cgroup.freeze", ["0", "1"])
        };
        fs::write(self.0.join(file), words[usize::from(frozen)]).unwrap();
        let now = || {
            let state = fs::read_to_string(self.0.join("freezer.state"));
            let events = fs::read_to_string(self.0.join("cgroup.events"));
            state.or(events).unwrap()
        };
        let frozen_words = ["FROZEN\n", "frozen 1"];
        let is_frozen = || frozen_words.iter().any(|word| now().contains(word));
        assert!(await_true(|| is_frozen() == frozen));
    }
}

impl Drop for Freezer {
    fn drop(&mut self) {
        let gone = await_true(|| fs::remove_dir(&self.0).is_ok());
        assert!(gone || std::thread::panicking());
    }
}

#[test]
fn who_is_paused_or_is_not_there_yet_is_not_entered() {
    let t = case!("-");
    let before = Host::now();
    let name = t.label();
    let freezer = Freezer::new(&name);
    let first = waiting(t.run(), &name);
    freezer.freeze(find_child(first.pid()), true);
    exec(&t).opts([&name, "true"]).output().refused(125, &[&name, "is paused"]);
    freezer.freeze(find_child(first.pid()), false);
    exec(&t).opts([&name, "true"]).output().ok();
    first.finish().ok();
    drop(freezer);
    // Its first process still has the host's root.
    let run = t.rootlet().opts(["run", "--name", &name, "--rootfs", "-"]).cmd(["true"]);
    let mut first = run.open_stdin().spawn();
    let record = Path::new("/run/rootlet").join(&name).join("record");
    assert!(await_true(|| fs::read_to_string(&record).is_ok_and(|text| text.contains("pid "))));
    exec(&t).opts([&name, "true"]).output().refused(125, &["is being started"]);
    first.write(b"x");
    first.finish();
    before.unchanged(&t, "paused containers");
}

#[test]
fn containers_of_others_are_entered_by_pid() {
    let t = case!("-", "crun", "bwrap");
    // bubblewrap's drops all capabilities; its first process is its own.
    let bwrap = Rootlet::new(Path::new("bwrap"), t.dir()).opt("--bind").opt(t.rootfs());
    let bwrap = bwrap.opts(["/", "--proc", "/proc", "--dev", "/dev", "--unshare-all"]);
    let bwrap = bwrap.opts(["--cap-drop", "ALL", "sh", "-c"]);
    let script = format!("{RIGHTS}; echo ready; read line; true");
    let first = bwrap.opt(&script).open_stdin().spawn();
    first.expect("ready\n");
    let command = find_child(find_child(first.pid()));
    let theirs = links(&format!("/proc/{command}/ns"));
    let run = exec(&t).opt(command.to_string()).sh(&format!("{RIGHTS}; echo ready")).output();
    assert_eq!(run.ok(), first.so_far());
    let run = exec(&t)
        .opt(command.to_string())
        .sh("readlink /proc/self/ns/net; readlink /proc/self/ns/user")
        .output();
    assert_eq!(run.ok(), format!("{}\n{}\n", theirs["net"], theirs["user"]));
    first.finish().ok();
    // crun knows no host with v1 and v2, so it sees one with v2 alone here.
    let bundle = t.folder("bundle");
    fs::rename(t.rootfs(), bundle.join("rootfs")).unwrap();
    let script = r#"mount -t cgroup2 none /sys/fs/cgroup; cd $DIR/bundle; crun spec
        sed -i 's/"terminal": true/"terminal": false/; s/"sh"/"sh","-c","echo up; grep -E \\"^(Cap...|NoNewPrivs|Seccomp):\\" \/proc\/self\/status; sleep 300"/' config.json
        crun --root $DIR/crun --cgroup-manager=disabled run one > $DIR/theirs &
        for i in $(seq 500); do grep -q Seccomp $DIR/theirs && break; sleep 0.01; done
        pid=$(crun --root $DIR/crun state one | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')
        $BIN exec $pid sh -c 'echo up; grep -E "^(Cap...|NoNewPrivs|Seccomp):" /proc/self/status' > $DIR/ours
        cmp $DIR/ours $DIR/theirs && $BIN exec $pid sh -c 'hostname; ls /proc/1/root > /dev/null && readlink /proc/1/exe'
        kill -9 $pid; wait; true"#;
    let run = t.host_script(script);
    assert_eq!(run.stdout, "crun\n/bin/busybox\n", "{run:?}");
}

#[test]
fn what_the_container_has_in_place_of_its_files_is_not_trusted() {
    let t = case!("-");
    let name = t.label();
    // Each must be refused or read in time, with nothing used.
    let passwd = t.rootfs().join("etc/passwd");
    let kept = t.path("passwd");
    fs::rename(&passwd, &kept).unwrap();
    let first = waiting(t.run().opts(["--privileged"]), &name);
    for (make, said) in [
        ("mkfifo $P", "is not a regular file"),
        ("mknod $P c 5 1", "is not a regular file"),
        ("ln -s passwd $P", "ELOOP"),
        ("ln -s /proc/1/root/etc/passwd $P", "ELOOP"),
        ("mkdir $P", "is not a regular file"),
        ("head -c 300000 /dev/zero > $P", "does not fit"),
    ] {
        let make = format!("P=/etc/passwd; {make}");
        exec(&t).opt(&name).sh(&make).output().ok();
        let run = exec(&t).opts(["-u", "user", &name, "true"]).output();
        run.refused(125, &[said]);
        exec(&t).opts([&name, "rm", "-rf", "/etc/passwd"]).output().ok();
    }
    // A link to a file of the host is one to a file of the container.
    let secret = t.file("secret", "host:x:77:77::/:/bin/sh\n");
    let link = format!("ln -s {} /etc/passwd", secret.display());
    exec(&t).opt(&name).sh(&link).output().ok();
    let run = exec(&t).opts(["-u", "host", &name, "true"]).output();
    run.refused(125, &["--user host is not in /etc/passwd"]);
    first.finish().ok();
    fs::remove_file(&passwd).unwrap();
    fs::rename(&kept, &passwd).unwrap();
    // A /proc of its own making says that it has no filter and every capability.
    let first = waiting(t.run().opts(["--cap-add", "SYS_ADMIN"]), &name);
    let fake = "mount -t tmpfs none /proc && mkdir -p /proc/self/ns /proc/1 &&
        printf 'Seccomp:\\t0\\nNoNewPrivs:\\t0\\nCapBnd:\\t000001ffffffffff\\n' > /proc/self/status &&
        cp /proc/self/status /proc/1/status";
    exec(&t).opt(&name).sh(fake).output().ok();
    let command = command_of(&first);
    let inside = exec(&t).opts([&name, "sh", "-c", "echo in; read line"]).open_stdin().spawn();
    inside.expect("in");
    let pid = find_child(find_child(inside.pid()));
    let status = |pid| fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let (ours, theirs) = (status(pid), status(command));
    for field in ["CapPrm", "CapEff", "CapBnd", "NoNewPrivs", "Seccomp"] {
        assert_eq!(status_field(&ours, field), status_field(&theirs, field), "{field}");
    }
    // Tools without a /proc that is one.
    let run = exec(&t).opts(["--tools", "rootlet", &name, "sh", "-c", "echo /proc/*"]).output();
    assert_eq!(run.ok(), "/proc/*\n");
    inside.finish();
    first.finish().ok();
}
