//! What `docs/operators.md` says of each operator beyond the operator table: formula, when it is missing, what is odd
//! about it, and examples whose values a test checks.
//!
//! Values of the examples were worked out with pandas and numpy, or by hand, not with this program.

/// One operator of the page, or the title above some.
#[derive(Debug, Clone, Copy)]
pub enum Entry {
    /// A section.
    Title {
        /// Its name.
        title: &'static str,
        /// What holds for all in it.
        text: &'static str,
    },
    /// An operator.
    Operator {
        /// Its name.
        name: &'static str,
        /// How a value is worked out.
        formula: &'static str,
        /// Completes "missing where".
        missing: &'static str,
        /// What surprises, and what to use instead; empty where nothing does.
        quirk: &'static str,
        /// Expressions and their values on the example's last day for its first instrument.
        examples: &'static [(&'static str, f32)],
    },
}

const fn title(title: &'static str, text: &'static str) -> Entry {
    Entry::Title { title, text }
}

const fn op(
    name: &'static str,
    formula: &'static str,
    missing: &'static str,
    quirk: &'static str,
    examples: &'static [(&'static str, f32)],
) -> Entry {
    Entry::Operator { name, formula, missing, quirk, examples }
}

/// Every operator, in the order of the operator table.
pub const ENTRIES: &[Entry] = &[
    title(
        "Arithmetic",
        "Fields are single precision and stay so with each other and with plain numbers; anything beside the result of a window is double precision. Names and signs mean the same: `Add(a, b)` is `a + b`.",
    ),
    op(
        "Add",
        "a + b",
        "either is",
        "Two truth values give `or`, as numpy has it.",
        &[("$open + $close", 26.0)],
    ),
    op(
        "Sub",
        "a - b",
        "either is",
        "Two truth values are refused, as numpy refuses them.",
        &[("$close - $open", 2.0)],
    ),
    op("Mul", "a × b", "either is", "Two truth values give `and`.", &[("$close * 2", 28.0)]),
    op("Div", "a / b", "either is, and 0/0; x/0 is an infinity", "", &[("$close / $open", 1.1666666)]),
    op(
        "Power",
        "a to the power of b",
        "either is, and a root of a negative number",
        "",
        &[("$open ** 2", 144.0)],
    ),
    op("Greater", "the larger of a and b", "either is", "", &[("Greater($open, $close)", 14.0)]),
    op("Less", "the smaller of a and b", "either is", "", &[("Less($open, $close)", 12.0)]),
    title(
        "Comparison and logic",
        "These give truth values, which count as 1 and 0 in windows and results. `>` `>=` `<` `<=` `==` `!=` bind loosest, then `|`, then `&`: write brackets around comparisons, as in Python.",
    ),
    op(
        "Gt",
        "a > b",
        "never",
        "Missing compares as false, and windows then average it as 0; leave such rows out with MeanIf.",
        &[
            ("$close > $open", 1.0),
            ("Mean($close > Ref($close, 1), 5)", 0.4),
            ("MeanIf($close > Ref($close, 1), $close / Ref($close, 1) == $close / Ref($close, 1), 5)", 1.0),
        ],
    ),
    op("Ge", "a ≥ b", "never", "Missing compares as false.", &[("$close >= $open", 1.0)]),
    op("Lt", "a < b", "never", "Missing compares as false.", &[("$close < $open", 0.0)]),
    op("Le", "a ≤ b", "never", "Missing compares as false.", &[("$close <= 14", 1.0)]),
    op("Eq", "a = b", "never", "Missing compares as false, with itself too.", &[("$close == 14", 1.0)]),
    op(
        "Ne",
        "a ≠ b",
        "never",
        "Missing compares as true.",
        &[("$close != 14", 0.0), ("Ref($close, 2) != 14", 1.0)],
    ),
    op("And", "both are true", "never", "", &[("And($close > $open, $volume > 350)", 0.0)]),
    op("Or", "at least one is true", "never", "", &[("Or($close > $open, $volume > 350)", 1.0)]),
    op("Not", "the other truth value", "never", "", &[("Not($close > $open)", 0.0)]),
    title("One value at a time", ""),
    op("Abs", "magnitude of x", "x is", "", &[("Abs($open - $close)", 2.0)]),
    op(
        "Log",
        "natural logarithm of x",
        "x is, or is below 0; of 0 it is minus infinity",
        "Single precision uses numpy's own approximation, so that windows over it agree to the last bit.",
        &[("Log($close)", 2.6390574)],
    ),
    op("Sign", "-1, 0 or 1", "x is", "", &[("Sign($open - $close)", -1.0)]),
    op("Neg", "-x", "x is", "", &[("-$close", -14.0)]),
    op(
        "If",
        "a where c is true, else b",
        "the one chosen is",
        "A missing number as condition counts as true, as in numpy.",
        &[("If($close > $open, $high, $low)", 15.0), ("If(Ref($close, 2), 1, 0)", 1.0)],
    ),
    title("Shifts", "Rows are rows of the instrument's own span, from its first bar to its last."),
    op(
        "Ref",
        "x of N rows ago; N < 0 looks ahead; N = 0 is the first value loaded",
        "there is no such row, or x is missing there",
        "Looking ahead is marked, and refused for signals.",
        &[("Ref($close, 1)", 12.0), ("Ref($close, 0)", 10.0)],
    ),
    op(
        "Delta",
        "x less x of N rows ago; N = 0 less the first value",
        "either is",
        "Loads N rows before the query; Qlib loads N - 1. So on a part of the days these differ: the first row of the query (and all of it inside P), missing in Qlib and there in ours; an exponential mean over it, which starts one row earlier in ours; and, with a negative N, the end of the range, where Qlib has a value and ours has none.",
        &[("Delta($close, 1)", 2.0)],
    ),
    title(
        "Windows",
        "A window is the last N rows with the row itself. It starts partial: one value is enough unless said otherwise. Missing values and infinities inside it are left out, sums are in double precision. N = 0 is all rows loaded so far. Where an alpha is allowed, 0.0001 <= N < 1 makes the operator an exponentially weighted mean with that alpha, whatever its name, as in Qlib.",
    ),
    op(
        "Mean",
        "sum of the n values there over n; or alpha",
        "none is there",
        "",
        &[("Mean($close, 3)", 13.0), ("Mean($close, 0.5)", 13.037037)],
    ),
    op(
        "Sum",
        "sum of the values there; or alpha",
        "none is there",
        "",
        &[("Sum($close, 3)", 26.0), ("Sum($close, 0)", 47.0)],
    ),
    op("Std", "square root of Var; or alpha", "under two are there", "", &[("Std($close, 5)", 1.7078251)]),
    op(
        "Var",
        "squared deviations from the mean over n - 1; or alpha",
        "under two are there",
        "",
        &[("Var($close, 5)", 2.9166667)],
    ),
    op(
        "Skew",
        "bias-corrected third moment",
        "under three are there",
        "N is 3 at least.",
        &[("Skew($close, 5)", 0.7528372)],
    ),
    op(
        "Kurt",
        "bias-corrected fourth moment less that of the normal distribution",
        "under four are there",
        "N is 4 at least.",
        &[("Kurt($close, 5)", 0.34285715)],
    ),
    op("Max", "largest value; or alpha", "none is there", "", &[("Max($high, 5)", 15.0)]),
    op("Min", "smallest value; or alpha", "none is there", "", &[("Min($low, 5)", 9.0)]),
    op(
        "IdxMax",
        "place of the largest, 1 for the window's oldest row; ties go to the oldest",
        "none is there",
        "A missing row wins: the place is that of the first one. ArgMax is the same without that.",
        &[("IdxMax($high, 2)", 2.0), ("IdxMax($close, 5)", 3.0)],
    ),
    op(
        "IdxMin",
        "place of the smallest, as IdxMax",
        "none is there",
        "A missing row wins. ArgMin is the same without that.",
        &[("IdxMin($low, 2)", 1.0)],
    ),
    op("Med", "median; or alpha", "none is there", "", &[("Med($close, 5)", 11.5)]),
    op(
        "Mad",
        "mean of the absolute deviations from the mean",
        "none is there",
        "",
        &[("Mad($close, 5)", 1.25)],
    ),
    op(
        "Quantile",
        "value at q (n - 1) of the n sorted values, between neighbours in proportion",
        "none is there",
        "",
        &[("Quantile($close, 5, 0.8)", 12.8)],
    ),
    op(
        "Rank",
        "average rank of the newest value over n",
        "the newest is",
        "The lowest of n is 1/n, not 0; TsRank runs from 0 to 1.",
        &[("Rank($open, 5)", 0.75)],
    ),
    op(
        "Count",
        "how many values are there; or alpha",
        "never",
        "An infinity counts.",
        &[("Count($close, 5)", 4.0)],
    ),
    op(
        "Slope",
        "slope of the least-squares line through the rows' places",
        "under two are there",
        "Qlib's running sums never forget: from the first infinity on, all is missing.",
        &[("Slope($close, 5)", 0.9)],
    ),
    op(
        "Rsquare",
        "share of the variance that the line explains",
        "under two are there, or Std is at most 0.00002",
        "The threshold is absolute, so cheap shares fall under it; multiply them up. It does not hold for N = 0. An infinity makes all after it missing.",
        &[("Rsquare($close, 5)", 0.9257143)],
    ),
    op(
        "Resi",
        "newest value less the line at its place",
        "the newest is, or under two are there",
        "An infinity makes all after it missing.",
        &[("Resi($close, 5)", 0.45)],
    ),
    op(
        "EMA",
        "exponentially weighted mean, alpha = 2 / (N + 1), weights normalised over the values there",
        "none was there yet",
        "A missing row ages the weights and repeats the value. N = 0: alpha 2 / (1 + rows so far). Its values depend on where the rows begin.",
        &[("EMA($close, 3)", 13.037037)],
    ),
    op(
        "WMA",
        "weights 1 to n over their sum, times the values, averaged",
        "none is there",
        "The average divides by n once too often: a constant c gives c / n. DecayLinear does not.",
        &[("WMA($close, 5)", 2.5)],
    ),
    op(
        "Corr",
        "correlation of the rows where both are there",
        "under two pairs are there, or either side's own Std is at most 0.00002",
        "The threshold is absolute, and over each side's own rows. Qlib cannot run N = 0.",
        &[("Corr($close, $volume, 5)", 0.68033605)],
    ),
    op(
        "Cov",
        "sample covariance of the rows where both are there",
        "under two pairs are there",
        "Qlib cannot run N = 0.",
        &[("Cov($close, $volume, 5)", 150.0)],
    ),
    title("Windows beyond Qlib", "The same windows. None of these has a Qlib quirk to keep."),
    op(
        "DecayLinear",
        "weights 1 to n, the newest heaviest, normalised over the values there",
        "none is there",
        "",
        &[("DecayLinear($close, 5)", 12.5)],
    ),
    op("Product", "product of the values there", "none is there", "", &[("Product($close, 5)", 18480.0)]),
    op(
        "ArgMax",
        "place of the largest, 1 for the window's oldest row; ties go to the oldest",
        "none is there",
        "",
        &[("ArgMax($close, 5)", 5.0)],
    ),
    op("ArgMin", "place of the smallest, as ArgMax", "none is there", "", &[("ArgMin($low, 5)", 1.0)]),
    op(
        "TsRank",
        "(average rank of the newest value - 1) / (n - 1)",
        "the newest is, or it is alone",
        "",
        &[("TsRank($open, 5)", 0.6666667)],
    ),
    op(
        "TsRegBeta",
        "slope of the regression of y (first) on x (second) with an intercept, over the rows where both are there",
        "under two pairs are there, or x has no spread",
        "",
        &[("TsRegBeta($close, $volume, 5)", 0.009)],
    ),
    op(
        "TsRegResi",
        "newest y less that regression at the newest x",
        "the newest pair is not whole, or TsRegBeta is missing",
        "",
        &[("TsRegResi($close, $volume, 5)", 1.8)],
    ),
    op(
        "SumIf",
        "sum of x over the rows where c is true",
        "no such row has an x",
        "",
        &[("SumIf($volume, $close > $open, 5)", 500.0)],
    ),
    op(
        "MeanIf",
        "mean of x over the rows where c is true",
        "no such row has an x",
        "",
        &[("MeanIf($volume, $close > $open, 5)", 250.0)],
    ),
    op("CountIf", "how many rows are true", "never", "", &[("CountIf($close > $open, 5)", 2.0)]),
    title("Calendar and other instruments", ""),
    op(
        "TResample",
        "x summed up over the rows of the row's week 'W' (or 'W-FRI' and such), month 'M', quarter 'Q' or year 'Y' so far; by 'sum', 'mean', 'last', 'first', 'max', 'min', 'median', 'std', 'var' or 'count'",
        "no value of the period is there yet ('count' is 0)",
        "At the last session of a period it is what pandas' resample gives; before, it never looks ahead.",
        &[("TResample($close, 'M', 'mean')", 13.0), ("TResample($volume, 'W', 'sum')", 1000.0)],
    ),
    op(
        "Mask",
        "x computed on another instrument, by symbol",
        "it is there",
        "The values of the other instrument cross over in single precision, where Qlib keeps double to the end: what nearly cancels against them may differ in the sixth digit.",
        &[("Mask(Ref($close, 1), 'B')", 21.0)],
    ),
    op(
        "ChangeInstrument",
        "as Mask, symbol first",
        "it is there",
        "Crosses over in single precision as Mask does.",
        &[("ChangeInstrument('B', $close)", 20.0)],
    ),
    title(
        "Point in time",
        "`$$name` is a fundamental figure by period, oldest period first, each with its newest revision known on the day. `$$name_q` counts quarters and `$$name_a` years: one without a figure is missing. Shifts and windows inside P and PRef count periods.",
    ),
    op(
        "P",
        "value of the expression at the newest period, as known on the day",
        "nothing is known yet, or the expression is missing there",
        "Qlib loads only the periods that windows reach, so EMA and N = 0 see fewer there; ours see all that are known.",
        &[("P($$eps_q)", 1.5), ("P(Sum($$eps_q, 2))", 2.7)],
    ),
    op(
        "PRef",
        "value of the expression at one period alone: 202303 is the third quarter of 2023, 2023 the last period of the year",
        "that period is not known yet",
        "",
        &[("PRef($$eps_q, 202303)", 1.2)],
    ),
    title(
        "Across the day's instruments",
        "Missing values and infinities take no part and stay missing. With `sector` or `industry` as last argument each instrument is compared within its group as known on the day; one whose group is not known is missing.",
    ),
    op(
        "CSRank",
        "average rank over the number of instruments; optional group",
        "x is",
        "",
        &[("CSRank($close)", 0.25), ("CSRank($close, sector)", 0.5)],
    ),
    op(
        "CSZScore",
        "deviation from the mean over the sample standard deviation (n - 1); optional group",
        "x is, or there is no spread",
        "",
        &[("CSZScore($close)", -1.1293379), ("10 * CSZScore($close, sector)", -7.071068)],
    ),
    op("CSDemean", "x less the mean; optional group", "x is", "", &[("CSDemean($close)", -11.75)]),
    op(
        "CSNeutralize",
        "x less the mean of its group; or what the day's regression on a series with an intercept leaves",
        "x, the group or the series is",
        "",
        &[("CSNeutralize($close, sector)", -3.0), ("CSNeutralize($close, $volume)", -12.371429)],
    ),
    op(
        "CSQuantile",
        "bucket: the average rank times N over the number, rounded up",
        "x is",
        "",
        &[("CSQuantile($close, 2)", 1.0)],
    ),
    op(
        "CSWinsorize",
        "x clipped to the day's quantiles q and 1 - q, between neighbours in proportion",
        "x is",
        "",
        &[("CSWinsorize($close, 0.25)", 18.5)],
    ),
    op(
        "CSScale",
        "x times a (1 if left out) over the sum of the magnitudes",
        "x is, or all are 0",
        "",
        &[("CSScale($close)", 0.13592233), ("CSScale($close, 2)", 0.27184466)],
    ),
];
