//! The reader's own parameters: taken where a lesson can use them, refused with a reason where not.

#![allow(clippy::unwrap_used, clippy::panic)]

use glassbox_lessons::{
    LESSONS, LessonError, MAX_SIDE, Matrix, MatrixError, Setting, Settings, Subject, find,
    parse_matrix,
};
use glassbox_scratch::reference::WindowError;
use glassbox_spec::GeometryError;

fn settings(set: impl FnOnce(&mut Settings)) -> Settings {
    let mut settings = Settings::default();
    set(&mut settings);
    settings
}

#[track_caller]
fn refused(lesson: &str, set: impl FnOnce(&mut Settings)) -> LessonError {
    let error = find(lesson).unwrap().page(&settings(set)).unwrap_err();
    assert!(!error.to_string().is_empty());
    error
}

fn matrix(text: &str) -> Option<Matrix> {
    Some(parse_matrix(text).unwrap())
}

#[test]
fn an_input_and_a_kernel_of_ones_own_are_computed_with() {
    let own = settings(|s| {
        s.input = matrix("1 2 3; 4 5 6; 7 8 9");
        s.kernel = matrix("1 1");
        s.stride = Some(2);
    });
    let page = find("sliding-window").unwrap().page(&own).unwrap();
    let output = page.numbers.get("output").unwrap();
    assert_eq!(output.values(), [3.0, 15.0]);
    assert_eq!(page.steps().count(), 2);
}

#[test]
fn every_lesson_refuses_what_it_cannot_use_and_says_what_it_can() {
    let image = Matrix::new(1, 1, vec![0.0]).unwrap();
    for lesson in &LESSONS {
        let all = [
            (Setting::Input, settings(|s| s.input = matrix("1"))),
            (Setting::Kernel, settings(|s| s.kernel = matrix("1"))),
            (Setting::Stride, settings(|s| s.stride = Some(1))),
            (Setting::Padding, settings(|s| s.padding = Some(0))),
            (Setting::Image, settings(|s| s.image = Some(image.clone()))),
        ];
        for (setting, given) in all {
            if !lesson.takes.contains(&setting) {
                let error = lesson.page(&given).unwrap_err();
                let expected = LessonError::Unused {
                    lesson: lesson.name,
                    setting,
                    taken: lesson.takes,
                };
                assert_eq!(error, expected);
            }
        }
    }
    let error = refused("why-convolution", |s| s.stride = Some(1));
    assert_eq!(
        error.to_string(),
        "the lesson `why-convolution` takes no stride; it takes no settings"
    );
}

#[test]
fn each_error_has_its_case() {
    assert!(matches!(find("x"), Err(LessonError::Unknown { .. })));
    let nan = || Matrix::new(1, 1, vec![f64::NAN]).ok();
    let error = refused("sliding-window", |s| s.kernel = nan());
    let source = MatrixError::OutOfRange { row: 1, column: 1 };
    assert_eq!(
        error,
        LessonError::Matrix {
            setting: Setting::Kernel,
            source
        }
    );
    let wide = Matrix::new(1, MAX_SIDE + 1, vec![0.0; MAX_SIDE + 1]).ok();
    let error = refused("sliding-window", |s| s.input = wide);
    assert!(matches!(
        error,
        LessonError::Matrix {
            setting: Setting::Input,
            source: MatrixError::TooLarge { .. }
        }
    ));
    for pixels in [vec![2.0], vec![f64::NAN], vec![-0.1]] {
        let error = refused("edges", |s| s.image = Matrix::new(1, 1, pixels).ok());
        assert_eq!(
            error,
            LessonError::Image {
                rows: 1,
                columns: 1
            }
        );
    }
    let large = Matrix::new(1, 257, vec![0.0; 257]).ok();
    assert_eq!(
        refused("edges", |s| s.image = large),
        LessonError::Image {
            rows: 1,
            columns: 257
        }
    );
    for (setting, value, least) in [
        (Setting::Stride, 0, 1),
        (Setting::Stride, 33, 1),
        (Setting::Padding, 33, 0),
    ] {
        let error = refused("feature-map", |s| match setting {
            Setting::Stride => s.stride = Some(value),
            _ => s.padding = Some(value),
        });
        assert_eq!(
            error,
            LessonError::OutOfRange {
                setting,
                value,
                least
            }
        );
    }
    for input in ["1; 2", "1"] {
        let error = refused("classify", |s| s.input = matrix(input));
        assert!(matches!(
            error,
            LessonError::Shape {
                setting: Setting::Input,
                ..
            }
        ));
    }
    let error = refused("backprop", |s| s.kernel = matrix("1 2"));
    assert!(matches!(
        error,
        LessonError::Shape {
            setting: Setting::Kernel,
            ..
        }
    ));
    let error = refused("backprop", |s| s.input = matrix("1 2 3 4 5 6 7 8 9"));
    assert!(matches!(
        error,
        LessonError::Shape {
            setting: Setting::Input,
            ..
        }
    ));
    let error = refused("feature-map", |s| s.input = matrix("1 2"));
    assert!(matches!(
        error,
        LessonError::Geometry(GeometryError::KernelTooLarge { .. })
    ));
    let error = refused("convolution", |s| {
        s.kernel = matrix("1; 1; 1; 1; 1");
        s.padding = Some(3);
    });
    assert!(matches!(
        error,
        LessonError::Window(WindowError::NeitherWithin { .. })
    ));
    let error = refused("first-network", |s| s.image = matrix("1 1 1"));
    assert!(matches!(error, LessonError::Spec(_)), "{error:?}");
}

#[test]
fn the_pass_of_another_engine_must_be_that_of_the_lesson() {
    let small = settings(|s| s.input = matrix("1 2 3; 4 5 6; 7 8 9"));
    let subject = Subject::new(&small).unwrap();
    let engine = glassbox_scratch::Network::<f32>::new(&subject.plan, &subject.parameters).unwrap();
    let pass = engine.trace(
        &subject.image,
        Some(&[subject.label]),
        glassbox_spec::Pass::Inference,
    );
    let mut pass = pass.unwrap();
    let error = refused("backprop", |s| s.autodiff = Some(pass.clone()));
    let tensor = "d_dense1.weight".to_string();
    assert_eq!(error, LessonError::Autodiff { tensor });
    pass.d_parameters.clear();
    let error = refused("backprop", |s| s.autodiff = Some(pass));
    let tensor = "d_conv1.weight".to_string();
    assert_eq!(error, LessonError::Autodiff { tensor });
}
