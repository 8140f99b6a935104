//! SECURITY.md names a test for each published fault of our peers; this holds it to that.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

use crate::cargo::root;
use crate::part::Verdict;

/// What stands in a row instead of a test when the feature in question does not exist here.
const NOT_OFFERED: &str = "not offered";
const SOURCES: &[&str] = &["crates", "tests", "xtask", "bench"];

/// Fails when a row of SECURITY.md has no test, or one that is gone.
pub(crate) fn check() -> Verdict {
    let table = match fs::read_to_string(root().join("SECURITY.md")) {
        Ok(text) => text,
        Err(error) => return Verdict::failed(format!("SECURITY.md: {error}")),
    };
    let mut functions = HashSet::new();
    for folder in SOURCES {
        collect_functions(&root().join(folder), &mut functions);
    }
    let broken = broken_rows(&table, &functions);
    match broken.is_empty() {
        true => Verdict::Passed,
        false => Verdict::failed(broken.join("\n")),
    }
}

fn broken_rows(table: &str, functions: &HashSet<String>) -> Vec<String> {
    let rows: Vec<&str> = table
        .lines()
        .filter(|line| line.starts_with("| CVE-"))
        .collect();
    if rows.is_empty() {
        return vec!["SECURITY.md has no rows".into()];
    }
    rows.into_iter()
        .filter_map(|row| complaint(row, functions))
        .collect()
}

fn complaint(row: &str, functions: &HashSet<String>) -> Option<String> {
    let mut cells = row.trim_matches('|').split('|').map(str::trim);
    let fault = cells.next()?;
    let tests = cells.next_back()?;
    if tests == NOT_OFFERED {
        return None;
    }
    let mut names = tests.split('`').skip(1).step_by(2).peekable();
    if names.peek().is_none() {
        return Some(format!("SECURITY.md: {fault} names no test"));
    }
    names
        .find(|name| !functions.contains(*name))
        .map(|name| format!("SECURITY.md: {fault} names the test {name}, which does not exist"))
}

fn collect_functions(folder: &Path, functions: &mut HashSet<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect_functions(&path, functions);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap_or_default();
            functions.extend(text.lines().filter_map(function_name));
        }
    }
}

fn function_name(line: &str) -> Option<String> {
    let line = line.trim_start();
    let line = line.strip_prefix("async ").unwrap_or(line);
    let (name, _) = line.strip_prefix("fn ")?.split_once('(')?;
    Some(name.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(row: &str) -> usize {
        broken_rows(row, &HashSet::from(["refuses_it".to_string()])).len()
    }

    #[test]
    fn a_row_without_a_test_or_with_one_that_is_gone_is_found() {
        assert_eq!(complaints("| CVE-1 | MIT | what | |"), 1);
        assert_eq!(complaints("| CVE-1 | MIT | what | `refused_it` |"), 1);
        assert_eq!(
            complaints("| CVE-1 | MIT | what | `refuses_it`, `refused_it` |"),
            1
        );
        assert_eq!(complaints(""), 1);
    }

    #[test]
    fn functions_are_found_that_wait_or_stand_in_a_macro() {
        for line in [
            "fn refuses_it() {",
            "async fn refuses_it() {",
            "        fn refuses_it(x in y) {",
        ] {
            assert_eq!(function_name(line).unwrap(), "refuses_it");
        }
        assert_eq!(function_name("// refuses_it()"), None);
    }

    #[test]
    fn a_row_with_its_tests_and_one_that_needs_none_pass() {
        assert_eq!(complaints("| CVE-1 | MIT | what | `refuses_it` |"), 0);
        assert_eq!(complaints("| CVE-1 | MIT | what | not offered |"), 0);
    }
}
