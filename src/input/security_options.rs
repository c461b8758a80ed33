//! `--security-opt`: a filter, labels, privileges. Source: docker-run(1).

use core::ffi::CStr;

use super::refusal::Reason;
use crate::text::arena::Arena;
use crate::text::parts::line_of;

/// Where the filter of system calls comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum FilterChoice<'a> {
    /// Ours; none for a privileged container.
    Default,
    /// Ours in any case.
    Builtin,
    /// None.
    Unconfined,
    /// A file in docker's format.
    File(&'a CStr),
}

/// What a security module is told about the programs that will be executed. Source: proc_pid_attr(5).
#[derive(Clone, Copy)]
pub struct Label<'a> {
    /// The file.
    pub file: &'static CStr,
    /// What is written to it.
    pub text: &'a CStr,
}

/// What `--security-opt` asks for.
#[derive(Clone, Copy)]
pub struct Security<'a> {
    /// Which filter of system calls.
    pub filter: FilterChoice<'a>,
    /// `--security-opt apparmor=`
    pub apparmor: Option<Label<'a>>,
    /// `--security-opt label=`
    pub selinux: Option<Label<'a>>,
    /// Programs may gain privileges by exec.
    pub new_privileges: bool,
    /// `no-new-privileges` was named, with either value.
    pub names_privileges: bool,
}

impl<'a> Security<'a> {
    /// What holds where nothing is asked for.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            filter: FilterChoice::Default,
            apparmor: None,
            selinux: None,
            new_privileges: false,
            names_privileges: false,
        }
    }

    /// `seccomp=...`, `no-new-privileges[=true|false]`, `apparmor=...`, `label=...`, with `:` for `=` as docker takes
    /// it too.
    ///
    /// # Errors
    /// `NoSecurityOption`, `TextFull`
    #[inline(never)]
    pub fn set(&mut self, bytes: &[u8], arena: &mut Arena<'a>) -> Result<(), Reason> {
        let end = bytes.iter().position(|byte| matches!(byte, b'=' | b':')).unwrap_or(bytes.len());
        let (name, rest) = bytes.split_at_checked(end).unwrap_or_default();
        let value = rest.get(1..);
        let names = b"seccomp\nno-new-privileges\napparmor\nlabel";
        match (line_of(names, name), value.filter(|value| !value.is_empty())) {
            (Some(0), Some(value)) => {
                self.filter = match line_of(b"unconfined\nbuiltin\ndefault", value) {
                    Some(0) => FilterChoice::Unconfined,
                    Some(_) => FilterChoice::Builtin,
                    None => FilterChoice::File(arena.join(&[value]).map_err(|_| Reason::TextFull)?),
                };
            }
            (Some(1), _) => {
                let choice = value.map_or(Some(0), |value| line_of(b"true\nfalse", value));
                self.new_privileges = choice.ok_or(Reason::NoSecurityOption)? == 1;
                self.names_privileges = true;
            }
            (Some(2), Some(value)) => {
                let file = c"/proc/self/attr/apparmor/exec";
                self.apparmor = label(file, &[b"exec ", value], b"unconfined", arena)?;
            }
            (Some(_), Some(value)) => {
                self.selinux = label(c"/proc/self/attr/exec", &[value], b"disable", arena)?;
            }
            _ => return Err(Reason::NoSecurityOption),
        }
        Ok(())
    }
}

impl Default for Security<'_> {
    fn default() -> Self {
        Self::new()
    }
}

/// A label with the text of `parts` joined; nothing where the last part is `none`, the word for no label.
fn label<'a>(
    file: &'static CStr,
    parts: &[&[u8]],
    none: &[u8],
    arena: &mut Arena<'a>,
) -> Result<Option<Label<'a>>, Reason> {
    if parts.last().is_some_and(|value| *value == none) {
        return Ok(None);
    }
    let text = arena.join(parts).map_err(|_| Reason::TextFull)?;
    Ok(Some(Label { file, text }))
}
