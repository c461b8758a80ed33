//! Mounts as the user writes them: `-v`, `--tmpfs`, propagation.

use core::ffi::CStr;

use heapless::Vec;

use super::refusal::Reason;
use crate::text::arena::Arena;
use crate::text::number;
use crate::text::parts::parts;

/// Attributes of a mount: `MOUNT_ATTR_*` bits of mount_setattr(2).
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Attributes(pub u8);

impl Attributes {
    /// None of them.
    pub const NONE: Self = Self(0);
    /// Nothing can be written.
    pub const READ_ONLY: Self = Self(1);
    /// Set-user-id bits have no effect.
    pub const NO_SUID: Self = Self(2);
    /// Device nodes cannot be opened.
    pub const NO_DEV: Self = Self(4);
    /// Programs cannot be executed.
    pub const NO_EXEC: Self = Self(8);
    /// All three.
    pub const CLOSED: Self = Self::NO_SUID.and(Self::NO_DEV).and(Self::NO_EXEC);

    /// These and the others.
    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These without the others.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether all of `other` are among these.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// What can be done with a device: `BPF_DEVCG_ACC_*` bits of linux/bpf.h.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Access(pub u8);

impl Access {
    /// Nothing.
    pub const NONE: Self = Self(0);
    /// Nodes of it can be made.
    pub const MAKE: Self = Self(1);
    /// It can be read.
    pub const READ: Self = Self(2);
    /// It can be written.
    pub const WRITE: Self = Self(4);
    /// All three.
    pub const ALL: Self = Self(7);
    /// The letters of all three, in the order in which the kernel writes them.
    pub const LETTERS: [(Self, u8); 3] =
        [(Self::READ, b'r'), (Self::WRITE, b'w'), (Self::MAKE, b'm')];

    /// Whether all of `other` are in this.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether it is that of a device, and less than reading and writing.
    #[must_use]
    pub const fn is_partial(self) -> bool {
        self.0 != 0 && !self.has(Self(Self::READ.0 | Self::WRITE.0))
    }

    /// Reads some of the letters, each at most once.
    #[inline(never)]
    fn parse(letters: &[u8]) -> Option<Self> {
        let mut access = Self::NONE;
        for letter in letters {
            let (one, _) = Self::LETTERS.iter().find(|(_, known)| known == letter)?;
            if access.has(*one) {
                return None;
            }
            access.0 |= one.0;
        }
        (access != Self::NONE).then_some(access)
    }
}

/// How mounts made on one side reach the other. Source: mount_namespaces(7).
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Propagation {
    /// In neither direction.
    Private,
    /// From the host to the container.
    Slave,
    /// Both ways.
    Shared,
    /// In neither direction, and the mount cannot be a bind source.
    Unbindable,
}

impl Propagation {
    /// The type of this name.
    #[must_use]
    pub fn named(name: &[u8]) -> Option<Self> {
        [Self::Private, Self::Slave, Self::Shared, Self::Unbindable]
            .into_iter()
            .find(|propagation| propagation.name().as_bytes() == name)
    }

    /// The name, as mount(8) spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Slave => "slave",
            Self::Shared => "shared",
            Self::Unbindable => "unbindable",
        }
    }

    /// The `MS_*` value for mount_setattr(2).
    #[must_use]
    pub const fn bits(self) -> u64 {
        match self {
            Self::Unbindable => 1 << 17,
            Self::Private => 1 << 18,
            Self::Slave => 1 << 19,
            Self::Shared => 1 << 20,
        }
    }
}

/// A file or directory of the host that appears inside.
#[derive(Clone, Copy)]
pub struct Volume<'a> {
    /// On the host; relative to the working directory.
    pub source: &'a CStr,
    /// Inside, absolute.
    pub target: &'a CStr,
    /// Beside what the source's mount has. Only a device of `--device` can be opened as one.
    pub attributes: Attributes,
    /// What can be done with it where it is a device; else nothing.
    pub access: Access,
    /// Of the new mount and all below it.
    pub propagation: Propagation,
    /// The owners of its files are mapped as the container's user namespace maps ids.
    pub mapped: bool,
}

/// A parameter of a filesystem. fsconfig(2).
#[derive(Clone, Copy)]
pub struct Parameter<'a> {
    /// `size`, `mode`, …
    pub key: &'a CStr,
    /// Its value.
    pub value: &'a CStr,
}

/// Parameters that one `--tmpfs` may have: as many as there are.
pub const TMPFS_PARAMETERS: usize = 6;

/// An empty memory filesystem inside.
pub struct Tmpfs<'a> {
    /// Inside, absolute.
    pub target: &'a CStr,
    /// As docker: nosuid, nodev, noexec unless said otherwise.
    pub attributes: Attributes,
    /// Size, mode, …
    pub parameters: Vec<Parameter<'a>, TMPFS_PARAMETERS>,
}

/// Reads `SRC:DST[:OPTION,…]`.
///
/// # Errors
/// A missing part, a relative target, an unknown option.
pub fn parse_volume<'a>(text: &[u8], arena: &mut Arena<'a>) -> Result<Volume<'a>, Reason> {
    let mut fields = parts(text, b':');
    let source = fields.next().filter(|source| !source.is_empty()).ok_or(Reason::NoVolume)?;
    let target = absolute(fields.next()).ok_or(Reason::NoVolume)?;
    let mut volume = Volume {
        source: arena.join(&[source]).map_err(|_| Reason::TextFull)?,
        target: arena.join(&[target]).map_err(|_| Reason::TextFull)?,
        attributes: Attributes::NO_DEV,
        access: Access::NONE,
        propagation: Propagation::Private,
        mapped: false,
    };
    let Some(options) = fields.rest() else { return Ok(volume) };
    for option in parts(options, b',') {
        if option == b"idmap" {
            volume.mapped = true;
            continue;
        }
        let propagation = option.strip_prefix(b"r").and_then(Propagation::named);
        if let Some(propagation) = propagation.filter(|found| *found != Propagation::Unbindable) {
            volume.propagation = propagation;
        } else {
            let changed = switch(volume.attributes, option);
            volume.attributes = changed.ok_or(Reason::NoVolumeOption)?;
        }
    }
    Ok(volume)
}

/// Reads `SRC[:DST][:rwm]`, a device of the host. No mount can make a device read-only, so less than `rw` takes a
/// device cgroup.
///
/// # Errors
/// Relative paths, other letters than some of `rwm`.
pub fn parse_device<'a>(text: &[u8], arena: &mut Arena<'a>) -> Result<Volume<'a>, Reason> {
    let mut fields = parts(text, b':');
    let source = absolute(fields.next()).ok_or(Reason::NoDevice)?;
    let (mut target, mut permissions) = (source, fields.next());
    if let Some(path) = absolute(permissions) {
        (target, permissions) = (path, fields.next());
    }
    let access = Access::parse(permissions.unwrap_or(b"rwm")).ok_or(Reason::NoDevice)?;
    if fields.rest().is_some() {
        return Err(Reason::NoDevice);
    }
    Ok(Volume {
        source: arena.join(&[source]).map_err(|_| Reason::TextFull)?,
        target: arena.join(&[target]).map_err(|_| Reason::TextFull)?,
        attributes: Attributes::NO_SUID.and(Attributes::NO_EXEC),
        access,
        propagation: Propagation::Private,
        mapped: false,
    })
}

/// Reads `DST[:OPTION,…]`.
///
/// # Errors
/// A relative target, an unknown option, a size or mode that is not one.
#[inline(never)]
pub fn parse_tmpfs<'a>(text: &[u8], arena: &mut Arena<'a>) -> Result<Tmpfs<'a>, Reason> {
    let mut fields = parts(text, b':');
    let target = absolute(fields.next()).ok_or(Reason::NoTmpfs)?;
    let mut tmpfs = Tmpfs {
        target: arena.join(&[target]).map_err(|_| Reason::TextFull)?,
        attributes: Attributes::CLOSED,
        parameters: Vec::new(),
    };
    let Some(options) = fields.rest() else { return Ok(tmpfs) };
    for option in parts(options, b',') {
        if let Some(changed) = switch(tmpfs.attributes, option) {
            tmpfs.attributes = changed;
            continue;
        }
        let (key, value) = tmpfs_parameter(option).ok_or(Reason::NoTmpfsOption)?;
        let value = arena.join(&[value]).map_err(|_| Reason::TextFull)?;
        if tmpfs.parameters.iter().any(|parameter| parameter.key == key) {
            return Err(Reason::TwiceTmpfsOption);
        }
        // Each of the six keys at most once: there is room.
        let _ = tmpfs.parameters.push(Parameter { key, value });
    }
    Ok(tmpfs)
}

/// Options that turn attributes on and off. Device nodes work nowhere but in /dev, so there is no `dev`.
const SWITCHES: [(&[u8], Attributes, bool); 7] = [
    (b"ro", Attributes::READ_ONLY, true),
    (b"rw", Attributes::READ_ONLY, false),
    (b"nosuid", Attributes::NO_SUID, true),
    (b"suid", Attributes::NO_SUID, false),
    (b"noexec", Attributes::NO_EXEC, true),
    (b"exec", Attributes::NO_EXEC, false),
    (b"nodev", Attributes::NO_DEV, true),
];

/// Applies an option that turns an attribute on or off.
fn switch(attributes: Attributes, option: &[u8]) -> Option<Attributes> {
    let (_, attribute, on) = SWITCHES.iter().find(|(name, ..)| *name == option)?;
    Some(if *on { attributes.and(*attribute) } else { attributes.without(*attribute) })
}

/// What the value of a tmpfs parameter may be.
type Check = fn(&[u8]) -> bool;

/// The parameters of a tmpfs. Source: tmpfs(5).
const TMPFS_KEYS: [(&CStr, Check); TMPFS_PARAMETERS] = [
    (c"size", is_size),
    (c"nr_blocks", is_size),
    (c"nr_inodes", is_size),
    (c"mode", is_mode),
    (c"uid", is_id),
    (c"gid", is_id),
];

/// Splits `key=value` and checks both.
fn tmpfs_parameter(option: &[u8]) -> Option<(&'static CStr, &[u8])> {
    let mut fields = parts(option, b'=');
    let (name, value) = (fields.skip_to(0), fields.rest()?);
    let (key, is_valid) = TMPFS_KEYS.iter().find(|(key, _)| key.to_bytes() == name)?;
    is_valid(value).then_some((*key, value))
}

/// Whether this is a number of bytes as tmpfs(5) has it, which 64 bits can hold: the kernel drops all higher bits, and
/// what is left may be 0, which means no bound.
#[must_use]
pub fn is_size(value: &[u8]) -> bool {
    let (digits, shift) = match value.split_last() {
        Some((b'k' | b'K', digits)) => (digits, 10),
        Some((b'm' | b'M', digits)) => (digits, 20),
        Some((b'g' | b'G', digits)) => (digits, 30),
        Some((b'%', digits)) => (digits, 0),
        _ => (value, 0),
    };
    number::parse_u64(digits).is_some_and(|number| number <= u64::MAX >> shift)
}

fn is_mode(value: &[u8]) -> bool {
    number::parse_octal(value).is_some_and(|mode| mode <= 0o7777)
}

fn is_id(value: &[u8]) -> bool {
    number::parse_id(value).is_some()
}

/// A path inside: absolute, and not the root itself.
fn absolute(path: Option<&[u8]>) -> Option<&[u8]> {
    let below_root = |path: &&[u8]| path.starts_with(b"/") && path.iter().any(|byte| *byte != b'/');
    let mut path = path.filter(below_root)?;
    while let Some(shorter) = path.strip_suffix(b"/") {
        path = shorter;
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn volume(text: &'static str) -> Result<(String, u8, &'static str), Reason> {
        let mut arena = Arena::new(Box::leak(Box::new([0; 256])));
        let volume = parse_volume(text.as_bytes(), &mut arena);
        volume.map(|volume| {
            let both = [volume.source, volume.target].map(|path| path.to_str().unwrap());
            (both.join(">"), volume.attributes.0, volume.propagation.name())
        })
    }

    #[test]
    fn volumes() {
        let read = |text, paths: &str, attributes, propagation| {
            assert_eq!(volume(text), Ok((paths.to_string(), attributes, propagation)), "{text}");
        };
        read("/a:/b", "/a>/b", 4, "private");
        read("a/b:/b:ro", "a/b>/b", 5, "private");
        read("/a:/b:ro,rw,nosuid,noexec", "/a>/b", 14, "private");
        read("/a:/b:rslave", "/a>/b", 4, "slave");
        read("/a:/b:nodev,rshared,ro", "/a>/b", 5, "shared");
        for wrong in
            ["", "/a", ":/b", "/a:", "/a:b", "/a:/", "/a:///", "/a:/b:", "/a:/b:dev", "/a:/b:rw,x"]
        {
            assert!(volume(wrong).is_err(), "{wrong}");
        }
        assert_eq!(volume("/a:/b:runbindable"), Err(Reason::NoVolumeOption));
    }

    #[test]
    fn devices() {
        let device = |text: &'static str| {
            let mut arena = Arena::new(Box::leak(Box::new([0; 256])));
            let device = parse_device(text.as_bytes(), &mut arena).ok()?;
            assert!(!device.attributes.has(Attributes::NO_DEV));
            let paths = [device.source, device.target].map(|path| path.to_str().unwrap());
            Some(format!("{} {}", paths.join(">"), device.access.0))
        };
        for (text, paths) in [
            ("/dev/fuse", "/dev/fuse>/dev/fuse 7"),
            ("/dev/a:/dev/b", "/dev/a>/dev/b 7"),
            ("/dev/a:rw", "/dev/a>/dev/a 6"),
            ("/dev/a:/b:rwm", "/dev/a>/b 7"),
            ("/dev/a:r", "/dev/a>/dev/a 2"),
            ("/dev/a:/b:mw", "/dev/a>/b 5"),
            ("/dev/a:m", "/dev/a>/dev/a 1"),
        ] {
            assert_eq!(device(text).as_deref(), Some(paths), "{text}");
        }
        for wrong in
            ["", "dev", "/", "/a:", "/a:rr", "/a:x", "/a:/b:", "/a:/b:ro", "/a:rw:rw", "/a:/b:rw:x"]
        {
            assert_eq!(device(wrong), None, "{wrong}");
        }
    }

    fn tmpfs(text: &'static str) -> Result<(u8, String), ()> {
        let mut arena = Arena::new(Box::leak(Box::new([0; 256])));
        let tmpfs = parse_tmpfs(text.as_bytes(), &mut arena).map_err(|_| ())?;
        let parameters = tmpfs.parameters.iter().map(|parameter| {
            format!("{}={}", parameter.key.to_str().unwrap(), parameter.value.to_str().unwrap())
        });
        Ok((tmpfs.attributes.0, parameters.collect::<Vec<_, 8>>().join(",")))
    }

    #[test]
    fn tmpfs_mounts() {
        assert_eq!(tmpfs("/run"), Ok((14, String::new())));
        assert_eq!(tmpfs("/run:size=64m,mode=1777,ro"), Ok((15, "size=64m,mode=1777".into())));
        assert_eq!(tmpfs("/run:exec,suid"), Ok((4, String::new())));
        assert_eq!(
            tmpfs("/run:uid=7,gid=8,nr_inodes=1k,nr_blocks=1,size=5%"),
            Ok((14, "uid=7,gid=8,nr_inodes=1k,nr_blocks=1,size=5%".into()))
        );
        for wrong in [
            "",
            "run",
            "/",
            "/run:",
            "/run:size=",
            "/run:size=x",
            // To the kernel this is 0, and that is no bound at all.
            "/run:size=17179869184g",
            "/run:mode=9",
            "/run:mode=17777",
            "/run:huge=always",
            "/run:size=1,size=2",
            "/run:uid=-1",
        ] {
            assert_eq!(tmpfs(wrong), Err(()), "{wrong}");
        }
    }
}
