//! How long inits take to start their first service, and to switch off.
//!
//! The same machine and service for each, by turns: a lean init in C that does no more than it must,
//! rootlet, busybox. Times are taken from the kernel's log.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::ground::Ground;
use super::guest;
use super::tally::{Skip, Tally};
use crate::arch::Arch;
use crate::kernel::Kernel;
use crate::newc::{Entry, Kind, Tree};
use crate::qemu::accel::Accel;
use crate::qemu::{Console, Machine};
use crate::{image, layout, program};

const NAME: &str = "boot-time";
/// How many times each init is booted.
const ROUNDS: usize = 5;
const LIMIT: Duration = Duration::from_secs(60);
/// How long rootlet may take to the first service, as a multiple of the lean init's time.
const MOST: f64 = 1.5;
/// How long rootlet may take from the request to the end, where nothing has to be stopped.
const MOST_TO_END_MS: f64 = 50.0;

/// What one boot has shown, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    pub to_service: f64,
    pub to_end: f64,
}

/// What all boots have shown, each init's under its name.
pub struct Race {
    pub accel: Accel,
    pub inits: [(&'static str, Vec<Times>); 3],
}

/// Runs the race and holds rootlet to its bounds.
pub fn run(rootlet: &Path, rootfs: &Path, filter: Option<&str>, tally: &mut Tally) -> Result<()> {
    if !filter.is_none_or(|filter| NAME.contains(filter)) {
        return Ok(());
    }
    let kernel = match available() {
        Ok(kernel) => kernel,
        Err(reason) => {
            let reason = format!("{reason:#}");
            tally.skip(Skip { test: format!("vm {NAME}"), reason, scenario: None });
            return Ok(());
        }
    };
    let Race { accel, mut inits } = race(kernel.clone(), rootlet, rootfs, ROUNDS)?;
    if !is_fast(&inits) {
        // The least of a few times depends on chance: for all inits as many again are taken.
        let more = race(kernel, rootlet, rootfs, ROUNDS)?;
        for ((_, times), (_, others)) in inits.iter_mut().zip(more.inits) {
            times.extend(others);
        }
    }
    let [lean, own, busybox] = inits.each_ref().map(|(_, times)| least(times));
    let ratio = own.to_service / lean.to_service;
    println!(
        "vm {NAME} ({}): to the first service lean {:.1} ms, rootlet {:.1} ms, busybox {:.1} ms: ratio {ratio:.2}",
        accel.name(),
        lean.to_service,
        own.to_service,
        busybox.to_service
    );
    println!(
        "vm {NAME}: to power-off with nothing to stop lean {:.1} ms, rootlet {:.1} ms, busybox {:.1} ms",
        lean.to_end, own.to_end, busybox.to_end
    );
    match is_fast(&inits) {
        true => tally.pass(1),
        false => tally.fail(format!("vm {NAME}: ratio {ratio:.2}, at most {MOST}; {:.1} ms to the end, at most {MOST_TO_END_MS}", own.to_end)),
    }
    Ok(())
}

/// The kernel to boot. The error says what this machine lacks for a race.
pub fn available() -> Result<Kernel> {
    for tool in ["cc", "busybox"] {
        program::find(tool).with_context(|| format!("{tool} is not installed"))?;
    }
    Ground::available(Arch::X86_64)
}

/// Boots each init in turn, `rounds` times.
pub fn race(kernel: Kernel, rootlet: &Path, rootfs: &Path, rounds: usize) -> Result<Race> {
    let image = kernel.image.clone();
    let accel = Ground::new(Arch::X86_64, kernel, rootlet, rootfs, &[])?.accel;
    let folder = tempfile::tempdir_in(layout::target())?;
    let [lean, service] = ["lean", "service"].map(|name| compile(name, folder.path()));
    let (lean, service) = (lean?, service?);
    let busybox = program::find("busybox").context("busybox")?;
    let programs = [lean.as_path(), rootlet, &busybox];
    let mut inits = ["lean", "rootlet", "busybox"].map(|name| (name, Vec::new()));
    for _ in 0..rounds {
        for (program, (name, seen)) in programs.iter().zip(&mut inits) {
            let initramfs = folder.path().join("initramfs.cpio");
            image::write(&tree(name, program, &service)?, &initramfs)?;
            seen.push(boot(&image, accel, &initramfs).with_context(|| (*name).to_owned())?);
        }
    }
    Ok(Race { accel, inits })
}

fn compile(name: &str, folder: &Path) -> Result<PathBuf> {
    let source = layout::root().join(format!("tests/boot_time/{name}.c"));
    let output = folder.join(name);
    program::run(Command::new("cc").args(["-O2", "-static", "-o"]).arg(&output).arg(source))?;
    Ok(output)
}

/// An initramfs with the init, the service, and for busybox's init what it cannot do by itself.
fn tree(name: &str, init: &Path, service: &Path) -> Result<Tree> {
    let mut tree = Tree::default();
    image::add(&mut tree, init, "init")?;
    image::add(&mut tree, service, "service")?;
    let mut inittab = String::new();
    if name == "busybox" {
        for applet in ["sh", "mount"] {
            let kind = Kind::Link("../init".to_owned());
            tree.add(&format!("bin/{applet}"), Entry { kind, mode: 0o777, owner: 0 });
        }
        for mount in ["proc /proc", "sysfs /sys", "devtmpfs /dev", "tmpfs /run"] {
            let (kind, place) = mount.split_once(' ').unwrap_or_default();
            inittab.push_str(&format!("::sysinit:mount -t {kind} {kind} {place}\n"));
            tree.add(place, Entry { kind: Kind::Folder, mode: 0o755, owner: 0 });
        }
    }
    inittab.push_str("::once:/service\n");
    let kind = Kind::File(inittab.into_bytes());
    tree.add("etc/inittab", Entry { kind, mode: 0o644, owner: 0 });
    tree.add("dev/console", Entry { kind: Kind::Device(5, 1), mode: 0o600, owner: 0 });
    Ok(tree)
}

fn boot(kernel: &Path, accel: Accel, initramfs: &Path) -> Result<Times> {
    // At the usual level the kernel would not print that it starts init.
    let append = "loglevel=7";
    let (arch, console) = (Arch::X86_64, Console::Pipe);
    let initramfs = Some(initramfs);
    let machine =
        Machine { arch, kernel, initramfs, append, accel, drives: &[], shares: &[], console };
    let seen = guest::watch(&machine.command(), LIMIT)?;
    let at = |text: &str| time_of(&seen.lines, text);
    let (start, up) = (at("Run /init as init process")?, at("service: up")?);
    let (asked, end) = (at("service: asks for the end")?, at("reboot: Power down")?);
    ensure!(start < up && asked < end, "times out of order");
    Ok(Times { to_service: (up - start) * 1000.0, to_end: (end - asked) * 1000.0 })
}

/// The time of a line of the kernel's log, `[    1.234567] TEXT`, in seconds.
fn time_of(lines: &[String], text: &str) -> Result<f64> {
    let line = lines.iter().find(|line| line.contains(text));
    let line = line.with_context(|| format!("no line {text:?}"))?;
    let stamp = line.split_once('[').and_then(|(_, rest)| rest.split_once(']'));
    let (stamp, _) = stamp.with_context(|| format!("no time in {line:?}"))?;
    stamp.trim().parse().with_context(|| line.clone())
}

/// Whether rootlet keeps its bounds.
fn is_fast(inits: &[(&'static str, Vec<Times>); 3]) -> bool {
    let [lean, own, _] = inits.each_ref().map(|(_, times)| least(times));
    own.to_service / lean.to_service <= MOST && own.to_end <= MOST_TO_END_MS
}

/// The least of each time: whatever else the machine does makes times longer, never shorter.
fn least(times: &[Times]) -> Times {
    let least = |value: fn(&Times) -> f64| times.iter().map(value).fold(f64::INFINITY, f64::min);
    Times { to_service: least(|times| times.to_service), to_end: least(|times| times.to_end) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_the_kernels() {
        let lines = ["[    0.5] a", "[    1.250000] Run /init as init process"].map(String::from);
        assert_eq!(time_of(&lines, "Run /init").unwrap(), 1.25);
        assert!(time_of(&lines, "service").is_err());
        let times = [3.0, 1.0, 2.0].map(|ms| Times { to_service: ms, to_end: 4.0 - ms });
        assert_eq!(least(&times), Times { to_service: 1.0, to_end: 1.0 });
    }
}
