//! A pair of links: who can talk to whom, and that nothing of it is left.

mod support;

use support::user::{open_to_user, run_as_user};
use support::{Case, Host, Trace, case, links};

#[test]
fn e5_a_pair_of_links_carries_data_both_ways() {
    let t = case!("run-network", "ip", "unshare", "busybox");
    let script = r#"
        $BIN run --rootfs $ROOT --network veth:v0,10.0.0.2/24,host=10.0.0.1/24 -- \
            sh -c 'echo from inside | nc -l -p 80 > /received; cat /received' > $DIR/inside &
        await ip link show v0
        await sh -c "echo from the host | busybox nc -w 5 10.0.0.2 80 > $DIR/outside; test -s $DIR/outside"
        wait; cat $DIR/outside $DIR/inside; ip -o link | wc -l"#;
    assert_eq!(t.network_script(script).ok(), "from inside\nfrom the host\n1\n");
}

#[test]
fn two_containers_on_a_bridge_talk() {
    let t = case!("run-network", "ip", "unshare");
    let script = r#"
        ip link add br0 type bridge; ip link set br0 up
        $BIN run --rootfs $ROOT --network veth:one,10.1.0.1/24,bridge=br0 -- \
            sh -c '(echo answer; sleep 0.5) | nc -l -p 80' > $DIR/one &
        await ip link show one
        ip -o link show one | grep -o 'master br0'
        $BIN run --rootfs $ROOT --network veth:two,10.1.0.2/24,bridge=br0 -- \
            sh -c 'for i in 1 2 3 4 5 6 7 8 9; do echo question | nc -w 5 10.1.0.1 80 2> /dev/null && exit; sleep 0.2; done'
        wait; cat $DIR/one; ip -o link | grep -c ': \(one\|two\)' || true"#;
    assert_eq!(t.network_script(script).ok(), "master br0\nanswer\nquestion\n0\n");
}

#[test]
fn both_ends_have_their_names_addresses_and_routes() {
    let t = case!("run-network", "ip", "unshare");
    let script = r#"
        $BIN run --name box --rootfs $ROOT --network \
            veth:v0,10.0.0.2/24,fd00::2/64,gw=10.0.0.1,gw=fd00::1,host=10.0.0.1/24,host=fd00::1/64 -- sh -c '
            ip -o addr show dev eth0 scope global; ip route; ip -6 route | grep default
            ping -c 1 -q 10.0.0.1 > /dev/null && ping -c 1 -q fd00::1 > /dev/null && echo reached
            ls /sys/class/net | tr "\n" " "; cat; true' < $DIR/fifo &
        exec 3> $DIR/fifo
        await ip link show v0
        await sh -c 'ip -o -6 addr show dev v0 scope global | grep fd00'
        ip link show v0 | grep alias; ip -o addr show dev v0 scope global
        exec 3>&-; wait"#;
    host_fifo(&t);
    let run = t.network_script(script);
    let out = run.ok();
    for part in [
        "inet 10.0.0.2/24",
        "inet6 fd00::2/64",
        "default via 10.0.0.1 dev eth0",
        "default via fd00::1 dev eth0",
        "reached\n",
        "eth0 lo ",
        "alias rootlet:box",
        "inet 10.0.0.1/24",
        "inet6 fd00::1/64",
    ] {
        assert!(out.contains(part), "no {part:?} in {out}");
    }
}

fn host_fifo(t: &Case) {
    support::host("mkfifo", &[t.path("fifo").to_str().unwrap()]);
}

#[test]
fn what_cannot_be_a_network_is_refused() {
    let t = case!("-");
    for (network, words) in [
        ("", "is none of host, new, container:NAME, ns:PATH, pasta, veth:"),
        ("some", "is none of host"),
        ("veth:v0", "is none of host"),
        ("veth:sixteen-bytes-xy,10.0.0.2/24", "1 to 15 bytes"),
        ("veth:a/b,10.0.0.2/24", "1 to 15 bytes"),
        ("veth:a b,10.0.0.2/24", "1 to 15 bytes"),
        ("veth:,10.0.0.2/24", "1 to 15 bytes"),
        ("veth:v0,10.0.0.2/33", "needs an IPv4 or IPv6 address"),
        ("veth:v0,10.0.0.2/0", "needs an IPv4 or IPv6 address"),
        ("veth:v0,10.0.0.2", "needs an IPv4 or IPv6 address"),
        ("veth:v0,10.0.0/24", "needs an IPv4 or IPv6 address"),
        ("veth:v0,10.0.0.02/24", "needs an IPv4 or IPv6 address"),
        ("veth:v0,fd00:::2/64", "needs an IPv4 or IPv6 address"),
        ("veth:v0,fd00::2/129", "needs an IPv4 or IPv6 address"),
        ("veth:v0,10.0.0.2/24,mtu=1", "needs an IPv4 or IPv6 address"),
        ("veth:v0,10.0.0.2/24,10.0.0.3/24", "two addresses"),
        ("veth:v0,10.0.0.2/24,gw=10.0.1.1", "gateway"),
        ("veth:v0,10.0.0.2/24,gw=fd00::1", "gateway"),
    ] {
        let run = t.run().opts(["--network", network]).cmd(["true"]).output();
        run.refused(125, &["--network", words]);
    }
    for (option, value, words) in [
        ("-p", "80", "is not [ADDR:]PORT:PORT"),
        ("-p", "8080:0", "is not [ADDR:]PORT:PORT"),
        ("--dns", "one.one", "address"),
        ("--dns", "1.1.1.1\nsearch x", "address"),
        ("--dns-search", "a b", "name"),
        ("--add-host", "db", "address"),
        ("--add-host", "a b:1.2.3.4", "name"),
        ("--add-host", "db:host-gateway", "address"),
    ] {
        t.run().opts([option, value]).cmd(["true"]).output().refused(125, &[option, words]);
    }
    let four = ["1.1.1.1"; 4].map(|server| ["--dns", server]).concat();
    t.run().opts(four).cmd(["true"]).output().refused(125, &["at most 3"]);
    t.run().opts(["-p", "8080:80"]).cmd(["true"]).output().refused(125, &["--network pasta"]);
}

#[test]
fn a_name_that_is_taken_stays_who_has_it() {
    let t = case!("-", "ip", "unshare");
    let script = r#"
        ip link add taken type veth peer name other; ip link add br0 type bridge
        run() { $BIN run --rootfs $ROOT --network $1 -- touch /ran 2>&1 && exit 9; echo $?; }
        run veth:taken,10.0.0.2/24; run veth:v0,10.0.0.2/24,bridge=nosuch; run veth:v0,10.0.0.2/24,bridge=taken
        run veth:br0,10.0.0.2/24,bridge=br0
        ls $ROOT/ran 2> /dev/null || ip -o link | wc -l"#;
    let run = t.network_script(script);
    let lines: Vec<&str> = run.ok().lines().collect();
    for (line, words) in [
        (0, "rootlet: link taken is the name of a link that the host has already"),
        (2, "rootlet: link nosuch is not a bridge of the host"),
        (4, "rootlet: link taken is not a bridge of the host"),
        (6, "rootlet: link br0 is the name of a link that the host has already"),
    ] {
        assert_eq!(lines[line..line + 2], [words, "125"], "{lines:?}");
    }
    assert_eq!(lines[8], "4", "{lines:?}");
}

#[test]
fn the_name_is_free_as_soon_as_the_container_has_ended() {
    let t = case!("-", "ip", "unshare");
    let script = r#"
        for i in $(seq 20); do
            $BIN run --rootfs $ROOT --network veth:v0,10.0.0.2/24,host=10.0.0.1/24 -- true
        done; ip -o link | wc -l"#;
    assert_eq!(t.network_script(script).ok(), "1\n");
}

#[test]
fn a_killed_supervisor_leaves_no_link() {
    let t = case!("-", "ip", "unshare");
    let before = Host::now();
    host_fifo(&t);
    // The second has its name taken by somebody else meanwhile: the record of the first is no reason to remove it.
    let script = r#"
        mount -t tmpfs none /run; exec 3<> $DIR/fifo
        $BIN run --name gone-network --rootfs $ROOT --network veth:v0,10.0.0.2/24 -- sleep 60 < $DIR/fifo 2> /dev/null &
        await ip link show v0; await grep -q started -a /run/rootlet/gone-network/record
        kill -9 $!; wait $! 2> /dev/null || true
        await sh -c '! ip link show v0'
        ip link add v0 type veth peer name v1
        grep -ac 'link v0' /run/rootlet/gone-network/record
        $BIN run --rootfs $ROOT -- true; ls /run/rootlet | grep -c gone-network || true
        ip -o link | grep -c ': v[01]@'"#;
    assert_eq!(t.network_script(script).ok(), "1\n0\n2\n");
    before.unchanged(&t, "a killed supervisor");
}

#[test]
fn only_its_own_link_is_removed() {
    let t = case!("-", "ip", "unshare");
    host_fifo(&t);
    // Somebody inside the host renames things: at the end another link has the name.
    let script = r#"
        $BIN run --rootfs $ROOT --network veth:v0,10.0.0.2/24 -- cat < $DIR/fifo & exec 4> $DIR/fifo
        await ip link show v0; await sh -c 'ip link show v0 | grep alias'
        ip link set v0 down; ip link set v0 name moved; ip link add v0 type veth peer name v1
        exec 4>&-; wait; await sh -c '! ip link show moved'; ip -o link | grep -o 'v[01]@v[01]'"#;
    assert_eq!(t.network_script(script).ok(), "v1@v0\nv0@v1\n");
}

/// Options of a run in which every kind of request is made.
const ALL: &str = "veth:v0,10.0.0.2/24,fd00::2/64,gw=10.0.0.1,gw=fd00::1,host=10.0.0.1/24,host=fd00::1/64,bridge=br0";

/// A host with a bridge, on which a command is run; what it leaves is counted behind its output.
const WITH_BRIDGE: [&str; 5] = [
    "unshare",
    "--net",
    "bash",
    "-c",
    "ip link add br0 type bridge; ip link set br0 up; \"$0\" \"$@\"; code=$?; links() { ip -o link | wc -l; }; links
     for i in $(seq 50); do [ $(links) = 2 ] && exit $code; sleep 0.1; done; exit 99",
];

#[test]
fn every_failing_request_ends_the_run_and_leaves_no_link() {
    let t = case!("-", "ip", "unshare", "strace");
    let before = Host::now();
    let run = || t.run().opts(["--network", ALL]).cmd(["/bin/true"]);
    let log = t.path("clean");
    let clean = run().under(Trace::prefix(&log, &["-f"])).under(WITH_BRIDGE).output();
    assert_eq!(clean.ok(), "2\n");
    let trace = Trace::read(&log);
    // The supervisor and the container's first process ask as often as --explain says. Facts ask twice, and the end asks
    // whose the link is before it is removed.
    let count =
        |name: &str, pid: u32| trace.own(pid).iter().filter(|call| call.name == name).count();
    let processes = trace.processes();
    let [outside, inside] = [0, 1].map(|at| count("sendto", processes[at]));
    // The kernel may have removed the link when the end asks.
    assert!(matches!(outside, 9 | 10) && inside == 6, "{outside} {inside}");
    let explained = run().opts(["--explain"]).under(WITH_BRIDGE).output();
    let said = |word: &str| explained.stdout.lines().find(|line| line.contains(word)).unwrap();
    assert_eq!(said("make link v0").matches("sendto recvfrom").count(), 5);
    assert_eq!(said("eth0: 10.0.0.2/24").matches("sendto recvfrom").count(), 6);
    for (name, last) in [("sendto", 7), ("recvfrom", 7), ("socket", 2)] {
        for nth in 1..=last {
            let rule = format!("inject={name}:error=ENOBUFS:when={nth}");
            let log = t.path(&format!("{name}.{nth}"));
            let failed = run().under(Trace::prefix(&log, &["-f", "-e", &rule])).under(WITH_BRIDGE);
            let failed = failed.output();
            assert_eq!(failed.code(), 125, "{name} {nth}: {failed:?}");
            // Where the answer to the request for the pair is lost, nobody knows whether it is there: the kernel
            // removes it when the container is gone.
            if (name, nth) != ("recvfrom", 3) {
                assert_eq!(failed.stdout, "2\n", "{name} {nth}: {failed:?}");
            }
            failed.complains(&[name, "ENOBUFS"]);
        }
    }
    before.unchanged(&t, "failing requests");
}

#[test]
fn what_the_kernel_refuses_is_told_by_its_request() {
    let t = case!("-", "ip", "unshare", "capsh");
    let run = t.run().opts(["--network", "veth:v0,10.0.0.2/24"]).cmd(["true"]);
    let without = ["capsh", "--drop=cap_net_admin", "--", "-c", "exec \"$0\" \"$@\""];
    let refused = run.under(without).under(WITH_BRIDGE).output();
    assert_eq!((refused.code(), refused.stdout.as_str()), (125, "2\n"), "{refused:?}");
    refused.complains(&["make link v0", "RTM_NEWLINK: EPERM", "CAP_NET_ADMIN"]);
}

#[test]
fn a_user_is_sent_to_pasta() {
    let t = case!("-", "setpriv");
    let run = run_as_user(&t).opts(["--network", "veth:v0,10.0.0.2/24"]).cmd(["true"]).output();
    run.refused(125, &["root", "--network pasta"]);
}

#[test]
fn a_container_with_users_of_its_own_has_a_pair_as_well() {
    let t = case!("-", "ip", "unshare");
    open_to_user(&t);
    for options in ["--userns new", "--uidmap 0:4242:10", "--no-init", "--pid host", "--user 1000"]
    {
        let script = format!(
            "$BIN run {options} --rootfs $ROOT --network veth:v0,10.0.0.2/24,gw=10.0.0.1,host=10.0.0.1/24 -- \
             sh -c 'ip -o addr show dev eth0 scope global | grep -o 10.0.0.2/24; ip route | grep -c default'
             ip -o link | wc -l"
        );
        assert_eq!(t.network_script(&script).ok(), "10.0.0.2/24\n1\n1\n", "{options}");
    }
}

#[test]
fn a_host_that_shares_its_network_shares_no_more_than_that() {
    let t = case!("-", "ip", "unshare");
    let before = Host::now();
    let script = "$BIN run --rootfs $ROOT --network host -- sh -c '
            readlink /proc/self/ns/net; for kind in mnt pid ipc uts cgroup; do readlink /proc/self/ns/$kind; done'
        readlink /proc/self/ns/net";
    let run = t.network_script(script);
    let lines: Vec<&str> = run.ok().lines().collect();
    let [inside, others @ .., outside] = &lines[..] else { panic!("{run:?}") };
    assert_eq!(inside, outside);
    assert_eq!(others.len(), 5, "{run:?}");
    let hosts = links("/proc/self/ns");
    assert!(others.iter().all(|link| !hosts.values().any(|of_host| of_host == link)), "{run:?}");
    before.unchanged(&t, "the host's network");
}
