//! Programs in C: those that stand beside this file, and small ones of a test.

use std::path::Path;

use super::{Case, host};

/// Compiles `tests/support/NAME.c` to `target`.
pub fn compile(name: &str, flags: &[&str], target: &Path) {
    let source = format!("{}/tests/support/{name}.c", env!("CARGO_MANIFEST_DIR"));
    run_compiler(Path::new(&source), flags, target);
}

/// Compiles the text of a program to `target`, statically, so that it can run in a container.
pub fn compile_own(t: &Case, text: &str, target: &Path) {
    run_compiler(&t.file("own.c", text), &["-static"], target);
}

fn run_compiler(source: &Path, flags: &[&str], target: &Path) {
    let files = ["-o", target.to_str().unwrap(), source.to_str().unwrap()];
    host("cc", &[flags, &files].concat());
}
