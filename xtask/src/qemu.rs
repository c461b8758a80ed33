//! QEMU: the command line of a virtual machine.

pub mod accel;
pub mod bus;
pub mod monitor;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::arch::Arch;
use crate::program;
use accel::Accel;
use bus::Bus;

/// Where the guest's serial line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Console<'a> {
    /// Our own terminal: Ctrl-C goes to the guest, Ctrl-A X ends QEMU.
    Terminal,
    /// Our pipe.
    Pipe,
    /// Our pipe, and QEMU connects its monitor to this socket. QEMU does not end with the machine:
    /// it says how that ended, and waits for `quit`. If it ended at once the event could be lost.
    Monitored(&'a Path),
}

/// A disk image and how the machine sees it.
#[derive(Clone, Debug)]
pub struct Drive {
    pub image: PathBuf,
    pub bus: Bus,
    /// It is not there when the machine starts: the monitor plugs it in later.
    pub late: bool,
}

/// A folder of this machine that the guest mounts by its tag, as 9p.
#[derive(Clone, Debug)]
pub struct Shared {
    pub tag: String,
    pub folder: PathBuf,
}

/// One virtual machine.
pub struct Machine<'a> {
    pub arch: Arch,
    pub kernel: &'a Path,
    /// Without one the kernel mounts its root by itself.
    pub initramfs: Option<&'a Path>,
    /// Appended to the kernel command line.
    pub append: &'a str,
    pub accel: Accel,
    pub drives: &'a [Drive],
    pub shares: &'a [Shared],
    pub console: Console<'a>,
}

/// The kernel command line of every machine. It reboots at once after a panic (which ends QEMU, by
/// -no-reboot), and skips what takes long under TCG: self-tests and mitigations.
const KERNEL_COMMAND_LINE: &str = "panic=-1 cryptomgr.notests mitigations=off nokaslr quiet";

/// Added to it on x86_64, to skip the calibration of its clocks. On other machines the kernel does
/// not know these words, and would hand them to init as arguments.
const X86_64_COMMAND_LINE: &str = "tsc=reliable no_timer_check lpj=4000000";

impl Machine<'_> {
    /// The name of the QEMU program.
    pub fn program(&self) -> String {
        program_for(self.arch)
    }

    /// The whole command line.
    pub fn command(&self) -> Command {
        let mut command = Command::new(self.program());
        // Not -nographic: that would put the firmware's own text on the serial line too.
        command.args(["-m", "256", "-nodefaults", "-no-reboot", "-display", "none"]);
        command.args(["-accel", self.accel.name()]);
        let serial = match self.console {
            Console::Terminal => "mon:stdio",
            Console::Pipe | Console::Monitored(_) => "stdio",
        };
        command.args(["-serial", serial]);
        if let Console::Monitored(socket) = self.console {
            command.args(["-no-shutdown", "-qmp", &format!("unix:{}", comma(socket))]);
        }
        let tty = match self.arch {
            Arch::X86_64 => {
                command.args(["-machine", "pc"]);
                format!("ttyS0 {X86_64_COMMAND_LINE}")
            }
            Arch::Aarch64 => {
                command.args(["-machine", "virt", "-cpu", "cortex-a57"]);
                "ttyAMA0".to_owned()
            }
        };
        command.arg("-kernel").arg(self.kernel);
        if let Some(initramfs) = self.initramfs {
            command.arg("-initrd").arg(initramfs);
        }
        let line = format!("console={tty} {KERNEL_COMMAND_LINE} {}", self.append);
        command.args(["-append", line.trim_end()]);
        self.attach(&mut command);
        command
    }

    /// Disks and shared folders. Each controller comes once, before the first disk that needs it.
    fn attach(&self, command: &mut Command) {
        let mut controllers = Vec::new();
        for (index, drive) in self.drives.iter().enumerate() {
            let (file, format) = (comma(&drive.image), format_of(&drive.image));
            let option = format!("file={file},format={format},if=none,id=drive{index}");
            command.args(["-drive", &option]);
            if let Some(controller) = drive.bus.controller()
                && !controllers.contains(&controller)
            {
                command.args(["-device", controller]);
                controllers.push(controller);
            }
            if drive.late && drive.bus.needs_port(self.arch) {
                command.args(["-device", &bus::port_option(index)]);
            }
            if !drive.late {
                command.args(["-device", &bus::device_option(drive.bus, index)]);
            }
        }
        for (index, share) in self.shares.iter().enumerate() {
            let path = comma(&share.folder);
            // Owners stay those of the files; only root may set them.
            let option = format!("local,id=share{index},path={path},security_model=none");
            command.args(["-fsdev", &option]);
            let option = format!("virtio-9p-pci,fsdev=share{index},mount_tag={}", share.tag);
            command.args(["-device", &option]);
        }
    }
}

/// The name of the QEMU program for a machine.
pub fn program_for(arch: Arch) -> String {
    format!("qemu-system-{}", arch.name())
}

/// In QEMU's options a comma within a value is written twice.
fn comma(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

/// A disk without qcow2's first bytes is raw; QEMU warns when it has to guess.
fn format_of(disk: &Path) -> &'static str {
    use std::io::Read;
    let mut start = [0; 4];
    let read = fs::File::open(disk).and_then(|mut file| file.read_exact(&mut start));
    if read.is_ok() && &start == b"QFI\xfb" { "qcow2" } else { "raw" }
}

/// The QEMU program, or an error that says how to get it.
pub fn installed(arch: Arch) -> Result<PathBuf> {
    let name = program_for(arch);
    let package = match arch {
        Arch::X86_64 => "qemu-system-x86",
        Arch::Aarch64 => "qemu-system-arm",
    };
    program::find(&name)
        .with_context(|| format!("{name} is not installed (apt-get install {package})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A machine whose files need not exist.
    fn machine(drives: &[Drive]) -> Machine<'_> {
        Machine {
            arch: Arch::X86_64,
            kernel: Path::new("/k"),
            initramfs: Some(Path::new("/i")),
            append: "rootlet.run=\"a b\"",
            accel: Accel::Tcg,
            drives,
            shares: &[],
            console: Console::Pipe,
        }
    }

    fn drive(image: &Path, bus: Bus, late: bool) -> Drive {
        Drive { image: image.to_owned(), bus, late }
    }

    #[test]
    fn the_command_line_names_console_and_disk() {
        let folder = tempfile::tempdir().unwrap();
        let disk = folder.path().join("a,b");
        fs::write(&disk, b"QFI\xfb....").unwrap();
        let drives = [drive(&disk, Bus::Nvme, false)];
        let line = program::line(&machine(&drives).command());
        assert!(line.starts_with("qemu-system-x86_64 "), "{line}");
        assert!(line.contains("-append console=ttyS0 tsc=reliable"), "{line}");
        assert!(line.contains("quiet rootlet.run=\"a b\" -drive"), "{line}");
        assert!(line.contains("a,,b,format=qcow2,if=none"), "{line}");
        assert!(line.ends_with("-device driver=nvme,drive=drive0,serial=rootlet0"), "{line}");
        let other = Machine { arch: Arch::Aarch64, append: "", initramfs: None, ..machine(&[]) };
        let line = program::line(&other.command());
        assert!(line.contains("-machine virt") && line.ends_with("nokaslr quiet"), "{line}");
        assert!(!line.contains("-initrd"), "{line}");
    }

    #[test]
    fn a_controller_comes_once_and_a_late_disk_not_at_all() {
        let path = Path::new("/d");
        let drives = [
            drive(path, Bus::Usb, true),
            drive(path, Bus::Usb, false),
            drive(path, Bus::Ahci, false),
        ];
        let line = program::line(&machine(&drives).command());
        assert_eq!(line.matches("-device qemu-xhci,id=xhci").count(), 1, "{line}");
        assert!(!line.contains("drive=drive0"), "{line}");
        assert!(line.contains("driver=usb-storage,bus=xhci.0,drive=drive1"), "{line}");
        assert!(line.contains("-device ahci,id=ahci -device driver=ide-hd,bus=ahci.2"), "{line}");
    }

    #[test]
    fn where_pci_is_express_a_late_disk_has_a_port() {
        let drives = [drive(Path::new("/d"), Bus::Virtio, true)];
        let port = "-device pcie-root-port,id=port0,chassis=1";
        for (arch, expected) in [(Arch::Aarch64, true), (Arch::X86_64, false)] {
            let line = program::line(&Machine { arch, ..machine(&drives) }.command());
            assert_eq!(line.contains(port), expected, "{line}");
            let place = bus::device_arguments(Bus::Virtio, 0, arch)["bus"].clone();
            assert_eq!(place == "port0", expected, "{place}");
            assert_eq!(bus::device_arguments(Bus::Scsi, 0, arch)["bus"], "scsi.0");
        }
    }

    #[test]
    fn shares_and_the_monitor_are_named() {
        let shares = [Shared { tag: "root".to_owned(), folder: PathBuf::from("/a,b") }];
        let console = Console::Monitored(Path::new("/q"));
        let line = program::line(&Machine { shares: &shares, console, ..machine(&[]) }.command());
        assert!(line.contains("-no-shutdown -qmp unix:/q"), "{line}");
        assert!(line.contains("path=/a,,b,security_model=none"), "{line}");
        assert!(line.contains("fsdev=share0,mount_tag=root"), "{line}");
    }
}
