//! Programs of device rules, walked as the kernel would.

use super::*;

/// What a program answers to a request.
fn answer(program: &[u8], block: bool, access: u32, major: u32, minor: u32) -> u64 {
    let kind = if block { BLOCK } else { CHARACTERS };
    let context = [access << 16 | kind, major, minor];
    let mut registers = [0_u64; 11];
    let mut at = 0_usize;
    for _ in 0..10_000 {
        let instruction = &program[at * INSTRUCTION_BYTES..][..INSTRUCTION_BYTES];
        let (code, to, from) = (instruction[0], instruction[1] & 15, instruction[1] >> 4);
        let offset = i16::from_le_bytes([instruction[2], instruction[3]]);
        let operand = i32::from_le_bytes(instruction[4..].try_into().unwrap());
        let operand = i64::from(operand) as u64;
        let (to, from) = (usize::from(to), usize::from(from));
        at += 1;
        match code {
            code::LOAD => registers[to] = context[offset as usize / 4].into(),
            code::COPY => registers[to] = registers[from],
            code::SET => registers[to] = operand,
            code::AND => registers[to] &= operand,
            code::SHIFT => registers[to] >>= operand,
            code::UNLESS_EQUAL if registers[to] != operand => at += offset as usize,
            code::UNLESS_EQUAL => {}
            code::EXIT => return registers[0],
            _ => panic!("code {code:#x}"),
        }
    }
    panic!("no end");
}

/// The same by the rules.
fn expected(rules: &[DeviceRule], block: bool, access: u32, major: u32, minor: u32) -> bool {
    rules.iter().any(|rule| {
        rule.block == block
            && (rule.major == ANY || rule.major == major)
            && (rule.minor == ANY || rule.minor == minor)
            && access & !u32::from(rule.access.0) == 0
    })
}

fn chosen(asked: &[DeviceRule]) -> DeviceRules {
    let mut rules = DeviceRules::from_slice(asked).unwrap();
    add_default(&mut rules);
    rules
}

#[test]
fn a_program_does_what_its_rules_say() {
    let asked = [
        DeviceRule { block: true, major: 8, minor: 0, access: Access::READ },
        characters(10, 229, Access(6)),
        characters(1, 3, Access::READ),
    ];
    let rules = chosen(&asked);
    let mut room = [0; 8192];
    let length = compile(&rules, &mut room).unwrap();
    let program = &room[..length];
    for block in [false, true] {
        for access in 1..8 {
            for major in [0, 1, 4, 5, 8, 10, 136, 4095] {
                for minor in [0, 1, 3, 5, 7, 8, 9, 11, 229, 0xf_ffff] {
                    let wanted = expected(&rules, block, access, major, minor);
                    let got = answer(program, block, access, major, minor);
                    assert_eq!(got, u64::from(wanted), "{block} {access} {major}:{minor}");
                }
            }
        }
    }
    assert_eq!(compile(&rules, &mut room[..length - 1]), Err(Reason::TextFull));
}

#[test]
fn what_was_asked_for_takes_the_place_of_a_default() {
    let null = characters(1, 3, Access::READ);
    let rules = chosen(&[null]);
    assert_eq!(rules.len(), DEFAULT.len());
    assert_eq!(rules.iter().filter(|rule| (rule.major, rule.minor) == (1, 3)).count(), 1);
    assert!(!expected(&rules, false, 4, 1, 3) && expected(&rules, false, 2, 1, 3));
    // Every node can be made; no disk, no memory opened.
    for (block, major, minor) in [(true, 8, 0), (false, 1, 1), (false, 10, 200)] {
        assert!(expected(&rules, block, 1, major, minor));
        assert!(!expected(&rules, block, 2, major, minor));
    }
}
