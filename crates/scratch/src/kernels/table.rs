//! The kernels under the names, and with the arguments, of [`mod@crate::reference`].

use rayon::prelude::*;

use super::{
    layers::{ConvLayer, DenseLayer, Images::Planar},
    simd::Level,
};
use crate::{Adam, Operations};

/// Values of a parameter that one task of an optimizer's step updates.
const VALUES: usize = 8192;

impl Operations<f32> {
    /// The kernels of a level. What they do not do faster is the reference's.
    pub fn kernels(level: Level) -> Self {
        // A function pointer carries no level, so there is a table for each.
        macro_rules! table {
            ($($name:literal)*) => {
                match level.name() {
                    $($name => Self {
                        conv_forward: |y, x, w, b, geometry| {
                            let layer = ConvLayer::new(Level::named($name), geometry, false, None, false);
                            layer.forward(Planar(y), Planar(x), w, b, false);
                        },
                        conv_backward: |d_x, d_w, d_b, d_y, x, w, geometry| {
                            let layer = ConvLayer::new(Level::named($name), geometry, false, None, false);
                            let (x, d_y) = (Planar(x), Planar(d_y));
                            layer.backward(Some(Planar(d_x)), d_w, d_b, d_y, d_y, x, &layer.saved(x, w));
                        },
                        dense_forward: |y, x, w, b| {
                            DenseLayer::new(Level::named($name), w.len() / b.len(), b.len(), false).forward(y, x, w, b);
                        },
                        dense_backward: |d_x, d_w, d_b, d_y, x, w| {
                            let layer = DenseLayer::new(Level::named($name), w.len() / d_b.len(), d_b.len(), false);
                            layer.backward(Some(d_x), d_w, d_b, d_y, d_y, x, &layer.saved(w));
                        },
                        adam_step: |p, m, v, g, rate, step, adam| {
                            adam_step(Level::named($name), [p, m, v], g, rate, step, adam);
                        },
                        sgd_step: |p, v, g, rate, momentum| {
                            Level::named($name).sgd([p, v], g, rate as f32, momentum as f32);
                        },
                        ..Self::REFERENCE
                    },)*
                    level => unreachable!("a table for {level}"),
                }
            };
        }
        table!("avx512" "avx2" "neon" "simd128" "portable")
    }
}

fn adam_step(
    level: Level,
    [p, m, v]: [&mut [f32]; 3],
    g: &[f32],
    rate: f64,
    step: u64,
    adam: &Adam,
) {
    for values in [&p, &m, &v] {
        assert_eq!(values.len(), g.len(), "gradient");
    }
    let rate = (rate * adam.correction(step)) as f32;
    let values = p
        .par_chunks_mut(VALUES)
        .zip(m.par_chunks_mut(VALUES))
        .zip(v.par_chunks_mut(VALUES));
    values
        .zip(g.par_chunks(VALUES))
        .for_each(|(((p, m), v), g)| level.adam([p, m, v], g, rate, adam));
}
