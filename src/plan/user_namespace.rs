//! Who is who in a container: the maps of its user namespace.

use crate::facts::run_facts::RunFacts;
use crate::input::id_map::{IdMap, IdRange, has_inner};
use crate::input::namespaces::{Namespaces, Owner};
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::run_options::{RunOptions, UserNamespace};
use crate::input::users::Credentials;

/// The group of terminals.
pub const TTY_GROUP: u32 = 5;

/// The maps of a new user namespace.
pub struct Maps {
    /// Of users.
    pub uids: IdMap,
    /// Of groups.
    pub gids: IdMap,
    /// How they are written.
    pub by: Writer,
    /// setgroups(2) does not work inside: a user has mapped his own group alone, whoever has written that.
    pub fixed_groups: bool,
}

/// Who writes the maps.
#[derive(Clone, Copy, PartialEq, Eq)]
#[cfg_attr(test, derive(Debug))]
pub enum Writer {
    /// We, as root.
    Root,
    /// We, as a user, who may map his own ids and must give up setgroups(2).
    User,
    /// newuidmap(1) and newgidmap(1), which may map what /etc/subuid and /etc/subgid grant.
    Helpers,
}

impl Maps {
    /// No maps.
    #[must_use]
    pub const fn new() -> Self {
        Self { uids: IdMap::new(), gids: IdMap::new(), by: Writer::Root, fixed_groups: false }
    }

    /// Whether nobody but root exists inside.
    #[must_use]
    pub fn have_one_user(&self) -> bool {
        let is_one = |map: &IdMap| matches!(&**map, [range] if range.size == 1);
        is_one(&self.uids) && is_one(&self.gids)
    }
}

impl Default for Maps {
    fn default() -> Self {
        Self::new()
    }
}

/// The user namespace of a container.
#[derive(Clone, Copy)]
pub enum Users<'a> {
    /// The host's.
    Host,
    /// One that exists.
    Joined,
    /// A new one.
    New(&'a Maps),
}

impl Users<'_> {
    /// Whether root inside is root of the host.
    #[must_use]
    pub const fn is_hosts(self) -> bool {
        matches!(self, Self::Host)
    }

    /// Whether this group is known to exist inside.
    #[must_use]
    pub fn has_group(self, gid: u32) -> bool {
        match self {
            Self::Host => true,
            Self::Joined => false,
            Self::New(maps) => has_inner(&maps.gids, gid),
        }
    }

    /// Whether supplementary groups can be set.
    #[must_use]
    pub fn sets_groups(self) -> bool {
        !matches!(self, Self::New(Maps { fixed_groups: true, .. }))
    }
}

/// Decides on the user namespace, and fills `maps` for a new one.
///
/// # Errors
/// Options that contradict each other, maps that the caller may not have, ids that are not mapped.
#[inline(never)]
pub fn decide<'a>(
    options: &RunOptions<'_>,
    facts: &RunFacts<'_>,
    credentials: &Credentials<'_>,
    maps: &'a mut Maps,
) -> Result<Users<'a>, Refusal> {
    let refused = |reason| Err(Refusal::new(Subject::Command, reason));
    let is_root = facts.caller.uid == 0;
    let has_maps = !options.uid_map.is_empty() || !options.gid_map.is_empty();
    let joins = &options.joins;
    let joins_container = joins.iter().any(|join| matches!(join.owner, Owner::Container(_)));
    let choice = match options.users {
        UserNamespace::Default if !is_root && !has_maps && joins_container => UserNamespace::Join,
        UserNamespace::Default if !is_root || has_maps => UserNamespace::New,
        UserNamespace::Default => UserNamespace::Host,
        chosen => chosen,
    };
    if has_maps && choice != UserNamespace::New {
        return refused(Reason::MapsOfHost);
    }
    let maps_mounts =
        options.rootfs_mapped || options.lists.volumes.iter().any(|volume| volume.mapped);
    if maps_mounts && !(is_root && matches!(choice, UserNamespace::New | UserNamespace::Auto)) {
        return refused(Reason::MapsMounts);
    }
    match choice {
        UserNamespace::Join => return Ok(Users::Joined),
        UserNamespace::Auto => granted_maps(facts, maps),
        UserNamespace::New => asked_maps(options, facts, maps),
        UserNamespace::Default | UserNamespace::Host if options.no_more_users => {
            return refused(Reason::HostsUsers);
        }
        UserNamespace::Default | UserNamespace::Host => return Ok(Users::Host),
    }
    if joins.kinds() != Namespaces::NONE {
        return refused(Reason::JoinsOthers);
    }
    maps.fixed_groups = !is_root && is_own(&maps.gids, facts.caller.gid);
    if maps.by == Writer::Helpers && !facts.has_helpers {
        return refused(Reason::NoHelpers);
    }
    if !has_inner(&maps.uids, 0) || !has_inner(&maps.gids, 0) {
        return refused(Reason::RootNotMapped);
    }
    let groups = credentials.groups.iter().chain([&credentials.gid]);
    if !has_inner(&maps.uids, credentials.uid)
        || !groups.copied().all(|gid| has_inner(&maps.gids, gid))
    {
        return Err(Refusal::new(Subject::User, Reason::NotMapped));
    }
    Ok(Users::New(maps))
}

/// `--uidmap` and `--gidmap`, one for both where the other is left out; else root as himself with everybody else, a
/// user as root.
#[inline(never)]
fn asked_maps(options: &RunOptions<'_>, facts: &RunFacts<'_>, maps: &mut Maps) {
    let caller = facts.caller;
    let copy = |from: &IdMap, other: &IdMap, to: &mut IdMap, own: u32| {
        let given = if from.is_empty() { other } else { from };
        let whole = if caller.uid == 0 { IdRange::ALL } else { IdRange::root(own) };
        let ranges = if given.is_empty() { core::slice::from_ref(&whole) } else { given };
        for range in ranges {
            // As many as there are in a map: there is room.
            let _ = to.push(*range);
        }
    };
    copy(&options.uid_map, &options.gid_map, &mut maps.uids, caller.uid);
    copy(&options.gid_map, &options.uid_map, &mut maps.gids, caller.gid);
    maps.by = if caller.uid == 0 {
        Writer::Root
    } else if is_own(&maps.uids, caller.uid) && is_own(&maps.gids, caller.gid) {
        Writer::User
    } else {
        Writer::Helpers
    };
}

/// Whether the map is of one id, the caller's.
fn is_own(map: &[IdRange], own: u32) -> bool {
    matches!(map, [range] if range.size == 1 && range.outer == own)
}

/// What /etc/subuid and /etc/subgid grant: a user is root, and the range follows; to root the range alone.
#[inline(never)]
fn granted_maps(facts: &RunFacts<'_>, maps: &mut Maps) {
    let caller = facts.caller;
    let is_root = caller.uid == 0;
    let first = u32::from(!is_root);
    let both = facts.sub_uids.zip(facts.sub_gids).filter(|_| is_root || facts.has_helpers);
    if !is_root || both.is_none() {
        let whole = |own| if is_root { IdRange::ALL } else { IdRange::root(own) };
        let _ = maps.uids.push(whole(caller.uid));
        let _ = maps.gids.push(whole(caller.gid));
    }
    if let Some((uids, gids)) = both {
        let range = |(outer, size)| IdRange { inner: first, outer, size };
        let _ = maps.uids.push(range(uids));
        let _ = maps.gids.push(range(gids));
    }
    maps.by = match both {
        _ if is_root => Writer::Root,
        Some(_) => Writer::Helpers,
        None => Writer::User,
    };
}

#[cfg(test)]
mod tests;
