//! Mounts as a user writes them: `-v`, `--device`, `--tmpfs`.

use rootlet::input::mount_options::{
    Access, Attributes, Volume, parse_device, parse_tmpfs, parse_volume,
};
use rootlet::text::arena::Arena;

/// One text for all three.
pub fn check(input: &[u8]) -> bool {
    let (mut room, mut other) = (vec![0; 1 << 14], vec![0; 1 << 14]);
    let (mut arena, mut again) = (Arena::new(&mut room), Arena::new(&mut other));
    let mut sound = false;
    if let Ok(volume) = parse_volume(input, &mut arena) {
        sound = true;
        let text = volume_text(&volume);
        let read = parse_volume(&text, &mut again).ok().expect("what was taken is taken again");
        assert!(is_same(&volume, &read) && volume.access == Access::NONE);
        assert!(volume.attributes.has(Attributes::NO_DEV), "devices cannot be asked for");
    }
    if let Ok(device) = parse_device(input, &mut arena) {
        sound = true;
        let letters = Access::LETTERS.iter().filter(|(access, _)| device.access.has(*access));
        let letters: Vec<u8> = letters.map(|(_, letter)| *letter).collect();
        let text = [device.source.to_bytes(), device.target.to_bytes(), &letters].join(&b':');
        let read = parse_device(&text, &mut again).ok().expect("what was taken is taken again");
        assert!(is_same(&device, &read) && device.access != Access::NONE);
        assert!(!device.attributes.has(Attributes::NO_DEV) && device.source.to_bytes()[0] == b'/');
    }
    if let Ok(tmpfs) = parse_tmpfs(input, &mut arena) {
        sound = true;
        assert!(tmpfs.target.to_bytes().starts_with(b"/"));
        assert!(tmpfs.attributes.has(Attributes::NO_DEV));
        for (index, parameter) in tmpfs.parameters.iter().enumerate() {
            assert!(tmpfs.parameters[..index].iter().all(|other| other.key != parameter.key));
            assert!(!parameter.value.is_empty() && !parameter.value.to_bytes().contains(&b','));
        }
    }
    sound
}

fn volume_text(volume: &Volume<'_>) -> Vec<u8> {
    let mut options = vec![if volume.attributes.has(Attributes::READ_ONLY) { "ro" } else { "rw" }];
    options.extend(volume.attributes.has(Attributes::NO_SUID).then_some("nosuid"));
    options.extend(volume.attributes.has(Attributes::NO_EXEC).then_some("noexec"));
    options.extend(volume.mapped.then_some("idmap"));
    let propagation = format!("r{}", volume.propagation.name());
    options.push(&propagation);
    [volume.source.to_bytes(), volume.target.to_bytes(), options.join(",").as_bytes()].join(&b':')
}

fn is_same(one: &Volume<'_>, other: &Volume<'_>) -> bool {
    one.source == other.source
        && one.target == other.target
        && one.target.to_bytes().starts_with(b"/")
        && one.attributes == other.attributes
        && one.access == other.access
        && one.propagation == other.propagation
        && one.mapped == other.mapped
}
