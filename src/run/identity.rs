//! Who a process is: names of the machine, ids, capabilities, ties.

use heapless::Vec;
use rustix::process::DumpableBehavior;
use rustix::thread::{CapabilitySet as KernelSet, CapabilitySets, Gid, Uid};

use crate::input::capability::CapabilitySet;
use crate::input::users::GROUPS;
use crate::sys::process;
use crate::sys::signal::Signal;
use crate::text::call::{Call, CallError};

type Outcome = Result<(), CallError>;

/// Sets the supplementary groups. setgroups(2).
pub fn set_groups(groups: &[u32]) -> Outcome {
    let groups: Vec<Gid, GROUPS> =
        groups.iter().take(GROUPS).map(|gid| Gid::from_raw_unchecked(*gid)).collect();
    rustix::thread::set_thread_groups(&groups).map_err(Call::Setgroups.failed())
}

/// Sets real, effective and saved group id. setresgid(2).
pub fn set_group(gid: u32) -> Outcome {
    let gid = Gid::from_raw_unchecked(gid);
    rustix::thread::set_thread_res_gid(gid, gid, gid).map_err(Call::Setresgid.failed())
}

/// Sets real, effective and saved user id; leaving 0 empties the capabilities. setresuid(2).
pub fn set_user(uid: u32) -> Outcome {
    let uid = Uid::from_raw_unchecked(uid);
    rustix::thread::set_thread_res_uid(uid, uid, uid).map_err(Call::Setresuid.failed())
}

/// Sets permitted and effective capabilities; none can be inherited. With no_new_privs no program
/// gets one back. capset(2).
pub fn set_capabilities(set: CapabilitySet) -> Outcome {
    // What the kernel does not have or we do not hold cannot be kept.
    let now = rustix::thread::capabilities(None).map_err(Call::Capget.failed())?;
    let kept = KernelSet::from_bits_retain(set.0) & now.permitted;
    let sets = CapabilitySets { effective: kept, permitted: kept, inheritable: KernelSet::empty() };
    rustix::thread::set_capabilities(None, sets).map_err(Call::Capset.failed())
}

/// Nothing executed from here on gains privileges.
pub fn no_new_privileges() -> Outcome {
    rustix::thread::set_no_new_privs(true).map_err(Call::Prctl.failed())
}

/// Processes of the container cannot trace us or look into /proc/PID.
pub fn undumpable() -> Outcome {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(Call::Prctl.failed())
}

/// The kernel kills us when our parent ends.
pub fn die_with_parent() -> Outcome {
    process::set_death_signal(Signal::KILL).map_err(Call::Prctl.failed())
}

/// Orphans among our descendants become our children although we are not PID 1.
pub fn adopt_orphans() -> Outcome {
    process::adopt_orphans().map_err(Call::Prctl.failed())
}

/// Sets the host name. sethostname(2).
pub fn set_hostname(name: &core::ffi::CStr) -> Outcome {
    rustix::system::sethostname(name.to_bytes()).map_err(Call::Sethostname.failed())
}

/// Sets the NIS domain name. setdomainname(2).
pub fn set_domainname(name: &core::ffi::CStr) -> Outcome {
    rustix::system::setdomainname(name.to_bytes()).map_err(Call::Setdomainname.failed())
}
