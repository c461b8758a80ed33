//! What the kernel tells about processes: stat, status, limits, maps, cgroups.

use rootlet::input::cgroup_files::{on_v1, own_cgroup, path_of};
use rootlet::input::process_rights::{Rights, effective_id, inner_id, limit};
use rootlet::input::process_status::{Stat, Status};

pub fn check_stat(input: &[u8]) -> bool {
    let Some(stat) = Stat::read(input) else { return false };
    let close = input.iter().rposition(|byte| *byte == b')').unwrap();
    assert!(input[..close].ends_with(stat.name));
    let line = format!(
        "{} {} {} {} {} 0 0 0 0 0 0 {} {} 0 0 0 0 {} 0 {} {} {}\n",
        char::from(b'S'),
        stat.parent.cast_unsigned(),
        stat.group.cast_unsigned(),
        stat.session.cast_unsigned(),
        stat.terminal,
        stat.user_ticks,
        stat.system_ticks,
        stat.threads,
        stat.start_ticks,
        stat.virtual_bytes,
        stat.resident_pages
    );
    let text = [b"1 (", stat.name, b") ", line.as_bytes()].concat();
    assert!(Stat::read(&text) == Some(Stat { state: b'S', ..stat }));
    true
}

const NAMES: [&[u8]; 6] = [b"Name", b"Uid", b"NSpid", b"CapEff", b"Seccomp", b"VmRSS"];

pub fn check_status(input: &[u8]) -> bool {
    let status = Status(input);
    let mut sound = true;
    for name in NAMES {
        let head = [name, b":"].concat();
        let mut lines = input.split(|byte| *byte == b'\n');
        let line = lines.find(|line| line.starts_with(&head));
        let expected = line.map(|line| line[head.len()..].trim_ascii());
        assert_eq!(status.field(name), expected);
        let numbers = (0..).map_while(|index| status.nth(name, index)).count();
        assert!(numbers <= expected.map_or(0, <[u8]>::len));
        assert!(status.count(name) > 0 || expected.is_none());
        if let Some(set) = status.set(name) {
            let text = format!("{name}:\t{set:016x}", name = name.escape_ascii());
            assert_eq!(Status(text.as_bytes()).set(name), Some(set));
        }
        sound &= expected.is_some();
    }
    let rights = Rights::read(input);
    assert!(!rights.filtered || status.field(b"Seccomp").is_some());
    if let Some(id) = effective_id(input, b"Uid") {
        assert_ne!(id, u32::MAX);
        if let Some(inner) = inner_id(input, id) {
            assert_ne!(inner, u32::MAX);
        }
    }
    for kind in 0..16 {
        let lines = input.split(|byte| *byte == b'\n').count();
        assert!(limit(input, kind).is_none() || usize::from(kind) + 1 < lines);
    }
    let controllers = on_v1(input);
    assert!(controllers == on_v1(&[input, b"\n"].concat()));
    if let Some(own) = own_cgroup(input) {
        assert!(!own.contains(&b'\n') && path_of(input, b"").is_some());
    }
    sound
}
