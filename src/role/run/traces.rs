//! What a container leaves on the host, from its first trace to its last.

use core::ops::Range;

use rustix::fs::CWD;

use super::Planned;
use crate::input::record::{Entry, Undo};
use crate::input::root_options::RootKind;
use crate::input::security_options::FilterChoice;
use crate::plan::step::Step;
use crate::report;
use crate::run::background::Background;
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
    /// The record says what must be undone.
    has_undos: bool,
    /// Who is to hear that it has begun, where we run in the background.
    pub background: Option<Background>,
    /// He has heard it, and is gone.
    is_alone: bool,
    /// pasta(1), which connects the network.
    pub helper: Option<Pid>,
    /// Steps that have left nothing: behind one that failed before there was a process, it as well; or one whose file
    /// was there already, and is another's.
    void: Range<usize>,
}

impl Traces {
    /// Nothing has been done yet.
    pub const NONE: Self = Self {
        record: None,
        pid: None,
        started: false,
        has_undos: false,
        background: None,
        is_alone: false,
        helper: None,
        void: 0..0,
    };

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
        let log = planned.options.log;
        let filter = planned.options.security.filter;
        let has_file = matches!(filter, FilterChoice::File(_));
        self.has_undos = planned.steps.iter().any(|step| step.undo().is_some());
        if self.has_undos {
            record.add(&Entry::Root(planned.options.rootfs))?;
        }
        if self.has_undos || has_file || log.is_some() {
            record.add_directory()?;
        }
        if let Some(log) = log {
            record.add(&Entry::Log(log))?;
        }
        if let FilterChoice::File(path) = filter {
            // Who enters later gets the same.
            record.add(&Entry::Filter(path))?;
        }
        if !planned.options.init {
            record.add(&Entry::NoInit)?;
        }
        for undo in planned.steps.iter().rev().filter_map(Step::undo) {
            record.add(&Entry::Undo(undo))?;
        }
        Ok(())
    }

    /// The process that waits for the start of a container in the background.
    pub fn caller(&self) -> Option<Pid> {
        self.background.as_ref().and_then(Background::caller)
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

    /// CMD has been executed. A caller who waits for that is told.
    ///
    /// # Errors
    /// write: EPIPE, he does not wait any more.
    pub fn started(&mut self) -> Result<(), CallError> {
        self.started = true;
        if self.has_undos {
            // Nothing that is undone later depends on it but empty mount points.
            let _ = self.add(&Entry::Started);
        }
        if let Some(background) = self.background.take() {
            background.leave_caller()?;
            self.is_alone = true;
        }
        Ok(())
    }

    fn add(&self, entry: &Entry<'_>) -> Result<(), CallError> {
        self.record.as_ref().map_or(Ok(()), |record| record.add(entry))
    }

    /// The container has ended with this status.
    #[inline(never)]
    pub fn remove(self, planned: &Planned, status: i32) {
        if let Some(helper) = self.helper {
            pasta::end(helper);
        }
        if let Some(background) = &self.background {
            background.forget_log(planned.options.log);
        }
        let status = Entry::Status(status.unsigned_abs());
        let is_undone = if let (true, Some(record)) = (self.is_alone, &self.record) {
            // Relative paths of the plan lead nowhere by now.
            let is_undone = record.undo(&mut tell);
            if !planned.options.remove && record.add(&status).is_ok() {
                return;
            }
            is_undone
        } else {
            self.undo(planned)
        };
        if let Some(record) = self.record {
            // The next command tries once more. What a record says of another's file must not be undone then.
            if !is_undone && self.void.is_empty() {
                return;
            }
            let is_gone = record.remove();
            // One that cannot be removed is the next command's to clean up after, which leaves a status alone.
            // For those alone who have the file open: what is left of a runner that is killed now is nothing to keep.
            // Nobody waits for a name that he has not given.
            if is_gone && self.started && planned.options.name.is_some() {
                let _ = record.add(&status);
            }
            record.leave_open();
        }
    }

    /// Undoes what the plan's steps have left; whether nothing stays.
    #[inline(never)]
    fn undo(&self, planned: &Planned) -> bool {
        let mut is_all = true;
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
            if let Err(error) = left.undo(undo) {
                is_all = false;
                tell(Some(undo), error);
            }
        }
        if !self.started && planned.facts.root == RootKind::Into {
            undo::empty(planned.options.rootfs);
        }
        is_all
    }
}

/// Says what stays. Of other kinds that is not known.
fn tell(undo: Option<Undo<'_>>, error: CallError) {
    let operand = match undo {
        None => b"record".as_slice(),
        Some(Undo::Cgroup(path) | Undo::Leaf(path) | Undo::PidFile(path)) => path.to_bytes(),
        Some(_) => return,
    };
    let _ = report::failed_call(error, operand);
}
