//! Which files are images, and their bytes.

use std::io::{self, Read};

use crate::bounded;

/// No image file may have more bytes than this.
const MAX_FILE: u64 = 64 << 20;

/// Whether a file's name is that of an image that can be read: `.png`, `.jpg`, `.jpeg`.
pub fn is_image_name(name: &str) -> bool {
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_lowercase());
    matches!(extension.as_deref(), Some("png" | "jpg" | "jpeg"))
}

/// Reads the bytes of an image file, or fails if there are more than any image should have.
pub fn read_image_file(reader: impl Read) -> io::Result<Vec<u8>> {
    bounded::read(reader, MAX_FILE)
}
