//! `mounts`: what a process sees mounted, as findmnt has it.

mod support;

use std::fs;

use serde_json::Value;
use support::see::{Crowd, by_bubblewrap, by_crun, is_table, of_host, row, rows, time, told};
use support::{Case, case, find_child};

/// findmnt's columns and our keys.
const COLUMNS: &str =
    "ID,PARENT,TARGET,SOURCE,FSROOT,FSTYPE,VFS-OPTIONS,FS-OPTIONS,OPT-FIELDS,MAJ:MIN";
const KEYS: [(&str, &str); 9] = [
    ("id", "id"),
    ("parent", "parent"),
    ("target", "target"),
    ("fsroot", "subdir"),
    ("fstype", "fstype"),
    ("vfs-options", "flags"),
    ("fs-options", "options"),
    ("opt-fields", "propagation"),
    ("maj:min", "device"),
];

/// Demands that both tell the same of a process's mounts, by statmount and by mountinfo.
fn same_as_findmnt(t: &Case, pid: u32) -> Value {
    let pid = pid.to_string();
    let theirs = of_host(&["findmnt", "--list", "-N", &pid, "-J", "-o", COLUMNS]);
    let ours = told(t, &["mounts", &pid]);
    assert_eq!(ours, told(t, &["mounts", "--mountinfo", &pid]), "both ways tell the same");
    assert_eq!(rows(&ours).len(), rows(&theirs["filesystems"]).len());
    for their in rows(&theirs["filesystems"]) {
        let our = row(&ours, "id", their["id"].clone());
        for (their_key, key) in KEYS {
            let text = |value: &Value| match value {
                Value::String(text) => text.trim().to_owned(),
                Value::Null => "private".to_owned(),
                other => other.to_string(),
            };
            assert_eq!(text(&our[key]), text(&their[their_key]), "{key} of {our} {their}");
        }
        let source = our["source"].as_str().unwrap();
        let subdir = our["subdir"].as_str().unwrap();
        let both = if subdir == "/" { source.to_owned() } else { format!("{source}[{subdir}]") };
        // An empty source is nothing there.
        assert_eq!(their["source"].as_str().unwrap_or_default(), both, "{their}");
    }
    ours
}

#[test]
fn mounts_of_containers_are_those_that_findmnt_shows() {
    let t = case!("-", "findmnt", "bwrap", "crun");
    let shared = t.folder("shared");
    let name = t.unique("a");
    let run = t.run().opts(["--name", &name, "--tmpfs", "/a b:size=64k", "-v"]);
    let run = run
        .opt(format!("{}:/x\\y:ro", shared.display()))
        .sh("echo up; read line")
        .open_stdin()
        .spawn();
    run.expect("up");
    let first = find_child(run.pid());
    let ours = same_as_findmnt(&t, first);
    assert_eq!(ours, told(&t, &["mounts", &name]));
    assert_eq!(row(&ours, "target", "/a b")["fstype"], "tmpfs");
    assert!(row(&ours, "target", "/x\\y")["flags"].as_str().unwrap().starts_with("ro,"));
    let (bubblewrap, crun) = (by_bubblewrap(&t, &[]), by_crun(&t));
    same_as_findmnt(&t, bubblewrap.pid);
    same_as_findmnt(&t, crun.pid);
    same_as_findmnt(&t, std::process::id());
    // The tree of the table is findmnt's.
    let table = t.rootlet().opts(["mounts", &name]).output();
    is_table(table.ok(), rows(&ours).len());
    let theirs = support::host(
        "findmnt",
        &["--ascii", "--noheadings", "-N", &first.to_string(), "-o", "TARGET"],
    );
    let targets = table.ok().lines().skip(1).map(|line| &line[..line.find("/").unwrap()]);
    let branches = theirs.lines().map(|line| &line[..line.find("/").unwrap()]);
    assert!(targets.eq(branches), "{table:?} {theirs}");
    run.finish();
}

#[test]
fn every_kind_of_mount_is_told_as_it_is() {
    let t = case!("-", "findmnt", "unshare");
    let script = r#"cd $DIR; mkdir -p "a b" 'n
l' 'b\040s' up wo "lo,w:er" low ov pr sl sh un id
        mount -t tmpfs -o size=64k,mode=700 'so urce' "a b"
        mount -t tmpfs '' 'n
l'
        mount -t tmpfs -o noatime,nodiratime,sync none 'b\040s'
        mount -t overlay -o "lowerdir=low,upperdir=up,workdir=wo" none ov
        mount --make-private -t tmpfs none pr; mount --bind --make-slave sl sl; mount --make-slave sl
        mount --make-shared -t tmpfs none sh; mkdir sh/sub; mount --bind sh/sub id; mount -o remount,bind,ro,nosymfollow id
        mount --bind un un; mount --make-unbindable un
        mkdir sh/slave; mount --bind sh sh/slave; mount --make-slave sh/slave; mount --make-shared sh/slave
        findmnt --list -N $$ -J -o ID,TARGET,OPT-FIELDS,VFS-OPTIONS,FS-OPTIONS,SOURCE,FSROOT >theirs
        $BIN mounts --json >ours; $BIN mounts --json -m >byinfo; $BIN mounts --json $$ >bypid; cmp ours byinfo; cmp ours bypid
        $BIN mounts >table"#;
    t.host_script(script).ok();
    let read =
        |name: &str| -> Value { serde_json::from_slice(&fs::read(t.path(name)).unwrap()).unwrap() };
    let (theirs, ours) = (read("theirs"), read("ours"));
    assert_eq!(rows(&ours).len(), rows(&theirs["filesystems"]).len());
    let at = |name: &str| row(&ours, "target", t.path(name).to_str().unwrap());
    for (name, key, value) in [
        ("a b", "source", "so urce"),
        ("a b", "options", "rw,size=64k,mode=700"),
        ("n\nl", "fstype", "tmpfs"),
        ("b\\040s", "flags", "rw,noatime,nodiratime"),
        ("pr", "propagation", "private"),
        ("un", "propagation", "unbindable"),
        ("id", "flags", "ro,relatime,nosymfollow"),
        ("id", "subdir", "/sub"),
    ] {
        let found = at(name)[key].as_str().unwrap();
        assert_eq!(found.trim_end_matches(",inode64"), value, "{key} of {name}");
    }
    assert!(at("sh")["propagation"].as_str().unwrap().starts_with("shared:"));
    let both = at("sh/slave")["propagation"].as_str().unwrap();
    assert!(both.starts_with("shared:") && both.contains(" master:"), "{both}");
    for their in rows(&theirs["filesystems"]) {
        let our = row(&ours, "id", their["id"].clone());
        let propagation = their["opt-fields"].as_str().unwrap_or("private").trim();
        assert_eq!(our["propagation"], propagation, "{our} {their}");
        assert_eq!(our["flags"], their["vfs-options"], "{our} {their}");
    }
    let table = fs::read_to_string(t.path("table")).unwrap();
    is_table(&table, rows(&ours).len());
    assert!(table.contains(r"n\x0al"), "{table}");
}

#[test]
fn a_difference_is_what_one_has_more_and_less() {
    let t = case!("-", "unshare");
    let script = r#"cd $DIR; mkdir a b c; mount -t tmpfs gone a; mount -t tmpfs both b; mount -t tmpfs both b
        unshare -m --propagation private sh -c 'umount a; umount b; mount -t tmpfs new c; echo up >ready; exec sleep 1000' & child=$!
        until [ -s ready ]; do sleep 0.01; done
        $BIN mounts --diff $child --json; echo; $BIN mounts --diff $child; echo; $BIN mounts --diff $$ --json $child; echo
        $BIN mounts --diff $$; echo; $BIN mounts -d $$ -J
        kill $child; wait $child 2>/dev/null || true"#;
    let run = t.host_script(script);
    let parts: Vec<&str> = run.ok().split("\n\n").collect();
    let [forth, table, back, nothing, none] = parts[..] else { panic!("{run:?}") };
    let changes = |text: &str| -> Vec<(String, String)> {
        let array: Value = serde_json::from_str(text).unwrap();
        let word = |row: &Value, key: &str| row[key].as_str().unwrap().to_owned();
        let below = |row: &Value| word(row, "target").replace(t.dir().to_str().unwrap(), "");
        rows(&array).iter().map(|row| (word(row, "change"), below(row))).collect()
    };
    let pair = |sign: &str, place: &str| (sign.to_owned(), place.to_owned());
    // One of two that lie over each other is gone.
    assert_eq!(changes(forth), [pair("-", "/a"), pair("-", "/b"), pair("+", "/c")]);
    assert_eq!(changes(back), [pair("+", "/a"), pair("+", "/b"), pair("-", "/c")]);
    is_table(table, 3);
    assert_eq!((nothing.lines().count(), none.trim()), (1, "[]"), "{run:?}");
}

#[test]
fn ten_thousand_mounts_are_listed_faster_than_by_findmnt() {
    let t = case!("-", "findmnt", "cc");
    let dir = t.folder("many");
    for (word, count, below) in [("mounts", 10_000, "/m9999"), ("stack", 1000, "")] {
        let many = Crowd::start(&t, &[word, &count.to_string(), dir.to_str().unwrap()]);
        let pid = many.pid().to_string();
        let listed = told(&t, &["mounts", &pid]);
        assert_eq!(listed, told(&t, &["mounts", "-m", &pid]));
        let ours = rows(&listed)
            .iter()
            .filter(|row| row["target"].as_str().unwrap().starts_with(dir.to_str().unwrap()));
        assert_eq!(ours.count(), count + 1);
        row(&listed, "target", format!("{}{below}", dir.display()));
        let table = t.rootlet().opts(["mounts", &pid]).output();
        is_table(table.ok(), rows(&listed).len());
        if word == "stack" {
            // What lies a thousand deep is told with its depth.
            assert!(
                table.ok().lines().any(|line| line.starts_with("+1000 ")),
                "{}",
                &table.ok()[..2000]
            );
        }
        let difference = t.rootlet().opts(["mounts", "--diff", &pid]).output();
        is_table(difference.ok(), count + 1);
        let ours = time(|| assert!(!t.rootlet().opts(["mounts", &pid]).output().ok().is_empty()));
        let theirs = time(|| assert!(!support::host("findmnt", &["-N", &pid]).is_empty()));
        let ratio = ours.as_secs_f64() / theirs.as_secs_f64();
        println!("measured: {word}: rootlet mounts {ours:?}, findmnt {theirs:?}, ratio {ratio:.2}");
        assert!(ratio <= 1.0, "{ours:?} {theirs:?}");
        drop(many);
    }
}

#[test]
fn a_terminal_gets_as_much_as_it_has_columns() {
    let t = case!("-");
    let mut terminal = support::Terminal::start(t.rootlet().opt("mounts"), 24, 40);
    assert!(terminal.finish().success());
    terminal.expect("…");
    let screen = terminal.screen();
    assert!(screen.lines().all(|line| line.trim_end().chars().count() <= 40), "{screen}");
    assert!(screen.lines().any(|line| line.trim_end().ends_with('…')), "{screen}");
    let table = t.rootlet().opt("mounts").output();
    assert!(!table.ok().contains('…') && table.ok().lines().count() == screen.lines().count());
}
