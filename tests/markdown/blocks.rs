//! Fenced blocks of a page.
#![allow(dead_code, reason = "every test program uses some of these")]

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// A fenced block: its language, the number of its first line, and what it says.
pub struct Block {
    /// What stands after the fence.
    pub language: String,
    /// Of the first line within.
    pub number: usize,
    /// All lines, without the indentation of a list that they stand in.
    pub text: String,
}

/// All fenced blocks.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (event, range) in Parser::new_ext(page, Options::all()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(language))) => {
                let number = page[..range.start].matches('\n').count() + 2;
                open = Some(Block {
                    language: language.into_string(),
                    number,
                    text: String::new(),
                });
            }
            Event::Text(text) => open.iter_mut().for_each(|block| block.text += &text),
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            _ => {}
        }
    }
    blocks
}
