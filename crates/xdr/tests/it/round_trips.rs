//! What is written is read as it was.

use kerbstone_xdr::{Opaque, Xdr, from_bytes, to_bytes};
use proptest::prelude::*;

#[derive(Xdr, Clone, Debug, PartialEq)]
struct Everything {
    numbers: Vec<u32>,
    signed: i64,
    flags: Vec<bool>,
    bytes: Opaque,
    perhaps: Option<Shelf>,
}

#[derive(Xdr, Clone, Debug, PartialEq)]
struct Shelf {
    books: Vec<Opaque>,
    height: Option<u64>,
}

fn opaque() -> impl Strategy<Value = Opaque> {
    prop::collection::vec(any::<u8>(), 0..40).prop_map(Opaque::from)
}

prop_compose! {
    fn shelf()(
        books in prop::collection::vec(opaque(), 0..5),
        height in any::<Option<u64>>(),
    ) -> Shelf {
        Shelf { books, height }
    }
}

prop_compose! {
    fn everything()(
        numbers in any::<Vec<u32>>(),
        signed in any::<i64>(),
        flags in any::<Vec<bool>>(),
        bytes in opaque(),
        perhaps in prop::option::of(shelf()),
    ) -> Everything {
        Everything { numbers, signed, flags, bytes, perhaps }
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_it_was(value in everything()) {
        let bytes = to_bytes(&value, 1 << 20).unwrap();
        prop_assert_eq!(bytes.len() % 4, 0);
        prop_assert!(bytes.len() >= Everything::MIN_BYTES);
        prop_assert_eq!(from_bytes::<Everything>(&bytes), Ok(value));
    }

    #[test]
    fn a_changed_byte_is_refused_or_read_as_it_stands(
        value in everything(),
        place in any::<prop::sample::Index>(),
        byte in 0u8..4,
    ) {
        let mut bytes = to_bytes(&value, 1 << 20).unwrap().into_vec();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(read) = from_bytes::<Everything>(&bytes) {
            let written = to_bytes(&read, 1 << 20).unwrap();
            prop_assert_eq!(written.as_slice(), bytes.as_slice());
        }
    }
}
