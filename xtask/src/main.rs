//! rootlet's host tool: a file for each command, and the table of commands.
#![forbid(unsafe_code)]

mod arch;
mod layout;
mod program;

mod build;
mod elf;
mod pairs;
mod size;

mod apt;
mod boot;
mod disk;
mod docker_profile;
mod image;
mod kernel;
mod modules;
mod newc;
mod qemu;
mod rootfs;
mod run;

mod bench;
mod fuzz;
mod man;
mod test;
mod tidy;

use std::process::ExitCode;

/// One command: its name, its help, and the function that performs it.
struct Command {
    name: &'static str,
    usage: &'static str,
    perform: fn(lexopt::Parser) -> anyhow::Result<ExitCode>,
}

const COMMANDS: &[Command] = &[
    Command { name: "run", usage: run::USAGE, perform: run::perform },
    Command { name: "test", usage: test::USAGE, perform: test::perform },
    Command { name: "bench", usage: bench::USAGE, perform: bench::perform },
    Command { name: "build", usage: build::USAGE, perform: build::perform },
    Command { name: "size", usage: size::USAGE, perform: size::perform },
    Command { name: "pairs", usage: pairs::USAGE, perform: pairs::perform },
    Command { name: "fuzz", usage: fuzz::USAGE, perform: fuzz::perform },
    Command { name: "man", usage: man::USAGE, perform: man::perform },
    Command { name: "rootfs", usage: rootfs::USAGE, perform: rootfs::perform },
    Command { name: "image", usage: image::USAGE, perform: image::perform },
    Command { name: "boot", usage: boot::USAGE, perform: boot::perform },
    Command { name: "tidy", usage: tidy::USAGE, perform: tidy::perform },
];

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let Some(name) = arguments.next().filter(|a| a != "--help" && a != "-h" && a != "help") else {
        print_commands();
        return ExitCode::SUCCESS;
    };
    let Some(command) = COMMANDS.iter().find(|c| name == c.name) else {
        eprintln!("xtask: no command {name:?}; `cargo xtask` lists them");
        return ExitCode::from(2);
    };
    let operands: Vec<_> = arguments.collect();
    if asks_for_help(&operands) {
        println!("{}", command.usage);
        return ExitCode::SUCCESS;
    }
    match (command.perform)(lexopt::Parser::from_args(operands)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("xtask {}: {error:#}", command.name);
            ExitCode::FAILURE
        }
    }
}

/// Whether help is asked for. What stands after `--` belongs to the command that is to be run, `--help` included.
fn asks_for_help(operands: &[std::ffi::OsString]) -> bool {
    operands.iter().take_while(|o| *o != "--").any(|o| o == "--help" || o == "-h")
}

fn print_commands() {
    println!("usage: cargo xtask COMMAND [options]\n");
    for command in COMMANDS {
        println!("{}\n", command.usage);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_usage_starts_with_its_command() {
        for command in COMMANDS {
            assert!(command.usage.starts_with(command.name), "{}", command.name);
        }
    }

    #[test]
    fn help_after_two_dashes_belongs_to_the_guest() {
        let words = |list: &[&str]| list.iter().map(Into::into).collect::<Vec<_>>();
        assert!(asks_for_help(&words(&["--quick", "--help"])));
        assert!(!asks_for_help(&words(&["--", "ls", "--help"])));
    }
}
