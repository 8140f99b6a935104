use thiserror::Error;

/// Why bytes are not the value they should be, or a value cannot become bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum XdrError {
    /// The bytes end before the value does.
    #[error("{wanted} bytes wanted at byte {at}, but {left} are left")]
    Truncated {
        /// Where the missing part would begin.
        at: usize,
        /// How many bytes it needs.
        wanted: usize,
        /// How many there are.
        left: usize,
    },
    /// An array claims more elements than the bytes that remain can hold.
    #[error("{count} elements claimed at byte {at}, but only {left} bytes are left")]
    TooMany {
        /// Where the count stands.
        at: usize,
        /// How many elements it claims.
        count: u32,
        /// How many bytes follow.
        left: usize,
    },
    /// Opaque data is longer than its type allows.
    #[error("{length} bytes claimed at byte {at}, where at most {most} are allowed")]
    TooLong {
        /// Where the length stands.
        at: usize,
        /// The length.
        length: u32,
        /// The longest that the type allows.
        most: usize,
    },
    /// The bytes that fill the last unit of opaque data are not zero.
    #[error("padding that is not zero at byte {at}")]
    Padding {
        /// Where the padding begins.
        at: usize,
    },
    /// A boolean, or the mark before an optional value, is neither 0 nor 1.
    #[error("{value} at byte {at}, where only 0 or 1 can stand")]
    Boolean {
        /// Where it stands.
        at: usize,
        /// What was found.
        value: u32,
    },
    /// A value that the enumeration or union does not declare.
    #[error("{value} at byte {at} is no value of {name}")]
    Undeclared {
        /// Where it stands.
        at: usize,
        /// What was found.
        value: i32,
        /// The type's name.
        name: &'static str,
    },
    /// Bytes follow after the value's end.
    #[error("{left} bytes follow the value that ends at byte {at}")]
    Trailing {
        /// Where the value ends.
        at: usize,
        /// How many bytes follow.
        left: usize,
    },
    /// What was written is longer than its reader would take.
    #[error("more than {limit} bytes to write")]
    OverLimit {
        /// The most that may be written.
        limit: usize,
    },
}
