//! What the kernel tells about mounts: mountinfo, and statmount(2)'s answer.

use rootlet::input::mount_info::{
    Field, MountRow, is_shared, place_and_kind, read_line, root_has_no_parent,
};
use rootlet::input::mount_status::{MountStatus, Text};
use rootlet::text::line::Line;

const FIELDS: [Field; 8] = [
    Field::Device,
    Field::Root,
    Field::Target,
    Field::Flags,
    Field::Propagation,
    Field::Kind,
    Field::Source,
    Field::Options,
];

pub fn check_info(input: &[u8]) -> bool {
    let (mut count, mut sound) = (0, 0);
    for line in input.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        count += 1;
        let mut texts = Vec::new();
        let Some((id, parent)) = read_line(line, &mut |byte| texts.push(byte)) else { continue };
        sound += 1;
        let place = place_and_kind(line).expect("whoever reads the whole line reads its parts");
        // Texts end with NULs. The kernel writes no other, plain or escaped; a line with one is no row.
        if texts.iter().filter(|byte| **byte == 0).count() > FIELDS.len() {
            continue;
        }
        let row = MountRow { id, parent, texts: &texts };
        let fields = FIELDS.map(|field| row.text(field));
        assert_eq!([&fields.join(&0)[..], b"\0"].concat(), texts);
        // The kernel writes flags there for each mount, and never a dash, which would end the optional fields.
        if fields[3].contains(&b'-') {
            continue;
        }
        assert_eq!(unescaped(place.0), fields[2]);
        assert_eq!(unescaped(place.1), fields[5]);
        let shared = fields[4].split(|byte| *byte == b' ').any(|word| word.starts_with(b"shared:"));
        assert_eq!(is_shared(line, id), shared);
        assert_eq!(
            root_has_no_parent(line),
            line.split(|byte| *byte == b' ').next() == line.split(|byte| *byte == b' ').nth(1)
        );
    }
    sound > 0 && sound == count
}

/// A field with its octal escapes undone.
fn unescaped(field: &[u8]) -> Vec<u8> {
    let (mut made, mut at) = (Vec::new(), 0);
    while at < field.len() {
        let digits = field.get(at + 1..at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
        let is_octal = |text: &&str| text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
        let byte = digits.filter(is_octal).and_then(|text| u8::from_str_radix(text, 8).ok());
        match byte.filter(|_| field[at] == b'\\') {
            Some(byte) => {
                made.push(byte);
                at += 4;
            }
            None => {
                made.push(field[at]);
                at += 1;
            }
        }
    }
    made
}

const TEXTS: [Text; 6] =
    [Text::Options, Text::Kind, Text::Root, Text::Target, Text::Subtype, Text::Source];

pub fn check_status(input: &[u8]) -> bool {
    let Some(status) = MountStatus::new(input) else { return false };
    for text in TEXTS {
        let text = status.text(text);
        assert!(!text.contains(&0) && text.len() < input.len().max(1));
    }
    let _ = (status.id(), status.parent(), status.device());
    let mut line = Line::new();
    status.propagation(&mut line);
    assert!(!line.bytes().ends_with(b" "));
    line.clear();
    status.flags(&mut line);
    assert!(line.bytes().starts_with(b"r") && line.bytes().is_ascii());
    line.clear();
    status.general_options(&mut line);
    assert!(line.bytes().starts_with(b"r") && line.bytes().is_ascii());
    status.tells_all()
}
