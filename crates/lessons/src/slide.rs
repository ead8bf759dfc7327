//! One window sliding over one matrix: what most lessons are about.
//!
//! * **In**: an input, a kernel or a pooling, a stride, a padding. * **Out**: a [`Slide`], computed by
//!   [`glassbox_scratch::reference`], and each of its [`Window`]s. * **Never**: arithmetic of its own.

use glassbox_scratch::reference;
use glassbox_spec::{ConvGeometry, ImageShape, Padding, PoolGeometry, Sides};

use crate::{
    LessonError, Matrix,
    matrix::{at, matrix},
    notation::{factor, list, products, shown},
};

/// What is made of the numbers under a window.
#[derive(Debug, Clone, PartialEq)]
pub enum Combine {
    /// The sum of their products with a kernel of the window's size.
    Products(Matrix),
    /// The largest.
    Max,
    /// The mean.
    Mean,
}

/// A window at all its positions.
#[derive(Debug, Clone, PartialEq)]
pub struct Slide {
    /// What it slides over.
    pub input: Matrix,
    /// What is made of the numbers under it.
    pub combine: Combine,
    /// Its rows and columns.
    pub window: [usize; 2],
    /// Rows and columns from position to position.
    pub stride: usize,
    /// Zeros on each side of the input.
    pub padding: usize,
    /// One number for each position.
    pub output: Matrix,
}

/// A window at one position.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// All of it.
    pub slide: Slide,
    /// Row of the output, from 0.
    pub row: usize,
    /// Column of the output, from 0.
    pub column: usize,
}

impl Slide {
    /// Correlation: out\[i,j] = Σ_u Σ_v K\[u,v] · X\[i·S + u − P, j·S + v − P], through [`reference::conv_forward`].
    pub fn correlation(
        input: &Matrix,
        kernel: &Matrix,
        stride: usize,
        padding: usize,
    ) -> Result<Self, LessonError> {
        let window = [kernel.rows(), kernel.columns()];
        let sides = sides(padding);
        let geometry = ConvGeometry::new(shape(input)?, 1, window, [stride, stride], &sides)?;
        let mut output = vec![0.0; geometry.output().len()];
        reference::conv_forward(
            &mut output,
            input.values(),
            kernel.values(),
            &[0.0],
            &geometry,
        );
        Ok(Self {
            input: input.clone(),
            combine: Combine::Products(kernel.clone()),
            window,
            stride,
            padding,
            output: plane(geometry.output(), output),
        })
    }

    /// Max pooling of `size` × `size` windows, through [`reference::max_pool_forward`].
    pub fn max_pool(input: &Matrix, size: usize, stride: usize) -> Result<Self, LessonError> {
        let geometry = pooling(input, size, stride)?;
        let mut output = vec![0.0; geometry.output().len()];
        let mut argmax = vec![0; output.len()];
        reference::max_pool_forward(&mut output, &mut argmax, input.values(), &geometry);
        Ok(Self::pooled(input, &geometry, Combine::Max, output))
    }

    /// Average pooling of `size` × `size` windows, through [`reference::avg_pool_forward`].
    pub fn avg_pool(input: &Matrix, size: usize, stride: usize) -> Result<Self, LessonError> {
        let geometry = pooling(input, size, stride)?;
        let mut output = vec![0.0; geometry.output().len()];
        reference::avg_pool_forward(&mut output, input.values(), &geometry);
        Ok(Self::pooled(input, &geometry, Combine::Mean, output))
    }

    fn pooled(input: &Matrix, geometry: &PoolGeometry, combine: Combine, out: Vec<f64>) -> Self {
        Self {
            input: input.clone(),
            combine,
            window: geometry.kernel(),
            stride: geometry.stride()[0],
            padding: 0,
            output: plane(geometry.output(), out),
        }
    }

    /// Every position, row by row.
    pub fn windows(&self) -> impl Iterator<Item = Window> + '_ {
        (0..self.output.values().len()).map(|index| self.window(index))
    }

    /// The position of this index, row by row. An index past the last is the last.
    pub fn window(&self, index: usize) -> Window {
        let columns = self.output.columns();
        let index = index.min(self.output.values().len() - 1);
        Window {
            slide: self.clone(),
            row: index / columns,
            column: index % columns,
        }
    }
}

impl Window {
    /// The value that it yields.
    pub fn value(&self) -> f64 {
        at(&self.slide.output, self.row, self.column)
    }

    /// Row and column of its upper left corner in the padded input.
    pub fn corner(&self) -> [usize; 2] {
        [self.row, self.column].map(|place| place * self.slide.stride)
    }

    /// The numbers under it, row by row; 0 in the padding.
    pub fn patch(&self) -> Vec<f64> {
        let (slide, [top, left]) = (&self.slide, self.corner());
        let [rows, columns] = slide.window;
        let rows = (top..top + rows).flat_map(|y| (left..left + columns).map(move |x| (y, x)));
        rows.map(|(y, x)| slide.padded(y, x)).collect()
    }

    /// How its value comes about, with the numbers put in: `1·1 + 2·0 + 0·(−1) + 1·1 = 2`.
    pub fn sum(&self) -> String {
        format!("{} = {}", self.terms(), shown(self.value()))
    }

    /// The left side of [`Window::sum`].
    pub(crate) fn terms(&self) -> String {
        let patch = self.patch();
        match &self.slide.combine {
            Combine::Products(kernel) => {
                let pairs = patch.iter().copied().zip(kernel.values().iter().copied());
                products(&pairs.collect::<Vec<_>>())
            }
            Combine::Max => format!("max({})", list(&patch, ", ")),
            Combine::Mean => {
                let terms: Vec<String> = patch.iter().map(|value| factor(*value)).collect();
                format!("({}) / {}", terms.join(" + "), patch.len())
            }
        }
    }
}

impl Slide {
    /// A value of the input with its padding.
    pub fn padded(&self, row: usize, column: usize) -> f64 {
        match (
            row.checked_sub(self.padding),
            column.checked_sub(self.padding),
        ) {
            (Some(y), Some(x)) if y < self.input.rows() && x < self.input.columns() => {
                at(&self.input, y, x)
            }
            _ => 0.0,
        }
    }
}

/// A matrix as an image of one channel.
pub(crate) fn shape(matrix: &Matrix) -> Result<ImageShape, LessonError> {
    Ok(ImageShape::new(1, matrix.rows(), matrix.columns())?)
}

/// The same padding on all sides.
pub(crate) fn sides(padding: usize) -> Padding {
    Padding::Sides(Sides {
        top: padding,
        bottom: padding,
        left: padding,
        right: padding,
    })
}

/// Pooling of `size` × `size` windows without padding.
pub(crate) fn pooling(
    input: &Matrix,
    size: usize,
    stride: usize,
) -> Result<PoolGeometry, LessonError> {
    let geometry = PoolGeometry::new(
        shape(input)?,
        [size, size],
        [stride, stride],
        &Padding::Valid,
    );
    Ok(geometry?)
}

/// An image of one channel as a matrix.
fn plane(shape: ImageShape, values: Vec<f64>) -> Matrix {
    matrix(shape.height(), shape.width(), values)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What a window says of itself re-adds to what the reference computed.
        #[test]
        fn the_products_under_a_window_add_up(
            values in proptest::collection::vec(-9..9i32, 7 * 5),
            [height, width] in [1..4usize, 1..4usize],
            stride in 1..4usize,
            padding in 0..3usize,
        ) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            let input = matrix(7, 5, values.clone());
            let kernel = matrix(height, width, values[..height * width].to_vec());
            let slide = Slide::correlation(&input, &kernel, stride, padding).unwrap();
            prop_assert_eq!(slide.output.rows(), (7 + 2 * padding - height) / stride + 1);
            for window in slide.windows() {
                let sum: f64 = window.patch().iter().zip(kernel.values()).map(|(a, b)| a * b).sum();
                prop_assert_eq!(sum, window.value());
            }
        }
    }
}
