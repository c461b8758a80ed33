//! Filters from a file: the JSON beside serde_json, programs by an interpreter.

use rootlet::input::capability::CapabilitySet;
use rootlet::input::filter::{CALLS, Comparison, Profile, Rule, Verdict};
use rootlet::input::filter_file::{Reader, Tables};
use rootlet::input::kernel_release::KernelRelease;
use rootlet::input::system_calls::X86_64;
use rootlet::plan::filter::{INSTRUCTION_BYTES, compile};

/// Bytes of the longest program.
const PROGRAM_BYTES: usize = 4096 * INSTRUCTION_BYTES;

pub fn check(input: &[u8]) -> bool {
    let mut names = vec![0; 1 << 13];
    let length = X86_64.write_names(&mut names).ok().expect("room for all names");
    let capabilities = CapabilitySet::DEFAULT;
    let kernel = KernelRelease::parse(b"6.1");
    let reader = Reader { machine: &X86_64, names: &names[..length], kernel, capabilities };
    let mut tables = Box::new(Tables::new());
    let profile = match reader.read(input, &mut tables) {
        Ok(profile) => profile,
        Err(misread) => {
            let line = input.split(|byte| *byte == b'\n').nth(misread.line as usize - 1);
            let length = line.expect("a line").len();
            assert!((1..=length + 1).contains(&(misread.column as usize)));
            return false;
        }
    };
    check_json(input);
    let mut program = vec![0; PROGRAM_BYTES];
    if let Ok(length) = compile(&profile, X86_64.audit, &mut program) {
        assert!(length % INSTRUCTION_BYTES == 0 && length > 0);
        check_program(&program[..length], &profile);
    }
    true
}

/// What is accepted is JSON for serde_json too, except inside values that rootlet skips without looking at them.
fn check_json(input: &[u8]) {
    let is_simple = |byte: &u8| byte.is_ascii() && *byte != b'\\';
    if !input.iter().all(is_simple) {
        return;
    }
    if let Err(error) = serde_json::from_slice::<serde_json::Value>(input) {
        let place = error.to_string();
        let loose = ["invalid number", "expected ident", "expected value", "number out of range"];
        let is_loose = loose.iter().any(|what| place.starts_with(what));
        // A value that is skipped goes on to the next separator: `1x` is one.
        assert!(is_loose || place.starts_with("expected `,`"), "{place}");
    }
}

/// What the program makes of each call is what the rules say, also for arguments at the edges of conditions.
fn check_program(program: &[u8], profile: &Profile<'_>) {
    let mut values: Vec<u64> = vec![0, u64::MAX];
    for condition in profile.conditions.iter().take(4) {
        values.extend([condition.value, condition.value ^ 1, condition.value | 1 << 63]);
    }
    for number in 0..=CALLS {
        for value in &values {
            let arguments = [*value; 6];
            let verdict = run(program, number.into(), X86_64.audit, arguments);
            assert_eq!(
                verdict,
                expected(profile, number.min(CALLS - 1), arguments),
                "call {number}"
            );
        }
    }
    assert_eq!(run(program, 0, 0, [0; 6]), 0x8000_0000, "another machine");
}

/// What the rules say: those with conditions first, in their order, then the first without.
fn expected(profile: &Profile<'_>, number: u16, arguments: [u64; 6]) -> u32 {
    let holds = |rule: &&Rule| {
        let first = usize::from(rule.first_condition);
        let conditions = &profile.conditions[first..first + usize::from(rule.conditions)];
        conditions.iter().all(|condition| {
            let argument = arguments[usize::from(condition.argument)];
            match condition.comparison {
                Comparison::NotEqual => argument != condition.value,
                Comparison::Less => argument < condition.value,
                Comparison::LessOrEqual => argument <= condition.value,
                Comparison::Equal => argument & condition.mask == condition.value,
                Comparison::GreaterOrEqual => argument >= condition.value,
                Comparison::Greater => argument > condition.value,
            }
        })
    };
    let about = || profile.rules.iter().filter(|rule| rule.calls.has(number));
    let conditional = about().filter(|rule| rule.conditions > 0).find(holds);
    let rule = conditional.or_else(|| about().find(|rule| rule.conditions == 0));
    // Calls newer than all that any rule names get what a kernel without them would answer.
    let is_newer =
        profile.rules.iter().all(|rule| (number..CALLS).all(|newer| !rule.calls.has(newer)));
    let otherwise = if is_newer && number > 0 && profile.default.is_errno() {
        Verdict::ENOSYS
    } else {
        profile.default
    };
    rule.map_or(otherwise.0, |rule| rule.verdict.0)
}

/// Interprets classic BPF, as far as filters need it. Any other instruction is a panic, and so is a jump out of the program.
fn run(program: &[u8], number: u32, machine: u32, arguments: [u64; 6]) -> u32 {
    let (mut at, mut accumulator) = (0, 0_u32);
    loop {
        let bytes = &program[at * INSTRUCTION_BYTES..][..INSTRUCTION_BYTES];
        let operand = u32::from_le_bytes(bytes[4..].try_into().unwrap());
        at += 1;
        let mut branch = |holds: bool| at += usize::from(bytes[if holds { 2 } else { 3 }]);
        match u16::from_le_bytes([bytes[0], bytes[1]]) {
            0x20 => {
                accumulator = match operand {
                    0 => number,
                    4 => machine,
                    16..64 => {
                        let argument = arguments[(operand as usize - 16) / 8];
                        (argument >> (operand % 8 * 8)) as u32
                    }
                    _ => panic!("a load from {operand}"),
                }
            }
            0x54 => accumulator &= operand,
            0x05 => at += operand as usize,
            0x15 => branch(accumulator == operand),
            0x25 => branch(accumulator > operand),
            0x35 => branch(accumulator >= operand),
            0x06 => return operand,
            code => panic!("instruction {code:#x}"),
        }
    }
}
