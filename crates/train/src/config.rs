//! What a run does.
//!
//! [`Settings`] hold what was said, flags before files. [`Config::resolve`] fills the rest from the recipe for the data
//! and checks every number. A [`Config`] written as TOML is again a file of settings.

use std::path::{Path, PathBuf};

use glassbox_data::{Dataset, read_text};
use glassbox_scratch::Optimizer;
use glassbox_spec::{
    AUGMENTATIONS, Architecture, Augment, Backend, Extension, ImageShape, LearningRate,
    OptimizerKind, Plan, Recipe, Schedule, ScheduleKind, nearest,
};
use serde::Serialize;

use crate::{
    error::ConfigError,
    settings::{ArchChoice, AugmentChoice, Settings},
};

/// Every effective value of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Config {
    /// Dataset name, folder, archive or card.
    pub data: String,
    /// Where its files are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_dir: Option<PathBuf>,
    /// One of [`Backend`].
    pub backend: Backend,
    /// Passes over the training images.
    pub epochs: u32,
    /// Images a step.
    pub batch_size: usize,
    /// `adam` or `sgd`.
    pub optimizer: OptimizerKind,
    /// Of SGD.
    pub momentum: f64,
    /// Peak learning rate.
    pub lr: f64,
    /// Course of the learning rate.
    pub schedule: ScheduleKind,
    /// Share of all steps that warm up.
    pub warmup: f64,
    /// Of initial weights, order, augmentation, dropout.
    pub seed: u64,
    /// Which arithmetic it was begun with: see [`Config::ARITHMETIC`].
    pub arithmetic: u32,
    /// Threads to compute with; all cores unless given. Changes nothing but the time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// Train on so many images only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
    /// Stop after so many epochs without a better validation accuracy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub patience: Option<u32>,
    /// Stop at this validation accuracy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_accuracy: Option<f64>,
    /// How long the run was to be, before `--epochs` made it longer. It decides the learning rate of those epochs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extended: Vec<Extension>,
    /// Changes to training images.
    pub augment: Augment,
    /// The layers.
    pub arch: Architecture,
}

impl Config {
    /// Dataset of a run that names none.
    pub const DEFAULT_DATA: &'static str = "digits";

    /// The arithmetic of this program: what decides the last bits of a run. 1 took eˣ, ln, pow and tanh from the system, which differ
    /// from one to the next; since 2 they are [`libm`](https://docs.rs/libm)'s everywhere. A run that says none was begun with 1.
    pub const ARITHMETIC: u32 = 2;

    /// Backend of a run that names none.
    pub const DEFAULT_BACKEND: Backend = if cfg!(feature = "burn") {
        Backend::Cpu
    } else {
        Backend::Scratch
    };

    /// Fills what the settings leave open, for data of this shape with so many classes, and checks every value.
    pub fn resolve(
        settings: Settings,
        shape: ImageShape,
        classes: usize,
    ) -> Result<(Self, Plan), ConfigError> {
        let optimizer = match settings.optimizer.as_deref() {
            None | Some("adam") => OptimizerKind::Adam,
            Some("sgd") => OptimizerKind::Sgd,
            Some(name) => return Err(unknown("optimizer", name, &["adam", "sgd"])),
        };
        let hurry = settings.target_accuracy.is_some();
        let recipe = Recipe::for_images(shape, optimizer, hurry);
        let schedule = match settings.schedule.as_deref() {
            None => recipe.schedule,
            Some(name) => ScheduleKind::named(name)
                .ok_or_else(|| unknown("schedule", name, &ScheduleKind::NAMES))?,
        };
        let arch = match settings.arch {
            None => Architecture::preset("reference", classes)?,
            Some(ArchChoice::Inline(architecture)) => architecture,
            Some(ArchChoice::Named(name)) => architecture(&name, classes)?,
        };
        let config = Self {
            data: settings
                .data
                .unwrap_or_else(|| Self::DEFAULT_DATA.to_string()),
            data_dir: settings.data_dir,
            backend: match settings.backend {
                Some(name) => name.parse()?,
                None => Self::DEFAULT_BACKEND,
            },
            epochs: settings.epochs.unwrap_or(recipe.epochs),
            batch_size: settings.batch_size.unwrap_or(recipe.batch_size),
            optimizer,
            momentum: settings.momentum.unwrap_or(recipe.momentum),
            lr: settings.lr.unwrap_or(recipe.rate),
            schedule,
            // A constant rate needs no warm-up unless one is asked for.
            warmup: settings.warmup.unwrap_or(match schedule {
                ScheduleKind::Constant => 0.0,
                ScheduleKind::Cosine | ScheduleKind::OneCycle => recipe.warmup,
            }),
            seed: settings.seed.unwrap_or(42),
            arithmetic: settings.arithmetic.unwrap_or(Self::ARITHMETIC),
            threads: settings.threads,
            limit: settings.limit,
            patience: settings.patience,
            target_accuracy: settings.target_accuracy,
            extended: settings.extended.unwrap_or_default(),
            augment: match settings.augment {
                None => recipe.augment,
                Some(AugmentChoice::Inline(augment)) => augment,
                Some(AugmentChoice::Named(name)) => Augment::named(&name)
                    .ok_or_else(|| unknown("augmentation", &name, &AUGMENTATIONS))?,
            },
            arch,
        };
        config.check()?;
        let plan = config.arch.plan(shape)?;
        if plan.classes() != classes {
            return Err(ConfigError::Classes {
                logits: plan.classes(),
                classes,
            });
        }
        Ok((config, plan))
    }

    /// Fails where a value is out of its range, as one that a program has set may be.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let some = |limit: Option<usize>| limit.is_none_or(|n| n > 0);
        let share = |x: f64| (0.0..=1.0).contains(&x);
        let checks: [(&str, bool, String, &str); 11] = [
            // TOML's integers are signed.
            (
                "seed",
                i64::try_from(self.seed).is_ok(),
                self.seed.to_string(),
                "below 2^63",
            ),
            (
                "arithmetic",
                (1..=Self::ARITHMETIC).contains(&self.arithmetic),
                self.arithmetic.to_string(),
                "1 or 2 (a later program's runs need that program)",
            ),
            (
                "epochs",
                (1..=100_000).contains(&self.epochs),
                self.epochs.to_string(),
                "1 to 100,000",
            ),
            (
                "batch_size",
                (1..=65_536).contains(&self.batch_size),
                self.batch_size.to_string(),
                "1 to 65,536",
            ),
            (
                "lr",
                self.lr > 0.0 && self.lr <= 100.0,
                self.lr.to_string(),
                "above 0 and at most 100",
            ),
            (
                "momentum",
                (0.0..1.0).contains(&self.momentum),
                self.momentum.to_string(),
                "at least 0 and below 1",
            ),
            (
                "warmup",
                (0.0..1.0).contains(&self.warmup),
                self.warmup.to_string(),
                "at least 0 and below 1 (a share of all steps)",
            ),
            (
                "threads",
                self.threads.is_none_or(|n| (1..=1024).contains(&n)),
                format!("{:?}", self.threads.unwrap_or(0)),
                "1 to 1024",
            ),
            (
                "limit",
                some(self.limit),
                format!("{:?}", self.limit.unwrap_or(0)),
                "at least 1",
            ),
            (
                "patience",
                self.patience.is_none_or(|n| n > 0),
                format!("{:?}", self.patience.unwrap_or(0)),
                "at least 1",
            ),
            (
                "target_accuracy",
                self.target_accuracy.is_none_or(share),
                format!("{:?}", self.target_accuracy.unwrap_or(0.0)),
                "between 0 and 1",
            ),
        ];
        for (key, fine, value, range) in checks {
            if !fine {
                return Err(ConfigError::OutOfRange { key, value, range });
            }
        }
        let mut done = 0;
        for part in &self.extended {
            let grows = part.after > done && part.after <= part.epochs.min(self.epochs);
            if !grows || part.epochs > 100_000 {
                return Err(ConfigError::OutOfRange {
                    key: "extended",
                    value: format!("{{ after = {}, epochs = {} }}", part.after, part.epochs),
                    range: "in order, each after an epoch that the run had",
                });
            }
            done = part.after;
        }
        match self.augment.problem() {
            Some((key, value, range)) => Err(ConfigError::OutOfRange {
                key,
                value: format!("{value:?}"),
                range,
            }),
            None => Ok(()),
        }
    }

    /// Fails unless the plan is that of its architecture on this data.
    pub(crate) fn check_plan(&self, plan: &Plan, dataset: &Dataset) -> Result<(), ConfigError> {
        let classes = dataset.classes().len();
        if plan.classes() != classes {
            return Err(ConfigError::Classes {
                logits: plan.classes(),
                classes,
            });
        }
        if *plan != self.arch.plan(dataset.shape())? {
            return Err(ConfigError::OtherPlan);
        }
        Ok(())
    }

    /// The length that the run was to have in this epoch, where the learning rate depends on it.
    pub(crate) fn planned(&self, epoch: u32) -> Option<u32> {
        let earlier = self.extended.iter().find(|part| epoch <= part.after);
        let epochs = earlier.map_or(self.epochs, |part| part.epochs);
        self.learning_rate().depends_on_length().then_some(epochs)
    }

    /// What the run says about its learning rate.
    fn learning_rate(&self) -> LearningRate {
        LearningRate {
            kind: self.schedule,
            peak: self.lr,
            warmup: self.warmup,
        }
    }

    /// The learning rate over the run, with so many steps in an epoch.
    pub(crate) fn schedule(&self, steps: u64) -> Schedule {
        self.learning_rate()
            .over(steps, self.epochs, &self.extended)
    }

    /// The optimizer with its numbers.
    pub fn optimizer(&self) -> Optimizer {
        match self.optimizer {
            OptimizerKind::Adam => Optimizer::Adam,
            OptimizerKind::Sgd => Optimizer::Sgd {
                momentum: self.momentum,
            },
        }
    }
}

/// A preset by name, or an architecture from a TOML file.
pub fn architecture(name: &str, classes: usize) -> Result<Architecture, ConfigError> {
    let path = Path::new(name);
    if !name.ends_with(".toml") {
        return Ok(Architecture::preset(name, classes)?);
    }
    let text = read_text(path).map_err(|source| ConfigError::Io {
        path: path.to_path_buf(),
        source,
    })?;
    Architecture::from_toml(&text).map_err(|source| ConfigError::ArchitectureFile {
        path: path.to_path_buf(),
        source: Box::new(source),
    })
}

fn unknown(what: &'static str, name: &str, known: &[&'static str]) -> ConfigError {
    ConfigError::UnknownName {
        what,
        name: name.to_string(),
        nearest: nearest(name, known.iter().copied()).map(str::to_string),
        known: known.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn shape(channels: usize) -> ImageShape {
        ImageShape::new(channels, 28, 30).unwrap()
    }

    fn resolve(settings: Settings) -> Result<Config, ConfigError> {
        Config::resolve(settings, shape(1), 10).map(|(config, _)| config)
    }

    #[test]
    fn a_config_written_out_loads_as_the_same_config() {
        let settings = Settings {
            data: Some("fashion-mnist".into()),
            optimizer: Some("sgd".into()),
            schedule: Some("cosine".into()),
            augment: Some(AugmentChoice::Named("photos".into())),
            arch: Some(ArchChoice::Named("lenet5".into())),
            limit: Some(7),
            lr: Some(0.1),
            ..Settings::default()
        };
        let config = resolve(settings).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, toml::to_string(&config).unwrap()).unwrap();
        assert_eq!(resolve(Settings::read(&path).unwrap()).unwrap(), config);
    }

    #[test]
    fn flags_come_before_the_file_and_the_recipe_fills_the_rest() {
        let file = Settings {
            epochs: Some(9),
            lr: Some(0.5),
            ..Settings::default()
        };
        let flags = Settings {
            epochs: Some(2),
            ..Settings::default()
        };
        let config = resolve(flags.or(file)).unwrap();
        assert_eq!((config.epochs, config.lr, config.batch_size), (2, 0.5, 64));
        let (colour, _) = Config::resolve(Settings::default(), shape(3), 4).unwrap();
        assert!(colour.augment.flip && !config.augment.flip);
        assert_eq!(colour.arch.plan(shape(3)).unwrap().classes(), 4);
    }

    #[test]
    fn numbers_out_of_range_are_named() {
        let said = |settings| match resolve(settings) {
            Err(ConfigError::OutOfRange { key, .. }) => key,
            other => panic!("{other:?}"),
        };
        let none = Settings::default;
        assert_eq!(
            said(Settings {
                epochs: Some(0),
                ..none()
            }),
            "epochs"
        );
        assert_eq!(
            said(Settings {
                batch_size: Some(0),
                ..none()
            }),
            "batch_size"
        );
        for lr in [f64::NAN, 0.0, -1.0, f64::INFINITY] {
            assert_eq!(
                said(Settings {
                    lr: Some(lr),
                    ..none()
                }),
                "lr"
            );
        }
        assert_eq!(
            said(Settings {
                warmup: Some(1.0),
                ..none()
            }),
            "warmup"
        );
        assert_eq!(
            said(Settings {
                momentum: Some(1.5),
                ..none()
            }),
            "momentum"
        );
        assert_eq!(
            said(Settings {
                threads: Some(0),
                ..none()
            }),
            "threads"
        );
        assert_eq!(
            said(Settings {
                seed: Some(1 << 63),
                ..none()
            }),
            "seed"
        );
        assert_eq!(
            said(Settings {
                limit: Some(0),
                ..none()
            }),
            "limit"
        );
        assert_eq!(
            said(Settings {
                patience: Some(0),
                ..none()
            }),
            "patience"
        );
        assert_eq!(
            said(Settings {
                target_accuracy: Some(99.0),
                ..none()
            }),
            "target_accuracy"
        );
        let augment = AugmentChoice::Inline(Augment {
            scale: 2.0,
            ..Augment::default()
        });
        assert_eq!(
            said(Settings {
                augment: Some(augment),
                ..none()
            }),
            "scale"
        );
        // Not in order; beyond the epochs that it had; beyond those that it has.
        for parts in [[(2, 3), (2, 4)], [(1, 3), (5, 4)], [(1, 3), (9, 9)]] {
            let parts = parts.map(|(after, epochs)| Extension { after, epochs });
            let settings = Settings {
                epochs: Some(6),
                extended: Some(parts.into()),
                ..none()
            };
            assert_eq!(said(settings), "extended");
        }
    }

    #[test]
    fn a_run_has_this_programs_arithmetic_unless_it_says_an_earlier() {
        let shape = ImageShape::new(1, 28, 28).unwrap();
        let with = |arithmetic| {
            let settings = Settings {
                arithmetic,
                ..Settings::default()
            };
            Config::resolve(settings, shape, 10).map(|(config, _)| config.arithmetic)
        };
        assert_eq!(with(None).unwrap(), 2);
        assert_eq!(with(Some(1)).unwrap(), 1);
        for wrong in [0, 3] {
            assert!(matches!(
                with(Some(wrong)),
                Err(ConfigError::OutOfRange {
                    key: "arithmetic",
                    ..
                })
            ));
        }
    }

    #[test]
    fn unknown_names_and_keys_are_answered_with_the_nearest() {
        let said = |settings| resolve(settings).unwrap_err().to_string();
        let none = Settings::default;
        let cases = [
            (
                Settings {
                    optimizer: Some("adma".into()),
                    ..none()
                },
                "`adam`",
            ),
            (
                Settings {
                    schedule: Some("cosin".into()),
                    ..none()
                },
                "`cosine`",
            ),
            (
                Settings {
                    backend: Some("flx".into()),
                    ..none()
                },
                "`flex`",
            ),
            (
                Settings {
                    augment: Some(AugmentChoice::Named("digit".into())),
                    ..none()
                },
                "`digits`",
            ),
            (
                Settings {
                    arch: Some(ArchChoice::Named("lenet".into())),
                    ..none()
                },
                "`lenet5`",
            ),
        ];
        for (settings, nearest) in cases {
            let said = said(settings);
            assert!(said.contains(&format!("did you mean {nearest}")), "{said}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.toml");
        fs::write(&path, "epoch = 3").unwrap();
        assert!(
            Settings::read(&path)
                .unwrap_err()
                .to_string()
                .contains("`epochs`")
        );
        fs::write(&path, "[augment]\nrotat = 3").unwrap();
        assert!(
            Settings::read(&path)
                .unwrap_err()
                .to_string()
                .contains("`rotate`")
        );
        let arch = "[arch]\nname = \"a\"\n[[arch.layers]]\nkind = \"dense\"\nunit = 3";
        fs::write(&path, arch).unwrap();
        assert!(
            Settings::read(&path)
                .unwrap_err()
                .to_string()
                .contains("`units`")
        );
        fs::write(&path, "epochs = \"three\"").unwrap();
        assert!(matches!(
            Settings::read(&path),
            Err(ConfigError::Toml { .. })
        ));
        assert!(matches!(
            Settings::read(&folder.path().join("no")),
            Err(ConfigError::Io { .. })
        ));
    }

    #[test]
    fn an_architecture_must_have_a_logit_per_class() {
        let arch = Architecture::preset("reference", 7).unwrap();
        let settings = Settings {
            arch: Some(ArchChoice::Inline(arch)),
            ..Settings::default()
        };
        assert!(matches!(
            resolve(settings),
            Err(ConfigError::Classes {
                logits: 7,
                classes: 10
            })
        ));
    }
}
