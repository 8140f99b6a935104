//! Reading the published vectors in `tests/it/vectors`.

/// The rows of a table, each a list of columns.
pub(crate) fn rows(table: &str) -> Vec<Vec<&str>> {
    table
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(' ').collect())
        .collect()
}

pub(crate) fn hex(digits: &str) -> Vec<u8> {
    (0..digits.len())
        .step_by(2)
        .map(|start| u8::from_str_radix(&digits[start..start + 2], 16).unwrap())
        .collect()
}

/// Checks `derive(key, constant, output)` against the derived keys published for an enctype.
pub(crate) fn check_derived_keys(enctype: &str, derive: impl Fn(&[u8], &[u8], &mut [u8])) {
    let mut checked = 0;
    for row in rows(include_str!("../tests/it/vectors/derive.txt")) {
        let [number, key, constant, derived] = row.as_slice() else {
            panic!("four columns: {row:?}");
        };
        if *number == enctype {
            let expected = hex(derived);
            let mut output = vec![0; expected.len()];
            derive(&hex(key), &hex(constant), &mut output);
            assert_eq!(output, expected, "{constant}");
            checked += 1;
        }
    }
    assert_eq!(checked, 3);
}
