//! The path a bar's price is taken to have gone: open, nearer extreme, other extreme, close.

use crate::domain::{Bar, Price};

/// Four prices in the order in which they were reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Path {
    points: [Price; 4],
}

/// Where on the path something is reached: the earlier, the sooner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reach {
    /// 0 at the open, then the leg from 1 to 3.
    pub leg: u8,
    /// Distance travelled on that leg, in raw price units.
    pub distance: i64,
}

impl Reach {
    /// At the open.
    pub const OPEN: Reach = Reach { leg: 0, distance: 0 };
}

/// Which way a level is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Toward {
    /// At or below it.
    Down,
    /// At or above it.
    Up,
}

impl Toward {
    /// Whether a price is at the level or past it.
    pub fn has_reached(self, price: Price, level: Price) -> bool {
        match self {
            Toward::Down => price <= level,
            Toward::Up => price >= level,
        }
    }
}

impl Path {
    /// The path of a bar; with both extremes equally near, the low comes first.
    pub fn of(bar: &Bar) -> Self {
        let up = bar.high.raw().saturating_sub(bar.open.raw());
        let down = bar.open.raw().saturating_sub(bar.low.raw());
        let (first, second) = if up < down { (bar.high, bar.low) } else { (bar.low, bar.high) };
        Self { points: [bar.open, first, second, bar.close] }
    }

    /// The opening price.
    pub const fn open(&self) -> Price {
        self.points[0]
    }

    /// Where a level is first reached.
    pub fn reach(&self, level: Price, toward: Toward) -> Option<Reach> {
        if toward.has_reached(self.open(), level) {
            return Some(Reach::OPEN);
        }
        let legs = self.points.iter().zip(self.points.iter().skip(1)).zip(1_u8..);
        for ((from, to), leg) in legs {
            if toward.has_reached(*to, level) {
                return Some(Reach {
                    leg,
                    distance: level.raw().saturating_sub(from.raw()).saturating_abs(),
                });
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{UnixNanos, Volume};

    fn p(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn bar(open: &str, high: &str, low: &str, close: &str) -> Bar {
        Bar {
            instrument: "XYZ.XNYS".parse().unwrap(),
            from: UnixNanos::ZERO,
            to: UnixNanos::ZERO,
            open: p(open),
            high: p(high),
            low: p(low),
            close: p(close),
            volume: Volume::ZERO,
        }
    }

    #[test]
    fn the_nearer_extreme_comes_first() {
        assert_eq!(Path::of(&bar("10", "11", "8", "9")).points, [p("10"), p("11"), p("8"), p("9")]);
        assert_eq!(Path::of(&bar("10", "12", "9", "9")).points, [p("10"), p("9"), p("12"), p("9")]);
        assert_eq!(Path::of(&bar("10", "11", "9", "10")).points, [p("10"), p("9"), p("11"), p("10")]);
    }

    #[test]
    fn a_level_is_reached_on_the_first_leg_that_ends_past_it() {
        let path = Path::of(&bar("10", "11", "8", "9"));
        assert_eq!(path.reach(p("10"), Toward::Down), Some(Reach::OPEN));
        assert_eq!(path.reach(p("9"), Toward::Down), Some(Reach { leg: 2, distance: 2_000_000_000 }));
        assert_eq!(path.reach(p("11"), Toward::Up), Some(Reach { leg: 1, distance: 1_000_000_000 }));
        assert_eq!(path.reach(p("7"), Toward::Down), None);
    }
}
