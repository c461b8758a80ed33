//! Which maps are made, and which are refused.

use super::*;
use crate::facts::run_facts::Caller;
use crate::input::id_map::add_range;
use crate::input::refusal::Cause;

const ROOT: Caller = Caller { uid: 0, gid: 0 };
const USER: Caller = Caller { uid: 1000, gid: 100 };

fn credentials(uid: u32, gid: u32) -> Credentials<'static> {
    let mut groups = heapless::Vec::new();
    groups.push(gid).unwrap();
    Credentials { uid, gid, groups, home: b"/" }
}

/// Maps as text, and who writes them; `None` for the host's namespace.
fn decided(
    caller: Caller,
    change: impl Fn(&mut RunOptions<'static>, &mut RunFacts<'static>),
    credentials: &Credentials<'_>,
) -> Result<Option<(String, String, Writer)>, Reason> {
    let (mut options, mut facts) = (RunOptions::new(Box::leak(Box::default())), RunFacts::new());
    facts.caller = caller;
    change(&mut options, &mut facts);
    let mut maps = Maps::new();
    let text = |map: &IdMap| {
        let ranges =
            map.iter().map(|range| format!("{}:{}:{}", range.inner, range.outer, range.size));
        ranges.collect::<Vec<_>>().join(" ")
    };
    match decide(&options, &facts, credentials, &mut maps) {
        Ok(Users::New(maps)) => Ok(Some((text(&maps.uids), text(&maps.gids), maps.by))),
        Ok(_) => Ok(None),
        Err(refusal) => match refusal.cause() {
            Cause::Reason(reason) => Err(reason),
            cause => panic!("{cause:?}"),
        },
    }
}

fn map(options: &mut RunOptions<'_>, uids: &str, gids: &str) {
    uids.split_whitespace()
        .for_each(|range| add_range(range.as_bytes(), &mut options.uid_map).unwrap());
    gids.split_whitespace()
        .for_each(|range| add_range(range.as_bytes(), &mut options.gid_map).unwrap());
}

fn some(uids: &str, gids: &str, by: Writer) -> Result<Option<(String, String, Writer)>, Reason> {
    Ok(Some((uids.into(), gids.into(), by)))
}

#[test]
fn the_default_is_the_hosts_for_root_and_root_alone_for_a_user() {
    let root = credentials(0, 0);
    assert_eq!(decided(ROOT, |_, _| (), &root), Ok(None));
    assert_eq!(decided(USER, |_, _| (), &root), some("0:1000:1", "0:100:1", Writer::User));
    let host = |options: &mut RunOptions<'_>, _: &mut _| options.users = UserNamespace::Host;
    assert_eq!(decided(USER, host, &root), Ok(None));
    let new = |options: &mut RunOptions<'_>, _: &mut _| options.users = UserNamespace::New;
    let all = "0:0:4294967295";
    assert_eq!(decided(ROOT, new, &root), some(all, all, Writer::Root));
    assert_eq!(decided(ROOT, new, &credentials(1000, 50)), some(all, all, Writer::Root));
}

#[test]
fn maps_are_as_asked_and_one_stands_for_both() {
    let root = credentials(0, 0);
    let both = |options: &mut RunOptions<'_>, _: &mut _| map(options, "0:1:9 9:20:2", "0:5:1");
    assert_eq!(decided(ROOT, both, &root), some("0:1:9 9:20:2", "0:5:1", Writer::Root));
    let one = |options: &mut RunOptions<'_>, _: &mut _| map(options, "", "0:7:9");
    assert_eq!(decided(ROOT, one, &root), some("0:7:9", "0:7:9", Writer::Root));
    // A user's own ids need nobody's help; all others do.
    let own = |options: &mut RunOptions<'_>, _: &mut _| map(options, "0:1000:1", "0:100:1");
    assert_eq!(decided(USER, own, &root), some("0:1000:1", "0:100:1", Writer::User));
    let foreign = |helpers| {
        move |options: &mut RunOptions<'_>, facts: &mut RunFacts<'_>| {
            map(options, "0:1000:1 1:100000:9", "0:100:1");
            facts.has_helpers = helpers;
        }
    };
    let helped = some("0:1000:1 1:100000:9", "0:100:1", Writer::Helpers);
    assert_eq!(decided(USER, foreign(true), &root), helped);
    assert_eq!(decided(USER, foreign(false), &root), Err(Reason::NoHelpers));
}

#[test]
fn auto_takes_what_is_granted() {
    let root = credentials(0, 0);
    let auto = |helpers, grants: Option<(u32, u32)>| {
        move |options: &mut RunOptions<'_>, facts: &mut RunFacts<'_>| {
            options.users = UserNamespace::Auto;
            facts.has_helpers = helpers;
            (facts.sub_uids, facts.sub_gids) = (grants, grants);
        }
    };
    let grants = Some((100_000, 65536));
    let with = some("0:1000:1 1:100000:65536", "0:100:1 1:100000:65536", Writer::Helpers);
    assert_eq!(decided(USER, auto(true, grants), &root), with);
    for (helpers, grants) in [(false, grants), (true, None)] {
        let alone = some("0:1000:1", "0:100:1", Writer::User);
        assert_eq!(decided(USER, auto(helpers, grants), &root), alone);
    }
    let range = "0:100000:65536";
    assert_eq!(decided(ROOT, auto(false, grants), &root), some(range, range, Writer::Root));
}

#[test]
fn who_is_not_mapped_is_refused() {
    let none = |_: &mut RunOptions<'_>, _: &mut RunFacts<'_>| ();
    for (uid, gid) in [(1000, 0), (0, 50)] {
        assert_eq!(decided(USER, none, &credentials(uid, gid)), Err(Reason::NotMapped));
    }
    let no_root = |options: &mut RunOptions<'_>, _: &mut _| map(options, "5:5:9", "0:0:9");
    assert_eq!(decided(ROOT, no_root, &credentials(5, 0)), Err(Reason::RootNotMapped));
}

#[test]
fn options_that_need_a_new_namespace_say_so() {
    let root = credentials(0, 0);
    let maps_of_host = |options: &mut RunOptions<'_>, _: &mut _| {
        options.users = UserNamespace::Host;
        map(options, "0:0:1", "");
    };
    assert_eq!(decided(ROOT, maps_of_host, &root), Err(Reason::MapsOfHost));
    let no_more = |options: &mut RunOptions<'_>, _: &mut _| options.no_more_users = true;
    assert_eq!(decided(ROOT, no_more, &root), Err(Reason::HostsUsers));
    assert!(decided(USER, no_more, &root).is_ok());
}
