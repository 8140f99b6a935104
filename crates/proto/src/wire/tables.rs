//! Tables from which the methods of messages and lists come.

/// A line per message: its type, its name in the RFC, and the tag around its SEQUENCE.
/// Types that say `forward` have a `read_forward`, those that say `backward` a
/// `write_backward`, which are faster.
macro_rules! messages {
    ($($type:ident = $what:literal $(, application $app:literal)? $(=> $($way:ident)+)?;)+) => {
        $(impl $type {
            #[doc = concat!("Reads the DER of one ", $what, ", to its last byte.")]
            pub fn from_der(bytes: &[u8]) -> Result<Self, $crate::error::ProtoError> {
                $crate::wire::messages!(@decode $what, bytes $(, application $app)? $(=> $($way)+)?)
            }

            #[doc = concat!("The DER of this ", $what, ".")]
            pub fn to_der(&self) -> Vec<u8> {
                let mut der = Vec::new();
                self.encode_into(&mut der);
                der
            }

            #[doc = concat!("Appends the DER of this ", $what, " to a buffer.")]
            pub fn encode_into(&self, buffer: &mut Vec<u8>) {
                $crate::wire::messages!(@encode self, buffer $(, application $app)? $(=> $($way)+)?)
            }
        }

        $crate::wire::messages!(@twice $type $(, application $app)? $(=> $($way)+)?);)+
    };
    (@twice $type:ident $(, application $app:literal)? => forward $(backward)?) => {
        #[cfg(test)]
        impl $crate::forward::ReadTwice for $type {
            fn forward(bytes: &[u8]) -> Option<Self> {
                $crate::forward::ForwardReader::try_whole(bytes, Self::read_forward)
            }

            fn derived(bytes: &[u8]) -> Option<Self> {
                let what = stringify!($type);
                $crate::wire::messages!(@decode what, bytes $(, application $app)?).ok()
            }
        }
    };
    (@twice $type:ident $(, application $app:literal)? $(=> backward)?) => {};
    (@decode $what:expr, $bytes:ident $(, application $app:literal)? => forward $(backward)?) => {
        $crate::forward::ForwardReader::whole($bytes, Self::read_forward, |bytes| {
            $crate::wire::messages!(@decode $what, bytes $(, application $app)?)
        })
    };
    (@decode $what:expr, $bytes:ident $(=> backward)?) => {
        $crate::wire::decode($what, $bytes)
    };
    (@decode $what:expr, $bytes:ident, application $app:literal $(=> backward)?) => {
        $crate::wire::decode_application($what, $app, $bytes)
    };
    (@encode $self:ident, $buffer:ident $(, application $app:literal)? => $(forward)? backward) => {
        $crate::backward::BackwardWriter::append($buffer, |writer| $self.write_backward(writer))
    };
    (@encode $self:ident, $buffer:ident $(=> forward)?) => {
        $crate::wire::encode_into($self, $buffer)
    };
    (@encode $self:ident, $buffer:ident, application $app:literal $(=> forward)?) => {
        $crate::wire::encode_application_into($app, $self, $buffer)
    };
}

/// A line per SEQUENCE OF that has a name: a newtype of a vector.
macro_rules! lists {
    ($($(#[$doc:meta])* $name:ident of $item:ty;)+) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Default, PartialEq, Eq)]
            pub struct $name(pub Vec<$item>);

            impl From<Vec<$item>> for $name {
                fn from(items: Vec<$item>) -> Self {
                    Self(items)
                }
            }

            impl std::ops::Deref for $name {
                type Target = Vec<$item>;

                fn deref(&self) -> &Vec<$item> {
                    &self.0
                }
            }

            impl std::ops::DerefMut for $name {
                fn deref_mut(&mut self) -> &mut Vec<$item> {
                    &mut self.0
                }
            }

            impl FromIterator<$item> for $name {
                fn from_iter<I: IntoIterator<Item = $item>>(items: I) -> Self {
                    Self(items.into_iter().collect())
                }
            }

            impl<'a> IntoIterator for &'a $name {
                type Item = &'a $item;
                type IntoIter = std::slice::Iter<'a, $item>;

                fn into_iter(self) -> Self::IntoIter {
                    self.0.iter()
                }
            }

            impl der::FixedTag for $name {
                const TAG: der::Tag = der::Tag::Sequence;
            }

            impl<'a> der::DecodeValue<'a> for $name {
                type Error = der::Error;

                fn decode_value<R: der::Reader<'a>>(
                    reader: &mut R,
                    header: der::Header,
                ) -> der::Result<Self> {
                    Vec::decode_value(reader, header).map(Self)
                }
            }

            impl der::EncodeValue for $name {
                fn value_len(&self) -> der::Result<der::Length> {
                    self.0.value_len()
                }

                fn encode_value(&self, writer: &mut impl der::Writer) -> der::Result<()> {
                    self.0.encode_value(writer)
                }
            }
        )+
    };
}

pub(crate) use {lists, messages};
