//! Pages that need nothing but themselves: one HTML file with its style, its script, sounds and pictures inside.

use aeden_page::{LOGO, PALETTE};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use serde_json::Value;
use std::io::{self, Write};

/// A page that is being written, in memory that does not grow with it.
pub struct Page<W> {
    out: W,
}

impl<W: Write> Page<W> {
    /// Writes everything up to the first recording. `body` stands at its top.
    pub fn begin(mut out: W, title: &str, style: &'static str, body: &Markup) -> io::Result<Self> {
        let head = html! {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "aeden " (env!("CARGO_PKG_VERSION")) };
                title { (title) }
                style { (PreEscaped(PALETTE)) (PreEscaped(style)) }
            }
        };
        let doctype = DOCTYPE.0;
        writeln!(
            out,
            "{doctype}\n<html lang=\"en\">\n{}\n<body>\n{}",
            head.0, body.0
        )?;
        Ok(Page { out })
    }

    /// Adds what is shown as it is.
    pub fn add(&mut self, markup: &Markup) -> io::Result<()> {
        writeln!(self.out, "{}", markup.0)
    }

    /// Adds what the script reads: an element of this class.
    pub fn add_data(&mut self, class: &str, data: &Value) -> io::Result<()> {
        self.add(&html! { script type="application/json" class=(class) { (PreEscaped(inert(data))) } })
    }

    /// Adds a file that the script reads, as text that no browser looks into before.
    pub fn add_file(&mut self, id: &str, bytes: &[u8]) -> io::Result<()> {
        let text = STANDARD.encode(bytes);
        self.add(&html! { script type="text/plain" id=(id) { (PreEscaped(text)) } })
    }

    /// Adds scripts as one module: what the first ones declare, the last ones use.
    pub fn add_module(&mut self, scripts: &[&'static str]) -> io::Result<()> {
        self.add(&html! { script type="module" { (PreEscaped(scripts.concat())) } })
    }

    /// Ends the page.
    pub fn end(mut self, script: &'static str) -> io::Result<W> {
        if !script.is_empty() {
            self.add(&html! { script { (PreEscaped(script)) } })?;
        }
        writeln!(self.out, "</body>\n</html>")?;
        Ok(self.out)
    }
}

/// Data as it stands in a page: nothing in it ends the element.
pub fn inert(data: &Value) -> String {
    data.to_string().replace('<', "\\u003c")
}

/// What [`Page::add_data`] wrote with this class, in a line of a page.
pub fn data_in<'a>(line: &'a str, class: &str) -> Option<&'a str> {
    let rest = line.strip_prefix("<script type=\"application/json\" class=\"")?;
    let rest = rest.strip_prefix(class)?.strip_prefix("\">")?;
    rest.strip_suffix("</script>")
}

/// What [`Page::add_file`] wrote, in a line of a page: its name, and the bytes.
pub fn file_in(line: &str) -> Option<(&str, Vec<u8>)> {
    let rest = line.strip_prefix("<script type=\"text/plain\" id=\"")?;
    let (id, rest) = rest.split_once("\">")?;
    let bytes = STANDARD.decode(rest.strip_suffix("</script>")?).ok()?;
    Some((id, bytes))
}

/// The logo as it stands beside a title.
pub fn logo() -> Markup {
    html! { span.logo aria-hidden="true" { (PreEscaped(LOGO)) } }
}

/// A player of a FLAC file.
pub fn player(sound: &[u8]) -> Markup {
    let source = format!("data:audio/flac;base64,{}", STANDARD.encode(sound));
    html! { audio controls preload="none" src=(source) {} }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nothing_that_is_put_in_can_end_its_element_or_begin_another() {
        let name = "</script><b>\"&";
        let mut page = Page::begin(Vec::new(), name, "p { color: red }", &html! { h1 { (name) } }).unwrap();
        page.add_data("sound", &json!({ "file": name })).unwrap();
        page.add_file("a", name.as_bytes()).unwrap();
        let page = String::from_utf8(page.end("").unwrap()).unwrap();
        assert!(
            !page.contains("<b>") && page.matches("</script>").count() == 2,
            "{page}"
        );
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>\n"));
        let read = page.lines().find_map(|line| data_in(line, "sound")).unwrap();
        assert_eq!(serde_json::from_str::<Value>(read).unwrap()["file"], name);
        let file = page.lines().find_map(file_in).unwrap();
        assert_eq!(file, ("a", name.as_bytes().to_vec()));
        assert!(page.contains("&lt;/script&gt;&lt;b&gt;&quot;&amp;") && page.contains("p { color: red }"));
    }
}
