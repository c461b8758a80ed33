//! `--network pasta`: a network without root, by the program of that name.

mod support;

use std::fs;

use support::user::{AS_USER, open_to_user};
use support::{Case, Outcome, await_true, case};

/// A script on a host of its own: an interface with a default route, and a /dev/net/tun that everybody can use, as
/// hosts have it. `$AS_USER` makes an ordinary user of what follows.
fn on_host(t: &Case, script: &str) -> Outcome {
    let rootlet = open_to_user(t);
    let head = format!(
        r#"ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up
        ip addr add 10.7.0.2/24 dev up0; ip route add default via 10.7.0.1
        mkdir $DIR/tun.d; mount -t tmpfs none $DIR/tun.d; mknod -m 666 $DIR/tun.d/tun c 10 200
        mount --bind $DIR/tun.d/tun /dev/net/tun
        AS_USER='{}' BIN={}"#,
        AS_USER.join(" "),
        rootlet.display()
    );
    support::host("chown", &["-R", "4242:4242", t.rootfs().to_str().unwrap()]);
    t.network_script(&format!("{head}\n{script}"))
}

/// Processes of pasta that have this test's mark in their command line.
fn pastas(mark: &str) -> Vec<u32> {
    let names = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.file_name());
    let pids = names.filter_map(|name| name.to_str()?.parse().ok());
    let ours = |pid: &u32| {
        let arguments = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let arguments = String::from_utf8_lossy(&arguments).replace('\0', " ");
        arguments.starts_with("pasta ") && arguments.contains(mark)
    };
    pids.filter(ours).collect()
}

fn demand_no_pasta(mark: &str) {
    assert!(
        await_true(|| pastas(mark).is_empty()),
        "pasta outlives its container: {:?}",
        pastas(mark)
    );
}

#[test]
fn a_port_of_the_host_leads_into_the_container_of_a_user() {
    let t = case!("-", "ip", "unshare", "pasta", "busybox", "setpriv");
    let answer = t.rootfs().join("answer");
    fs::write(&answer, "#!/bin/sh\nread line; echo inside heard: $line\n").unwrap();
    support::host("chmod", &["755", answer.to_str().unwrap()]);
    for (who, options) in
        [("$AS_USER", ""), ("", ""), ("", "--userns new"), ("$AS_USER", "--no-init")]
    {
        // pasta takes connections for which nobody listens yet, so who serves them serves more than one.
        let script = format!(
            r#"{who} $BIN run {options} --rootfs $ROOT --network pasta -p 18080:80 -- sh -c '
                ip -o addr show scope global | grep -c 10.7.0.2/24; exec nc -ll -p 80 -e /answer' > $DIR/inside &
            await sh -c "echo from the host | busybox nc -w 1 127.0.0.1 18080 > $DIR/outside; test -s $DIR/outside"
            kill -KILL $!; wait $! 2> /dev/null || true; cat $DIR/outside $DIR/inside"#
        );
        let run = on_host(&t, &script);
        assert_eq!(run.stdout, "inside heard: from the host\n1\n", "{who} {options}: {run:?}");
        fs::remove_dir(t.path("tun.d")).unwrap();
    }
    demand_no_pasta("18080:80");
}

#[test]
fn nothing_leads_in_or_out_that_was_not_asked_for() {
    let t = case!("-", "ip", "unshare", "pasta", "busybox");
    // The gateway's address would be the host's loopback, and pasta would listen for what listens inside. Both servers
    // answer where they are, before and after that is tried.
    let script = r#"
        ask() { echo x | timeout 2 busybox nc -w 1 $1 $2 2> /dev/null; }
        busybox nc -ll -p 17001 -e echo leak & server=$!
        await sh -c "$(declare -f ask); ask 127.0.0.1 17001 | grep leak"
        mkfifo $DIR/end; exec 8<> $DIR/end
        $BIN run --rootfs $ROOT --network pasta -p 17002:80 -- sh -c '
            ask() { echo x | timeout 2 nc -w 1 $1 $2 2> /dev/null; }
            nc -ll -p 17003 -e echo leak &
            until ask 127.0.0.1 17003 | grep -q leak; do sleep 0.1; done
            for to in 10.7.0.1 127.0.0.1 10.7.0.2; do ask $to 17001; done
            echo ready; read line; ask 127.0.0.1 17003; kill %1; true' < $DIR/end > $DIR/inside & container=$!
        await grep ready $DIR/inside
        ask 127.0.0.1 17003 || echo closed
        echo >&8; wait $container; ask 127.0.0.1 17001; kill $server; cat $DIR/inside"#;
    let run = on_host(&t, script);
    assert_eq!(run.stdout, "closed\nleak\nready\nleak\n", "{run:?}");
    demand_no_pasta("17002:80");
}

#[test]
fn pasta_ends_with_its_container_however_that_ends() {
    let t = case!("-", "ip", "unshare", "pasta", "setpriv");
    for (who, end) in [("", "kill -TERM $!"), ("", "kill -KILL $!"), ("$AS_USER", "kill -KILL $!")]
    {
        let script = format!(
            r#"{who} $BIN run --rootfs $ROOT --network pasta -p 16001:80 -- sleep 60 2> /dev/null &
            await sh -c 'ps -eo args | grep "^pasta .*16001:80"'
            # The port is there when the program runs.
            await sh -c 'ps -eo args | grep "^sleep 60"'
            {end}; wait $! 2> /dev/null || true"#
        );
        let run = on_host(&t, &script);
        assert_eq!(run.stdout, "", "{run:?}");
        fs::remove_dir(t.path("tun.d")).unwrap();
        demand_no_pasta("16001:80");
    }
}

#[test]
fn its_ports_are_free_as_soon_as_the_container_has_ended() {
    let t = case!("-", "ip", "unshare", "pasta");
    let script =
        "for i in $(seq 10); do $BIN run --rootfs $ROOT --network pasta -p 15001:80 -- true; done";
    on_host(&t, script).ok();
    // A start that fails after it ends it as well.
    let script = r#"rmdir $DIR/tun.d 2> /dev/null || true
        $BIN run --rootfs $ROOT --network pasta -p 15001:80 -v $DIR/file:/tmp -- true 2>&1 || true
        ps -eo args | grep -c "^pasta .*15001:80" || true"#;
    t.file("file", "");
    fs::remove_dir(t.path("tun.d")).unwrap();
    let run = on_host(&t, script);
    assert!(run.stdout.ends_with("\n0\n") && run.stdout.contains("move_mount"), "{run:?}");
}

#[test]
fn it_has_no_descriptor_of_ours() {
    let t = case!("-", "ip", "unshare", "pasta");
    t.file("three", "");
    let script = r#"exec 3< $DIR/three
        $BIN run --preserve-fds 1 --rootfs $ROOT --network pasta -p 14001:80 -- sh -c 'ls /proc/self/fd | wc -l; sleep 1' &
        await sh -c 'ps -eo args | grep "^sleep 1$"'
        pid=$(ps -eo pid,args | grep "[0-9] pasta .*14001:80" | awk '{ print $1 }')
        ls -l /proc/$pid/fd > $DIR/list; wait
        grep -c "$DIR\|rootfs" $DIR/list || true; grep -c eventpoll $DIR/list
        ls -l /proc/$pid/fd 2>&1 | grep -c 'No such'"#;
    // Its own epoll descriptor is there: the list is its.
    let run = on_host(&t, script);
    assert!(run.ok().ends_with("0\n1\n1\n"), "{run:?}");
}

#[test]
fn what_is_wrong_is_one_line() {
    let t = case!("-", "ip", "unshare", "pasta", "busybox", "setpriv");
    let hidden =
        "mount --bind /dev/null /usr/bin/pasta; $BIN run --rootfs $ROOT --network pasta -- true";
    on_host(&t, hidden).refused(125, &["pasta is not installed", "passt"]);
    fs::remove_dir(t.path("tun.d")).unwrap();
    // Its own words, where it has some.
    let taken = r#"busybox nc -l -p 13001 & await grep -q ':32C9 ' /proc/net/tcp /proc/net/tcp6
        $BIN run --rootfs $ROOT --network pasta -p 127.0.0.1:13001:80 -- true || code=$?; kill $!; exit $code"#;
    let run = on_host(&t, taken);
    run.refused(125, &["rootlet: pasta: ", "13001"]);
    fs::remove_dir(t.path("tun.d")).unwrap();
    // And where it cannot be executed at all.
    let broken = "printf 'no program' > $DIR/tun.d/pasta; chmod +x $DIR/tun.d/pasta
        mount --bind $DIR/tun.d/pasta /usr/bin/pasta; $BIN run --rootfs $ROOT --network pasta -- true";
    on_host(&t, broken).refused(125, &["have /usr/bin/pasta connect the network", "pasta: "]);
}

#[test]
fn it_is_not_put_among_others() {
    let t = case!("-", "ip", "unshare", "pasta");
    let script = r#"mount -t tmpfs none /run
        $BIN run --name other --pid-file $DIR/other.pid --rootfs $ROOT -- sleep 60 2> /dev/null & await grep -qa started /run/rootlet/other/record
        $BIN run --pid container:other --rootfs $ROOT --network pasta -- true 2>&1 || echo $?
        kill -KILL $!; wait"#;
    let run = on_host(&t, script);
    assert!(run.stdout.contains("pids") && run.stdout.ends_with("125\n"), "{run:?}");
}
