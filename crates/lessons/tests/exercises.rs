//! Exercises: right answers are right, and the first wrong number of a wrong one is pointed at.

#![allow(clippy::unwrap_used, clippy::panic)]

use glassbox_lessons::{Exercise, LESSONS, Matrix, MatrixError, Verdict, find};

/// An answer as a reader types it.
fn typed(answer: &Matrix) -> String {
    let rows = answer.values().chunks(answer.columns());
    let row = |row: &[f64]| {
        row.iter()
            .map(|v| format!("{v:.4}"))
            .collect::<Vec<_>>()
            .join(" ")
    };
    rows.map(row).collect::<Vec<_>>().join("; ")
}

fn exercises() -> impl Iterator<Item = Exercise> {
    let seeds = [0, 1, 7, 42, u64::MAX];
    LESSONS
        .iter()
        .flat_map(move |lesson| seeds.map(|seed| lesson.exercise(seed).unwrap()))
}

#[test]
fn right_answers_are_right() {
    for exercise in exercises() {
        assert_eq!(
            exercise.mark(&typed(exercise.answer())),
            Verdict::Right,
            "{exercise:?}"
        );
    }
}

#[test]
fn the_first_wrong_number_is_pointed_at_with_its_sum() {
    for exercise in exercises() {
        let right = exercise.answer();
        for at in 0..right.values().len() {
            // This one and the last are wrong.
            let mut values = right.values().to_vec();
            values[at] += 1.0;
            if at + 1 < values.len() {
                *values.last_mut().unwrap() -= 1.0;
            }
            let wrong = Matrix::new(right.rows(), right.columns(), values).unwrap();
            let verdict = exercise.mark(&typed(&wrong));
            let Verdict::Wrong {
                row,
                column,
                expected,
                ref sum,
                ..
            } = verdict
            else {
                panic!("{verdict:?}");
            };
            assert_eq!(row * right.columns() + column, at);
            assert_eq!(expected, right.values()[at]);
            let shown = glassbox_lessons::shown(expected);
            let shown_as_count = glassbox_lessons::count(expected.abs() as u64);
            assert!(
                sum.ends_with(&format!("= {shown}"))
                    || sum.ends_with(&format!("= {shown_as_count}")),
                "{sum}"
            );
            assert!(verdict.to_string().starts_with(&format!(
                "Row {}, column {}: ",
                row + 1,
                column + 1
            )));
        }
    }
}

#[test]
fn questions_are_functions_of_the_seed() {
    for lesson in &LESSONS {
        assert_eq!(lesson.exercise(7), lesson.exercise(7));
        assert_ne!(lesson.exercise(7), lesson.exercise(8), "{}", lesson.name);
    }
}

#[test]
fn what_is_no_answer_is_told_so() {
    let exercise = find("convolution").unwrap().exercise(7).unwrap();
    assert_eq!(
        exercise.mark("what?"),
        Verdict::Unreadable(MatrixError::NotANumber {
            row: 1,
            column: 1,
            text: "what?".to_string(),
        })
    );
    let verdict = exercise.mark("1 2 3 4");
    assert_eq!(
        verdict.to_string(),
        "The answer has 1 row of 4; it should have 2 rows of 2."
    );
    assert!(!verdict.is_right());
}

#[test]
fn the_rounding_that_the_question_allows_is_allowed() {
    let exercise = find("classify").unwrap().exercise(7).unwrap();
    let tolerance = exercise.tolerance();
    let off = |by: f64| {
        let values = exercise
            .answer()
            .values()
            .iter()
            .map(|value| value + by)
            .collect();
        let answer = Matrix::new(1, exercise.answer().columns(), values).unwrap();
        let text: Vec<String> = answer.values().iter().map(f64::to_string).collect();
        exercise.mark(&text.join(" "))
    };
    assert!(off(0.99 * tolerance).is_right());
    assert!(!off(1.01 * tolerance).is_right());
}
