//! The checks, checked: with each planted fault in the table of functions, some check must fail.

use glassbox_model::ModelError;
use glassbox_scratch::Operations;
use glassbox_spec::Activation;
use rayon::prelude::*;

use crate::{MutantResult, Operation, Route, Tables, checks::check, faults, random_cases};

/// Cases that a mutant is given to show itself.
const CASES: u32 = 100;

/// A planted fault.
pub struct Mutant {
    /// What is wrong.
    pub name: &'static str,
    /// The operation that it is in.
    pub operation: Operation,
    /// The reference, but for the fault.
    pub tables: Tables,
}

/// One mutant a line: its operation, its name, and the entries of the table that the fault takes the place of.
macro_rules! mutants {
    ($($operation:expr, $name:literal, $($entry:ident = $fault:ident),+;)*) => {
        &[$(Mutant {
            name: $name,
            operation: $operation,
            tables: Tables {
                f32: Operations { $($entry: faults::$fault,)+ ..Operations::REFERENCE },
                f64: Operations { $($entry: faults::$fault,)+ ..Operations::REFERENCE },
            },
        }),*]
    };
}

const RELU: Operation = Operation::Activation(Activation::Relu);

/// Every planted fault.
#[rustfmt::skip] // a table
pub const MUTANTS: &[Mutant] = mutants! {
    Operation::Conv, "conv: padding off by one", conv_forward = conv_padding_off_by_one;
    Operation::Conv, "conv: padding swapped between the axes", conv_forward = conv_padding_swapped;
    Operation::Conv, "conv: stride off by one", conv_forward = conv_stride_off_by_one;
    Operation::Conv, "conv: stride swapped between the axes", conv_forward = conv_stride_swapped;
    Operation::Conv, "conv: height and width of the input swapped", conv_forward = conv_input_axes_swapped;
    Operation::Conv, "conv: height and width of the kernel swapped", conv_forward = conv_kernel_axes_swapped;
    Operation::Conv, "conv: kernel flipped", conv_forward = conv_kernel_flipped;
    Operation::Conv, "conv: bias missing", conv_forward = conv_without_bias;
    Operation::Conv, "conv: last row dropped", conv_forward = conv_last_row_dropped;
    Operation::Conv, "conv: only the first channel summed", conv_forward = conv_first_channel_only;
    Operation::Conv, "conv: kernel not flipped in d_input", conv_backward = conv_d_input_kernel_not_flipped;
    Operation::Conv, "conv: padding off by one in d_input", conv_backward = conv_d_input_padding_off_by_one;
    Operation::Conv, "conv: last row of d_input dropped", conv_backward = conv_d_input_last_row_dropped;
    Operation::Conv, "conv: d_weight flipped", conv_backward = conv_d_weight_flipped;
    Operation::Conv, "conv: d_weight overwritten image by image", conv_backward = conv_d_weight_of_last_image_only;
    Operation::Conv, "conv: d_bias missing", conv_backward = conv_d_bias_missing;
    Operation::Conv, "conv: d_bias averaged", conv_backward = conv_d_bias_averaged;
    Operation::MaxPool, "max_pool: padding counts as zero", max_pool_forward = max_pool_padding_is_zero;
    Operation::MaxPool, "max_pool: largest magnitude", max_pool_forward = max_pool_of_magnitudes;
    Operation::MaxPool, "max_pool: gradient to the last of equals", max_pool_forward = max_pool_last_tie;
    Operation::MaxPool, "max_pool: gradient to every one of equals", max_pool_forward = max_pool_notes_every_tie, max_pool_backward = max_pool_to_every_tie;
    Operation::MaxPool, "max_pool: gradient divided by the window", max_pool_backward = max_pool_winner_scaled;
    Operation::MaxPool, "max_pool: overlapping windows overwrite", max_pool_backward = max_pool_overlaps_overwrite;
    Operation::MaxPool, "max_pool: gradient to the whole window", max_pool_backward = max_pool_to_whole_window;
    Operation::AvgPool, "avg_pool: padding counted", avg_pool_forward = avg_pool_counts_padding;
    Operation::AvgPool, "avg_pool: gradient not divided", avg_pool_backward = avg_pool_gradient_not_divided;
    RELU, "relu: mask of the gradient, not of the input", activation_backward = relu_mask_of_gradient;
    RELU, "relu: gradient passes at zero", activation_backward = relu_passes_at_zero;
    Operation::Activation(Activation::LeakyRelu), "leaky_relu: leak forgotten backward", activation_backward = leak_forgotten;
    Operation::Activation(Activation::Sigmoid), "sigmoid: derivative taken at the output", activation_backward = sigmoid_derivative_at_output;
    Operation::Activation(Activation::Silu), "silu: product rule forgotten", activation_backward = silu_without_product_rule;
    Operation::Dense, "dense: weight transposed", dense_forward = dense_weight_transposed;
    Operation::Dense, "dense: d_bias overwritten row by row", dense_backward = dense_d_bias_of_last_row_only;
    Operation::Dropout, "dropout: gradient not masked", dropout_backward = dropout_gradient_not_masked;
    Operation::Dropout, "dropout: kept values not scaled", dropout_forward = dropout_not_scaled;
    Operation::Flatten, "flatten: order row, column, channel", flatten_forward = flatten_rows_first;
    Operation::CrossEntropy, "cross_entropy: loss without the mean", cross_entropy_forward = loss_without_mean;
    Operation::CrossEntropy, "cross_entropy: gradient without the mean", cross_entropy_backward = loss_gradient_without_mean;
    Operation::CrossEntropy, "cross_entropy: label not subtracted", cross_entropy_backward = loss_label_not_subtracted;
    Operation::CrossEntropy, "cross_entropy: largest logit not subtracted", cross_entropy_forward = loss_overflows;
    Operation::Adam, "adam: no bias correction", adam_step = adam_without_correction;
    Operation::Adam, "adam: correction one step late", adam_step = adam_correction_one_step_late;
    Operation::Adam, "adam: epsilon inside the root", adam_step = adam_epsilon_inside_root;
    Operation::Adam, "adam: epsilon after the correction", adam_step = adam_epsilon_after_correction;
    Operation::Adam, "adam: second moment not squared", adam_step = adam_second_moment_not_squared;
    Operation::Sgd, "sgd: momentum forgotten", sgd_step = sgd_without_momentum;
    Operation::Sgd, "sgd: dampened", sgd_step = sgd_dampened;
    Operation::Sgd, "sgd: uphill", sgd_step = sgd_uphill;
};

/// Runs each mutant through the checks of its operation, narrowest first: finite differences, which need no other engine, then the
/// reference in `f64`.
pub(crate) fn hunt(seed: u64) -> Result<Vec<MutantResult>, ModelError> {
    MUTANTS
        .par_iter()
        .map(|mutant| {
            let cases = random_cases(mutant.operation, CASES, seed);
            let mut by = None;
            for route in [Route::Differences, Route::Reference] {
                if by.is_none() {
                    let (_, failures) = check(mutant.operation, &route, &mutant.tables, &cases)?;
                    by = failures.into_iter().next();
                }
            }
            Ok(MutantResult {
                name: mutant.name,
                caught: by.is_some(),
                by,
            })
        })
        .collect()
}
