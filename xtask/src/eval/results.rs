//! Figures that pages show: `docs/results.json` is the one place for them. Tables, chart and README are made from it.

mod chart;

use super::{COLUMNS, table};
use crate::formats::with_table;
use anyhow::{Context, Result};
use serde_json::{Value, json};

/// The figures.
const RESULTS: &str = "docs/results.json";
/// The page with the table of scores.
const QUALITY: &str = "docs/quality.md";
/// The page with the table of costs.
const SPEED: &str = "docs/speed.md";
const README: &str = "README.md";
const CHART: &str = "docs/quality.svg";

/// The groups of the development recordings.
const GROUPS: [&str; 2] = ["wb", "fb"];

/// What a file should hold.
type Page = (&'static str, String);

/// Writes everything that is made from the figures.
///
/// # Errors
/// If a page has no place for its part.
pub fn write_pages() -> Result<()> {
    for (file, text) in pages()? {
        std::fs::write(file, text).context(file)?;
        println!("{file}: written");
    }
    Ok(())
}

/// Puts scores of a run over the development recordings into the figures, for those that have a place there.
///
/// # Errors
/// If the file cannot be read or written.
pub fn keep(rows: &[(String, Value)], command: &str) -> Result<()> {
    let mut results = read()?;
    let list = results["denoisers"].as_array_mut().context(RESULTS)?;
    for (name, row) in rows {
        // Stored rows are those of an earlier run, whose command stands beside them already.
        let Some(kept) = list
            .iter_mut()
            .find(|kept| kept["name"] == name.trim_matches('*'))
        else {
            continue;
        };
        for group in GROUPS {
            for (key, score) in row[group]["mean"].as_object().into_iter().flatten() {
                let score = score.as_f64().map(|score| (score * 1000.0).round() / 1000.0);
                kept["scores"][group][key] = json!(score);
            }
        }
        kept["scored_by"] = json!(command);
    }
    let text = serde_json::to_string_pretty(&results)?;
    std::fs::write(RESULTS, text + "\n").context(RESULTS)
}

fn read() -> Result<Value> {
    let text = std::fs::read_to_string(RESULTS).context(RESULTS)?;
    serde_json::from_str(&text).context(RESULTS)
}

fn pages() -> Result<Vec<Page>> {
    let results = read()?;
    let list = results["denoisers"].as_array().context(RESULTS)?;
    let page = |file| std::fs::read_to_string(file).context(file);
    let quality = with_table(&page(QUALITY)?, "scores", &lines(&scores(list)))?;
    let speed = with_table(&page(SPEED)?, "cost", &lines(&costs(list)))?;
    let readme = with_line(&page(README)?, "speed", &sentence(list)?)?;
    Ok(vec![
        (QUALITY, quality),
        (SPEED, speed),
        (README, readme),
        (CHART, chart::draw(list)?),
    ])
}

fn lines(text: &str) -> Vec<&str> {
    text.lines().collect()
}

/// The table of quality, without its two lines of heading.
fn scores(list: &[Value]) -> String {
    let rows: Vec<_> = list
        .iter()
        .map(|denoiser| {
            let name = denoiser["name"].as_str().unwrap_or_default();
            let shown = if denoiser["ours"] == true {
                format!("**{name}**")
            } else {
                name.to_owned()
            };
            let mean = |group: &str| json!({ "mean": denoiser["scores"][group] });
            (shown, json!({ "wb": mean("wb"), "fb": mean("fb") }))
        })
        .collect();
    let whole = table(&GROUPS, &rows, COLUMNS);
    whole.split_inclusive('\n').skip(2).collect()
}

/// The table of speed, without its heading: what 10 ms of sound cost, and how many times real time that is.
fn costs(list: &[Value]) -> String {
    let rows = list.iter().filter_map(|denoiser| {
        let cost = cost(denoiser)?;
        let title = denoiser["title"].as_str()?;
        let title = if denoiser["ours"] == true {
            format!("**aeden {title}**")
        } else {
            title.to_owned()
        };
        let by = denoiser["cost"]["measured_by"].as_str()?;
        Some(format!("| {title} | {cost:.0} | {:.0} | {by} |\n", 1e4 / cost))
    });
    rows.collect()
}

/// The README's words about speed.
fn sentence(list: &[Value]) -> Result<String> {
    let seconds = |title: &str| {
        let found = list.iter().find(|d| d["ours"] == true && d["title"] == title);
        let cost = found
            .and_then(cost)
            .with_context(|| format!("{RESULTS}: no cost of {title}"))?;
        Ok::<_, anyhow::Error>((3600.0 * cost / 1e4).round())
    };
    Ok(format!(
        "On one core, `best` cleans an hour of mono in {} seconds, `high` in {}, `light` in {}.",
        seconds("best")?,
        seconds("high")?,
        seconds("light")?
    ))
}

/// Microseconds of CPU time for 10 ms of mono.
fn cost(denoiser: &Value) -> Option<f64> {
    denoiser["cost"]["us_per_10_ms"].as_f64()
}

/// The page with another line after `<!-- name -->`.
fn with_line(page: &str, name: &str, line: &str) -> Result<String> {
    let mark = format!("<!-- {name} -->\n");
    let (before, after) = page
        .split_once(&mark)
        .with_context(|| format!("the page has no line {mark}"))?;
    let (_, after) = after.split_once('\n').unwrap_or(("", ""));
    Ok(format!("{before}{mark}{line}\n{after}"))
}

#[cfg(test)]
mod tests {
    use super::{pages, with_line};

    #[test]
    fn pages_show_the_figures_that_are_kept() {
        std::env::set_current_dir(crate::root()).unwrap();
        for (file, text) in pages().unwrap() {
            let there = std::fs::read_to_string(file).unwrap();
            // Not `assert_eq`, which would print whole pages.
            assert!(there == text, "`cargo xtask eval --chart` writes {file} anew");
        }
    }

    #[test]
    fn a_line_is_replaced_and_the_rest_stays() {
        assert_eq!(
            with_line("a\n<!-- x -->\nold\nb\n", "x", "new").unwrap(),
            "a\n<!-- x -->\nnew\nb\n"
        );
        assert!(with_line("nothing\n", "x", "new").is_err());
    }
}
