//! The head of a member's answer.

/// Why a member's answer is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadAnswer {
    /// It does not begin as an answer does.
    #[error("it does not begin as an answer does")]
    NoAnswer,
    /// A line of its head is no header.
    #[error("a line of its head is no header")]
    Header,
    /// Its head is too long.
    #[error("its head is too long")]
    TooLong,
    /// Its length is said twice, or not in digits.
    #[error("its Content-Length makes no sense")]
    Length,
    /// It is encoded in another way than in chunks, or says its length as well.
    #[error("its Transfer-Encoding makes no sense")]
    TransferEncoding,
    /// A chunk is none.
    #[error("a chunk of it makes no sense")]
    Chunk,
    /// The protocol is changed though nobody asked for that.
    #[error("it changes the protocol, which nobody asked for")]
    Upgrade,
    /// There are too many answers before the final one.
    #[error("too many interim answers came before it")]
    Interim,
}
