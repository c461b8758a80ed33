//! The prototype file from which mkfs.xfs fills a new filesystem.
//!
//! Its form is described under `-p` in mkfs.xfs(8). It has neither a sticky bit nor names with spaces.

use std::path::Path;

use anyhow::{Result, bail, ensure};

use crate::newc::{Entry, Kind, Tree};

/// The text for a tree whose files lie below a folder.
pub fn text(tree: &Tree, below: &Path) -> Result<String> {
    // A boot block and two counts, which mkfs.xfs no longer uses; then the root folder.
    let mut text = String::from("/none\n0 0\nd--755 0 0\n");
    let mut depth = 0;
    let mut entries: Vec<_> = tree.iter().collect();
    // A folder right before what it holds: as plain text "a.b" would come between "a" and "a/b".
    entries.sort_by(|a, b| a.0.split('/').cmp(b.0.split('/')));
    for (path, entry) in entries {
        ensure!(!path.contains(char::is_whitespace), "{path}: a space in a name");
        let folders = path.matches('/').count();
        close(&mut text, &mut depth, folders);
        let name = path.rsplit('/').next().unwrap_or(path);
        text.push_str(&format!("{name} {}", words(path, entry, below)?));
        text.push('\n');
        if entry.kind == Kind::Folder {
            depth += 1;
        }
    }
    close(&mut text, &mut depth, 0);
    text.push_str("$\n$\n");
    Ok(text)
}

/// Ends folders until only those are open that lead to the next path.
fn close(text: &mut String, depth: &mut usize, wanted: usize) {
    while *depth > wanted {
        text.push_str("$\n");
        *depth -= 1;
    }
}

/// Type, mode and owner, and what the path holds.
fn words(path: &str, entry: &Entry, below: &Path) -> Result<String> {
    let (letter, rest) = match &entry.kind {
        Kind::Folder => ('d', String::new()),
        Kind::File(_) => ('-', format!(" {}", below.join(path).display())),
        Kind::Link(target) => ('l', format!(" {target}")),
        Kind::Device(..) => bail!("{path}: a device"),
    };
    let user = if entry.mode & 0o4000 == 0 { '-' } else { 'u' };
    let group = if entry.mode & 0o2000 == 0 { '-' } else { 'g' };
    let (mode, owner) = (entry.mode & 0o777, entry.owner);
    Ok(format!("{letter}{user}{group}{mode:03o} {owner} {owner}{rest}"))
}
