//! What a lesson is: a name, and how its page and its exercises are made.

use glassbox_spec::{Random, Stream};

use crate::{Exercise, LessonError, Page, Setting, Settings, exercise::Answer};

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

impl Lesson {
    /// The page, computed with the reader's settings.
    ///
    /// Fails where a setting is one that the lesson does not take, or is out of its limits, or does not fit the others.
    pub fn page(&self, settings: &Settings) -> Result<Page, LessonError> {
        settings.check(self.name, self.takes)?;
        let mut page = Page::new(self.name, self.title);
        (self.write)(&mut page, settings)?;
        Ok(page)
    }

    /// A question of the lesson's kind, with numbers that are a pure function of the seed.
    pub fn exercise(&self, seed: u64) -> Result<Exercise, LessonError> {
        let mut random = Random::new(seed, Stream::Lesson, self.number, 0);
        let mut page = Page::new(self.name, self.title);
        let answer = (self.ask)(&mut page, &mut random)?;
        Ok(Exercise::new(page, answer))
    }
}
