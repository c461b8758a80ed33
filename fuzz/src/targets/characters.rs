//! Characters of texts, as the standard library finds them.

use rootlet::text::character::{Piece, first_character, first_piece, is_plain};

pub fn check(input: &[u8]) -> bool {
    let mut rest = input;
    for chunk in input.utf8_chunks() {
        for character in chunk.valid().chars() {
            assert_eq!(first_character(rest), Some((character.into(), character.len_utf8())));
            assert!(!is_plain(character.into()) || !character.is_control());
            rest = &rest[character.len_utf8()..];
        }
        // Each byte of an invalid sequence is no character.
        for _ in chunk.invalid() {
            assert!(first_character(rest).is_none());
            rest = &rest[1..];
        }
    }
    assert!(rest.is_empty());
    check_pieces(input, false);
    check_pieces(input, true);
    std::str::from_utf8(input).is_ok()
}

/// The pieces make up the whole text. What stays as it is has no control byte, and for JSON no quote or backslash.
fn check_pieces(input: &[u8], json: bool) {
    let mut rest = input;
    while !rest.is_empty() {
        rest = match first_piece(rest, json) {
            Piece::Plain(length) => {
                let (plain, behind) = rest.split_at(length);
                let text = std::str::from_utf8(plain).expect("whole characters");
                assert!(json || !text.contains(char::is_control));
                assert!(!plain.iter().any(|byte| *byte < b' '));
                assert!(!json || !plain.iter().any(|byte| matches!(byte, b'"' | b'\\')));
                behind
            }
            Piece::Quoted => &rest[1..],
            Piece::Escaped(_, length) => {
                assert!(length == 1 || json && length == 2);
                &rest[length..]
            }
        };
    }
}
