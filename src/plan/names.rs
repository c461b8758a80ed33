//! What is in the files of names in /etc of a container.

use core::ffi::CStr;

use heapless::Vec;

use super::step::{Kind, MissingPath};
use crate::facts::names::{ETC_FILES, ETC_PATHS};
use crate::facts::run_facts::RunFacts;
use crate::input::network::{Network, Owner};
use crate::input::refusal::{Reason, Refusal, Subject};
use crate::input::resolver;
use crate::input::root_options::RootKind;
use crate::input::run_options::RunOptions;
use crate::text::arena::Arena;

/// A file of the container's own that is bound over one of the root.
pub struct EtcFile<'a> {
    /// What it is called where it lies.
    pub name: &'static CStr,
    /// What it is bound over.
    pub place: MissingPath<'a>,
    /// What is in it.
    pub text: &'a [u8],
}

/// Those of one container.
pub type EtcFiles<'a> = Vec<EtcFile<'a>, ETC_FILES>;

/// Decides which files there are, and writes their texts. A root without /etc has no use for them; where it cannot be
/// written, a file that is not there stays away, unless an option asks for what is in it.
///
/// # Errors
/// The texts do not fit; a file that is asked for has no place.
#[inline(never)]
pub fn write_files<'a>(
    options: &RunOptions<'a>,
    facts: &RunFacts<'a>,
    arena: &mut Arena<'a>,
    files: &mut EtcFiles<'a>,
) -> Result<(), Refusal> {
    for (index, place) in facts.etc.iter().enumerate() {
        let is_directory = facts.root == RootKind::Directory;
        let can_be = |&(target, existing): &(&CStr, u16)| {
            let is_there = usize::from(existing) == target.to_bytes().len();
            is_there || !options.read_only || !is_directory
        };
        let Some((target, existing)) = place.filter(can_be) else {
            if options.names.ask_for(index) {
                return Err(Refusal::new(Subject::Root, Reason::NoPlaceForNames));
            }
            continue;
        };
        let existing = usize::from(existing);
        let text = arena.keep(|room| {
            let mut text = Text { room, length: 0, is_full: false };
            match index {
                0 => drop(text.add(hostname(options, facts)).add(b"\n")),
                1 => write_hosts(options, facts, &mut text),
                _ => write_resolver(options, facts, &mut text),
            }
            if text.is_full { Err(Reason::TextFull) } else { Ok(text.length) }
        });
        let text = text.map_err(Refusal::at(Subject::Environment))?;
        let place = MissingPath { target, existing, kind: Kind::File, in_root: is_directory };
        let name = ETC_PATHS.get(index).map_or(c"", |path| file_name(path));
        // As many as there are: there is room.
        let _ = files.push(EtcFile { name, place, text });
    }
    Ok(())
}

/// `hosts` of `/etc/hosts`.
fn file_name(path: &'static CStr) -> &'static CStr {
    let name = path.to_bytes_with_nul().strip_prefix(b"/etc/").unwrap_or_default();
    CStr::from_bytes_with_nul(name).unwrap_or_default()
}

/// A text under construction.
struct Text<'b> {
    room: &'b mut [u8],
    length: usize,
    is_full: bool,
}

impl Text<'_> {
    /// Appends bytes. One by one: each place where several are put together would be code of its own.
    #[inline(never)]
    fn add(&mut self, bytes: &[u8]) -> &mut Self {
        for byte in bytes {
            match self.room.get_mut(self.length) {
                Some(place) => *place = *byte,
                None => {
                    self.is_full = true;
                    break;
                }
            }
            self.length += 1;
        }
        self
    }

    /// Appends a line of /etc/hosts.
    #[inline(never)]
    fn add_host(&mut self, address: &[u8], name: &[u8]) {
        self.add(address).add(b"\t").add(name).add(b"\n");
    }
}

fn hostname<'a>(options: &RunOptions<'a>, facts: &RunFacts<'a>) -> &'a [u8] {
    options.hostname.unwrap_or(facts.hostname).to_bytes()
}

/// The host's own where its network is shared; else who the container is, and `localhost`.
#[inline(never)]
fn write_hosts<'a>(options: &RunOptions<'a>, facts: &RunFacts<'a>, text: &mut Text<'_>) {
    let name = hostname(options, facts);
    if matches!(options.network, Network::Host) {
        text.add(facts.hosts);
        if !facts.hosts.is_empty() && !facts.hosts.ends_with(b"\n") {
            text.add(b"\n");
        }
    } else {
        text.add(b"127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
        // A name with blanks would be two.
        if !name.is_empty() && name.iter().all(u8::is_ascii_graphic) {
            write_own(options, name, text);
        }
    }
    for (name, address) in &options.names.hosts {
        text.add_host(address.to_bytes(), name.to_bytes());
    }
}

#[inline(never)]
fn write_own(options: &RunOptions<'_>, name: &[u8], text: &mut Text<'_>) {
    if let Network::Veth(pair) = &options.network {
        for given in pair.of(Owner::Inside) {
            let address = crate::text::parts::parts(given.text.to_bytes(), b'/').skip_to(0);
            text.add_host(address, name);
        }
    } else {
        text.add_host(b"127.0.0.1", name);
    }
}

/// What was asked for instead of what the host has. The host's own resolver cannot be reached from another network.
#[inline(never)]
fn write_resolver<'a>(options: &RunOptions<'a>, facts: &RunFacts<'a>, text: &mut Text<'_>) {
    let names = &options.names;
    let shares = matches!(options.network, Network::Host);
    let hosts = if matches!(options.network, Network::Apart) { b"" } else { facts.resolver };
    for line in resolver::lines(hosts) {
        let replaced = match resolver::kind(line) {
            resolver::Kind::Server { is_loopback } => {
                !names.servers.is_empty() || is_loopback && !shares
            }
            resolver::Kind::Search => !names.searches.is_empty(),
            resolver::Kind::Other => false,
        };
        if !replaced {
            text.add(line).add(b"\n");
        }
    }
    for server in &names.servers {
        text.add(b"nameserver ").add(server.to_bytes()).add(b"\n");
    }
    for (index, domain) in names.searches.iter().enumerate() {
        let before: &[u8] = if index == 0 { b"search " } else { b" " };
        text.add(before).add(domain.to_bytes());
    }
    if !names.searches.is_empty() {
        text.add(b"\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::network::{Names, parse_network};

    const HOSTS_RESOLVER: &[u8] =
        b"# made by\nnameserver 127.0.0.53\nnameserver 10.0.0.53\nsearch home\noptions edns0";

    /// The texts of the three files.
    fn texts(network: &str, change: fn(&mut Names<'static>)) -> [String; ETC_FILES] {
        let arena = Box::leak(Box::new([0; 4096]));
        let mut arena = Arena::new(arena);
        let mut options = RunOptions::new(Box::leak(Box::default()));
        let connected = parse_network(network.as_bytes(), &mut arena).unwrap();
        let other = if network == "host" { Network::Host } else { Network::Apart };
        options.network = connected.unwrap_or(other);
        change(&mut options.names);
        let mut facts = RunFacts::new();
        facts.hostname = c"box";
        facts.hosts = b"127.0.0.1 localhost host";
        facts.resolver = HOSTS_RESOLVER;
        facts.etc = [Some((c"/etc/x", 6)); ETC_FILES];
        let mut files = EtcFiles::new();
        write_files(&options, &facts, &mut arena, &mut files).unwrap();
        [0, 1, 2].map(|at| String::from_utf8(files[at].text.to_vec()).unwrap())
    }

    const LOCAL: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

    #[test]
    fn a_network_of_its_own_has_names_of_its_own() {
        let [hostname, hosts, resolver] = texts("veth:v,10.0.0.2/24,fd00::2/64", |names| {
            names.hosts.push((c"db", c"10.0.0.7")).unwrap()
        });
        assert_eq!(hostname, "box\n");
        assert_eq!(hosts, format!("{LOCAL}10.0.0.2\tbox\nfd00::2\tbox\n10.0.0.7\tdb\n"));
        assert_eq!(resolver, "# made by\nnameserver 10.0.0.53\nsearch home\noptions edns0\n");
        let [_, hosts, resolver] = texts("pasta", |names| {
            names.servers.push(c"1.1.1.1").unwrap();
            names.searches.extend([c"a.org", c"b.org"]);
        });
        assert_eq!(hosts, format!("{LOCAL}127.0.0.1\tbox\n"));
        assert_eq!(resolver, "# made by\noptions edns0\nnameserver 1.1.1.1\nsearch a.org b.org\n");
    }

    #[test]
    fn the_hosts_network_has_the_hosts_names() {
        let [_, hosts, resolver] =
            texts("host", |names| names.hosts.push((c"db", c"::7")).unwrap());
        assert_eq!(hosts, "127.0.0.1 localhost host\n::7\tdb\n");
        assert_eq!(resolver, format!("{}\n", str::from_utf8(HOSTS_RESOLVER).unwrap()));
    }

    #[test]
    fn nothing_of_the_host_is_told_where_nothing_can_be_reached() {
        let [_, _, resolver] = texts("new", |names| names.servers.push(c"::1").unwrap());
        assert_eq!(resolver, "nameserver ::1\n");
    }

    #[test]
    fn what_is_missing_stays_away_where_it_cannot_be_made() {
        let mut options = RunOptions::new(Box::leak(Box::default()));
        options.read_only = true;
        let mut facts = RunFacts::new();
        facts.etc = [Some((c"/etc/hostname", 4)), Some((c"/etc/hosts", 10)), None];
        let buffer = Box::leak(Box::new([0; 256]));
        let mut files = EtcFiles::new();
        write_files(&options, &facts, &mut Arena::new(buffer), &mut files).unwrap();
        assert_eq!(files.iter().map(|file| file.name).collect::<std::vec::Vec<_>>(), [c"hosts"]);
        let (small, mut files) = (Box::leak(Box::new([0; 8])), EtcFiles::new());
        let full = write_files(&options, &facts, &mut Arena::new(small), &mut files);
        assert!(full.is_err());
    }
}
