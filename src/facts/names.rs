//! Where the files of names in /etc go, and what the host has in its own.

use core::ffi::CStr;

use rustix::fs::{Access, AtFlags, accessat, readlinkat_raw};

use super::run_facts::{RunFacts, existing_part};
use super::text_file::read_text;
use crate::input::network::Network;
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::resolver;
use crate::input::run_options::RunOptions;
use crate::sys::descriptor::{Descriptor, OpenFlags, open_below};
use crate::text::arena::Arena;
use crate::text::call::Call;
use crate::text::errno::Errno;

/// How many files there are.
pub const ETC_FILES: usize = 3;
/// Where they are seen.
pub const ETC_PATHS: [&CStr; ETC_FILES] = [c"/etc/hostname", c"/etc/hosts", c"/etc/resolv.conf"];

/// Bytes of a link that is followed by hand.
const LINK_BYTES: usize = 256;

/// Looks at the root and at the host.
///
/// # Errors
/// A file of the host that cannot be read.
#[inline(never)]
pub fn look<'a>(
    root: Option<&Descriptor>,
    options: &RunOptions<'a>,
    arena: &mut Arena<'a>,
    facts: &mut RunFacts<'a>,
) -> Result<(), Refusal> {
    match root {
        Some(root) if !look_at_root(root, arena, facts)? => return Ok(()),
        Some(_) => {}
        // What is in other roots is known when they are made.
        None => facts.etc = ETC_PATHS.map(|path| Some((path, 0))),
    }
    look_at_host(options, arena, facts)
}

/// Whether the root has an /etc, and where in it the files go.
#[inline(never)]
fn look_at_root<'a>(
    root: &Descriptor,
    arena: &mut Arena<'a>,
    facts: &mut RunFacts<'a>,
) -> Result<bool, Refusal> {
    let etc = match open_below(root.as_fd(), c"/etc", OpenFlags::PATH_DIRECTORY) {
        Ok(etc) => etc,
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(false),
        Err(errno) => return Err(Refusal::of_call(Call::Openat2, Subject::Root)(errno)),
    };
    for (path, place) in ETC_PATHS.into_iter().zip(&mut facts.etc) {
        let mut target = path;
        let mut existing = existing_part(root, path.to_bytes());
        if existing.is_some_and(|existing| usize::from(existing) < path.to_bytes().len()) {
            let Some(missing) = place_of_missing(&etc, path, arena)? else { continue };
            target = missing;
            existing = existing_part(root, target.to_bytes());
        }
        let Some(existing) = existing else { continue };
        if usize::from(existing) == target.to_bytes().len()
            || can_make(root, target, existing.into(), arena)?
        {
            *place = Some((target, existing));
        }
    }
    Ok(true)
}

fn look_at_host<'a>(
    options: &RunOptions<'a>,
    arena: &mut Arena<'a>,
    facts: &mut RunFacts<'a>,
) -> Result<(), Refusal> {
    let mut read = |path| read_text(None, path, arena).map_err(Refusal::of(Subject::Machine));
    if matches!(options.network, Network::Host) {
        facts.hosts = read(c"/etc/hosts")?.unwrap_or_default();
    }
    if matches!(options.network, Network::Apart) {
        return Ok(());
    }
    facts.resolver = read(c"/etc/resolv.conf")?.unwrap_or_default();
    let shares = matches!(options.network, Network::Host);
    if !shares && options.names.servers.is_empty() && !resolver::has_server(facts.resolver) {
        // Here systemd-resolved tells what its own server at 127.0.0.53 asks.
        let behind = read(c"/run/systemd/resolve/resolv.conf")?.unwrap_or_default();
        if resolver::has_server(behind) {
            facts.resolver = behind;
        }
    }
    Ok(())
}

/// Whether the caller may make what is missing of a path: the root may be somebody else's, or on a read-only filesystem.
#[inline(never)]
fn can_make(
    root: &Descriptor,
    target: &CStr,
    existing: usize,
    arena: &mut Arena<'_>,
) -> Result<bool, Refusal> {
    let above = target.to_bytes().get(..existing).unwrap_or_default();
    let above = arena.join(&[above, b"/"]).map_err(|_| full())?;
    let Ok(directory) = open_below(root.as_fd(), above, OpenFlags::PATH_DIRECTORY) else {
        return Ok(false);
    };
    Ok(accessat(&directory, c".", Access::WRITE_OK, AtFlags::empty()).is_ok())
}

const fn full() -> Refusal {
    Refusal::new(Subject::Environment, Reason::TextFull)
}

/// Where a file that is missing in /etc is to be made: there or, where its name is a dangling link, where that leads to.
/// Whatever the text of a link says, the place is resolved below the root when it is used. `None` for a link to no place
/// of a file, and for one of 256 bytes or more.
#[inline(never)]
fn place_of_missing<'a>(
    etc: &Descriptor,
    path: &'a CStr,
    arena: &mut Arena<'a>,
) -> Result<Option<&'a CStr>, Refusal> {
    let name = path.to_bytes_with_nul().strip_prefix(b"/etc/").unwrap_or_default();
    let name = CStr::from_bytes_with_nul(name).unwrap_or_default();
    let mut buffer = [0_u8; LINK_BYTES];
    let length = readlinkat_raw(etc, name, &mut buffer).unwrap_or(0);
    match buffer.get(..length) {
        Some([]) => Ok(Some(path)),
        // No file can be made where a directory is meant.
        Some(link) if length < LINK_BYTES && !link.ends_with(b"/") => {
            arena.join(&from_root(link)).map(Some).map_err(|_| full())
        }
        _ => Ok(None),
    }
}

/// The path from the root of what a link in /etc leads to, in two parts.
fn from_root(link: &[u8]) -> [&[u8]; 2] {
    // `..` of /etc is the root.
    let mut rest = link;
    while let Some(above) = rest.strip_prefix(b"../") {
        rest = above;
    }
    let before: &[u8] = match link {
        [b'/', ..] => b"",
        _ if rest.len() < link.len() => b"/",
        _ => b"/etc/",
    };
    [before, rest]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_of_etc_lead_from_the_root() {
        for (link, path) in [
            ("/run/x", "/run/x"),
            ("x", "/etc/x"),
            ("a/../../x", "/etc/a/../../x"),
            ("../run/x", "/run/x"),
            ("../../run/x", "/run/x"),
            ("..//run/x", "//run/x"),
            ("../ x", "/ x"),
        ] {
            assert_eq!(from_root(link.as_bytes()).concat(), path.as_bytes(), "{link}");
        }
    }
}
