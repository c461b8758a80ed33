//! `boot`: a virtual machine with rootlet as its init, on this terminal.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use lexopt::prelude::*;

use crate::arch::Arch;
use crate::qemu::accel;
use crate::qemu::bus::Bus;
use crate::qemu::{self, Console, Drive, Machine};
use crate::{image, kernel, layout, program};

pub const USAGE: &str = "\
boot [--arch ARCH] [--kernel FILE] [--append WORDS] [--disk FILE] [--bare] [--add FILE:DST]…
    boots an image made as by `image` in QEMU, its console on this terminal (Ctrl-A X ends
    it); the kernel is FILE, else ROOTLET_KERNEL, else fetched with apt";

pub fn perform(mut arguments: lexopt::Parser) -> Result<ExitCode> {
    let mut request = image::Request { arch: Arch::X86_64, bare: false, added: Vec::new() };
    let (mut kernel, mut disk, mut append) = (None, None, Vec::new());
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("arch") => request.arch = Arch::parse(&arguments.value()?.string()?)?,
            Long("bare") => request.bare = true,
            Long("add") => request.added.push(image::parse_added(&arguments.value()?.string()?)?),
            Long("kernel") => kernel = Some(PathBuf::from(arguments.value()?)),
            Long("disk") => disk = Some(PathBuf::from(arguments.value()?)),
            Long("append") => append.push(arguments.value()?.string()?),
            _ => return Err(argument.unexpected().into()),
        }
    }
    let arch = request.arch;
    qemu::installed(arch)?;
    let kernel = kernel.map_or_else(|| kernel::find(arch), Ok)?;
    let initramfs = layout::dist().join(format!("boot-{}.cpio.gz", arch.name()));
    image::write(&image::make(&request)?, &initramfs)?;
    let accel = accel::choose(arch, &kernel, &initramfs)?;
    let drives: Vec<_> =
        disk.map(|image| Drive { image, bus: Bus::Nvme, late: false }).into_iter().collect();
    let machine = Machine {
        arch,
        kernel: &kernel,
        initramfs: Some(&initramfs),
        append: &append.join(" "),
        accel,
        drives: &drives,
        shares: &[],
        console: Console::Terminal,
    };
    eprintln!("{}", program::line(&machine.command()));
    program::run(&mut machine.command())?;
    Ok(ExitCode::SUCCESS)
}
