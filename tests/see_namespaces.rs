//! `ns`: the namespaces of the machine, as lsns has them.

mod support;

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use support::see::{
    Crowd, by_bubblewrap, by_crun, is_printable, of_host, row, rows, strings, time, told,
};
use support::{Rootlet, case, find_child, links};

/// The numbers of a process's namespaces by their kinds.
fn namespaces(pid: u32) -> BTreeMap<String, u64> {
    let all = links(&format!("/proc/{pid}/ns")).into_iter();
    let own = all.filter(|(name, _)| !name.ends_with("_for_children"));
    own.map(|(name, link)| {
        let number = link.split_once('[').unwrap().1.trim_end_matches(']');
        (name, number.parse().unwrap())
    })
    .collect()
}

/// Demands that each line of a table is about one namespace; gives how many there are.
fn is_list(table: &str) -> usize {
    is_printable(table);
    let lines = table.lines().skip(1).map(|line| line.trim_start_matches([' ', '|', '`', '-']));
    let numbers: Vec<u64> =
        lines.map(|line| line.split(' ').next().unwrap().parse().unwrap()).collect();
    numbers.len()
}

/// Tools tell 0 where they know nothing.
fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

#[test]
fn namespaces_have_the_facts_that_lsns_has() {
    let t = case!("-", "lsns", "bwrap", "crun", "unshare");
    let name = t.unique("a");
    let run = t
        .run()
        .opts(["--name", &name, "--userns", "new"])
        .sh("echo up; read line")
        .open_stdin()
        .spawn();
    run.expect("up");
    let first = find_child(run.pid());
    let (bubblewrap, crun) = (by_bubblewrap(&t, &["--unshare-user", "--unshare-net"]), by_crun(&t));
    // Namespaces within namespaces.
    let nested = Rootlet::new(Path::new("unshare"), t.dir())
        .opts(["-Urpf", "unshare", "-Urpfui", "sh", "-c", "echo up; exec sleep 1000"])
        .spawn();
    nested.expect("up");
    let deepest = *support::descendants(nested.pid()).last().unwrap();
    let all: Vec<_> = [first, bubblewrap.pid, crun.pid, deepest].map(namespaces).into();
    let mut theirs = Value::Null;
    // While many processes come and go lsns passes over some.
    let has_all = support::await_true(|| {
        theirs = of_host(&["lsns", "-J", "-l", "-o", "NS,TYPE,NPROCS,PID,PNS,ONS,COMMAND"]);
        let has = |space: &u64| rows(&theirs["namespaces"]).iter().any(|row| row["ns"] == *space);
        all.iter().flat_map(BTreeMap::values).all(has)
    });
    assert!(has_all, "{theirs}");
    let ours = told(&t, &["ns"]);
    let hosts = namespaces(std::process::id());
    let mut compared = 0;
    for spaces in all {
        for (kind, space) in spaces {
            // Other tests' processes come to the host's, and go.
            if hosts[&kind] == space {
                continue;
            }
            let their = row(&theirs["namespaces"], "ns", space);
            let our = row(&ours, "ns", space);
            assert_eq!(our["type"], kind);
            assert_eq!(
                (&our["processes"], &our["pid"]),
                (&their["nprocs"], &their["pid"]),
                "{our} {their}"
            );
            assert_eq!(number(&our["parent"]), number(&their["pns"]), "{our} {their}");
            assert_eq!(number(&our["owner"]), number(&their["ons"]), "{our} {their}");
            let command =
                |row: &Value| row["command"].as_str().map(|text| text.trim_end().to_owned());
            assert_eq!(command(our), command(their), "{our} {their}");
            compared += 1;
        }
    }
    assert!(compared >= 20, "{compared}");
    // What lsns does not tell: what else the same processes use, and who has made a user namespace.
    let own = namespaces(deepest);
    let uses = strings(&row(&ours, "ns", own["uts"])["with"]);
    let expected = own.iter().filter(|(kind, _)| *kind != "uts");
    assert!(uses.is_superset(&expected.map(|(kind, space)| format!("{kind}:{space}")).collect()));
    assert_eq!(row(&ours, "ns", own["user"])["owner_uid"], 0);
    let table = t.rootlet().opt("ns").output();
    let line = table.ok().lines().find(|line| line.contains(&own["pid"].to_string())).unwrap();
    assert!(line.starts_with("| ") || line.starts_with("  "), "two below the host's: {line}");
}

#[test]
fn each_namespace_is_listed_once_and_the_hosts_among_them() {
    let t = case!("-");
    let ours = told(&t, &["ns"]);
    for (kind, space) in namespaces(std::process::id()) {
        let our = row(&ours, "ns", space);
        assert!(our["type"] == kind.as_str() && number(&our["processes"]) > 5, "{our}");
    }
    let mut numbers: Vec<u64> = rows(&ours).iter().map(|row| number(&row["ns"])).collect();
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers.len(), count);
}

#[test]
fn those_of_one_process_are_those_of_its_links() {
    let t = case!("-", "bwrap");
    let bubblewrap = by_bubblewrap(&t, &[]);
    let listed = told(&t, &["ns", &bubblewrap.pid.to_string()]);
    let expected = namespaces(bubblewrap.pid);
    assert_eq!(rows(&listed).len(), expected.len(), "{listed}");
    for (kind, space) in expected {
        assert_eq!(row(&listed, "type", kind)["ns"], space);
    }
}

#[test]
fn bind_mounted_namespaces_need_no_process() {
    let t = case!("-", "unshare");
    let script = r#"touch "$DIR/net" "$DIR/u
ts"; unshare --net="$DIR/net" true; unshare --uts="$DIR/u
ts" true; touch $DIR/hidden; unshare --ipc=$DIR/hidden true
        mount -t tmpfs none $DIR/rootfs; touch $DIR/rootfs/n; mount --bind $DIR/net $DIR/rootfs/n; mount -t tmpfs none $DIR/rootfs
        $BIN ns --json; $BIN ns"#;
    let run = t.host_script(script);
    let (array, table) = run.ok().split_once("]\n").unwrap();
    let array: Value = serde_json::from_str(&format!("{array}]")).unwrap();
    for (file, kind) in [("net", "net"), ("u\nts", "uts"), ("hidden", "ipc")] {
        let path = t.path(file);
        let path = if kind == "net" { t.path("rootfs/n") } else { path };
        let found = row(&array, "path", path.to_str().unwrap());
        assert_eq!(
            (&found["type"], &found["processes"], &found["pid"]),
            (&kind.into(), &0.into(), &().into())
        );
        assert_eq!(number(&found["owner"]), namespaces(std::process::id())["user"]);
    }
    is_list(table);
    assert!(table.contains(r"u\x0ats"), "{table}");
}

#[test]
fn namespaces_that_vanish_are_no_error() {
    let t = case!("-", "cc");
    let changing = Crowd::start(&t, &["changing"]);
    for _ in 0..20 {
        let listed = told(&t, &["ns"]);
        assert!(rows(&listed).iter().all(|row| number(&row["ns"]) > 0), "{listed}");
        t.rootlet().opts(["ps", "-a"]).output().ok();
    }
    drop(changing);
}

#[test]
fn fifteen_thousand_namespaces_are_listed_faster_than_by_lsns() {
    let t = case!("-", "lsns", "cc");
    // New user, host name and cgroup namespaces.
    let flags = "0x16000000";
    let many = Crowd::start(&t, &["processes", "5000", flags]);
    let listed = told(&t, &["ns"]);
    let command = format!("{} processes 5000 {flags}", t.path("crowd").display());
    let with = |kind: &str| {
        let is_one = |row: &&Value| row["type"] == kind && row["command"] == command.as_str();
        rows(&listed).iter().filter(is_one).count()
    };
    assert_eq!(["user", "uts", "cgroup"].map(with), [5000; 3]);
    let own = namespaces(many.pid());
    let hosts = row(&listed, "ns", own["mnt"]);
    assert!(strings(&hosts["with"]).len() > 15_000, "what the same processes use");
    let table = t.rootlet().opt("ns").output();
    assert!(is_list(table.ok()) > 15_000);
    let ours = time(|| assert!(!t.rootlet().opt("ns").output().ok().is_empty()));
    let theirs = time(|| assert!(!support::host("lsns", &["-l"]).is_empty()));
    let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
    println!("measured: rootlet ns {ours:?}, lsns {theirs:?}, ratio {ratio:.2}");
    assert!(ratio <= 1.0, "{ours:?} {theirs:?}");
}
