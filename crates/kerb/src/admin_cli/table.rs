//! Lists for people, or JSON for scripts.

use comfy_table::{Table, presets};
use serde::Serialize;

use crate::console::{Console, out};
use crate::failure::Failure;

/// A table without lines and without blanks at its end.
pub(crate) fn print<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
    console: &mut Console,
) {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    table.set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    out!(console, "{}\n", table.trim_fmt());
}

/// Facts about one thing, a line each.
pub(crate) fn facts<'a>(facts: impl IntoIterator<Item = (&'a str, String)>, console: &mut Console) {
    for (name, value) in facts {
        out!(console, "{:<28}{value}\n", format!("{name}:"));
    }
}

/// JSON.
pub(crate) fn json<T: Serialize>(value: &T, console: &mut Console) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::refused("cannot print", error.to_string(), ""))?;
    out!(console, "{text}\n");
    Ok(())
}
