//! Small charts of one series: a line in braille dots and a row of blocks, each with an ASCII form.
//!
//! A missing value leaves a hole; it is never bridged.

/// Dots across one braille cell.
const DOTS_X: usize = 2;
/// Dots down one braille cell.
const DOTS_Y: usize = 4;
/// First character of the braille block.
const BRAILLE: u32 = 0x2800;

/// Least and largest finite value, or `None` without any.
pub fn range(values: impl IntoIterator<Item = f64>) -> Option<(f64, f64)> {
    let finite = values.into_iter().filter(|v| v.is_finite());
    finite.fold(None, |range: Option<(f64, f64)>, v| {
        Some(range.map_or((v, v), |(low, high)| (low.min(v), high.max(v))))
    })
}

/// Where `value` lies between `low` and `high`, from 0 to 1; a half when they are equal.
pub fn share(value: f64, low: f64, high: f64) -> f64 {
    if high > low { ((value - low) / (high - low)).clamp(0.0, 1.0) } else { 0.5 }
}

/// One row of blocks, one a value, the last `cells` of them, scaled from `floor` to the largest.
pub fn blocks(values: &[f64], floor: Option<f64>, cells: usize, ascii: bool) -> String {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    const PLAIN: [char; 8] = ['_', '.', ',', '-', '~', '=', '*', '#'];
    let shown = values.get(values.len().saturating_sub(cells)..).unwrap_or(values);
    let Some((low, high)) = range(shown.iter().copied()) else { return String::new() };
    let low = floor.unwrap_or(low);
    let levels = if ascii { PLAIN } else { LEVELS };
    let level = |v: &f64| {
        let step = (share(*v, low, high) * 7.0).round() as usize;
        if v.is_finite() { levels.get(step).copied().unwrap_or(' ') } else { ' ' }
    };
    shown.iter().map(level).collect()
}

/// Values that a line can tell apart in one cell across.
pub const fn dots_across(ascii: bool) -> usize {
    if ascii { 1 } else { DOTS_X }
}

/// A line through `values` in a field of `width` by `height` cells, top row first.
pub fn line(values: &[f64], width: usize, height: usize, ascii: bool) -> Vec<String> {
    line_between(values, range(values.iter().copied()), width, height, ascii)
}

/// The same on a given scale; without one there is no line.
pub fn line_between(
    values: &[f64],
    scale: Option<(f64, f64)>,
    width: usize,
    height: usize,
    ascii: bool,
) -> Vec<String> {
    if width == 0 || height == 0 {
        return Vec::new();
    }
    let (across, down) = if ascii { (width, height) } else { (width * DOTS_X, height * DOTS_Y) };
    let mut dots = Dots { across, down, set: vec![false; across * down] };
    if let Some((low, high)) = scale {
        let last = values.len().saturating_sub(1).max(1) as f64;
        let point = |(i, v): (usize, &f64)| {
            let x = (i as f64 / last * (across - 1) as f64).round() as i64;
            let y = ((1.0 - share(*v, low, high)) * (down - 1) as f64).round() as i64;
            v.is_finite().then_some((x, y))
        };
        let points: Vec<Option<(i64, i64)>> = values.iter().enumerate().map(point).collect();
        for (i, point) in points.iter().enumerate() {
            let Some(to) = *point else { continue };
            let from = i.checked_sub(1).and_then(|before| points.get(before).copied().flatten());
            dots.stroke(from.unwrap_or(to), to);
        }
    }
    (0..height).map(|row| (0..width).map(|column| dots.cell(column, row, ascii)).collect()).collect()
}

/// A field of dots.
struct Dots {
    across: usize,
    down: usize,
    set: Vec<bool>,
}

impl Dots {
    fn mark(&mut self, x: i64, y: i64) {
        let (Ok(x), Ok(y)) = (usize::try_from(x), usize::try_from(y)) else { return };
        if x < self.across
            && y < self.down
            && let Some(dot) = self.set.get_mut(y * self.across + x)
        {
            *dot = true;
        }
    }

    fn is_set(&self, x: usize, y: usize) -> bool {
        self.set.get(y * self.across + x).copied().unwrap_or(false)
    }

    /// A straight stroke between two neighbouring values.
    fn stroke(&mut self, from: (i64, i64), to: (i64, i64)) {
        let steps = (to.0 - from.0).abs().max((to.1 - from.1).abs()).max(1);
        for step in 0..=steps {
            let at = |a: i64, b: i64| a + ((b - a) as f64 * step as f64 / steps as f64).round() as i64;
            self.mark(at(from.0, to.0), at(from.1, to.1));
        }
    }

    fn cell(&self, column: usize, row: usize, ascii: bool) -> char {
        const BITS: [[u32; DOTS_X]; DOTS_Y] = [[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]];
        if ascii {
            return if self.is_set(column, row) { '*' } else { ' ' };
        }
        let mut bits = 0;
        for (y, line) in BITS.iter().enumerate() {
            for (x, bit) in line.iter().enumerate() {
                if self.is_set(column * DOTS_X + x, row * DOTS_Y + y) {
                    bits |= bit;
                }
            }
        }
        if bits == 0 { ' ' } else { char::from_u32(BRAILLE + bits).unwrap_or(' ') }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rising_line_goes_from_the_lower_left_to_the_upper_right() {
        assert_eq!(line(&[1.0, 2.0, 3.0, 4.0], 4, 2, false), ["  ⡠⠊", "⡠⠊  "]);
        assert_eq!(line(&[1.0, 2.0, 3.0], 3, 3, true), ["  *", " * ", "*  "]);
    }

    #[test]
    fn a_hole_stays_a_hole() {
        let drawn = line(&[1.0, f64::NAN, 1.0], 3, 1, true);
        assert_eq!(drawn, ["* *"]);
        assert_eq!(blocks(&[1.0, f64::NAN, 3.0], None, 9, false), "▁ █");
    }

    #[test]
    fn blocks_show_the_newest_values_from_the_floor() {
        assert_eq!(blocks(&[9.0, 0.0, 1.0, 2.0], Some(0.0), 3, false), "▁▅█");
        assert_eq!(blocks(&[], None, 3, false), "");
    }

    #[test]
    fn every_size_has_its_size() {
        for (width, height) in [(0, 0), (1, 1), (7, 3), (50, 1)] {
            let drawn = line(&[1.0, 5.0, f64::INFINITY, 2.0], width, height, false);
            assert_eq!(drawn.len(), if width == 0 { 0 } else { height });
            assert!(drawn.iter().all(|l| l.chars().count() == width));
        }
    }
}
