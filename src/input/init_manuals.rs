//! Help of the container PID 1 under each of its names: tables of its options.

use super::arguments::Manual;
use super::supervision::Style;
use crate::text::packed::packed;

/// What `rootlet init --help` prints, and the table of its options.
const ROOTLET: Manual = Manual(packed!(
    "\
rootlet init [options] [--] CMD [ARG...]
Runs CMD, adopts and reaps orphans, forwards every signal. Exit status: CMD's,
128+N for signal N, 125: own failure, 126: cannot execute CMD, 127: not found.

  -g, --group               signals reach CMD's process group
      --session             CMD leads a session; signals reach all of it
  -a, --all                 signals reach every process
  -r, --rewrite SIG:SIG     forward another signal; 0: none
      --drop SIG            do not forward it
      --delay SIG=TIME      forward it later
      --kill-after TIME     KILL after TERM
      --grace TIME          when CMD has ended: TERM for the rest, KILL later (5s)
      --wait-all            wait for the rest instead
      --exit-map N:M        end with M where CMD ends with N
      --stop-ok             end with 0 when a forwarded signal ended CMD
      --oom-score-adj N     of rootlet, -1000 to 1000
      --pause               no CMD: reap until TERM or INT
  -h, --help                print this help

SIG: TERM, 15, RTMIN+3. TIME: 10, 10s, 500ms, 2m."
));

/// What `tini -h` prints, and the table of its options.
const TINI: Manual = Manual(packed!(
    "\
tini (tini version 0.19.0)
Usage: tini [OPTIONS] PROGRAM -- [ARGS] | --version

Runs PROGRAM under the supervision of a valid init process.

  -h  Print this help.
  -s  Adopt orphans.
  -p SIGNAL  Get SIGNAL when the parent dies.
  -v  Be more verbose.
  -w  Warn when an orphan is reaped.
  -g  Send signals to the program's process group.
  -e EXIT_CODE  End with 0 where PROGRAM ends with EXIT_CODE.
  -l  Print the licence.

TINI_SUBREAPER: -s; TINI_KILL_PROCESS_GROUP: -g; TINI_VERBOSITY: 0 to 3 (default 1)."
));

/// What `dumb-init -h` prints, and the table of its options.
const DUMB_INIT: Manual = Manual(packed!(
    "\
dumb-init v1.2.5
Usage: dumb-init [option] command [[arg] ...]

  -c, --single-child  Send signals to command alone.
  -r, --rewrite s:r   Send r in place of s; 0: nothing. Numbers, 1 to 31.
  -v, --verbose       Print what happens.
  -h, --help          Print this help.
  -V, --version       Print the version."
));

/// What `catatonit -h` prints, and the table of its options.
const CATATONIT: Manual = Manual(packed!(
    "\
usage: catatonit [-ghLPV] [--] <progname> [<arguments>...]

  -g  Send signals to the process group.
  -h  Print this help.
  -L  Print the licence.
  -P  Run no program, end on SIGTERM or SIGINT.
  -V, --version  Print the version."
));

/// The manual of a style.
#[must_use]
pub const fn manual(style: Style) -> Manual {
    match style {
        Style::Rootlet => ROOTLET,
        Style::Tini => TINI,
        Style::DumbInit => DUMB_INIT,
        Style::Catatonit => CATATONIT,
    }
}
