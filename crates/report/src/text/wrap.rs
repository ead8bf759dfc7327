//! Long lines broken at blanks.

use super::width;

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
pub(super) fn formula(formula: &str, room: usize) -> Vec<String> {
    let line = |line: &str| match width(line) <= room {
        true => vec![line.to_string()],
        false => wrap(line, room, 4),
    };
    formula.lines().flat_map(line).collect()
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
}
