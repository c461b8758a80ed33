//! What a root is made of: layers, and where it is written.

use core::ffi::CStr;

use heapless::Vec;

use super::mount_options::{Parameter, is_size};
use super::refusal::{Reason, Refusal, Subject};
use super::run_manual::Id;
use crate::text::arena::Arena;

/// `--rootfs` options on one command line.
pub const LAYERS: usize = 32;

/// The root as it was asked for.
pub struct RootOptions<'a> {
    /// `--rootfs`, the uppermost first.
    pub layers: Vec<&'a CStr, LAYERS>,
    /// What is written is thrown away.
    pub overlay: bool,
    /// The directory that keeps what is written.
    pub upper: Option<&'a CStr>,
    /// The directory beside it that overlayfs needs to work in.
    pub work: Option<&'a CStr>,
    /// The directory that archives are unpacked into.
    pub into: Option<&'a CStr>,
    /// How large what is in memory may become.
    pub size: Option<&'a CStr>,
    /// The parameters of a root in memory: that size, and its mode.
    pub parameters: Vec<Parameter<'a>, 2>,
}

/// What a `--rootfs` is.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Layer {
    /// A directory.
    Directory,
    /// A file.
    Archive,
    /// Standard input.
    Input,
}

/// The `--rootfs` that means standard input.
pub const INPUT: &CStr = c"-";

/// What the root will be.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum RootKind {
    /// A directory of the host and the mounts below it.
    Directory,
    /// A directory of the host that archives are unpacked into.
    Into,
    /// A tmpfs that archives are unpacked into.
    Memory,
    /// Directories over each other, what is written above them.
    Overlay,
}

impl Default for RootOptions<'_> {
    fn default() -> Self {
        Self::new()
    }
}

impl<'a> RootOptions<'a> {
    /// Nothing said.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            layers: Vec::new(),
            overlay: false,
            upper: None,
            work: None,
            into: None,
            size: None,
            parameters: Vec::new(),
        }
    }

    /// The directory of the host that is the root, where that is one.
    #[must_use]
    pub fn directory(&self) -> &'a CStr {
        self.into.or_else(|| self.layers.first().copied()).unwrap_or_default()
    }

    /// Takes the value of `--rootfs`, `--upper`, `--work` or `--into`.
    ///
    /// # Errors
    /// An empty value, too many layers.
    pub fn set(&mut self, id: Id, value: &'a CStr) -> Result<(), Reason> {
        if value.is_empty() {
            return Err(Reason::Empty);
        }
        match id {
            Id::Upper => self.upper = Some(value),
            Id::Work => self.work = Some(value),
            Id::Into => self.into = Some(value),
            _ => return self.layers.push(value).map_err(|_| Reason::TooManyLayers),
        }
        Ok(())
    }

    /// Reads `size=BYTES`, docker's only option of storage that means something here.
    ///
    /// # Errors
    /// Anything else.
    pub fn set_storage(&mut self, text: &[u8], arena: &mut Arena<'a>) -> Result<(), Reason> {
        let size = text.strip_prefix(b"size=").filter(|size| is_size(size));
        let size = arena.join(&[size.ok_or(Reason::NoStorage)?]).map_err(|_| Reason::TextFull)?;
        self.size = Some(size);
        Ok(())
    }

    /// Adds what follows from the options, when all have been read.
    pub fn finish(&mut self) {
        if let Some(value) = self.size {
            let _ = self.parameters.push(Parameter { key: c"size", value });
        }
        // As roots usually are; by the kernel's default everybody could write there. There is room for both.
        let _ = self.parameters.push(Parameter { key: c"mode", value: c"755" });
    }

    /// Whether what is written goes elsewhere than into the layers.
    const fn writes_above(&self) -> bool {
        self.overlay || self.upper.is_some()
    }

    /// What the root will be, given what its layers are. `of_host`: it must be a mount of the host.
    ///
    /// # Errors
    /// Options that do not fit together.
    pub fn kind(&self, layers: &[Layer], of_host: bool) -> Result<RootKind, Refusal> {
        let refused = |reason| Err(Refusal::new(Subject::Command, reason));
        let is_directory = |layer: &Layer| *layer == Layer::Directory;
        let archives = layers.iter().position(is_directory).unwrap_or(layers.len());
        let directories = layers.get(archives..).unwrap_or_default();
        if !directories.iter().all(is_directory) {
            return refused(Reason::BelowDirectory);
        }
        let inputs = layers.iter().filter(|layer| **layer == Layer::Input).count();
        if inputs > 1 {
            return refused(Reason::InputTwice);
        }
        if self.upper.is_some() != self.work.is_some() {
            return refused(Reason::UpperWithoutWork);
        }
        let writes = self.writes_above();
        if self.into.is_some() && (writes || !directories.is_empty()) {
            return refused(Reason::NotInto);
        }
        if directories.is_empty() && writes {
            return refused(Reason::OverNothing);
        }
        let kind = match (directories, archives) {
            ([], _) if self.into.is_some() => RootKind::Into,
            ([], _) => RootKind::Memory,
            ([_], 0) if !writes => RootKind::Directory,
            _ => RootKind::Overlay,
        };
        let is_memory =
            matches!(kind, RootKind::Memory | RootKind::Overlay) && self.upper.is_none();
        if !is_memory && self.size.is_some() {
            return refused(Reason::NoMemoryToSize);
        }
        let is_mount = matches!(kind, RootKind::Directory | RootKind::Into);
        if !is_mount && of_host {
            return refused(Reason::NoMountOfHost);
        }
        Ok(kind)
    }

    /// Whether the root is read-only without being asked to: several layers, of which none can be written.
    #[must_use]
    pub fn is_read_only(&self, layers: &[Layer]) -> bool {
        let is_directory = |layer: &Layer| *layer == Layer::Directory;
        !self.writes_above() && layers.len() > 1 && layers.iter().all(is_directory)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::refusal::Cause;

    fn kind(change: fn(&mut RootOptions<'static>), layers: &[Layer]) -> Result<RootKind, Reason> {
        let mut options = RootOptions::new();
        change(&mut options);
        options.kind(layers, false).map_err(|refusal| match refusal.cause() {
            Cause::Reason(reason) => reason,
            Cause::Call(error) => panic!("{error:?}"),
        })
    }

    #[test]
    fn layers_and_options_make_a_root() {
        use Layer::{Archive as A, Directory as D, Input as I};
        let plain = |_: &mut RootOptions<'static>| {};
        let over = |options: &mut RootOptions<'static>| options.overlay = true;
        let kept = |options: &mut RootOptions<'static>| {
            (options.upper, options.work) = (Some(c"u"), Some(c"w"));
        };
        let half = |options: &mut RootOptions<'static>| options.work = Some(c"w");
        let into = |options: &mut RootOptions<'static>| options.into = Some(c"d");
        let sized = |options: &mut RootOptions<'static>| {
            let mut arena = Arena::new(Box::leak(Box::new([0; 16])));
            options.set_storage(b"size=1m", &mut arena).unwrap();
        };
        for (number, (change, layers, expected)) in [
            (plain as fn(&mut RootOptions<'static>), &[D][..], Ok(RootKind::Directory)),
            (plain, &[D, D], Ok(RootKind::Overlay)),
            (over, &[D], Ok(RootKind::Overlay)),
            (kept, &[D, D], Ok(RootKind::Overlay)),
            (half, &[D], Err(Reason::UpperWithoutWork)),
            (plain, &[A], Ok(RootKind::Memory)),
            (plain, &[A, I, A], Ok(RootKind::Memory)),
            (plain, &[I, I], Err(Reason::InputTwice)),
            (plain, &[A, D], Ok(RootKind::Overlay)),
            (plain, &[D, A], Err(Reason::BelowDirectory)),
            (over, &[A], Err(Reason::OverNothing)),
            (kept, &[A, D], Ok(RootKind::Overlay)),
            (into, &[A, I], Ok(RootKind::Into)),
            (into, &[A, D], Err(Reason::NotInto)),
            (into, &[D], Err(Reason::NotInto)),
            (sized, &[A], Ok(RootKind::Memory)),
            (sized, &[D, D], Ok(RootKind::Overlay)),
            (sized, &[D], Err(Reason::NoMemoryToSize)),
        ]
        .into_iter()
        .enumerate()
        {
            assert_eq!(kind(change, layers), expected, "row {number}");
        }
        assert!(RootOptions::new().kind(&[D], true).is_ok());
        assert!(RootOptions::new().kind(&[D, D], true).is_err());
        assert!(RootOptions::new().kind(&[A], true).is_err());
    }

    #[test]
    fn several_directories_are_read_only_unless_written_above() {
        use Layer::{Archive, Directory};
        let mut options = RootOptions::new();
        assert!(options.is_read_only(&[Directory, Directory]));
        assert!(!options.is_read_only(&[Directory]));
        assert!(!options.is_read_only(&[Archive, Directory]));
        assert!(!options.is_read_only(&[Archive, Archive]));
        options.overlay = true;
        assert!(!options.is_read_only(&[Directory, Directory]));
    }
}
