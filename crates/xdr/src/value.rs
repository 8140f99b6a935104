use crate::error::XdrError;
use crate::opaque::Opaque;
use crate::reader::Reader;
use crate::schema::{Schema, TypeRef};
use crate::writer::Writer;

/// A type of the wire.
///
/// Derived for structs, for enums that are enumerations (every variant `= number`), and for enums
/// that are unions: `#[xdr(union)]` on the type, `#[xdr(case = 0)]` on a variant with one field or
/// none, and `#[xdr(default)]` on one with the fields `(i32, T)`, the first of which keeps the
/// discriminant. What a doc comment says stands in the interface file too.
///
/// ```
/// use kerbstone_xdr::{Opaque, Xdr, from_bytes, to_bytes};
///
/// #[derive(Xdr, Debug, PartialEq)]
/// struct Point { x: i32, label: Option<Opaque> }
///
/// let point = Point { x: 7, label: Some(Opaque::from(b"a")) };
/// let bytes = to_bytes(&point, 1024)?;
/// assert_eq!(bytes, b"\0\0\0\x07\0\0\0\x01\0\0\0\x01a\0\0\0");
/// assert_eq!(from_bytes::<Point>(&bytes)?, point);
/// # Ok::<(), kerbstone_xdr::XdrError>(())
/// ```
pub trait Xdr: Sized {
    /// The least a value takes on the wire, by which counts are judged.
    const MIN_BYTES: usize;

    /// Writes the value.
    fn encode(&self, out: &mut Writer);

    /// Reads a value.
    ///
    /// # Errors
    /// Whatever [`XdrError`] says but [`XdrError::Trailing`].
    fn decode(input: &mut Reader<'_>) -> Result<Self, XdrError>;

    /// Adds the type, and those it is made of, to an interface file.
    fn declare(schema: &mut Schema) -> TypeRef;
}

/// The value that these bytes are, to the last.
///
/// # Errors
/// Whatever [`XdrError`] says.
pub fn from_bytes<T: Xdr>(bytes: &[u8]) -> Result<T, XdrError> {
    let mut input = Reader::new(bytes);
    let value = T::decode(&mut input)?;
    input.finish()?;
    Ok(value)
}

/// The bytes that this value is, `limit` at most.
///
/// # Errors
/// [`XdrError::OverLimit`].
pub fn to_bytes<T: Xdr>(value: &T, limit: usize) -> Result<Opaque, XdrError> {
    let mut out = Writer::new(limit);
    value.encode(&mut out);
    out.finish()
}

macro_rules! plain {
    ($($type:ident: $read:ident, $bytes:literal, $shape:ident;)*) => {$(
        impl Xdr for $type {
            const MIN_BYTES: usize = $bytes;

            fn encode(&self, out: &mut Writer) {
                out.$read(*self);
            }

            fn decode(input: &mut Reader<'_>) -> Result<Self, XdrError> {
                input.$read()
            }

            fn declare(_: &mut Schema) -> TypeRef {
                TypeRef::$shape
            }
        }
    )*};
}

plain! {
    u32: u32, 4, UnsignedInt;
    i32: i32, 4, Int;
    u64: u64, 8, UnsignedHyper;
    i64: i64, 8, Hyper;
    bool: bool, 4, Bool;
}

impl Xdr for Opaque {
    const MIN_BYTES: usize = 4;

    fn encode(&self, out: &mut Writer) {
        out.opaque(self);
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, XdrError> {
        input.opaque(usize::MAX).map(Self::from)
    }

    fn declare(_: &mut Schema) -> TypeRef {
        TypeRef::Opaque
    }
}

impl<T: Xdr> Xdr for Option<T> {
    const MIN_BYTES: usize = 4;

    fn encode(&self, out: &mut Writer) {
        out.bool(self.is_some());
        if let Some(value) = self {
            value.encode(out);
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, XdrError> {
        input.bool()?.then(|| T::decode(input)).transpose()
    }

    fn declare(schema: &mut Schema) -> TypeRef {
        let inner = T::declare(schema);
        TypeRef::Optional(Box::new(schema.nested(inner)))
    }
}

impl<T: Xdr> Xdr for Vec<T> {
    const MIN_BYTES: usize = 4;

    fn encode(&self, out: &mut Writer) {
        out.count(self.len());
        for element in self {
            element.encode(out);
        }
    }

    fn decode(input: &mut Reader<'_>) -> Result<Self, XdrError> {
        let count = input.count(T::MIN_BYTES)?;
        let mut elements = Self::with_capacity(count);
        for _ in 0..count {
            elements.push(T::decode(input)?);
        }
        Ok(elements)
    }

    fn declare(schema: &mut Schema) -> TypeRef {
        let inner = T::declare(schema);
        TypeRef::Array(Box::new(schema.nested(inner)))
    }
}
