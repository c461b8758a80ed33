//! Words that mark unfinished work, wherever they stand.

use super::Finding;

/// Written in two parts, because this file is checked too.
const WORDS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];

/// Lines with such a word. As a part of a longer word, such as a template for temporary names, it
/// is no mark.
pub fn violations(text: &str) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
        if let Some(word) = words.find(|word| WORDS.contains(word)) {
            found.push((index + 1, format!("{word}: finish it, or write down the limit")));
        }
    }
    found
}
