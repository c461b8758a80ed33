//! Pairs that stand in pairs, counts, and the table as it is read back.

use super::*;

fn bytes(lines: &[&str]) -> Vec<Vec<u8>> {
    lines.iter().map(|line| line.as_bytes().to_vec()).collect()
}

#[test]
fn pairs_stand_in_pairs_and_unpack_to_the_text() {
    let lines = bytes(&["mount the mount", "mounts", "mount", "amount"]);
    let pairs = best_pairs(lines.clone());
    assert!(packed_size(lines.clone(), &pairs) < size(&lines));
    let mut words = String::new();
    unpack(*pairs.last().unwrap(), &pairs, &mut words);
    assert_eq!(words, "mount");
}

#[test]
fn a_run_of_one_letter_counts_as_often_as_it_can_be_merged() {
    for (line, count) in [("aa", 1), ("aaa", 1), ("aaaa", 2), ("aaabaa", 2)] {
        assert_eq!(counts(&bytes(&[line])).get(b"aa"), Some(&count), "{line}");
    }
}

#[test]
fn a_rare_pair_has_no_row() {
    assert!(best_pairs(bytes(&["ab", "ab"])).is_empty());
    assert_eq!(best_pairs(bytes(&["ab", "ab", "ab"])), [*b"ab"]);
}

#[test]
fn the_newline_is_no_code_and_pairs_stay_shallow() {
    // Letters without a pattern make many pairs; a run of one letter makes deep ones.
    let mix = |n: u32| n.wrapping_mul(2_654_435_761).rotate_left(15).wrapping_mul(2_246_822_519);
    let line: Vec<u8> = (0..20000).map(|n| b'a' + (mix(n) >> 8) as u8 % 23).collect();
    let pairs = best_pairs(vec![line, vec![b'z'; 4096]]);
    assert_eq!(pairs.len(), MOST_ROWS);
    assert_eq!(pairs[NEWLINE_ROW], *b"  ");
    let others = pairs.iter().enumerate().filter(|(row, _)| *row != NEWLINE_ROW);
    for (_, pair) in others {
        assert!(!pair.contains(&b'\n'));
        assert!(depth(pair, &pairs) <= MOST_DEPTH);
    }
}

#[test]
fn a_table_is_read_as_it_was_written() {
    let pairs = vec![*b"\\'", [0x7f, b' '], [0x80, b'"']];
    let text = TABLES.map(|roles| table(&pairs, roles.condition)).concat();
    assert_eq!(read_tables(&text).unwrap(), [pairs.clone(), pairs]);
}

#[test]
fn literals_of_packed_and_of_macros_that_use_it_are_texts() {
    let source = r#"
        macro_rules! rows { ($($(#[$doc:meta])* $row:literal,)*) => { const R: P = packed!(concat!($($row, "\n",)*)); } }
        rows! {
            /// comment
            "a", "b",
        }
        const M: Manual = Manual(packed!("c\
            d"));
        fn f() { other!("x"); text("y"); }
        mod tests { const T: P = packed!("z"); }
    "#;
    assert_eq!(found(source, &["init"]), ["a", "b", "cd"]);
}

#[test]
fn texts_of_other_roles_are_left_out() {
    let source = r#"
        macro_rules! calls { ($a:literal [rest] $b:literal) => {
            const A: P = packed!(concat!($a, $b));
        } }
        calls! { "a" [rest] "b" }
        #[cfg(any(feature = "run", feature = "boot"))]
        const B: P = packed!("c");
        #[cfg(all(not(feature = "boot"), feature = "init"))]
        const C: P = packed!("d");
    "#;
    assert_eq!(found(source, &["init"]), ["a", "d"]);
    assert_eq!(found(source, &["run", "init", "boot"]), ["a", "b", "c"]);
}

#[test]
fn the_first_table_counts_the_texts_of_every_role() {
    for role in crate::build::ROLES {
        let source = format!("#[cfg(feature = \"{role}\")] const A: P = packed!(\"a\");");
        assert_eq!(found(&source, TABLES[0].features), ["a"], "{role}");
    }
}

fn found(source: &str, features: &'static [&'static str]) -> Vec<String> {
    let file = syn::parse_file(source).unwrap();
    let mut texts = Texts::new(features);
    texts.note_macros(&file);
    texts.visit_file(&file);
    texts.found
}
