//! `man`: writes rootlet.8 from a template and from what --help prints.

use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::arch::Arch;
use crate::{build, layout};

pub const USAGE: &str = "\
man
    writes rootlet.8: xtask/src/man/page.8, filled with the commands and options that --help of
    the built binary prints; a test compares their flags with help and with the parser";

/// Commands in the page's order, each with the option that prints its help: the peers' is `-h`.
const COMMANDS: &[(&str, &str)] = &[
    ("run", "--help"),
    ("exec", "--help"),
    ("ps", "--help"),
    ("inspect", "--help"),
    ("stats", "--help"),
    ("logs", "--help"),
    ("wait", "--help"),
    ("kill", "--help"),
    ("pause", "--help"),
    ("resume", "--help"),
    ("stop", "--help"),
    ("rm", "--help"),
    ("nsenter", "--help"),
    ("ns", "--help"),
    ("mounts", "--help"),
    ("prepare", "--help"),
    ("init", "--help"),
    ("tini", "-h"),
    ("dumb-init", "-h"),
    ("catatonit", "-h"),
    ("sh", "--help"),
    ("poweroff", "--help"),
    ("switch_root", "--help"),
];

const PAGE: &str = include_str!("man/page.8");

pub fn perform(mut arguments: lexopt::Parser) -> Result<ExitCode> {
    if let Some(argument) = arguments.next()? {
        return Err(argument.unexpected().into());
    }
    let rootlet = build::build(Arch::X86_64, &[])?;
    let path = layout::root().join("rootlet.8");
    layout::write_atomically(&path, page(&rootlet)?.as_bytes(), 0o644)?;
    println!("{}", build::relative(&path));
    Ok(ExitCode::SUCCESS)
}

fn page(rootlet: &Path) -> Result<String> {
    let (mut synopsis, mut commands) = (String::new(), String::new());
    for (name, option) in COMMANDS {
        let help = help_of(rootlet, name, option).and_then(|text| Help::read(&text));
        let help = help.with_context(|| format!("help of {name}"))?;
        synopsis.push_str(&format!("{}\n", escape(&help.usage)));
        commands.push_str(&help.section(name));
    }
    // The workspace's, as rootlet's own.
    let page =
        PAGE.replace("@VERSION@", env!("CARGO_PKG_VERSION")).replace("@SYNOPSIS@\n", &synopsis);
    Ok(page.replace("@COMMANDS@\n", &commands))
}

/// What the command prints. dumb-init's help goes to standard error.
fn help_of(rootlet: &Path, name: &str, option: &str) -> Result<String> {
    let done = Command::new(rootlet).args([name, option]).output().context("rootlet")?;
    ensure!(done.status.success(), "{}", done.status);
    Ok(String::from_utf8([done.stdout, done.stderr].concat())?)
}

/// What --help prints, taken apart.
#[derive(Debug, Default, PartialEq)]
struct Help {
    usage: String,
    /// Paragraphs before and after the options.
    words: Vec<String>,
    /// Flags with their values, and what they do.
    options: Vec<(String, String)>,
}

impl Help {
    /// The usage is the first line, or the second where the first tells a version. An option begins
    /// with an indented dash, and goes on in lines that are indented further.
    fn read(text: &str) -> Result<Help> {
        let mut help = Help::default();
        let mut lines = text.lines().peekable();
        let is_version = |line: &&str| line.contains("version") || line.starts_with("dumb-init v");
        lines.next_if(|line| is_version(line));
        help.usage = lines
            .next()
            .context("no line")?
            .trim_start_matches("Usage: ")
            .trim_start_matches("usage: ")
            .to_owned();
        let column = text_column(text);
        let (mut words, mut in_option) = (String::new(), false);
        for line in lines {
            let start = line.trim_start();
            if start.len() < line.len() && start.starts_with('-') {
                help.options.push(split(line, column));
                in_option = true;
            } else if start.is_empty() {
                in_option = false;
                help.words.extend((!words.is_empty()).then(|| std::mem::take(&mut words)));
            } else if let Some((_, text)) =
                help.options.last_mut().filter(|_| in_option && start.len() < line.len())
            {
                if explains_value(start) {
                    text.push('.');
                }
                append(text, start);
            } else {
                in_option = false;
                append(&mut words, start);
            }
        }
        help.words.extend((!words.is_empty()).then_some(words));
        ensure!(help.usage.contains(' ') || !help.options.is_empty(), "no usage: {:?}", help.usage);
        Ok(help)
    }

    fn section(&self, name: &str) -> String {
        let mut text = format!(".SS rootlet {}\n.B {}\n", escape(name), escape(&self.usage));
        for words in &self.words {
            text.push_str(&format!(".PP\n{}\n", escape(words)));
        }
        for (flags, what) in &self.options {
            text.push_str(&format!(".TP\n.B {}\n{}\n", escape(flags), escape(what)));
        }
        text
    }
}

/// Whether a line of an option tells what a value can be, as `NS: new, host`: it is a sentence of its own.
fn explains_value(line: &str) -> bool {
    let value = line.split_once(": ").map_or("", |(value, _)| value);
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_uppercase())
}

fn append(text: &mut String, words: &str) {
    if !text.is_empty() {
        text.push(' ');
    }
    text.push_str(words);
}

/// The column at which the text of options begins: the indent of most lines that go on with one.
fn text_column(text: &str) -> Option<usize> {
    let indent = |line: &str| line.len() - line.trim_start().len();
    let further = text.lines().filter(|line| !line.trim_start().starts_with('-')).map(indent);
    let further: Vec<usize> = further.filter(|&columns| columns >= 12).collect();
    let count = |columns: usize| further.iter().filter(|&&c| c == columns).count();
    further.iter().copied().max_by_key(|&columns| count(columns))
}

/// Flags and text of an option's first line: split at the column, else at two spaces; else the line
/// has flags alone.
fn split(line: &str, column: Option<usize>) -> (String, String) {
    let split_at = |at: usize| {
        let (flags, text) = line.split_at_checked(at)?;
        (flags.ends_with(' ') && !text.starts_with(' ')).then_some((flags, text))
    };
    let start = line.len() - line.trim_start().len();
    let spaces = line[start..].find("  ").map(|at| line.split_at(start + at));
    let (flags, text) = column.and_then(split_at).or(spaces).unwrap_or((line, ""));
    (flags.trim().to_owned(), text.trim().to_owned())
}

/// Text for roff, in which a dash stays a dash, and neither a backslash nor a first character starts a command.
fn escape(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    match text.starts_with(['.', '\'']) {
        true => format!("\\&{text}"),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
rootlet x [options] CMD
Does this. And
that.

  -a, --all VALUE:VERY[:LONG,..] one
                                 more
      --very-long-name-of-an-option VALUE
                                 text
  -b SIG  short
                                 SIG: a name

SIG: a number.
";

    #[test]
    fn help_is_taken_apart() {
        let help = Help::read(TEXT).unwrap();
        assert_eq!(help.usage, "rootlet x [options] CMD");
        assert_eq!(help.words, ["Does this. And that.", "SIG: a number."]);
        let option = |flags: &str, text: &str| (flags.to_owned(), text.to_owned());
        let expected = [
            option("-a, --all VALUE:VERY[:LONG,..]", "one more"),
            option("--very-long-name-of-an-option VALUE", "text"),
            option("-b SIG", "short. SIG: a name"),
        ];
        assert_eq!(help.options, expected);
    }

    #[test]
    fn a_command_without_help_is_an_error() {
        assert!(help_of(Path::new("/bin/false"), "ps", "--help").is_err());
    }

    #[test]
    fn a_section_cannot_become_requests_of_roff() {
        let help = Help { usage: "a -b".into(), words: vec![".x \\y".into()], options: Vec::new() };
        assert_eq!(help.section("a"), ".SS rootlet a\n.B a \\-b\n.PP\n\\&.x \\ey\n");
    }
}
