//! The steps of a root that is not just a directory of the host.

use super::missing::MISSING_POINTS;
use super::{Builder, Program};
use crate::facts::run_facts::RunFacts;
use crate::input::root_options::{Layer, RootKind};
use crate::input::run_options::RunOptions;
use crate::plan::step::{Kind, Slot, Step, Unpacking};
use crate::plan::user_namespace::Users;

impl<'a> Builder<'_, 'a> {
    /// Opens the layers with the caller's rights, before a user namespace takes them.
    pub(super) fn open_layers(&mut self, options: &RunOptions<'a>, facts: &RunFacts<'a>) {
        if facts.root == RootKind::Directory {
            return;
        }
        let root = &options.root;
        for (index, (path, layer)) in (0..).zip(root.layers.iter().zip(&facts.layers)) {
            let slot = Slot(Slot::FIRST_LAYER + index);
            let kind = if *layer == Layer::Directory { Kind::Directory } else { Kind::File };
            self.add_if(*layer != Layer::Input, Step::OpenLayer { slot, path, kind });
        }
        for (slot, path) in [(Slot::UPPER, root.upper), (Slot::WORK, root.work)] {
            if let Some(path) = path {
                self.add(Step::OpenLayer { slot, path, kind: Kind::Directory });
            }
        }
    }

    /// Makes the root of the layers.
    pub(super) fn make_root(
        &mut self,
        options: &'a RunOptions<'a>,
        facts: &RunFacts<'a>,
        program: &Program<'a>,
    ) {
        let root = &options.root;
        let archives = facts.layers.iter().take_while(|layer| **layer != Layer::Directory).count();
        match facts.root {
            RootKind::Directory => return,
            RootKind::Into => {}
            RootKind::Memory => self.add(Step::MemoryRoot(&root.parameters)),
            RootKind::Overlay => {
                let kept = root.upper.is_some();
                self.add_if(!kept, Step::Scratch(&root.parameters));
                self.add(Step::Overlay {
                    first: Slot(Slot::FIRST_LAYER + archives as u8),
                    count: (facts.layers.len() - archives) as u8,
                    kept,
                    of_user: !program.users.is_hosts(),
                });
            }
        }
        let how = Unpacking {
            one_owner: matches!(program.users, Users::New(maps) if maps.have_one_user()),
            no_devices: !program.users.is_hosts(),
        };
        // The lowest first: a layer says what is not there of those below it.
        for (index, path) in root.layers.iter().enumerate().take(archives).rev() {
            let slot = Slot(Slot::FIRST_LAYER + index as u8);
            self.add(Step::Unpack { slot, path, how });
        }
        for point in &MISSING_POINTS {
            self.add(Step::MountPoint(point));
        }
    }

    /// Leaves the caller, before there is anything that would be his process's.
    pub(super) fn go_behind(&mut self, options: &RunOptions<'a>) {
        let RunOptions { log, preserved, .. } = *options;
        self.add_if(options.detach, Step::Background { log, preserved });
    }

    /// Standard input was the archive, or is the caller's.
    pub(super) fn give_up_input(&mut self, options: &RunOptions<'a>, facts: &RunFacts<'a>) {
        let was_archive = facts.layers.contains(&Layer::Input);
        self.add_if(was_archive || options.detach, Step::NullInput);
    }

    /// Makes a root read-only that had to be written until now.
    pub(super) fn close_root(&mut self, options: &RunOptions<'a>, facts: &RunFacts<'a>) {
        let read_only = options.read_only || options.root.is_read_only(&facts.layers);
        self.add_if(read_only && facts.root != RootKind::Directory, Step::ReadOnlyRoot);
    }
}
