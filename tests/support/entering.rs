//! Containers to enter, and what enters them.

use super::{Case, Rootlet, Running, find_child};

/// A container that waits, with this name.
pub fn waiting(run: Rootlet, name: &str) -> Running {
    let run = run.opts(["--name", name]).sh("echo up; read line; true").open_stdin().spawn();
    run.expect("up");
    run
}

/// `rootlet exec`, options, target and command to be added.
pub fn exec(t: &Case) -> Rootlet {
    t.rootlet().opt("exec")
}

/// The pid of CMD of a container.
pub fn command_of(container: &Running) -> u32 {
    find_child(find_child(container.pid()))
}
