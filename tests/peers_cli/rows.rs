//! Command lines on which rootlet and the originals agree.

use super::ground::{Difference, Row};

/// Where tini's, or docker-init's, command line is what matters.
#[rustfmt::skip]
pub const TINI: &[Row] = &[
    ("$I", "exit 1\n! usage"),
    ("$I --", "exit 1\n! usage"),
    ("$I -s", "exit 1\n! usage"),
    ("$I -h", "exit 0\nusage\nsupervision of a valid init process\n-h\n-s\n"),
    ("$I -gh -z", "exit 0\nusage"),
    ("$I -hz", "exit 0\nusage"),
    ("$I --help", "exit 1\n! tini: invalid option -- '-'\n! usage"),
    ("$I --version x", "exit 1\n! tini: invalid option -- '-'\n! usage"),
    ("$I -s --version", "exit 1\n! tini: invalid option -- '-'"),
    ("$I -z", "exit 1\n! tini: invalid option -- 'z'\n! usage"),
    ("$I -svz true", "invalid option -- 'z'"),
    ("$I -s=1 true", "invalid option -- '='"),
    ("$I -e", "exit 1\n! tini: option requires an argument -- 'e'\n! usage"),
    ("$I -p", "exit 1\n! tini: option requires an argument -- 'p'\n! usage"),
    ("$I -sve", "option requires an argument -- 'e'"),
    ("$I -e -- -s false", "Not a valid option for -e: --"),
    ("$I -e -s false", "Not a valid option for -e: -s"),
    ("$I - x", "exec - failed"),
    ("$I -s -- --version", "exit 127\n! [FATAL tini (P1)] exec --version failed"),
    ("POSIXLY_CORRECT=1 $I -s ls -d /", "exit 0\n/\n"),
    ("$I -s -- tini --version", "exit 0\ntini version 0.19.0\n"),
    // The warning, and what silences it.
    ("$I true", "exit 0\n! [WARN] zombie reaping won't work\n"),
    ("$I -v false", "exit 1\n[INFO  tini (P1)] Spawned child process 'false' with pid 'P2'\n"),
    ("$I -- orphan", "another adopts\n! [WARN]"),
    ("$I -s orphan", "exit 0\ninit adopts\n"),
    ("TINI_SUBREAPER= $I orphan", "exit 0\ninit adopts\n"),
    ("TINI_SUBREAPER=0 $I orphan", "exit 0\ninit adopts\n"),
    ("unshare -pf $I true", "exit 0\n"),
    // Exit codes that are taken for success.
    ("$I -s -e 3 -- sh -c 'exit 3'", "exit 0\n"),
    ("$I -s -e 3 -- sh -c 'exit 4'", "exit 4\n"),
    ("$I -s -e 3 -e 4 -- sh -c 'exit 3'", "exit 0\n"),
    ("$I -s -e 3 -e 4 -- sh -c 'exit 4'", "exit 0\n"),
    ("$I -se3 -- sh -c 'exit 3'", "exit 0\n"),
    ("$I -s -e 143 -- sh -c 'kill $$'", "exit 0\n"),
    ("$I -s -e 15 -- sh -c 'kill $$'", "exit 143\n"),
    ("$I -s -e 255 -- sh -c 'exit 255'", "exit 0\n"),
    ("$I -s -e 0 true", "exit 0\n"),
    ("$I -s -e 127 nope", "exit 0\n! [FATAL tini"),
    ("$I -s -e 01 false", "exit 0\n"),
    ("$I -s -e 256 true", "exit 1\n! [FATAL tini (P1)] Not a valid option for -e: 256\n"),
    ("$I -s -e -1 true", "exit 1\n! [FATAL tini (P1)] Not a valid option for -e: -1\n"),
    ("$I -s -e 3x true", "exit 1\n! [FATAL tini (P1)] Not a valid option for -e: 3x\n"),
    ("$I -s -e 0x3 true", "exit 1\n"),
    ("$I -s -e 99999999999999999999 true", "exit 1\n"),
    // The signal at the parent's end.
    ("$I -s -p SIGKILL true", "exit 0\n"),
    ("$I -s -pSIGTERM true", "exit 0\n"),
    ("$I -p TERM true", "exit 1\n! [FATAL tini (P1)] Not a valid option for -p: TERM\n"),
    ("$I -p sigterm true", "exit 1\n! [FATAL tini (P1)] Not a valid option for -p: sigterm\n"),
    ("$I -p 15 true", "exit 1\n! [FATAL tini (P1)] Not a valid option for -p: 15\n"),
    ("$I -p SIGNOPE true", "exit 1\n! [FATAL tini (P1)] Not a valid option for -p: SIGNOPE\n"),
    ("$I -p '' true", "exit 1\n! [FATAL tini (P1)] Not a valid option for -p: \n"),
    ("sh -c '$I -sp SIGUSR1 heir USR1 200 & until [ -e up ]; do sleep 0.01; done' | cat", "inherited"),
    ("sh -c '$I -sp SIGTERM heir TERM 200 & until [ -e up ]; do sleep 0.01; done' | cat", "inherited"),
    ("sh -c '$I -s heir USR1 9 & until [ -e up ]; do sleep 0.01; done' | cat", "nothing"),
    // The group.
    ("$I -s family", "exit 0\nmain\n"),
    ("$I -s -g family", "exit 0\nmember\nmain\n"),
    ("TINI_KILL_PROCESS_GROUP=1 $I -s family", "exit 0\nmember\nmain\n"),
    ("TINI_KILL_PROCESS_GROUP= $I -s family", "exit 0\nmember\nmain\n"),
    // What is said.
    ("$I -svv -- true", "[DEBUG tini (P1)] Reaped child with pid: 'P2'\n[INFO  tini (P1)] Main child exited normally"),
    ("$I -s -v -v -- sh -c 'exit 7'", "Main child exited normally (with status '7')"),
    ("$I -sv -e 7 -- sh -c 'exit 7'", "exit 0\n"),
    ("$I -sv nope", "exit 127\n[INFO"),
    ("$I -sw -- leave 0", "exit 0\n! [WARN  tini (P1)] Reaped zombie process with pid=P2\n"),
    ("$I -swvv -- leave 7", "'P3'\n[DEBUG tini (P1)] Received SIGCHLD"),
    ("unshare -pf $I -w -- leave 7", "exit 0\n! [WARN  tini (P1)] Reaped zombie process with pid=P2\n"),
    ("$I -s -- leave 7", "exit 0\n"),
    ("TINI_VERBOSITY=0 $I -sw -- leave 7", "exit 0\n"),
    ("TINI_VERBOSITY=0 $I nope", "exit 127\n! [FATAL"),
    ("TINI_VERBOSITY=0 $I -vvv true", "exit 0\n"),
    ("TINI_VERBOSITY=1 $I -vvv true", "exit 0\n! [WARN]"),
    ("TINI_VERBOSITY=2 $I -svvv true", "exit 0\n[INFO"),
    ("TINI_VERBOSITY=3 $I -s true", "[DEBUG"),
    ("TINI_VERBOSITY= $I -vvv true", "exit 0\n"),
    ("TINI_VERBOSITY=x $I -vvv true", "exit 0\n"),
    // Signals that are blocked or ignored before.
    ("env --block-signal=USR1 $I -s -- grep SigBlk /proc/self/status", "0000000000000200"),
    ("env --ignore-signal=HUP $I -s -- grep SigIgn /proc/self/status", "1\n"),
    ("$I -s -- told 1 10 2 12 15 28 30 35", "got 15"),
];

#[rustfmt::skip]
pub const DUMB_INIT: &[Row] = &[
    ("$I", "exit 1\n! usage"),
    ("$I --", "exit 1\n! usage"),
    ("$I -v", "exit 1\n! usage"),
    ("$I -V", "exit 0\n! dumb-init v1.2.5\n"),
    ("$I --version", "exit 0\n! dumb-init v1.2.5\n"),
    ("$I -v --version --nope", "exit 0\n! dumb-init v1.2.5\n"),
    ("$I -cV x", "exit 0\n! dumb-init v1.2.5\n"),
    ("$I -h", "exit 0\n! usage\n! -c\n! --single-child\n! -r\n! --rewrite\n! -v\n"),
    ("$I --help --nope", "exit 0\n! usage"),
    ("$I -hV", "exit 0\n! usage"),
    ("$I -z", "exit 1\n! dumb-init: invalid option -- 'z'\n"),
    ("$I -cz true", "exit 1\n! dumb-init: invalid option -- 'z'\n"),
    ("$I --yolo true", "exit 1\n! dumb-init: unrecognized option '--yolo'\n"),
    ("$I --yolo=1 true", "exit 1\n! dumb-init: unrecognized option '--yolo=1'\n"),
    ("$I --verbose=1 true", "exit 1\n! dumb-init: option '--verbose' doesn't allow an argument\n"),
    ("$I --single-child= true", "option '--single-child' doesn't allow an argument\n"),
    ("$I -r", "exit 1\n! dumb-init: option requires an argument -- 'r'\n"),
    ("$I -cr", "option requires an argument -- 'r'\n"),
    ("$I --rewrite", "exit 1\n! dumb-init: option '--rewrite' requires an argument\n"),
    ("$I - x", "exit 2\n! [dumb-init] -: No such"),
    ("$I -- -V", "exit 2\n! [dumb-init] -V: No such"),
    ("$I echo -V --nope -- -c", "exit 0\n-V --nope -- -c\n"),
    // Rewriting.
    ("$I -r 99:1 true", "exit 1\n! Usage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n"),
    ("$I -r 0:1 true", "exit 1\n! Usage: -r"),
    ("$I -r 15:65 true", "exit 1\n! Usage: -r"),
    ("$I -r 15:NOPE true", "exit 1\n! Usage: -r"),
    ("$I -r 15:-1 true", "exit 1\n! Usage: -r"),
    ("$I -r -1:15 true", "exit 1\n! Usage: -r"),
    ("$I -r x true", "exit 1\n! Usage: -r"),
    ("$I -r 15 true", "exit 1\n! Usage: -r"),
    ("$I -r 15: true", "exit 1\n! Usage: -r"),
    ("$I -r :15 true", "exit 1\n! Usage: -r"),
    ("$I -r '' true", "exit 1\n! Usage: -r"),
    ("$I --rewrite=x true", "exit 1\n! Usage: -r"),
    ("$I -r true", "exit 1\n! Usage: -r"),
    ("$I -r 015:031 true", "exit 0\n"),
    ("$I -r 10:12 -- told 10", "exit 0\ngot 12\n"),
    ("$I -r10:12 --rewrite=12:10 --rewrite 1:2 -- told 10 12 1 3", "got 2"),
    ("$I -r 10:12 -r 10:15 -- told 10", "exit 0\ngot 15\n"),
    ("$I -r 15:0 -- told 15 10", "exit 0\ngot 10\n"),
    ("$I -c -r 15:0 -r 1:3 -- told 15 1", "exit 0\ngot 3\n"),
    ("$I -- told 1 10 2 12 15 28 30 35", "got 15"),
    // Whom a signal reaches.
    ("$I family", "exit 0\nmember\nmain\n"),
    ("$I -c family", "exit 0\nmain\n"),
    ("$I --single-child family", "exit 0\nmain\n"),
    ("DUMB_INIT_SETSID=0 $I family", "exit 0\nmain\n"),
    ("DUMB_INIT_SETSID=00 $I family", "exit 0\nmember\nmain\n"),
    ("DUMB_INIT_SETSID= $I family", "exit 0\nmember\nmain\n"),
    ("DUMB_INIT_SETSID=no $I family", "exit 0\nmember\nmain\n"),
    ("DUMB_INIT_SETSID=1 $I -c family", "exit 0\nmain\n"),
    ("$I orphan", "another adopts"),
    ("$I -- place <&-", "group own"),
    ("$I -c place", "group init's, session init's"),
    ("DUMB_INIT_SETSID=0 $I place", "group init's, session init's"),
    // Whom the program's end ends.
    ("$I -- sh -c 'sleep 5 > /dev/null 2>&1 & echo $! > left'; fate", "\nends\n"),
    ("$I -c -- sh -c 'sleep 5 > /dev/null 2>&1 & echo $! > left'; fate", "\nlives\n"),
    ("$I -- sh -c 'setsid sleep 5 > /dev/null 2>&1 & echo $! > left; sleep 0.1'; fate", "\nlives\n"),
    ("sh -c 'sleep 5 > /dev/null 2>&1 & echo $! > left; exec $I true'; fate", "\nlives\n"),
    // What is said. The child's one line comes when it likes.
    ("$I -v -- sh -c 'exit 3' 2>&1 | grep -v -e setsid -e Unable", "Goodbye"),
    ("$I -v true 2>&1 | grep setsid", "[dumb-init] setsid complete.\n"),
    ("$I -cv -- sh -c 'exit 3'", "exit 3\n! [dumb-init] Child spawned with PID P1.\n! [dumb-init] Received signal 17.\n"),
    ("$I -cv -- sh -c 'kill -9 $$'", "exit 137\n! [dumb-init] Child spawned with PID P1.\n"),
    ("unshare -pf $I --single-child --verbose -- leave 7", "! [dumb-init] A child with PID P2 exited with exit status 7.\n! [dumb-init] Received signal 17.\n"),
    ("$I -cv -r 10:12 -- told 10 15", "Translating signal 10 to 12.\n! [dumb-init] Forwarded signal 12 to children.\n"),
    ("$I -cv -r 15:0 -- told 15 2>&1 | grep -v 'Not forwarding'", "Received signal 15.\n[dumb-init] Translating signal 15 to 0.\n"),
    ("DUMB_INIT_DEBUG=1 $I -c true", "exit 0\n! [dumb-init] Running in debug mode.\n! [dumb-init] Child spawned"),
    ("DUMB_INIT_DEBUG=1 $I -cv true", "exit 0\n! [dumb-init] Running in debug mode.\n! [dumb-init] Child spawned"),
    ("DUMB_INIT_DEBUG=1 DUMB_INIT_SETSID=0 $I true 2>&1 | grep -v setsid", "Running in debug mode.\n[dumb-init] Child spawned"),
    ("DUMB_INIT_DEBUG=1 $I", "exit 1\n! usage"),
    ("DUMB_INIT_DEBUG=1 $I -V", "exit 0\n! dumb-init v1.2.5\n"),
    ("DUMB_INIT_DEBUG=11 $I true", "exit 0\n"),
    ("DUMB_INIT_DEBUG= $I true", "exit 0\n"),
    ("DUMB_INIT_DEBUG=yes $I true", "exit 0\n"),
    ("$I -cv nope 2>&1 | grep Unable; $I -cv nope 2>&1 | grep 'status'", "Child exited with status 2. Goodbye."),
];

#[rustfmt::skip]
pub const CATATONIT: &[Row] = &[
    ("$I", "exit 1\n! ERROR (catatonit:P1): missing program name\n! usage\n"),
    ("$I --", "exit 1\n! ERROR (catatonit:P1): missing program name\n! usage\n"),
    ("$I -g", "exit 1\n! ERROR (catatonit:P1): missing program name\n! usage\n"),
    ("$I -V", "exit 0\ntini version 0.1.7_catatonit\n"),
    ("$I --version", "exit 0\ntini version 0.1.7_catatonit\n"),
    ("$I --version x --nope", "exit 0\ntini version 0.1.7_catatonit\n"),
    ("$I -gVz", "exit 0\ntini version 0.1.7_catatonit\n"),
    ("$I -h", "exit 0\n! usage\n! -g\n! -h\n! -L\n! -P\n! -V\n! --version\n"),
    ("$I -gh", "exit 0\n! usage"),
    ("$I -hV", "exit 0\n! usage"),
    ("$I -z", "exit 1\n! catatonit: invalid option -- 'z'\n! usage\n"),
    ("$I -gz true", "exit 1\n! catatonit: invalid option -- 'z'\n! usage\n"),
    ("$I -g=1 true", "exit 1\n! catatonit: invalid option -- '='\n! usage\n"),
    ("$I --nope true", "exit 1\n! catatonit: unrecognized option '--nope'\n! usage\n"),
    ("$I --help", "exit 1\n! catatonit: unrecognized option '--help'\n! usage\n"),
    ("$I --version=1", "exit 1\n! catatonit: option '--version' doesn't allow an argument\n! usage\n"),
    ("$I - x", "exit 1\n! ERROR (catatonit:P1): failed to exec pid1: No such"),
    ("$I -- -V", "exit 1\n! ERROR (catatonit:P1): failed to exec pid1: No such"),
    ("POSIXLY_CORRECT=1 $I ls -d /", "exit 0\n/\n"),
    ("$I -- orphan", "exit 0\ninit adopts\n"),
    ("$I family", "exit 0\nmain\n"),
    ("$I -g family", "exit 0\nmember\nmain\n"),
    ("$I -- told 1 10 2 12 15 28 30 35", "got 15"),
    // Without a program.
    ("$I -P & until grep -q State:.S /proc/$!/status; do :; done; kill -TERM $!; wait $!", "exit 0\n"),
    ("$I -P & until grep -q State:.S /proc/$!/status; do :; done; kill -INT $!; wait $!", "exit 0\n"),
    ("$I -gP nope & until grep -q State:.S /proc/$!/status; do :; done; kill $!; wait $!", "exit 0\n"),
    ("$I -P & until grep -q State:.S /proc/$!/status; do :; done; kill -USR1 $!; kill -CONT $!; kill $!; wait $!", "exit 0\n"),
    // What is said.
    ("CATATONIT_DEBUG=1 $I -- sh -c 'exit 3' 2>&1 | grep -o 'pid1 ([0-9]*) spawned.*'", "pid1 (P1) spawned: sh\n"),
    ("CATATONIT_DEBUG= $I -- leave 7 2>&1 | grep -o 'child process .*' | head -n 1", "child process P1 exited with code 7\n"),
    ("CATATONIT_DEBUG= $I -- sh -c 'exit 3' > /dev/null 2>&1", "exit 3\n"),
    ("CATATONIT_LOG= $I", "exit 1\n! ERROR (catatonit:P1): CATATONIT_LOG is reserved for future use\n"),
    ("CATATONIT_LOG=x $I true", "exit 1\n! ERROR (catatonit:P1): CATATONIT_LOG is reserved for future use\n"),
    ("$I -- place <&-", "group own"),
    // Socket activation.
    ("LISTEN_PID=$$ LISTEN_FDS=2 exec $I -- env | grep -c LISTEN", "exit 0\n2\n"),
    ("env --ignore-signal=HUP $I -- grep SigIgn /proc/self/status", "1\n"),
];

/// For every name.
#[rustfmt::skip]
pub const PROGRAM: &[Row] = &[
    ("$I -- argv", "<0>\n"),
    ("$I -- argv a '' 'b  c' -- -x \"$(printf 'a\\nb')\"", "<6>\n<a>\n<>\n<b  c>\n<-->\n<-x>\n<a\nb>\n"),
    ("$I -- argv $(seq 3000) | tail -n 1", "<3000>\n"),
    ("$I -- sh -c 'echo $0'", "\nsh\n"),
    ("$I -- /bin/../bin/sh -c 'echo $0'", "\n/bin/../bin/sh\n"),
    ("env -i $I -- env", "exit 0\n"),
    ("env -i B=2 A= C='x  y' TINI_X=1 LISTEN_PID=1 LISTEN_FDS=3 $I -- env", "B=2\nA=\nC=x  y\nTINI_X=1\nLISTEN_PID=1\nLISTEN_FDS=3\n"),
    ("env -i LISTEN_PID= $I -- env; env -i LISTEN_PID=x $I -- env", "LISTEN_PID=\n"),
    ("A=$(seq 20000) $I -- sh -c 'echo \"$A\" | cksum'", "exit 0\n"),
    ("export LISTEN_PID=$$; exec $I -- sh -c 'case $LISTEN_PID in $$) echo rewritten;; $PPID) echo kept;; esac'", "exit 0\n"),
    ("cd /usr; $I -- pwd", "\n/usr\n"),
    ("umask 027; ulimit -n 77; $I -- sh -c 'umask; ulimit -n; cat /proc/self/oom_score_adj'", "0027\n77\n"),
    ("$I -- grep -E '^(Uid|Gid|Groups|Cap...|NoNewPrivs|Seccomp):' /proc/self/status", "CapEff"),
    ("exec 3< /dev/null 7> /dev/full; $I -- ls -l /proc/self/fd | grep -o '[0-9]* -> /dev.*'", "\n7 -> /dev/full"),
    ("exec 3< /dev/null 7> /dev/full; $I -- ls /proc/self/fd", "\n3\n4\n7\n"),
    ("echo hello | $I -- cat", "\nhello\n"),
    ("$I -- sh -c 'echo out; echo err >&2; exit 9'", "! err\n"),
    ("$I -- place", "group own, session "),
    ("unshare -pf $I -- sh -c 'echo pid $$ of $PPID'", "exit 0\npid P1 of 1\n"),
    ("unshare -pf $I -- nope; echo $?", "No such file"),
];

/// For every name: a program that cannot be executed, or is found in one way or another.
#[rustfmt::skip]
pub const EXEC: &[Row] = &[
    ("$I -- nope", "No such file or directory"),
    ("$I -- nope a b", "No such file or directory"),
    ("$I -- /nope/nope", "No such file or directory"),
    ("$I -- ''", "No such file or directory"),
    ("$I -- /etc", "Permission denied"),
    ("$I -- $F/plain", "Permission denied"),
    ("$I -- $F/plain/x", "Not a directory"),
    ("$I -- /bin/true/", "Not a directory"),
    ("$I -- $F/loop", "Too many levels of symbolic links"),
    ("$I -- $F/stale", "No such file or directory"),
    ("$I -- $F/wrong", "Permission denied"),
    ("$I -- $(seq 200 | tr -d '\\n') 2>&1 | grep -o '[A-Z][a-z]* [a-z ]*$'", "File name too long"),
    ("$I -- $(seq 200 | tr -d '\\n') 2> /dev/null", "exit "),
    ("$I -- /$(seq 90 | tr -d '\\n')", "No such file or directory"),
    ("cp /bin/true busy; exec 3>> busy; $I -- ./busy", "Text file busy"),
    ("$I -- $F/bare", "\nbare $F/bare\n"),
    ("$I -- $F/bare a 'b  c' ''", "bare $F/bare a b  c \n"),
    ("cd $F; $I -- ./bare x", "bare ./bare x\n"),
    ("$I -- $F/empty", "exit 0\n"),
    ("PATH=$F/one $I -- bare x", "bare $F/one/bare x\n"),
    // The search goes on after a file that may not be executed, and remembers it.
    ("PATH=$F/one:$F/two $I -- both", "two both\n"),
    ("PATH=$F/two:$F/one $I -- both", "two both\n"),
    ("PATH=$F/one:/nope $I -- forbidden", "Permission denied"),
    ("PATH=/nope:$F/one:/bin $I -- nope", "No such file or directory"),
    ("PATH=$F/one:/nope $I -- folder", "Permission denied"),
    ("PATH=$F/plain:$F/two $I -- both", "two both\n"),
    ("PATH=/nope:$F/two $I -- both", "two both\n"),
    ("PATH=$F/one:$F/two $I -- stale", "two stale\n"),
    ("PATH=$F/one $I -- stale", "No such file or directory"),
    ("PATH=$F/one:$F/two $I -- loop", "Too many levels of symbolic links"),
    ("PATH=$F $I -- two/both", "No such file or directory"),
    ("cd $F; PATH=/nope $I -- two/both", "two both\n"),
    // Without PATH, and with empty entries.
    ("unset PATH; $I -- true", "exit 0\n"),
    ("unset PATH; $I -- both", "No such file or directory"),
    ("cd $F/two; unset PATH; $I -- both", "No such file or directory"),
    ("cd $F/two; PATH= $I -- both", "two both\n"),
    ("cd $F/two; PATH=: $I -- both", "two both\n"),
    ("cd $F/two; PATH=:/nope $I -- both", "two both\n"),
    ("cd $F/two; PATH=/nope: $I -- both", "two both\n"),
    ("cd $F/two; PATH=/nope::/nope $I -- both", "two both\n"),
    ("cd $F; PATH=two $I -- both", "two both\n"),
    ("cd $F/two; PATH=/nope $I -- both", "No such file or directory"),
];

/// For the other names of tini and catatonit.
#[rustfmt::skip]
pub const ALIASES: &[Row] = &[
    ("$I", "exit 1\n! "),
    ("$I -h", "exit 0\n"),
    ("$I -z 2> /dev/null", "exit 1\n"),
    ("$I -gz true 2>&1 | grep -o 'invalid option.*'", "invalid option -- 'z'\n"),
    ("$I -- orphan", "adopts\n"),
    ("$I -g -- family", "exit 0\nmember\nmain\n"),
    ("$I -- sh -c 'exit 77'", "exit 77\n"),
    ("$I -- nope", "No such file or directory\n"),
];

#[rustfmt::skip]
pub const TINI_STATIC: &[Row] = &[
    ("$I --version", "exit 0\ntini version 0.19.0\n"),
    ("$I -z 2>&1 | grep -o 'invalid option.*'", "invalid option -- 'z'\n"),
    ("$I -s -e 3 -- sh -c 'exit 3'", "exit 0\n"),
];

/// For every name, with a file of its own only: these take a while.
#[rustfmt::skip]
pub const ENDS: &[Row] = &[
    ("for n in $(seq 0 255); do $I -- sh -c \"exit $n\" 2> x; [ $? = $n ] || echo $n; done; echo all", "exit 0\nall\n"),
    ("for n in $(seq 16) $(seq 24 31) $(seq 34 64); do $I -- sh -c \"kill -$n \\$\\$\" 2> x; echo $n $?; done", "\n15 143\n"),
];

/// For every name, as the first process on a terminal.
#[rustfmt::skip]
pub const TERMINAL: &[Row] = &[
    ("exec $I -- place", "\nin front\n"),
    ("$I -- place; true", "group own"),
];

/// For tini and dumb-init, which look at standard input alone.
#[rustfmt::skip]
pub const REDIRECTED: &[Row] = &[
    ("exec $I -- place < /dev/null", "group own"),
    ("$I -- place < /dev/null; true", "group own"),
];

/// For dumb-init without a session of its own.
#[rustfmt::skip]
pub const SINGLE_TERMINAL: &[Row] = &[
    ("exec $I -c -- place", "group init's, session init's\nin front\n"),
    ("DUMB_INIT_SETSID=0 $I -- place; true", "group init's, session init's\nin front\n"),
];

/// What catatonit says of the variable that it does not want.
const RESERVED: &str = "exit 1\n! ERROR (catatonit:P1): CATATONIT_LOG is reserved for future use\n";

/// The first line of what dumb-init says of a bad `-r`.
const BAD_REWRITE: &str =
    "exit 0\nUsage: -r option takes <signum>:<signum>, where <signum> is between 1 and 31.\n";

#[rustfmt::skip]
const fn differs(name: &'static str, line: &'static str, original: &'static str, rootlet: &'static str) -> Difference {
    Difference { name, line, original, rootlet }
}

#[rustfmt::skip]
pub const DIFFERENCES: &[Difference] = &[
    // Options end at the first operand.
    differs("tini", "$I -s sh -c 'exit 3' 2> /dev/null", "exit 1\n", "exit 3\n"),
    differs("tini", "$I -s echo -g", "exit 0\n\n", "exit 0\n-g\n"),
    differs("catatonit", "$I sh -c 'exit 3' 2> /dev/null", "exit 1\n", "exit 3\n"),
    differs("catatonit", "$I echo -g -- -V", "exit 0\n-V\n", "exit 0\n-g -- -V\n"),
    // Long options are not abbreviated.
    differs("dumb-init", "$I --verb true 2> /dev/null", "exit 0\n", "exit 1\n"),
    differs("dumb-init", "$I --single true", "exit 0\n", "exit 1\n! dumb-init: unrecognized option '--single'\n"),
    differs("dumb-init", "$I --rew=15:3 true", "exit 0\n", "exit 1\n! dumb-init: unrecognized option '--rew=15:3'\n"),
    differs("dumb-init", "$I --ver 2>&1 | cut -d' ' -f2", "exit 0\noption\n", "exit 0\nunrecognized\n"),
    differs("catatonit", "$I --vers", "exit 0\ntini version 0.1.7_catatonit\n", "exit 1\n! catatonit: unrecognized option '--vers'\n! usage\n"),
    // Licence and version are its own.
    differs("tini", "$I -l | grep -c Orozco; $I -l | grep -c rootlet", "exit 1\n1\n0\n", "exit 0\n0\n1\n"),
    differs("catatonit", "$I -L | grep -c SUSE; $I -L | grep -c rootlet", "exit 1\n1\n0\n", "exit 0\n0\n1\n"),
    differs("docker-init", "$I --version", "exit 0\ntini version 0.19.0\n", "exit 0\ntini version 0.19.0 - git.rootlet\n"),
    // Signals that tell of a fault are forwarded when somebody sends them.
    differs("tini", "{ $I -s -- told 6; } 2> x; echo $?", "exit 0\n134\n", "exit 0\ngot 6\n0\n"),
    differs("catatonit", "{ $I -- told 11; } 2> x; echo $?", "exit 0\n139\n", "exit 0\ngot 11\n0\n"),
    // The program has the mask and the ignored signals that the init was given.
    differs("dumb-init", "env --block-signal=USR1 $I -- grep SigBlk /proc/self/status", "exit 0\nSigBlk:\t0000000000000000\n", "exit 0\nSigBlk:\t0000000000000200\n"),
    differs("dumb-init", "env --ignore-signal=HUP $I -- grep -c 'SigIgn.*[13579bdf]$' /proc/self/status", "exit 1\n0\n", "exit 0\n1\n"),
    differs("catatonit", "$I -- grep SigBlk /proc/self/status", "exit 0\nSigBlk:\t0000000000380000\n", "exit 0\nSigBlk:\t0000000000000000\n"),
    // The init holds neither a folder nor a descriptor.
    differs("tini", "cd /usr; $I -s -- sh -c 'readlink /proc/$PPID/cwd'", "exit 0\n/usr\n", "exit 0\n/\n"),
    differs("catatonit", "cd /usr; $I -- sh -c 'readlink /proc/$PPID/cwd'", "exit 0\n/usr\n", "exit 0\n/\n"),
    differs("tini", "$I -s -- sh -c 'ls /proc/$PPID/fd | grep -qv ^[012]$ && echo some || echo none' 5< /dev/null", "exit 0\nsome\n", "exit 0\nnone\n"),
    differs("dumb-init", "$I -- sh -c 'ls /proc/$PPID/fd | grep -qv ^[012]$ && echo some || echo none' 5< /dev/null", "exit 0\nsome\n", "exit 0\nnone\n"),
    differs("catatonit", "$I -- sh -c 'ls /proc/$PPID/fd | grep -qv ^[012]$ && echo some || echo none' 5< /dev/null", "exit 0\nsome\n", "exit 0\nnone\n"),
    // Without a standard input there is no terminal to hand over, which is no fault.
    differs("tini", "$I -s -- echo hi 2>&1 <&- | cut -c-6", "exit 0\n[FATAL\n", "exit 0\nhi\n"),
    // A number is nothing but digits.
    differs("dumb-init", "$I -r 15:3x true 2>&1 | head -n 1", "exit 0\n", BAD_REWRITE),
    differs("dumb-init", "$I -r ' 15:3' true 2>&1 | head -n 1", "exit 0\n", BAD_REWRITE),
    differs("dumb-init", "$I -r 15:+3 true 2>&1 | head -n 1", "exit 0\n", BAD_REWRITE),
    differs("tini", "$I -s -e ' 1' false", "exit 0\n", "exit 1\n! [FATAL tini (P1)] Not a valid option for -e:  1\n"),
    differs("tini", "$I -s -e +1 false", "exit 0\n", "exit 1\n! [FATAL tini (P1)] Not a valid option for -e: +1\n"),
    differs("tini", "$I -s -e '' true", "exit 0\n", "exit 1\n! [FATAL tini (P1)] Not a valid option for -e: \n"),
    differs("tini", "TINI_VERBOSITY=2x $I -s true | cut -c-5", "exit 0\n[INFO\n[INFO\n", "exit 0\n"),
    differs("tini", "TINI_VERBOSITY=' 2' $I -s true | cut -c-5", "exit 0\n[INFO\n[INFO\n", "exit 0\n"),
    // Every signal, by its number or name, and every exit code for another.
    differs("dumb-init", "$I -r 10:35 -- told 10 2>&1 | head -n 1", BAD_REWRITE, "exit 0\ngot 35\n"),
    differs("dumb-init", "$I -r 35:10 -- told 35 2>&1 | head -n 1", BAD_REWRITE, "exit 0\ngot 10\n"),
    differs("dumb-init", "$I -r TERM:SIGUSR2 -- told 15 2>&1 | head -n 1", BAD_REWRITE, "exit 0\ngot 12\n"),
    differs("tini", "$I -s -e 3:4 -- sh -c 'exit 3'", "exit 1\n! [FATAL tini (P1)] Not a valid option for -e: 3:4\n", "exit 4\n"),
    // No traces, every signal's name.
    differs("tini", "$I -svvv -- true | grep -q TRACE && echo traces", "exit 0\ntraces\n", "exit 1\n"),
    differs("tini", "$I -s -p SIGPWR true", "exit 1\n! [FATAL tini (P1)] Not a valid option for -p: SIGPWR\n", "exit 0\n"),
    differs("tini", "$I -s -p SIGIO true", "exit 1\n! [FATAL tini (P1)] Not a valid option for -p: SIGIO\n", "exit 0\n"),
    differs("tini", "$I -sv -- sh -c 'kill $$' | tail -n 1", "exit 0\n[INFO  tini (P1)] Main child exited with signal (with signal 'Terminated')\n", "exit 0\n[INFO  tini (P1)] Main child exited with signal (with signal 'SIGTERM')\n"),
    // One line on a signal that is dropped, not two.
    differs("dumb-init", "$I -cv -r 15:0 -- told 15 2>&1 | grep -o 'Not forwarding' | uniq", "exit 0\nNot forwarding\n", "exit 0\n"),
    // No word on a terminal that is not there.
    differs("dumb-init", "$I -v true 2>&1 | grep -c Unable", "exit 0\n2\n", "exit 1\n0\n"),
    // What is told of other children is told of the program too.
    differs("catatonit", "CATATONIT_DEBUG= $I -- sh -c 'exit 3' 2>&1 | grep -o 'exited with.*'", "exit 1\n", "exit 0\nexited with code 3\n"),
    // Options come first.
    differs("catatonit", "CATATONIT_LOG= $I -V", RESERVED, "exit 0\ntini version 0.1.7_catatonit\n"),
    differs("catatonit", "CATATONIT_LOG=x $I -z", RESERVED, "exit 1\n! catatonit: invalid option -- 'z'\n! usage\n"),
    // Complaints name the program that is meant.
    differs("docker-init", "$I -z 2>&1 | head -n 1", "exit 0\ndocker-init: invalid option -- 'z'\n", "exit 0\ntini: invalid option -- 'z'\n"),
    differs("podman-init", "$I -z 2>&1 | head -n 1", "exit 0\npodman-init: invalid option -- 'z'\n", "exit 0\ncatatonit: invalid option -- 'z'\n"),
    // A directory of PATH that is a file is no reason to look no further.
    differs("tini", "PATH=$F/plain $I -s -- both", "exit 1\n! [FATAL tini (P1)] exec both failed: Not a directory\n", "exit 127\n! [FATAL tini (P1)] exec both failed: No such file or directory\n"),
    differs("dumb-init", "PATH=$F/plain $I -- both", "exit 2\n! [dumb-init] both: Not a directory\n", "exit 2\n! [dumb-init] both: No such file or directory\n"),
    differs("catatonit", "PATH=$F/plain $I -- both", "exit 1\n! ERROR (catatonit:P1): failed to exec pid1: Not a directory\n", "exit 1\n! ERROR (catatonit:P1): failed to exec pid1: No such file or directory\n"),
    // An empty entry of PATH is the working directory by its name.
    differs("tini", "cd $F/one; PATH= $I -s -- bare", "exit 0\nbare bare\n", "exit 0\nbare ./bare\n"),
    differs("dumb-init", "cd $F/one; PATH= $I -- bare", "exit 0\nbare bare\n", "exit 0\nbare ./bare\n"),
    differs("catatonit", "cd $F/one; PATH= $I -- bare", "exit 0\nbare bare\n", "exit 0\nbare ./bare\n"),
];

/// The same, as the first process on a terminal.
#[rustfmt::skip]
pub const TERMINAL_DIFFERENCES: &[Difference] = &[
    // The terminal is what standard input is.
    differs("catatonit", "exec $I -- place < /dev/null", "exit 0\ngroup own, session init's\nin front\n", "exit 0\ngroup own, session init's\nbehind\n"),
    differs("catatonit", "$I -- place < /dev/null; true", "exit 0\ngroup own, session init's\nin front\n", "exit 0\ngroup own, session init's\nbehind\n"),
    // Who is in the background takes the terminal from nobody.
    differs("tini", "set -m; $I -s -- place & wait $!", "exit 0\ngroup own, session init's\nin front\n", "exit 0\ngroup own, session init's\nbehind\n"),
    differs("catatonit", "set -m; $I -- place & wait $!", "exit 0\ngroup own, session init's\nin front\n", "exit 0\ngroup own, session init's\nbehind\n"),
];

/// By which name rootlet goes; `$I` is a file that is called rootlet.
#[rustfmt::skip]
pub const NAMES: &[Row] = &[
    ("$I", "exit 125\n! rootlet: "),
    ("$I tini2 true", "exit 125\n! rootlet: tini2 "),
    ("$I Tini --version", "exit 125\n! rootlet: Tini "),
    ("$I /usr/bin/tini --version", "exit 125\n! rootlet: "),
    ("$I -- tini --version", "exit 125\n! rootlet: "),
    ("$I '' true", "exit 125\n! rootlet: "),
    ("ln -s $I tini.old; ./tini.old --version", "exit 0\nrootlet "),
    ("ln -s $I tini.old; ./tini.old tini --version", "exit 0\ntini version 0.19.0\n"),
    ("ln -s $I tini.old; ./tini.old true", "exit 125\n! rootlet: true "),
    ("bash -c 'exec -a tini $I --version'", "exit 0\ntini version 0.19.0\n"),
    ("bash -c 'exec -a /nope/dumb-init $I -V'", "exit 0\n! dumb-init v1.2.5\n"),
    ("bash -c 'exec -a dumb-ini $I -V'", "exit 0\nrootlet "),
    ("bash -c 'exec -a /tini/ $I --version'", "exit 0\nrootlet "),
    ("bash -c 'exec -a \"\" $I --version'", "exit 0\nrootlet "),
    ("$I podman-init -V", "exit 0\ntini version 0.1.7_catatonit\n"),
    ("$I docker-init --version", "exit 0\ntini version 0.19.0 - git.rootlet\n"),
    ("$I tini-static --version", "exit 0\ntini version 0.19.0\n"),
    ("PATH=/nope $I dumb-init catatonit -V", "exit 2\n! [dumb-init] catatonit: No such file or directory\n"),
    ("ln -s $I tini; PATH=/nope ./tini -s dumb-init -V", "exit 127\n! [FATAL tini (P1)] exec dumb-init failed: No such"),
    ("$I init -- sh -c 'exit 7'", "exit 7\n"),
];
