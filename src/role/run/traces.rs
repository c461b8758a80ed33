//! What a container leaves on the host, from its first trace to its last.

use core::ops::Range;

use rustix::fs::CWD;

use super::Planned;
use crate::input::record::{Entry, Undo};
use crate::input::root_options::RootKind;
use crate::input::security_options::FilterChoice;
use crate::plan::step::Step;
use crate::report;
use crate::run::pasta;
use crate::run::record::Record;
use crate::run::undo::{self, Left};
use crate::sys::process::Pid;
use crate::text::call::CallError;
use crate::text::errno::Errno;

/// What is known of a container that must be undone.
pub struct Traces {
    record: Option<Record>,
    pid: Option<Pid>,
    started: bool,
    /// pasta(1), which connects the network.
    pub helper: Option<Pid>,
    /// Steps that have left nothing: behind one that failed before there was a process, it as well; or one whose file
    /// was there already, and is another's.
    void: Range<usize>,
}

impl Traces {
    /// Nothing has been done yet.
    pub const NONE: Self =
        Self { record: None, pid: None, started: false, helper: None, void: 0..0 };

    /// Makes the record, with what the plan will leave: last things first, as they will be undone.
    ///
    /// # Errors
    /// The call that failed. Where nothing but our own end needs the record, a place that cannot be written is none.
    #[inline(never)]
    pub fn keep_record(&mut self, planned: &Planned, required: bool) -> Result<(), CallError> {
        let facts = planned.facts;
        let made = match Record::make(facts.records, facts.name, facts.caller.uid) {
            Err(CallError { errno: Errno::ROFS | Errno::ACCES | Errno::NOENT, .. })
                if !required =>
            {
                return Ok(());
            }
            made => made?,
        };
        let record = self.record.insert(made);
        record.add(&Entry::Root(planned.options.rootfs))?;
        let mut undos = planned.steps.iter().rev().filter_map(Step::undo).peekable();
        let filter = planned.options.security.filter;
        let has_file = matches!(filter, FilterChoice::File(_));
        if undos.peek().is_some() || has_file {
            record.add_directory()?;
        }
        if let FilterChoice::File(path) = filter {
            // Who enters later gets the same.
            record.add(&Entry::Filter(path))?;
        }
        undos.try_for_each(|undo| record.add(&Entry::Undo(undo)))
    }

    /// There is a process.
    ///
    /// # Errors
    /// write: the record cannot be added to.
    pub fn begin(&mut self, pid: Pid) -> Result<(), CallError> {
        self.pid = Some(pid);
        self.add(&Entry::Pid(pid.0.unsigned_abs()))
    }

    /// A step of the supervisor has failed.
    pub fn failed(&mut self, step: usize, error: CallError) {
        self.void = match (self.pid, error.errno) {
            (None, _) => step..usize::MAX,
            (_, Errno::EXIST) => step..step + 1,
            _ => 0..0,
        };
    }

    /// CMD has been executed.
    pub fn started(&mut self) {
        self.started = true;
        // Nothing that is undone later depends on it but empty mount points.
        let _ = self.add(&Entry::Started);
    }

    fn add(&self, entry: &Entry<'_>) -> Result<(), CallError> {
        self.record.as_ref().map_or(Ok(()), |record| record.add(entry))
    }

    /// The container has ended.
    pub fn remove(self, planned: &Planned) {
        if let Some(helper) = self.helper {
            pasta::end(helper);
        }
        let left = Left {
            directory: CWD,
            root: planned.options.rootfs,
            name: planned.facts.name,
            pid: self.pid.map(|pid| pid.0.unsigned_abs()),
            started: self.started,
        };
        for (index, step) in planned.steps.iter().enumerate().rev() {
            if self.void.contains(&index) {
                continue;
            }
            let Some(undo) = step.undo() else { continue };
            if let (Err(error), Undo::Cgroup(path) | Undo::Leaf(path)) = (left.undo(undo), undo) {
                let _ = report::failed_call(error, path.to_bytes());
            }
        }
        if !self.started && planned.facts.root == RootKind::Into {
            undo::empty(planned.options.rootfs);
        }
        if let Some(record) = self.record {
            record.remove();
        }
    }
}
