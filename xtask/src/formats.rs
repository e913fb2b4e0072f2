//! Measures every format again and writes the tables of `docs/formats.md`.

use crate::{program, setup};
use anyhow::{Context, Result, bail};
use std::process::Command;

/// The page, in which each table stands after a line that ends with its name in an HTML comment.
pub const PAGE: &str = "docs/formats.md";

/// Names of the tables, with which the tests begin the lines that they print.
const TABLES: [&str; 4] = ["sounds", "films", "torture", "differences"];

/// Runs the tests that make files of every format, and puts what they print into the page.
///
/// # Errors
/// If a test fails, or the page has no place for a table.
pub fn run() -> Result<()> {
    setup::run()?;
    let mut cargo = Command::new("cargo");
    cargo.args(["test", "--locked", "--package", "aeden-cli", "--test", "program"]);
    cargo.args(["media::", "--", "--show-output"]);
    cargo.env("AEDEN_TORTURE", "all");
    let printed = program::output(&mut cargo)?;
    let mut page = std::fs::read_to_string(PAGE).context(PAGE)?;
    for table in TABLES {
        let start = format!("row of {table}: ");
        let rows: Vec<&str> = printed
            .lines()
            .filter_map(|line| line.strip_prefix(&start))
            .collect();
        if rows.is_empty() {
            bail!("the tests printed no table of {table}; is ffmpeg installed?");
        }
        page = with_table(&page, table, &rows)?;
    }
    std::fs::write(PAGE, page).context(PAGE)?;
    println!("{PAGE}: written");
    Ok(())
}

/// The page with other rows in the table that follows `<!-- name -->`; its two lines of heading stay.
pub fn with_table(page: &str, name: &str, rows: &[&str]) -> Result<String> {
    let mark = format!("<!-- {name} -->");
    let mut lines: Vec<&str> = page.lines().collect();
    let at = lines
        .iter()
        .position(|line| *line == mark)
        .with_context(|| format!("the page has no line {mark}"))?;
    let (first, last) = (
        at + 3,
        lines[at + 1..].iter().position(|line| !line.starts_with('|')),
    );
    let end = last.map_or(lines.len(), |last| at + 1 + last);
    if end < first {
        bail!("the page has no heading of a table after {mark}");
    }
    lines.splice(first..end, rows.iter().copied());
    Ok(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::with_table;

    #[test]
    fn rows_are_replaced_and_the_rest_stays() {
        let page = "a\n<!-- x -->\n| h |\n|---|\n| old |\n| old |\n\nb\n";
        assert_eq!(
            with_table(page, "x", &["| new |"]).unwrap(),
            "a\n<!-- x -->\n| h |\n|---|\n| new |\n\nb\n"
        );
        assert!(with_table("no table", "x", &["| new |"]).is_err());
    }
}
