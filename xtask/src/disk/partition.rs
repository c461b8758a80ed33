//! Partition tables, written with sfdisk.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::{Disk, MIB, empty};
use crate::disk::filesystem::Filesystem;
use crate::program;

/// The kind of a disk's partition table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Table {
    /// The filesystem is the whole disk.
    #[default]
    None,
    Gpt,
    Mbr,
}

/// What writes the table, and its package.
pub const PROGRAM: (&str, &str) = ("sfdisk", "fdisk");

/// More than these would need an extended partition in an MBR.
const MOST_PARTITIONS: u64 = 4;

/// Refuses what the disk's table cannot have.
pub fn check(disk: &Disk) -> Result<()> {
    let in_partition = disk.table != Table::None;
    ensure!(in_partition || disk.partition.is_none(), "partition without a table");
    ensure!(in_partition || disk.partuuid.is_none(), "partuuid without a table");
    ensure!(disk.partlabel.is_none() || disk.table == Table::Gpt, "partlabel is for gpt only");
    let number = disk.number();
    ensure!((1..=MOST_PARTITIONS).contains(&number), "partition is 1 to {MOST_PARTITIONS}");
    if let (Table::Mbr, Some(partuuid)) = (disk.table, &disk.partuuid) {
        mbr_identifier(partuuid, number)?;
    }
    Ok(())
}

/// The byte at which partition `number` starts: the table has the first MiB, and each of the empty
/// partitions before it has one.
pub fn offset(number: u64) -> u64 {
    number * MIB
}

/// The disk's identifier in a PARTUUID. An MBR has none for partitions: the kernel makes them of the
/// disk's identifier and the partition's number.
fn mbr_identifier(partuuid: &str, number: u64) -> Result<&str> {
    let disk = partuuid.strip_suffix(&format!("-{number:02}"));
    let disk = disk.filter(|d| d.len() == 8 && d.bytes().all(|b| b.is_ascii_hexdigit()));
    disk.with_context(|| format!("partuuid {partuuid:?} is not 8 digits and -{number:02}"))
}

/// Makes an image with a partition for a filesystem of `size` bytes.
pub fn write(disk: &Disk, size: u64, image: &Path) -> Result<()> {
    // The last MiB is for GPT's second table.
    empty(image, offset(disk.number()) + size + MIB)?;
    let path = program::find(PROGRAM.0).context("no sfdisk")?;
    let mut command = Command::new(path);
    command.args(["--quiet", "--no-reread", "--no-tell-kernel"]).arg(image);
    program::filter(&mut command, script(disk, size)?.as_bytes())?;
    Ok(())
}

/// sfdisk(8), "Script input": a header, then a line for each partition.
fn script(disk: &Disk, size: u64) -> Result<String> {
    let number = disk.number();
    let mut text = String::new();
    if disk.table == Table::Mbr {
        text.push_str("label: dos\n");
        if let Some(partuuid) = &disk.partuuid {
            text.push_str(&format!("label-id: 0x{}\n", mbr_identifier(partuuid, number)?));
        }
    } else {
        text.push_str("label: gpt\n");
    }
    text.push_str("unit: sectors\n");
    let line = |number: u64, bytes: u64| {
        format!("start={}, size={}, type=", offset(number) / 512, bytes / 512)
    };
    for before in 1..number {
        text.push_str(&format!("{}L\n", line(before, MIB)));
    }
    let letter = if disk.filesystem == Filesystem::Swap { 'S' } else { 'L' };
    text.push_str(&format!("{}{letter}", line(number, size)));
    if let Some(partuuid) = disk.partuuid.as_ref().filter(|_| disk.table == Table::Gpt) {
        text.push_str(&format!(", uuid={partuuid}"));
    }
    if let Some(partlabel) = &disk.partlabel {
        text.push_str(&format!(", name=\"{partlabel}\""));
    }
    text.push('\n');
    Ok(text)
}
