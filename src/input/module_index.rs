//! The lists that depmod(8) makes of a kernel's modules, and names of modules.

use crate::text::parts::{halves, parts, take_word};
use crate::text::pattern::matches;

/// The name of the module in a file: what stands before the first dot.
#[must_use]
pub fn module_of(path: &[u8]) -> &[u8] {
    let file = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    parts(file, b'.').skip_to(0)
}

/// Whether two names mean one module: `-` and `_` are the same.
#[must_use]
pub fn is_same(one: &[u8], other: &[u8]) -> bool {
    let plain = |byte: &u8| if *byte == b'-' { b'_' } else { *byte };
    one.len() == other.len() && one.iter().map(plain).eq(other.iter().map(plain))
}

/// Whether a name is in a list with one on each line.
#[must_use]
pub fn is_listed(list: &[u8], name: &[u8]) -> bool {
    parts(list, b'\n').any(|listed| is_same(listed, name))
}

/// A line of modules.dep, `FILE: FILE…`: the file of a module, and those that it needs, with blanks between. The last
/// one must be loaded first.
#[must_use]
pub fn dependencies(line: &[u8]) -> (&[u8], &[u8]) {
    let (file, needs) = halves(line, b':');
    (file, needs.trim_ascii())
}

/// A line of modules.alias, `alias PATTERN MODULE`: the module, if the pattern matches a name in a list with one on
/// each line.
#[must_use]
pub fn aliased<'l>(line: &'l [u8], list: &[u8]) -> Option<&'l [u8]> {
    let (pattern, module) = halves(line.strip_prefix(b"alias ")?, b' ');
    // depmod's patterns begin with plain letters. Most fail at the first, so that is compared before anything else.
    let first = pattern.first()?;
    let found =
        parts(list, b'\n').any(|name| name.first() == Some(first) && matches(pattern, name));
    found.then_some(module)
}

/// A line of modules.softdep, `softdep MODULE pre: NAME… post: NAME…`: calls `act` for what is to be loaded before a
/// module of the list.
pub fn for_each_wanted(line: &[u8], list: &[u8], act: &mut dyn FnMut(&[u8])) {
    let mut rest = line;
    if take_word(&mut rest) != b"softdep" || !is_listed(list, take_word(&mut rest)) {
        return;
    }
    let mut is_before = false;
    loop {
        match take_word(&mut rest) {
            [] => return,
            [b'p', b'r', b'e', b':'] => is_before = true,
            [.., b':'] => is_before = false,
            name if is_before => act(name),
            _ => {}
        }
    }
}

/// A line of /etc/modules: a name and its parameters. modules(5).
#[must_use]
pub fn module_and_parameters(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut rest = line;
    let name = take_word(&mut rest);
    let is_comment = matches!(name.first(), None | Some(b'#' | b';'));
    (!is_comment).then_some((name, rest.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_modules() {
        for (path, name) in [
            ("kernel/fs/ext4/ext4.ko", "ext4"),
            ("virtio-rng.ko.xz", "virtio-rng"),
            ("ext4", "ext4"),
            ("", ""),
        ] {
            assert_eq!(module_of(path.as_bytes()), name.as_bytes());
        }
        assert!(is_same(b"virtio-rng", b"virtio_rng") && !is_same(b"a", b"ab"));
        assert!(is_listed(b"a\nb_c", b"b-c") && !is_listed(b"a\nb_c", b"c"));
    }

    #[test]
    fn lines_of_depmod() {
        let line = b"kernel/fs/ext4/ext4.ko: kernel/fs/jbd2/jbd2.ko kernel/lib/crc16.ko";
        let (file, needs) = dependencies(line);
        assert_eq!(file, b"kernel/fs/ext4/ext4.ko");
        assert_eq!(needs, b"kernel/fs/jbd2/jbd2.ko kernel/lib/crc16.ko");
        assert_eq!(dependencies(b"a.ko:"), (b"a.ko".as_slice(), b"".as_slice()));
        let list = b"pci:v1d2\nvirtio:d2v5\nfs-ext4";
        assert_eq!(aliased(b"alias virtio:d2v* virtio_blk", list), Some(b"virtio_blk".as_slice()));
        assert_eq!(aliased(b"alias fs-ext4 ext4", list), Some(b"ext4".as_slice()));
        assert_eq!(aliased(b"alias fs-ext3 ext4", list), None);
        assert_eq!(aliased(b"# comment", list), None);
        let wanted = |line: &str, list: &str| {
            let mut names = Vec::new();
            for_each_wanted(line.as_bytes(), list.as_bytes(), &mut |name| {
                names.push(String::from_utf8(name.to_vec()).unwrap());
            });
            names
        };
        let line = "softdep ext4 pre: crc32c a post: b";
        assert_eq!(wanted(line, "x\next4"), ["crc32c", "a"]);
        assert_eq!(wanted(line, "x"), [""; 0]);
        assert_eq!(wanted("softdep a post: b pre: c", "a"), ["c"]);
        assert_eq!(wanted("# softdep a pre: c", "a"), [""; 0]);
    }

    #[test]
    fn lines_of_etc_modules() {
        for (line, expected) in [
            ("loop max_loop=8 x=1", Some(("loop", "max_loop=8 x=1"))),
            ("  dummy  ", Some(("dummy", ""))),
            ("# dummy", None),
            ("; dummy", None),
            ("", None),
        ] {
            let expected = expected.map(|(name, rest)| (name.as_bytes(), rest.as_bytes()));
            assert_eq!(module_and_parameters(line.as_bytes()), expected, "{line}");
        }
    }
}
