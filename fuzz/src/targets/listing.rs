//! Lists an archive, which is read in pieces, as text.

use rootlet::input::archive::{Archive, Kind, MEMORY_BYTES, carve, place};

/// A line for each member of an archive that comes in pieces of at most `piece` bytes, then the reason why it was refused,
/// if it was; and whether it is sound.
pub fn listing(bytes: &[u8], piece: usize) -> (String, bool) {
    let mut memory = vec![0; MEMORY_BYTES];
    let mut rest = bytes;
    let mut refill = |room: &mut [u8]| {
        let length = rest.len().min(room.len()).min(piece);
        let (taken, left) = rest.split_at(length);
        room[..length].copy_from_slice(taken);
        rest = left;
        length
    };
    let (stream, texts, paths) = carve(&mut memory, &mut refill).unwrap();
    let mut archive = Archive::new(stream, texts);
    let mut listing = String::new();
    loop {
        match archive.next_member() {
            Ok(None) => return (listing, true),
            Err(reason) => {
                listing += &format!("{} {}\n", reason as u8, archive.at());
                return (listing, false);
            }
            Ok(Some((member, mut data))) => {
                let is_file = member.kind == Kind::File;
                listing += &format!(
                    "{} {:?} {:?} {:o} {} {} {} ",
                    is_file,
                    member.name,
                    member.link,
                    member.mode,
                    member.uid,
                    member.gid,
                    data.at()
                );
                for name in [member.name, [b"", member.link]] {
                    let Ok(place) = place(name, &mut *paths.0) else { continue };
                    let leads_up =
                        |half: &[u8]| half.split(|b| *b == b'/').any(|part| part == b"..");
                    assert!(
                        !name.iter().any(|half| leads_up(half)),
                        "a name with .. has been accepted"
                    );
                    check_place(place.parent.to_bytes(), place.name.to_bytes());
                }
                let mut sum = 0_u64;
                let mut length = 0;
                loop {
                    match data.take() {
                        Ok([]) => break,
                        Ok(taken) => {
                            length += taken.len();
                            sum = taken
                                .iter()
                                .fold(sum, |sum, byte| sum.wrapping_mul(31) + u64::from(*byte));
                        }
                        Err(reason) => {
                            listing += &format!("{} {}\n", reason as u8, data.at());
                            return (listing, false);
                        }
                    }
                }
                listing += &format!("{length} {sum:x}\n");
            }
        }
    }
}

/// A place is below the root, whatever the name was.
fn check_place(parent: &[u8], name: &[u8]) {
    assert!(!parent.starts_with(b"/") && !parent.is_empty(), "{parent:?}");
    assert!(!name.contains(&b'/') && name != b"." && name != b"..", "{name:?}");
    let outward = parent.split(|byte| *byte == b'/').any(|part| part == b"..");
    assert!(!outward, "{parent:?}");
}
