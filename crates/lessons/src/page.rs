//! A page: what a lesson yields, for any program to draw.
//!
//! * **In**: blocks, in the order of reading. * **Out**: the same. * **Never**: a width, a colour, a mark-up.

use glassbox_scratch::compare::largest;

use crate::{Matrix, Number, Numbers, Slide, Window, matrix::matrix, shown};

/// A lesson with its numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// The lesson's name.
    pub name: &'static str,
    /// Its title.
    pub title: &'static str,
    /// What there is to read, in order.
    pub blocks: Vec<Block>,
    /// What can be walked window by window.
    pub slides: Vec<Slide>,
    /// Every number by name, to full precision.
    pub numbers: Numbers,
}

/// A piece of a page.
#[derive(Debug, Clone, PartialEq)]
pub enum Block {
    /// A paragraph, without line breaks.
    Text(String),
    /// Lines of a formula or of code, as they are.
    Formula(String),
    /// Matrices that belong together.
    Matrices(Vec<Grid>),
    /// A window over its input, the kernel, and the output cell that it yields.
    Window(Window),
    /// Rows under headings.
    Table(Table),
    /// Pictures that belong together.
    Pictures(Vec<Picture>),
}

/// A matrix with a name.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    /// What it is called.
    pub name: String,
    /// Its values.
    pub values: Matrix,
}

/// Rows under headings, each as long as the headings.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// One for each column.
    pub head: Vec<String>,
    /// Row by row.
    pub rows: Vec<Vec<String>>,
}

/// Grey pixels, 0 black to 1 white.
#[derive(Debug, Clone, PartialEq)]
pub struct Picture {
    /// What it shows.
    pub caption: String,
    /// Row by row, all within 0 to 1.
    pub pixels: Matrix,
}

impl Page {
    pub(crate) fn new(name: &'static str, title: &'static str) -> Self {
        Self {
            name,
            title,
            blocks: Vec::new(),
            slides: Vec::new(),
            numbers: Numbers::default(),
        }
    }

    /// Every window of every slide, in order.
    pub fn steps(&self) -> impl Iterator<Item = Window> + '_ {
        self.slides.iter().flat_map(Slide::windows)
    }

    pub(crate) fn text(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Text(text.into()));
    }

    pub(crate) fn formula(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Formula(text.into()));
    }

    pub(crate) fn matrices<'a>(
        &mut self,
        matrices: impl IntoIterator<Item = (&'a str, &'a Matrix)>,
    ) {
        let grids = matrices
            .into_iter()
            .map(|(name, values)| Grid::new(name, values));
        self.blocks.push(Block::Matrices(grids.collect()));
    }

    pub(crate) fn window(&mut self, window: Window) {
        self.blocks.push(Block::Window(window));
    }

    pub(crate) fn table<const N: usize>(
        &mut self,
        head: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
    ) {
        self.blocks.push(Block::Table(Table {
            head: head.map(str::to_string).to_vec(),
            rows: rows.into_iter().map(Vec::from).collect(),
        }));
    }

    pub(crate) fn pictures(&mut self, pictures: impl IntoIterator<Item = Picture>) {
        self.blocks
            .push(Block::Pictures(pictures.into_iter().collect()));
    }

    pub(crate) fn number(&mut self, name: &str, number: impl Into<Number>) {
        self.numbers.add(name, number);
    }
}

impl Grid {
    pub(crate) fn new(name: impl Into<String>, values: &Matrix) -> Self {
        Self {
            name: name.into(),
            values: values.clone(),
        }
    }

    /// Its values as pages write them, row by row.
    pub fn cells(&self) -> impl Iterator<Item = Vec<String>> {
        let rows = self.values.values().chunks(self.values.columns());
        rows.map(|row| row.iter().map(|value| shown(*value)).collect())
    }
}

impl Picture {
    /// Pixels that are within 0 to 1 as they are.
    pub(crate) fn of(caption: impl Into<String>, pixels: &Matrix) -> Self {
        Self {
            caption: caption.into(),
            pixels: pixels.clone(),
        }
    }

    /// Values of any range, as shades of their magnitude: 0 black, the largest magnitude white.
    pub(crate) fn of_magnitudes(caption: impl Into<String>, values: &Matrix) -> Self {
        let most = largest(values.values());
        let scale = if most > 0.0 { most } else { 1.0 };
        let shades = values.values().iter().map(|value| value.abs() / scale);
        let pixels = matrix(values.rows(), values.columns(), shades.collect());
        Self {
            caption: caption.into(),
            pixels,
        }
    }
}
