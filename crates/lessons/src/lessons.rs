//! The eleven lessons, one file each: the text, the data, and what is computed of them; and how they are found.

pub mod backprop;
pub mod classify;
pub mod convolution;
pub mod edges;
pub mod feature_map;
pub mod first_network;
pub mod network;
pub mod pooling;
pub mod sizes;
pub mod sliding_window;
pub mod why_convolution;

use glassbox_spec::nearest;

use crate::{Lesson, LessonError};

/// Every lesson, in the order of reading.
pub static LESSONS: [Lesson; 11] = [
    convolution::LESSON,
    sliding_window::LESSON,
    feature_map::LESSON,
    edges::LESSON,
    sizes::LESSON,
    pooling::LESSON,
    network::LESSON,
    why_convolution::LESSON,
    classify::LESSON,
    first_network::LESSON,
    backprop::LESSON,
];

/// A lesson by its name.
pub fn find(name: &str) -> Result<&'static Lesson, LessonError> {
    let names: Vec<_> = LESSONS.iter().map(|lesson| lesson.name).collect();
    let found = LESSONS.iter().find(|lesson| lesson.name == name);
    found.ok_or_else(|| LessonError::Unknown {
        name: name.to_string(),
        nearest: nearest(name, names.iter().copied()),
        names,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lessons_are_found_by_name_and_unknown_ones_answered_with_the_nearest() {
        for (lesson, number) in LESSONS.iter().zip(1..) {
            assert_eq!(lesson.number, number, "{}", lesson.name);
            assert_eq!(find(lesson.name).unwrap().name, lesson.name);
        }
        let error = find("poling").unwrap_err().to_string();
        assert!(error.contains("did you mean `pooling`?"), "{error}");
    }
}
