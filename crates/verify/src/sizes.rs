//! The sizes of a case: drawn, made smaller, printed and typed in.

use std::fmt;

use glassbox_spec::{ImageShape, Random, Sides};

/// The sizes of a case. Those that its operation does not have are 1 (padding 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sizes {
    /// Images in the batch; steps of an optimizer.
    pub images: usize,
    /// Channels of the input; inputs of a dense layer.
    pub channels: usize,
    /// Of the input.
    pub height: usize,
    /// Of the input.
    pub width: usize,
    /// Output channels of a convolution, units of a dense layer, classes of the loss, inputs of a sum.
    pub filters: usize,
    /// `[height, width]`.
    pub kernel: [usize; 2],
    /// `[vertical, horizontal]`.
    pub stride: [usize; 2],
    /// Rows and columns.
    pub padding: Sides,
}

/// From 1 to `most`.
pub(crate) fn size(random: &mut Random, most: usize) -> usize {
    1 + random.below(most as u32) as usize
}

impl Sizes {
    /// All 1, without padding.
    pub(crate) const ONES: Self = Self {
        images: 1,
        channels: 1,
        height: 1,
        width: 1,
        filters: 1,
        kernel: [1, 1],
        stride: [1, 1],
        padding: Sides {
            top: 0,
            bottom: 0,
            left: 0,
            right: 0,
        },
    };

    /// A few small images.
    pub(crate) fn random(random: &mut Random) -> Self {
        Self {
            images: size(random, 3),
            channels: size(random, 5),
            height: size(random, 9),
            width: size(random, 9),
            ..Self::ONES
        }
    }

    /// Draws kernel and stride of a sliding window.
    pub(crate) fn draw_window(&mut self, random: &mut Random) {
        self.kernel = [size(random, 4), size(random, 4)];
        self.stride = [size(random, 3), size(random, 3)];
    }

    /// Draws the padding of a sliding window, below `most` for rows and columns, and makes the image as large as it needs to be.
    pub(crate) fn draw_padding(&mut self, random: &mut Random, [rows, columns]: [usize; 2]) {
        self.padding = Sides {
            top: size(random, rows) - 1,
            bottom: size(random, rows) - 1,
            left: size(random, columns) - 1,
            right: size(random, columns) - 1,
        };
        // Now and then a long sum.
        if random.below(16) == 0 {
            self.channels = 24 + random.below(24) as usize;
        }
        let [kh, kw] = self.kernel;
        self.height = self.height.max(kh.saturating_sub(self.padding.top));
        self.width = self.width.max(kw.saturating_sub(self.padding.left));
    }

    /// Shape of one input image; `None` where sizes are out of range.
    pub(crate) fn image(&self) -> Option<ImageShape> {
        ImageShape::new(self.channels, self.height, self.width).ok()
    }

    /// Channels × height × width.
    pub(crate) fn image_len(&self) -> usize {
        self.channels * self.height * self.width
    }

    /// Of the batch of images.
    pub(crate) fn dims(&self) -> [usize; 4] {
        [self.images, self.channels, self.height, self.width]
    }

    /// Whether no window slides.
    pub(crate) fn windowless(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.padding.is_zero()
    }

    /// The values of an image, for what has images and no size besides; `None` for other sizes.
    pub(crate) fn images_alone(&self) -> Option<usize> {
        let alone = self.windowless() && self.filters == 1;
        self.image().filter(|_| alone).map(|image| image.len())
    }

    /// The sizes with one of them made smaller, every way there is: halved first, then by one.
    pub(crate) fn smaller(&self) -> impl Iterator<Item = Self> {
        let before = *self;
        let fields: [fn(&mut Self) -> &mut usize; 13] = [
            |sizes| &mut sizes.images,
            |sizes| &mut sizes.channels,
            |sizes| &mut sizes.filters,
            |sizes| &mut sizes.height,
            |sizes| &mut sizes.width,
            |sizes| &mut sizes.kernel[0],
            |sizes| &mut sizes.kernel[1],
            |sizes| &mut sizes.stride[0],
            |sizes| &mut sizes.stride[1],
            |sizes| &mut sizes.padding.top,
            |sizes| &mut sizes.padding.bottom,
            |sizes| &mut sizes.padding.left,
            |sizes| &mut sizes.padding.right,
        ];
        let ways = [|size: usize| size / 2, |size: usize| size.saturating_sub(1)];
        let all = ways.into_iter().flat_map(move |shrink| {
            fields.into_iter().map(move |field| {
                let mut sizes = before;
                let size = field(&mut sizes);
                *size = shrink(*size);
                sizes
            })
        });
        all.filter(move |sizes| *sizes != before)
    }

    /// Takes one in, as it is printed; `None` where it is none.
    pub(crate) fn set(&mut self, key: &str, value: &str) -> Option<()> {
        let sizes: Vec<usize> = value
            .split('x')
            .map(|s| s.parse().ok())
            .collect::<Option<_>>()?;
        match (key, sizes.as_slice()) {
            ("n", &[n]) => self.images = n,
            ("c", &[c]) => self.channels = c,
            ("h", &[h]) => self.height = h,
            ("w", &[w]) => self.width = w,
            ("f", &[f]) => self.filters = f,
            ("k", &[h, w]) => self.kernel = [h, w],
            ("s", &[v, h]) => self.stride = [v, h],
            ("p", &[top, bottom, left, right]) => {
                self.padding = Sides {
                    top,
                    bottom,
                    left,
                    right,
                };
            }
            _ => return None,
        }
        Some(())
    }
}

impl fmt::Display for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            images,
            channels,
            height,
            width,
            filters,
            kernel: [kh, kw],
            stride: [sh, sw],
            padding,
        } = self;
        let Sides {
            top,
            bottom,
            left,
            right,
        } = padding;
        write!(
            f,
            "n={images},c={channels},h={height},w={width},f={filters},k={kh}x{kw},s={sh}x{sw},\
             p={top}x{bottom}x{left}x{right}"
        )
    }
}
