//! What command lines of `run` mean.

use super::*;
use crate::input::arguments::declared_names;
use crate::input::refusal::Cause;
use crate::input::root_options;
use crate::input::security_options::FilterChoice;

/// Reads a command line; gives the options and the number of operands, or why not; `None` is help.
fn read(line: &'static str) -> Result<(RunOptions<'static>, usize), Option<Cause>> {
    let words: Vec<&CStr, 2048> = line
        .split_whitespace()
        .map(|word| &*Box::leak(std::ffi::CString::new(word).unwrap().into_boxed_c_str()))
        .collect();
    let words = Box::leak(Box::new(words));
    let mut arena = Arena::new(Box::leak(Box::new([0; 65536])));
    let mut options = RunOptions::new(Box::leak(Box::default()));
    match parse(words.iter().copied(), 0, &mut arena, &mut options) {
        Ok(RunRequest::Run(operands)) => Ok((options, operands.count())),
        Ok(RunRequest::Help) => Err(None),
        Err(refusal) => Err(Some(refusal.cause())),
    }
}

fn refused(line: &'static str, reason: Reason) {
    assert_eq!(read(line).err(), Some(Some(Cause::Reason(reason))), "{line}");
}

#[test]
fn the_defaults_are_the_secure_ones() {
    let (options, operands) = read("--rootfs / sh -c x").ok().unwrap();
    assert_eq!(operands, 3);
    assert_eq!(options.namespaces, Namespaces::DEFAULT);
    assert_eq!(options.propagation, Propagation::Slave);
    assert_eq!(options.capabilities, CapabilitySet::DEFAULT);
    assert!(options.init && options.pivot && !options.terminal);
}

#[test]
fn the_manual_declares_the_options_in_the_order_of_their_ids() {
    let names = [
        "rootfs",
        "overlay",
        "upper",
        "work",
        "into",
        "storage-opt",
        "read-only",
        "rootfs-idmap",
        "volume",
        "device",
        "tmpfs",
        "name",
        "hostname",
        "domainname",
        "workdir",
        "user",
        "env",
        "env-file",
        "network",
        "publish",
        "dns",
        "dns-search",
        "add-host",
        "pid",
        "ipc",
        "uts",
        "cgroupns",
        "userns",
        "uidmap",
        "gidmap",
        "disable-userns",
        "time-offset",
        "persist",
        "propagation",
        "no-pivot",
        "tty",
        "interactive",
        "no-init",
        "pid-file",
        "detach",
        "log",
        "rm",
        "preserve-fds",
        "ulimit",
        "oom-score-adj",
        "memory",
        "memory-swap",
        "memory-reservation",
        "cpus",
        "cpu-shares",
        "cpuset-cpus",
        "cpuset-mems",
        "pids-limit",
        "cgroup-parent",
        "landlock",
        "cap-add",
        "cap-drop",
        "privileged",
        "security-opt",
        "explain",
        "trace",
        "help",
    ];
    assert_eq!(declared_names(MANUAL), names);
    assert_eq!(names.len(), IDS.len());
}

#[test]
fn each_namespace_can_be_the_hosts() {
    for (name, kind) in [
        ("network", Namespaces::NETWORK),
        ("pid", Namespaces::PID),
        ("ipc", Namespaces::IPC),
        ("uts", Namespaces::UTS),
        ("cgroupns", Namespaces::CGROUP),
    ] {
        let line = Box::leak(format!("--rootfs / --{name} host x").into_boxed_str());
        let (options, _) = read(line).ok().unwrap();
        assert_eq!(options.namespaces.0, Namespaces::DEFAULT.0 & !kind.0, "{name}");
    }
}

#[test]
fn bad_command_lines_are_named() {
    refused("", Reason::NoRoot);
    refused("sh", Reason::NoRoot);
    refused("--rootfs /", Reason::NoProgram);
    refused("--rootfs / --", Reason::NoProgram);
    refused("--rootfs", Reason::NoValue);
    refused("--rootfs= x", Reason::Empty);
    refused("--rootfs / --pid=other x", Reason::NeitherHostNorNew);
    refused("--rootfs / --cap-add NOPE x", Reason::NoCapability);
    refused("--rootfs - -t x", Reason::InputAndTerminal);
    refused("--rootfs / --upper= x", Reason::Empty);
    for bad in ["size", "size=", "size=x", "size=1k1", "inode64", "size=1,mode=1"] {
        let line = format!("--rootfs / --storage-opt {bad} x");
        refused(Box::leak(line.into_boxed_str()), Reason::NoStorage);
    }
    refused("--rootfs / --propagation both x", Reason::NoPropagation);
    refused("--rootfs / --uts=host --hostname h x", Reason::RenamesHost);
    refused("--rootfs / -w rel x", Reason::RelativePath);
    refused("--rootfs / -e =x x", Reason::NoVariable);
    let long = format!("--rootfs / --hostname {} x", "h".repeat(65));
    refused(Box::leak(long.into_boxed_str()), Reason::NameTooLong);
    assert_eq!(read("--rootfs / --help").err(), Some(None));
}

#[test]
fn every_list_has_a_bound_and_says_it() {
    for (option, value, bound, reason) in [
        ("--rootfs", "/", root_options::LAYERS - 1, Reason::TooManyLayers),
        ("--volume", "/a:/b", VOLUMES, Reason::TooManyVolumes),
        ("--tmpfs", "/b", TMPFS_MOUNTS, Reason::TooManyTmpfs),
        ("--env", "A=1", VARIABLES, Reason::TooManyVariables),
        ("--env-file", "f", VARIABLE_FILES, Reason::TooManyVariableFiles),
    ] {
        let fits = format!("--rootfs / {} x", format!("{option} {value} ").repeat(bound));
        assert!(read(Box::leak(fits.into_boxed_str())).is_ok(), "{option}");
        let over = format!("--rootfs / {} x", format!("{option} {value} ").repeat(bound + 1));
        refused(Box::leak(over.into_boxed_str()), reason);
        let words = reason.words().to_string();
        // The root itself is one of the layers.
        let bound = bound + usize::from(option == "--rootfs");
        assert!(words.ends_with(&format!("at most {bound}")), "{words}");
    }
}

#[test]
fn privileged_and_named_capabilities_combine() {
    let (options, _) = read("--rootfs / --privileged --cap-drop SYS_PTRACE x").ok().unwrap();
    assert_eq!(options.capabilities.0, CapabilitySet::ALL.0 & !(1 << 19));
    assert_eq!(options.capabilities_added, CapabilitySet::NONE);
}

#[test]
fn security_options_are_dockers() {
    let filter = |line: &'static str| read(line).ok().unwrap().0.security.filter;
    assert!(filter("--rootfs / x") == FilterChoice::Default);
    assert!(filter("--rootfs / --security-opt seccomp=unconfined x") == FilterChoice::Unconfined);
    assert!(filter("--rootfs / --security-opt seccomp:builtin x") == FilterChoice::Builtin);
    assert!(filter("--rootfs / --security-opt seccomp=a=b x") == FilterChoice::File(c"a=b"));
    for (value, allowed) in [("", false), ("=true", false), (":false", true), ("=false", true)] {
        let line = format!("--rootfs / --security-opt no-new-privileges{value} x");
        let (options, _) = read(Box::leak(line.into_boxed_str())).ok().unwrap();
        assert_eq!(options.security.new_privileges, allowed, "{value}");
    }
    for bad in ["seccomp", "seccomp=", "no-new-privileges=", "no-new-privileges=1", "x=y", "="] {
        let line = format!("--rootfs / --security-opt {bad} x");
        refused(Box::leak(line.into_boxed_str()), Reason::NoSecurityOption);
    }
}
