//! Programs that make a container, each told to make the same one if it can.

use std::fs;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::ground::Ground;
use super::measure;
use crate::docker_profile;

/// What kind of container.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Default,
    /// In the host's network namespace.
    HostNetwork,
    /// By an ordinary user, in a user namespace.
    User,
}

pub const NAMES: [&str; 6] = ["rootlet", "reference", "bwrap", "crun", "runc", "unshare + chroot"];

/// A container that runs `words`, by each of them. Those that are not installed are errors.
pub fn all(ground: &Ground, kind: Kind, words: &[&str]) -> Vec<(&'static str, Result<Command>)> {
    NAMES.map(|name| (name, one(ground, kind, words, name))).into()
}

/// The same, by one of `NAMES`.
pub fn one(ground: &Ground, kind: Kind, words: &[&str], name: &str) -> Result<Command> {
    match name {
        "rootlet" => Ok(rootlet(ground, kind, words)),
        "reference" => Ok(reference(ground, kind, words)),
        "bwrap" => bwrap(ground, kind, words),
        "unshare + chroot" => unshare(ground, kind, words),
        bundler => bundled(ground, kind, words, bundler),
    }
}

fn rootlet(ground: &Ground, kind: Kind, words: &[&str]) -> Command {
    let mut command = Command::new(ground.rootlet());
    command.arg("run").arg("--rootfs").arg(ground.root());
    if kind == Kind::HostNetwork {
        command.args(["--network", "host"]);
    }
    command.arg("--").args(words);
    with_session(ground, command)
}

fn reference(ground: &Ground, kind: Kind, words: &[&str]) -> Command {
    let (name, records) = match kind {
        Kind::Default => ("reference", ground.records()),
        Kind::HostNetwork => ("reference-host-network", ground.records()),
        Kind::User => ("reference-user", ground.user_folder()),
    };
    let mut command = Command::new(ground.place.join(name));
    command.arg(ground.root()).arg(records).args(words);
    command
}

fn bwrap(ground: &Ground, kind: Kind, words: &[&str]) -> Result<Command> {
    let mut command = measure::command("bwrap")?;
    if kind == Kind::User {
        command.arg("--unshare-user");
    }
    if kind != Kind::HostNetwork {
        command.arg("--unshare-net");
    }
    command.args(["--unshare-ipc", "--unshare-pid", "--unshare-uts", "--unshare-cgroup", "--bind"]);
    command.arg(ground.root()).args([
        "/",
        "--proc",
        "/proc",
        "--ro-bind",
        "/sys",
        "/sys",
        "--dev",
        "/dev",
    ]);
    command.args(["--mqueue", "/dev/mqueue", "--tmpfs", "/dev/shm", "--hostname", "rootlet"]);
    command.args(["--die-with-parent", "--"]).args(words);
    Ok(command)
}

fn unshare(ground: &Ground, kind: Kind, words: &[&str]) -> Result<Command> {
    let mut command = measure::command("unshare")?;
    command.args(["--mount", "--pid", "--ipc", "--uts", "--cgroup", "--fork", "--kill-child"]);
    if kind == Kind::User {
        command.arg("--map-root-user");
    }
    if kind != Kind::HostNetwork {
        command.arg("--net");
    }
    command.arg("--mount-proc").arg("--root").arg(ground.root()).args(words);
    Ok(command)
}

/// How many bundles have been made.
static BUNDLES: AtomicUsize = AtomicUsize::new(0);

/// crun and runc, with a config.json that asks for what rootlet does unasked.
fn bundled(ground: &Ground, kind: Kind, words: &[&str], name: &str) -> Result<Command> {
    let mut command = measure::command(name)?;
    let parent = if kind == Kind::User { ground.user_folder() } else { ground.place.clone() };
    // Another command may be running from the ones that are there.
    let id = format!("{name}-{}", BUNDLES.fetch_add(1, Ordering::Relaxed));
    let bundle = parent.join(format!("bundle-{id}"));
    fs::create_dir_all(&bundle).with_context(|| bundle.display().to_string())?;
    fs::write(bundle.join("config.json"), config(ground, kind, words)?.to_string())?;
    if name == "crun" {
        // rootlet makes no cgroup either where no limit is asked for.
        command.arg("--cgroup-manager=disabled");
    }
    command.arg("--root").arg(parent.join(format!("state-{id}")));
    command.arg("run").arg("--bundle").arg(bundle).arg(format!("bench-{id}"));
    Ok(with_session(ground, command))
}

fn with_session(ground: &Ground, mut command: Command) -> Command {
    command.env("XDG_RUNTIME_DIR", ground.user_folder());
    command
}

/// Docker's fourteen.
const CAPABILITIES: [&str; 14] = [
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SYS_CHROOT",
    "CAP_MKNOD",
    "CAP_AUDIT_WRITE",
    "CAP_SETFCAP",
];

/// Name, type, options beside nosuid and noexec.
const MOUNTS: &[(&str, &str, &[&str])] = &[
    ("/proc", "proc", &["nodev"]),
    ("/dev", "tmpfs", &["mode=755", "size=65536k"]),
    ("/sys", "sysfs", &["nodev", "ro"]),
    ("/dev/pts", "devpts", &["newinstance", "ptmxmode=0666", "mode=0620"]),
    ("/dev/shm", "tmpfs", &["nodev", "mode=1777", "size=65536k"]),
    ("/dev/mqueue", "mqueue", &["nodev"]),
];

fn config(ground: &Ground, kind: Kind, words: &[&str]) -> Result<Value> {
    let mounts = MOUNTS.iter().map(|(destination, kind, options)| {
        let options: Vec<_> = ["nosuid", "noexec"].iter().chain(*options).collect();
        json!({ "destination": destination, "type": kind, "source": kind, "options": options })
    });
    let mut namespaces = vec!["mount", "pid", "ipc", "uts", "cgroup"];
    if kind != Kind::HostNetwork {
        namespaces.push("network");
    }
    let mut linux = json!({
        "maskedPaths": ["/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
            "/proc/latency_stats", "/proc/scsi", "/proc/timer_list", "/sys/devices/virtual/powercap", "/sys/firmware"],
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
        "seccomp": filter(&fs::read_to_string(profile(ground))?)?,
    });
    if kind == Kind::User {
        namespaces.push("user");
        let map = json!([{ "containerID": 0, "hostID": super::ground::USER, "size": 1 }]);
        linux["uidMappings"] = map.clone();
        linux["gidMappings"] = map;
    }
    linux["namespaces"] = namespaces.iter().map(|kind| json!({ "type": kind })).collect();
    let sets =
        ["bounding", "effective", "permitted"].map(|set| (set.to_owned(), json!(CAPABILITIES)));
    Ok(json!({
        "ociVersion": "1.0.2",
        "process": {
            "terminal": false, "user": { "uid": 0, "gid": 0 }, "args": words, "cwd": "/",
            "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"],
            "capabilities": Value::Object(sets.into_iter().collect()), "noNewPrivileges": true,
        },
        "root": { "path": ground.root() },
        "hostname": "rootlet",
        "mounts": mounts.collect::<Vec<_>>(),
        "linux": linux,
    }))
}

/// A copy of docker's file, where the ordinary user can read it too.
fn profile(ground: &Ground) -> std::path::PathBuf {
    ground.place.join("docker-profile.json")
}

/// Puts docker's file there.
pub fn prepare(ground: &Ground) -> Result<()> {
    fs::copy(docker_profile::find()?, profile(ground)).context("docker's filter")?;
    Ok(())
}

/// The runtime's form of docker's file, for this machine and docker's capabilities.
fn filter(text: &str) -> Result<Value> {
    let profile: Value = serde_json::from_str(text)?;
    let rules = profile["syscalls"].as_array().context("docker's filter has no system calls")?;
    let has = |rule: &Value, key: &str, what: &str, wanted: &[&str]| {
        let list = rule[key][what].as_array().cloned().unwrap_or_default();
        (
            list.is_empty(),
            list.iter().any(|name| name.as_str().is_some_and(|n| wanted.contains(&n))),
        )
    };
    let holds = |rule: &&Value| {
        [("caps", &CAPABILITIES[..]), ("arches", &["amd64"][..])].iter().all(|(what, wanted)| {
            let (nobody, included) = has(rule, "includes", what, wanted);
            let (_, excluded) = has(rule, "excludes", what, wanted);
            (nobody || included) && !excluded
        })
    };
    let rules = rules.iter().filter(holds).map(|rule| {
        let mut kept = json!({ "names": rule["names"], "action": rule["action"] });
        for key in ["args", "errnoRet"] {
            if !rule[key].is_null() {
                kept[key] = rule[key].clone();
            }
        }
        kept
    });
    let mut filter = json!({
        "defaultAction": profile["defaultAction"],
        "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"],
        "syscalls": rules.collect::<Vec<_>>(),
    });
    if !profile["defaultErrnoRet"].is_null() {
        filter["defaultErrnoRet"] = profile["defaultErrnoRet"].clone();
    }
    Ok(filter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_other_machines_and_capabilities_go() {
        let text = r#"{ "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 1, "syscalls": [
            { "names": ["read"], "action": "SCMP_ACT_ALLOW", "args": null },
            { "names": ["arm"], "action": "SCMP_ACT_ALLOW", "includes": { "arches": ["arm"] } },
            { "names": ["modify_ldt"], "action": "SCMP_ACT_ALLOW", "includes": { "arches": ["amd64", "x86"] } },
            { "names": ["chroot"], "action": "SCMP_ACT_ALLOW", "includes": { "caps": ["CAP_SYS_CHROOT"] } },
            { "names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": { "caps": ["CAP_BPF"] } },
            { "names": ["clone"], "action": "SCMP_ACT_ALLOW", "args": [{ "index": 0 }],
              "excludes": { "caps": ["CAP_SYS_ADMIN"], "arches": ["s390"] } },
            { "names": ["none"], "action": "SCMP_ACT_ALLOW", "excludes": { "arches": ["amd64"] } } ] }"#;
        let filter = filter(text).unwrap();
        let names: Vec<_> = filter["syscalls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|r| r["names"][0].as_str().unwrap())
            .collect();
        assert_eq!(names, ["read", "modify_ldt", "chroot", "clone"]);
        assert_eq!(filter["syscalls"][3]["args"][0]["index"], 0);
        assert!(filter["syscalls"][0].get("args").is_none());
    }
}
