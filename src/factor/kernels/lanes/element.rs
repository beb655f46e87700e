//! Element-wise arithmetic on the values of many lanes, in the types numpy would use.
//!
//! Works through small pieces: operands are brought to the type that is computed in, and the result to the type that
//! is stored, in the processor's nearest memory.

use super::Lane;
use super::simd::fastest;
use crate::factor::expr::registry::Op;
use crate::factor::kernels::logarithm::ln;

/// Values of one piece.
const PIECE: usize = 256;

/// One operand: as many values as the result has, or one for all.
#[derive(Debug, Clone, Copy)]
pub enum Operand<'a> {
    /// Single precision.
    Single(&'a [f32]),
    /// Double precision.
    Double(&'a [f64]),
    /// A constant.
    Number(f64),
}

/// Where a result goes.
#[derive(Debug)]
pub enum Place<'a> {
    /// Rounded to single precision.
    Single(&'a mut [f32]),
    /// Double precision.
    Double(&'a mut [f64]),
}

impl Place<'_> {
    fn len(&self) -> usize {
        match self {
            Place::Single(values) => values.len(),
            Place::Double(values) => values.len(),
        }
    }

    #[inline(always)]
    fn store<T: Lane>(&mut self, from: usize, piece: &[T]) {
        match self {
            Place::Single(all) => {
                let slots = all.get_mut(from..from + piece.len()).unwrap_or_default();
                slots.iter_mut().zip(piece).for_each(
                    #[inline(always)]
                    |(s, v)| *s = f32::cast(*v),
                );
            }
            Place::Double(all) => {
                let slots = all.get_mut(from..from + piece.len()).unwrap_or_default();
                slots.iter_mut().zip(piece).for_each(
                    #[inline(always)]
                    |(s, v)| *s = f64::cast(*v),
                );
            }
        }
    }
}

impl Operand<'_> {
    #[inline(always)]
    fn load<T: Lane>(&self, from: usize, piece: &mut [T]) {
        match self {
            Operand::Single(all) => {
                let values = all.get(from..from + piece.len()).unwrap_or_default();
                piece.iter_mut().zip(values).for_each(
                    #[inline(always)]
                    |(s, v)| *s = T::cast(*v),
                );
            }
            Operand::Double(all) => {
                let values = all.get(from..from + piece.len()).unwrap_or_default();
                piece.iter_mut().zip(values).for_each(
                    #[inline(always)]
                    |(s, v)| *s = T::cast(*v),
                );
            }
            Operand::Number(value) => piece.fill(T::of(*value)),
        }
    }
}

/// Computes `op` on two operands, in double precision when `wide`. A comparison gives 1 or 0.
pub fn binary(op: Op, wide: bool, a: Operand<'_>, b: Operand<'_>, mut out: Place<'_>) {
    fastest(
        #[inline(always)]
        || {
            if plain(op, wide, a, b, &mut out) {
                return;
            }
            if wide {
                pieces::<f64>(op, libm::pow, a, b, &mut out);
            } else {
                let power = |x: f32, y: f32| libm::pow(f64::from(x), f64::from(y)) as f32;
                pieces::<f32>(op, power, a, b, &mut out);
            }
        },
    );
}

/// The four rules of arithmetic on two series in one go; whether it was one of them.
#[inline(always)]
fn plain(op: Op, wide: bool, a: Operand<'_>, b: Operand<'_>, out: &mut Place<'_>) -> bool {
    use Operand::{Double, Number, Single};
    match (a, b, out) {
        (Single(a), Single(b), Place::Single(out)) if !wide => rule::<f32, _, _, _>(op, a, b, out),
        (Double(a), Single(b), Place::Single(out)) => rule::<f64, _, _, _>(op, a, b, out),
        (Double(a), Double(b), Place::Single(out)) => rule::<f64, _, _, _>(op, a, b, out),
        (Double(a), Double(b), Place::Double(out)) => rule::<f64, _, _, _>(op, a, b, out),
        (Double(a), Number(b), Place::Single(out)) => rule_with(op, a, b, out),
        (Double(a), Number(b), Place::Double(out)) => rule_with(op, a, b, out),
        _ => false,
    }
}

#[inline(always)]
fn rule<T: Lane, A: Lane, B: Lane, O: Lane>(op: Op, a: &[A], b: &[B], out: &mut [O]) -> bool {
    macro_rules! each {
        ($f:expr) => {
            out.iter_mut().zip(a.iter().zip(b)).for_each(
                #[inline(always)]
                |(o, (a, b))| *o = O::cast($f(T::cast(*a), T::cast(*b))),
            )
        };
    }
    match op {
        Op::Add => each!(|a: T, b: T| a + b),
        Op::Sub => each!(|a: T, b: T| a - b),
        Op::Mul => each!(|a: T, b: T| a * b),
        Op::Div => each!(|a: T, b: T| a / b),
        _ => return false,
    }
    true
}

#[inline(always)]
fn rule_with<O: Lane>(op: Op, a: &[f64], b: f64, out: &mut [O]) -> bool {
    macro_rules! each {
        ($f:expr) => {
            out.iter_mut().zip(a).for_each(
                #[inline(always)]
                |(o, a)| *o = O::of($f(*a, b)),
            )
        };
    }
    match op {
        Op::Add => each!(|a: f64, b: f64| a + b),
        Op::Sub => each!(|a: f64, b: f64| a - b),
        Op::Mul => each!(|a: f64, b: f64| a * b),
        Op::Div => each!(|a: f64, b: f64| a / b),
        _ => return false,
    }
    true
}

/// Rounds values to single precision.
pub fn narrow(values: &[f64], out: &mut [f32]) {
    fastest(
        #[inline(always)]
        || {
            out.iter_mut().zip(values).for_each(
                #[inline(always)]
                |(o, v)| *o = *v as f32,
            )
        },
    );
}

#[inline(always)]
fn pieces<T: Lane>(op: Op, power: impl Fn(T, T) -> T, a: Operand<'_>, b: Operand<'_>, out: &mut Place<'_>) {
    let (mut x, mut y) = ([T::default(); PIECE], [T::default(); PIECE]);
    let total = out.len();
    let mut from = 0;
    while from < total {
        let size = PIECE.min(total - from);
        let (Some(x), Some(y)) = (x.get_mut(..size), y.get_mut(..size)) else { return };
        a.load(from, x);
        b.load(from, y);
        combine(op, &power, x, y);
        out.store(from, x);
        from += size;
    }
}

/// `x = x op y`.
#[inline(always)]
fn combine<T: Lane>(op: Op, power: &impl Fn(T, T) -> T, x: &mut [T], y: &[T]) {
    macro_rules! each {
        ($f:expr) => {
            x.iter_mut().zip(y).for_each(
                #[inline(always)]
                |(x, y)| *x = $f(*x, *y),
            )
        };
    }
    let truth = |t: bool| T::of(if t { 1.0 } else { 0.0 });
    match op {
        Op::Add => each!(|a: T, b: T| a + b),
        Op::Sub => each!(|a: T, b: T| a - b),
        Op::Mul => each!(|a: T, b: T| a * b),
        Op::Div => each!(|a: T, b: T| a / b),
        Op::Power => each!(power),
        Op::Greater => each!(|a: T, b: T| if a.is_missing() | (a >= b) { a } else { b }),
        Op::Less => each!(|a: T, b: T| if a.is_missing() | (a <= b) { a } else { b }),
        Op::Gt => each!(|a: T, b: T| truth(a > b)),
        Op::Ge => each!(|a: T, b: T| truth(a >= b)),
        Op::Lt => each!(|a: T, b: T| truth(a < b)),
        Op::Le => each!(|a: T, b: T| truth(a <= b)),
        Op::Eq => each!(|a: T, b: T| truth(a == b)),
        Op::Ne => each!(|a: T, b: T| truth(a != b)),
        Op::And => each!(|a: T, b: T| truth((a != T::default()) & (b != T::default()))),
        Op::Or => each!(|a: T, b: T| truth((a != T::default()) | (b != T::default()))),
        _ => each!(|_: T, _: T| T::NAN),
    }
}

/// The second where the first is not zero (NaN is not), else the third.
pub fn choose(condition: Operand<'_>, yes: Operand<'_>, no: Operand<'_>, mut out: Place<'_>) {
    fastest(
        #[inline(always)]
        || {
            let (mut c, mut x, mut y) = ([0.0_f64; PIECE], [0.0_f64; PIECE], [0.0_f64; PIECE]);
            let total = out.len();
            let mut from = 0;
            while from < total {
                let size = PIECE.min(total - from);
                let (Some(c), Some(x), Some(y)) = (c.get_mut(..size), x.get_mut(..size), y.get_mut(..size))
                else {
                    return;
                };
                condition.load(from, c);
                yes.load(from, x);
                no.load(from, y);
                let both = x.iter_mut().zip(y.iter().zip(c.iter()));
                both.for_each(
                    #[inline(always)]
                    |(x, (y, c))| *x = if *c != 0.0 { *x } else { *y },
                );
                out.store(from, x);
                from += size;
            }
        },
    );
}

/// An operator on one value: magnitude, logarithm, sign, negation, truth turned round.
pub fn unary(op: Op, wide: bool, x: Operand<'_>, mut out: Place<'_>) {
    fastest(
        #[inline(always)]
        || {
            let total = out.len();
            let mut from = 0;
            if wide {
                let mut values = [0.0_f64; PIECE];
                while from < total {
                    let Some(values) = values.get_mut(..PIECE.min(total - from)) else { return };
                    x.load(from, values);
                    map(op, libm::log, values);
                    out.store(from, values);
                    from += values.len();
                }
            } else {
                let mut values = [0.0_f32; PIECE];
                while from < total {
                    let Some(values) = values.get_mut(..PIECE.min(total - from)) else { return };
                    x.load(from, values);
                    map(op, ln, values);
                    out.store(from, values);
                    from += values.len();
                }
            }
        },
    );
}

#[inline(always)]
fn map<T: Lane>(op: Op, log: impl Fn(T) -> T, values: &mut [T]) {
    macro_rules! each {
        ($f:expr) => {
            values.iter_mut().for_each(
                #[inline(always)]
                |x| *x = $f(*x),
            )
        };
    }
    let zero = T::default();
    match op {
        Op::Abs => each!(|v: T| T::of(v.wide().abs())),
        Op::Log => each!(&log),
        Op::Neg => each!(|v: T| -v),
        Op::Sign => each!(|v: T| if v > zero { T::of(1.0) } else { if v < zero { T::of(-1.0) } else { v } }),
        Op::Not => each!(|v: T| T::of(if v != zero { 0.0 } else { 1.0 })),
        _ => each!(|_: T| T::NAN),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::rows;
    use super::*;

    #[test]
    fn wide_vectors_change_no_bit() {
        let (a, b) = (rows(1, 100), rows(2, 100));
        let (a, b) = (a.as_flattened(), b.as_flattened());
        for op in [Op::Add, Op::Div, Op::Greater, Op::Lt, Op::Ne, Op::Or] {
            let (mut fast, mut plain_way) = (vec![0.0_f32; a.len()], vec![0.0_f32; a.len()]);
            binary(op, false, Operand::Single(a), Operand::Single(b), Place::Single(&mut fast));
            let (a, b) = (Operand::Single(a), Operand::Single(b));
            pieces::<f32>(op, |x, _| x, a, b, &mut Place::Single(&mut plain_way));
            let bits = |values: &[f32]| {
                values.iter().map(|v| if v.is_nan() { u32::MAX } else { v.to_bits() }).collect()
            };
            let (fast, plain_way): (Vec<u32>, Vec<u32>) = (bits(&fast), bits(&plain_way));
            assert_eq!(fast, plain_way, "{op:?}");
        }
        let (mut fast, mut plain_way) = (vec![0.0_f32; a.len()], a.to_vec());
        unary(Op::Log, false, Operand::Single(a), Place::Single(&mut fast));
        map(Op::Log, ln, &mut plain_way);
        assert!(
            fast.iter()
                .zip(&plain_way)
                .all(|(x, y)| x.to_bits() == y.to_bits() || (x.is_nan() && y.is_nan()))
        );
    }
}
