//! Files that a boot reads line by line: inittab, fstab, sysctl.conf.

use rootlet::input::fstab;
use rootlet::input::inittab::{Entry, When, entries};
use rootlet::input::mount_flags::MountFlags;
use rootlet::input::place::Misread;
use rootlet::input::settings::{Setting, first_line, setting_path, settings};
use rootlet::text::arena::Arena;
use rootlet::text::escape::unescape;
use rootlet::text::line::{LINE_BYTES, Line};

/// What was read. Where it was misread, the place told must be in the file.
fn sound<T>(read: Result<T, Misread>, input: &[u8]) -> Option<T> {
    let Err(misread) = read else { return read.ok() };
    let line = input.split(|byte| *byte == b'\n').nth(misread.line as usize - 1).expect("a line");
    assert!((1..=line.len() + 1).contains(&(misread.column as usize)));
    None
}

const fn action(when: When) -> &'static [u8] {
    match when {
        When::Sysinit => b"sysinit",
        When::Wait => b"wait",
        When::Once => b"once",
        When::Respawn => b"respawn",
        When::AskFirst => b"askfirst",
        When::CtrlAltDel => b"ctrlaltdel",
        When::Shutdown => b"shutdown",
        When::Restart => b"restart",
    }
}

pub fn check_inittab(input: &[u8]) -> bool {
    let says = |line: &&[u8]| {
        let text = line.split(|byte| *byte == b'#').next().unwrap_or_default();
        !text.trim_ascii().is_empty()
    };
    let said = input.split(|byte| *byte == b'\n').filter(says).count();
    let (mut count, mut good) = (0, 0);
    for entry in entries(input) {
        count += 1;
        let Some(Entry { terminal, when, command }) = sound(entry, input) else { continue };
        good += 1;
        assert!(terminal.len() <= 26 && !terminal.iter().any(u8::is_ascii_whitespace));
        assert!(!command.is_empty() && command.trim_ascii() == command);
        let text = [terminal, b"::", action(when), b":", command].concat();
        let again: Vec<_> = entries(&text).collect();
        assert!(again == [Ok(Entry { terminal: without_device(terminal), when, command })]);
    }
    assert_eq!(count, said);
    good > 0 && good == count
}

/// A terminal's name as it is read: one /dev/ in front of it is dropped.
fn without_device(terminal: &[u8]) -> &[u8] {
    terminal.strip_prefix(b"/dev/").unwrap_or(terminal)
}

pub fn check_fstab(input: &[u8]) -> bool {
    let says = |line: &&[u8]| !line.trim_ascii().is_empty() && !line.trim_ascii().starts_with(b"#");
    let said = input.split(|byte| *byte == b'\n').filter(says).count();
    let (mut count, mut good) = (0, 0);
    for mount in fstab::mounts(input) {
        count += 1;
        let Some(mount) = sound(mount, input) else { continue };
        good += 1;
        assert!(!mount.source.is_empty() && !mount.kind.is_empty());
        let options = if mount.options.is_empty() { b"defaults" } else { mount.options };
        let pass = mount.pass.to_string();
        let fields = [mount.source, mount.target, mount.kind, options, b"0", pass.as_bytes()];
        let text = fields.join(&b'\t');
        let again: Vec<_> = fstab::mounts(&text).collect();
        assert!(again == [Ok(fstab::Mount { options, ..mount })]);
        check_flags(options);
        check_escapes(mount.target);
    }
    assert_eq!(count, said);
    good > 0 && good == count
}

/// The options that are left for the filesystem hold none of the mount's own.
fn check_flags(options: &[u8]) {
    let (mut data, mut again) = (Line::new(), Line::new());
    let flags = MountFlags::read(options, &mut data);
    assert!(data.bytes().len() < LINE_BYTES && (flags.bits & !0x03ff_ffff) == 0);
    if options.len() < LINE_BYTES - 1 {
        let rest = MountFlags::read(data.bytes(), &mut again);
        assert!(rest == MountFlags::NONE && again.bytes() == data.bytes());
    }
}

/// A field stands for the same bytes as the field with every one of them escaped.
fn check_escapes(field: &[u8]) {
    let (mut room, mut other) = (vec![0; field.len() + 1], vec![0; field.len() + 1]);
    let Ok(plain) = unescape(field, &mut Arena::new(&mut room)) else {
        assert!(field.windows(4).any(|part| part == br"\000") || field.contains(&0));
        return;
    };
    let escaped: String = plain.to_bytes().iter().map(|byte| format!("\\{byte:03o}")).collect();
    let again = unescape(escaped.as_bytes(), &mut Arena::new(&mut other));
    assert!(again == Ok(plain));
}

pub fn check_settings(input: &[u8]) -> bool {
    let line = first_line(input);
    assert!(!line.contains(&b'\n') && line.trim_ascii() == line);
    let (mut count, mut good) = (0, 0);
    for setting in settings(input) {
        count += 1;
        let Some(Setting { key, value, is_optional }) = sound(setting, input) else { continue };
        good += 1;
        let path: Vec<u8> = setting_path(key).collect();
        let leads_out = path.split(|byte| *byte == b'/').any(|part| part == b"..");
        assert!(!path.starts_with(b"/") && !leads_out, "{}", path.escape_ascii());
        let sign: &[u8] = if is_optional { b"-" } else { b"" };
        let text = [sign, key, b"=", value, b" "].concat();
        let again: Vec<_> = settings(&text).collect();
        assert!(again == [Ok(Setting { key, value, is_optional })]);
    }
    good > 0 && good == count
}
