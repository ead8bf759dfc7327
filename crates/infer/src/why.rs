//! Why any number of a network on an image is what it is.
//!
//! * **In**: a network's plan and parameters, and the [`Trace`] of a pass over one image; for a step, what the optimizer
//!   remembers. A question: the name of a number, as `conv2[17,4,6]` or `d_conv1.weight[3,0,1,2]`.
//! * **Out**: an [`Answer`] as data: the products that the number is the sum of (or the window it is the largest of, …), each factor
//!   with a name that can be asked in turn; the value that the pass stored; and by how much rounding may part the two.
//! * **Never**: it runs no network, prints nothing, and trusts nothing: every answer is computed anew from the numbers that it names.
//!
//! | question | answer |
//! |---|---|
//! | `input[c,y,x]`, `<layer>[…]`, `<layer>.pre[…]` | forward: after and before the activation |
//! | `softmax[k]`, `loss`, `logits[k]` | the end of the pass |
//! | `d_<layer>[…]`, `d_<layer>.pre[…]`, `d_<layer>.weight[…]`, `d_input[…]` | backward: the derivative of the loss |
//! | `step:<layer>.weight[…]`, `step:<layer>.bias[…]` | the parameter after the optimizer's next step |
//! | `<layer>.weight[…]`, `<layer>.bias[…]`, `pixel[c,y,x]` | what everything else is computed from |
//!
//! ```
//! use glassbox_infer::why::Why;
//! use glassbox_scratch::Network;
//! use glassbox_spec::{Architecture, ImageShape, Pass};
//!
//! let plan = Architecture::preset("reference", 10)?.plan(ImageShape::new(1, 28, 28)?)?;
//! let parameters = plan.initial_parameters(42);
//! let network = Network::<f32>::new(&plan, &parameters)?;
//! let trace = network.trace(&[0.5; 28 * 28], Some(&[3]), Pass::Inference)?;
//! let why = Why::new(&plan, &parameters, trace, Some(3))?;
//! let answer = why.ask("d_conv1.weight[3,0,1,2]")?;
//! assert!(answer.stored.is_some() && answer.holds());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod activation;
mod answer;
mod backward;
mod computed;
mod element;
mod error;
mod forward;
mod layer;
mod loss;
mod ops;
mod place;
mod stored;
mod update;

use glassbox_scratch::{Moments, Optimizer, Trace};
use glassbox_spec::{Normalise, Parameter, Plan};

pub use answer::{Answer, Axis, Exponential, Factor, Group, Moment, Rule, Sees, Term};
pub use error::WhyError;

use element::{Element, Tensor};
use error::foreign;
use stored::Stored;

/// A pass over one image, ready to be asked.
#[derive(Debug, Clone)]
pub struct Why {
    stored: Stored,
    label: Option<usize>,
    pixels: Option<(Vec<u8>, Normalise)>,
    optimizer: Option<Remembered>,
}

/// What a step is made with.
#[derive(Debug, Clone)]
struct Remembered {
    optimizer: Optimizer,
    moments: Moments,
    rate: f64,
}

/// Whether a question is about a step, which needs [`Why::with_optimizer`] on a run's own parameters.
pub fn is_step(question: &str) -> bool {
    question.trim_start().starts_with("step:")
}

impl Why {
    /// A pass in inference through the plan's network with these parameters, over one image; with its label, forward and
    /// backward.
    ///
    /// Fails with [`WhyError::Foreign`] where anything is missing or misshapen.
    pub fn new(
        plan: &Plan,
        parameters: &[Parameter],
        trace: Trace,
        label: Option<u16>,
    ) -> Result<Self, WhyError> {
        let label = label.map(usize::from);
        Ok(Self {
            stored: Stored::new(plan, parameters, trace, label)?,
            label,
            pixels: None,
            optimizer: None,
        })
    }

    /// With the fitted image, `[channels, height, width]`, and what normalised it: so that the input has a reason too.
    pub fn with_pixels(self, pixels: Vec<u8>, normalise: &Normalise) -> Result<Self, WhyError> {
        let input = self.stored.names.plan().input();
        let channels = [normalise.mean.len(), normalise.std.len()];
        if pixels.len() != input.len() || channels != [input.channels(); 2] {
            return Err(foreign("an image"));
        }
        Ok(Self {
            pixels: Some((pixels, normalise.clone())),
            ..self
        })
    }

    /// With an optimizer, what it remembers, and the learning rate of its next step.
    pub fn with_optimizer(
        self,
        optimizer: Optimizer,
        moments: Moments,
        rate: f64,
    ) -> Result<Self, WhyError> {
        let plan = self.stored.names.plan();
        let is_fine = |(prefix, moments): (&str, &(&str, Vec<Parameter>))| {
            prefix == moments.0 && plan.validate(&moments.1).is_empty()
        };
        let prefixes = optimizer.moments();
        let whole = moments.values.len() == prefixes.len()
            && prefixes.iter().copied().zip(&moments.values).all(is_fine);
        if !whole && !moments.values.is_empty() {
            return Err(foreign("a moment"));
        }
        Ok(Self {
            optimizer: Some(Remembered {
                optimizer,
                moments,
                rate,
            }),
            ..self
        })
    }

    /// The pass that is asked about.
    pub fn trace(&self) -> &Trace {
        &self.stored.trace
    }

    /// Why a number is what it is. Fails where there is no such number, or where it needs a label or an optimizer.
    pub fn ask(&self, question: &str) -> Result<Answer, WhyError> {
        self.explain(self.parse(question)?)
    }

    /// [`Why::ask`], then the numbers that weigh most in that answer, then those that weigh most in these, `depth` times. Each
    /// number is answered once; those that nothing is behind are left out.
    pub fn unroll(&self, question: &str, depth: usize) -> Result<Vec<Answer>, WhyError> {
        let mut answers = vec![self.ask(question)?];
        let mut unasked = 0;
        for _ in 0..depth {
            let level = unasked..answers.len();
            if level.is_empty() {
                break;
            }
            unasked = level.end;
            for number in level {
                let next: Vec<Element> = answers[number]
                    .weightiest()
                    .into_iter()
                    .filter_map(|name| self.parse(name).ok())
                    .collect();
                for element in next {
                    let name = self.stored.names.name(element);
                    if answers.iter().any(|answer| answer.name == name) {
                        continue;
                    }
                    let answer = self.explain(element)?;
                    if !matches!(answer.rule, Rule::Given { .. }) {
                        answers.push(answer);
                    }
                }
            }
        }
        Ok(answers)
    }

    fn explain(&self, element: Element) -> Result<Answer, WhyError> {
        use Tensor as T;
        let name = || self.stored.names.name(element);
        let label = || {
            self.label
                .ok_or_else(|| WhyError::NeedsLabel { name: name() })
        };
        let layer = |value| self.stored.layer(value).ok_or_else(|| foreign(&name()));
        let at = element.at;
        let computed = match element.tensor {
            T::Pixel => self.pixel(at),
            T::Parameter(_) => self.parameter(element),
            T::Output(0) => self.input(at),
            T::Output(value) => self.output(layer(value)?, at)?,
            T::Before(value) => {
                let layer = layer(value)?;
                ops::rules(layer.operation()).forward(layer, at)
            }
            T::Softmax => self.softmax(at),
            T::Loss => self.loss(label()?),
            T::DOutput(value) => self.d_output(value, at, label()?),
            T::DBefore(value) => label().and_then(|_| Ok(layer(value)?.d_before(at)))?,
            T::DParameter(number) => {
                label()?;
                let own = &self.stored.names.parameters()[number];
                let layer = layer(own.layer)?;
                ops::rules(layer.operation()).d_parameter(layer, own.part, at)
            }
            T::StepParameter(number) => self.step(name(), number, at)?,
        };
        let stored = self.stored.tensor(element.tensor);
        Ok(Answer {
            name: name(),
            place: self.place(element),
            sees: self.sees(element),
            stored: stored.and_then(|values| values.get(at).copied()),
            computed: computed.value,
            bound: computed.bound,
            formula: computed.formula,
            rule: computed.rule,
        })
    }

    /// The pixels behind a layer's value.
    fn sees(&self, element: Element) -> Option<Sees> {
        let (Tensor::Output(layer) | Tensor::Before(layer)) = element.tensor else {
            return None;
        };
        let plan = self.stored.names.plan();
        let field = plan.receptive_field(layer.checked_sub(1)?, element.at)?;
        let [rows, columns] = field.map(|range| {
            let last = range.end.checked_sub(1).filter(|_| !range.is_empty())?;
            Some([range.start, last])
        });
        Some(Sees { rows, columns })
    }
}
