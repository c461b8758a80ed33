//! What a step makes on the host, and so must be undone.

use super::step::{Kind, Step};
use crate::input::record::Undo;

impl<'a> Step<'a> {
    /// What undoes it on the host. All else ends with the container's processes.
    #[must_use]
    pub fn undo(&self) -> Option<Undo<'a>> {
        match self {
            Self::WritePidFile(path) => Some(Undo::PidFile(path)),
            Self::Persist(persist) => Some(Undo::Pin(persist.file)),
            Self::MakePath(missing) if missing.in_root => {
                let point = match missing.kind {
                    Kind::Directory => Undo::PointOfDirectory,
                    Kind::File => Undo::PointOfFile,
                };
                Some(point(missing.target, missing.existing))
            }
            Self::Veth { pair, .. } => Some(Undo::Link(pair.link)),
            Self::MakeCgroup(cgroup) => Some(Undo::Cgroup(cgroup.path)),
            Self::StepAside(leaf) => Some(Undo::Leaf(leaf)),
            _ => None,
        }
    }
}
