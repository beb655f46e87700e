//! Figures of companies, in two answers: what is known now (quoteSummary), then reports by period (timeseries).
//!
//! Neither tells when a figure became known, so all count as known from the day they were fetched. Reports keep their
//! own names, such as `quarterly_total_revenue`. Money in another currency than the exchange's is left out.

use chrono::{DateTime, NaiveDate};

use super::replies::malformed;
use super::symbols::{in_path, spelled};
use crate::domain::market::Fundamental;
use crate::domain::{CleanText, InstrumentId, UnixNanos};
use crate::market::vendors::json::Json;
use crate::market::vendors::words::snake;
use crate::market::vendors::{Call, Page, Payload, Reply};

/// Parts of the summary that are asked for.
const MODULES: &str = "defaultKeyStatistics,financialData,summaryDetail";
/// Figures of the summary: part, its name, ours. Money stands behind `true`.
const SUMMARY: [(&str, &str, &str, bool); 24] = [
    ("defaultKeyStatistics", "trailingEps", "eps", true),
    ("defaultKeyStatistics", "forwardEps", "forward_eps", true),
    ("defaultKeyStatistics", "bookValue", "book_value", true),
    ("defaultKeyStatistics", "netIncomeToCommon", "net_income", true),
    ("defaultKeyStatistics", "sharesOutstanding", "shares", false),
    ("defaultKeyStatistics", "priceToBook", "price_to_book", false),
    ("defaultKeyStatistics", "enterpriseToEbitda", "ev_to_ebitda", false),
    ("defaultKeyStatistics", "enterpriseToRevenue", "ev_to_revenue", false),
    ("financialData", "revenuePerShare", "sales", true),
    ("financialData", "totalRevenue", "revenue", true),
    ("financialData", "ebitda", "ebitda", true),
    ("financialData", "totalDebt", "total_debt", true),
    ("financialData", "totalCash", "total_cash", true),
    ("financialData", "freeCashflow", "free_cash_flow", true),
    ("financialData", "operatingCashflow", "operating_cash_flow", true),
    ("financialData", "profitMargins", "profit_margin", false),
    ("financialData", "returnOnEquity", "return_on_equity", false),
    ("summaryDetail", "trailingAnnualDividendRate", "dividend", true),
    ("summaryDetail", "marketCap", "market_cap", true),
    ("summaryDetail", "trailingPE", "pe", false),
    ("summaryDetail", "forwardPE", "forward_pe", false),
    ("summaryDetail", "priceToSalesTrailing12Months", "price_to_sales", false),
    ("summaryDetail", "dividendYield", "dividend_yield", false),
    ("summaryDetail", "beta", "beta", false),
];
/// Figures of the reports.
const REPORTED: [&str; 12] = [
    "TotalRevenue",
    "GrossProfit",
    "OperatingIncome",
    "NetIncome",
    "DilutedEPS",
    "EBITDA",
    "TotalAssets",
    "TotalDebt",
    "StockholdersEquity",
    "OrdinarySharesNumber",
    "OperatingCashFlow",
    "FreeCashFlow",
];
/// Most values of one answer.
const VALUES_MAX: usize = 20_000;
/// Where reports begin, in Unix seconds (1985).
const FIRST_SECOND: &str = "493590046";

pub(super) fn summary_call(instrument: InstrumentId) -> Option<Call> {
    let path = format!("/v10/finance/quoteSummary/{}", in_path(&spelled(instrument)?));
    let call = Call::to(path).with("formatted", "false").with("modules", MODULES);
    Some(Call { needs_session: true, ..call })
}

fn reports_call(instrument: InstrumentId, now: UnixNanos, page: u32) -> Option<Call> {
    let symbol = in_path(&spelled(instrument)?);
    let types = ["annual", "quarterly"].iter().flat_map(|span| REPORTED.map(|name| format!("{span}{name}")));
    let types: Vec<String> = types.collect();
    let call = Call::to(format!("/ws/fundamentals-timeseries/v1/finance/timeseries/{symbol}"))
        .with("type", types.join(","))
        .with("period1", FIRST_SECOND)
        .with("period2", now.to_datetime().timestamp().to_string());
    Some(Call { page, ..call })
}

pub(super) fn read(
    json: &Json<'_>,
    instrument: InstrumentId,
    call: &Call,
    today: NaiveDate,
    now: UnixNanos,
) -> Reply {
    if let Some(result) = json.at(&["timeseries", "result"]) {
        let found = reports(result.items(), instrument, today);
        return if found.is_empty() { Reply::Empty } else { Page::last(Payload::Facts(found), Vec::new()) };
    }
    let Some(result) = json.at(&["quoteSummary", "result"]).and_then(|list| list.items().first()) else {
        return malformed("the answer has no figures");
    };
    let found = summary(result, instrument, today);
    let next = reports_call(instrument, now, call.page + 1);
    Reply::Data(Box::new(Page { payload: Payload::Facts(found), rejected: Vec::new(), next }))
}

/// A number, or the raw number beside its formatted text.
fn number(json: &Json<'_>, name: &str) -> Option<f64> {
    json.float_at(name).or_else(|| json.get(name)?.float_at("raw"))
}

fn summary(result: &Json<'_>, instrument: InstrumentId, today: NaiveDate) -> Vec<Fundamental> {
    let ours = instrument.exchange.currency();
    let told = [("financialData", "financialCurrency"), ("summaryDetail", "currency")];
    let text = |(part, name): (&str, &str)| result.get(part).map_or("", |part| part.text_at(name)).to_owned();
    let is_ours = told.map(text).iter().all(|currency| currency.is_empty() || currency == ours.as_str());
    let quarter = result.get("defaultKeyStatistics").and_then(|part| number(part, "mostRecentQuarter"));
    let quarter =
        quarter.and_then(|second| DateTime::from_timestamp(second as i64, 0)).map(|t| t.date_naive());
    let period_end = quarter.filter(|end| *end <= today).unwrap_or(today);
    let figures = SUMMARY.iter().filter(|(_, _, _, money)| is_ours || !money);
    let found = figures.filter_map(|(part, name, field, _)| {
        let value = number(result.get(part)?, name)?;
        Some(Fundamental { instrument, known_at: today, period_end, field: CleanText::new(field), value })
    });
    found.collect()
}

fn reports(results: &[Json<'_>], instrument: InstrumentId, today: NaiveDate) -> Vec<Fundamental> {
    let ours = instrument.exchange.currency();
    let mut found = Vec::new();
    for result in results {
        let name = result.at(&["meta", "type"]).and_then(|list| list.items().first()).and_then(Json::text);
        let Some((name, field)) = name.and_then(|name| Some((name, snake(name)?))) else { continue };
        for value in result.get(name).map_or(&[][..], Json::items) {
            let Some(period_end) = value.text_at("asOfDate").parse().ok().filter(|end| *end <= today) else {
                continue;
            };
            let currency = value.text_at("currencyCode");
            let figure = value.get("reportedValue").and_then(|value| value.float_at("raw"));
            let figure = figure.filter(|_| currency.is_empty() || currency == ours.as_str());
            let Some(value) = figure.filter(|_| found.len() < VALUES_MAX) else { continue };
            let field = CleanText::new(&field);
            found.push(Fundamental { instrument, known_at: today, period_end, field, value });
        }
    }
    found
}
