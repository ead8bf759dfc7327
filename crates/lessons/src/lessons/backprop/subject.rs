//! The network of the lesson, as data: what another engine needs to compute the same gradients.

use glassbox_scratch::{Network, Trace};
use glassbox_spec::{Activation, Architecture, Parameter, ParameterShape, Parameters, Plan};

use crate::{
    LessonError, Matrix, Setting, Settings,
    layers::{conv, dense, flatten, max_pool},
    matrix::{matrix, rows},
    slide::shape,
};

/// The lesson's name, and its network's.
pub(super) const NAME: &str = "backprop";

/// The most rows or columns of the input: each of its numbers is a line of the table.
const MOST: usize = 8;

/// The bias of the convolution.
const BIAS: f32 = -0.25;

/// The dense weights, again and again if there are more. All data here are sums of few powers of two, exact in `f32`.
const WEIGHTS: [f32; 8] = [0.5, -0.25, 0.75, 0.125, -0.5, 0.25, 0.375, -0.125];

/// The dense biases.
const BIASES: [f32; 2] = [0.125, -0.125];

/// The lesson's network, image and label.
///
/// ```
/// use glassbox_lessons::{Settings, Subject, find};
/// use glassbox_scratch::Network;
/// use glassbox_spec::Pass;
///
/// let subject = Subject::new(&Settings::default())?;
/// // Any engine that yields a trace will do in place of this one.
/// let engine = Network::<f32>::new(&subject.plan, &subject.parameters)?;
/// let pass = engine.trace(&subject.image, Some(&[subject.label]), Pass::Inference)?;
/// let settings = Settings { autodiff: Some(pass), ..Settings::default() };
/// assert!(find("backprop")?.page(&settings)?.numbers.get("autodiff").is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    /// Convolution with ReLU, max pooling, flatten, dense.
    pub architecture: Architecture,
    /// The architecture on the input's shape.
    pub plan: Plan,
    /// In network order.
    pub parameters: Parameters,
    /// The input, row by row.
    pub image: Vec<f32>,
    /// Its class.
    pub label: u16,
}

impl Subject {
    /// With the reader's input and kernel, where given.
    pub fn new(settings: &Settings) -> Result<Self, LessonError> {
        let image = settings.input_or(|| {
            rows([
                [1.0, 0.0, 2.0, 1.0],
                [0.0, 1.5, 0.0, 0.5],
                [2.0, 1.0, 0.0, 1.0],
                [1.0, 0.5, 2.0, 2.0],
            ])
        });
        let kernel = settings.kernel_or(|| rows([[1.0, -0.5], [0.5, 0.25]]));
        check(&image, &kernel)?;
        let architecture = architecture(kernel.rows());
        let plan = architecture.plan(shape(&image)?)?;
        let start = |shape: ParameterShape| Parameter {
            values: match shape.name.as_str() {
                "conv1.weight" => to_f32(&kernel),
                "conv1.bias" => vec![BIAS],
                "dense1.weight" => WEIGHTS.into_iter().cycle().take(shape.len()).collect(),
                _ => BIASES.to_vec(),
            },
            name: shape.name,
            shape: shape.shape,
        };
        Ok(Self {
            parameters: plan.parameters().into_iter().map(start).collect(),
            architecture,
            plan,
            image: to_f32(&image),
            label: 1,
        })
    }

    /// The same network by hand.
    pub(super) fn network(&self) -> Result<Network<f64>, LessonError> {
        Ok(Network::new(&self.plan, &self.parameters)?)
    }

    /// The input as the network by hand takes it.
    pub(super) fn image64(&self) -> Vec<f64> {
        self.image.iter().copied().map(f64::from).collect()
    }

    /// A parameter's values; empty if there is none of that name.
    pub(super) fn parameter(&self, name: &str) -> Vec<f64> {
        let found = self
            .parameters
            .iter()
            .find(|parameter| parameter.name == name);
        found.map_or(Vec::new(), |p| {
            p.values.iter().copied().map(f64::from).collect()
        })
    }

    /// The convolution's kernel.
    pub(super) fn kernel(&self) -> Matrix {
        let values = self.parameter("conv1.weight");
        let side = values.len().isqrt();
        matrix(side, side, values)
    }

    /// Every gradient of a pass under the lesson's name for it: parameters in network order, then the input.
    pub(super) fn gradients<T: Copy + Into<f64>>(
        &self,
        trace: &Trace<T>,
    ) -> Result<(Vec<String>, Vec<f64>), LessonError> {
        let (mut names, mut values) = (Vec::new(), Vec::new());
        let mut add = |tensor: &str, len: usize, d: Option<&[T]>| {
            let Some(d) = d.filter(|d| d.len() == len) else {
                let tensor = format!("d_{tensor}");
                return Err(LessonError::Autodiff { tensor });
            };
            names.extend((0..len).map(|at| self.letter(tensor, len, at)));
            values.extend(d.iter().map(|d| (*d).into()));
            Ok(())
        };
        for parameter in &self.parameters {
            let (name, len) = (&parameter.name, parameter.values.len());
            let d = trace.d_parameters.iter().find(|d| d.name == *name);
            add(name, len, d.map(|d| &d.values[..]))?;
        }
        let input = trace.layer("input");
        let d = input.and_then(|input| input.d_values.as_deref());
        add("input", self.image.len(), d)?;
        Ok((names, values))
    }

    /// What the lesson calls an element of a gradient.
    fn letter(&self, tensor: &str, len: usize, at: usize) -> String {
        let place = |columns: usize| format!("[{},{}]", at / columns, at % columns);
        match tensor {
            "conv1.weight" => format!("dK{}", place(len.isqrt())),
            "conv1.bias" => "db of K".to_string(),
            "dense1.weight" => format!("dW{}", place(len / BIASES.len())),
            "input" => format!("dX{}", place(self.plan.input().width())),
            _ => format!("db[{at}] of W"),
        }
    }
}

fn check(image: &Matrix, kernel: &Matrix) -> Result<(), LessonError> {
    let wrong = |setting, matrix: &Matrix, needs| {
        Err(LessonError::Shape {
            setting,
            rows: matrix.rows(),
            columns: matrix.columns(),
            needs,
        })
    };
    if image.rows().max(image.columns()) > MOST {
        return wrong(Setting::Input, image, "at most 8 rows and columns");
    }
    if kernel.rows() == kernel.columns() {
        Ok(())
    } else {
        wrong(Setting::Kernel, kernel, "a square kernel")
    }
}

fn architecture(kernel: usize) -> Architecture {
    Architecture {
        name: NAME.to_string(),
        layers: vec![
            conv(1, [kernel, kernel]),
            max_pool(1),
            flatten(),
            dense(BIASES.len(), Activation::Linear),
        ],
    }
}

fn to_f32(matrix: &Matrix) -> Vec<f32> {
    matrix.values().iter().map(|value| *value as f32).collect()
}
