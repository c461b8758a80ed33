//! Values of limits, good and bad.

use super::*;

fn number(amount: Amount, text: &CStr) -> Option<u64> {
    let mut resources = Resources::new();
    resources.set_number(amount, text.to_bytes()).ok().map(|()| resources.number(amount))
}

fn is_text(id: Id, text: &'static CStr) -> bool {
    Resources::new().set_text(id, text).is_ok()
}

#[test]
fn memory() {
    let bytes = |text| number(Amount::Memory, text);
    for (text, expected) in [
        (c"64m", 64 << 20),
        (c"64M", 64 << 20),
        (c"6291456", 6 << 20),
        (c"6291456b", 6 << 20),
        (c"6144k", 6 << 20),
        (c"3g", 3 << 30),
        (c"1t", 1 << 40),
        (c"9223372036854775807", i64::MAX as u64),
    ] {
        assert_eq!(bytes(text), Some(expected), "{text:?}");
    }
    for wrong in [
        c"",
        c"m",
        c"-1",
        c"0",
        c"6291455",
        c"5m",
        c"1.5g",
        c"64mb",
        c"64 m",
        c" 64m",
        c"+64m",
        c"0x64m",
        c"64p",
        c"9223372036854775808",
        c"18014398509481984k",
        c"max",
    ] {
        assert_eq!(bytes(wrong), None, "{wrong:?}");
    }
    let swap = |text| number(Amount::MemoryAndSwap, text);
    assert_eq!(swap(c"-1"), Some(UNLIMITED));
    assert_eq!(swap(c"128m"), Some(128 << 20));
    for wrong in [c"", c"-2", c"0", c"1m", c"max"] {
        assert_eq!(swap(wrong), None, "{wrong:?}");
    }
    assert_eq!(number(Amount::Reservation, c"1"), Some(1));
    assert_eq!(number(Amount::Reservation, c"0"), None);
}

#[test]
fn processors() {
    let quota = |text| number(Amount::Quota, text);
    for (text, expected) in [
        (c"1", 100_000),
        (c"1.5", 150_000),
        (c"0.01", 1000),
        (c"0.2", 20_000),
        (c"0.123456789", 12_345),
        (c"2.000000000", 200_000),
        (c"8192", 819_200_000),
    ] {
        assert_eq!(quota(text), Some(expected), "{text:?}");
    }
    for wrong in [
        c"",
        c".",
        c".5",
        c"1.",
        c"0",
        c"0.009",
        c"-1",
        c"1,5",
        c"1e3",
        c"1.1234567890",
        c"8193",
        c"8192.1",
        c"1.5.0",
        c"1/2",
        c"99999999999999999999",
    ] {
        assert_eq!(quota(wrong), None, "{wrong:?}");
    }
    for good in [c"0", c"0-3", c"0,2", c"0-1,3,5-8191"] {
        assert!(is_text(Id::CpusetCpus, good), "{good:?}");
    }
    for wrong in [c"", c",", c"0,", c"3-1", c"a", c"0-", c"-1", c"0 1", c"0-1-2", c"8192", c"0\n"] {
        assert!(!is_text(Id::CpusetMems, wrong), "{wrong:?}");
    }
}

#[test]
fn shares_and_processes() {
    for (text, good) in [
        (c"2", true),
        (c"262144", true),
        (c"1", false),
        (c"0", false),
        (c"262145", false),
        (c"-1", false),
        (c"", false),
    ] {
        assert_eq!(number(Amount::Shares, text).is_some(), good, "{text:?}");
    }
    let limit = |text| number(Amount::Processes, text);
    assert_eq!(limit(c"-1"), Some(UNLIMITED));
    assert_eq!(limit(c"4194304"), Some(4_194_304));
    for wrong in [c"", c"0", c"-2", c"4194305", c"max", c"1k"] {
        assert_eq!(limit(wrong), None, "{wrong:?}");
    }
}

#[test]
fn parents() {
    for good in [c"/a", c"/system.slice/a b", c"/..a"] {
        assert!(is_text(Id::CgroupParent, good), "{good:?}");
    }
    let long = std::ffi::CString::new(format!("/{}", "x".repeat(255))).unwrap();
    let long: &'static CStr = Box::leak(long.into_boxed_c_str());
    for wrong in [c"", c"/", c"a", c"/a/", c"//a", c"/a//b", c"/..", c"/a/../b", c"/.", long] {
        assert!(!is_text(Id::CgroupParent, wrong), "{wrong:?}");
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    let check = |numbers: &[(Amount, &str)], parent| {
        let mut resources = Resources { parent, ..Resources::new() };
        for (amount, text) in numbers {
            resources.set_number(*amount, text.as_bytes()).unwrap();
        }
        resources.check().err().map(|refusal| refusal.cause())
    };
    let cause = |reason| Some(crate::input::refusal::Cause::Reason(reason));
    let (memory, more) = ((Amount::Memory, "64m"), (Amount::Reservation, "65m"));
    let both = |text| (Amount::MemoryAndSwap, text);
    let parent = Some(c"/a");
    for (numbers, parent, expected) in [
        (&[both("64m")][..], None, cause(Reason::SwapAlone)),
        (&[both("-1")], None, cause(Reason::SwapAlone)),
        (&[both("63m"), memory], None, cause(Reason::SmallSwap)),
        (&[both("64m"), memory], None, None),
        (&[both("-1"), memory], None, None),
        (&[more, memory], None, cause(Reason::LargeReservation)),
        (&[more], None, None),
        (&[], parent, cause(Reason::ParentAlone)),
        (&[more], parent, None),
    ] {
        assert_eq!(check(numbers, parent), expected);
    }
}

#[test]
fn weights_are_those_of_the_formula_in_floating_point() {
    for shares in 2..=262_144_u64 {
        let l = (shares as f64).log2();
        let weight = 10_f64.powf((l * l + 125.0 * l) / 612.0 - 7.0 / 34.0).ceil() as u64;
        let expected = match shares {
            2 => 1,
            262_144 => 10_000,
            _ => weight,
        };
        assert_eq!(weight_of(shares), expected, "{shares}");
    }
    assert_eq!([2, 1024, 262_144].map(weight_of), [1, 100, 10_000]);
}
