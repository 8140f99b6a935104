//! What a declaration says on the wire, and in an interface file.

use kerbstone_xdr::{Opaque, Schema, Xdr, from_bytes, to_bytes};

/// A `road` that goes from one place to
/// another, with [`Place`]s between.
#[derive(Xdr, Clone, Debug, PartialEq)]
struct LongRoad {
    /// Where it begins.
    from: Place,
    stops: Vec<Place>,
    toll: Option<u64>,
    names: Vec<Opaque>,
    tables: Vec<Vec<i64>>,
    maybe: Option<Option<bool>>,
}

#[derive(Xdr, Clone, Debug, PartialEq)]
#[xdr(union)]
enum Place {
    /// Nobody knows.
    #[xdr(case = 0)]
    Nowhere,
    #[xdr(default)]
    Elsewhere(i32, Opaque),
    #[xdr(case = 7)]
    Town(Kind),
}

#[derive(Xdr, Clone, Copy, Debug, PartialEq)]
enum Kind {
    Small = 1,
    /// With a wall.
    VeryLarge = 2,
}

fn road() -> LongRoad {
    LongRoad {
        from: Place::Town(Kind::VeryLarge),
        stops: vec![Place::Nowhere, Place::Elsewhere(9, Opaque::from(b"x"))],
        toll: Some(1 << 40),
        names: vec![Opaque::new()],
        tables: vec![vec![-1], vec![]],
        maybe: Some(None),
    }
}

#[test]
fn fields_follow_each_other_and_unions_their_case() {
    let expected: Vec<u8> = [
        7,
        2, // from
        2, // stops
        0,
        9,
        1,
        u32::from_be_bytes(*b"x\0\0\0"),
        1, // toll
        1 << 8,
        0,
        1, // names
        0,
        2, // tables
        1,
        u32::MAX,
        u32::MAX,
        0,
        1, // maybe
        0,
    ]
    .into_iter()
    .flat_map(u32::to_be_bytes)
    .collect();
    let bytes = to_bytes(&road(), 1024).unwrap();
    assert_eq!(bytes.as_slice(), expected);
    assert_eq!(from_bytes(&bytes), Ok(road()));
}

#[test]
fn a_default_arm_keeps_the_case_it_was_read_with() {
    let bytes = b"\xff\xff\xff\xff\0\0\0\x01x\0\0\0";
    assert_eq!(
        from_bytes(bytes),
        Ok(Place::Elsewhere(-1, Opaque::from(b"x")))
    );
}

#[test]
fn prints_an_interface_file() {
    let mut schema = Schema::new("road");
    LongRoad::declare(&mut schema);
    assert_eq!(
        schema.to_string(),
        "\
enum road_kind {
    ROAD_KIND_SMALL = 1,
    /* With a wall. */
    ROAD_KIND_VERY_LARGE = 2
};

union road_place switch (int kind) {
case 0:
    /* Nobody knows. */
    void;
case 7:
    road_kind town;
default:
    opaque elsewhere<>;
};

typedef opaque road_octets<>;

typedef hyper road_hyper_list<>;

typedef bool *road_bool_option;

/* A road that goes from one place to another, with Places between. */
struct road_long_road {
    /* Where it begins. */
    road_place from;
    road_place stops<>;
    unsigned hyper *toll;
    road_octets names<>;
    road_hyper_list tables<>;
    road_bool_option *maybe;
};
"
    );
}

#[test]
fn breaks_long_comments() {
    /// One two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen.
    #[derive(Xdr)]
    struct Counted {}

    let mut schema = Schema::new("x");
    Counted::declare(&mut schema);
    let text = schema.to_string();
    assert!(text.lines().all(|line| line.len() <= 80), "{text}");
    assert!(text.starts_with("/* One two"), "{text}");
    assert!(text.contains("\n   fourteen fifteen. */\n"), "{text}");
}
