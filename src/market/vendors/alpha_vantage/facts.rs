//! Figures of companies, in four answers: OVERVIEW, EARNINGS, INCOME_STATEMENT, BALANCE_SHEET, one after the other.
//!
//! The overview has what factors need, per share and over twelve months: `eps`, `book_value`, `sales`, `dividend`.
//! Reports keep their own names behind `annual_` or `quarterly_`. Only earnings tell the day they were reported; all
//! else counts as known from the day it was fetched, since nothing may be used before it was known. Money in another
//! currency than the exchange's is left out.

use chrono::NaiveDate;

use super::{notices, of_symbol};
use crate::domain::market::Fundamental;
use crate::domain::{CleanText, InstrumentId};
use crate::market::vendors::json::Json;
use crate::market::vendors::words::snake;
use crate::market::vendors::{Call, Page, Payload, Reply};

/// The answers, in order.
const FUNCTIONS: [&str; 4] = ["OVERVIEW", "EARNINGS", "INCOME_STATEMENT", "BALANCE_SHEET"];
/// Figures of the overview: its name and ours. Money stands behind `true`.
const OVERVIEW: [(&str, &str, bool); 20] = [
    ("EPS", "eps", true),
    ("BookValue", "book_value", true),
    ("RevenuePerShareTTM", "sales", true),
    ("DividendPerShare", "dividend", true),
    ("SharesOutstanding", "shares", false),
    ("MarketCapitalization", "market_cap", true),
    ("EBITDA", "ebitda", true),
    ("RevenueTTM", "revenue", true),
    ("GrossProfitTTM", "gross_profit", true),
    ("PERatio", "pe", false),
    ("PEGRatio", "peg", false),
    ("PriceToBookRatio", "price_to_book", false),
    ("PriceToSalesRatioTTM", "price_to_sales", false),
    ("EVToRevenue", "ev_to_revenue", false),
    ("EVToEBITDA", "ev_to_ebitda", false),
    ("DividendYield", "dividend_yield", false),
    ("ProfitMargin", "profit_margin", false),
    ("ReturnOnEquityTTM", "return_on_equity", false),
    ("QuarterlyRevenueGrowthYOY", "quarterly_revenue_growth", false),
    ("Beta", "beta", false),
];
/// Most reports of one kind that are read: 60 years of quarters.
const REPORTS_MAX: usize = 240;

pub(super) fn read(json: &Json<'_>, instrument: InstrumentId, call: &Call, today: NaiveDate) -> Reply {
    let function = call.query.iter().find(|(name, _)| name == "function").map_or("", |(_, value)| value);
    let facts = Facts { instrument, today, found: Vec::new() };
    let place = FUNCTIONS.iter().position(|name| *name == function);
    if json.entries().is_empty() && place == Some(0) {
        return Reply::NotFound;
    }
    let found = match function {
        "OVERVIEW" => facts.overview(json),
        "EARNINGS" => facts.earnings(json),
        _ => facts.statements(json),
    };
    let Some(found) = found else { return notices::malformed("the answer has no figures") };
    let next = place.and_then(|at| FUNCTIONS.get(at + 1));
    let next = next.map(|name| Call { page: call.page + 1, ..of_symbol(name, instrument) });
    if found.is_empty() && next.is_none() {
        return Reply::Empty;
    }
    Reply::Data(Box::new(Page { payload: Payload::Facts(found), rejected: Vec::new(), next }))
}

struct Facts {
    instrument: InstrumentId,
    today: NaiveDate,
    found: Vec<Fundamental>,
}

impl Facts {
    fn add(&mut self, known_at: NaiveDate, period_end: NaiveDate, field: &str, value: Option<f64>) {
        if let Some(value) = value {
            let field = CleanText::new(field);
            self.found.push(Fundamental { instrument: self.instrument, known_at, period_end, field, value });
        }
    }

    fn is_ours(&self, currency: &str) -> bool {
        currency == self.instrument.exchange.currency().as_str()
    }

    fn overview(mut self, json: &Json<'_>) -> Option<Vec<Fundamental>> {
        let symbol = json.get("Symbol")?.text()?;
        if symbol.replace('.', "-") != super::spelled(self.instrument) {
            return None;
        }
        let period_end = json.text_at("LatestQuarter").parse().ok().filter(|end| *end <= self.today);
        let ours = self.is_ours(json.text_at("Currency"));
        for (name, field, money) in OVERVIEW {
            if ours || !money {
                self.add(self.today, period_end.unwrap_or(self.today), field, json.float_at(name));
            }
        }
        Some(self.found)
    }

    fn earnings(mut self, json: &Json<'_>) -> Option<Vec<Fundamental>> {
        let lists =
            [("annualEarnings", "annual_reported_eps"), ("quarterlyEarnings", "quarterly_reported_eps")];
        if json.get("symbol").is_none() && !json.entries().is_empty() {
            return None;
        }
        for (key, field) in lists {
            for report in json.get(key).map_or(&[][..], Json::items).iter().take(REPORTS_MAX) {
                let Ok(period_end) = report.text_at("fiscalDateEnding").parse::<NaiveDate>() else {
                    continue;
                };
                let reported = report.text_at("reportedDate").parse::<NaiveDate>().ok();
                let known = reported.filter(|day| period_end <= *day && *day <= self.today);
                self.add(known.unwrap_or(self.today), period_end, field, report.float_at("reportedEPS"));
            }
        }
        Some(self.found)
    }

    fn statements(mut self, json: &Json<'_>) -> Option<Vec<Fundamental>> {
        if json.get("symbol").is_none() && !json.entries().is_empty() {
            return None;
        }
        for (key, span) in [("annualReports", "annual"), ("quarterlyReports", "quarterly")] {
            for report in json.get(key).map_or(&[][..], Json::items).iter().take(REPORTS_MAX) {
                let Ok(period_end) = report.text_at("fiscalDateEnding").parse::<NaiveDate>() else {
                    continue;
                };
                if !self.is_ours(report.text_at("reportedCurrency")) {
                    continue;
                }
                for (name, value) in report.entries() {
                    let value = value.number_text().parse::<f64>().ok().filter(|value| value.is_finite());
                    if let Some(name) = snake(name) {
                        self.add(self.today, period_end, &format!("{span}_{name}"), value);
                    }
                }
            }
        }
        Some(self.found)
    }
}
