//! Pooling on its own, where no convolution takes it in.

use glassbox_spec::PoolGeometry;

use super::{
    map::Map,
    simd::{Level, MaxPool, PlacesMut, Winners},
};

/// The tables of one pooling.
#[derive(Debug, Clone)]
pub(crate) struct PoolBlock {
    level: Level,
    input: Map,
    output: Map,
    /// Where each output is, and the real pixels under its window.
    windows: Vec<(u32, Vec<u32>)>,
    max: bool,
}

impl PoolBlock {
    pub(crate) fn new(
        level: Level,
        geometry: &PoolGeometry,
        max: bool,
        input: Map,
        output: Map,
    ) -> Self {
        let (from, to) = (geometry.input(), geometry.output());
        let ([kh, kw], [sh, sw]) = (geometry.kernel(), geometry.stride());
        let padding = geometry.padding();
        let real = |start: usize, taps: usize, before: usize, size: usize| {
            (start..start + taps)
                .filter_map(move |at| at.checked_sub(before).filter(|at| *at < size))
        };
        let mut windows = Vec::new();
        for i in 0..to.height() {
            for j in 0..to.width() {
                let pixels = real(i * sh, kh, padding.top, from.height())
                    .flat_map(|y| real(j * sw, kw, padding.left, from.width()).map(move |x| (y, x)))
                    .map(|(y, x)| input.at(y, x) as u32);
                windows.push((output.at(i, j) as u32, pixels.collect()));
            }
        }
        Self {
            level,
            input,
            output,
            windows,
            max,
        }
    }

    pub(crate) fn input(&self) -> &Map {
        &self.input
    }

    pub(crate) fn output(&self) -> &Map {
        &self.output
    }

    /// Winners of one image.
    pub(crate) fn winners(&self) -> usize {
        if self.max {
            self.windows.len() * self.output.pixel()
        } else {
            0
        }
    }

    /// One image.
    pub(crate) fn forward(
        &self,
        output: &mut [f32],
        mut winners: Option<PlacesMut<'_>>,
        input: &[f32],
    ) {
        let channels = self.output.pixel();
        for (i, (at, pixels)) in self.windows.iter().enumerate() {
            if self.max {
                self.level.max_pool(MaxPool {
                    output,
                    output_rows: &[*at],
                    winners: winners.as_mut().map(|w| w.part_mut(i * channels, channels)),
                    input,
                    input_rows: &[0],
                    window: pixels,
                    places: pixels,
                    channels,
                });
            } else {
                let mean = &mut output[*at as usize..][..channels];
                mean.fill(0.0);
                for pixel in pixels {
                    self.level.add(mean, &input[*pixel as usize..][..channels]);
                }
                mean.iter_mut().for_each(|sum| *sum /= pixels.len() as f32);
            }
        }
    }

    /// One image's input gradient; `first` is the first of its winners.
    pub(crate) fn backward(
        &self,
        d_input: &mut [f32],
        d_output: &[f32],
        winners: &Winners,
        first: usize,
    ) {
        let channels = self.output.pixel();
        d_input.fill(0.0);
        for (i, (at, pixels)) in self.windows.iter().enumerate() {
            let d_output = &d_output[*at as usize..][..channels];
            if self.max {
                let winners = &winners.values()[first + i * channels..][..channels];
                for (channel, (d, winner)) in d_output.iter().zip(winners).enumerate() {
                    d_input[*winner as usize + channel] += d;
                }
            } else {
                for pixel in pixels {
                    let d_input = &mut d_input[*pixel as usize..][..channels];
                    for (d_input, d) in d_input.iter_mut().zip(d_output) {
                        *d_input += d / pixels.len() as f32;
                    }
                }
            }
        }
    }
}
