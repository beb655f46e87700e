//! Element-wise arithmetic in the types numpy would use: `f32` with `f32` or a plain number stays `f32`,
//! anything with `f64` is `f64`, comparisons give truth values.

use super::logarithm::ln;

/// Arithmetic of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is its own name")]
pub enum Arithmetic {
    Add,
    Sub,
    Mul,
    Div,
    Power,
    Greater,
    Less,
}

/// Comparison of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is its own name")]
pub enum Comparison {
    Gt,
    Ge,
    Lt,
    Le,
    Eq,
    Ne,
}

/// Arithmetic of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is its own name")]
pub enum Single {
    Abs,
    Log,
    Sign,
    Neg,
}

/// What flows between operators: one value a row, or a plain number.
#[derive(Debug, Clone, PartialEq)]
pub enum Series {
    /// A field, or element-wise arithmetic on fields.
    Single(Vec<f32>),
    /// The result of a window.
    Double(Vec<f64>),
    /// A comparison.
    Truth(Vec<bool>),
    /// A constant.
    Number(f64),
}

impl Series {
    /// All rows as `f64`; `rows` is needed for a constant.
    pub fn doubles(&self, rows: usize) -> Vec<f64> {
        match self {
            Series::Single(v) => v.iter().map(|x| f64::from(*x)).collect(),
            Series::Double(v) => v.clone(),
            Series::Truth(v) => v.iter().map(|t| f64::from(u8::from(*t))).collect(),
            Series::Number(n) => vec![*n; rows],
        }
    }

    /// All rows as `f32`, the type of every result.
    pub fn singles(&self, rows: usize) -> Vec<f32> {
        match self {
            Series::Single(v) => v.clone(),
            Series::Double(v) => v.iter().map(|x| *x as f32).collect(),
            Series::Truth(v) => v.iter().map(|t| f32::from(u8::from(*t))).collect(),
            Series::Number(n) => vec![*n as f32; rows],
        }
    }

    /// As a window sees it: `f64`, infinity missing.
    pub fn for_window(&self, rows: usize) -> Vec<f64> {
        let mut values = self.doubles(rows);
        values.iter_mut().filter(|v| v.is_infinite()).for_each(|v| *v = f64::NAN);
        values
    }

    /// Whether each row counts as true: NaN does, zero does not.
    pub fn truths(&self, rows: usize) -> Vec<bool> {
        match self {
            Series::Truth(v) => v.clone(),
            Series::Single(_) | Series::Double(_) | Series::Number(_) => {
                self.doubles(rows).iter().map(|v| *v != 0.0).collect()
            }
        }
    }
}

/// Whether numpy would compute the two in `f32`.
fn is_single(a: &Series, b: &Series) -> bool {
    let fits = |s: &Series| match s {
        Series::Double(_) => false,
        Series::Number(n) => n.abs() <= f64::from(f32::MAX),
        Series::Single(_) | Series::Truth(_) => true,
    };
    let has_single = matches!(a, Series::Single(_)) || matches!(b, Series::Single(_));
    has_single && fits(a) && fits(b)
}

macro_rules! arithmetic {
    ($op:expr, $a:expr, $b:expr, $power:expr) => {{
        let pairs = $a.iter().zip($b.iter());
        match $op {
            Arithmetic::Add => pairs.map(|(x, y)| x + y).collect(),
            Arithmetic::Sub => pairs.map(|(x, y)| x - y).collect(),
            Arithmetic::Mul => pairs.map(|(x, y)| x * y).collect(),
            Arithmetic::Div => pairs.map(|(x, y)| x / y).collect(),
            Arithmetic::Power => pairs.map(|(x, y)| $power(*x, *y)).collect(),
            Arithmetic::Greater => pairs.map(|(x, y)| if x.is_nan() || x >= y { *x } else { *y }).collect(),
            Arithmetic::Less => pairs.map(|(x, y)| if x.is_nan() || x <= y { *x } else { *y }).collect(),
        }
    }};
}

/// Arithmetic of two (sum, difference, product, quotient, power, larger, smaller).
pub fn combine(op: Arithmetic, a: &Series, b: &Series, rows: usize) -> Series {
    if is_single(a, b) {
        let power = |x: f32, y: f32| libm::pow(f64::from(x), f64::from(y)) as f32;
        let (a, b) = (a.singles(rows), b.singles(rows));
        return Series::Single(arithmetic!(op, a, b, power));
    }
    let (a, b) = (a.doubles(rows), b.doubles(rows));
    Series::Double(arithmetic!(op, a, b, libm::pow))
}

fn holds<T: PartialOrd>(op: Comparison, a: &[T], b: &[T]) -> Vec<bool> {
    let holds = |(x, y): (&T, &T)| match op {
        Comparison::Gt => x > y,
        Comparison::Ge => x >= y,
        Comparison::Lt => x < y,
        Comparison::Le => x <= y,
        Comparison::Eq => x == y,
        Comparison::Ne => x != y,
    };
    a.iter().zip(b).map(holds).collect()
}

/// Comparison of two; false where either is missing, except `!=`.
pub fn compare(op: Comparison, a: &Series, b: &Series, rows: usize) -> Series {
    Series::Truth(match is_single(a, b) {
        true => holds(op, &a.singles(rows), &b.singles(rows)),
        false => holds(op, &a.doubles(rows), &b.doubles(rows)),
    })
}

/// The second where the first is true, else the third.
pub fn choose(condition: &Series, yes: &Series, no: &Series, rows: usize) -> Series {
    let truths = condition.truths(rows);
    if is_single(yes, no) {
        let (yes, no) = (yes.singles(rows), no.singles(rows));
        let picked = truths.iter().zip(yes.iter().zip(&no));
        return Series::Single(picked.map(|(t, (y, n))| if *t { *y } else { *n }).collect());
    }
    let (yes, no) = (yes.doubles(rows), no.doubles(rows));
    let picked = truths.iter().zip(yes.iter().zip(&no));
    Series::Double(picked.map(|(t, (y, n))| if *t { *y } else { *n }).collect())
}

/// Arithmetic of one (magnitude, logarithm, sign, negation).
pub fn map(op: Single, x: &Series, rows: usize) -> Series {
    let sign = |v: f64| {
        if v > 0.0 {
            1.0
        } else if v < 0.0 {
            -1.0
        } else {
            v
        }
    };
    let apply = |v: f64| match op {
        Single::Log => libm::log(v),
        Single::Sign => sign(v),
        Single::Neg => -v,
        Single::Abs => v.abs(),
    };
    match x {
        Series::Single(v) if op == Single::Log => Series::Single(v.iter().map(|v| ln(*v)).collect()),
        Series::Double(v) if op != Single::Sign => Series::Double(v.iter().map(|v| apply(*v)).collect()),
        _ => Series::Single(x.singles(rows).iter().map(|v| apply(f64::from(*v)) as f32).collect()),
    }
}

/// The value `shift` rows ago (negative: ahead); 0 is the first value everywhere.
pub fn shifted(x: &Series, shift: i64, rows: usize) -> Series {
    match x {
        Series::Single(v) => Series::Single(moved(v, shift, f32::NAN)),
        Series::Double(_) | Series::Truth(_) | Series::Number(_) => {
            Series::Double(moved(&x.doubles(rows), shift, f64::NAN))
        }
    }
}

fn moved<T: Copy>(values: &[T], shift: i64, missing: T) -> Vec<T> {
    if shift == 0 {
        return vec![values.first().copied().unwrap_or(missing); values.len()];
    }
    let at = |row: usize| usize::try_from(row as i64 - shift).ok().and_then(|k| values.get(k)).copied();
    (0..values.len()).map(|row| at(row).unwrap_or(missing)).collect()
}
