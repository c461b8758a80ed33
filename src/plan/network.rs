//! The network of a container: who makes what of it, in words and calls.

use core::ffi::CStr;

use super::names::EtcFile;
use super::step::Step;
use super::user_namespace::Users;
use crate::facts::run_facts::RunFacts;
use crate::input::namespaces::Namespaces;
use crate::input::network::{Network, Owner, Veth};
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::run_options::RunOptions;
use crate::text::line::Line;

/// The name of the container's end of a pair.
pub const INSIDE: &CStr = c"eth0";

/// What the supervisor does for the network; nothing for one that is the host's or has `lo` alone.
///
/// # Errors
/// pasta(1) is not installed.
pub fn step_outside<'a>(
    options: &'a RunOptions<'a>,
    facts: &RunFacts<'a>,
    users: Users<'a>,
) -> Result<Option<Step<'a>>, Refusal> {
    Ok(match &options.network {
        Network::Apart | Network::Host => None,
        Network::Veth(pair) => Some(Step::Veth { pair, bridge: facts.bridge, name: facts.name }),
        Network::Pasta => {
            if options.joins.kinds().has(Namespaces::PID) {
                // Children of the supervisor are in it.
                return Err(Refusal::new(Subject::Command, Reason::PastaAmongOthers));
            }
            let missing = Refusal::new(Subject::Pasta, Reason::NoPasta);
            let program = facts.pasta.ok_or(missing)?;
            let joins = matches!(users, Users::New(_));
            Some(Step::Pasta { program, ports: &options.ports, joins })
        }
    })
}

/// No port leads in or out but those that were asked for, and none of the host's own.
pub const PASTA_WORDS: &[&CStr] = &[
    c"pasta",
    c"--foreground",
    c"--quiet",
    c"--config-net",
    c"--no-map-gw",
    // It would become nobody, who may not enter the namespace.
    c"--runas",
    c"0:0",
    // Descriptors 0 and 1 are those that it keeps: the namespace, and where it says that it is ready.
    c"--netns",
    c"/proc/self/fd/0",
    c"--pid",
    c"/proc/self/fd/1",
    c"--tcp-ns",
    c"none",
    c"--udp-ns",
    c"none",
];

/// `$v` what there is of a step, `$N` the calls that it may need, `$J` one of them.
#[inline(never)]
pub fn append_of_network(letter: u8, step: &Step<'_>, line: &mut Line) {
    /// A request to the kernel and its answer.
    const EXCHANGE: &str = " sendto recvfrom";
    match (letter, step) {
        (b'N', Step::Veth { pair, .. }) => {
            // The pair, its number, its alias.
            line.text(EXCHANGE).text(EXCHANGE).text(EXCHANGE);
            append_each(pair, Owner::Host, EXCHANGE, false, line);
        }
        (_, Step::Veth { pair, .. }) => {
            append_each(pair, Owner::Host, " ", true, line);
            if let Some(bridge) = pair.bridge {
                line.text(" in bridge ").raw(bridge.to_bytes());
            }
        }
        (b'N', Step::ConfigureLink(pair)) => {
            // Its number, its being up.
            line.text(EXCHANGE).text(EXCHANGE);
            append_each(pair, Owner::Inside, EXCHANGE, false, line);
            append_each(pair, Owner::Gateway, EXCHANGE, false, line);
        }
        (_, Step::ConfigureLink(pair)) => {
            append_each(pair, Owner::Inside, " ", true, line);
            append_each(pair, Owner::Gateway, ", default route by ", true, line);
        }
        (_, Step::Pasta { joins: true, .. }) => drop(line.text(" openat")),
        (_, Step::EtcFiles(files)) => append_of_files(letter, files, line),
        _ => {}
    }
}

/// For each address of one owner a text, and the address itself if asked for.
#[inline(never)]
fn append_each(pair: &Veth<'_>, owner: Owner, before: &str, shows: bool, line: &mut Line) {
    for given in pair.of(owner) {
        line.text(before);
        if shows {
            line.raw(given.text.to_bytes());
        }
    }
}

fn append_of_files(letter: u8, files: &[EtcFile<'_>], line: &mut Line) {
    for file in files {
        match letter {
            b'N' => drop(line.text(" openat write open_tree openat2 move_mount")),
            _ => drop(line.text(" ").shell_word(file.place.target.to_bytes())),
        }
    }
}
