//! `--explain`: the plan, one line a step, and nothing done.

use super::Planned;
use crate::input::mount_options::Propagation;
use crate::plan::describe::Column;
use crate::plan::step::{Stage, Step};
use crate::report;
use crate::text::line::Line;
use crate::text::packed::packed;

/// Columns where the system calls and the shell command begin.
const CALLS_COLUMN: usize = 64;
const SHELL_COLUMN: usize = 116;

/// Prints every step: who does what, the system calls, the nearest shell command.
#[inline(never)]
pub fn explain(planned: &Planned) -> i32 {
    let mut line = Line::new();
    for (number, step) in (1..).zip(planned.steps) {
        line.text(stage_name(step.stage())).pad_to(11).number(number).pad_to(15);
        step.describe(Column::Words, &mut line);
        line.pad_to(CALLS_COLUMN).text("| ");
        step.describe(Column::Calls, &mut line);
        line.pad_to(SHELL_COLUMN).text("| ");
        step.describe(Column::Shell, &mut line);
        report::print(&mut line);
    }
    let follows = planned.options.propagation == Propagation::Slave;
    if follows && planned.facts.root_is_shared == Some(false) {
        line.packed(packed!("note: the host's mount below "))
            .operand(planned.options.rootfs.to_bytes());
        line.packed(packed!(" is not shared, so there is nothing to follow"));
        report::print(&mut line);
    }
    0
}

const fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Supervisor => "supervisor",
        Stage::Init => "init",
        Stage::Program => "program",
    }
}

/// Prints one performed step and the time it took, on standard error.
pub fn trace(step: &Step<'_>, microseconds: u64) {
    let mut line = Line::new();
    line.number(microseconds).pad_to(6).text("us  ").text(stage_name(step.stage())).pad_to(22);
    step.describe(Column::Words, &mut line);
    report::say(line);
}
