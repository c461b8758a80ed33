//! Tables of mounts: /proc/PID/mountinfo. Source: proc_pid_mountinfo(5).

#[cfg(feature = "see")]
use crate::text::escape::take_unescaped;
use crate::text::number::parse_u64;
use crate::text::parts::parts;

/// Whether our root mount has no parent, as the initramfs has none: its line, the first, names itself as parent.
#[must_use]
pub fn root_has_no_parent(mount_info: &[u8]) -> bool {
    let mut fields = parts(mount_info, b' ');
    let id = fields.skip_to(0);
    !id.is_empty() && id == fields.skip_to(0)
}

/// Whether mount `id` is in a peer group, so that mounts made there reach others.
#[must_use]
pub fn is_shared(mount_info: &[u8], id: u64) -> bool {
    for line in parts(mount_info, b'\n') {
        let mut fields = parts(line, b' ');
        if parse_u64(fields.skip_to(0)) != Some(id) {
            continue;
        }
        // Optional fields stand between the sixth field and a lone dash.
        let _ = fields.skip_to(4);
        return fields
            .take_while(|field| *field != b"-")
            .any(|field| field.starts_with(b"shared:"));
    }
    false
}

/// Where the filesystem of a line is mounted, with octal escapes, and its type; nothing for half a line.
#[cfg(feature = "boot")]
#[must_use]
pub fn place_and_kind(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = parts(line, b' ');
    let place = fields.skip_to(4);
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    Some((place, kind))
}

/// One mount, as both sources of tables give it.
#[cfg(feature = "see")]
#[derive(Clone, Copy)]
pub struct MountRow<'a> {
    /// Its number.
    pub id: u64,
    /// That of the mount that it lies on.
    pub parent: u64,
    /// The strings of `Field`, each with a NUL behind it.
    pub texts: &'a [u8],
}

/// Strings of a mount, in their order.
#[cfg(feature = "see")]
#[derive(Clone, Copy)]
pub enum Field {
    /// The filesystem's device, `MAJOR:MINOR`.
    Device,
    /// Which directory of the filesystem is seen.
    Root,
    /// Where.
    Target,
    /// Flags of the mount: `rw,nosuid`.
    Flags,
    /// `shared:N master:N unbindable`, what there is of it.
    Propagation,
    /// The filesystem's type.
    Kind,
    /// What is mounted.
    Source,
    /// Options of the filesystem: `rw,size=64k`.
    Options,
}

#[cfg(feature = "see")]
impl<'a> MountRow<'a> {
    /// One of the strings.
    #[must_use]
    #[inline(never)]
    pub fn text(&self, field: Field) -> &'a [u8] {
        parts(self.texts, 0).skip_to(field as usize)
    }
}

/// Reads a line into the strings of a mount, each with a NUL behind it, which go to `push` byte by byte and without
/// octal escapes. Gives the mount's number and that of its parent; nothing for half a line, of which bytes may have
/// been pushed.
#[cfg(feature = "see")]
#[must_use]
pub fn read_line(line: &[u8], push: &mut dyn FnMut(u8)) -> Option<(u64, u64)> {
    let mut fields = parts(line, b' ');
    let id = parse_u64(fields.next()?)?;
    let parent = parse_u64(fields.next()?)?;
    let mut blank = false;
    // Optional fields stand between the flags and a lone dash.
    let mut count = 0;
    while count < 8 {
        let mut field = fields.next()?;
        let is_optional = count == Field::Propagation as usize;
        if is_optional && field != b"-" {
            // `propagate_from:N` depends on which mounts the caller sees, so it is left out.
            if !field.starts_with(b"p") {
                if core::mem::replace(&mut blank, true) {
                    push(b' ');
                }
                field.iter().for_each(|byte| push(*byte));
            }
            continue;
        }
        while let Some(byte) = if is_optional { None } else { take_unescaped(&mut field) } {
            push(byte);
        }
        push(0);
        count += 1;
    }
    Some((id, parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &[u8] = b"25 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        31 25 0:27 / /sys rw master:1 - sysfs shared:9 rw\n33 25 0:5 / /dev rw master:3 shared:8 - devtmpfs d rw\n";

    #[test]
    fn an_initramfs_is_its_own_parent() {
        assert!(root_has_no_parent(
            b"1 1 0:2 / / rw - rootfs rootfs rw,size=1k\n20 1 0:4 / /proc rw - proc p rw\n"
        ));
        assert!(!root_has_no_parent(HOST));
        assert!(!root_has_no_parent(b""));
    }

    #[test]
    fn a_line_names_its_place_and_filesystem() {
        let line = b"31 25 0:27 / /a\\040b rw master:1 - ext4 /dev/x rw";
        assert_eq!(place_and_kind(line), Some((b"/a\\040b".as_slice(), b"ext4".as_slice())));
        assert_eq!(place_and_kind(b"31 25 0:27 / /a rw"), None);
    }

    #[test]
    fn only_the_optional_fields_say_shared() {
        assert!(is_shared(HOST, 25));
        assert!(!is_shared(HOST, 31));
        assert!(is_shared(HOST, 33));
        assert!(!is_shared(HOST, 99));
    }

    #[test]
    fn a_line_is_read_whole() {
        let read = |line: &[u8]| {
            let mut texts = Vec::new();
            let numbers = read_line(line, &mut |byte| texts.push(byte))?;
            Some((numbers, String::from_utf8(texts).unwrap()))
        };
        let line = b"33 25 0:5 /sub /a\\040b rw,nosuid shared:8 master:3 propagate_from:2 unbindable - devtmpfs \
            none rw,size=4k";
        let expected = "0:5\0/sub\0/a b\0rw,nosuid\0shared:8 master:3 unbindable\0devtmpfs\0none\0rw,size=4k\0";
        assert_eq!(read(line), Some(((33, 25), expected.to_owned())));
        let row = MountRow { id: 33, parent: 25, texts: expected.as_bytes() };
        assert_eq!((row.text(Field::Device), row.text(Field::Target)), (&b"0:5"[..], &b"/a b"[..]));
        assert_eq!(row.text(Field::Options), b"rw,size=4k");
        // A source may be empty; the line is whole only with its last field.
        let line = b"1 1 0:2 / / rw - rootfs  rw";
        assert_eq!(read(line).unwrap().1, "0:2\0/\0/\0rw\0\0rootfs\0\0rw\0");
        for end in 0..line.len() - 2 {
            assert_eq!(read(&line[..end]), None, "{end}");
        }
    }
}
