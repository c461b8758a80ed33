//! Who a process is: names of the machine, ids, capabilities, ties.

use heapless::Vec;
use rustix::process::DumpableBehavior;
use rustix::thread::{CapabilitySet as KernelSet, CapabilitySets, Gid, Uid};

use crate::input::capability::CapabilitySet;
use crate::input::users::GROUPS;
use crate::sys::process;
use crate::sys::signal::Signal;
use crate::text::call::{Call, CallError};
use crate::text::errno::Errno;

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

/// Joins a new session keyring without a name: the caller's is out of reach. A kernel without keyrings has none to
/// protect. keyctl(2).
pub fn join_session_keyring() -> Outcome {
    match process::join_session_keyring() {
        Err(Errno::NOSYS) => Ok(()),
        answer => answer.map_err(Call::Keyctl.failed()),
    }
}

/// `CAP_AUDIT_READ`, which every kernel that can run a container has (3.16): what is unknown comes after it. capabilities(7).
const LAST_CERTAIN: u32 = 37;

/// Drops all capabilities but these from the bounding set, up to the last that the kernel has. prctl(2).
pub fn bound_capabilities(set: CapabilitySet) -> Outcome {
    for number in (0..u64::BITS).filter(|number| set.0 >> number & 1 == 0) {
        match process::drop_from_bounding_set(number) {
            Err(Errno::INVAL) if number > LAST_CERTAIN => break,
            answer => answer.map_err(Call::Prctl.failed())?,
        }
    }
    Ok(())
}

/// Permitted capabilities outlive the change from user 0 to another; effective ones do not. prctl(2).
pub fn keep_capabilities() -> Outcome {
    rustix::thread::set_keep_capabilities(true).map_err(Call::Prctl.failed())
}

/// What programs of a user other than root keep of capabilities.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Inheritance {
    /// Nothing; root's programs have them by being root's.
    None,
    /// All of them.
    Ambient,
}

/// Sets permitted and effective capabilities. With no_new_privs no program gets another one back. capset(2).
pub fn set_capabilities(set: CapabilitySet, inheritance: Inheritance) -> Outcome {
    let ambient = inheritance == Inheritance::Ambient;
    let wear = |kept: KernelSet| {
        let inheritable = if ambient { kept } else { KernelSet::empty() };
        let sets = CapabilitySets { effective: kept, permitted: kept, inheritable };
        rustix::thread::set_capabilities(None, sets)
    };
    let mut kept = KernelSet::from_bits_retain(set.0);
    match wear(kept) {
        Err(rustix::io::Errno::PERM) => {
            // What the kernel does not have or we do not hold cannot be kept.
            kept &= rustix::thread::capabilities(None).map_err(Call::Capget.failed())?.permitted;
            wear(kept).map_err(Call::Capset.failed())?;
        }
        answer => answer.map_err(Call::Capset.failed())?,
    }
    if ambient {
        for number in (0..u64::BITS).filter(|number| kept.bits() >> number & 1 == 1) {
            process::raise_ambient(number).map_err(Call::Prctl.failed())?;
        }
    }
    Ok(())
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
