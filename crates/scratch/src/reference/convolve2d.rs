//! Plain 2-D convolution and correlation of two matrices, in the modes of SciPy's `signal` module.

use crate::Real;

/// Rows and columns, row-major.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix<T> {
    rows: usize,
    columns: usize,
    values: Vec<T>,
}

/// How much of the result is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Where the smaller matrix lies wholly within the larger: `rows − kernel rows + 1` rows.
    Valid,
    /// As large as the first matrix, about the middle of the full result.
    Same,
    /// Wherever the two touch: `rows + kernel rows − 1` rows.
    Full,
}

/// Why two matrices cannot be combined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    /// A matrix without rows or columns, or with rows of different lengths.
    #[error("not a matrix: {rows} rows, {columns} columns, {values} values")]
    NotAMatrix {
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
        /// Its values.
        values: usize,
    },
    /// In the mode `valid` one must be at least as large as the other in both directions.
    #[error("neither {0}×{1} nor {2}×{3} lies within the other, as the mode `valid` needs", first[0], first[1], second[0], second[1])]
    NeitherWithin {
        /// Rows and columns of the first.
        first: [usize; 2],
        /// Rows and columns of the second.
        second: [usize; 2],
    },
}

impl<T: Copy> Matrix<T> {
    /// `values` row by row.
    pub fn new(rows: usize, columns: usize, values: Vec<T>) -> Result<Self, WindowError> {
        if rows == 0 || columns == 0 || rows.checked_mul(columns) != Some(values.len()) {
            return Err(WindowError::NotAMatrix {
                rows,
                columns,
                values: values.len(),
            });
        }
        Ok(Self {
            rows,
            columns,
            values,
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Number of columns.
    pub fn columns(&self) -> usize {
        self.columns
    }

    /// Row by row.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// Turned by 180°: both axes reversed.
    pub fn flipped(&self) -> Self {
        Self {
            values: self.values.iter().rev().copied().collect(),
            ..*self
        }
    }

    fn within(&self, other: &Self) -> bool {
        self.rows <= other.rows && self.columns <= other.columns
    }
}

/// Convolution: the kernel flipped (`scipy.signal.convolve2d`, zero fill):
///
/// ```text
/// full[i,j] = Σ_u Σ_v  kernel[u,v] · image[i − u, j − v]
/// ```
///
/// `Same` keeps `image`'s size, starting at row (kernel rows − 1) / 2 of the full result, rounded down, and likewise for columns.
pub fn convolve2d<T: Real>(
    image: &Matrix<T>,
    kernel: &Matrix<T>,
    mode: Mode,
) -> Result<Matrix<T>, WindowError> {
    let (before, shape) = extent(image, kernel, mode, |size| size - 1 - (size - 1) / 2)?;
    if mode == Mode::Valid && !kernel.within(image) {
        // Convolution commutes.
        return convolve2d(kernel, image, mode);
    }
    Ok(slide(image, &kernel.flipped(), before, shape))
}

/// Correlation: the kernel as it is, which deep learning calls convolution (`scipy.signal.correlate2d`, zero fill):
///
/// ```text
/// full[i,j] = Σ_u Σ_v  kernel[u,v] · image[i − (kernel rows − 1) + u, j − (kernel columns − 1) + v]
/// ```
///
/// `Same` keeps `image`'s size: the kernel's centre, element ((rows − 1) / 2, (columns − 1) / 2) rounded down, lies on each
/// pixel in turn. In `Valid` with a kernel larger than the image the two change places, and the result is flipped.
pub fn correlate2d<T: Real>(
    image: &Matrix<T>,
    kernel: &Matrix<T>,
    mode: Mode,
) -> Result<Matrix<T>, WindowError> {
    let (before, shape) = extent(image, kernel, mode, |size| (size - 1) / 2)?;
    if mode == Mode::Valid && !kernel.within(image) {
        return Ok(correlate2d(kernel, image, mode)?.flipped());
    }
    Ok(slide(image, kernel, before, shape))
}

/// Rows and columns of zeros before the image, and those of the result. `same`: the zeros before, for a kernel's size, in
/// the mode `Same`.
fn extent<T: Real>(
    image: &Matrix<T>,
    kernel: &Matrix<T>,
    mode: Mode,
    same: impl Fn(usize) -> usize,
) -> Result<([usize; 2], [usize; 2]), WindowError> {
    let (size, window) = ([image.rows, image.columns], [kernel.rows, kernel.columns]);
    match mode {
        Mode::Valid if !kernel.within(image) && !image.within(kernel) => {
            Err(WindowError::NeitherWithin {
                first: size,
                second: window,
            })
        }
        Mode::Valid => Ok((
            [0, 0],
            [0, 1].map(|axis| size[axis].abs_diff(window[axis]) + 1),
        )),
        Mode::Same => Ok((window.map(same), size)),
        Mode::Full => Ok((
            window.map(|window| window - 1),
            [0, 1].map(|axis| size[axis] + window[axis] - 1),
        )),
    }
}

/// `y[i,j] = Σ_u Σ_v kernel[u,v] · image[i + u − before, j + v − before]`, zero outside the image.
fn slide<T: Real>(
    image: &Matrix<T>,
    kernel: &Matrix<T>,
    before: [usize; 2],
    [rows, columns]: [usize; 2],
) -> Matrix<T> {
    let mut values = Vec::with_capacity(rows * columns);
    for i in 0..rows {
        for j in 0..columns {
            let mut sum = T::zero();
            for u in 0..kernel.rows {
                for v in 0..kernel.columns {
                    let y = super::under(i, u, 1, before[0], image.rows);
                    let x = super::under(j, v, 1, before[1], image.columns);
                    if let (Some(y), Some(x)) = (y, x) {
                        sum += kernel.values[u * kernel.columns + v]
                            * image.values[y * image.columns + x];
                    }
                }
            }
            values.push(sum);
        }
    }
    Matrix {
        rows,
        columns,
        values,
    }
}
