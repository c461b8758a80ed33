//! Options of the network.

use core::ffi::CStr;

use super::{RunOptions, set_namespace};
use crate::input::namespaces::Namespaces;
use crate::input::network::{self, Network};
use crate::input::refusal::Reason;
use crate::input::run_manual::Id;
use crate::text::arena::Arena;

impl RunOptions<'_> {
    /// Whether /etc/hosts and /etc/resolv.conf are made: where a name or server was asked for, and where the network
    /// leads out of the container.
    #[must_use]
    pub fn wants_names(&self) -> bool {
        !self.names.is_empty() || !matches!(self.network, Network::Apart)
    }
}

/// Does what one of these options asks for.
///
/// # Errors
/// A value that it cannot have.
#[inline(never)]
pub(super) fn set_network<'a>(
    id: Id,
    value: &'a CStr,
    arena: &mut Arena<'a>,
    options: &mut RunOptions<'a>,
) -> Result<(), Reason> {
    let bytes = value.to_bytes();
    match id {
        Id::Server => network::add_server(value, &mut options.names),
        Id::Search => network::add_search(value, &mut options.names),
        Id::AddHost => network::add_host(bytes, arena, &mut options.names),
        Id::Publish => {
            let port = network::parse_port(bytes, arena)?;
            options.ports.push(port).map_err(|_| Reason::TooManyPorts)
        }
        _ => {
            let connected = network::parse_network(bytes, arena)?;
            let value = if connected.is_some() { c"new" } else { value };
            set_namespace(Namespaces::NETWORK, value, options)?;
            let shares = options.shares_hosts(Namespaces::NETWORK);
            let other = if shares { Network::Host } else { Network::Apart };
            options.network = connected.unwrap_or(other);
            Ok(())
        }
    }
}
