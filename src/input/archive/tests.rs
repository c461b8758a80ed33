//! What headers mean, and what is refused.

use super::*;
use ::tar::{Builder, EntryType, Header as Made};

/// What is in an archive: names, kinds and lengths, then why it ends.
fn read(mut bytes: &[u8]) -> String {
    let mut memory = vec![0; MEMORY_BYTES];
    let mut refill = |room: &mut [u8]| std::io::Read::read(&mut bytes, room).unwrap();
    let (stream, texts, _) = carve(&mut memory, &mut refill).unwrap();
    let mut archive = Archive::new(stream, texts);
    let mut seen = String::new();
    loop {
        match archive.next_member() {
            Ok(None) => return seen + ".",
            Err(reason) => return format!("{seen}{reason:?} {}", archive.at()),
            Ok(Some((member, _))) => {
                let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
                let name = member.name.map(text).join("|");
                let Member { kind, mode, uid, changed, .. } = member;
                let seconds = changed.seconds;
                seen +=
                    &format!("{kind:?} {name} {} {mode:o} {uid} {seconds}; ", text(member.link));
            }
        }
    }
}

/// An archive of one empty member whose header was changed.
fn one(kind: u8, change: impl Fn(&mut [u8; 512])) -> Vec<u8> {
    let mut header = Made::new_ustar();
    header.set_path("name").unwrap();
    header.set_entry_type(EntryType::new(kind));
    header.set_size(0);
    header.set_mode(0o100_644);
    header.set_mtime(7);
    header.set_uid(5);
    change(header.as_mut_bytes());
    header.set_cksum();
    let mut archive = Builder::new(Vec::new());
    archive.append(&header, &[][..]).unwrap();
    archive.into_inner().unwrap()
}

fn put(header: &mut [u8; 512], at: usize, text: &[u8]) {
    header[at..at + text.len()].copy_from_slice(text);
}

#[test]
fn fields_are_read_as_their_writers_mean_them() {
    for (kind, at, text, expected) in [
        (b'0', 0, &b"x"[..], "File |xame  644 5 7; ."),
        (0, 0, b"x", "File |xame  644 5 7; ."),
        (b'7', 0, b"x", "File |xame  644 5 7; ."),
        (0, 0, b"dir/\0", "Directory |dir/  644 5 7; ."),
        (b'5', 124, b"00000001000\0", "Directory |name  644 5 7; ."),
        (b'2', 157, b"to/there", "SymbolicLink |name to/there 644 5 7; ."),
        (b'1', 157, b"old", "HardLink |name old 644 5 7; ."),
        (b'0', 345, b"some/prefix", "File some/prefix|name  644 5 7; ."),
        // GNU has times where POSIX has the prefix.
        (b'0', 257, b"ustar  \0", "File |name  644 5 7; ."),
        (b'0', 108, b"\x80\0\0\0\0\x01\x02\x03", "File |name  644 66051 7; ."),
        (b'0', 136, &[0xff; 12], "File |name  644 5 -1; ."),
        (b'0', 100, b"  4755 \0", "File |name  4755 5 7; ."),
        (b'0', 136, &[0; 12], "File |name  644 5 0; ."),
        (b'V', 0, b"x", "."),
        (b'0', 108, b"000008 \0", "BadMemberNumber 0"),
        (b'0', 108, b"\xff\xff\xff\xff\xff\xff\xff\xff", "BadMemberNumber 0"),
        (b'0', 108, b"\x80\0\0\0\xff\xff\xff\xff", "BadMemberNumber 0"),
        (b'0', 124, b"\x80\x80\0\0\0\0\0\0\0\0\0\0", "BadMemberNumber 0"),
        (b'0', 124, b"0x1", "BadMemberNumber 0"),
        (b'3', 329, b"0007777\0", "CharacterDevice |name  644 5 7; ."),
        (b'3', 329, b"0010000\0", "BadMemberNumber 0"),
        (b'4', 337, b"3777777\0", "BlockDevice |name  644 5 7; ."),
        (b'4', 337, b"4000000\0", "BadMemberNumber 0"),
        (b'S', 0, b"x", "SparseMember 0"),
        (b'M', 0, b"x", "NoMemberKind 0"),
        (b'8', 0, b"x", "NoMemberKind 0"),
    ] {
        let found = read(&one(kind, |header| put(header, at, text)));
        assert_eq!(found, expected, "{} {at} {text:?}", kind as char);
    }
}

#[test]
fn an_archive_has_a_beginning_and_an_end() {
    let good = one(b'0', |_| ());
    let member = "File |name  644 5 7; ";
    assert_eq!(read(&good), format!("{member}."));
    assert_eq!(read(&good[..1024]), format!("{member}."), "one block of zeros");
    assert_eq!(read(&good[..1023]), format!("{member}ArchiveCut 512"));
    assert_eq!(read(&good[..512]), format!("{member}ArchiveCut 512"));
    assert_eq!(read(&[&good[..], &[0; 9000]].concat()), format!("{member}."));
    assert_eq!(read(&[&good[..], &[0; 9000], b"x"].concat()), format!("{member}BehindEnd 10536"));
    let mut damaged = good.clone();
    damaged[3] ^= 1;
    assert_eq!(read(&damaged), "NoArchive 0");
    assert_eq!(read(&[&good[..512], &damaged].concat()), format!("{member}BadHeader 512"));
    for (start, expected) in [
        (&b""[..], "NoArchive 0"),
        (b"\x28\xb5\x2f\xfd", "OtherPacking 0"),
        (b"\xfd7zXZ", "OtherPacking 0"),
        (b"BZh9", "OtherPacking 0"),
        (b"\x04\x22\x4d\x18", "OtherPacking 0"),
        (b"PK\x03\x04", "NoArchive 0"),
        (b"\x1f\x8b\x08", "ArchiveCut 3"),
    ] {
        assert_eq!(read(start), expected, "{start:?}");
    }
}

/// A header that says so much of its text, and the text.
fn text_of(kind: u8, size: u64, text: &[u8]) -> Vec<u8> {
    let mut bytes = one(kind, |header| put(header, 124, format!("{size:011o}\0").as_bytes()));
    bytes.truncate(512);
    bytes.extend_from_slice(text);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

#[test]
fn texts_before_a_header_have_bounds() {
    let before =
        |kind: u8, size: u64, text: &[u8]| [text_of(kind, size, text), one(b'0', |_| ())].concat();
    let name = "n".repeat(4096);
    assert!(read(&before(b'L', 4096, name.as_bytes())).starts_with("File |nnn"));
    assert_eq!(read(&before(b'L', 4097, name.as_bytes())), "LongMemberName 0");
    assert_eq!(read(&before(b'x', 1 << 21, b"")), "LongExtended 0");
    assert_eq!(read(&before(b'x', 12, b"12 path=new\n")), "File |new  644 5 7; .");
    assert_eq!(read(&before(b'x', 11, b"12 path=new\n")), "BadExtended 1024");
    assert_eq!(read(&before(b'g', 8, b"9 uid=7\n")), "BadExtended 0");
    assert_eq!(read(&before(b'g', 8, b"8 uid=7\n")), "File |name  644 7 7; .");
    assert_eq!(read(&before(b'K', 3, b"abc")), "File |name abc 644 5 7; .");
}

#[test]
fn a_global_header_leaves_that_of_the_next_member() {
    let own = text_of(b'x', 12, b"12 path=new\n");
    let global = text_of(b'g', 16, b"8 uid=7\n8 gid=7\n");
    let member = one(b'0', |_| ());
    let expected = "File |new  644 7 7; .";
    assert_eq!(read(&[&global[..], &own, &member].concat()), expected);
    assert_eq!(read(&[&own[..], &global, &member].concat()), expected);
}
