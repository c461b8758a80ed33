//! `--user`, and what it names in passwd and group. Source: passwd(5).

use heapless::Vec;

use super::refusal::Reason;
use crate::text::number::parse_id;
use crate::text::parts::parts;

/// Supplementary groups that a user may have here; the kernel itself allows 65536.
pub const GROUPS: usize = 64;

/// Numeric credentials of the program.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub struct Credentials<'a> {
    /// User id.
    pub uid: u32,
    /// Group id.
    pub gid: u32,
    /// Supplementary groups, the primary one included as docker does.
    pub groups: Vec<u32, GROUPS>,
    /// Home directory.
    pub home: &'a [u8],
}

impl Credentials<'_> {
    /// Root's, without groups.
    #[must_use]
    pub const fn new() -> Self {
        Self { uid: 0, gid: 0, groups: Vec::new(), home: b"/root" }
    }
}

impl Default for Credentials<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// Resolves `USER[:GROUP]` with the contents of the rootfs's passwd and group files.
/// A number is never looked up as a name; what begins like one but is not valid is an error.
///
/// # Errors
/// `NoUser`, `NoGroup`; `BadId` for a number that no id can be, or an empty name; `TooManyGroups`.
pub fn resolve<'a>(
    text: &[u8],
    passwd: &'a [u8],
    group: &[u8],
    credentials: &mut Credentials<'a>,
) -> Result<(), Reason> {
    let mut names = parts(text, b':');
    let (user, group_name) = (names.skip_to(0), names.rest());
    let entry = find_user(user, passwd)?;
    let groups = &mut credentials.groups;
    groups.clear();
    let gid = match group_name {
        Some(name) => find_group(name, group)?,
        None => {
            member_groups(entry.name, group, groups)?;
            entry.gid
        }
    };
    if !has(groups, gid) {
        groups.push(gid).map_err(|_| Reason::TooManyGroups)?;
    }
    (credentials.uid, credentials.gid, credentials.home) = (entry.uid, gid, entry.home);
    Ok(())
}

/// The name that passwd has for a user id; empty where it has none.
#[must_use]
pub fn name_of(passwd: &[u8], uid: u32) -> &[u8] {
    let found = parts(passwd, b'\n').find_map(|line| {
        let mut fields = parts(line, b':');
        let name = fields.skip_to(0);
        (parse_id(fields.skip_to(1)) == Some(uid)).then_some(name)
    });
    found.unwrap_or_default()
}

struct Entry<'a> {
    name: &'a [u8],
    uid: u32,
    gid: u32,
    home: &'a [u8],
}

fn find_user<'a>(user: &[u8], passwd: &'a [u8]) -> Result<Entry<'a>, Reason> {
    let number = numeric(user)?;
    for line in parts(passwd, b'\n') {
        let mut fields = parts(line, b':');
        let name = fields.skip_to(0);
        let (uid, gid) = (parse_id(fields.skip_to(1)), parse_id(fields.skip_to(0)));
        let home = fields.skip_to(1);
        let home = if home.is_empty() { b"/" } else { home };
        let wanted = if number.is_some() { uid == number } else { name == user };
        if let (true, Some(uid), Some(gid)) = (wanted, uid, gid) {
            return Ok(Entry { name, uid, gid, home });
        }
    }
    let uid = number.ok_or(Reason::NoUser)?;
    Ok(Entry { name: b"", uid, gid: 0, home: b"/" })
}

fn find_group(name: &[u8], group: &[u8]) -> Result<u32, Reason> {
    if let Some(gid) = numeric(name)? {
        return Ok(gid);
    }
    for line in parts(group, b'\n') {
        let mut fields = parts(line, b':');
        if fields.skip_to(0) == name {
            return parse_id(fields.skip_to(1)).ok_or(Reason::NoGroup);
        }
    }
    Err(Reason::NoGroup)
}

/// Adds the id of every group that lists `user` as a member.
#[inline(never)]
fn member_groups(user: &[u8], group: &[u8], groups: &mut Vec<u32, GROUPS>) -> Result<(), Reason> {
    for line in parts(group, b'\n') {
        let mut fields = parts(line, b':');
        let Some(gid) = parse_id(fields.skip_to(2)) else { continue };
        let listed = parts(fields.skip_to(0), b',').any(|member| member == user);
        if listed && !user.is_empty() && !has(groups, gid) {
            groups.push(gid).map_err(|_| Reason::TooManyGroups)?;
        }
    }
    Ok(())
}

#[allow(clippy::manual_contains, reason = "contains() is vectorised: 200 bytes more")]
fn has(groups: &[u32], gid: u32) -> bool {
    groups.iter().any(|group| *group == gid)
}

/// The id that a text means when it begins like a number; `None` for a name.
fn numeric(text: &[u8]) -> Result<Option<u32>, Reason> {
    match text.first() {
        Some(b'0'..=b'9' | b'+' | b'-') => parse_id(text).map(Some).ok_or(Reason::BadId),
        Some(_) => Ok(None),
        None => Err(Reason::BadId),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/sh\n# note\nweb:x:33:44::/srv/web:/bin/sh\n1001:x:7:7::/x:\nbad:x:-1:0::/:\nnohome:x:9:9:::/bin/sh";
    const GROUP: &[u8] =
        b"root:x:0:\ntty:x:5:\nstaff:x:50:web,other\nweb:x:44:\naudio:x:29:other,web\n";

    fn check(text: &str, expected: Result<(u32, u32, &[u32], &str), Reason>) {
        let mut user = Credentials::new();
        let found = resolve(text.as_bytes(), PASSWD, GROUP, &mut user).map(|()| {
            (user.uid, user.gid, user.groups.as_slice(), core::str::from_utf8(user.home).unwrap())
        });
        assert_eq!(found, expected, "{text:?}");
    }

    #[test]
    fn users_and_groups_by_name_and_number() {
        check("root", Ok((0, 0, &[0], "/root")));
        check("web", Ok((33, 44, &[50, 29, 44], "/srv/web")));
        check("33", Ok((33, 44, &[50, 29, 44], "/srv/web")));
        check("web:tty", Ok((33, 5, &[5], "/srv/web")));
        check("33:7", Ok((33, 7, &[7], "/srv/web")));
        check("4000", Ok((4000, 0, &[0], "/")));
        check("4000:4001", Ok((4000, 4001, &[4001], "/")));
        check("nohome", Ok((9, 9, &[9], "/")));
    }

    #[test]
    fn a_number_is_never_a_name() {
        check("1001", Ok((1001, 0, &[0], "/")));
    }

    #[test]
    fn junk_is_refused() {
        check("nobody", Err(Reason::NoUser));
        check("root:nogroup", Err(Reason::NoGroup));
        for junk in
            ["", ":", "0:", "-1", "+0", "4294967295", "4294967296", "0x0", "1 ", "0:-1", "0:1:2"]
        {
            let found = resolve(junk.as_bytes(), PASSWD, GROUP, &mut Credentials::new()).err();
            assert!(matches!(found, Some(Reason::BadId)), "{junk:?} gave {found:?}");
        }
        check("bad", Err(Reason::NoUser));
    }
}
