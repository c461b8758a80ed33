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
        (same_append, &[FILE], "the same as append"),
        (GOOD.into(), &[FILE, ("broken/check", "exit 0")], "is the same as files"),
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

#[test]
fn the_project_s_own_scenarios_are_well_formed() {
    let scenarios = all(&crate::layout::scenarios()).unwrap();
    assert!(!scenarios.is_empty());
}
