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
pub fn append_of_network(letter: u8, step: &Step<'_>, line: &mut Line) {
    match (letter, step) {
        // The pair, its number, its alias.
        (b'N', Step::Veth { pair, .. }) => append_exchanges(3, pair.of(Owner::Host).count(), line),
        (_, Step::Veth { pair, .. }) => {
            append_addresses(pair, Owner::Host, " ", line);
            if let Some(bridge) = pair.bridge {
                line.text(" in bridge ").raw(bridge.to_bytes());
            }
        }
        // Its number, its being up.
        (b'N', Step::ConfigureLink(pair)) => {
            let others = pair.addresses.iter().filter(|given| given.owner != Owner::Host);
            append_exchanges(2, others.count(), line);
        }
        (_, Step::ConfigureLink(pair)) => {
            append_addresses(pair, Owner::Inside, " ", line);
            append_addresses(pair, Owner::Gateway, ", default route by ", line);
        }
        (_, Step::Pasta { joins: true, .. }) => drop(line.text(" openat")),
        (_, Step::EtcFiles(files)) => append_of_files(letter, files, line),
        _ => {}
    }
}

fn append_addresses(pair: &Veth<'_>, owner: Owner, before: &str, line: &mut Line) {
    for given in pair.of(owner) {
        line.text(before).raw(given.text.to_bytes());
    }
}

/// Exchanges with the kernel, each a request and its answer.
fn append_exchanges(own: usize, addresses: usize, line: &mut Line) {
    for _ in 0..own + addresses {
        line.text(" sendto recvfrom");
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
