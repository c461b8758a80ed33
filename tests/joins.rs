//! Namespaces of others: joined, kept; and clocks of the container's own.

mod support;

use std::fs;

use support::entering::waiting;
use support::user::run_as_user;
use support::{ALONE, Case, Host, Rootlet, case, find_child, host};

const KINDS: [(&str, &str); 5] =
    [("network", "net"), ("pid", "pid"), ("ipc", "ipc"), ("uts", "uts"), ("cgroupns", "cgroup")];

/// The number of a namespace that a container of `run` is in, for each kind.
fn namespaces(run: Rootlet) -> Vec<String> {
    let files = KINDS.map(|(_, kind)| format!("/proc/self/ns/{kind}"));
    let script = format!("for file in {}; do readlink $file; done", files.join(" "));
    let run = run.sh(&script).output();
    run.ok().lines().map(str::to_owned).collect()
}

#[test]
fn each_namespace_of_a_container_can_be_joined() {
    let t = case!("-");
    let before = Host::now();
    let name = t.label();
    let first = waiting(t.run(), &name);
    let init = find_child(first.pid());
    let theirs = KINDS.map(|(_, kind)| {
        let link = fs::read_link(format!("/proc/{init}/ns/{kind}")).unwrap();
        link.display().to_string()
    });
    for (number, (option, kind)) in KINDS.iter().enumerate() {
        let by_file = format!("ns:/proc/{init}/ns/{kind}");
        for value in [format!("container:{name}"), by_file] {
            let inside = namespaces(t.run().opts([&format!("--{option}"), &value]));
            for (other, (_, kind)) in KINDS.iter().enumerate() {
                assert_eq!(inside[other] == theirs[other], other == number, "{value}: {kind}");
            }
        }
    }
    let all = KINDS.map(|(option, _)| format!("--{option}=container:{name}"));
    assert_eq!(namespaces(t.run().opts(all)), theirs);
    first.finish().ok();
    before.unchanged(&t, "joined namespaces");
}

#[test]
fn c6_a_sidecar_sees_the_others_processes_and_network_with_a_root_of_its_own() {
    let t = case!("-");
    let name = t.label();
    let mut first = waiting(t.run().opts(["--hostname", "first"]), &name);
    fs::write(t.rootfs().join("mark"), "").unwrap();
    let tools = t.folder("tools");
    host("cp", &["-a", &format!("{}/.", t.rootfs().display()), tools.to_str().unwrap()]);
    fs::remove_file(tools.join("mark")).unwrap();
    let run = t.rootlet().opts(["run", "--rootfs"]).opt(&tools);
    let run = run.opts([format!("--pid=container:{name}"), format!("--network=container:{name}")]);
    // It sees PID 1 and the shell of the first one, and what that has at its root.
    let script = "hostname; ls /mark 2>/dev/null; ls /proc/1/root/mark 2>/dev/null
        for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; echo; done | grep -c '[e]cho up'
        [ $$ != 1 ] && kill -0 2 && echo reached";
    let run = run.opts(["--cap-add", "SYS_PTRACE"]).sh(script).output();
    assert_eq!(run.stdout, "rootlet\n/proc/1/root/mark\n1\nreached\n", "{run:?}");
    // The sidecar's end is not the end of the first, and its orphans do not stay there.
    let run = t.run().opt(format!("--pid=container:{name}")).sh("sleep 77 & sleep 0.1").output();
    run.ok();
    let script = "for p in /proc/[0-9]*; do tr '\\0' ' ' <$p/cmdline; done | grep -c '[s]leep 77'";
    let run = t.run().opt(format!("--pid=container:{name}")).sh(script).output();
    assert_eq!(run.stdout, "0\n", "{run:?}");
    first.say("");
    first.finish().ok();
}

#[test]
fn a_sidecar_ends_with_the_pid_namespace_that_it_has_joined() {
    let t = case!("-");
    let name = t.label();
    let mut first = waiting(t.run(), &name);
    let second = t.run().opt(format!("--pid=container:{name}")).sh("echo up; sleep 100").spawn();
    second.expect("up");
    first.say("");
    first.finish().ok();
    assert_eq!(second.finish().code(), 128 + 9);
}

#[test]
fn a_user_joins_his_own_containers() {
    let t = case!("-");
    let before = Host::now();
    let name = t.label();
    let first = waiting(run_as_user(&t).opts(["--hostname", "his"]), &name);
    let of = format!("container:{name}");
    let run = run_as_user(&t).opts(["--uts", &of, "--network", &of, "--pid", &of]);
    let run = run.sh("id -u; hostname; ls /sys/class/net; kill -0 2 && echo reached").output();
    assert_eq!(run.ok(), "0\nhis\nlo\nreached\n");
    // By name the others' records are not his, by file the kernel says no.
    let roots = format!("{name}-root");
    let root = waiting(t.run(), &roots);
    let run = run_as_user(&t).opt(format!("--uts=container:{roots}")).cmd(["true"]).output();
    run.refused(125, &[&roots, "ENOENT", "no container of this name"]);
    let file = format!("ns:/proc/{}/ns/uts", find_child(root.pid()));
    let run = run_as_user(&t).opts(["--userns", "host", "--uts", &file]).cmd(["true"]).output();
    run.refused(125, &["go into namespaces of", "uts: openat: EACCES"]);
    let run = run_as_user(&t).opts(["--uts", &file]).cmd(["true"]).output();
    run.refused(125, &["user namespace", "--userns container:NAME|ns:PATH"]);
    // Root can be in a user's namespace, where groups cannot be set any more: he has none then.
    let shell = find_child(find_child(first.pid()));
    let users = format!("ns:/proc/{shell}/ns/user");
    let run =
        t.run().opts(["--userns", &users]).sh("id -u; grep Groups /proc/self/status").output();
    assert_eq!(run.ok().split_whitespace().collect::<Vec<_>>(), ["0", "Groups:"]);
    root.finish().ok();
    first.finish().ok();
    before.unchanged(&t, "a user's joined namespaces");
}

#[test]
fn what_cannot_be_joined_is_named() {
    let t = case!("-");
    let before = Host::now();
    let file = t.file("file", "");
    let name = t.label();
    for (value, words) in [
        ("container:nobody".to_owned(), &["nobody", "no container of this name is running"][..]),
        (format!("container:{name}"), &["no container of this name is running"]),
        ("container:../x".to_owned(), &["container:../x", "is none of"]),
        ("container:".to_owned(), &["is none of"]),
        ("ns:".to_owned(), &["is none of"]),
        ("ns:/no/such".to_owned(), &["/no/such", "ENOENT"]),
        (format!("ns:{}", file.display()), &["file", "setns: EINVAL", "none of that kind"]),
        ("ns:/proc/self/ns/pid".to_owned(), &["setns: EINVAL", "none of that kind"]),
        ("x".to_owned(), &["is none of host, new, container:NAME, ns:PATH"]),
    ] {
        // Its own name is nobody else's.
        let run = t.run().opts(["--name", &name, "--uts", &value]).cmd(["true"]).output();
        run.refused(125, words);
    }
    let run = t.run().opts(["--uts", "container:x", "--userns", "new"]).cmd(["true"]).output();
    run.refused(125, &["cannot join"]);
    let run = t.run().opts(["--uts=container:x", "--hostname", "h"]).cmd(["true"]).output();
    run.refused(125, &["--uts"]);
    before.unchanged(&t, "what cannot be joined");
}

#[test]
fn the_last_word_on_a_namespace_counts() {
    let t = case!("-");
    t.run().opts(["--uts", "container:nobody", "--uts", "new"]).cmd(["true"]).output().ok();
    t.run()
        .opts(["--network", "container:nobody", "--network", "none"])
        .cmd(["true"])
        .output()
        .ok();
    let run = t.run().opts(["--uts", "new", "--uts", "container:nobody"]).cmd(["true"]).output();
    run.refused(125, &["nobody"]);
}

#[test]
fn a_kept_namespace_outlives_its_container() {
    let t = case!("-", "unshare");
    let script = "cd $DIR
        $BIN run --rootfs $ROOT --hostname kept --persist uts=uts --persist net=net --persist ipc=ipc \
            sh -c 'readlink /proc/self/ns/net; readlink /proc/self/ns/uts'
        $BIN run --rootfs $ROOT --uts ns:uts --network ns:net --ipc ns:ipc \
            sh -c 'readlink /proc/self/ns/net; hostname; ls /sys/class/net'
        $BIN run --rootfs $ROOT --userns new --persist user=user true
        $BIN run --rootfs $ROOT --userns ns:user sh -c 'readlink /proc/self/ns/user'
        umount uts net ipc user; ls; rm uts net ipc user";
    let run = t.host_script(script);
    let lines: Vec<&str> = run.ok().lines().collect();
    let [net, uts, joined, hostname, links, user, files @ ..] = &lines[..] else {
        panic!("{run:?}")
    };
    assert_eq!((net, *hostname, *links), (joined, "kept", "lo"), "{run:?}");
    assert!(uts.starts_with("uts:") && user.starts_with("user:"), "{run:?}");
    assert_eq!(files, ["ipc", "net", "rootfs", "user", "uts"]);
}

/// The kernel refuses it by chance, more or less often.
#[test]
fn a_namespace_of_mounts_is_kept_whatever_the_processor() {
    let t = case!("-", "unshare", "nsenter", "taskset");
    fs::write(t.rootfs().join("mark"), "").unwrap();
    let script = "cd $DIR; mount --make-rprivate /; touch mark
        for i in 1 2 3 4 5 6 7 8; do
            taskset -c $((i % $(nproc))) $BIN run --rootfs $ROOT --persist mnt=mnt true
            nsenter --mount=mnt /bin/ls /mark; umount mnt; rm mnt
        done
        $BIN run --rootfs $ROOT --persist mnt=mnt grep Cpus_allowed_list /proc/self/status
        grep Cpus_allowed_list /proc/self/status; umount mnt";
    let run = t.host_script(script);
    let lines: Vec<&str> = run.ok().lines().collect();
    assert_eq!(lines[..8], ["/mark"; 8], "{run:?}");
    assert_eq!(lines[8], lines[9], "the container may use fewer processors");
}

#[test]
fn what_cannot_be_kept_leaves_no_file() {
    let t = case!("-");
    let before = Host::now();
    let file = t.path("pin");
    let value = format!("net={}", file.display());
    let persist = ["--persist", &value];
    let run = |options: &[&str], command: &str| {
        // What is kept for a moment would show among the mounts of other tests.
        t.run().opts(persist).opts(options).cmd([command]).under(ALONE).output()
    };
    run(&["--network", "host"], "true").refused(125, &["pin", "not new"]);
    run(&[], "nosuchcommand").refused(127, &["nosuchcommand"]);
    run(&["--tmpfs", "/proc/x/y"], "true").refused(125, &["/proc/x/y"]);
    assert!(!file.exists());
    // What is there already is another's.
    fs::write(&file, "content").unwrap();
    run(&[], "true").refused(125, &["pin", "is there already"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), "content");
    for bad in ["", "net", "net=", "pid=/x", "=x"] {
        let run = t.run().opt(format!("--persist={bad}")).cmd(["true"]).output();
        run.refused(125, &["--persist="]);
    }
    let twice = t.run().opts(persist).opts(persist).cmd(["true"]).output();
    twice.refused(125, &["each once"]);
    let user = t.path("runtime/pin");
    let run = run_as_user(&t).opt(format!("--persist=net={}", user.display()));
    run.cmd(["true"]).output().refused(125, &["open_tree: EPERM"]);
    assert!(!user.exists());
    before.unchanged(&t, "what cannot be kept");
}

#[test]
fn clocks_are_shifted_inside() {
    let t = case!("-");
    let uptime = |text: &str| text.split('.').next().unwrap().parse::<u64>().unwrap();
    let host_time = || uptime(&fs::read_to_string("/proc/uptime").unwrap());
    let inside = |run: Rootlet, offset: &str| {
        let run = run.opts(["--time-offset", offset]).cmd(["cat", "/proc/uptime"]).output();
        uptime(run.ok())
    };
    for run in [Case::run, run_as_user] as [fn(&Case) -> Rootlet; 2] {
        let shifted = inside(run(&t), "monotonic=5,boottime=1000000");
        assert!((1_000_000..=1_000_060).contains(&(shifted - host_time())), "{shifted}");
    }
    let before = host_time();
    assert!(inside(t.run(), "monotonic=-1") >= before, "monotonic alone shifts no uptime");
    let run = t.run().opts(["--time-offset", "boottime=-9000000000"]).cmd(["true"]).output();
    run.refused(125, &["shift clocks", "write: ERANGE"]);
    for bad in ["", "boottime", "boottime=1.5", "realtime=1", "boottime=1,boottime=2"] {
        let run = t.run().opt(format!("--time-offset={bad}")).cmd(["true"]).output();
        run.refused(125, &["--time-offset="]);
    }
    let run = t.run().opts(["--time-offset", "boottime=1", "--no-init"]).cmd(["true"]).output();
    run.refused(125, &["--no-init"]);
}
