//! The broken twin: the same boot with exactly one thing changed.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use toml::{Table, Value};

use super::Boot;
use super::text::{BrokenText, Text};

/// The keys that say what is booted: a twin may change only these. One that merely expected
/// something else would fail, and prove nothing about the machine.
const BOOT_KEYS: &[&str] = &[
    "append",
    "kernel",
    "initramfs",
    "nested_rootfs",
    "modules",
    "compress",
    "disk",
    "share",
    "step",
];

/// Makes the twin. It differs in exactly one thing, so that its failure says something about that thing.
/// `source` is the text of `scenario.toml`, `replaced` are the files below `broken/`.
pub fn boot(
    folder: &Path,
    healthy: &Boot,
    source: &str,
    broken: &BrokenText,
    mut replaced: Vec<(PathBuf, String)>,
) -> Result<Boot> {
    let changes = [broken.append.is_some(), broken.set.is_some(), broken.unset.is_some()];
    match (changes.into_iter().filter(|is_there| *is_there).count(), replaced.pop()) {
        (0, None) => bail!("no broken twin: no append, set or unset, and no file below broken/"),
        (0, Some((file, place))) if replaced.is_empty() => replace(healthy, file, &place),
        (1, None) => changed_text(source, broken)?.boot(folder).context("the broken twin"),
        _ => bail!("the broken twin changes more than one thing"),
    }
}

/// The healthy boot with one file replaced, of the initramfs or of a folder that disks and shares hold.
fn replace(healthy: &Boot, file: PathBuf, place: &str) -> Result<Boot> {
    let mut broken = healthy.clone();
    let mut originals: Vec<&mut PathBuf> = Vec::new();
    let mut lists = vec![&mut broken.files];
    // `Boot::contents_mut` would borrow all of `broken`, whose files are borrowed already.
    let disks = broken.disks.iter_mut().filter_map(|disk| disk.contents.as_mut());
    let contents = disks.chain(broken.shares.iter_mut().map(|share| &mut share.contents));
    lists.extend(contents.map(|contents| &mut contents.files));
    for list in lists {
        originals.extend(list.iter_mut().filter(|(_, p)| p == place).map(|(path, _)| path));
    }
    let first = originals.first().with_context(|| format!("broken{place} replaces nothing"))?;
    let first = (**first).clone();
    // Several disks may hold the same folder; the files of two folders would be two changes.
    ensure!(originals.iter().all(|path| **path == first), "broken{place} replaces two files");
    ensure!(content(&first)? != content(&file)?, "broken{place} is the same as the healthy file");
    originals.into_iter().for_each(|path| path.clone_from(&file));
    Ok(broken)
}

/// What a file holds or where a link leads.
fn content(path: &Path) -> Result<Vec<u8>> {
    let context = || path.display().to_string();
    match path.is_symlink() {
        true => {
            Ok(fs::read_link(path).with_context(context)?.into_os_string().into_encoded_bytes())
        }
        false => fs::read(path).with_context(context),
    }
}

/// The text with the twin's key changed.
fn changed_text(source: &str, broken: &BrokenText) -> Result<Text> {
    let mut table: Table = toml::from_str(source)?;
    if let Some(append) = &broken.append {
        change(&mut table, "append", Some(Value::String(append.clone())))?;
    }
    if let Some(path) = &broken.unset {
        change(&mut table, path, None)?;
    }
    if let Some(set) = &broken.set {
        ensure!(set.len() == 1, "broken.set changes {} keys, not one", set.len());
        for (path, value) in set {
            change(&mut table, path, Some(value.clone()))?;
        }
    }
    table.try_into().context("the broken twin")
}

/// Sets or removes what a path of keys and numbers like `disk.0.label` leads to.
fn change(table: &mut Table, path: &str, value: Option<Value>) -> Result<()> {
    let mut keys: Vec<&str> = path.split('.').collect();
    let last = keys.pop().context("an empty path")?;
    let first = keys.first().copied().unwrap_or(last);
    ensure!(BOOT_KEYS.contains(&first), "broken: {first} is none of {BOOT_KEYS:?}");
    let mut whole = Value::Table(std::mem::take(table));
    let mut place = &mut whole;
    for key in keys {
        place = inner(place, key).with_context(|| format!("broken: {path}: there is no {key}"))?;
    }
    let before = inner(place, last).map(|value| value.clone());
    ensure!(before != value, "broken: {path} is the same as in the healthy boot");
    put(place, last, value).with_context(|| format!("broken: {path}"))?;
    if let Value::Table(changed) = whole {
        *table = changed;
    }
    Ok(())
}

fn inner<'a>(value: &'a mut Value, key: &str) -> Option<&'a mut Value> {
    match value {
        Value::Table(table) => table.get_mut(key),
        Value::Array(array) => array.get_mut(key.parse::<usize>().ok()?),
        _ => None,
    }
}

fn put(place: &mut Value, key: &str, value: Option<Value>) -> Result<()> {
    match (place, value) {
        (Value::Table(table), Some(value)) => drop(table.insert(key.to_owned(), value)),
        (Value::Table(table), None) => drop(table.remove(key)),
        (Value::Array(array), value) => {
            let index: usize = key.parse().context("not a number")?;
            ensure!(index < array.len(), "only {} of them", array.len());
            match value {
                Some(value) => array[index] = value,
                None => drop(array.remove(index)),
            }
        }
        _ => bail!("no table and no list"),
    }
    Ok(())
}
