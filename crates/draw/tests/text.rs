//! Pages as text: nothing is wider than the page, nothing is lost, and nothing is coloured unasked.

#![allow(clippy::unwrap_used, clippy::panic)]

use glassbox_draw::{Style, WIDTH, markdown, markdown_with_files, text, text_of};
use glassbox_lessons::{Block, LESSONS, Matrix, Setting, Settings, find, parse_matrix, shown};
use proptest::prelude::*;

#[track_caller]
fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= WIDTH, "{line}");
        assert!(
            !line.contains(['\x1b', '\t']) && !line.ends_with(' '),
            "{line:?}"
        );
    }
}

#[test]
fn every_lesson_and_exercise_fits_eighty_columns() {
    for lesson in &LESSONS {
        let page = lesson.page(&Settings::default()).unwrap();
        let text = text(&page, Style::Plain);
        assert!(text.starts_with(lesson.title));
        fits(&text);
        for window in page.steps().take(20) {
            fits(&text_of(&[Block::Window(window)], Style::Plain));
        }
        for seed in 0..20 {
            fits(&text_of(
                &lesson.exercise(seed).unwrap().blocks,
                Style::Plain,
            ));
        }
    }
}

#[test]
fn a_window_its_kernel_and_its_cell_are_side_by_side_and_marked() {
    let page = find("sliding-window")
        .unwrap()
        .page(&Settings::default())
        .unwrap();
    let window = page.steps().nth(1).unwrap();
    let block = [Block::Window(window)];
    let plain = text_of(&block, Style::Plain);
    let expected = "  input           kernel     output
   1 [2][3] 0     [ 1][0]      2 [ 3] 4
   0 [1][2] 3     [−1][1]     −3   2  3
   3  0  1  2                  4  −3  2
   2  3  0  1

  2·1 + 3·0 + 1·(−1) + 2·1 = 3
";
    assert_eq!(plain, expected);
    let coloured = text_of(&block, Style::Colour);
    assert!(coloured.contains("\x1b[30;43m[2]\x1b[0m"));
    assert!(coloured.contains("\x1b[30;46m[ 1]\x1b[0m"));
    assert!(coloured.contains("\x1b[30;42m[ 3]\x1b[0m"));
    // The colours are all that differs.
    let mut bare = coloured;
    for code in ["30;43", "30;46", "30;42", "0"] {
        bare = bare.replace(&format!("\x1b[{code}m"), "");
    }
    assert_eq!(bare, plain);
}

#[test]
fn a_matrix_wider_than_the_page_is_drawn_in_parts_without_loss() {
    let values: Vec<f64> = (0..32 * 3).map(|n| f64::from(n) * 1000.5).collect();
    let settings = Settings {
        input: Matrix::new(3, 32, values.clone()).ok(),
        ..Settings::default()
    };
    let page = find("sliding-window").unwrap().page(&settings).unwrap();
    let window = page.steps().last().unwrap();
    let text = text_of(&[Block::Window(window)], Style::Plain);
    fits(&text);
    assert!(
        text.contains("input, columns 1 to ") && text.contains(" to 32 "),
        "{text}"
    );
    let words: Vec<&str> = text
        .split(|c: char| c.is_whitespace() || "[]".contains(c))
        .collect();
    for value in values {
        assert!(words.contains(&shown(value).as_str()), "{value}");
    }
}

#[test]
fn a_picture_wider_than_the_page_is_made_smaller_and_says_so() {
    let settings = Settings {
        image: Matrix::new(8, 200, vec![1.0; 8 * 200]).ok(),
        ..Settings::default()
    };
    let page = find("edges").unwrap().page(&settings).unwrap();
    let text = text(&page, Style::Plain);
    fits(&text);
    assert!(text.contains("the image, 8×200, 3 times smaller"), "{text}");
    assert!(text.contains(&"@".repeat(67)), "{text}");
}

#[test]
fn markdown_holds_its_pictures_or_names_them() {
    let page = find("edges").unwrap().page(&Settings::default()).unwrap();
    let inline = markdown(&page);
    assert!(inline.starts_with("# Sobel's filter"));
    assert_eq!(inline.matches("](data:image/svg+xml,%3Csvg%20").count(), 4);
    let document = markdown_with_files(&page);
    assert_eq!(document.page.name, "edges.md");
    assert_eq!(document.pictures.len(), 4);
    for (number, picture) in (1..).zip(&document.pictures) {
        assert_eq!(picture.name, format!("edges-{number}.svg"));
        assert!(
            document
                .page
                .contents
                .contains(&format!("]({})", picture.name))
        );
        assert!(picture.contents.starts_with("<svg xmlns="));
        assert!(picture.contents.ends_with("</svg>\n"));
    }
    // The sum of each window is in the text too.
    assert!(document.page.contents.contains("200·1 = 760\n```"));
}

/// Numbers of every width that a lesson takes.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        (-9..=9i32).prop_map(f64::from),
        -1e6..1e6f64,
        -1e-5..1e-5f64,
        Just(-999_999.123_456),
    ]
}

fn matrices(most: usize) -> impl Strategy<Value = Option<Matrix>> {
    let sized = (1..=most, 1..=most).prop_flat_map(|(rows, columns)| {
        let values = proptest::collection::vec(value(), rows * columns);
        values.prop_map(move |values| Matrix::new(rows, columns, values).ok())
    });
    prop_oneof![1 => Just(None), 4 => sized]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// No setting makes a lesson panic, or a line too long.
    #[test]
    fn whatever_the_reader_gives_is_drawn_or_refused(
        input in prop_oneof![matrices(9), matrices(32)],
        kernel in prop_oneof![matrices(3), matrices(12)],
        stride in proptest::option::of(0..6usize),
        padding in proptest::option::of(0..40usize),
        size in proptest::option::of((1..90usize, 1..90usize)),
    ) {
        let image = size.and_then(|(rows, columns)| {
            let pixels = (0..rows * columns).map(|n| (n % 11) as f64 / 10.0);
            Matrix::new(rows, columns, pixels.collect()).ok()
        });
        // The experiment takes no settings.
        for lesson in LESSONS.iter().filter(|lesson| !lesson.takes.is_empty()) {
            let takes = |setting| lesson.takes.contains(&setting);
            let settings = Settings {
                input: input.clone().filter(|_| takes(Setting::Input)),
                kernel: kernel.clone().filter(|_| takes(Setting::Kernel)),
                stride: stride.filter(|_| takes(Setting::Stride)),
                padding: padding.filter(|_| takes(Setting::Padding)),
                image: image.clone().filter(|_| takes(Setting::Image)),
                autodiff: None,
            };
            if let Ok(page) = lesson.page(&settings) {
                fits(&text(&page, Style::Plain));
                prop_assert!(markdown(&page).starts_with("# "));
            }
        }
    }
}

#[test]
fn a_row_of_logits_too_wide_for_columns_becomes_a_list() {
    let settings = Settings {
        input: parse_matrix("-999999.123456 -888888.123456 -777777.654321").ok(),
        ..Settings::default()
    };
    let page = find("classify").unwrap().page(&settings).unwrap();
    fits(&text(&page, Style::Plain));
}
