//! Whether a machine's guests run on KVM, found out by booting one.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;

use super::{Console, Machine};
use crate::arch::Arch;
use crate::layout;
use crate::test::guest::{self, End};
use crate::test::verdict;

/// What runs the guest's instructions: the processor, or QEMU's translator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accel {
    Kvm,
    Tcg,
}

impl Accel {
    /// As QEMU and the cache file spell it.
    pub fn name(self) -> &'static str {
        match self {
            Accel::Kvm => "kvm",
            Accel::Tcg => "tcg",
        }
    }
}

/// How long a guest on KVM may take until its verdict: where KVM works it needs one second.
const PROBE_LIMIT: Duration = Duration::from_secs(8);

/// KVM, if a guest really comes up on it: on some machines /dev/kvm can be opened, and every guest
/// hangs. This is found out once for each boot of this machine, by booting `initramfs`.
pub fn choose(arch: Arch, kernel: &Path, initramfs: &Path) -> Result<Accel> {
    // The instructions of another kind of processor can only be translated.
    if !arch.is_host() {
        return Ok(Accel::Tcg);
    }
    let note = layout::cache().join("accel");
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let noted = fs::read_to_string(&note).unwrap_or_default();
    if let Some(accel) = remembered(&noted, boot.trim(), kernel) {
        return Ok(accel);
    }
    let accel = if kvm_opens() { probe(arch, kernel, initramfs)? } else { Accel::Tcg };
    let text = format!("{} {} {}\n", boot.trim(), accel.name(), kernel.display());
    layout::write_atomically(&note, text.as_bytes(), 0o644)?;
    Ok(accel)
}

/// What an earlier probe has noted, if it was in this boot of the machine. That a guest does not come up
/// may be its kernel's fault, and says nothing about others.
fn remembered(note: &str, boot: &str, kernel: &Path) -> Option<Accel> {
    let mut fields = note.trim_end_matches('\n').splitn(3, ' ');
    let (noted_boot, name, noted_kernel) = (fields.next()?, fields.next()?, fields.next()?);
    if boot.is_empty() || noted_boot != boot {
        return None;
    }
    let accel = [Accel::Kvm, Accel::Tcg].into_iter().find(|a| a.name() == name)?;
    let counts = accel == Accel::Kvm || noted_kernel == kernel.display().to_string();
    counts.then_some(accel)
}

fn kvm_opens() -> bool {
    fs::File::options().read(true).write(true).open("/dev/kvm").is_ok()
}

fn probe(arch: Arch, kernel: &Path, initramfs: &Path) -> Result<Accel> {
    let append = "rootlet.run=/bin/true";
    let machine = Machine {
        arch,
        kernel,
        initramfs: Some(initramfs),
        append,
        accel: Accel::Kvm,
        drives: &[],
        shares: &[],
        console: Console::Pipe,
    };
    let seen = guest::watch(&machine.command(), PROBE_LIMIT)?;
    let came_up = matches!(seen.end, End::Exited(_))
        && seen.lines.iter().any(|line| line.contains(verdict::MARK));
    let accel = if came_up { Accel::Kvm } else { Accel::Tcg };
    let seconds = seen.took.as_secs_f32();
    println!("a guest on KVM {} ({seconds:.1} s): using {}", came_up_words(came_up), accel.name());
    Ok(accel)
}

fn came_up_words(came_up: bool) -> &'static str {
    if came_up { "comes up" } else { "does not come up" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_counts_in_the_same_boot_only() {
        let rows = [
            ("b1 kvm /my kernel\n", "b1", Some(Accel::Kvm)),
            ("b1 tcg /my kernel\n", "b1", Some(Accel::Tcg)),
            ("b1 kvm /my kernel\n", "b2", None),
            ("b1 what /my kernel\n", "b1", None),
            ("b1 kvm\n", "b1", None),
            (" kvm /my kernel", "", None),
            ("", "b1", None),
        ];
        for (note, boot, expected) in rows {
            let found = remembered(note, boot, Path::new("/my kernel"));
            assert_eq!(found, expected, "{note:?} in {boot:?}");
        }
    }

    #[test]
    fn a_kernel_that_does_not_come_up_on_kvm_says_nothing_about_others() {
        let other = Path::new("/other");
        assert_eq!(remembered("b1 tcg /broken\n", "b1", other), None);
        assert_eq!(remembered("b1 kvm /good\n", "b1", other), Some(Accel::Kvm));
    }
}
