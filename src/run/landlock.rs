//! Files can be used below the allowed paths alone. Source: landlock(7).

use rustix::fs::{CWD, FileType, fstat};

use crate::input::landlock::FileRule;
use crate::sys::descriptor::{OpenFlags, open};
use crate::sys::landlock::{self as sys, Rights};
use crate::text::call::{Call, CallError};

/// Restricts this process and all that it becomes and starts.
///
/// # Errors
/// The call that failed: ENOSYS or EOPNOTSUPP where the kernel has no Landlock.
#[inline(never)]
pub fn restrict(rules: &[FileRule<'_>]) -> Result<(), CallError> {
    let all = sys::known_rights().map_err(Call::LandlockCreateRuleset.failed())?;
    let ruleset = sys::create(all).map_err(Call::LandlockCreateRuleset.failed())?;
    for rule in rules {
        let file = open(CWD, rule.path, OpenFlags::PATH).map_err(Call::Openat.failed())?;
        let status = fstat(&file).map_err(Call::Fstat.failed())?;
        let mut rights = if rule.write { all } else { all.and(Rights::READ) };
        if FileType::from_raw_mode(status.st_mode) != FileType::Directory {
            // Rights of a directory on what is none are an error to the kernel.
            rights = rights.and(Rights::OF_FILE);
        }
        sys::allow(ruleset.as_fd(), file.as_fd(), rights)
            .map_err(Call::LandlockAddRule.failed())?;
    }
    sys::restrict(ruleset.as_fd()).map_err(Call::LandlockRestrictSelf.failed())
}
