//! Text of fixed width: what it takes, and where it breaks.
//!
//! * **In**: text. * **Out**: lines of so many columns; text that commands no terminal. * **Never**: a tab, a trailing blank.

/// The most columns of a line of a page.
pub const WIDTH: usize = 80;

/// Words in lines of at most `room` columns, all but the first line standing `indent` to the right; the first keeps the
/// blanks that it begins with. A word that is longer than a line is broken.
pub(crate) fn wrap(text: &str, room: usize, indent: usize) -> Vec<String> {
    let mut lines = Vec::new();
    // Columns; an indent alone counts as an empty line.
    let mut used = text.len() - text.trim_start_matches(' ').len();
    let mut line = " ".repeat(used);
    let mut empty = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        let mut rest = word;
        while !rest.is_empty() {
            let gap = usize::from(!empty);
            let fits = used + gap + width(rest) <= room;
            if !fits && !empty {
                lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
                (used, empty) = (indent, true);
                continue;
            }
            let end = rest
                .char_indices()
                .nth(room - used - gap)
                .map_or(rest.len(), |(at, _)| at);
            let (head, tail) = rest.split_at(end);
            line += &" ".repeat(gap);
            line += head;
            used += gap + width(head);
            (empty, rest) = (false, tail);
        }
    }
    lines.push(line);
    lines
}

/// The lines of a formula: as they are where they fit.
pub(crate) fn formula(formula: &str, room: usize) -> Vec<String> {
    let line = |line: &str| {
        if width(line) <= room {
            vec![line.to_string()]
        } else {
            wrap(line, room, 4)
        }
    };
    formula.lines().flat_map(line).collect()
}

/// Text from outside, without what a terminal or a page would take for a command: control characters, and those that turn
/// the direction of what follows.
pub fn plain(text: &str) -> String {
    let shown = |c: char| if is_command(c) { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

/// Whether a character is no text, but says how text is to be shown.
pub(crate) fn is_command(c: char) -> bool {
    let turns =
        matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || turns
}

/// Columns that a text takes: one for each character, as no wide or combining ones are written.
pub(crate) fn width(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_break_at_blanks_and_words_only_where_they_must() {
        assert_eq!(wrap("one two three", 7, 0), ["one two", "three"]);
        assert_eq!(wrap("one two three", 7, 2), ["one two", "  three"]);
        assert_eq!(wrap("abcdefghij kl", 4, 0), ["abcd", "efgh", "ij", "kl"]);
        assert_eq!(wrap("", 4, 0), [""]);
        assert_eq!(
            wrap("  0.5 = one two", 9, 4),
            ["  0.5 =", "    one", "    two"]
        );
        assert_eq!(
            formula("a  =  b\n\nlong  er", 7),
            ["a  =  b", "", "long er"]
        );
    }

    #[test]
    fn names_command_no_terminal() {
        assert_eq!(plain("é\u{1b}[31m\n"), "é\u{fffd}[31m\u{fffd}");
        assert_eq!(plain("\u{202e}live"), "\u{fffd}live");
    }
}
