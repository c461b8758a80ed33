//! Randomness that is kept from one boot to the next. Source: random(4).

use core::ffi::CStr;

use rustix::fs::{AtFlags, CWD, Mode, fchmod, unlinkat};
use rustix::io::{read, write};

use crate::sys::descriptor::{OpenFlags, open};

const FILE: &CStr = c"/var/lib/misc/random-seed";
/// What the kernel's pool holds.
const SEED_BYTES: usize = 512;

/// Mixes the kept bytes into the kernel's pool. The file is removed first: bytes that are used twice would give the
/// same numbers twice. The kernel counts them as no randomness, for an image may have been copied.
pub fn load() {
    let Ok(file) = open(CWD, FILE, OpenFlags::READ) else { return };
    let mut bytes = [0; SEED_BYTES];
    if let Ok(length) = read(&file, &mut bytes)
        && unlinkat(CWD, FILE, AtFlags::empty()).is_ok()
        && let Ok(pool) = open(CWD, c"/dev/urandom", OpenFlags::WRITE_WITHOUT_WAITING)
    {
        let _ = write(&pool, bytes.get(..length).unwrap_or_default());
    }
}

/// Keeps new bytes, where the directory is there and can be written.
pub fn save() {
    let Ok(pool) = open(CWD, c"/dev/urandom", OpenFlags::READ) else { return };
    let mut bytes = [0; SEED_BYTES];
    let _ = unlinkat(CWD, FILE, AtFlags::empty());
    if let Ok(file) = open(CWD, FILE, OpenFlags::CREATE)
        && fchmod(&file, Mode::RUSR | Mode::WUSR).is_ok()
        && read(&pool, &mut bytes).is_ok()
    {
        let _ = write(&file, &bytes);
    }
}
