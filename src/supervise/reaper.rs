//! Taking the ends of children, also where thousands of others live.

use crate::run::descendants::for_each_child;
use crate::sys::clock::monotonic_ns;
use crate::sys::process::{ANY, Look, look_at};
use crate::sys::signal::FOR_EVER;

/// A wait for any child walks past each that lives: one that takes longer than this is worth avoiding.
const COSTLY_NS: u64 = 10_000;
/// One look in so many is timed, as long as they are cheap.
const TIMED: u32 = 16;
/// Where looks are costly: a SIGCHLD names one child, which is taken by its name; but SIGCHLDs merge, so others may
/// have ended with it. Those are looked for when it has been quiet for so long.
const QUIET_MS: u32 = 10;
/// How many named children may be taken between two looks for others: where it never gets quiet, the program's own
/// end may be among the merged.
const NAMED_IN_A_ROW: u32 = 64;

/// What a reaper knows of the children.
#[derive(Clone, Copy)]
pub struct Reaper {
    /// Looks at all children take long.
    is_costly: bool,
    /// Looks at all since the last that was timed or, where they are costly, children taken by name since the last.
    count: u32,
    /// How long it must be quiet until a look at all; `FOR_EVER` when nothing can have been missed.
    pub quiet_ms: u32,
}

impl Reaper {
    /// Nothing has been seen.
    pub const NEW: Self = Self { is_costly: false, count: 0, quiet_ms: FOR_EVER };
}

/// Who is told what became of children.
pub trait Parent {
    /// Its reaper.
    fn reaper(&mut self) -> &mut Reaper;

    /// Whether it waits no longer than `quiet_ms`.
    fn heeds_limit(&self) -> bool {
        true
    }

    /// Whether it wants to know no more.
    fn is_over(&self) -> bool;

    /// A child ended or was stopped.
    fn changed(&mut self, look: Look);

    /// No child is left.
    fn no_child(&mut self);

    /// Whether there may be more than a SIGCHLD names, and named ones are worth taking first.
    fn goes_by_name(&mut self) -> bool {
        self.reaper().is_costly && self.heeds_limit()
    }

    /// A SIGCHLD has come, which names a child.
    fn reap(&mut self, pid: i32) {
        if !self.goes_by_name() {
            return self.look_at_all();
        }
        self.reaper().quiet_ms = QUIET_MS;
        let look = look_at(pid);
        if look.pid > 0 {
            self.changed(look);
        }
    }

    /// It has been quiet for as long as was waited.
    fn on_quiet(&mut self) {
        if self.reaper().quiet_ms != FOR_EVER {
            self.look_at_each();
        }
    }

    /// Where children may have been missed and it does not get quiet: looks for them after so many signals.
    fn look_now_and_then(&mut self) {
        let reaper = self.reaper();
        if reaper.quiet_ms == FOR_EVER {
            return;
        }
        reaper.count += 1;
        if reaper.count < NAMED_IN_A_ROW {
            return;
        }
        reaper.count = 0;
        self.look_at_each();
    }

    /// Takes the changes of all children, each by its name, then one of those that came meanwhile.
    fn look_at_each(&mut self) {
        for_each_child(&mut |pid| {
            if pid > 0 && !self.is_over() {
                let look = look_at(pid);
                if look.pid > 0 {
                    self.changed(look);
                }
            }
        });
        if !self.is_over() {
            self.look_for_one();
        }
    }

    /// Takes every change that is there.
    fn look_at_all(&mut self) {
        loop {
            self.look_for_one();
            if self.reaper().quiet_ms != 0 || self.goes_by_name() || self.is_over() {
                return;
            }
        }
    }

    /// Takes one change of any child. If there was one, there may be more: `quiet_ms` is 0 then.
    fn look_for_one(&mut self) {
        let reaper = self.reaper();
        let is_timed = reaper.is_costly || reaper.count % TIMED == TIMED - 1;
        let before_ns = if is_timed { monotonic_ns() } else { 0 };
        let look = look_at(ANY);
        if is_timed {
            reaper.is_costly = monotonic_ns().saturating_sub(before_ns) > COSTLY_NS;
        }
        reaper.quiet_ms = if look.pid > 0 { 0 } else { FOR_EVER };
        reaper.count = reaper.count.wrapping_add(1);
        match look.pid {
            0 => {}
            1.. => self.changed(look),
            _ => self.no_child(),
        }
    }
}
