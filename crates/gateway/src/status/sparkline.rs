//! Small charts: what came over the last ten minutes, as a path of an SVG picture.

#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use std::fmt::Write;

/// How wide and high the picture is, in units of its own.
pub(super) const WIDTH: u32 = 240;
/// See [`WIDTH`].
pub(super) const HEIGHT: u32 = 40;

/// A line over time, and the area below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sparkline {
    /// The `d` of the line's path.
    pub(super) line: String,
    /// The `d` of the area's path.
    pub(super) area: String,
}

impl Sparkline {
    /// Of values from left to right, of which `most` would touch the upper edge.
    pub(super) fn of(values: &[u32], most: u32) -> Self {
        let most = u64::from(most.max(1));
        let gaps = values.len().saturating_sub(1).max(1) as u64;
        let mut line = String::with_capacity(values.len().saturating_mul(8));
        for (at, value) in values.iter().enumerate() {
            let x = tenths(at as u64, gaps, WIDTH);
            // A pixel is left at each edge, so that the line is not cut in half.
            let height = tenths(u64::from(*value).min(most), most, HEIGHT.saturating_sub(2));
            let y = u64::from(HEIGHT.saturating_sub(1))
                .saturating_mul(10)
                .saturating_sub(height);
            let command = if at == 0 { 'M' } else { 'L' };
            let _infallible = write!(line, "{command}{} {}", Tenths(x), Tenths(y));
        }
        let area = match values {
            [] => String::new(),
            _ => format!("{line}V{}H0Z", HEIGHT.saturating_sub(1)),
        };
        Self { line, area }
    }
}

/// The share of a length, in tenths.
fn tenths(part: u64, whole: u64, length: u32) -> u64 {
    let length = u64::from(length).saturating_mul(10);
    part.saturating_mul(length).checked_div(whole).unwrap_or(0)
}

struct Tenths(u64);

impl std::fmt::Display for Tenths {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match (self.0 / 10, self.0 % 10) {
            (whole, 0) => write!(f, "{whole}"),
            (whole, tenth) => write!(f, "{whole}.{tenth}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_value_is_at_the_top_and_nothing_at_the_bottom() {
        let drawn = Sparkline::of(&[0, 5, 10], 10);
        assert_eq!(drawn.line, "M0 39L120 20L240 1");
        assert_eq!(drawn.area, "M0 39L120 20L240 1V39H0Z");
    }

    #[test]
    fn nothing_and_too_much_stay_within_the_picture() {
        assert_eq!(Sparkline::of(&[], 0), Sparkline::default());
        assert_eq!(Sparkline::of(&[7], 0).line, "M0 1");
        assert_eq!(Sparkline::of(&[u32::MAX], 1).line, "M0 1");
    }
}
