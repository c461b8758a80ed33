//! Makes the machines of scenarios (initramfs, disks, shares) and boots them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use super::guest::{self, Operator, Seen};
use super::scenario::{Boot, Initramfs, OnAarch64, Scenario};
use super::verdict::{self, Failure};
use crate::arch::Arch;
use crate::disk::{self, Base, Contents, proof};
use crate::kernel::{self, Flavour, Kernel};
use crate::newc::{Entry, Kind, Tree};
use crate::qemu::accel::{self, Accel};
use crate::qemu::{self, Console, Drive, Machine, Shared, bus, monitor::Socket};
use crate::{image, layout, modules, program};

/// By which factor times are stretched where instructions are translated.
const TCG_PATIENCE: u32 = 3;

/// What all scenarios share.
pub struct Ground {
    pub arch: Arch,
    pub accel: Accel,
    /// The kernels that were looked for, or the reason why one cannot be had.
    kernels: BTreeMap<Flavour, Result<Kernel, String>>,
    rootlet: PathBuf,
    rootfs: PathBuf,
    /// /init and the busybox rootfs.
    tree: Tree,
    /// Images of this run.
    folder: tempfile::TempDir,
}

/// What a machine is made of while it runs.
struct Parts {
    initramfs: Option<PathBuf>,
    drives: Vec<Drive>,
    shares: Vec<Shared>,
}

impl Ground {
    /// The kernel that most machines boot. An error says what is missing here: a reason to skip.
    pub fn available(arch: Arch) -> Result<Kernel> {
        qemu::installed(arch)?;
        kernel::find_flavour(arch, Flavour::Cloud)
    }

    pub fn new(
        arch: Arch,
        kernel: Kernel,
        rootlet: &Path,
        rootfs: &Path,
        scenarios: &[Scenario],
    ) -> Result<Ground> {
        let folder = tempfile::tempdir_in(layout::target())?;
        let tree = image::base(rootlet, Some(rootfs))?;
        let probe = folder.path().join("probe.cpio");
        image::write(&tree, &probe)?;
        let accel = accel::choose(arch, &kernel.image, &probe)?;
        let mut kernels = BTreeMap::from([(Flavour::Cloud, Ok(kernel))]);
        // Other kernels are big downloads: they are fetched only for scenarios that boot them.
        for flavour in scenarios.iter().flat_map(boots).map(|boot| boot.kernel) {
            kernels.entry(flavour).or_insert_with(|| {
                kernel::find_flavour(arch, flavour).map_err(|error| format!("{error:#}"))
            });
        }
        let (rootlet, rootfs) = (rootlet.to_owned(), rootfs.to_owned());
        Ok(Ground { arch, accel, kernels, rootlet, rootfs, tree, folder })
    }

    /// Why a scenario cannot run here.
    pub fn lacks(&self, scenario: &Scenario) -> Option<String> {
        let boots = || boots(scenario);
        let kernels = boots().find_map(|boot| match self.kernels.get(&boot.kernel)? {
            Err(reason) => Some(reason.clone()),
            Ok(kernel) if !boot.modules.is_empty() && kernel.modules.is_none() => {
                Some("no tables of the kernel's modules".to_owned())
            }
            Ok(_) => None,
        });
        let missing = |(name, package): (&str, &str)| {
            let reason = format!("{name} is not installed (apt-get install {package})");
            program::find(name).is_none().then_some(reason)
        };
        let owners = boots().any(|boot| boot.contents().next().is_some());
        let root = owners && !rustix::process::geteuid().is_root();
        let root = root.then(|| "only root can make files of other owners".to_owned());
        let never = match &scenario.aarch64 {
            OnAarch64::Never(reason) if self.arch == Arch::Aarch64 => Some(reason.clone()),
            _ => None,
        };
        never.or(kernels).or_else(|| programs(scenario).into_iter().find_map(missing)).or(root)
    }

    /// Boots and judges one of the two machines of a scenario. The outer error is a failure of this
    /// machine, the inner one of the guest.
    pub fn boot(
        &self,
        scenario: &Scenario,
        which: &str,
        boot: &Boot,
    ) -> Result<(Seen, Result<(), Failure>)> {
        let prefix = format!("{}-{which}-", scenario.name);
        let folder = tempfile::Builder::new().prefix(&prefix).tempdir_in(self.folder.path())?;
        let parts = self.parts(boot, folder.path())?;
        let seen = self.run(boot, &parts)?;
        let patience = if self.accel == Accel::Tcg { TCG_PATIENCE } else { 1 };
        let judged = verdict::judge(&seen, &scenario.expected, patience);
        let judged = judged.and_then(|()| look(scenario, boot, &parts.drives));
        Ok((seen, judged))
    }

    fn parts(&self, boot: &Boot, folder: &Path) -> Result<Parts> {
        let mut initramfs = None;
        if let Some(tree) = self.initramfs(boot)? {
            // It is not compressed: under TCG unpacking takes longer than reading more.
            let path = folder.join("initramfs.cpio");
            image::write(&tree, &path)?;
            initramfs = Some(path);
        }
        let mut drives = Vec::new();
        for (index, disk) in boot.disks.iter().enumerate() {
            let place = folder.join(format!("disk{index}"));
            fs::create_dir(&place)?;
            let tree = disk.contents.as_ref().map(|c| self.contents(c)).transpose()?;
            let image = disk::make(disk, tree.as_ref(), &place)?;
            let late = boot.steps.iter().any(|step| step.plug == Some(index));
            drives.push(Drive { image, bus: disk.bus, late });
        }
        let mut shares = Vec::new();
        for (index, share) in boot.shares.iter().enumerate() {
            let place = folder.join(format!("share{index}"));
            fs::create_dir(&place)?;
            self.contents(&share.contents)?.write_below(&place)?;
            shares.push(Shared { tag: share.tag.clone(), folder: place });
        }
        Ok(Parts { initramfs, drives, shares })
    }

    fn initramfs(&self, boot: &Boot) -> Result<Option<Tree>> {
        let mut tree = match boot.initramfs {
            Initramfs::Busybox => self.tree.clone(),
            Initramfs::Bare => {
                let mut tree = Tree::default();
                image::add(&mut tree, &self.rootlet, "init")?;
                tree
            }
            Initramfs::None => return Ok(None),
        };
        if let Some(place) = &boot.nested_rootfs {
            image::add(&mut tree, &self.rootfs, place)?;
        }
        if !boot.modules.is_empty() {
            let folder = self.kernel(boot)?.modules.as_ref().context("no modules")?;
            modules::add(&mut tree, folder, &boot.modules, boot.compress)?;
        }
        for (file, place) in &boot.files {
            image::add(&mut tree, file, place)?;
        }
        Ok(Some(tree))
    }

    /// The tree of a disk or a shared folder.
    fn contents(&self, contents: &Contents) -> Result<Tree> {
        let mut tree = Tree::default();
        let link = |to: &str| Entry { kind: Kind::Link(to.to_owned()), mode: 0o777, owner: 0 };
        match contents.base {
            Base::Busybox => {
                image::add(&mut tree, &self.rootfs, "/")?;
                tree.add("bin/rootlet", link("../sbin/init"));
            }
            Base::Rootlet => image::add(&mut tree, &self.rootlet, "sbin/init")?,
            Base::None => {}
        }
        for name in &contents.names {
            tree.add(name, link("/sbin/init"));
        }
        for (file, place) in &contents.files {
            image::add(&mut tree, file, place)?;
        }
        Ok(tree)
    }

    fn kernel(&self, boot: &Boot) -> Result<&Kernel> {
        let kernel = self.kernels.get(&boot.kernel).context("a kernel that was not looked for")?;
        kernel.as_ref().map_err(|reason| anyhow!("{reason}"))
    }

    fn run(&self, boot: &Boot, parts: &Parts) -> Result<Seen> {
        // In the system's folder of temporary files, whose path is short: a socket's path has at most 107 bytes.
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("monitor");
        let machine = Machine {
            arch: self.arch,
            kernel: &self.kernel(boot)?.image,
            initramfs: parts.initramfs.as_deref(),
            append: &boot.append,
            accel: self.accel,
            drives: &parts.drives,
            shares: &parts.shares,
            console: Console::Monitored(&path),
        };
        let drives = parts.drives.iter().enumerate();
        let operator = Operator {
            socket: Socket::new(&path)?,
            steps: &boot.steps,
            devices: drives
                .map(|(index, d)| bus::device_arguments(d.bus, index, self.arch))
                .collect(),
        };
        guest::watch_machine(&machine.command(), boot.limit, operator)
    }
}

fn boots(scenario: &Scenario) -> impl Iterator<Item = &Boot> {
    [&scenario.healthy, &scenario.broken].into_iter()
}

/// Every program that is needed to make the machines and examine their disks, with its package.
fn programs(scenario: &Scenario) -> Vec<(&'static str, &'static str)> {
    let mut programs = Vec::new();
    for boot in boots(scenario) {
        programs.extend(boot.disks.iter().flat_map(disk::Disk::programs));
        programs.extend(boot.compress.map(modules::Compression::program));
        if !boot.modules.is_empty() {
            programs.push(("depmod", "kmod"));
        }
    }
    if !scenario.proofs.is_empty() {
        programs.extend(proof::PROGRAMS);
    }
    programs
}

/// Examines the disks after the machine's end.
fn look(scenario: &Scenario, boot: &Boot, drives: &[Drive]) -> Result<(), Failure> {
    for proof in &scenario.proofs {
        let pair = boot.disks.get(proof.disk).zip(drives.get(proof.disk));
        let looked = pair.context("the disk is not there");
        let looked = looked.and_then(|(disk, drive)| proof.look(disk, &drive.image));
        looked.map_err(|error| Failure::Disk(format!("{error:#}")))?;
    }
    Ok(())
}
