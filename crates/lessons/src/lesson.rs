//! The lessons by name, and what each is made of.

use glassbox_spec::{Random, Stream, nearest};

use crate::{
    Exercise, LessonError, Page, Setting, Settings,
    exercise::Answer,
    lessons::{
        backprop, classify, convolution, edges, feature_map, first_network, network, pooling,
        sizes, sliding_window, why_convolution,
    },
};

/// One worked example.
#[derive(Debug)]
pub struct Lesson {
    /// Its place in the order of reading, from 1.
    pub number: u32,
    /// Its name, as in `glassbox lesson NAME`.
    pub name: &'static str,
    /// What it is about.
    pub title: &'static str,
    /// The settings that it takes.
    pub takes: &'static [Setting],
    /// Whether its page takes seconds: networks are trained for it.
    pub experiment: bool,
    pub(crate) write: fn(&mut Page, &Settings) -> Result<(), LessonError>,
    pub(crate) ask: fn(&mut Page, &mut Random) -> Result<Answer, LessonError>,
}

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

impl Lesson {
    /// The page, computed with the reader's settings.
    ///
    /// Fails where a setting is one that the lesson does not take, or is out of its limits, or does not fit the others.
    pub fn page(&self, settings: &Settings) -> Result<Page, LessonError> {
        settings.check(self.name, self.takes)?;
        let mut page = Page::new(self);
        (self.write)(&mut page, settings)?;
        Ok(page)
    }

    /// A question of the lesson's kind, with numbers that are a pure function of the seed.
    pub fn exercise(&self, seed: u64) -> Result<Exercise, LessonError> {
        let mut random = Random::new(seed, Stream::Lesson, self.number, 0);
        let mut page = Page::new(self);
        let answer = (self.ask)(&mut page, &mut random)?;
        Ok(Exercise::new(page, answer))
    }
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
