//! Files of variables, maps of ids, /etc/subuid, resolv.conf.

use rootlet::input::environment::{Variable, key, parse, significant};
use rootlet::input::id_map::{IdMap, add_range, has_inner, subordinate_range};
use rootlet::input::resolver::{Kind, has_server, kind, lines};

/// One text for all of these readers, line by line.
pub fn check(input: &[u8]) -> bool {
    let mut sound = false;
    let mut map = IdMap::new();
    for line in input.split(|byte| *byte == b'\n') {
        if let Some(said) = significant(line) {
            assert!(
                !said.is_empty()
                    && !said.starts_with(b"#")
                    && line.ends_with(b"\r") | line.ends_with(said)
            );
            sound |= check_variable(said);
        }
        if add_range(line, &mut map).is_ok() {
            let range = map.last().expect("it has been added");
            assert!(
                has_inner(&map, range.inner) && has_inner(&map, range.inner + (range.size - 1))
            );
            let text = format!("{}:{}:{}", range.inner, range.outer, range.size);
            let mut again = IdMap::new();
            assert!(add_range(text.as_bytes(), &mut again).is_ok() && again.last() == Some(range));
            // The same range once more overlaps itself.
            assert!(add_range(line, &mut map).is_err());
        }
    }
    if let Some((first, count)) = subordinate_range(input, b"user", 1000) {
        assert!(count > 0 && first.checked_add(count).is_some());
        sound = true;
    }
    let mut servers =
        lines(input).filter(|line| matches!(kind(line), Kind::Server { is_loopback: false }));
    assert_eq!(has_server(input), servers.next().is_some());
    sound
}

fn check_variable(said: &[u8]) -> bool {
    let name = key(said);
    match parse(said) {
        Some(Variable::Set(text)) => {
            assert!(text == said && said.len() > name.len() && said[name.len()] == b'=');
        }
        Some(Variable::Copied(text)) => assert!(text == said && name == said),
        None => {
            assert!(name.is_empty() || name.iter().any(u8::is_ascii_whitespace));
            return false;
        }
    }
    assert!(!name.contains(&b'=') && !name.is_empty());
    true
}
