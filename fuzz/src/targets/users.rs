//! `--user`, looked up in passwd and group.

use rootlet::input::refusal::Reason;
use rootlet::input::users::{Credentials, GROUPS, name_of, resolve};

use super::parts;

/// The input is what was asked for, passwd and group, with NULs between them.
pub fn check(input: &[u8]) -> bool {
    let [text, passwd, group] = parts(input);
    let wanted = text.split(|byte| *byte == b':').next().unwrap_or_default();
    let mut found = Credentials::new();
    if let Err(reason) = resolve(text, passwd, group, &mut found) {
        let is_known = matches!(
            reason,
            Reason::BadId | Reason::NoUser | Reason::NoGroup | Reason::TooManyGroups
        );
        assert!(is_known);
        return false;
    }
    assert!(found.uid != u32::MAX && found.gid != u32::MAX && !found.home.is_empty());
    let mut groups: Vec<u32> = found.groups.to_vec();
    assert!(groups.contains(&found.gid) && groups.len() <= GROUPS);
    groups.sort_unstable();
    groups.dedup();
    assert_eq!(groups.len(), found.groups.len(), "a group twice");
    match std::str::from_utf8(wanted).ok().and_then(|text| text.parse::<u32>().ok()) {
        Some(uid) => assert_eq!(found.uid, uid),
        None => check_name(wanted, found.uid, passwd),
    }
    true
}

/// A user who was found by name has a line with that name and that number.
fn check_name(name: &[u8], uid: u32, passwd: &[u8]) {
    let has_line = passwd.split(|byte| *byte == b'\n').any(|line| {
        let fields: Vec<&[u8]> = line.split(|byte| *byte == b':').collect();
        let number = fields.get(2).and_then(|text| std::str::from_utf8(text).ok());
        fields[0] == name && number.and_then(|text| text.parse().ok()) == Some(uid)
    });
    assert!(has_line, "{}", name.escape_ascii());
    // The first of several lines with this number may have another name.
    let named = name_of(passwd, uid);
    assert!(passwd.windows(named.len().max(1)).any(|part| part == named) || named.is_empty());
}
