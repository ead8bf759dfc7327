//! Pages as Markdown.
//!
//! * **In**: a page. * **Out**: Markdown that renders on its own; windows and pictures are SVG. * **Never**: HTML, a file.

mod drawing;

use glassbox_lessons::{Block, LESSONS, Page, Table};

use crate::text;

/// A page with its pictures beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Document {
    /// `NAME.md`, which refers to the pictures by their names.
    pub page: File,
    /// `NAME-1.svg`, `NAME-2.svg`, ….
    pub pictures: Vec<File>,
}

/// A name and what is to be in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Without a folder.
    pub name: String,
    /// UTF-8 text.
    pub contents: String,
}

/// A page as one text, its pictures in it as data.
pub fn markdown(page: &Page) -> String {
    write(page, &mut |svg| data_uri(&svg))
}

/// A page that refers to its pictures as files in the same folder, and those files.
pub fn markdown_with_files(page: &Page) -> Document {
    let mut pictures = Vec::new();
    let contents = write(page, &mut |svg| {
        let name = format!("{}-{}.svg", page.name, pictures.len() + 1);
        pictures.push(File {
            name: name.clone(),
            contents: svg,
        });
        name
    });
    let name = format!("{}.md", page.name);
    Document {
        page: File { name, contents },
        pictures,
    }
}

/// `README.md`: the pages of all lessons, in the order of reading.
pub fn contents() -> File {
    let mut contents =
        "# Lessons\n\nEvery number on these pages was computed when they were made; \
                        a test makes them again and compares.\n\n"
            .to_string();
    for lesson in &LESSONS {
        contents += &format!(
            "{}. [{}]({}.md)\n",
            lesson.number,
            escaped(lesson.title),
            lesson.name
        );
    }
    File {
        name: "README.md".to_string(),
        contents,
    }
}

/// `place` keeps an SVG and says how to refer to it.
fn write(page: &Page, place: &mut dyn FnMut(String) -> String) -> String {
    let mut markdown = format!("# {}\n", escaped(page.title));
    for block in &page.blocks {
        markdown.push('\n');
        markdown += &match block {
            Block::Text(text) => format!("{}\n", escaped(text)),
            Block::Formula(formula) => fenced(formula),
            Block::Matrices(grids) => fenced(&text::matrices(grids)),
            Block::Window(window) => {
                let svg = place(drawing::window(window));
                let (row, column) = (window.row + 1, window.column + 1);
                let image = format!(
                    "![The window that yields row {row}, column {column} of the output]({svg})\n\n"
                );
                image + &fenced(&window.sum())
            }
            Block::Table(table) => self::table(table),
            Block::Pictures(pictures) => {
                let captions: Vec<_> = pictures
                    .iter()
                    .map(|picture| escaped(&picture.caption))
                    .collect();
                format!(
                    "![{}]({})\n",
                    captions.join("; "),
                    place(drawing::pictures(pictures))
                )
            }
        };
    }
    markdown
}

fn fenced(text: &str) -> String {
    format!("```text\n{}\n```\n", text.trim_end())
}

fn table(table: &Table) -> String {
    let row = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let cells = |cells: &Vec<String>| row(cells.iter().map(|cell| escaped(cell)).collect());
    let rule = (0..table.head.len()).map(|column| {
        if text::is_numeric(table, column) {
            "---:".to_string()
        } else {
            "---".to_string()
        }
    });
    let mut markdown = cells(&table.head) + &row(rule.collect());
    markdown.extend(table.rows.iter().map(cells));
    markdown
}

/// Text in which no character means anything to Markdown.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if "\\`*_<|".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// An SVG as an address: what an address or Markdown's brackets cannot hold is percent-encoded.
fn data_uri(svg: &str) -> String {
    let mut uri = "data:image/svg+xml,".to_string();
    for byte in svg.bytes() {
        match byte {
            b'A'..=b'Z'
            | b'a'..=b'z'
            | b'0'..=b'9'
            | b'-'
            | b'.'
            | b'_'
            | b'/'
            | b':'
            | b'='
            | b';'
            | b',' => {
                uri.push(char::from(byte));
            }
            _ => uri += &format!("%{byte:02X}"),
        }
    }
    uri
}
