//! Archives: the same in pieces of any size, and no name leads out of the root.

use fastrand::Rng;
use tar::{Builder, EntryType, Header};

use super::Target;
use super::listing::listing;

pub const TARGET: Target = Target { name: "tar", made, repair, check };

fn made() -> Vec<Vec<u8>> {
    vec![gnu(), pax(), odd(), vec![0; 10240]]
}

fn header(kind: EntryType, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(0o4755);
    header.set_size(size);
    header.set_mtime(1_700_000_000);
    header
}

fn gnu() -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    archive.append_data(&mut header(EntryType::Directory, 0), "etc/", &[][..]).unwrap();
    archive.append_data(&mut header(EntryType::Regular, 700), "etc/a", &[b'x'; 700][..]).unwrap();
    let long = "long/".repeat(60);
    archive.append_data(&mut header(EntryType::Regular, 3), &long, &b"abc"[..]).unwrap();
    archive.append_link(&mut header(EntryType::Symlink, 0), "link", &long).unwrap();
    archive.append_link(&mut header(EntryType::Link, 0), "hard", "etc/a").unwrap();
    archive.into_inner().unwrap()
}

fn pax() -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    let records: [(&str, &[u8]); 4] =
        [("path", b"a/name\nwith a line"), ("mtime", b"12.5"), ("uid", b"70000"), ("size", b"5")];
    archive.append_pax_extensions(records).unwrap();
    let mut ustar = Header::new_ustar();
    ustar.set_path("prefix/".repeat(20) + "name").unwrap();
    ustar.set_size(5);
    ustar.set_cksum();
    archive.append(&ustar, &b"hello"[..]).unwrap();
    archive.into_inner().unwrap()
}

/// Numbers in base 256, a device, a name that leads out of the root.
fn odd() -> Vec<u8> {
    let mut archive = Builder::new(Vec::new());
    let mut device = header(EntryType::Char, 0);
    device.set_device_major(1).unwrap();
    device.set_device_minor(3).unwrap();
    device.set_uid(1 << 21);
    archive.append_data(&mut device, "dev/null", &[][..]).unwrap();
    let mut evil = header(EntryType::Regular, 0);
    evil.as_mut_bytes()[..5].copy_from_slice(b"../up");
    evil.as_mut_bytes()[136..148].copy_from_slice(&[0xff; 12]);
    evil.set_cksum();
    archive.append(&evil, &[][..]).unwrap();
    archive.into_inner().unwrap()
}

/// Makes the checksums of blocks that look like headers right, in most inputs.
fn repair(input: &mut [u8], rng: &mut Rng) {
    if rng.u8(..8) == 0 {
        return;
    }
    for block in input.chunks_exact_mut(512) {
        if block[257..262] == *b"ustar" || rng.u8(..16) == 0 {
            block[148..156].fill(b' ');
            let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
            block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        }
    }
}

fn check(input: &[u8]) -> bool {
    let (whole, sound) = listing(input, usize::MAX);
    for piece in [1, 511, 4096] {
        assert_eq!(listing(input, piece).0, whole, "in pieces of {piece}");
    }
    sound
}
