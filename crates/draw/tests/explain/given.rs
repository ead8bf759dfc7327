//! A network with a pass over one image, and what every picture must be.

use glassbox_draw::{
    Figure, Raster,
    explain::{Pass, slide, window},
};
use glassbox_infer::why::Why;
use glassbox_scratch::{Network, Trace};
use glassbox_spec::{Architecture, ImageShape, Parameters, Pass as Mode, Plan, Random, Stream};

/// Not square anywhere, with padding, strides, and every kind of layer.
const ARCHITECTURE: &str = "name = \"odd\"
[[layers]]
kind = \"conv\"
filters = 40
kernel = [3, 2]
stride = [1, 2]
padding = \"same\"
activation = \"tanh\"
[[layers]]
kind = \"avg_pool\"
kernel = [2, 3]
stride = 1
padding = { top = 1, bottom = 0, left = 0, right = 1 }
[[layers]]
kind = \"conv\"
filters = 3
kernel = [2, 3]
activation = \"relu\"
[[layers]]
kind = \"max_pool\"
kernel = 2
[[layers]]
kind = \"dropout\"
rate = 0.5
[[layers]]
kind = \"flatten\"
[[layers]]
kind = \"dense\"
units = 2
";

pub const HOSTILE: &str = "</text><script>alert(\"1\")</script> & 'x' \u{1}";

pub struct Given {
    pub plan: Plan,
    pub parameters: Parameters,
    pub trace: Trace,
    pub image: Raster,
}

impl Given {
    pub fn new() -> Self {
        Self::of(ARCHITECTURE)
    }

    /// A network of another architecture.
    pub fn of(architecture: &str) -> Self {
        let shape = ImageShape::new(3, 9, 14).unwrap();
        let plan = Architecture::from_toml(architecture)
            .unwrap()
            .plan(shape)
            .unwrap();
        let parameters = plan.initial_parameters(7);
        let mut random = Random::new(3, Stream::Init, 0, 99);
        let pixels: Vec<f32> = (0..shape.len())
            .map(|_| random.uniform() as f32 - 0.4)
            .collect();
        let bytes: Vec<u8> = (0..shape.len()).map(|i| (i * 7 % 256) as u8).collect();
        let network = Network::<f32>::new(&plan, &parameters).unwrap();
        let trace = network.trace(&pixels, None, Mode::Inference).unwrap();
        Self {
            image: Raster::of_image(3, 9, 14, &bytes),
            plan,
            parameters,
            trace,
        }
    }

    fn pass(&self) -> Pass<'_> {
        Pass {
            plan: &self.plan,
            parameters: &self.parameters,
            trace: &self.trace,
            image: &self.image,
        }
    }

    pub fn window(&self, question: &str) -> Option<Figure> {
        window(&self.pass(), &self.why().ask(question).unwrap())
    }

    pub fn slide(&self, question: &str) -> Option<Figure> {
        slide(&self.pass(), &self.why().ask(question).unwrap())
    }

    fn why(&self) -> Why {
        Why::new(&self.plan, &self.parameters, self.trace.clone(), None).unwrap()
    }
}

/// A PNG can be made of it only where it is well-formed; its parts are where it is.
pub fn sound(figure: &Figure) {
    let svg = figure.svg();
    let png = figure.png().unwrap();
    assert!(png.starts_with(b"\x89PNG"), "{}", figure.name);
    assert!(!figure.alt.is_empty() && !figure.title.is_empty());
    assert!(!svg.contains("<script") && !svg.contains("http://www.w3.org/1999/xlink"));
    for line in svg.lines().filter(|line| line.starts_with("<text")) {
        let y: f64 = line
            .split("y=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(
            y > 0.0 && y < figure.height as f64,
            "{}: {line}",
            figure.name
        );
    }
}

pub fn says(figure: &Figure, parts: &[&str]) {
    let svg = figure.svg();
    for part in parts {
        assert!(svg.contains(part), "{part} is not in {}", figure.name);
    }
}
