//! Scenario folders, well-formed and not.

use super::*;

const GOOD: &str = r#"
    description = "it boots"
    append = 'rootlet.run="sh /check"'
    expect = ["part", { regex = "^x+$" }]
    status = 0
    limit_seconds = 30
    [broken]
    change = "the check fails"
    fails = "status"
    shows = "wrong"
"#;

/// Makes a scenario folder of a text and of files, and loads it.
fn loaded(text: &str, files: &[(&str, &str)]) -> Result<Scenario> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("scenario.toml"), text).unwrap();
    for (name, content) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    load(folder.path())
}

/// The file that the twin replaces.
const FILE: (&str, &str) = ("files/check", "exit 0");

const FILES: &[(&str, &str)] =
    &[("files/check", "exit 0"), ("files/etc/more", ""), ("broken/check", "exit 1")];

#[test]
fn a_good_scenario_has_two_boots_that_differ_in_one_file() {
    let scenario = loaded(GOOD, FILES).unwrap();
    assert_eq!(scenario.healthy.append, "rootlet.run=\"sh /check\"");
    let places = |boot: &Boot| boot.files.iter().map(|f| f.1.clone()).collect::<Vec<_>>();
    assert_eq!(places(&scenario.healthy), ["/check", "/etc/more"]);
    assert_eq!(places(&scenario.broken), ["/check", "/etc/more"]);
    assert!(scenario.healthy.files[0].0.ends_with("files/check"));
    assert!(scenario.broken.files[0].0.ends_with("broken/check"));
    assert_eq!(scenario.expected.lines.len(), 2);
}

#[test]
fn a_scenario_says_when_it_is_booted_on_aarch64() {
    let of = |line: &str| {
        let text = GOOD.replace("status = 0", &format!("status = 0\n{line}"));
        loaded(&text, FILES).map(|scenario| scenario.aarch64)
    };
    assert_eq!(of("").unwrap(), OnAarch64::Asked);
    assert_eq!(of("aarch64 = \"always\"").unwrap(), OnAarch64::Always);
    let never = OnAarch64::Never("no keyboard".to_owned());
    assert_eq!(of("aarch64 = { never = \"no keyboard\" }").unwrap(), never);
    for line in ["aarch64 = \"never\"", "aarch64 = \"sometimes\"", "aarch64 = { never = \"\" }"] {
        assert!(of(line).is_err(), "{line}");
    }
}

#[test]
fn a_twin_may_differ_in_its_command_line() {
    let text = format!("{GOOD}\nappend = 'rootlet.run=false'");
    let scenario = loaded(&text, &[]).unwrap();
    assert_eq!(scenario.broken.append, "rootlet.run=false");
    assert_eq!(scenario.broken.files, scenario.healthy.files);
}

/// A scenario's text, its files, and a part of the complaint.
type Row = (String, &'static [(&'static str, &'static str)], &'static str);

#[test]
fn what_is_not_well_formed_is_refused() {
    let with_append = format!("{GOOD}\nappend = 'rootlet.run=false'");
    let same_append = format!("{GOOD}\nappend = 'rootlet.run=\"sh /check\"'");
    let rows: &[Row] = &[
        (GOOD.into(), &[FILE], "no broken twin"),
        (with_append, FILES, "more than one thing"),
        (same_append, &[FILE], "the same as in the healthy boot"),
        (GOOD.into(), &[FILE, ("broken/check", "exit 0")], "is the same as the healthy"),
        (GOOD.into(), &[FILE, ("broken/other", "")], "replaces nothing"),
        (
            GOOD.into(),
            &[FILE, ("files/b", "1"), ("broken/check", "x"), ("broken/b", "2")],
            "more than one thing",
        ),
        (GOOD.replace("\"status\"", "\"somehow\""), FILES, "is none of"),
        (GOOD.replace("it boots", " "), FILES, "description is empty"),
        (GOOD.replace("limit_seconds = 30", "limit_seconds = 0"), FILES, "limit_seconds is 0"),
        (GOOD.replace("status = 0", "status = 256"), FILES, "scenario.toml"),
        (GOOD.replace("expect", "expects"), FILES, "scenario.toml"),
        (GOOD.replace("^x+$", "("), FILES, "scenario.toml"),
        (GOOD.split("[broken]").next().unwrap().into(), FILES, "scenario.toml"),
    ];
    for (text, files, expected) in rows {
        let error = format!("{:#}", loaded(text, files).expect_err(expected));
        assert!(error.contains(expected), "{error}");
    }
}

/// A machine with everything that can be said of one.
const MACHINE: &str = r#"
    description = "it boots from a disk"
    append = "root=LABEL=root"
    kernel = "generic"
    initramfs = "bare"
    modules = ["ext4", "virtio_blk"]
    compress = "xz"
    ends = "reboot"
    ends_within_ms = 500
    expect = ["part", { part = "x", within_ms = 1000 }]
    never = ["oops", { regex = "^rootlet: .*EIO" }]
    limit_seconds = 30
    after = [{ disk = 0, clean = true }, { disk = 0, file = "/x", contains = "y" }]
    [[disk]]
    filesystem = "ext4"
    label = "root"
    table = "gpt"
    contents = { folder = "root", names = ["/sbin/poweroff"] }
    [[disk]]
    filesystem = "swap"
    bus = "virtio"
    [[share]]
    tag = "host"
    contents = { base = "none", folder = "root" }
    [[step]]
    after = "login: "
    type = "root\n"
    [[step]]
    wait_ms = 100
    plug = 1
    [[step]]
    press = "ctrl-alt-delete"
    [broken]
    change = "another label"
    set = { "disk.0.label" = "other" }
    fails = "time limit"
    shows = "waiting"
    limit_seconds = 10
"#;

/// A file on both the disk and the share of MACHINE.
const ROOT: (&str, &str) = ("root/etc/x", "1");

#[test]
fn a_machine_says_what_it_is_made_of() {
    let scenario = loaded(MACHINE, &[ROOT]).unwrap();
    let healthy = &scenario.healthy;
    assert_eq!((healthy.kernel, healthy.initramfs), (Flavour::Generic, Initramfs::Bare));
    assert_eq!(healthy.disks.len(), 2);
    assert_eq!(healthy.contents().map(|c| c.files.len()).collect::<Vec<_>>(), [1, 1]);
    assert_eq!(healthy.disks[0].label.as_deref(), Some("root"));
    assert_eq!(scenario.broken.disks[0].label.as_deref(), Some("other"));
    assert_eq!(scenario.broken.limit.as_secs(), 10);
    assert_eq!(healthy.steps.len(), 3);
    assert_eq!(scenario.expected.status, None);
    assert_eq!(scenario.proofs.len(), 2);
}

#[test]
fn a_twin_may_differ_in_any_one_thing_that_is_booted() {
    let set = r#"set = { "disk.0.label" = "other" }"#;
    let twin = |change: &str, files: &[(&str, &str)]| {
        loaded(&MACHINE.replace(set, change), files).map(|scenario| scenario.broken)
    };
    let boot = twin(r#"set = { modules = ["ext4"] }"#, &[ROOT]).unwrap();
    assert_eq!(boot.modules, ["ext4"]);
    let boot = twin(r#"unset = "disk.0.contents.names""#, &[ROOT]).unwrap();
    assert!(boot.disks[0].contents.as_ref().unwrap().names.is_empty());
    let boot = twin(r#"unset = "compress""#, &[ROOT]).unwrap();
    assert_eq!(boot.compress, None);
    let boot = twin("", &[ROOT, ("broken/etc/x", "2")]).unwrap();
    assert!(boot.contents().all(|c| c.files[0].0.ends_with("broken/etc/x")));
}

#[test]
fn a_machine_that_does_not_fit_together_is_refused() {
    let set = r#"{ "disk.0.label" = "other" }"#;
    let with = |old: &str, new: &str| MACHINE.replace(old, new);
    let rows: &[Row] = &[
        (with(set, r#"{ "disk.0.label" = "root" }"#), &[ROOT], "the same as in the healthy"),
        (with(set, r#"{ "disk.2.label" = "x" }"#), &[ROOT], "there is no 2"),
        (with(set, r#"{ expect = [] }"#), &[ROOT], "expect is none of"),
        (with(set, r#"{ append = "a", modules = [] }"#), &[ROOT], "changes 2 keys"),
        (with(set, r#"{ "disk.0.lable" = "x" }"#), &[ROOT], "unknown field"),
        (with(set, r#"{ append = "x" }"#), &[ROOT, ("broken/etc/x", "2")], "more than one"),
        (with("initramfs = \"bare\"", "initramfs = \"none\""), &[ROOT], "without an initramfs"),
        (with("modules = [\"ext4\", \"virtio_blk\"]", ""), &[ROOT], "compress without modules"),
        (with("ends = \"reboot\"", ""), &[ROOT], "neither status nor ends"),
        (with("folder = \"root\"", "folder = \"files\""), &[ROOT], "no folder files"),
        (with("folder = \"root\"", "folder = \"../x\""), &[ROOT], "no name of a folder"),
        (MACHINE.into(), &[ROOT, ("rooot/x", "")], "rooot is not used"),
        (with("plug = 1", "plug = 2"), &[ROOT], "no disk 2"),
        (with("bus = \"virtio\"", "bus = \"ahci\""), &[ROOT], "cannot come later"),
        (with("plug = 1", "plug = 1\npress = \"a\""), &[ROOT], "one of type, press and plug"),
        (with("{ disk = 0, clean", "{ disk = 1, clean"), &[ROOT], "disk 1 is not ext4"),
        (with("never =", "nevre ="), &[ROOT], "unknown field"),
        (with("within_ms = 1000", "within = 1"), &[ROOT], "scenario.toml"),
        (with("wait_ms", "wait"), &[ROOT], "unknown field"),
    ];
    for (text, files, expected) in rows {
        let error = format!("{:#}", loaded(text, files).expect_err(expected));
        assert!(error.contains(expected), "{expected}: {error}");
    }
}

#[test]
fn the_project_s_own_scenarios_are_well_formed() {
    let scenarios = all(&crate::layout::scenarios()).unwrap();
    assert!(!scenarios.is_empty());
}
