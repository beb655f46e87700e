//! What an import found: reasons for quarantine, and the report that people and scripts read.
//!
//! Reason codes and the report's keys are a promise to users: add, never rename.

use serde::{Serialize, Serializer};

use super::CleanText;

/// Most quarantine entries a report lists; the rest are counted in `quarantine_omitted`.
pub const REPORTED_QUARANTINE_MAX: usize = 10_000;
/// Longest part of a quarantined row that is kept, in characters.
pub const QUARANTINED_RAW_MAX: usize = 300;

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $remedy:literal;)+) => {
        /// Why a row was not stored.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum QuarantineReason { $($(#[$doc])* $name,)+ }

        impl QuarantineReason {
            /// Every reason.
            pub const ALL: &'static [QuarantineReason] = &[$(QuarantineReason::$name,)+];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(QuarantineReason::$name => $code,)+ }
            }

            /// What a person can do about it.
            pub const fn remedy(self) -> &'static str {
                match self { $(QuarantineReason::$name => $remedy,)+ }
            }
        }
    };
}

reasons! {
    /// Open, high, low or close is empty.
    MissingPrice = "MISSING_PRICE", "fill in open, high, low and close, or leave the day out";
    /// A price is zero or below.
    NonPositivePrice = "NON_POSITIVE_PRICE", "a price must be above zero; leave out days without a trade";
    /// A number is NaN or infinite.
    NotFinite = "NOT_FINITE", "replace NaN and infinity by the real number, or leave the day out";
    /// The low is above, or the high below, the open or close.
    BrokenHighLow = "BROKEN_HIGH_LOW", "check for a split that was applied to half of the row";
    /// The volume is empty.
    MissingVolume = "MISSING_VOLUME", "fill in the volume; 0 is allowed and will be flagged";
    /// The volume is below zero.
    NegativeVolume = "NEGATIVE_VOLUME", "fill in the real volume";
    /// The exchange does not trade on that day.
    NotASession = "NOT_A_SESSION", "check the date, its zone and --exchange; calendars cover 1990 to 2027";
    /// The day has not come yet where the exchange is.
    FutureDate = "FUTURE_DATE", "check the clock of this machine; else ask the source again after that session";
    /// Another row of the same key came first, with other values.
    DuplicateKey = "DUPLICATE_KEY", "keep one row a key; the first was kept";
    /// The symbol is empty or has characters that symbols do not have.
    BadSymbol = "BAD_SYMBOL", "symbols have up to 20 letters, digits and .-_^=/&";
    /// The date or time does not parse, or it is on the wrong side of another.
    BadDate = "BAD_DATE", "write dates as YYYY-MM-DD and times as YYYY-MM-DDTHH:MM:SSZ; no period ends after its figures are known, no dividend is paid before its ex-date";
    /// A number does not parse.
    BadNumber = "BAD_NUMBER", "write numbers as 1234.5 or 1.2345e3, without separators or signs of money";
    /// A number is larger than can be kept exactly.
    OutOfRange = "OUT_OF_RANGE", "check the unit; prices end near 9.2 billion";
    /// A used field is not UTF-8.
    BadText = "BAD_TEXT", "save the file as UTF-8";
    /// A quote is not closed on its line, or text follows a closed quote.
    BadQuotes = "BAD_QUOTES", "close every quote on its own line; write a quote inside quotes twice";
    /// The row has more or fewer fields than the header.
    FieldCount = "FIELD_COUNT", "give every row as many fields as the header; quote fields that hold commas";
    /// A field that must be filled is empty.
    MissingField = "MISSING_FIELD", "fill in the empty field";
    /// A word is none of those the column knows.
    BadField = "BAD_FIELD", "use one of the words the column knows";
    /// The name of a figure is none that an expression could name.
    BadName = "BAD_NAME", "names of figures have up to 64 letters, digits and _";
    /// A currency in which the exchange does not trade.
    OtherCurrency = "OTHER_CURRENCY", "correct the currency or the exchange, or leave the currency out";
    /// More symbols than one command takes.
    TooManySymbols = "TOO_MANY_SYMBOLS", "import the rest of the symbols with a second command";
    /// The compressed file ends in the middle.
    Truncated = "TRUNCATED", "fetch the file again and import it once more; rows already stored stay unchanged";
    /// The compressed file is damaged from here on.
    Damaged = "DAMAGED", "fetch the file again and import it once more; rows already stored stay unchanged";
    /// The row repeats the one before, volume included.
    StaleRepeat = "STALE_REPEAT", "the vendor repeats the last session; fetch the day again later";
    /// A price 100 times too large or too small.
    Unit100x = "UNIT_100X", "check the unit, such as cents for dollars; fetch the day again later";
    /// The prices are a multiple of what is stored, and no split is told for it.
    Restated = "RESTATED", "look up whether there was a split; import it with 'import actions', then fetch again";
    /// A split that the prices of its day do not show.
    SplitNotSeen = "SPLIT_NOT_SEEN", "look it up elsewhere; accept it when it is true";
    /// A large dividend that the prices of its day do not show.
    DividendNotSeen = "DIVIDEND_NOT_SEEN", "look it up elsewhere; accept it when it is true";
    /// A dividend as large as the price before it, or larger.
    DividendTooLarge = "DIVIDEND_TOO_LARGE", "check the unit and whether it is a share; accept it when it is true";
    /// A rename to itself, in a circle, or to two symbols.
    BadRename = "BAD_RENAME", "an old symbol becomes one new symbol by one rename, never in a circle";
    /// A universe of the name that each person's own watchlist has.
    ReservedName = "RESERVED_NAME", "give the universe another name; 'watchlist' is each person's own";
    /// A line is longer than 65,536 bytes.
    LineTooLong = "LINE_TOO_LONG", "check for a missing line break or an unclosed quote near this line";
}

impl Serialize for QuarantineReason {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(self.code())
    }
}

/// A row that was not stored, and why. Symbol and date are as the file had them, empty when there were none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Quarantined {
    /// File as named by the user.
    pub file: CleanText,
    /// Line in it, from 1.
    pub line: u64,
    /// Symbol as written.
    pub symbol: CleanText,
    /// Date as written.
    pub date: CleanText,
    /// Why.
    pub reason: QuarantineReason,
    /// The column that says so; empty where it is the row as a whole, or several of its rows.
    pub field: CleanText,
    /// Source as a file of prices tells it, empty where it does not; for a store, not in reports.
    #[serde(skip)]
    pub source: CleanText,
    /// The start of the row as written, up to [`QUARANTINED_RAW_MAX`] characters; for a store, not in reports.
    #[serde(skip)]
    pub raw: CleanText,
}

impl Quarantined {
    /// A row of which nothing is known but why it was not stored.
    pub fn because(reason: QuarantineReason) -> Self {
        let none = CleanText::default;
        Self {
            file: none(),
            line: 0,
            symbol: none(),
            date: none(),
            reason,
            field: none(),
            source: none(),
            raw: none(),
        }
    }
}

/// The outcome of one import command: `read` = stored + revised + unchanged + duplicates + quarantined.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ImportReport {
    /// Rows read, the quarantined ones included.
    pub read: u64,
    /// New keys.
    pub stored: u64,
    /// Known keys with other values.
    pub revised: u64,
    /// Known keys with equal values.
    pub unchanged: u64,
    /// Second rows with the values of the first.
    pub duplicates: u64,
    /// Rows not stored.
    pub quarantined: u64,
    /// Put right by a rule and stored, with what they were before.
    pub repaired: u64,
    /// Stored, but odd.
    pub flagged: u64,
    /// Sessions without a row between a symbol's first and last row.
    pub gaps: u64,
    /// Runs of neighbouring gaps.
    pub gap_runs: u64,
    /// Instruments whose prices are now read from this source and were read from another before: all of their
    /// history changed, not only what is new.
    pub switched: u64,
    /// Splits and dividends that were taken as told: no stored prices say whether they are true.
    pub unjudged: u64,
    /// The first rows not stored.
    pub quarantine: Vec<Quarantined>,
    /// How many more were not stored than are listed.
    pub quarantine_omitted: u64,
    /// Columns that were not used.
    pub ignored_columns: Vec<CleanText>,
}

impl ImportReport {
    /// Lists a page's quarantined rows, up to [`REPORTED_QUARANTINE_MAX`], and counts the rest.
    pub fn list_quarantined(&mut self, rows: &[Quarantined]) {
        let room = REPORTED_QUARANTINE_MAX.saturating_sub(self.quarantine.len());
        self.quarantine.extend(rows.iter().take(room).cloned());
        self.quarantine_omitted += rows.len().saturating_sub(room) as u64;
    }

    /// Whether every row was good.
    pub const fn is_clean(&self) -> bool {
        self.quarantined == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_every_reason_has_a_remedy() {
        let codes: std::collections::BTreeSet<_> = QuarantineReason::ALL.iter().map(|r| r.code()).collect();
        assert_eq!(codes.len(), QuarantineReason::ALL.len());
        assert!(QuarantineReason::ALL.iter().all(|r| r.remedy().len() > 10));
    }

    #[test]
    fn the_report_lists_ten_thousand_and_counts_the_rest() {
        let row = Quarantined {
            file: "a.csv".into(),
            line: 2,
            symbol: "A".into(),
            date: "2024-01-02".into(),
            raw: "2024-01-02,A,,,,,".into(),
            ..Quarantined::because(QuarantineReason::MissingPrice)
        };
        let mut report = ImportReport::default();
        report.list_quarantined(&vec![row.clone(); 9_999]);
        report.list_quarantined(&vec![row; 4]);
        assert_eq!((report.quarantine.len(), report.quarantine_omitted), (10_000, 3));
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["quarantine"][0]["reason"], "MISSING_PRICE");
        let keys = ["read", "stored", "revised", "unchanged", "duplicates", "quarantined", "flagged", "gaps"];
        assert!(json["quarantine"][0].get("raw").is_none());
        assert!(keys.iter().chain(&["gap_runs", "ignored_columns"]).all(|key| json.get(key).is_some()));
    }
}
