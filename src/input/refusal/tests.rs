//! Words of reasons, and refusals there and back.

use super::*;

#[test]
fn words_stand_beside_their_reason() {
    for (reason, words) in [
        (Reason::UnknownOption, "is not an option here; --help lists them"),
        (Reason::NotFirstProcess, "boots a machine only as PID 1; see rootlet --help"),
    ] {
        assert_eq!(reason.words().to_string(), words);
    }
}

#[test]
fn a_refusal_says_what_was_put_into_it() {
    use Subject as S;
    let subjects = [
        S::Command,
        S::Words { first: u32::MAX, count: 2 },
        S::Root,
        S::Layer(1),
        S::MountPoint(2),
        S::Volume(255),
        S::VariableFile(3, u32::MAX),
        S::FilterFile { line: u32::MAX, column: u16::MAX },
        S::Users,
        S::Descriptor(4),
        S::OwnFile,
        S::Log,
        S::User,
        S::Controller(5),
        S::Environment,
        S::Link { bridge: false },
        S::Link { bridge: true },
        S::Pasta,
        S::Persist(6),
        S::RuntimeDirectory,
        S::Target,
        S::EnterFile(7),
        S::Directory(2),
        S::Machine,
    ];
    let call = CallError { call: Call::Writev, errno: Errno(4095) };
    for subject in subjects {
        let refusal = Refusal::new(subject, Reason::NotFirstProcess);
        assert_eq!(refusal.subject(), subject);
        assert_eq!(refusal.cause(), Cause::Reason(Reason::NotFirstProcess));
        assert!(!refusal.is_of(&[Errno(4095)]));
        let refusal = Refusal::of_error(subject)(call);
        assert_eq!((refusal.subject(), refusal.cause()), (subject, Cause::Call(call)));
        assert!(refusal.is_of(&[Errno(1), Errno(4095)]));
    }
}
