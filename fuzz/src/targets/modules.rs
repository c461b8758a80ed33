//! depmod's lists: lines of modules.dep, .alias, .softdep, and files of names.

use rootlet::input::module_index::{
    aliased, dependencies, for_each_wanted, is_listed, is_same, module_and_parameters, module_of,
};

use super::parts;

/// The input is a list of names, a NUL, and the lines of a file.
pub fn check(input: &[u8]) -> bool {
    let [list, text] = parts(input);
    let mut sound = false;
    for line in text.split(|byte| *byte == b'\n') {
        let (file, needs) = dependencies(line);
        assert!(!file.contains(&b':') && needs.trim_ascii() == needs);
        let module = module_of(file);
        assert!(!module.contains(&b'/') && !module.contains(&b'.'));
        assert!(is_same(module, module) && is_listed(module, module));
        if let Some(module) = aliased(line, list) {
            assert!(line.starts_with(b"alias ") && line.ends_with(module));
            sound = true;
        }
        for_each_wanted(line, list, &mut |name| {
            assert!(!name.is_empty() && !name.ends_with(b":") && name.trim_ascii() == name);
            assert!(line.windows(4).any(|part| part == b"pre:"));
            sound = true;
        });
        if let Some((name, parameters)) = module_and_parameters(line) {
            assert!(!name.is_empty() && !name.iter().any(|byte| matches!(byte, b' ' | b'\t')));
            assert!(!name.starts_with(b"#") && parameters.trim_ascii() == parameters);
        }
    }
    sound
}
