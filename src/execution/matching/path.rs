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
    /// 0 at the open, then the leg from 1 to 3; 4 at the close.
    pub leg: u8,
    /// Distance travelled on that leg, in raw price units.
    pub distance: i64,
}

impl Reach {
    /// At the open.
    pub const OPEN: Reach = Reach { leg: 0, distance: 0 };
    /// At the close, after everything else.
    pub const CLOSE: Reach = Reach { leg: 4, distance: 0 };

    /// On a leg that starts at one price, where it gets to another.
    pub fn on(leg: u8, start: Price, price: Price) -> Self {
        Self { leg, distance: price.raw().saturating_sub(start.raw()).saturating_abs() }
    }
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

/// A point of the path: where, and the price there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Point {
    /// Where.
    pub reach: Reach,
    /// The price.
    pub price: Price,
}

impl Path {
    /// The path of a bar; with both extremes equally near, the low comes first.
    pub fn of(bar: &Bar) -> Self {
        let up = bar.high.raw().saturating_sub(bar.open.raw());
        let down = bar.open.raw().saturating_sub(bar.low.raw());
        let (first, second) = if up < down { (bar.high, bar.low) } else { (bar.low, bar.high) };
        Self { points: [bar.open, first, second, bar.close] }
    }

    /// Where it begins: the opening price.
    pub const fn start(&self) -> Point {
        Point { reach: Reach::OPEN, price: self.points[0] }
    }

    /// Where it ends: the closing price.
    pub const fn end(&self) -> Point {
        Point { reach: Reach::CLOSE, price: self.points[3] }
    }

    /// Its straight pieces, numbered from 1, each with the price it starts from and the one it ends at.
    pub fn legs(&self) -> impl Iterator<Item = (u8, Price, Price)> {
        let ends = self.points.iter().skip(1);
        self.points.iter().zip(ends).zip(1_u8..).map(|((from, to), leg)| (leg, *from, *to))
    }

    /// Where a level is first reached from a point on: at the point itself when the price there is past it.
    pub fn reach(&self, from: Point, level: Price, toward: Toward) -> Option<Point> {
        if toward.has_reached(from.price, level) {
            return Some(from);
        }
        let mut ahead = self.legs().filter(|(leg, _, _)| *leg >= from.reach.leg);
        let (leg, start, _) = ahead.find(|(_, _, to)| toward.has_reached(*to, level))?;
        Some(Point { reach: Reach::on(leg, start, level), price: level })
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
        let reach = |level, toward| path.reach(path.start(), p(level), toward).map(|point| point.reach);
        assert_eq!(reach("10", Toward::Down), Some(Reach::OPEN));
        assert_eq!(reach("9", Toward::Down), Some(Reach { leg: 2, distance: 2_000_000_000 }));
        assert_eq!(reach("11", Toward::Up), Some(Reach { leg: 1, distance: 1_000_000_000 }));
        assert_eq!(reach("7", Toward::Down), None);
    }

    #[test]
    fn only_the_path_after_a_point_counts() {
        let path = Path::of(&bar("10", "14", "9", "13"));
        let up = path.reach(path.start(), p("12"), Toward::Up).unwrap();
        assert_eq!(up, Point { reach: Reach { leg: 2, distance: 3_000_000_000 }, price: p("12") });
        assert_eq!(path.reach(up, p("9.50"), Toward::Down), None);
        assert_eq!(path.reach(up, p("13"), Toward::Down), Some(up));
        let back = path.reach(up, p("13.50"), Toward::Up).unwrap();
        assert_eq!(back.reach, Reach { leg: 2, distance: 4_500_000_000 });
        assert_eq!(path.reach(path.end(), p("13.50"), Toward::Up), None);
    }
}
