//! Reads a test binary's output: how many tests passed, and which did not.

/// What one test binary did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub passed: usize,
    /// Names of tests that failed.
    pub failed: Vec<String>,
    /// How many tests are marked as ignored.
    pub ignored: usize,
}

/// Reads a binary's lines together with its exit code, None where a signal ended it: a crash prints
/// nothing that could be counted. An error says what does not add up.
pub fn report(lines: &[String], code: Option<i32>) -> Result<Report, String> {
    let announced = lines.iter().find_map(|l| announced(l)).ok_or("announced no tests")?;
    let at = lines.iter().rposition(|l| l.starts_with("test result: "));
    let result = at.and_then(|at| lines.get(at)).ok_or("ended without a result")?;
    let count = |word| count_of(result, word).ok_or_else(|| format!("unreadable: {result}"));
    let (passed, failed, ignored) = (count("passed")?, count("failed")?, count("ignored")?);
    if passed + failed + ignored != announced {
        return Err(format!("announced {announced} tests, but: {result}"));
    }
    // 101 is libtest's code for failed tests.
    let expected = if failed == 0 { 0 } else { 101 };
    if code != Some(expected) {
        let code = code.map_or("a signal".to_owned(), |c| format!("code {c}"));
        return Err(format!("ended with {code} after: {result}"));
    }
    let mut names = failed_names(lines);
    // Failures without names are counted all the same.
    names.resize(failed, "(unnamed)".to_owned());
    Ok(Report { passed, failed: names, ignored })
}

/// `running 3 tests`.
fn announced(line: &str) -> Option<usize> {
    let mut words = line.strip_prefix("running ")?.split(' ');
    let count = words.next()?.parse().ok()?;
    matches!(words.next(), Some("test" | "tests")).then_some(count)
}

/// The number before a word in `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
fn count_of(result: &str, word: &str) -> Option<usize> {
    let mut parts = result.split([';', '.']).map(str::trim);
    parts.find_map(|part| part.strip_suffix(word)?.trim().parse().ok())
}

/// The list that follows the last line `failures:`, each name after four spaces.
fn failed_names(lines: &[String]) -> Vec<String> {
    let Some(at) = lines.iter().rposition(|l| l == "failures:") else { return Vec::new() };
    let names = lines.iter().skip(at + 1).map_while(|l| l.strip_prefix("    "));
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, code: Option<i32>) -> Result<Report, String> {
        report(&text.lines().map(str::to_owned).collect::<Vec<_>>(), code)
    }

    const GOOD: &str = "\nrunning 3 tests\ntest a::b ... ok\ntest c ... ignored\ntest d ... ok\n\n\
        test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; finished in \
        0.00s\n";

    const BAD: &str = "running 2 tests\ntest a ... ok\ntest b ... FAILED\n\nfailures:\n\n\
        ---- b stdout ----\nrunning 9 tests\ntest result: ok. 9 passed; 0 failed; 0 ignored; x\n\
        thread panicked\n\nfailures:\n    b\n\n\
        test result: FAILED. 1 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out\n";

    #[test]
    fn counts_and_names_are_read() {
        let report = read(GOOD, Some(0)).unwrap();
        assert_eq!(report, Report { passed: 2, failed: vec![], ignored: 1 });
        let report = read(BAD, Some(101)).unwrap();
        assert_eq!(report, Report { passed: 1, failed: vec!["b".into()], ignored: 0 });
    }

    #[test]
    fn one_test_is_announced_in_the_singular() {
        let text = "running 1 test\ntest result: ok. 1 passed; 0 failed; 0 ignored; 0 measured\n";
        assert_eq!(read(text, Some(0)).unwrap().passed, 1);
    }

    #[test]
    fn a_crash_is_an_error() {
        let cut = GOOD.split("test d").next().unwrap();
        let rows = [
            (cut, Some(0), "ended without a result"),
            (cut, None, "ended without a result"),
            ("", Some(0), "announced no tests"),
            (GOOD, None, "a signal"),
            (GOOD, Some(101), "code 101"),
            (GOOD, Some(1), "code 1"),
            (BAD, Some(0), "code 0"),
        ];
        for (text, code, expected) in rows {
            let error = read(text, code).expect_err(expected);
            assert!(error.contains(expected), "{error}");
        }
    }

    #[test]
    fn counts_have_to_add_up() {
        let text = GOOD.replace("running 3", "running 4");
        assert!(read(&text, Some(0)).unwrap_err().contains("announced 4 tests"));
        let text = GOOD.replace("2 passed", "x passed");
        assert!(read(&text, Some(0)).unwrap_err().contains("unreadable"));
    }
}
