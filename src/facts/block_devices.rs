//! Which block devices there are, and which is meant. Source: sysfs(5).

use core::ffi::CStr;

use rustix::fs::{CWD, FileType, major, minor, stat};

use super::files::read_start;
use crate::input::device_name::DeviceName;
use crate::input::partition_table::{Partition, partition};
use crate::input::superblock::{Identity, identify};
use crate::sys::descriptor::{Descriptor, OpenFlags, open};
use crate::sys::directory::for_each_name;
use crate::text::line::Line;
use crate::text::number::parse_u64;
use crate::text::parts::{is_same_text, parts};

/// A block device that is there.
pub struct BlockDevice {
    /// Its node, with a NUL behind it.
    node: Line,
    /// Its numbers.
    pub number: (u32, u32),
    /// Which partition it is, from 1 on; 0 for a whole disk.
    pub partition: u32,
}

impl BlockDevice {
    /// The path of its node.
    #[must_use]
    pub fn path(&self) -> &CStr {
        CStr::from_bytes_with_nul(self.node.bytes()).unwrap_or_default()
    }

    /// Reads what the kernel says of the device with this name below /sys/class/block, or of its disk.
    fn read(name: &CStr, of_disk: bool) -> Option<Self> {
        let mut text = [0; 1024];
        let between = if of_disk { "/.." } else { "" };
        let text = read_attribute(name, between, "/uevent", &mut text)?;
        let value = |key: &[u8]| parts(text, b'\n').find_map(|line| line.strip_prefix(key));
        let number = |key| u32::try_from(parse_u64(value(key)?)?).ok();
        let mut node = Line::new();
        let _ = node.path(&[b"/dev/", value(b"DEVNAME=")?]);
        let partition = number(b"PARTN=").unwrap_or(0);
        Some(Self { node, number: (number(b"MAJOR=")?, number(b"MINOR=")?), partition })
    }

    /// What its filesystem says of itself.
    #[must_use]
    pub fn identity(&self) -> Option<Identity> {
        let device = open(CWD, self.path(), OpenFlags::READ).ok()?;
        identify(&mut |at, buffer| read_whole(&device, at, buffer))
    }
}

/// Reads `/sys/class/block/NAME…`, a link to the device's directory, which lies in its disk's.
fn read_attribute<'b>(
    name: &CStr,
    between: &str,
    attribute: &str,
    buffer: &'b mut [u8],
) -> Option<&'b [u8]> {
    let mut path = Line::new();
    let parts = [b"/sys/class/block/", name.to_bytes(), between.as_bytes(), attribute.as_bytes()];
    read_start(CWD, path.path(&parts), buffer).ok()
}

fn read_whole(device: &Descriptor, at: u64, buffer: &mut [u8]) -> bool {
    rustix::io::pread(device, &mut *buffer, at).is_ok_and(|length| length == buffer.len())
}

/// Calls `act` for each device, as long as it answers true.
pub fn for_each_device(act: &mut dyn FnMut(&CStr, BlockDevice) -> bool) {
    let Ok(devices) = open(CWD, c"/sys/class/block", OpenFlags::READ) else { return };
    for_each_name(&devices, &mut |name| {
        BlockDevice::read(name, false).is_none_or(|device| act(name, device))
    });
}

/// Finds a device; the first one where several have the name.
#[must_use]
#[inline(never)]
pub fn find_device(wanted: &DeviceName<'_>) -> Option<BlockDevice> {
    let mut found = None;
    let mut line = Line::new();
    let wanted = match *wanted {
        DeviceName::Path(path) => number_of(line.path(&[path])).unwrap_or(DeviceName::Path(path)),
        name => name,
    };
    for_each_device(&mut |name, device| {
        let is_meant = is_meant(&wanted, name, &device);
        if is_meant {
            found = Some(device);
        }
        !is_meant
    });
    found
}

/// The numbers of a node that is there, or of what a link leads to.
fn number_of(path: &CStr) -> Option<DeviceName<'static>> {
    let found = stat(path).ok()?;
    (FileType::from_raw_mode(found.st_mode) == FileType::BlockDevice)
        .then(|| DeviceName::Number(major(found.st_rdev), minor(found.st_rdev)))
}

fn is_meant(wanted: &DeviceName<'_>, name: &CStr, device: &BlockDevice) -> bool {
    match *wanted {
        DeviceName::Path(path) => path == device.path().to_bytes(),
        DeviceName::Number(major, minor) => device.number == (major, minor),
        DeviceName::Uuid(uuid) => {
            device.identity().is_some_and(|found| is_same_text(&found.uuid, uuid))
        }
        DeviceName::Label(label) => device.identity().is_some_and(|found| *found.label == *label),
        DeviceName::PartUuid(uuid, offset) => {
            partition_of(name, device, offset).is_some_and(|found| is_same_text(&found.uuid, uuid))
        }
        DeviceName::PartLabel(label) => {
            partition_of(name, device, 0).is_some_and(|found| *found.name == *label)
        }
    }
}

/// What the table of its disk says of the partition that stands `offset` places before a device.
fn partition_of(name: &CStr, device: &BlockDevice, offset: u32) -> Option<Partition> {
    let number = device.partition.checked_sub(offset).filter(|number| *number > 0)?;
    let disk = BlockDevice::read(name, true)?;
    let mut text = [0; 32];
    let sector = read_attribute(name, "/..", "/queue/logical_block_size", &mut text);
    let sector = sector.and_then(|text| parse_u64(text.trim_ascii())).unwrap_or(512);
    let disk = open(CWD, disk.path(), OpenFlags::READ).ok()?;
    partition(&mut |at, buffer| read_whole(&disk, at, buffer), sector, number)
}
