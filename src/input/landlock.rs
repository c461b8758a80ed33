//! Paths that a container's files are used below. Source: landlock(7).

use core::ffi::CStr;

use heapless::Vec;

use super::refusal::Reason;
use crate::text::arena::Arena;
use crate::text::parts::{halves, line_of, parts};

/// Paths that one container may have.
pub const FILE_RULES: usize = 32;

/// What may be done below a path.
#[derive(Clone, Copy)]
pub struct FileRule<'a> {
    /// The path inside.
    pub path: &'a CStr,
    /// Everything may be done; else only reading and executing.
    pub write: bool,
}

/// Adds `ro:PATH` and `rw:PATH`, with commas between.
///
/// # Errors
/// `NoFileRule` for what is neither, or an empty path; `ManyFileRules`; `TextFull`.
pub fn add_rules<'a>(
    text: &[u8],
    arena: &mut Arena<'a>,
    rules: &mut Vec<FileRule<'a>, FILE_RULES>,
) -> Result<(), Reason> {
    for rule in parts(text, b',') {
        let (kind, path) = halves(rule, b':');
        let kind = line_of(b"ro\nrw", kind).filter(|_| !path.is_empty());
        let write = kind.ok_or(Reason::NoFileRule)? == 1;
        let path = arena.join(&[path]).map_err(|_| Reason::TextFull)?;
        rules.push(FileRule { path, write }).map_err(|_| Reason::ManyFileRules)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_read() {
        let read = |text: &str| {
            let mut arena = Arena::new(Box::leak(Box::new([0; 1024])));
            let mut rules = Vec::new();
            add_rules(text.as_bytes(), &mut arena, &mut rules)?;
            let rules = rules.iter().map(|rule| (rule.path.to_str().unwrap(), rule.write));
            Ok::<_, Reason>(rules.collect::<std::vec::Vec<_>>())
        };
        assert_eq!(read("ro:/"), Ok(vec![("/", false)]));
        assert_eq!(read("ro:/usr,rw:/a:b"), Ok(vec![("/usr", false), ("/a:b", true)]));
        for bad in ["", "ro", "ro:", "rx:/", "/", "ro:/,", ",ro:/"] {
            assert_eq!(read(bad), Err(Reason::NoFileRule), "{bad}");
        }
        assert!(read(&["ro:/"; 32].join(",")).is_ok());
        assert_eq!(read(&["ro:/"; 33].join(",")), Err(Reason::ManyFileRules));
    }
}
