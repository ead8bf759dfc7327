//! Sums of products in registers: what a convolution's forward pass and all of a dense layer come down to.

use super::{Level, vector::Simd};

/// Rows of outputs, each a weighted sum over a row of inputs, with the places of both given by tables:
///
/// ```text
/// output[output_rows[i] + c] = start[c] + Σ_k  input[input_rows[i] + taps[k]] · weights[k, c]
/// ```
///
/// For a convolution i is an output pixel, k counts the taps under its window, c is the output channel; for a dense layer i
/// is the image and k the feature. (An *indirect* convolution: Dukhan, "The indirect convolution algorithm", 2019; the
/// register tiles are those of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", 2008.)
pub(crate) struct Product<'a> {
    pub output: &'a mut [f32],
    /// Where each row of outputs begins.
    pub output_rows: &'a [u32],
    pub input: &'a [f32],
    /// Where each row of inputs begins.
    pub input_rows: &'a [u32],
    /// The taps of a row, as stretches of neighbours.
    pub runs: &'a [Run],
    /// Weights of one tap after the other, `columns` each; see [`Weights`].
    pub weights: &'a [f32],
    pub order: Weights,
    pub start: Start<'a>,
    /// A multiple of the lanes of a register.
    pub columns: usize,
    /// Whether sums below zero become zero.
    pub relu: bool,
}

/// Taps that are neighbours in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Run {
    /// From the beginning of the row to the first.
    pub offset: u32,
    pub taps: u32,
}

impl Run {
    /// From the beginning of the row to the last of its taps, and one further.
    fn end(&self) -> usize {
        (self.offset as usize).saturating_add(self.taps as usize)
    }
}

/// What the sums begin with.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Start<'a> {
    Zero,
    /// The same for every row: a bias.
    Row(&'a [f32]),
    /// What is already in the output.
    Output,
}

/// How weights lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weights {
    /// `[columns / block][taps][block]` with blocks of [`Level::block`] columns, the last of them narrower: read straight
    /// through.
    Blocked,
    /// `[taps][columns]`.
    Rows,
}

impl Level {
    /// Columns of a block of [`Weights::Blocked`].
    pub(crate) fn block(self) -> usize {
        2 * self.lanes()
    }

    /// Computes the sums.
    pub(crate) fn product(self, mut product: Product<'_>) {
        let Product {
            output,
            output_rows,
            input,
            input_rows,
            runs,
            weights,
            start,
            columns,
            ..
        } = &product;
        let taps = runs.iter().map(|run| run.taps as usize);
        let taps = taps.fold(0, usize::saturating_add);
        let last_tap = runs.iter().map(Run::end).max();
        let last_input = input_rows.iter().max().map_or(0, |row| *row as usize);
        let last_output = output_rows.iter().max().map_or(0, |row| *row as usize);
        assert_eq!(output_rows.len(), input_rows.len(), "rows");
        assert!(columns.is_multiple_of(self.lanes()), "columns");
        assert_eq!(weights.len(), taps.saturating_mul(*columns), "weights");
        if let Start::Row(row) = start {
            assert_eq!(row.len(), *columns, "start");
        }
        assert!(
            last_input.saturating_add(last_tap.unwrap_or(0)) <= input.len(),
            "input"
        );
        assert!(
            output_rows.is_empty() || last_output.saturating_add(*columns) <= output.len(),
            "output"
        );
        // SAFETY: the machine has the instruction set of a `Level`. The furthest places that are read and written were
        // just asserted to be inside their slices: of the input, the last tap of the last row; of the output, the last
        // column of the last row; of the weights, taps × columns.
        unsafe { (self.entries().product)(&mut product) }
    }
}

/// # Safety
///
/// That of [`Simd`], and what [`Level::product`] asserts.
#[inline(always)]
pub(super) unsafe fn run<S: Simd>(product: &mut Product<'_>) {
    let rows = product.output_rows.len();
    let tiles = rows.div_ceil(S::ACCUMULATORS / 2);
    let vectors = product.columns / S::LANES;
    let mut vector = 0;
    while vector < vectors {
        let wide = vectors - vector >= 2;
        for tile in 0..tiles {
            // Tiles of even sizes, so that none is too small to keep the multipliers busy.
            let bound = |tile: usize| (tile as u64 * rows as u64 / tiles as u64) as usize;
            let (first, end) = (bound(tile), bound(tile + 1));
            // SAFETY: passed on; the rows and columns of a tile are among those of the product.
            unsafe {
                match wide {
                    true => sized::<S, 2>(product, first, end - first, vector),
                    false => sized::<S, 1>(product, first, end - first, vector),
                }
            }
        }
        vector += if wide { 2 } else { 1 };
    }
}

/// A tile of so many rows, as a loop that the compiler knows the size of.
///
/// # Safety
///
/// That of [`run`].
#[inline(always)]
unsafe fn sized<S: Simd, const VECTORS: usize>(
    product: &mut Product<'_>,
    first: usize,
    rows: usize,
    vector: usize,
) {
    macro_rules! rows {
        ($($size:literal)*) => {
            match rows {
                // The second half of the condition is a constant: registers that are not there need no code.
                $($size if $size * 2 <= S::ACCUMULATORS => {
                    // SAFETY: passed on.
                    unsafe { tile::<S, $size, VECTORS>(product, first, vector) }
                })*
                _ => unreachable!("a tile has at most half as many rows as there are accumulators"),
            }
        };
    }
    rows!(1 2 3 4 5 6 7 8 9 10 11 12);
}

/// # Safety
///
/// That of [`run`].
#[inline(always)]
unsafe fn tile<S: Simd, const ROWS: usize, const VECTORS: usize>(
    product: &mut Product<'_>,
    first: usize,
    vector: usize,
) {
    let column = vector * S::LANES;
    let taps = product.weights.len() / product.columns;
    let (begin, step) = match product.order {
        Weights::Blocked => (column * taps, VECTORS * S::LANES),
        Weights::Rows => (column, product.columns),
    };
    // SAFETY: `Level::product` asserts that the last row + the last tap are inside the input, the last row + the columns inside the
    // output, and a start that is a row has as many columns. Rows and columns are among the product's. The weights are taps ×
    // columns: blocks before this one hold `column × taps` of them.
    unsafe {
        let mut weights = product.weights.as_ptr().wrapping_add(begin);
        let mut inputs = [product.input.as_ptr(); ROWS];
        for (row, input) in inputs.iter_mut().enumerate() {
            *input = input.add(*product.input_rows.get_unchecked(first + row) as usize);
        }
        let mut sums = [[S::splat(0.0); VECTORS]; ROWS];
        match product.start {
            Start::Zero => {}
            Start::Row(start) => {
                for v in 0..VECTORS {
                    let start = S::load(start.as_ptr().add(column + v * S::LANES));
                    for sums in &mut sums {
                        sums[v] = start;
                    }
                }
            }
            Start::Output => {
                for (row, sums) in sums.iter_mut().enumerate() {
                    let place = *product.output_rows.get_unchecked(first + row) as usize + column;
                    for (v, sum) in sums.iter_mut().enumerate() {
                        *sum = S::load(product.output.as_ptr().add(place + v * S::LANES));
                    }
                }
            }
        }
        for run in product.runs {
            for tap in run.offset as usize..run.end() {
                let mut weight = [S::splat(0.0); VECTORS];
                for (v, weight) in weight.iter_mut().enumerate() {
                    *weight = S::load(weights.wrapping_add(v * S::LANES));
                }
                for row in 0..ROWS {
                    let x = S::splat(*inputs[row].add(tap));
                    for v in 0..VECTORS {
                        sums[row][v] = S::mul_add(x, weight[v], sums[row][v]);
                    }
                }
                weights = weights.wrapping_add(step);
            }
        }
        for (row, sums) in sums.iter().enumerate() {
            let place = *product.output_rows.get_unchecked(first + row) as usize + column;
            let output = product.output.as_mut_ptr().add(place);
            for (v, sum) in sums.iter().enumerate() {
                let value = if product.relu { S::relu(*sum) } else { *sum };
                S::store(output.add(v * S::LANES), value);
            }
        }
    }
}
