//! Random changes to training images that leave their class alone.

use std::f64::consts::PI;

use glassbox_spec::{Augment, ImageShape, MAX_SIZE, Random};

/// The changed image, planar as the original. `random` is the image's own stream.
pub fn augmented(
    pixels: &[u8],
    shape: ImageShape,
    augment: &Augment,
    random: &mut Random,
) -> Vec<u8> {
    let mut image = pixels.to_vec();
    let (height, width) = (shape.height(), shape.width());
    if augment.shift > 0.0 || augment.rotate > 0.0 || augment.scale > 0.0 {
        image = Affine::draw(augment, random).apply(pixels, shape);
    }
    if augment.flip && random.below(2) == 1 {
        image.chunks_exact_mut(width).for_each(<[u8]>::reverse);
    }
    if augment.crop > 0 {
        // More would leave nothing of any image.
        let most = augment.crop.min(MAX_SIZE);
        let mut offset = || random.below(2 * most as u32 + 1) as isize - most as isize;
        let (down, right) = (offset(), offset());
        let from = image.clone();
        for (plane, from) in planes(&mut image, shape).zip(from.chunks_exact(height * width)) {
            translate(from, plane, width, down, right);
        }
    }
    if augment.cutout > 0 {
        let top = random.below(height as u32) as usize;
        let left = random.below(width as u32) as usize;
        // Centred on the drawn pixel, so that it may reach beyond the border.
        let span = |centre: usize, size: usize| {
            let start = centre.saturating_sub(augment.cutout / 2);
            start..centre.saturating_add(augment.cutout.div_ceil(2)).min(size)
        };
        let (rows, columns) = (span(top, height), span(left, width));
        for plane in planes(&mut image, shape) {
            for row in rows.clone() {
                plane[row * width..][columns.clone()].fill(0);
            }
        }
    }
    image
}

/// The image turned clockwise by `degrees` about its centre, then moved by so many pixels; planar as the original. Pixels from
/// outside are 0; between pixels it is bilinear, so that whole pixels and quarter turns of square images copy.
pub fn moved(pixels: &[u8], shape: ImageShape, down: f64, right: f64, degrees: f64) -> Vec<u8> {
    Affine::new(down, right, degrees, 1.0).apply(pixels, shape)
}

fn planes(image: &mut [u8], shape: ImageShape) -> impl Iterator<Item = &mut [u8]> {
    image.chunks_exact_mut(shape.height() * shape.width())
}

/// Moves a plane by whole pixels.
fn translate(from: &[u8], to: &mut [u8], width: usize, down: isize, right: isize) {
    to.fill(0);
    let columns = width.saturating_sub(right.unsigned_abs());
    let (source, target) = ((-right).max(0) as usize, right.max(0) as usize);
    for (row, to) in to.chunks_exact_mut(width).enumerate() {
        let Some(from_row) = row.checked_add_signed(-down) else {
            continue;
        };
        if columns > 0
            && let Some(from) = from.get(from_row * width..(from_row + 1) * width)
        {
            to[target..target + columns].copy_from_slice(&from[source..source + columns]);
        }
    }
}

/// Rotation and scaling about the centre, then a shift.
struct Affine {
    cos: f64,
    sin: f64,
    down: f64,
    right: f64,
}

impl Affine {
    fn draw(augment: &Augment, random: &mut Random) -> Self {
        let mut symmetric = |most: f64| random.between(-most, most);
        let (down, right) = (symmetric(augment.shift), symmetric(augment.shift));
        let degrees = symmetric(augment.rotate);
        let zoom = 1.0 / (1.0 + symmetric(augment.scale));
        Self::new(down, right, degrees, zoom)
    }

    /// `zoom`: how many pixels of the original make one.
    fn new(down: f64, right: f64, degrees: f64, zoom: f64) -> Self {
        let angle = degrees * PI / 180.0;
        Self {
            cos: libm::cos(angle) * zoom,
            sin: libm::sin(angle) * zoom,
            down,
            right,
        }
    }

    /// Every plane of an image.
    fn apply(&self, pixels: &[u8], shape: ImageShape) -> Vec<u8> {
        let mut image = vec![0; pixels.len()];
        let (height, width) = (shape.height(), shape.width());
        for (plane, from) in planes(&mut image, shape).zip(pixels.chunks_exact(height * width)) {
            self.resample(from, plane, height, width);
        }
        image
    }

    /// For each target pixel, where it comes from, bilinearly, with coordinates in 1/65536 of a pixel.
    fn resample(&self, from: &[u8], to: &mut [u8], height: usize, width: usize) {
        const ONE: f64 = 65536.0;
        // Far outside is far enough: steps from there on still fit in 64 bits.
        const FAR: f64 = (1u64 << 44) as f64;
        let fixed = |value: f64| (value * ONE).round().clamp(-FAR, FAR) as i64;
        let (middle_y, middle_x) = ((height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0);
        let pixel = |y: i64, x: i64| -> i64 {
            let inside = (0..height as i64).contains(&y) && (0..width as i64).contains(&x);
            if inside {
                i64::from(from[y as usize * width + x as usize])
            } else {
                0
            }
        };
        let (step_y, step_x) = (fixed(-self.sin), fixed(self.cos));
        for (row, to) in to.chunks_exact_mut(width).enumerate() {
            let (y, x) = (row as f64 - middle_y - self.down, -middle_x - self.right);
            let mut source_y = fixed(middle_y + self.cos * y - self.sin * x);
            let mut source_x = fixed(middle_x + self.sin * y + self.cos * x);
            for to in to {
                let (top, left) = (source_y >> 16, source_x >> 16);
                let (v, h) = (source_y & 0xffff, source_x & 0xffff);
                let upper = pixel(top, left) * (0x10000 - h) + pixel(top, left + 1) * h;
                let lower = pixel(top + 1, left) * (0x10000 - h) + pixel(top + 1, left + 1) * h;
                let value = upper * (0x10000 - v) + lower * v;
                // Rounded; at most 255 · 2³².
                *to = ((value + (1 << 31)) >> 32) as u8;
                source_y += step_y;
                source_x += step_x;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use glassbox_spec::{AUGMENTATIONS, Stream};

    const HEIGHT: usize = 5;
    const WIDTH: usize = 7;

    fn shape() -> ImageShape {
        ImageShape::new(2, HEIGHT, WIDTH).unwrap()
    }

    fn pixels() -> Vec<u8> {
        (1..=70).collect()
    }

    fn random(index: u32) -> Random {
        Random::new(3, Stream::Augment, 1, index)
    }

    #[test]
    fn translating_moves_rows_and_columns() {
        let from: Vec<u8> = (1..=12).collect();
        let mut to = vec![9; 12];
        translate(&from, &mut to, 4, 1, -1);
        assert_eq!(to, [0, 0, 0, 0, 2, 3, 4, 0, 6, 7, 8, 0]);
        translate(&from, &mut to, 4, -2, 3);
        assert_eq!(to, [0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0]);
        translate(&from, &mut to, 4, 0, 9);
        assert_eq!(to, [0; 12]);
    }

    #[test]
    fn the_affine_map_moves_and_turns_about_the_centre() {
        let from: Vec<u8> = (0..15).map(|i| i * 10).collect();
        let mut to = vec![0; 15];
        let shifted = Affine {
            cos: 1.0,
            sin: 0.0,
            down: 1.0,
            right: -1.0,
        };
        shifted.resample(&from, &mut to, 3, 5);
        assert_eq!(to, [0, 0, 0, 0, 0, 10, 20, 30, 40, 0, 60, 70, 80, 90, 0]);
        let half_turn = Affine {
            cos: -1.0,
            sin: 0.0,
            down: 0.0,
            right: 0.0,
        };
        half_turn.resample(&from, &mut to, 3, 5);
        let mut reversed = from.clone();
        reversed.reverse();
        assert_eq!(to, reversed);
    }

    #[test]
    fn an_image_moves_by_whole_pixels_and_turns_clockwise_in_every_channel() {
        let shape = ImageShape::new(2, 3, 4).unwrap();
        let pixels: Vec<u8> = (1..=24).collect();
        assert_eq!(moved(&pixels, shape, 0.0, 0.0, 0.0), pixels);
        let expected = [
            [0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 5, 6],
            [0, 0, 0, 0, 0, 0, 13, 14, 0, 0, 17, 18],
        ];
        assert_eq!(moved(&pixels, shape, 1.0, 2.0, 0.0), expected.concat());
        let square = ImageShape::new(1, 3, 3).unwrap();
        let turned = moved(&pixels[..9], square, 0.0, 0.0, 90.0);
        assert_eq!(turned, [7, 4, 1, 8, 5, 2, 9, 6, 3]);
        let back = moved(&pixels[..9], square, 0.0, -1.0, -90.0);
        assert_eq!(back, [6, 9, 0, 5, 8, 0, 4, 7, 0]);
    }

    #[test]
    fn an_image_depends_on_its_own_stream_alone() {
        for name in AUGMENTATIONS {
            let augment = Augment::named(name).unwrap();
            let change = |index| augmented(&pixels(), shape(), &augment, &mut random(index));
            assert_eq!(change(4), change(4));
            assert_eq!(name == "none", change(4) == change(5), "{name}");
        }
    }

    #[test]
    fn flip_reverses_rows_in_half_of_the_images() {
        let augment = Augment {
            flip: true,
            ..Augment::default()
        };
        let mut flipped = 0;
        for index in 0..200 {
            let image = augmented(&pixels(), shape(), &augment, &mut random(index));
            if image != pixels() {
                flipped += 1;
                assert_eq!(image[..WIDTH], [7, 6, 5, 4, 3, 2, 1]);
            }
        }
        assert!((80..120).contains(&flipped), "{flipped}");
    }

    #[test]
    fn cutout_blackens_the_same_square_in_every_channel() {
        let augment = Augment {
            cutout: 3,
            ..Augment::default()
        };
        for index in 0..50 {
            let image = augmented(&pixels(), shape(), &augment, &mut random(index));
            let (first, second) = image.split_at(HEIGHT * WIDTH);
            let black = |plane: &[u8]| -> Vec<usize> {
                (0..plane.len()).filter(|i| plane[*i] == 0).collect()
            };
            assert_eq!(black(first), black(second));
            assert!((4..=9).contains(&black(first).len()));
        }
    }

    #[test]
    fn numbers_that_nobody_should_give_do_no_harm() {
        let endless = Augment {
            shift: f64::INFINITY,
            rotate: f64::NAN,
            scale: 1.0,
            flip: true,
            crop: usize::MAX,
            cutout: usize::MAX,
        };
        let image = augmented(&pixels(), shape(), &endless, &mut random(0));
        assert_eq!(image, [0; 70]);
        assert_eq!(moved(&pixels(), shape(), f64::MAX, 0.0, 0.0), [0; 70]);
        assert_eq!(moved(&[7; 3], shape(), 0.0, 0.0, 0.0), [0; 3]);
    }
}
