//! `glassbox lesson`

use std::{fs, io::IsTerminal, path::Path};

use console::{Key, Term};
use glassbox_data::{Picture, read_text};
use glassbox_draw::{Style, markdown, markdown_with_files, text, text_of};
use glassbox_lessons::{
    Block, LESSONS, Lesson, MAX_IMAGE_SIDE, Matrix, Page, Settings, Subject, Verdict, find,
    parse_matrix,
};
use glassbox_model::open;
use glassbox_spec::{Backend, Fit};
use serde::Serialize;

use crate::{
    args::LessonArgs,
    commands::pictures::Pictures,
    failure::Failure,
    output::{self, note},
};

/// Lists the lessons, runs one, poses an exercise, or marks an answer.
pub fn run(args: LessonArgs) -> Result<(), Failure> {
    let Some(name) = &args.name else {
        return list(args.json);
    };
    let lesson = find(name)?;
    if args.exercise {
        return exercise(lesson, &args);
    }
    if lesson.experiment {
        note("networks are trained for this page: some seconds");
    }
    let page = lesson.page(&settings(lesson, &args)?)?;
    if args.json {
        output::json(&page.numbers)
    } else if let Some(folder) = &args.markdown {
        write(&page, folder)
    } else if args.step {
        step(&page)
    } else {
        output::line(text(&page, output::style()).trim_end())
    }
}

/// A line of the list.
#[derive(Serialize)]
struct Listed {
    name: &'static str,
    title: &'static str,
}

fn list(json: bool) -> Result<(), Failure> {
    let listed = LESSONS.iter().map(|lesson| Listed {
        name: lesson.name,
        title: lesson.title,
    });
    if json {
        return output::json(&listed.collect::<Vec<_>>());
    }
    for (number, lesson) in listed.enumerate() {
        output::line(format!(
            "{:>2}  {:<16} {}",
            number + 1,
            lesson.name,
            lesson.title
        ))?;
    }
    output::line("\nRun one: glassbox lesson convolution")
}

/// The reader's own parameters.
fn settings(lesson: &Lesson, args: &LessonArgs) -> Result<Settings, Failure> {
    let matrix = |flag: &str, given: &Option<String>| {
        given
            .as_deref()
            .map(|given| read_matrix(flag, given))
            .transpose()
    };
    let mut settings = Settings {
        input: matrix("--input", &args.input)?,
        kernel: matrix("--kernel", &args.kernel)?,
        stride: args.stride,
        padding: args.padding,
        image: args
            .image
            .as_deref()
            .map(|image| read_image(lesson, image, args))
            .transpose()?,
        autodiff: None,
    };
    if lesson.takes.contains(&glassbox_lessons::Setting::Autodiff) {
        // The lessons do not know Burn: its numbers are brought in from here.
        let subject = Subject::new(&settings)?;
        let flex = open(Backend::Flex)?;
        let engine = flex.engine(&subject.plan, &subject.parameters)?;
        settings.autodiff = Some(engine.trace(subject.image, Some(&[subject.label]))?);
    }
    Ok(settings)
}

/// `1 2; 3 4`, or a file that says so.
fn read_matrix(flag: &str, given: &str) -> Result<Matrix, Failure> {
    let usage = |problem: String| Failure::usage(format!("{flag} {given}: {problem}"));
    let file = Path::new(given).is_file();
    let text = match file {
        true => read_text(Path::new(given)).map_err(|error| usage(error.to_string()))?,
        false => given.to_string(),
    };
    parse_matrix(&text).map_err(|error| match file {
        true => usage(error.to_string()),
        false => usage(format!("{error}, and there is no file of that name")),
    })
}

/// A picture as grey values from 0 to 1: 28×28 where the lesson is written for that, else as large as a lesson takes.
fn read_image(lesson: &Lesson, input: &str, args: &LessonArgs) -> Result<Matrix, Failure> {
    let picture = Pictures::new(args.data_dir.clone()).read(input)?;
    let picture: Picture =
        picture.map_err(|problem| Failure::data(format!("{input}: {problem}")))?;
    let (height, width) = match lesson.name {
        "first-network" => (28, 28),
        _ => {
            let longer = picture.height().max(picture.width()).max(MAX_IMAGE_SIDE);
            let shrunk = |side: usize| (side * MAX_IMAGE_SIDE / longer).max(1);
            (shrunk(picture.height()), shrunk(picture.width()))
        }
    };
    let pixels = picture.fit(&Fit {
        height,
        width,
        channels: 1,
        invert: false,
    });
    let grey = pixels.iter().map(|pixel| f64::from(*pixel) / 255.0);
    Matrix::new(height, width, grey.collect()).map_err(|error| Failure::data(error.to_string()))
}

/// One window after the other: on a terminal at the press of a key, elsewhere all of them.
fn step(page: &Page) -> Result<(), Failure> {
    let term = Term::stdout();
    let waits = term.is_term() && std::io::stdin().is_terminal();
    let slides = page.slides.iter();
    let count: usize = slides.map(|slide| slide.output.values().len()).sum();
    if count == 0 {
        return Err(Failure::usage(format!(
            "the lesson `{}` has no windows to walk",
            page.name
        )));
    }
    for (number, window) in page.steps().enumerate() {
        output::line(format!("window {} of {count}", number + 1))?;
        output::line(text_of(&[Block::Window(window)], output::style()))?;
        if waits && number + 1 < count {
            note("any key: on; q: stop");
            if let Ok(Key::Char('q') | Key::Escape | Key::CtrlC) = term.read_key() {
                break;
            }
        }
    }
    Ok(())
}

/// The page on standard output, or into a folder with its pictures beside it.
fn write(page: &Page, folder: &str) -> Result<(), Failure> {
    if folder == "-" {
        return output::line(markdown(page).trim_end());
    }
    let document = markdown_with_files(page);
    let failed = |path: &Path, error: std::io::Error| {
        Failure::running(format!("{}: {error}", path.display()))
    };
    let folder = Path::new(folder);
    fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
    for file in document.pictures.iter().chain([&document.page]) {
        let path = folder.join(&file.name);
        fs::write(&path, &file.contents).map_err(|error| failed(&path, error))?;
    }
    output::line(format!(
        "{} with {} in {}",
        document.page.name,
        output::counted(document.pictures.len() as u64, "picture"),
        folder.display()
    ))
}

/// What is asked, or what there is to say to an answer.
#[derive(Serialize)]
struct Posed<'a> {
    lesson: &'a str,
    seed: u64,
    question: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<String>,
}

fn exercise(lesson: &Lesson, args: &LessonArgs) -> Result<(), Failure> {
    let exercise = lesson.exercise(args.seed)?;
    let verdict = args.answer.as_deref().map(|answer| exercise.mark(answer));
    if args.json {
        output::json(&Posed {
            lesson: lesson.name,
            seed: args.seed,
            question: text_of(&exercise.blocks, Style::Plain),
            right: verdict.as_ref().map(|verdict| verdict.is_right()),
            verdict: verdict.as_ref().map(ToString::to_string),
        })?;
    } else if let Some(verdict) = &verdict {
        if verdict.is_right() {
            output::line(verdict.to_string())?;
        }
    } else {
        output::line(format!("{}: exercise {}\n", lesson.title, args.seed))?;
        output::line(text_of(&exercise.blocks, output::style()))?;
        output::line(format!(
            "Mark it: glassbox lesson {} --exercise --seed {} --answer \"…\"",
            lesson.name, args.seed
        ))?;
    }
    match verdict {
        Some(Verdict::Unreadable(error)) => Err(Failure::usage(format!("--answer: {error}"))),
        Some(verdict) if !verdict.is_right() => Err(Failure::check(verdict.to_string())),
        _ => Ok(()),
    }
}
