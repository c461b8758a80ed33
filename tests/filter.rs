//! Filters of system calls, against docker's own file.
//!
//! Nothing is run here: programs for the kernel are interpreted, for both machines, at every call and at every value
//! that a condition could tell apart.

#[path = "filter/model.rs"]
mod model;

use std::collections::BTreeSet;
use std::fs;

use rootlet::input::capability::CapabilitySet;
use rootlet::input::filter::Profile;
use rootlet::input::filter_file::{Reader, Tables};
use rootlet::input::kernel_release::KernelRelease;
use rootlet::input::system_calls::Machine;
use rootlet::plan::filter::compile;
use rootlet::text::line::Line;
use serde_json::Value;

use model::{ALLOW, Call, ENOSYS, EPERM, Ground, KILL, Model, check, grounds, run};

fn compiled(profile: &Profile<'_>, machine: &Machine) -> Vec<u8> {
    let mut room = vec![0; 4096 * 8];
    let length = compile(profile, machine.audit, &mut room).ok().unwrap();
    room.truncate(length);
    check(&room);
    room
}

fn default_of(ground: &Ground, capabilities: CapabilitySet) -> Vec<u8> {
    let make = |profile: &Profile<'_>| compiled(profile, ground.machine);
    ground.defaults.with_profile(capabilities, make)
}

fn docker_profile() -> (String, Value) {
    let path = std::env::var("ROOTLET_DOCKER_PROFILE")
        .expect("ROOTLET_DOCKER_PROFILE is not set: run the tests with `cargo xtask test`");
    let text = fs::read_to_string(path).unwrap();
    let value = serde_json::from_str(&text).unwrap();
    (text, value)
}

/// Arguments that some condition of some profile here could tell apart.
fn samples() -> Vec<[u64; 6]> {
    let mut values = BTreeSet::from([0, u64::MAX, 0x5412, 0x541c, 40, 0xffff_ffff]);
    values.extend([8, 0x0002_0000, 0x0002_0008, 0x7e02_0000]);
    values.extend((0..64).map(|bit| 1 << bit));
    for value in values.clone() {
        values.extend([value ^ 1, value.wrapping_add(1), value.wrapping_sub(1)]);
        values.insert(value | 1 << 32);
        values.insert(value | 1 << 63);
    }
    let first = values.iter().map(|value| [*value, 0, 0, 0, 0, 0]);
    first.chain(values.iter().map(|value| [7, *value, 0, 0, 0, 0])).collect()
}

/// Sets of capabilities: none, docker's, each alone beside docker's, all.
fn capability_sets() -> Vec<CapabilitySet> {
    let mut sets = vec![CapabilitySet::NONE, CapabilitySet::DEFAULT, CapabilitySet::ALL];
    sets.extend((0..41).map(|number| CapabilitySet(CapabilitySet::DEFAULT.0 | 1 << number)));
    sets
}

/// How our default differs from docker's, and why. Each row: which calls, with which arguments, docker's verdict and
/// ours. Everything else is the same; every row is met.
struct Difference {
    why: &'static str,
    names: &'static str,
    docker: &'static [u32],
    ours: u32,
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        why: "io_uring goes round filters and has had many holes; docker's newer lists have it no more",
        names: "io_uring_setup io_uring_enter io_uring_register",
        docker: &[ALLOW],
        ours: EPERM,
    },
    Difference {
        why: "sockets of AF_VSOCK reach the host of a virtual machine; refused by docker's newer lists too",
        names: "socket",
        docker: &[ALLOW],
        ours: EPERM,
    },
    Difference {
        why: "TIOCSTI and TIOCLINUX type into the caller's terminal",
        names: "ioctl",
        docker: &[ALLOW],
        ours: EPERM,
    },
    Difference {
        why: "harmless calls that are newer than the file, or that docker has come to allow",
        names: "pkey_mprotect pkey_alloc pkey_free cachestat fchmodat2 map_shadow_stack futex_wake futex_wait \
            futex_requeue mseal setxattrat getxattrat listxattrat removexattrat file_getattr file_setattr",
        docker: &[EPERM],
        ours: ALLOW,
    },
    Difference {
        why: "newer than the file: allowed together with what they belong to",
        names: "bpf perf_event_open set_mempolicy_home_node statmount listmount open_tree_attr",
        docker: &[EPERM],
        ours: ALLOW,
    },
];

/// Gets a call, its arguments, our verdict and docker's.
type Look<'l> = &'l mut dyn FnMut(&str, &[u64; 6], u32, u32);

/// Calls `look` with each call at each sample of arguments, unless nobody looks at arguments there: the call, its name,
/// ours, docker's.
fn compare(ground: &Ground, program: &[u8], model: &Model<'_>, look: Look<'_>) {
    let samples = samples();
    for (number, name) in &ground.names {
        let rules = model.rules(name);
        let of = |arguments| Call {
            number: u32::from(*number),
            machine: ground.machine.audit,
            arguments,
        };
        let by_arguments = run(program, &of([0; 6])).looked
            || rules.iter().any(|rule| !rule.conditions.is_empty());
        let count = if by_arguments { samples.len() } else { 1 };
        for arguments in &samples[..count] {
            let ours = run(program, &of(*arguments)).verdict;
            look(name, arguments, ours, model.verdict(&rules, arguments));
        }
    }
}

#[test]
fn the_default_is_dockers_but_for_a_table_of_differences() {
    let (_, profile) = docker_profile();
    let mut met = BTreeSet::new();
    for ground in grounds() {
        let docker_name = ground.machine.docker_name;
        for capabilities in capability_sets() {
            let program = default_of(&ground, capabilities);
            let model = Model { profile: &profile, docker_name, capabilities };
            compare(&ground, &program, &model, &mut |name, arguments, ours, docker| {
                if ours == docker {
                    return;
                }
                let row = DIFFERENCES.iter().position(|row| {
                    row.names.split_whitespace().any(|known| known == name)
                        && row.docker.contains(&docker)
                        && row.ours == ours
                });
                let Some(row) = row else {
                    panic!(
                        "{docker_name} {name} {arguments:x?} {:x}: docker {docker:x}, \
                         ours {ours:x}",
                        capabilities.0
                    )
                };
                met.insert((row, name.to_owned()));
            });
        }
    }
    for (index, row) in DIFFERENCES.iter().enumerate() {
        for name in row.names.split_whitespace() {
            assert!(met.contains(&(index, name.to_owned())), "{name} does not differ: {}", row.why);
        }
    }
}

#[test]
fn only_what_types_into_terminals_is_refused_of_ioctl() {
    for ground in grounds() {
        let program = default_of(&ground, CapabilitySet::DEFAULT);
        let number = ground.names.iter().find(|(_, name)| *name == "ioctl").unwrap().0;
        let machine = ground.machine.audit;
        for (request, verdict) in [
            (0x5412, EPERM),
            // The kernel cuts the request to 32 bits; so must the filter.
            (0x1_0000_5412, EPERM),
            (0xffff_ffff_0000_541c, EPERM),
            (0x5411, ALLOW),
            (0x5413, ALLOW),
        ] {
            let arguments = [0, request, 0, 0, 0, 0];
            let call = Call { number: u32::from(*number), machine, arguments };
            assert_eq!(run(&program, &call).verdict, verdict, "{request:x}");
        }
    }
}

#[test]
fn only_sockets_that_reach_another_host_are_refused() {
    for ground in grounds() {
        let program = default_of(&ground, CapabilitySet::DEFAULT);
        let number = ground.names.iter().find(|(_, name)| *name == "socket").unwrap().0;
        for (family, verdict) in [
            (1, ALLOW),
            (2, ALLOW),
            (39, ALLOW),
            (40, EPERM),
            // The kernel cuts the family to 32 bits; so must the filter.
            (0x1_0000_0028, EPERM),
            (0xffff_ffff_0000_0028, EPERM),
            (41, ALLOW),
        ] {
            let (number, machine) = (u32::from(*number), ground.machine.audit);
            let call = Call { number, machine, arguments: [family, 0, 0, 0, 0, 0] };
            assert_eq!(run(&program, &call).verdict, verdict, "{family}");
        }
    }
}

#[test]
fn other_machines_are_killed_and_unknown_calls_unknown() {
    for ground in grounds() {
        for capabilities in [CapabilitySet::DEFAULT, CapabilitySet::ALL] {
            let program = default_of(&ground, capabilities);
            let verdict = |machine, number| {
                run(&program, &Call { number, machine, arguments: [0; 6] }).verdict
            };
            // 32-bit x86, ARM, and the other of ours: even getpid.
            for machine in
                [0x4000_0003, 0x4000_0028, 0xc000_003e ^ 0xc000_00b7 ^ ground.machine.audit]
            {
                for number in [0, 20, 39, 172, 0x4000_0027] {
                    assert_eq!(verdict(machine, number), KILL);
                }
            }
            let newest = u32::from(*ground.names.keys().last().unwrap());
            assert_eq!(verdict(ground.machine.audit, newest), ALLOW);
            // x32's calls are numbers with a bit of their own.
            for number in [newest + 1, 511, 512, 513, 0x4000_0000, 0x4000_0027, u32::MAX] {
                assert_eq!(verdict(ground.machine.audit, number), ENOSYS, "{number:x}");
            }
        }
    }
}

#[test]
fn calls_that_a_file_refuses_are_not_made_by_their_numbers_of_x32() {
    for ground in grounds() {
        for default in ["ALLOW", "LOG", "TRACE"] {
            let text = format!(
                r#"{{"defaultAction": "SCMP_ACT_{default}", "syscalls": [
                    {{"names": ["mount"], "action": "SCMP_ACT_ERRNO"}}]}}"#
            );
            let program = read_file(&ground, CapabilitySet::NONE, &text).unwrap();
            let verdict = |number| {
                run(&program, &Call { number, machine: ground.machine.audit, arguments: [0; 6] })
                    .verdict
            };
            let mount = ground.names.iter().find(|(_, name)| *name == "mount").unwrap();
            let mount = u32::from(*mount.0);
            assert_eq!(verdict(mount), EPERM);
            assert_ne!(verdict(mount + 1), EPERM);
            for number in [0x4000_0000, 0x4000_0000 | mount, u32::MAX] {
                assert_eq!(verdict(number), ENOSYS, "{default} {number:x}");
            }
        }
    }
}

#[test]
fn a_call_takes_few_instructions() {
    for ground in grounds() {
        let program = default_of(&ground, CapabilitySet::DEFAULT);
        let steps = |number: &u16| {
            let machine = ground.machine.audit;
            run(&program, &Call { number: u32::from(*number), machine, arguments: [0; 6] }).steps
        };
        let most = ground.names.keys().map(steps).max().unwrap();
        println!(
            "{}: {} instructions, {most} at most for a call",
            ground.machine.docker_name,
            program.len() / 8
        );
        assert!(most <= 20 && program.len() / 8 <= 200);
    }
}

#[test]
fn names_have_the_numbers_that_another_table_gives_them() {
    for ground in grounds() {
        let other = |number: usize| match ground.machine.docker_name {
            "amd64" => syscalls::x86_64::Sysno::new(number).map(|call| call.name()),
            _ => syscalls::aarch64::Sysno::new(number).map(|call| call.name()),
        };
        let mut same = 0;
        for number in 0..512 {
            let ours = ground.names.get(&number).map(String::as_str);
            match (ours, other(number.into())) {
                // As asm/unistd.h of a 64-bit machine has it; the calls of 32-bit machines alone; one of Linux 7.0.
                (Some("newfstatat"), Some("fstatat")) | (None, Some("uprobe")) => {}
                (None, Some(name)) if (403..424).contains(&number) && name.ends_with("64") => {}
                (ours, other) => {
                    assert_eq!(ours, other, "{} {number}", ground.machine.docker_name);
                    same += u16::from(ours.is_some());
                }
            }
        }
        assert!(usize::from(same) + 1 >= ground.names.len(), "{same}");
    }
}

/// The profile of a file, as the library reads it.
fn read_file(
    ground: &Ground,
    capabilities: CapabilitySet,
    text: &str,
) -> Result<Vec<u8>, (u32, u32, String)> {
    let mut tables = Box::new(Tables::new());
    let kernel = KernelRelease(6, 1);
    let names = ground.lines.as_bytes();
    let reader = Reader { machine: ground.machine, names, kernel, capabilities };
    let profile = reader.read(text.as_bytes(), &mut tables).map_err(|misread| {
        let mut line = Line::new();
        let words = String::from_utf8(misread.reason.words().unpack(&mut line).to_vec()).unwrap();
        (misread.line, misread.column, words)
    })?;
    Ok(compiled(&profile, ground.machine))
}

#[test]
fn dockers_file_means_to_us_what_it_means_to_docker() {
    let (text, profile) = docker_profile();
    for ground in grounds() {
        for capabilities in capability_sets() {
            let program = read_file(&ground, capabilities, &text).unwrap();
            let docker_name = ground.machine.docker_name;
            let model = Model { profile: &profile, docker_name, capabilities };
            // What is newer than all that the file names is unknown, as runc has it.
            let newest = ground.names.iter().filter(|(_, name)| !model.rules(name).is_empty());
            let newest = newest.map(|(_, name)| name.clone()).next_back().unwrap();
            let mut is_newer = false;
            compare(&ground, &program, &model, &mut |name, arguments, ours, docker| {
                let docker = if is_newer { ENOSYS } else { docker };
                assert_eq!(
                    ours, docker,
                    "{docker_name} {name} {arguments:x?} {:x}",
                    capabilities.0
                );
                is_newer |= name == newest;
            });
        }
    }
}

/// A file with these rules.
fn with_rules(rules: &str) -> String {
    format!(r#"{{"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [{rules}]}}"#)
}

#[test]
fn all_comparisons_and_actions_are_those_of_the_format() {
    let values =
        [0_u64, 5, 6, 7, 0xffff_ffff, 0x1_0000_0005, 0x1_0000_0006, 0x2_0000_0005, u64::MAX];
    let ground = &grounds()[0];
    for operator in ["NE", "LT", "LE", "EQ", "GE", "GT", "MASKED_EQ"] {
        for (value, second) in values.iter().flat_map(|value| values.map(|second| (*value, second)))
        {
            for action in ["ALLOW", "KILL", "KILL_PROCESS", "TRAP", "LOG", "TRACE"] {
                let text = with_rules(&format!(
                    r#"{{"names": ["read", "nosuch"], "action": "SCMP_ACT_{action}", "args":
                        [{{"index": 5, "op": "SCMP_CMP_{operator}", "value": {value},
                        "valueTwo": {second}}}]}}"#
                ));
                let profile = serde_json::from_str(&text).unwrap();
                let capabilities = CapabilitySet::NONE;
                let model = Model { profile: &profile, docker_name: "amd64", capabilities };
                let program = read_file(ground, capabilities, &text).unwrap();
                let rules = model.rules("read");
                for argument in values {
                    let arguments = [0, 0, 0, 0, 0, argument];
                    let call = Call { number: 0, machine: ground.machine.audit, arguments };
                    let expected = model.verdict(&rules, &arguments);
                    assert_eq!(run(&program, &call).verdict, expected, "{text} {argument:x}");
                }
            }
        }
    }
}

#[test]
fn a_large_tree_reaches_over_far_jumps() {
    let ground = &grounds()[0];
    // Six conditions at every other call: some thousand instructions.
    let names: Vec<String> = ground.names.values().step_by(4).cloned().collect();
    let conditions: Vec<String> = (0..6)
        .map(|index| format!(r#"{{"index": {index}, "op": "SCMP_CMP_EQ", "value": 4294967303}}"#))
        .collect();
    let text = with_rules(&format!(
        r#"{{"names": {names:?}, "action": "SCMP_ACT_ALLOW", "args": [{}]}}"#,
        conditions.join(",")
    ));
    let program = read_file(ground, CapabilitySet::NONE, &text).unwrap();
    assert!(program.len() / 8 > 2000, "{}", program.len() / 8);
    for (number, name) in &ground.names {
        let machine = ground.machine.audit;
        let verdict = |argument| {
            let call = Call { number: u32::from(*number), machine, arguments: [argument; 6] };
            run(&program, &call).verdict
        };
        let newest = ground.names.iter().rfind(|(_, name)| names.contains(name)).unwrap().0;
        let otherwise = if number > newest { ENOSYS } else { EPERM };
        let expected = if names.contains(name) { ALLOW } else { otherwise };
        assert_eq!(verdict(4_294_967_303), expected, "{name}");
        assert_eq!(verdict(7), otherwise, "{name}");
    }
}

#[test]
fn two_conditions_on_one_argument_are_alternatives() {
    let ground = &grounds()[0];
    let text = with_rules(
        r#"{"name": "read", "action": "SCMP_ACT_ALLOW", "args": [
            {"index": 0, "op": "SCMP_CMP_EQ", "value": 1}, {"index": 0, "op": "SCMP_CMP_EQ", "value": 2}]}"#,
    );
    let program = read_file(ground, CapabilitySet::NONE, &text).unwrap();
    for (argument, verdict) in [(1, ALLOW), (2, ALLOW), (3, EPERM)] {
        let machine = ground.machine.audit;
        let call = Call { number: 0, machine, arguments: [argument, 0, 0, 0, 0, 0] };
        assert_eq!(run(&program, &call).verdict, verdict);
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_with_its_place() {
    let ground = &grounds()[0];
    let rule = |rule: &str| with_rules(&format!("\n{{\"names\": [\"read\"], {rule}}}"));
    let args = |args: &str| rule(&format!(r#""action": "SCMP_ACT_ALLOW", "args": [{{{args}}}]"#));
    let deep = format!("{{\"comment\": {}", "[".repeat(200_000));
    for (text, line, words) in [
        (String::new(), 1, "JSON"),
        ("null".into(), 1, "JSON"),
        ("{".into(), 1, "JSON"),
        ("{}".into(), 1, "action"),
        (r#"{"defaultAction": "SCMP_ACT_ALLOW"} x"#.into(), 1, "JSON"),
        (r#"{"defaultAction": "SCMP_ACT_NOTIFY"}"#.into(), 1, "action"),
        (r#"{"defaultaction": "SCMP_ACT_ALLOW"}"#.into(), 1, "key"),
        (r#"{"defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 4096}"#.into(), 1, "number"),
        (rule(r#""action": "SCMP_ACT_ALOW""#), 2, "action"),
        (rule(r#""comment": 1"#), 2, "action"),
        (rule(r#""action": "SCMP_ACT_ALLOW", "arg": []"#), 2, "key"),
        (rule(r#""action": "SCMP_ACT_ERRNO", "errnoRet": -1"#), 2, "number"),
        (rule(r#""action": "SCMP_ACT_ALLOW", "includes": {"cap": []}"#), 2, "key"),
        (args(r#""index": 6, "op": "SCMP_CMP_EQ", "value": 0"#), 2, "number"),
        (args(r#""op": "SCMP_CMP_EQ", "value": 0"#), 2, "number"),
        (args(r#""index": 0, "value": 0"#), 2, "op"),
        (args(r#""index": 0, "op": "EQ", "value": 0"#), 2, "op"),
        (args(r#""index": 0, "op": "SCMP_CMP_EQ", "value": 18446744073709551616"#), 2, "number"),
        (args(r#""index": 0, "op": "SCMP_CMP_EQ", "value": 1.5"#), 2, "number"),
        (deep, 1, "JSON"),
        (
            with_rules(&vec![r#"{"names": [], "action": "SCMP_ACT_ALLOW"}"#; 513].join(",")),
            1,
            "rules",
        ),
    ] {
        let (at, _, said) = read_file(ground, CapabilitySet::NONE, &text).unwrap_err();
        let start: String = text.chars().take(90).collect();
        assert!(at == line && said.contains(words), "{start}: {at} {said}");
    }
}
