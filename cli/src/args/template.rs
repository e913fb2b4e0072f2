//! Names of outputs, made from those of the inputs: `--template '{dir}/{stem}_clean.{ext}'`.

use std::ffi::{OsStr, OsString};
use std::path::{Component, Path, PathBuf};
use std::str::FromStr;

/// A relative path with gaps for parts of an input's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Gap(Gap),
}

/// What stands in for a part of an input's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gap {
    /// Its folder, from the folder or pattern on that the user named.
    Dir,
    /// The name of the folder that it lies in.
    Parent,
    /// Its name without the ending.
    Stem,
    /// The ending without the dot.
    Ext,
}

const GAPS: [(&str, Gap); 4] = [
    ("dir", Gap::Dir),
    ("parent", Gap::Parent),
    ("stem", Gap::Stem),
    ("ext", Gap::Ext),
];

impl FromStr for Template {
    type Err = String;

    /// `{{` and `}}` are braces.
    fn from_str(text: &str) -> Result<Self, String> {
        if Path::new(text).has_root() {
            return Err("it is relative to the folder of -o; leave out the leading slash".into());
        }
        let mut parts = vec![Part::Text(String::new())];
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            let literal = if let Some(after) = rest.strip_prefix("{{").or(rest.strip_prefix("}}")) {
                rest = after;
                c
            } else if let Some(inside) = rest.strip_prefix('{') {
                let (name, after) = inside
                    .split_once('}')
                    .ok_or("a { without its }; for the brace itself write {{")?;
                let gap = GAPS.iter().find(|(known, _)| *known == name);
                let known = "there are {dir}, {parent}, {stem} and {ext}";
                let (_, gap) = gap.ok_or_else(|| format!("{{{name}}} is unknown; {known}"))?;
                parts.extend([Part::Gap(*gap), Part::Text(String::new())]);
                rest = after;
                continue;
            } else if c == '}' {
                return Err("a } without its {; for the brace itself write }}".into());
            } else {
                rest = &rest[c.len_utf8()..];
                c
            };
            if let Some(Part::Text(text)) = parts.last_mut() {
                text.push(literal);
            }
        }
        if matches!(parts.as_slice(), [Part::Text(_)]) {
            return Err(
                "it gives all files one name; it needs {stem}, as in '{dir}/{stem}_clean.{ext}'".into(),
            );
        }
        Ok(Template(parts))
    }
}

impl Template {
    /// The relative path for `input`, which lies at `below` under what the user named.
    pub fn fill(&self, input: &Path, below: &Path) -> PathBuf {
        let absolute = std::path::absolute(input).unwrap_or_else(|_| input.into());
        let text = self.0.iter().fold(OsString::new(), |mut text, part| {
            text.push(match part {
                Part::Text(literal) => OsStr::new(literal),
                Part::Gap(Gap::Dir) => below.parent().unwrap_or(Path::new("")).as_os_str(),
                Part::Gap(Gap::Parent) => absolute.parent().and_then(Path::file_name).unwrap_or_default(),
                Part::Gap(Gap::Stem) => input.file_stem().unwrap_or_default(),
                Part::Gap(Gap::Ext) => input.extension().unwrap_or_default(),
            });
            text
        });
        // An empty {dir} leaves a slash in front.
        let parts = Path::new(&text).components();
        parts.filter(|part| !matches!(part, Component::RootDir)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Template;
    use std::path::Path;

    fn filled(template: &str, input: &str, below: &str) -> String {
        let template: Template = template.parse().unwrap();
        template
            .fill(Path::new(input), Path::new(below))
            .display()
            .to_string()
    }

    #[test]
    fn gaps_are_filled_with_the_parts_of_the_name() {
        let name = |template| filled(template, "in/day 1/a.b.WAV", "day 1/a.b.WAV");
        assert_eq!(name("{dir}/{stem}_clean.{ext}"), "day 1/a.b_clean.WAV");
        assert_eq!(name("{parent} - {stem}.wav"), "day 1 - a.b.wav");
        assert_eq!(name("{{{stem}}}/x{stem}"), "{a.b}/xa.b");
        assert_eq!(filled("{dir}/{stem}.{ext}", "a.wav", "a.wav"), "a.wav");
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        for (template, why) in [
            ("/out/{stem}", "leading slash"),
            ("{name}", "{stem}"),
            ("{stem", "{{"),
            ("stem}", "}}"),
            ("clean.wav", "one name"),
        ] {
            let problem = template.parse::<Template>().unwrap_err();
            assert!(problem.contains(why), "{problem}");
        }
    }
}
