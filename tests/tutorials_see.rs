//! Claims of the tutorials about looking at containers from outside.
//!
//! As in `tutorials.rs`, letters and numbers are those of the README's table.

mod support;

use std::fs;

use support::see::{of_host, row, rows, told};
use support::{case, find_child};

#[test]
fn c3_namespaces_and_mounts_of_a_container_are_seen_from_outside() {
    let t = case!("-", "lsns", "findmnt");
    let name = t.unique("c3");
    let run = t
        .run()
        .opts(["--name", &name, "--user", "7"])
        .sh("echo up; read line")
        .open_stdin()
        .spawn();
    run.expect("up");
    let first = find_child(run.pid()).to_string();
    // By hand: which process it is must be known, and each tool knows a part.
    let by_hand = of_host(&["lsns", "-J", "-l", "-p", &first]);
    let listed = told(&t, &["ns", &name]);
    assert_eq!(rows(&listed).len(), 8, "{listed}");
    for space in rows(&by_hand["namespaces"]) {
        let ours = row(&listed, "ns", space["ns"].clone());
        for (key, theirs) in
            [("type", "type"), ("processes", "nprocs"), ("pid", "pid"), ("command", "command")]
        {
            let is_hosts = ours["processes"].as_u64() > Some(3);
            let text = |value: &serde_json::Value| {
                value.to_string().replace("  ", "").replace(" \"", "\"")
            };
            assert!(is_hosts || text(&ours[key]) == text(&space[theirs]), "{key}: {ours} {space}");
        }
    }
    let processes = told(&t, &["ps", &name]);
    assert_eq!(rows(&processes)[1]["uid"], 7);
    let by_hand =
        support::host("findmnt", &["--noheadings", "--list", "-N", &first, "-o", "TARGET"]);
    let mounts = told(&t, &["mounts", &name]);
    let mut ours: Vec<&str> =
        rows(&mounts).iter().map(|row| row["target"].as_str().unwrap()).collect();
    let mut theirs: Vec<&str> = by_hand.lines().map(str::trim_end).collect();
    ours.sort_unstable();
    theirs.sort_unstable();
    assert_eq!(ours, theirs);
    let own = fs::read_to_string("/proc/self/mountinfo").unwrap().lines().count();
    assert_eq!(rows(&told(&t, &["mounts"])).len(), own, "the host's are others");
    run.finish();
}
