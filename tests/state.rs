//! Names, records, and what is left when rootlet is killed.

mod support;

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use support::user::{USER, run_as_user, runtime_directory};
use support::{ALONE, Host, Running, Trace, case};

fn record(name: &str) -> PathBuf {
    Path::new("/run/rootlet").join(name).join("record")
}

/// The strings of a record.
fn entries(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).unwrap();
    let text = String::from_utf8(bytes).unwrap();
    assert!(text.ends_with('\0'), "{text:?}");
    text.trim_end_matches('\0').split('\0').map(str::to_owned).collect()
}

#[test]
fn a_record_says_what_must_be_undone_and_goes_with_the_container() {
    let t = case!("-");
    let before = Host::now();
    let name = t.unique("a");
    let pid_file = t.path("pid");
    let volume = format!("{}:/missing/point", t.folder("data").display());
    let options = ["--name", &name, "--pid-file", "pid", "-v", &volume];
    let run = t.run().opts(options).sh("echo up; read line; true").open_stdin().spawn();
    run.expect("up");
    let pid = fs::read_to_string(&pid_file).unwrap();
    let expected = [
        format!("root {}", t.rootfs().display()),
        format!("directory {}", t.dir().display()),
        "folder 0 /missing/point".to_owned(),
        "pid-file pid".to_owned(),
        format!("pid {}", pid.trim_end()),
        "started".to_owned(),
    ];
    // CMD says so before rootlet does.
    support::await_true(|| entries(&record(&name)).len() == expected.len());
    assert_eq!(entries(&record(&name)), expected);
    let directory = fs::metadata(record(&name).parent().unwrap()).unwrap();
    assert_eq!(directory.mode() & 0o7777, 0o700);
    run.finish().ok();
    assert!(!record(&name).parent().unwrap().exists() && !pid_file.exists());
    before.unchanged(&t, "a container with a name");
}

#[test]
fn a_name_is_one_containers() {
    let t = case!("-");
    let name = t.unique("one");
    let start =
        |_| t.run().opts(["--name", &name]).sh("echo up; read line; true").open_stdin().spawn();
    let runs: Vec<Running> = (0..8).map(start).collect();
    // Who has lost has ended, and who has won waits for us.
    support::await_true(|| runs.iter().filter(|run| run.has_ended()).count() == 7);
    let (won, lost): (Vec<Running>, Vec<Running>) =
        runs.into_iter().partition(|run| !run.has_ended());
    assert_eq!(won.len(), 1, "{} have the name", won.len());
    for run in lost {
        run.finish().refused(
            125,
            &[&name, "EEXIST", "a container of this name exists; rootlet rm NAME removes it"],
        );
    }
    for run in won {
        run.finish().ok();
    }
    t.run().opts(["--name", &name]).cmd(["true"]).output().ok();
    assert!(!record(&name).parent().unwrap().exists());
}

#[test]
fn without_a_name_each_container_has_one() {
    let t = case!("-");
    // A record says where the root is, where anything is to be undone.
    let run = |pid_file| {
        let run = t.run().opt("--pid-file").opt(t.path(pid_file));
        run.sh("echo up; read line; true").open_stdin().spawn()
    };
    let runs = [run("first"), run("second")];
    for run in &runs {
        run.expect("up");
    }
    let root = format!("root {}", t.rootfs().display());
    let ours = fs::read_dir("/run/rootlet").unwrap().flatten().filter(|entry| {
        let record = entry.path().join("record");
        fs::read(&record).is_ok_and(|text| String::from_utf8_lossy(&text).contains(&root))
    });
    let names: Vec<String> = ours.map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    for name in &names {
        let digits = name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        assert!(name.len() == 12 && digits, "{name}");
    }
    for run in runs {
        run.finish().ok();
    }
    for name in names {
        assert!(!record(&name).parent().unwrap().exists());
    }
}

#[test]
fn what_is_no_name_is_refused() {
    let t = case!("-");
    let long = "a".repeat(65);
    for bad in ["", ".", "..", "../x", "a/b", "-a", "a b", "a\nb", "\u{e9}", &long] {
        let run = t.run().opt(format!("--name={bad}")).cmd(["true"]).output();
        run.refused(125, &["--name="]);
    }
    t.run().opts(["--name", &"a".repeat(64)]).cmd(["true"]).output().ok();
}

/// A supervisor that is killed at each of its calls, then another command. Of what the first has left nothing may be
/// there after that, but for what stays because CMD has been executed.
#[test]
fn the_next_command_cleans_up_after_a_killed_one() {
    let t = case!("-", "strace", "unshare");
    let before = Host::now();
    let data = t.folder("data");
    let options = |number: usize| {
        let volume = format!("{}:/missing-{number}/point", data.display());
        let pin = format!("net=pin-{number}");
        let pid_file = format!("pid-{number}");
        ["--name", "it", "--pid-file", &pid_file, "-v", &volume, "--persist", &pin]
            .map(str::to_owned)
    };
    let ran = |number: usize| format!("/ran-{number}");
    let clean = t.run().opts(options(0)).cmd(["/bin/touch", &ran(0)]);
    let clean = clean.under(Trace::prefix(&t.path("clean"), &["-f", "-s", "200"])).under(ALONE);
    clean.output().ok();
    let trace = Trace::read(&t.path("clean"));
    let supervisor = trace.processes()[0];
    let mut counts = std::collections::BTreeMap::<String, usize>::new();
    let mut cases: Vec<(String, usize)> = Vec::new();
    for call in trace.own(supervisor) {
        let nth = counts.entry(call.name.clone()).or_default();
        *nth += 1;
        cases.push((call.name, *nth));
    }
    cases
        .retain(|(name, _)| !["execve", "execveat", "exit_group", "exit"].contains(&name.as_str()));
    assert!(cases.len() > 40, "{cases:?}");
    let script = "umount $DIR/pin-0 2>/dev/null || true; rm -f $DIR/pin-0
        mount -t tmpfs run /run; cd $DIR; n=$1; shift
        strace -q -o $DIR/log -e inject=$1:signal=KILL:when=$2 -- \
            $BIN run --rootfs $ROOT --name it --pid-file pid-$n -v $DIR/data:/missing-$n/point --persist net=pin-$n \
            -- /bin/touch /ran-$n || true
        grep -q 'killed by SIGKILL' $DIR/log || echo not killed
        started=$(cat /run/rootlet/it/record 2>/dev/null | tr '\\0' '\\n' | grep -cx started || true)
        # Without a record the end was under way.
        [ -e /run/rootlet/it/record ] || [ ! -e $ROOT/ran-$n ] || started=1
        $BIN run --rootfs $ROOT -- /bin/true
        ls -A /run/rootlet
        if [ $started = 1 ]; then umount pin-$n; rm -f pin-$n; rm -rf $ROOT/missing-$n; fi
        ls -d pid-$n pin-$n $ROOT/missing-$n 2>/dev/null || true";
    for (number, (call, nth)) in (1..).zip(&cases) {
        let words = [number.to_string(), call.clone(), nth.to_string()];
        let left = t.host_script_with(script, &words);
        assert_eq!(
            (left.code(), left.stdout.as_str()),
            (0, ""),
            "killed at {call} {nth}: {left:?}"
        );
    }
    println!("measured: killed at {} calls", cases.len());
    before.unchanged(&t, "a supervisor killed at each of its calls");
}

#[test]
fn all_that_were_killed_are_cleaned_up_after() {
    let t = case!("-", "unshare");
    let script = "mount -t tmpfs run /run; cd $DIR
        for name in a b c d e; do
            $BIN run --rootfs $ROOT --name $name --pid-file $name.pid sleep 100 & pids+=($!)
        done
        until [ $(cat /run/rootlet/*/record | tr '\\0' '\\n' | grep -cx started) = 5 ]; do sleep 0.01; done
        kill -9 ${pids[@]}; wait || true; ls /run/rootlet | wc -l
        $BIN run --rootfs $ROOT -- /bin/true; ls /run/rootlet; ls *.pid 2>/dev/null || true";
    let run = t.host_script(script);
    assert_eq!((run.code(), run.stdout.as_str()), (0, "5\n"), "{run:?}");
}

#[test]
fn of_many_records_each_start_looks_at_some() {
    let t = case!("-", "unshare");
    let script = "mount -t tmpfs run /run; mkdir -m 700 /run/rootlet
        for name in $(seq 200); do mkdir /run/rootlet/r$name; : >/run/rootlet/r$name/record; done
        # A dead one's name is free, wherever its turn is.
        $BIN run --rootfs $ROOT --name r7 -- /bin/true; ls /run/rootlet | wc -l
        for try in 1 2 3 4 5 6 7 8; do $BIN run --rootfs $ROOT -- /bin/true; done; ls /run/rootlet";
    let run = t.host_script(script);
    let left: usize = run.stdout.trim_end().parse().unwrap_or(0);
    assert!(run.code() == 0 && (140..=150).contains(&left), "{run:?}");
}

#[test]
fn what_still_runs_is_left_alone() {
    let t = case!("-");
    let name = t.unique("lives");
    let pid_file = t.path("pid");
    let run = t.run().opts(["--name", &name, "--pid-file"]).opt(&pid_file);
    let run = run.sh("echo up; read line; echo bye").open_stdin().spawn();
    run.expect("up");
    for _ in 0..5 {
        t.run().cmd(["true"]).output().ok();
    }
    assert!(record(&name).exists() && pid_file.exists());
    assert_eq!(run.finish().ok(), "up\nbye\n");
}

#[test]
fn a_pid_file_that_is_anothers_by_now_stays() {
    let t = case!("-");
    let pid_file = t.path("pid");
    let run = t
        .run()
        .opt("--pid-file")
        .opt(&pid_file)
        .sh("echo up; read line; true")
        .open_stdin()
        .spawn();
    run.expect("up");
    fs::write(&pid_file, "1\n").unwrap();
    run.finish().ok();
    assert_eq!(fs::read_to_string(&pid_file).unwrap(), "1\n");
}

#[test]
fn users_have_records_of_their_own() {
    let t = case!("-");
    let name = t.unique("user");
    let run =
        run_as_user(&t).opts(["--name", &name]).sh("echo up; read line; true").open_stdin().spawn();
    run.expect("up");
    let path = runtime_directory(&t).join("rootlet").join(&name).join("record");
    assert_eq!(fs::metadata(&path).unwrap().uid(), USER);
    let whole = support::await_true(|| entries(&path).len() == 1);
    assert!(whole && entries(&path)[0].starts_with("pid "), "{:?}", entries(&path));
    assert!(!record(&name).exists());
    run.finish().ok();
    assert!(!path.exists());
    // What others could have written there would be done.
    let shared = t.folder("shared");
    fs::create_dir(shared.join("rootlet")).unwrap();
    let run = run_as_user(&t).opts(["--name", &name]).env("XDG_RUNTIME_DIR", &shared);
    run.cmd(["true"]).output().refused(125, &["/shared/rootlet/", "EACCES"]);
    let run = run_as_user(&t).env("XDG_RUNTIME_DIR", "relative");
    run.cmd(["true"]).output().refused(125, &["XDG_RUNTIME_DIR", "absolute"]);
}

#[test]
fn without_a_place_for_records_only_a_name_is_refused() {
    let t = case!("-", "unshare");
    let script = "mount -t tmpfs -o ro run /run; $BIN run --rootfs $ROOT echo runs
        $BIN run --rootfs $ROOT --name x echo runs 2>&1 || echo $?";
    let run = t.host_script(script);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert!(matches!(lines[..], ["runs", refused, "125"] if refused.contains("EROFS")), "{run:?}");
}
