//! The bounds of the shell. `sh -o limits` prints them.

/// Bytes of the region that a shell is given: all that a script holds at one time.
pub const MEMORY_BYTES: usize = 64 << 20;

/// What a shell needs before it has read anything.
pub const LEAST_BYTES: usize = 8 << 10;

/// How deep commands may stand in each other when they are read: `{ { if …`, `$(…)` and so on.
pub const NESTING: u16 = 200;

/// How deep commands may call each other: functions, `eval`, sourced files, and the commands within.
pub const DEPTH: u16 = 6000;

/// Commands in the background, and stopped ones, whose end has not been told yet.
pub const JOBS: usize = 64;

/// Bytes of a script that are read at once.
pub const READ_BYTES: usize = 1024;

/// Bytes of a path: `PATH_MAX`, linux/limits.h.
pub const PATH_BYTES: usize = 4096;

/// Bytes of a line that is edited, with its newline: as many as the terminal's own lines have, `N_TTY_BUF_SIZE`.
pub const LINE_BYTES: usize = 4096;

/// Bytes of all lines that were typed before; the oldest go.
pub const HISTORY_BYTES: usize = 12 << 10;

/// Names that a second Tab lists.
pub const LISTED: usize = 500;
