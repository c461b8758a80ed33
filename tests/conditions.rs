//! Short of descriptors, processes, room, memory, standard streams, readers.

mod support;

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use support::user::run_as_user;
use support::{Case, Host, Outcome, Secluded, await_true, case};

/// A command of rootlet that ends with 7, in a worker's mount namespace: `run`, `exec` into a container, `init`, `sh`.
fn commands(t: &Case, s: &Secluded, boxed: &str) -> Vec<(&'static str, Vec<String>)> {
    let rootfs = t.rootfs().display().to_string();
    let words = |line: &str| -> Vec<String> {
        let words = line.split(' ').map(|word| word.replace('~', " "));
        words.map(|word| word.replace("ROOT", &rootfs).replace("BOX", boxed)).collect()
    };
    s.detach(boxed).cmd(["sleep", "100"]).output().ok();
    vec![
        ("run", words("run --rootfs ROOT -- sh -c SCRIPT")),
        ("exec", words("exec BOX -- sh -c SCRIPT")),
        ("init", words("init -- ROOT/bin/busybox sh -c SCRIPT")),
        ("sh", words("sh -c SCRIPT")),
    ]
}

/// Either it worked, or there is one line that names what is lacking.
fn is_told(outcome: &Outcome, good: i32, words: &[&str]) -> Result<bool, String> {
    if outcome.code() == good && outcome.stderr.is_empty() {
        return Ok(true);
    }
    let lines: Vec<&str> = outcome.stderr.lines().collect();
    let told = lines.len() == 1 && words.iter().any(|word| lines[0].contains(word));
    let fails = matches!(outcome.code(), 1 | 2 | 125..=127);
    (told && fails).then_some(false).ok_or_else(|| format!("{outcome:?}"))
}

#[test]
fn few_descriptors_are_told_of() {
    let t = case!("-", "prlimit", "nsenter");
    let before = Host::now();
    let s = Secluded::new(&t, "true");
    let boxed = format!("{}-box", t.label());
    for (name, words) in commands(&t, &s, &boxed) {
        let mut worked = 0;
        for limit in (3..=10).chain([12, 16, 24, 32, 64]) {
            let bounds = format!("--nofile={limit}");
            let bin = support::bin().display().to_string();
            let mut line = vec!["prlimit", &bounds, "--", &bin];
            line.extend(words.iter().map(|word| if word == "SCRIPT" { "exit 7" } else { word }));
            let outcome = s.command(&line).output();
            match is_told(&outcome, 7, &["EMFILE", "EBADF", "EINVAL"]) {
                Ok(good) => worked += u32::from(good),
                Err(what) => panic!("{name} with {limit} descriptors: {what}"),
            }
        }
        println!("measured: {name} works with {worked} of 13 limits of descriptors");
        assert!(worked > 0, "{name} never worked");
    }
    for limit in 3..=10 {
        let run = t.rootlet().opt("ps").under(["prlimit", &format!("--nofile={limit}"), "--"]);
        let outcome = run.output();
        assert!(is_told(&outcome, 0, &["EMFILE"]).is_ok(), "ps with {limit}: {outcome:?}");
    }
    assert_eq!(s.names(), [boxed.as_str()]);
    s.rootlet(["rm", "--force", &boxed]).output().ok();
    before.unchanged(&t, "few descriptors");
}

#[test]
fn no_processes_for_a_user_are_told_of() {
    let t = case!("-", "prlimit", "setpriv");
    let before = Host::now();
    let mut told = 0;
    for limit in 0..=3 {
        let run =
            run_as_user(&t).cmd(["true"]).under(["prlimit", &format!("--nproc={limit}"), "--"]);
        let outcome = run.output();
        match is_told(&outcome, 0, &["EAGAIN"]) {
            Ok(good) => told += u32::from(!good),
            Err(what) => panic!("{limit} processes: {what}"),
        }
    }
    assert!(told > 0, "a limit of no process has limited nothing");
    before.unchanged(&t, "no processes");
}

#[test]
fn standard_descriptors_may_be_closed_in_all_combinations() {
    let t = case!("-", "nsenter");
    let before = Host::now();
    let s = Secluded::new(&t, "true");
    let boxed = format!("{}-box", t.label());
    let seen = t.path("rootfs/seen");
    for (name, words) in commands(&t, &s, &boxed) {
        let place = if matches!(name, "run" | "exec") { "/seen" } else { seen.to_str().unwrap() };
        let script = format!(
            "for n in 0 1 2; do readlink /proc/self/fd/$n || echo none; done > {place} 2>{place}.err; exit 7"
        );
        for closed in 0..8 {
            let close = |bit: i32, word: &str| {
                if closed & bit != 0 { word.to_owned() } else { String::new() }
            };
            let line = format!(
                "exec \"$@\" {} {} {}",
                close(1, "0<&-"),
                close(2, "1>&-"),
                close(4, "2>&-")
            );
            let words = words.iter().map(|word| word.replace("SCRIPT", &script));
            let run = s.rootlet(words.collect::<Vec<_>>()).under(["sh", "-c", &line, "sh"]);
            let outcome = run.output();
            assert_eq!(
                (outcome.code(), &*outcome.stdout, &*outcome.stderr),
                (7, "", ""),
                "{name} {closed}"
            );
            // What is closed is closed or /dev/null for CMD, and no file of rootlet's.
            let seen = fs::read_to_string(&seen).unwrap();
            let links: Vec<&str> = seen.lines().collect();
            let good = |link: &&str| {
                ["/dev/null", "none", "/null"].contains(link)
                    || link.starts_with("pipe:")
                    || link.ends_with("/seen")
                    || link.ends_with("/seen.err")
            };
            assert!(links.len() == 3 && links.iter().all(good), "{name} {closed}: {links:?}");
        }
    }
    for closed in ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"] {
        let line = format!("exec \"$@\" {closed}");
        let outcome = t.rootlet().opt("ps").under(["sh", "-c", &line, "sh"]).output();
        // Where nobody can be told the status alone tells.
        let told = is_told(&outcome, 0, &["write: EBADF"]).is_ok();
        assert!(told || outcome.code() == 125 && closed.contains("2>&-"), "{closed}: {outcome:?}");
    }
    s.rootlet(["rm", "--force", &boxed]).output().ok();
    before.unchanged(&t, "closed descriptors");
}

#[test]
fn a_reader_who_has_gone_ends_what_only_tells() {
    let t = case!("-", "bash");
    for line in ["ps", "ns", "mounts", "run --rootfs $ROOT --explain -- true", "run --help"] {
        let script = format!("set +e; $BIN {line} | true; echo ${{PIPESTATUS[0]}}");
        let outcome = t.host_script(&script);
        assert!(
            matches!(outcome.stdout.trim(), "0" | "141" | "125" | "1")
                && outcome.stderr.lines().count() <= 1,
            "{line}: {outcome:?}"
        );
    }
    let outcome = t.host_script("$BIN run --rootfs $ROOT --explain -- true | head -1");
    assert!(outcome.stdout.lines().count() == 1 && outcome.stderr.is_empty(), "{outcome:?}");
    // CMD has the pipe itself and ends by the signal, as it does without a container.
    let script = "set +e; $BIN run --rootfs $ROOT -- sh -c 'while :; do echo x; done' | head -1; echo ${PIPESTATUS[0]}";
    assert_eq!(t.host_script(script).ok(), "x\n141\n");
}

#[test]
fn a_full_disk_is_told_of_and_nothing_is_left() {
    let t = case!("-", "unshare", "tar");
    let before = Host::now();
    // No room for a record's file, no inode, and room for one alone that its content fills.
    for size in ["nr_inodes=3,size=64k", "nr_inodes=4,size=64k", "nr_inodes=5,size=64k", "size=4k"]
    {
        let script = format!(
            "mount -t tmpfs -o {size} run /run; touch /run/fill; [ {size} != size=4k ] || dd if=/dev/zero of=/run/fill bs=4k 2>/dev/null || true
            set +e; $BIN run --rootfs $ROOT --name it --pid-file /run/pid -v $DIR:/point -- true; echo $?
            ls -A /run | grep -v fill; ls /run/rootlet 2>/dev/null; ls -d $ROOT/point 2>/dev/null; rm -rf $ROOT/point"
        );
        let outcome = t.host_script(&script);
        let told = outcome.stderr.lines().count() == 1 && outcome.stderr.contains("ENOSPC");
        let left = outcome.stdout.replace("rootlet\n", "");
        assert!(told && left == "125\n", "{size}: {outcome:?}");
    }
    // An archive that does not fit.
    let script = "mount -t tmpfs -o size=100k into /mnt; mkdir /mnt/d; set +e
        tar -C $ROOT -c . | $BIN run --rootfs - --into /mnt/d -- true; echo $?; find /mnt/d | wc -l";
    let outcome = t.host_script(script);
    assert!(
        outcome.stdout.starts_with("125\n") && outcome.stderr.contains("ENOSPC"),
        "{outcome:?}"
    );
    assert_eq!(outcome.stderr.lines().count(), 1, "{outcome:?}");
    // A log that is full is CMD's to see.
    let script = "mount -t tmpfs -o size=4k log /mnt; set +e; mount -t tmpfs run /run
        $BIN run -d --name it --rootfs $ROOT --log /mnt/log -- sh -c 'while echo 0123456789abcdef; do :; done 2>/dev/null; exit 3'
        $BIN wait it; $BIN rm it";
    assert_eq!(t.host_script(script).stdout.lines().nth(1), Some("3"));
    // What the container's own terminal shows is rootlet's to write.
    for (own, status) in [(0, 125), (3, 3)] {
        let script = format!(
            "$BIN run -t --rootfs $ROOT -- sh -c 'echo x; exit {own}' >/dev/full </dev/null || echo $?"
        );
        let outcome = t.host_script(&script);
        let lost = "rootlet: standard output: write: ENOSPC (No space left on device)\n";
        assert_eq!(outcome.stdout, format!("{status}\n"), "{outcome:?}");
        assert_eq!(outcome.stderr, lost, "{outcome:?}");
    }
    before.unchanged(&t, "a full disk");
}

#[test]
fn little_memory_ends_it_or_not_and_leaves_nothing() {
    let t = case!("-", "bash", "unshare");
    let before = Host::now();
    let memory = fs::exists("/sys/fs/cgroup/memory/cgroup.procs").unwrap();
    if !memory {
        return t.skip("there is no memory controller of v1 to be bounded by", "-");
    }
    let script = "mount -t tmpfs run /run; set +e; c=/sys/fs/cgroup/memory/$(basename $DIR); mkdir $c
        for kb in 64 128 192 256 320 384 512 768 1024 2048; do
            echo ${kb}k > $c/memory.limit_in_bytes
            sh -c 'echo $$ > $0/cgroup.procs; exec \"$@\"' $c $BIN run --rootfs $ROOT --name it --pid-file /run/pid -- true 2>/run/said
            status=$?; lines=$(wc -l < /run/said); rm /run/said
            # Who loses a killed runner dies as well, in a moment.
            for i in $(seq 100); do read -r p <$c/cgroup.procs || break; sleep 0.02; done
            for p in $(cat $c/cgroup.procs); do echo left $p; done
            stays=$(ls -d /run/rootlet/it /run/pid 2>/dev/null | wc -l)
            $BIN run --rootfs $ROOT -- true || echo the next failed
            echo $kb $status $lines $stays $(ls /run/rootlet) $(ls /run/pid 2>/dev/null)
        done
        for i in 1 2 3 4 5 6 7 8 9 10; do rmdir $c 2>/dev/null && break; sleep 0.1; done";
    let outcome = t.host_script(script);
    let rows: Vec<Vec<&str>> =
        outcome.stdout.lines().map(|line| line.split(' ').collect()).collect();
    assert_eq!(rows.len(), 10, "{outcome:?}");
    for row in &rows {
        // A runner that was killed says nothing, and what it leaves is the next command's to remove.
        let good = matches!(
            row[..],
            [_, "0", "0", "0"] | [_, "125" | "137", "1", "0"] | [_, "137", "0", _]
        );
        assert!(good, "{row:?} in {outcome:?}");
    }
    println!("measured: ends with little memory: {rows:?}");
    assert!(rows.last().unwrap()[1] == "0", "{outcome:?}");
    before.unchanged(&t, "little memory");
}

/// A stream that nobody reads and that is full.
#[test]
fn output_that_nobody_reads_keeps_nobody_from_reaping() {
    let t = case!("-", "unshare");
    let script = "trap 'exit 0' TERM; echo up; i=0; while [ $i -lt 20 ]; do (sleep 0.01 &); i=$((i+1)); done; while :; do sleep 0.05; done";
    let mut command = t
        .rootlet()
        .opts(["init", "--grace", "100ms"])
        .sh(script)
        .under(support::inits::UNSHARE)
        .command();
    let (reader, mut writer) = std::io::pipe().unwrap();
    fill(&mut writer);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::from(writer))
        .spawn()
        .unwrap();
    let init = support::find_child(child.id());
    assert!(await_true(|| !support::children(init).is_empty()));
    std::thread::sleep(Duration::from_millis(300));
    let zombies = || {
        support::children(init).into_iter().filter(|&pid| support::state(pid) == Some('Z')).count()
    };
    assert!(await_true(|| zombies() == 0), "zombies are left");
    assert!(support::kill(init, 15));
    let mut ended = None;
    await_true(|| {
        ended = child.try_wait().unwrap();
        ended.is_some()
    });
    if ended.is_none() {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("hangs while nobody reads");
    }
    drop(reader);
}

/// Writes until no more goes in.
fn fill(writer: &mut std::io::PipeWriter) {
    use std::io::Write;
    let flags = rustix::fs::fcntl_getfl(&*writer).unwrap();
    rustix::fs::fcntl_setfl(&*writer, flags | rustix::fs::OFlags::NONBLOCK).unwrap();
    while writer.write(&[b'x'; 4096]).is_ok() {}
    rustix::fs::fcntl_setfl(&*writer, flags).unwrap();
}

#[test]
fn time_is_measured_by_a_clock_that_nobody_sets() {
    let t = case!("-", "strace", "unshare");
    let log = t.path("log");
    let calls = "clock_gettime,clock_nanosleep,gettimeofday,time,timer_create,timerfd_create,timerfd_settime,setitimer,nanosleep";
    let mut seen = 0;
    let script = "(trap '' TERM; sleep 1) & echo up; exit 3";
    for (words, script) in [
        (&["init", "--grace", "300ms"][..], script),
        (&["init", "--delay", "TERM=100ms", "--kill-after", "200ms"], "kill -TERM $PPID; sleep 1"),
    ] {
        let run = t.rootlet().opts(words).sh(script);
        run.under(support::Trace::prefix(&log, &["-e", &format!("trace={calls}")])).output();
        let text = fs::read_to_string(&log).unwrap();
        for line in text.lines().filter(|line| line.contains('(') && !line.starts_with("---")) {
            assert!(line.contains("CLOCK_MONOTONIC") || line.contains("CLOCK_BOOTTIME"), "{line}");
            seen += 1;
        }
    }
    assert!(seen > 0, "no clock was read: the test sees nothing");
}
