//! A panel with one more row: the session that is not over yet, as far as it has gone.
//!
//! The row holds what is given and the figures known on the row before; all else is missing. Nothing of the rows
//! before it changes, and instruments that are not given end where they ended.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use super::PER_SHARE;
use super::column::{Column, LANES};
use super::{Panel, PanelError};
use crate::domain::InstrumentId;

/// Values of one row of one instrument, by field.
pub type RunningRow = Vec<(&'static str, f32)>;

impl Panel {
    /// This panel and a row for a session after its last.
    pub fn continued(
        &self,
        session: NaiveDate,
        rows: &BTreeMap<InstrumentId, RunningRow>,
    ) -> Result<Panel, PanelError> {
        if let (Some(last), Some(instrument)) = (self.sessions.last(), rows.keys().next())
            && session <= *last
        {
            return Err(PanelError::UnknownSession { instrument: *instrument, session });
        }
        let row = self.sessions.len();
        let mut panel = self.clone_with_room(session);
        for (instrument, values) in rows {
            let Some(at) = self.index_of(*instrument) else { continue };
            // A hole between the last row and this one would be read as missing sessions.
            if self.span(at).end != row {
                continue;
            }
            if let Some(span) = panel.spans.get_mut(at) {
                span.end = row + 1;
            }
            for (field, value) in values {
                if let Some(column) = panel.columns.get_mut(field) {
                    column.set(at, row, *value);
                }
            }
            for field in PER_SHARE {
                if let Some(column) = panel.columns.get_mut(field)
                    && let Some(before) = row.checked_sub(1)
                {
                    column.set(at, row, column.get(at, before));
                }
            }
        }
        Ok(panel)
    }

    fn clone_with_room(&self, session: NaiveDate) -> Panel {
        let mut sessions = self.sessions.clone();
        sessions.push(session);
        // Who was a member on the last row still is.
        let mut members = self.members.clone();
        let last = self.sessions.len();
        let open = members.iter_mut().flatten().flatten().filter(|rows| rows.end == last);
        open.for_each(|rows| rows.end = last + 1);
        Panel {
            sessions,
            symbols: self.symbols.clone(),
            spans: self.spans.clone(),
            columns: self.columns.iter().map(|(field, column)| (*field, longer(column))).collect(),
            groups: self.groups.clone(),
            periods: self.periods.clone(),
            members,
        }
    }
}

/// A column with a missing row at its end.
fn longer(column: &Column) -> Column {
    let blocks = column.instruments().div_ceil(LANES);
    let mut values = Vec::with_capacity(blocks * (column.rows() + 1) * LANES);
    for block in 0..blocks {
        values.extend_from_slice(column.block(block));
        values.extend([f32::NAN; LANES]);
    }
    let (rows, instruments) = (column.rows() + 1, column.instruments());
    Column::new(rows, instruments, values).unwrap_or_else(|| Column::missing(rows, instruments))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::factor::expr::{Expression, Watch, compute, latest};
    use crate::factor::panel::PanelBuilder;

    fn day(n: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2024, 1, n).unwrap()
    }

    fn id(text: &str) -> InstrumentId {
        text.parse().unwrap()
    }

    /// Rows of A and B over days 1 to `days`; B ends a day early when it is `short`.
    fn panel(days: u32, short: bool) -> Panel {
        let mut builder = PanelBuilder::new((1..=days).map(day).collect());
        for n in 1..=days {
            builder.row(id("A.XNYS"), day(n), &[("close", n as f32)]).unwrap();
            if !(short && n == days) {
                builder.row(id("B.XNYS"), day(n), &[("close", (n * n) as f32)]).unwrap();
            }
        }
        builder.build()
    }

    #[test]
    fn a_running_row_gives_what_a_stored_row_would() {
        let rows = [("A.XNYS", 6.0), ("B.XNYS", 36.0)]
            .map(|(name, close)| (id(name), vec![("close", close)]))
            .into_iter()
            .collect();
        let continued = panel(5, false).continued(day(6), &rows).unwrap();
        // As text, because a missing value equals nothing.
        assert_eq!(format!("{continued:?}"), format!("{:?}", panel(6, false)));
        let mean = [Expression::parse("Mean($close, 3)").unwrap()];
        let newest = latest(&continued, &mean, &Watch::default()).unwrap();
        let whole = compute(&panel(6, false), &mean, 0..6).unwrap();
        assert_eq!(newest[0].cross_section(0), whole[0].cross_section(5));
    }

    #[test]
    fn who_is_not_given_or_had_ended_has_no_value_and_an_old_session_is_refused() {
        let rows: BTreeMap<_, _> = [(id("B.XNYS"), vec![("close", 9.0)])].into_iter().collect();
        let continued = panel(4, true).continued(day(5), &rows).unwrap();
        assert!(continued.value("close", 0, 4).is_nan() && continued.value("close", 1, 4).is_nan());
        assert_eq!((continued.span(0), continued.span(1)), (0..4, 0..3));
        assert!(panel(4, false).continued(day(4), &rows).is_err());
    }
}
