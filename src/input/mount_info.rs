//! Two questions to /proc/self/mountinfo. Source: proc_pid_mountinfo(5).

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

/// Where a line's filesystem is mounted, with octal escapes, and what it is; nothing for half a line.
#[cfg(feature = "boot")]
#[must_use]
pub fn place_and_kind(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut fields = parts(line, b' ');
    let place = fields.skip_to(4);
    let kind = fields.skip_while(|field| *field != b"-").nth(1)?;
    Some((place, kind))
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
}
