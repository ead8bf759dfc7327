//! Pieces of a page in HTML: everything from outside is escaped here.
//!
//! * **In**: text, tables, figures. * **Out**: one document with its style in it, light and dark, for wide and narrow screens.
//! * **Never**: a script, a reference to anything outside the document.

use base64::{Engine, prelude::BASE64_STANDARD};

use crate::{Figure, font::FONT, markup::escaped, theme};

const STYLE: &str = "
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,'Segoe UI',Roboto,sans-serif}
main{max-width:960px;margin:0 auto;padding:24px 16px 48px}
h1{font-size:1.6rem;margin:0 0 4px}
h2{font-size:1.2rem;margin:36px 0 12px;padding-bottom:4px;border-bottom:1px solid var(--rule)}
p{margin:8px 0;max-width:48rem}
.quiet{color:var(--muted)}
.cards{display:grid;grid-template-columns:repeat(auto-fill,minmax(168px,1fr));gap:12px;margin:20px 0;padding:0}
.cards div{background:var(--panel);border:1px solid var(--rule);border-radius:8px;padding:10px 14px}
.cards dt{color:var(--muted);font-size:.85rem}
.cards dd{margin:0;font-size:1.15rem;font-variant-numeric:tabular-nums}
.grid{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,380px),1fr));gap:16px;align-items:start}
figure{margin:0;border:1px solid var(--rule);border-radius:8px;padding:6px;overflow:hidden}
figure svg{display:block;width:100%;height:auto}
figure svg text{font-family:Figures,sans-serif}
.grid+.scroll,.scroll+.grid,.grid+details{margin-top:16px}
.scroll{overflow-x:auto;max-height:32rem}
table{border-collapse:collapse;font-size:.9rem;font-variant-numeric:tabular-nums}
th,td{padding:4px 12px 4px 0;border-bottom:1px solid var(--rule);white-space:nowrap;text-align:right}
th:first-child,td:first-child{text-align:left}
td.name{white-space:normal;overflow-wrap:anywhere;min-width:7rem;max-width:14rem}
.text td,.text th{text-align:left;white-space:normal;overflow-wrap:anywhere}
@media (max-width:480px){table{font-size:.78rem}th,td{padding-right:7px}td.name{min-width:5.2rem}}
thead th{color:var(--muted);font-weight:600}
pre{background:var(--panel);border:1px solid var(--rule);border-radius:8px;padding:10px 14px;white-space:pre-wrap;overflow-wrap:anywhere;font-size:.85rem}
code{font-family:ui-monospace,Consolas,monospace}
.note{border-left:4px solid var(--first);background:var(--panel);margin:12px 0;padding:8px 14px;border-radius:0 8px 8px 0;overflow-wrap:anywhere}
.note ul{margin:4px 0;padding-left:20px}
summary{cursor:pointer}
";

/// Markup, as opposed to text.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Html(String);

impl Html {
    /// Adds an element with a text in it.
    pub fn text(&mut self, tag: &str, text: &str) {
        self.0 += &format!("<{tag}>{}</{tag}>\n", escaped(text));
    }

    /// Adds a paragraph that may be passed over.
    pub fn quiet(&mut self, text: &str) {
        self.0 += &format!("<p class=\"quiet\">{}</p>\n", escaped(text));
    }

    /// Adds lines as they are, in fixed width.
    pub fn lines(&mut self, text: &str) {
        let lines: Vec<_> = text.lines().map(escaped).collect();
        self.0 += &format!("<pre><code>{}</code></pre>\n", lines.join("\n"));
    }

    /// Adds figures side by side, as many as there is room for, and behind them what else there is.
    pub fn figures<'a>(
        &mut self,
        figures: impl IntoIterator<Item = &'a Figure>,
        more: Option<Self>,
    ) {
        self.0 += "<div class=\"grid\">\n";
        for figure in figures {
            self.0 += &format!("<figure>{}</figure>\n", figure.inline());
        }
        self.0 += &more.unwrap_or_default().0;
        self.0 += "</div>\n";
    }

    /// Adds names and values.
    pub fn cards(&mut self, cards: &[(String, String)]) {
        self.0 += "<dl class=\"cards\">\n";
        for (name, value) in cards {
            let (name, value) = (escaped(name), escaped(value));
            self.0 += &format!("<div><dt>{name}</dt><dd>{value}</dd></div>\n");
        }
        self.0 += "</dl>\n";
    }

    /// Adds a list that should not be missed.
    pub fn note(&mut self, title: &str, lines: &[String]) {
        self.0 += &format!(
            "<div class=\"note\"><strong>{}</strong><ul>\n",
            escaped(title)
        );
        for line in lines {
            self.text("li", line);
        }
        self.0 += "</ul></div>\n";
    }

    /// Adds what is seen only when it is asked for.
    pub fn folded(&mut self, title: &str, inner: Self) {
        let title = escaped(title);
        self.0 += &format!(
            "<details><summary>{title}</summary>\n{}</details>\n",
            inner.0
        );
    }

    /// Adds markup.
    pub fn add(&mut self, other: Self) {
        self.0 += &other.0;
    }

    /// The whole document.
    pub fn document(self, title: &str) -> String {
        let font = BASE64_STANDARD.encode(FONT);
        format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>{}</title>\n<style>\n{}{STYLE}{}\
             @font-face{{font-family:Figures;src:url(data:font/ttf;base64,{font})}}\n</style>\n</head>\n\
             <body>\n<main>\n{}</main>\n</body>\n</html>\n",
            escaped(title),
            theme::variables(),
            theme::dark_figures(),
            self.0
        )
    }
}

/// A table: names to the left, numbers to the right. It scrolls where it is too wide.
pub fn table(head: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> Html {
    let numeric = |cell: &String| cell.chars().next().is_some_and(|c| c.is_ascii_digit());
    let rows: Vec<Vec<String>> = rows.into_iter().collect();
    let of_numbers = rows.iter().all(|row| row.iter().skip(1).any(numeric)) && head.len() > 2;
    let class = if of_numbers { "" } else { " class=\"text\"" };
    let row = |cells: &[String]| -> String {
        let cells = cells.iter().map(|cell| {
            if numeric(cell) {
                format!("<td>{}</td>", escaped(cell))
            } else {
                format!("<td class=\"name\">{}</td>", escaped(cell))
            }
        });
        format!("<tr>{}</tr>\n", cells.collect::<String>())
    };
    let head: String = head
        .iter()
        .map(|head| format!("<th scope=\"col\">{}</th>", escaped(head)))
        .collect();
    let rows: String = rows.iter().map(|cells| row(cells)).collect();
    Html(format!(
        "<div class=\"scroll\" tabindex=\"0\"><table{class}><thead><tr>{head}</tr></thead><tbody>\n{rows}</tbody></table></div>\n"
    ))
}
