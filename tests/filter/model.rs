//! A filter interpreted, and docker's file read by a reader of its own.

use std::collections::BTreeMap;

use rootlet::input::capability::CapabilitySet;
use rootlet::input::filter_default::{AARCH64_DEFAULTS, Defaults, X86_64_DEFAULTS};
use rootlet::input::system_calls::{AARCH64, Machine, X86_64};
use rootlet::text::line::Line;
use serde_json::Value;

pub const ALLOW: u32 = 0x7fff_0000;
pub const EPERM: u32 = 0x0005_0001;
pub const ENOSYS: u32 = 0x0005_0026;
pub const KILL: u32 = 0x8000_0000;

/// A machine as the tests need it.
pub struct Ground {
    pub machine: &'static Machine,
    pub defaults: &'static Defaults,
    /// Names by number.
    pub names: BTreeMap<u16, String>,
    /// Names as the library's reader wants them.
    pub lines: String,
}

pub fn grounds() -> [Ground; 2] {
    static MACHINES: [Machine; 2] = [X86_64, AARCH64];
    static DEFAULTS: [Defaults; 2] = [X86_64_DEFAULTS, AARCH64_DEFAULTS];
    [0, 1].map(|index| {
        let machine = &MACHINES[index];
        let unpacked: Vec<String> = machine
            .names()
            .map(|name| String::from_utf8(name.unpack(&mut Line::new()).to_vec()).unwrap())
            .collect();
        let names = (0..)
            .zip(&unpacked)
            .map(|(line, name)| (machine.number_of_line(line), name.clone()))
            .collect();
        Ground { machine, defaults: &DEFAULTS[index], names, lines: unpacked.join("\n") }
    })
}

/// What the kernel hands to a filter. Source: `struct seccomp_data`, linux/seccomp.h.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    pub number: u32,
    pub machine: u32,
    pub arguments: [u64; 6],
}

impl Call {
    fn word(&self, offset: u32) -> u32 {
        match offset {
            0 => self.number,
            4 => self.machine,
            16..64 => {
                let argument = self.arguments[(offset as usize - 16) / 8];
                if offset.is_multiple_of(8) { argument as u32 } else { (argument >> 32) as u32 }
            }
            _ => panic!("a load from {offset}"),
        }
    }
}

/// What a filter makes of a call.
pub struct Run {
    pub verdict: u32,
    /// Instructions on the way.
    pub steps: usize,
    /// It looked at arguments.
    pub looked: bool,
}

/// Interprets classic BPF. What the kernel would not load is a panic.
pub fn run(program: &[u8], call: &Call) -> Run {
    let count = program.len() / 8;
    assert!(count <= 4096 && program.len().is_multiple_of(8));
    let (mut at, mut accumulator, mut steps, mut looked) = (0, 0_u32, 0, false);
    loop {
        let bytes: [u8; 8] = program[at * 8..at * 8 + 8].try_into().unwrap();
        let code = u16::from_le_bytes([bytes[0], bytes[1]]);
        let (yes, no) = (usize::from(bytes[2]), usize::from(bytes[3]));
        let operand = u32::from_le_bytes(bytes[4..].try_into().unwrap());
        steps += 1;
        at += 1;
        let mut branch = |condition| at += if condition { yes } else { no };
        match code {
            0x20 => {
                looked |= operand >= 16;
                accumulator = call.word(operand);
            }
            0x54 => accumulator &= operand,
            0x05 => at += operand as usize,
            0x15 => branch(accumulator == operand),
            0x25 => branch(accumulator > operand),
            0x35 => branch(accumulator >= operand),
            0x06 => return Run { verdict: operand, steps, looked },
            _ => panic!("instruction {code:#x}"),
        }
    }
}

/// Every jump of a program ends in it, and it ends in a return: what the kernel checks.
pub fn check(program: &[u8]) {
    let count = program.len() / 8;
    for (index, bytes) in program.chunks(8).enumerate() {
        let operand = u32::from_le_bytes(bytes[4..].try_into().unwrap());
        let furthest = match u16::from_le_bytes([bytes[0], bytes[1]]) {
            0x05 => operand as usize,
            0x15 | 0x25 | 0x35 => usize::from(bytes[2].max(bytes[3])),
            _ => 0,
        };
        assert!(index + 1 + furthest < count || furthest == 0, "{index} jumps out");
    }
    assert_eq!(program[(count - 1) * 8], 0x06);
}

/// A model of what docker makes of a profile: written for this test, straight from the JSON.
pub struct Model<'v> {
    pub profile: &'v Value,
    pub docker_name: &'static str,
    pub capabilities: CapabilitySet,
}

impl Model<'_> {
    fn applies(&self, rule: &Value) -> bool {
        let list = |side: &str, key: &str| {
            let list = rule[side][key].as_array().cloned().unwrap_or_default();
            list.iter().map(|item| item.as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let held = |name: &String| {
            CapabilitySet::named(name.as_bytes())
                .is_some_and(|one| self.capabilities.0 & one.0 != 0)
        };
        let here = |names: &[String]| names.iter().any(|name| name == self.docker_name);
        let (includes, excludes) = (list("includes", "arches"), list("excludes", "arches"));
        (includes.is_empty() || here(&includes))
            && !here(&excludes)
            && list("includes", "caps").iter().all(held)
            && !list("excludes", "caps").iter().any(held)
    }

    /// The rules about a call, those with conditions first.
    pub fn rules(&self, name: &str) -> Vec<ModelRule> {
        let rules = self.profile["syscalls"].as_array().unwrap().iter();
        let about = |rule: &&Value| {
            let named = rule["names"].as_array().unwrap().iter().any(|known| known == name);
            named && self.applies(rule)
        };
        let mut rules: Vec<ModelRule> = rules.filter(about).map(ModelRule::new).collect();
        rules.sort_by_key(|rule| rule.conditions.is_empty());
        rules
    }

    pub fn verdict(&self, rules: &[ModelRule], arguments: &[u64; 6]) -> u32 {
        let rule = rules.iter().find(|rule| rule.holds(arguments));
        rule.map_or_else(|| action(self.profile, "defaultAction"), |rule| rule.action)
    }
}

pub struct ModelRule {
    action: u32,
    /// Argument, operator, value, second value.
    pub conditions: Vec<(usize, String, u64, u64)>,
}

impl ModelRule {
    fn new(rule: &Value) -> ModelRule {
        let conditions = rule["args"].as_array().cloned().unwrap_or_default();
        let number = |condition: &Value, key: &str| condition[key].as_u64().unwrap_or(0);
        let conditions = conditions.iter().map(|condition| {
            (
                number(condition, "index") as usize,
                condition["op"].as_str().unwrap().to_owned(),
                number(condition, "value"),
                number(condition, "valueTwo"),
            )
        });
        ModelRule { action: action(rule, "action"), conditions: conditions.collect() }
    }

    fn holds(&self, arguments: &[u64; 6]) -> bool {
        self.conditions.iter().all(|(index, operator, value, second)| {
            let argument = arguments[*index];
            match operator.as_str() {
                "SCMP_CMP_NE" => argument != *value,
                "SCMP_CMP_LT" => argument < *value,
                "SCMP_CMP_LE" => argument <= *value,
                "SCMP_CMP_EQ" => argument == *value,
                "SCMP_CMP_GE" => argument >= *value,
                "SCMP_CMP_GT" => argument > *value,
                "SCMP_CMP_MASKED_EQ" => argument & value == *second,
                other => panic!("{other}"),
            }
        })
    }
}

fn action(of: &Value, key: &str) -> u32 {
    let errno = of["errnoRet"].as_u64().unwrap_or(1) as u32;
    match of[key].as_str().unwrap() {
        "SCMP_ACT_ALLOW" => ALLOW,
        "SCMP_ACT_ERRNO" => 0x0005_0000 | errno,
        "SCMP_ACT_KILL" => 0,
        "SCMP_ACT_KILL_PROCESS" => KILL,
        "SCMP_ACT_TRAP" => 0x0003_0000,
        "SCMP_ACT_TRACE" => 0x7ff0_0000 | (of["errnoRet"].as_u64().unwrap_or(0) as u32),
        "SCMP_ACT_LOG" => 0x7ffc_0000,
        other => panic!("{other}"),
    }
}
