//! `/init` of an initramfs: finds the root, mounts it, hands over.

use core::ffi::CStr;

use rustix::fs::{CWD, Mode, mkdirat};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};

use super::device::{make_nodes, mount_kinds};
use super::fstab::{TOO_LONG, mount_source};
use super::switch;
use super::{COMMAND_LINE_BYTES, Start, modules};
use crate::facts::block_devices::{BlockDevice, find_device, for_each_device};
use crate::facts::roots::{check_new_root, has_init, is_mount_point};
use crate::input::boot_parameters::{BootParameters, End, Text};
use crate::input::device_name::DeviceName;
use crate::input::mount_flags::{MountFlags as Flags, READ_ONLY};
use crate::input::refusal::Reason;
use crate::report;
use crate::run::copy_tree::copy_below;
use crate::run::files::make_directory;
use crate::run::program::Program;
use crate::supervise::services::end_asked_by;
use crate::sys::clock::monotonic_ms;
use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::signal::{self, FOR_EVER};
use crate::sys::uevent::Messages;
use crate::sys::vectors::Vectors;
use crate::text::arena::Arena;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;
use crate::text::line::Line;
use crate::text::packed::packed;
use crate::text::parts::parts;

/// Where the new root is mounted. It is not below what is moved along.
const NEW_ROOT: &CStr = c"/sysroot";
/// Where the parts of an overlay lie; /run goes along, so they are there in the new root too.
const LOWER: &CStr = c"/run/overlay/lower";
const MEMORY: &CStr = c"/run/overlay/memory";
/// How large the overlay's tmpfs may become where nothing is said: the kernel's own default.
const OVERLAY_SIZE: &[u8] = b"50%";
/// After so long a line says what is waited for.
const PATIENCE_MS: u64 = 10_000;

/// Programs that a root may have as its init, where none is named. Source: the kernel's own list.
const INITS: [&CStr; 4] = [c"/sbin/init", c"/etc/init", c"/bin/init", c"/bin/sh"];

/// Texts that the new init is given.
pub struct Memory {
    init: [u8; COMMAND_LINE_BYTES],
}

impl Memory {
    /// Empty tables.
    pub const fn new() -> Self {
        Self { init: [0; COMMAND_LINE_BYTES] }
    }
}

/// The init that the kernel command line names, as a string that lasts.
pub fn named_init(start: &Start, memory: &'static mut Memory) -> Option<&'static CStr> {
    Arena::new(&mut memory.init).join(&[start.parameters.text(Text::Init)?]).ok()
}

/// Tries to hand over to the init of the real root. Returns only when that failed, and has said why; or when the machine
/// is to end, and how.
#[inline(never)]
pub fn attempt(start: &Start, vectors: Vectors, named: Option<&'static CStr>) -> Option<End> {
    match mount_root(&start.parameters) {
        Ok(()) => {}
        Err(Failed::At(operand, error)) => report::failed_at_boot(error, operand),
        Err(Failed::Asked(end)) => return Some(end),
    }
    leave(start, vectors, named);
    None
}

/// Checks what is mounted and hands over to it.
fn leave(start: &Start, vectors: Vectors, named: Option<&'static CStr>) {
    let new_root = match check_new_root(NEW_ROOT) {
        Ok(new_root) => new_root,
        // Why nothing is mounted has been said.
        Err(Reason::NoMountPoint) => return,
        Err(reason) => return report::reason_at_boot(NEW_ROOT.to_bytes(), reason),
    };
    let found = match named {
        Some(init) => Some(init).filter(|init| has_init(&new_root, init)),
        None => INITS.iter().copied().find(|init| has_init(&new_root, init)),
    };
    let Some(init) = found else {
        let init = named.unwrap_or(c"/sbin/init");
        return report::reason_at_boot(init.to_bytes(), Reason::NoInit);
    };
    let arguments = vectors.renamed(init);
    let program = Program { name: init, arguments, environment: vectors.environment };
    switch::hand_over(start.inherited, (&new_root, NEW_ROOT), &program, c"");
}

/// Why there is no root.
enum Failed<'a> {
    /// A call about this.
    At(&'a [u8], CallError),
    /// The machine is to end before.
    Asked(End),
}

/// Finds what `root=` names and mounts it, unless somebody has done so in the shell.
fn mount_root<'a>(parameters: &BootParameters<'a>) -> Result<(), Failed<'a>> {
    let root = parameters.text(Text::Root).unwrap_or_default();
    let fail = |error| Failed::At(root, error);
    if is_mount_point(NEW_ROOT) {
        return Ok(());
    }
    // Opened before the first look, so that no device arrives unseen.
    let messages = Messages::open();
    modules::load_all();
    make_directory(NEW_ROOT, 0o755).map_err(fail)?;
    let mut data = Line::new();
    let is_memory = root == b"tmpfs";
    // Anybody may write into a tmpfs where nothing is said.
    data.text(if is_memory { "mode=755" } else { "" });
    let flags = Flags::read(parameters.text(Text::RootFlags).unwrap_or_default(), &mut data);
    if is_memory {
        return mount_memory(flags, &mut data).map_err(fail);
    }
    let is_overlay = parameters.overlay.is_some();
    let read_only = if parameters.root_writable && !is_overlay { 0 } else { READ_ONLY };
    let target = if is_overlay { make_overlay_places(parameters).map_err(fail)? } else { NEW_ROOT };
    let mut buffer = [0; COMMAND_LINE_BYTES];
    let mut arena = Arena::new(&mut buffer);
    let mut keep = |text: &[u8]| arena.join(&[text]).unwrap_or_default();
    let kinds = keep(parameters.text(Text::RootType).unwrap_or_default());
    // 9p has no way to the host by itself.
    let names_way = parts(data.bytes(), b',').any(|option| option.starts_with(b"trans="));
    if kinds == c"9p" && !names_way {
        data.text(if data.bytes().is_empty() { "" } else { "," }).text("trans=virtio");
    }
    let data = data.whole().ok_or(TOO_LONG).map_err(fail)?;
    let bits = flags.bits | read_only;
    match DeviceName::read(root).filter(|_| !is_of_no_device(kinds)) {
        None => mount_kinds(keep(root), target, kinds, bits, data),
        Some(name) => {
            let messages = messages.map_err(Call::Socket.failed());
            let device = wait_for_device(&name, root, parameters.root_wait_ms, &messages)?;
            mount_kinds(device.path(), target, kinds, bits, data)
        }
    }
    .map_err(fail)?;
    if is_overlay {
        mount_overlay().map_err(|error| {
            let _ = unmount(LOWER, UnmountFlags::DETACH);
            Failed::At(b"rootlet.overlay", error)
        })
    } else {
        Ok(())
    }
}

/// A root in memory with all that the initramfs holds. Unlike the initramfs it can be left by pivot_root(2), as containers
/// do.
fn mount_memory(flags: Flags, data: &mut Line) -> Result<(), CallError> {
    mount_source(c"tmpfs", NEW_ROOT, c"tmpfs", flags, data)?;
    let copied = copy_initramfs();
    if copied.is_err() {
        // The next attempt would take what is there for the root.
        let _ = unmount(NEW_ROOT, UnmountFlags::DETACH);
    }
    copied
}

fn copy_initramfs() -> Result<(), CallError> {
    let folder = |path| open(CWD, path, OpenFlags::READ).map_err(Call::Openat.failed());
    copy_below(&folder(c"/")?, &folder(NEW_ROOT)?)
}

/// Filesystems whose source is a tag or nothing.
fn is_of_no_device(kinds: &CStr) -> bool {
    parts(b"9p\nvirtiofs", b'\n').any(|kind| kind == kinds.to_bytes())
}

/// Waits until the device is there. Nothing is asked again and again: the kernel says when devices arrive.
fn wait_for_device<'a>(
    name: &DeviceName<'_>,
    root: &'a [u8],
    limit_ms: u32,
    messages: &Result<Messages, CallError>,
) -> Result<BlockDevice, Failed<'a>> {
    let begin_ms = monotonic_ms();
    let end_ms =
        if limit_ms == FOR_EVER { u64::MAX } else { begin_ms.saturating_add(limit_ms.into()) };
    let mut speak_ms = begin_ms.saturating_add(PATIENCE_MS);
    let mut has_news = false;
    loop {
        make_nodes();
        if let Some(device) = find_device(name) {
            return Ok(device);
        }
        // Devices that need a module are not looked at before: most often what is wanted is on its way.
        if core::mem::take(&mut has_news) {
            modules::load_for_devices();
            continue;
        }
        // A kernel without a network says nothing.
        let messages = messages.as_ref().map_err(|error| Failed::At(root, *error))?;
        let now_ms = monotonic_ms();
        if now_ms >= end_ms {
            say_devices(root);
            return Err(Failed::At(root, CallError { call: Call::Openat, errno: Errno::NOENT }));
        }
        if now_ms >= speak_ms {
            speak_ms = u64::MAX;
            let mut line = report::line();
            report::say_of_boot(core::mem::take(line.text("waits for ").operand(root)));
        }
        let limit_ms = end_ms.min(speak_ms).saturating_sub(now_ms);
        has_news = await_devices(messages, limit_ms).map_err(Failed::Asked)?;
    }
}

/// Waits for a message, and takes all that are there. Whether they tell of devices that may need a module; and how the
/// machine is to end, if somebody has asked for that in the meantime.
fn await_devices(messages: &Messages, limit_ms: u64) -> Result<bool, End> {
    let mut message = [0; 4096];
    let mut wait_ms = u32::try_from(limit_ms).unwrap_or(FOR_EVER);
    let mut has_news = false;
    loop {
        let message = messages.wait(wait_ms, &mut message);
        if message.is_empty() {
            break;
        }
        has_news |= message.starts_with(b"add@")
            && parts(message, 0).any(|text| text.starts_with(b"MODALIAS="));
        wait_ms = 0;
    }
    while let Some(arrived) = signal::wait(0) {
        if let Some(end) = end_asked_by(arrived.signal) {
            return Err(end);
        }
    }
    Ok(has_news)
}

/// One line for each block device: what could have been meant.
fn say_devices(root: &[u8]) {
    let mut line = report::line();
    line.operand(root).packed(packed!(" is not among the block devices:"));
    report::say_of_boot(line);
    for_each_device(&mut |_, device| {
        let mut line = report::line();
        line.text("  ").operand(device.path().to_bytes());
        if let Some(identity) = device.identity() {
            identity.describe(&mut line);
        }
        report::say_of_boot(line);
        true
    });
}

/// Where the real root and what is written over it will lie.
#[inline(never)]
fn make_overlay_places(parameters: &BootParameters<'_>) -> Result<&'static CStr, CallError> {
    for path in &[c"/run/overlay", LOWER, MEMORY] {
        make_directory(path, 0o755)?;
    }
    let mut buffer = [0; 256];
    let size = parameters.overlay.filter(|size| !size.is_empty()).unwrap_or(OVERLAY_SIZE);
    let data = Arena::new(&mut buffer).join(&[b"mode=755,size=", size]).map_err(|_| TOO_LONG)?;
    mount(c"tmpfs", MEMORY, c"tmpfs", MountFlags::empty(), Some(data))
        .map_err(Call::Mount.failed())?;
    for name in &[c"/run/overlay/memory/upper", c"/run/overlay/memory/work"] {
        mkdirat(CWD, *name, Mode::from_raw_mode(0o755)).map_err(Call::Mkdirat.failed())?;
    }
    Ok(LOWER)
}

fn mount_overlay() -> Result<(), CallError> {
    const DATA: &CStr =
        c"lowerdir=/run/overlay/lower,upperdir=/run/overlay/memory/upper,workdir=/run/overlay/memory/work";
    mount_kinds(c"overlay", NEW_ROOT, c"overlay", 0, DATA)
}
