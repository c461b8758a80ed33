//! Records of containers: what was read, written again, is read as the same.

use rootlet::input::record::{Entry, NAME_BYTES, is_name};

use super::strings;

pub fn check(input: &[u8]) -> bool {
    let strings = strings(input);
    let mut sound = 0;
    for string in &strings {
        if is_name(string.to_bytes()) {
            let is_path = string.to_bytes().iter().any(|byte| matches!(byte, b'/' | b'\n'));
            assert!(
                !is_path && string.to_bytes().len() <= NAME_BYTES && string.as_c_str() != c".."
            );
        }
        let Some(entry) = Entry::read(string) else { continue };
        sound += 1;
        let (word, number, path) = entry.parts();
        let rest = &string.to_bytes()[word.len()..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let said = number.map(|_| std::str::from_utf8(&rest[..digits]).unwrap().parse().unwrap());
        assert_eq!(said, number, "{word:?}");
        assert!(rest.ends_with(path.to_bytes()));
        let number = number.map(|number| number.to_string()).unwrap_or_default();
        let blank: &[u8] = if number.is_empty() || path.is_empty() { b"" } else { b" " };
        let text = [word, number.as_bytes(), blank, path.to_bytes(), b"\0"].concat();
        let again = std::ffi::CStr::from_bytes_with_nul(&text).expect("one string");
        assert!(Entry::read(again) == Some(entry), "{}", text.escape_ascii());
    }
    sound == strings.len()
}
