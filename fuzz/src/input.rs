//! From the fuzzer's bytes to what a target takes.

use arbitrary::{Arbitrary, Unstructured};

/// Inputs that begin with it are bytes as they come from the wire.
pub const RAW: u8 = b'=';

/// What one input is.
#[derive(Debug)]
pub enum Input<'a, T> {
    /// Bytes from the wire.
    Raw(&'a [u8]),
    /// Things to do, one after the other.
    Operations(Vec<T>),
}

impl<'a, T: Arbitrary<'a>> Input<'a, T> {
    /// Reads an input; at most `longest` operations of it are taken.
    pub fn read(bytes: &'a [u8], longest: usize) -> Self {
        match bytes {
            [RAW, raw @ ..] => Self::Raw(raw),
            bytes => Self::Operations(operations(bytes, longest)),
        }
    }
}

fn operations<'a, T: Arbitrary<'a>>(bytes: &'a [u8], longest: usize) -> Vec<T> {
    let mut source = Unstructured::new(bytes);
    let mut operations = Vec::new();
    while !source.is_empty() && operations.len() < longest {
        match source.arbitrary() {
            Ok(operation) => operations.push(operation),
            Err(_) => break,
        }
    }
    operations
}
