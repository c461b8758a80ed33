//! The environment of the program: what was asked for and copied.

use core::ffi::CStr;

use heapless::Vec;

use crate::facts::run_facts::RunFacts;
use crate::input::environment::{PATH, Variable, key, parse, significant};
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::run_options::RunOptions;
use crate::text::arena::{Arena, Refused};
use crate::text::parts::parts;

/// Variables that a program may get.
pub const ENVIRONMENT: usize = 1024;

/// `KEY=VALUE` strings; of two with the same key the later has taken the place of the earlier.
pub type Environment<'a> = Vec<&'a CStr, ENVIRONMENT>;

/// Builds an environment.
pub struct Builder<'b, 'a, Caller> {
    /// What there is so far.
    pub environment: &'b mut Environment<'a>,
    /// Where strings are put together.
    pub arena: &'b mut Arena<'a>,
    /// The caller's environment.
    pub caller: Caller,
}

impl<'a, Caller: Iterator<Item = &'a CStr> + Clone> Builder<'_, 'a, Caller> {
    /// Adds PATH, HOME, HOSTNAME, with a terminal TERM, then every `--env-file`, then every `--env`.
    ///
    /// # Errors
    /// A bad line of a file, too many variables, or too long ones.
    pub fn fill(
        &mut self,
        options: &RunOptions<'a>,
        facts: &RunFacts<'a>,
        home: &[u8],
    ) -> Result<(), Refusal> {
        let whole = |reason| Refusal::new(Subject::Environment, reason);
        self.defaults(options, facts, home).map_err(whole)?;
        for (index, file) in (0..).zip(&facts.variable_files) {
            // Editors of other systems begin a file with a mark that is no part of the first name.
            let file = file.strip_prefix(b"\xef\xbb\xbf").unwrap_or(file);
            for (number, line) in (1..).zip(parts(file, b'\n')) {
                let line_of = |reason| Refusal::new(Subject::VariableFile(index, number), reason);
                significant(line).map_or(Ok(()), |line| self.line(line)).map_err(line_of)?;
            }
        }
        for text in &options.lists.variables {
            match parse(text.to_bytes()) {
                Some(Variable::Copied(name)) => self.copy(name),
                _ => self.add(text),
            }
            .map_err(whole)?;
        }
        Ok(())
    }

    fn defaults(
        &mut self,
        options: &RunOptions<'a>,
        facts: &RunFacts<'a>,
        home: &[u8],
    ) -> Result<(), Reason> {
        let hostname = options.hostname.unwrap_or(facts.hostname);
        self.add(PATH)?;
        self.join(&[b"HOME=", home])?;
        if !hostname.is_empty() {
            self.join(&[b"HOSTNAME=", hostname.to_bytes()])?;
        }
        if options.terminal { self.add(c"TERM=xterm") } else { Ok(()) }
    }

    fn line(&mut self, line: &'a [u8]) -> Result<(), Reason> {
        match parse(line).ok_or(Reason::NoVariable)? {
            Variable::Set(text) => self.join(&[text]),
            Variable::Copied(name) => self.copy(name),
        }
    }

    /// Adds the caller's variable of this name, if there is one.
    fn copy(&mut self, name: &[u8]) -> Result<(), Reason> {
        let found = self.caller.clone().find(|string| key(string.to_bytes()) == name);
        found.map_or(Ok(()), |string| self.add(string))
    }

    fn join(&mut self, parts: &[&[u8]]) -> Result<(), Reason> {
        let string = self.arena.join(parts).map_err(|refused| match refused {
            Refused::Full => Reason::TextFull,
            Refused::Nul => Reason::NulByte,
        })?;
        self.add(string)
    }

    fn add(&mut self, string: &'a CStr) -> Result<(), Reason> {
        let name = key(string.to_bytes());
        let same = self.environment.iter_mut().find(|other| key(other.to_bytes()) == name);
        if let Some(place) = same {
            *place = string;
            return Ok(());
        }
        self.environment.push(string).map_err(|_| Reason::EnvironmentFull)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(
        variables: &[&'static CStr],
        file: &'static [u8],
    ) -> Result<Vec<&'static str, ENVIRONMENT>, Refusal> {
        let mut options = RunOptions::new(Box::leak(Box::default()));
        options.lists.variables.extend_from_slice(variables).unwrap();
        options.variable_files.push(c"file").unwrap();
        let mut arena = Arena::new(Box::leak(Box::new([0; 65536])));
        let mut environment = Environment::new();
        let mut facts = RunFacts::new();
        facts.variable_files.push(file).unwrap();
        let caller = [c"LANG=C", c"SECRET=1"].into_iter();
        Builder { environment: &mut environment, arena: &mut arena, caller }
            .fill(&options, &facts, b"/root")?;
        Ok(environment.iter().map(|string| string.to_str().unwrap()).collect())
    }

    #[test]
    fn starts_with_what_docker_sets_and_nothing_of_the_caller() {
        let names = filled(&[], b"").unwrap();
        let expected = [PATH.to_str().unwrap(), "HOME=/root", "HOSTNAME=rootlet"];
        assert_eq!(names.as_slice(), expected);
    }

    #[test]
    fn options_beat_files_beat_defaults() {
        let names = filled(&[c"A=2", c"LANG", c"NOT_THERE"], b"A=1\nHOME=/h\nB=1\n").unwrap();
        let expected =
            [PATH.to_str().unwrap(), "HOME=/h", "HOSTNAME=rootlet", "A=2", "B=1", "LANG=C"];
        assert_eq!(names.as_slice(), expected);
    }

    #[test]
    fn too_many_variables_are_an_error() {
        let many: String = (0..ENVIRONMENT).map(|number| format!("V{number}=\n")).collect();
        let error = filled(&[], Box::leak(many.into_boxed_str()).as_bytes()).err();
        let last = Subject::VariableFile(0, ENVIRONMENT as u32 - 2);
        assert_eq!(error, Some(Refusal::new(last, Reason::EnvironmentFull)));
        assert!(Reason::EnvironmentFull.words().to_string().contains("1024"));
    }
}
