//! The records of the caller's containers, for all who look for one.

use rustix::process::geteuid;

use crate::facts::naming::records;
use crate::input::record::ENTRY_BYTES;
use crate::report;
use crate::run::record::open_list;
use crate::sys::descriptor::Descriptor;
use crate::sys::vectors::Strings;
use crate::text::arena::Arena;

/// Opens them; none where the caller has never had any.
///
/// # Errors
/// The exit status: what is wrong has been said.
#[inline(never)]
pub fn open_records(environment: Strings<'_>) -> Result<Option<Descriptor>, i32> {
    let mut buffer = [0; ENTRY_BYTES];
    let uid = geteuid().as_raw();
    let path = records(environment, uid, &mut Arena::new(&mut buffer)).map_err(|refusal| {
        let mut line = report::line();
        line.text("XDG_RUNTIME_DIR");
        report::refused(line, refusal.cause())
    })?;
    open_list(path, uid).map_err(|error| report::failed_call(error, path.to_bytes()))
}
