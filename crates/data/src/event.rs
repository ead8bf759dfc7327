//! What takes a while, as it goes on.

/// Something that takes a while.
#[derive(Debug, Clone, Copy)]
pub enum Event<'a> {
    /// So many bytes of a file have arrived.
    Fetching {
        /// File name.
        file: &'a str,
        /// Bytes so far.
        done: u64,
        /// Bytes in all, where the server says so.
        total: Option<u64>,
    },
    /// So many image files have been decoded.
    Decoding {
        /// Files so far.
        done: usize,
        /// Files in all.
        total: usize,
    },
}
