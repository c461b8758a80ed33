//! Options that contradict each other.

use super::RunOptions;
use crate::input::namespaces::Namespaces;
use crate::input::network::Network;
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::root_options;

/// Refuses what one option needs of the others and has not got.
pub(super) fn check(options: &RunOptions<'_>) -> Result<(), Refusal> {
    let layers = &options.root.layers;
    if layers.is_empty() {
        return Err(Refusal::new(Subject::Command, Reason::NoRoot));
    }
    if options.terminal && layers.contains(&root_options::INPUT) {
        return Err(Refusal::new(Subject::Command, Reason::InputAndTerminal));
    }
    if options.terminal && options.detach {
        return Err(Refusal::new(Subject::Command, Reason::DetachedTerminal));
    }
    if options.log.is_some() && !options.detach {
        return Err(Refusal::new(Subject::Command, Reason::LogAlone));
    }
    let renames = options.hostname.is_some() || options.domainname.is_some();
    if options.time_offsets.is_some() && !options.init {
        return Err(Refusal::new(Subject::Command, Reason::TimeNeedsInit));
    }
    if renames && !options.namespaces.has(Namespaces::UTS) {
        return Err(Refusal::new(Subject::Command, Reason::RenamesHost));
    }
    if !options.ports.is_empty() && !matches!(options.network, Network::Pasta) {
        return Err(Refusal::new(Subject::Command, Reason::PortsOfPasta));
    }
    options.resources.check()
}
