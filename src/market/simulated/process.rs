//! The process behind SIM's prices: one step turns yesterday's state into today's [`Day`] of every name.
//!
//! A name's log return is a market, a sector and an own part, each drawn overnight and intraday. The market's and
//! the own volatility are exponentials of a slow and a fast autoregression; shocks have random scale (fat tails)
//! and lean to the downside; earnings reports and rare news add overnight jumps. A hidden, slowly moving
//! *quality* adds a known drift: the planted alpha. The state is the whole past: stepping from the same state
//! always gives the same days. Constants are fitted to the table in `calibration.rs`.

use chrono::NaiveDate;

use super::calendar::{HISTORY_SESSIONS, date_of, index_on_or_after, next_quarter_end};
use super::rng::Rng;
use super::universe::{SECTORS, Traits, Universe};

/// Sessions in a year, for annual figures.
pub const SESSIONS_A_YEAR: f64 = 252.0;
/// Expected log return a year that one standard deviation of quality adds.
pub const ALPHA_A_YEAR: f64 = 0.07;
/// Quality kept from one session to the next: a half-life of 126 sessions.
const QUALITY_KEEP: f64 = 0.994_514;
/// Standard deviation of the daily move of quality.
const QUALITY_STEP: f64 = 0.081;
/// Move of quality for one standard deviation of an earnings surprise.
const QUALITY_FROM_EARNINGS: f64 = 0.45;

const DRIFT_A_YEAR: f64 = 0.108;
const MARKET_VOL: f64 = 0.0078;
const SECTOR_VOL: f64 = 0.0050;
/// Share of regular variance that falls between close and open.
const OVERNIGHT_SHARE: f64 = 0.24;

const EARNINGS_JUMP: f64 = 4.0;
const NEWS_JUMP: f64 = 4.2;
const NEWS_CHANCE: f64 = 0.005;
/// Largest log move between two prints that is let through, either way.
const LOG_MOVE_MAX: f64 = 0.45;

/// Scale of the range around open and close, fitted to the median range.
const RANGE_SCALE: f64 = 1.13;

/// Price in dollars above which a name may split after history, and its chance a session.
const SPLIT_PRICE_MIN: f64 = 115.0;
const SPLIT_CHANCE: f64 = 0.07 / SESSIONS_A_YEAR;
/// Price in dollars below which a reverse split is likely, and its chance a session.
const REVERSE_PRICE_MAX: f64 = 4.0;
const REVERSE_CHANCE: f64 = 0.1;
const DIVIDEND_PERIOD: u32 = 63;

/// One autoregression: share kept a session, and stationary standard deviation.
#[derive(Debug, Clone, Copy)]
struct Memory {
    keep: f64,
    spread: f64,
}

impl Memory {
    fn step(self, value: f64, shock: f64) -> f64 {
        self.keep * value + self.spread * (1.0 - self.keep * self.keep).sqrt() * shock
    }
}

const MARKET_SLOW: Memory = Memory { keep: 0.94, spread: 0.36 };
const MARKET_FAST: Memory = Memory { keep: 0.80, spread: 0.46 };
const OWN_SLOW: Memory = Memory { keep: 0.985, spread: 0.485 };
const OWN_FAST: Memory = Memory { keep: 0.74, spread: 0.42 };
const VOLUME: Memory = Memory { keep: 0.92, spread: 0.33 };

/// Random scale of a shock, as the standard deviation of its logarithm.
const OWN_TAIL: f64 = 0.30;
const MARKET_TAIL: f64 = 0.05;
const OWN_LEAN: f64 = 0.09;
const MARKET_LEAN: f64 = 0.12;
/// How strongly a market loss raises tomorrow's volatility.
const LEVERAGE: f64 = 0.35;

const VOLUME_NOISE: f64 = 0.20;
const VOLUME_ON_MOVE: f64 = 0.25;
const VOLUME_ON_MARKET: f64 = 0.06;
/// How much fewer shares trade as the price grows, so that dollars grow less than the price.
const VOLUME_ON_PRICE: f64 = 0.6;

/// Mean of the magnitude of a standard normal.
const MEAN_ABS_NORMAL: f64 = 0.797_884_560_802_865_4;

/// A normal shock that leans to the downside: mean 0, variance within 0.5 % of 1.
fn leaning(normal: f64, lean: f64) -> f64 {
    let scale = if normal < 0.0 { 1.0 + lean } else { 1.0 - lean };
    normal * scale + lean * MEAN_ABS_NORMAL
}

/// A random scale with mean square 1 whose logarithm has standard deviation `tail`.
fn tail_scale(rng: &mut Rng, tail: f64) -> f64 {
    libm::exp(tail * rng.normal() - tail * tail)
}

/// Volatility multiple from the logs of its parts, with mean square 1.
fn vol_multiple(log_vol: f64, slow: Memory, fast: Memory) -> f64 {
    libm::exp(log_vol - slow.spread * slow.spread - fast.spread * fast.spread)
}

/// A factor's overnight and intraday move.
#[derive(Debug, Clone, Copy, Default)]
struct Move {
    overnight: f64,
    intraday: f64,
}

/// A report of one quarter, as it became known on its day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Report {
    /// Quarter it describes.
    pub period_end: NaiveDate,
    /// Surprise in standard deviations.
    pub surprise: f64,
    /// What it says.
    pub figures: Figures,
}

/// Figures of a report; per-share figures in the shares of its day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Figures {
    /// Earnings per share over four quarters.
    pub eps: f64,
    /// Book value per share.
    pub book_value: f64,
    /// Sales per share over four quarters.
    pub sales: f64,
    /// Operating cash flow per share over four quarters.
    pub cash_flow: f64,
    /// Dividends per share over four quarters at the present rate.
    pub dividend: f64,
    /// Shares outstanding.
    pub shares: f64,
}

/// One name on one session. Prices are in cents.
#[derive(Debug, Clone, Copy)]
pub struct Day {
    /// First, highest, lowest and last price in cents.
    pub ohlc: [i64; 4],
    /// Shares traded.
    pub volume: i64,
    /// Dividend per share in cents that the name goes ex on this session; 0 for none.
    pub dividend: i64,
    /// New and old shares of a split that takes effect on this session.
    pub split: Option<(i64, i64)>,
    /// Report published before the open.
    pub report: Option<Report>,
    /// Figures of the last report restated for this session's split, with their quarter.
    pub restated: Option<(NaiveDate, Figures)>,
    /// Whether an unscheduled jump happened before the open.
    pub news: bool,
    /// Total log return, dividend and split undone.
    pub log_return: f64,
    /// The same in units of the name's usual daily volatility.
    pub shock: f64,
    /// Quality at the session's end: the next session's expected extra log return is this times
    /// `ALPHA_A_YEAR / SESSIONS_A_YEAR`.
    pub quality: f64,
    /// Decaying sum of past shocks (about five sessions).
    pub momentum: f64,
    /// Intraday volatility of the session.
    pub intraday_vol: f64,
}

#[derive(Debug, Clone)]
struct NameState {
    rng: Rng,
    books: Rng,
    slow: f64,
    fast: f64,
    volume: f64,
    quality: f64,
    momentum: f64,
    price: f64,
    anchor: f64,
    share_factor: f64,
    dividend: f64,
    dividends_paid: u32,
    period_end: NaiveDate,
    report_index: u32,
    last_report: Option<(NaiveDate, Figures)>,
}

/// Everything the next session depends on.
#[derive(Debug, Clone)]
pub struct State {
    next: u32,
    market_rng: Rng,
    market_slow: f64,
    market_fast: f64,
    sectors: [Move; SECTORS.len()],
    names: Vec<NameState>,
}

const STREAM_MARKET: u64 = 3;
const STREAM_NAME: u64 = 4;
/// Report dates and figures draw apart from prices, so that accounting never moves the market's path.
const STREAM_BOOKS: u64 = 8;

impl State {
    /// The state before the first session of history.
    pub fn start(universe: &Universe) -> Self {
        let named = universe.traits.iter().enumerate();
        let names = named.map(|(i, t)| NameState::start(t, universe.seed, i as u64)).collect();
        let mut market_rng = Rng::keyed(universe.seed, [STREAM_MARKET, 0, 0]);
        let market_slow = MARKET_SLOW.spread * market_rng.normal();
        let market_fast = MARKET_FAST.spread * market_rng.normal();
        Self { next: 0, market_rng, market_slow, market_fast, sectors: Default::default(), names }
    }

    /// Number of the session that [`State::step`] makes next.
    pub fn next_index(&self) -> u32 {
        self.next
    }

    /// Makes the next session: one [`Day`] a name, in instrument order, after what `days` already holds.
    pub fn step(&mut self, universe: &Universe, days: &mut Vec<Day>) {
        let index = self.next;
        self.next += 1;
        let log_vol = self.market_slow + self.market_fast;
        let market_vol = MARKET_VOL * vol_multiple(log_vol, MARKET_SLOW, MARKET_FAST);
        let market = self.market_move(market_vol);
        let rng = &mut self.market_rng;
        for sector in &mut self.sectors {
            let tail = SECTOR_VOL * tail_scale(rng, OWN_TAIL);
            *sector = Move {
                overnight: tail * OVERNIGHT_SHARE.sqrt() * rng.normal(),
                intraday: tail * (1.0 - OVERNIGHT_SHARE).sqrt() * rng.normal(),
            };
        }
        for (name, traits) in self.names.iter_mut().zip(&universe.traits) {
            let sector = self.sectors.get(traits.sector).copied().unwrap_or_default();
            let common = Common { index, market, market_vol, sector };
            days.push(name.step(traits, &common));
        }
    }

    fn market_move(&mut self, vol: f64) -> Move {
        let rng = &mut self.market_rng;
        let scale = vol * tail_scale(rng, MARKET_TAIL);
        let overnight = OVERNIGHT_SHARE.sqrt() * leaning(rng.normal(), MARKET_LEAN);
        let intraday = (1.0 - OVERNIGHT_SHARE).sqrt() * leaning(rng.normal(), MARKET_LEAN);
        let loss = -(overnight + intraday);
        let shock = LEVERAGE * loss + (1.0 - LEVERAGE * LEVERAGE).sqrt() * rng.normal();
        self.market_fast = MARKET_FAST.step(self.market_fast, shock);
        self.market_slow = MARKET_SLOW.step(self.market_slow, rng.normal());
        Move { overnight: scale * overnight, intraday: scale * intraday }
    }
}

/// What all names of a session share.
struct Common {
    index: u32,
    market: Move,
    market_vol: f64,
    sector: Move,
}

/// The name's own part of a session.
struct Own {
    moves: Move,
    intraday_vol: f64,
    jump: f64,
    surprise: Option<f64>,
    news: bool,
}

impl NameState {
    fn start(traits: &Traits, seed: u64, number: u64) -> Self {
        let mut rng = Rng::keyed(seed, [STREAM_NAME, number, 0]);
        let period_end = NaiveDate::from_ymd_opt(2020, 12, 31).unwrap_or_default();
        let mut state = Self {
            slow: OWN_SLOW.spread * rng.normal(),
            fast: OWN_FAST.spread * rng.normal(),
            volume: VOLUME.spread * rng.normal(),
            quality: rng.normal(),
            momentum: 0.0,
            price: traits.first_price,
            anchor: traits.first_price * libm::exp(0.12 * rng.normal() - 0.03),
            share_factor: 1.0,
            dividend: 0.0,
            dividends_paid: 0,
            period_end,
            report_index: 0,
            last_report: None,
            books: Rng::keyed(seed, [STREAM_BOOKS, number, 0]),
            rng,
        };
        let figures = state.figures(traits, 0.0);
        state.last_report = Some((period_end, figures));
        state.schedule_report(traits);
        state
    }

    fn step(&mut self, traits: &Traits, common: &Common) -> Day {
        let split = self.split(traits, common.index);
        let dividend = self.dividend(traits, common.index);
        let basis = self.price - dividend as f64 / 100.0;
        let own = self.own_move(traits, common);
        let usual = usual_vol(traits);
        let drift = DRIFT_A_YEAR / SESSIONS_A_YEAR - 0.5 * usual * usual
            + self.quality * ALPHA_A_YEAR / SESSIONS_A_YEAR;
        let shared = Move {
            overnight: traits.beta * common.market.overnight + traits.sector_beta * common.sector.overnight,
            intraday: traits.beta * common.market.intraday + traits.sector_beta * common.sector.intraday,
        };
        let overnight = bound(0.3 * drift + shared.overnight + own.moves.overnight + own.jump);
        let intraday = bound(0.7 * drift + shared.intraday + own.moves.intraday);
        let log_return = overnight + intraday;
        let shock = log_return / usual;

        let open = basis * libm::exp(overnight);
        self.price = open * libm::exp(intraday);
        let market_part = traits.beta * common.market_vol;
        let sector_part = traits.sector_beta * SECTOR_VOL;
        let shared_var = (market_part * market_part + sector_part * sector_part) * (1.0 - OVERNIGHT_SHARE);
        let intraday_vol = (shared_var + own.intraday_vol * own.intraday_vol).sqrt();
        let ohlc = self.range(open, intraday, intraday_vol * RANGE_SCALE);
        self.anchor += (self.price - self.anchor) / 180.0;
        let report = own.surprise.map(|surprise| self.report(traits, surprise));
        let restated = split.and(self.last_report).filter(|_| report.is_none());
        let volume = self.traded(traits, shock, common);
        self.momentum = 0.8 * self.momentum + shock;
        self.quality = QUALITY_KEEP * self.quality
            + QUALITY_STEP * self.rng.normal()
            + QUALITY_FROM_EARNINGS * own.surprise.unwrap_or(0.0);
        Day {
            ohlc,
            volume,
            dividend,
            split,
            report,
            restated,
            news: own.news,
            log_return,
            shock,
            quality: self.quality,
            momentum: self.momentum,
            intraday_vol,
        }
    }

    fn own_move(&mut self, traits: &Traits, common: &Common) -> Own {
        let rng = &mut self.rng;
        let vol = traits.own_vol * vol_multiple(self.slow + self.fast, OWN_SLOW, OWN_FAST);
        let scale = vol * tail_scale(rng, OWN_TAIL);
        let overnight = scale * OVERNIGHT_SHARE.sqrt() * leaning(rng.normal(), OWN_LEAN);
        let intraday_vol = scale * (1.0 - OVERNIGHT_SHARE).sqrt();
        let intraday = intraday_vol * leaning(rng.normal(), OWN_LEAN);
        self.slow = OWN_SLOW.step(self.slow, rng.normal());
        self.fast = OWN_FAST.step(self.fast, rng.normal());
        let surprise = (common.index == self.report_index).then(|| rng.normal());
        let mut jump = 0.0;
        if let Some(surprise) = surprise {
            let noise = 0.6 * surprise + 0.8 * rng.normal();
            jump += EARNINGS_JUMP * traits.own_vol * leaning(noise, 0.12);
        }
        let news = rng.chance(NEWS_CHANCE);
        if news {
            jump += NEWS_JUMP * traits.own_vol * (rng.normal() - 0.35);
        }
        jump += NEWS_CHANCE * NEWS_JUMP * 0.35 * traits.own_vol;
        Own { moves: Move { overnight, intraday }, intraday_vol, jump, surprise, news }
    }

    /// Open, high, low and close in cents. The extremes are those of a Brownian bridge from open to close.
    fn range(&mut self, open: f64, intraday: f64, vol: f64) -> [i64; 4] {
        let spread =
            |rng: &mut Rng| (intraday * intraday - 2.0 * vol * vol * libm::log(rng.uniform())).sqrt();
        let up = (intraday + spread(&mut self.rng)) / 2.0;
        let down = (intraday - spread(&mut self.rng)) / 2.0;
        let (first, last) = (cents(open), cents(self.price));
        let high = cents(open * libm::exp(up)).max(first).max(last);
        let low = cents(open * libm::exp(down)).min(first).min(last);
        [first, high, low, last]
    }

    fn traded(&mut self, traits: &Traits, shock: f64, common: &Common) -> i64 {
        self.volume = VOLUME.step(self.volume, self.rng.normal());
        let market = (common.market.overnight + common.market.intraday).abs() / MARKET_VOL - MEAN_ABS_NORMAL;
        let log_volume = self.volume
            + VOLUME_NOISE * self.rng.normal()
            + VOLUME_ON_MOVE * (shock.abs().min(6.0) - MEAN_ABS_NORMAL)
            + VOLUME_ON_MARKET * market.min(4.0);
        let growth = libm::log(self.price * self.share_factor / traits.first_price);
        let shares =
            traits.base_volume * self.share_factor * libm::exp(log_volume - VOLUME_ON_PRICE * growth);
        (shares as i64).clamp(VOLUME_MIN, VOLUME_MAX)
    }

    /// A split at the open: as dealt out in history, rare after it; reverse when the price has become small.
    fn split(&mut self, traits: &Traits, index: u32) -> Option<(i64, i64)> {
        let draw = self.rng.uniform();
        let free = index > HISTORY_SESSIONS && self.price > SPLIT_PRICE_MIN && draw < SPLIT_CHANCE;
        let ratio = if index == HISTORY_SESSIONS {
            return None;
        } else if free || traits.split_session == Some(index) {
            *self.rng.pick(&[(2, 1), (2, 1), (2, 1), (3, 1), (3, 2)])?
        } else if self.price < REVERSE_PRICE_MAX && draw < REVERSE_CHANCE {
            (1, 10)
        } else {
            return None;
        };
        let factor = ratio.0 as f64 / ratio.1 as f64;
        self.price /= factor;
        self.anchor /= factor;
        self.dividend /= factor;
        self.share_factor *= factor;
        if let Some((_, figures)) = &mut self.last_report {
            *figures = figures.after_split(factor);
        }
        Some(ratio)
    }

    /// Dividend per share in cents on the name's session of the quarter; raised or cut once a year.
    fn dividend(&mut self, traits: &Traits, index: u32) -> i64 {
        if traits.dividend_yield == 0.0 || index % DIVIDEND_PERIOD != traits.dividend_phase {
            return 0;
        }
        if self.dividends_paid.is_multiple_of(4) {
            self.dividend = self.anchor * traits.dividend_yield / 4.0;
        }
        self.dividends_paid += 1;
        cents(self.dividend.min(self.price * 0.02))
    }

    fn schedule_report(&mut self, traits: &Traits) {
        self.period_end = next_quarter_end(self.period_end);
        let lag = traits.report_lag_days + self.books.below(7);
        let day = self.period_end + chrono::Duration::days(i64::from(lag));
        self.report_index = index_on_or_after(day);
    }

    fn report(&mut self, traits: &Traits, surprise: f64) -> Report {
        let period_end = self.period_end;
        let figures = self.figures(traits, surprise);
        self.last_report = Some((period_end, figures));
        self.schedule_report(traits);
        Report { period_end, surprise, figures }
    }

    fn figures(&mut self, traits: &Traits, surprise: f64) -> Figures {
        let earnings_yield =
            traits.earnings_yield + 0.014 * self.quality + 0.004 * surprise + 0.003 * self.books.normal();
        let depreciation = 0.018 + 0.25 * traits.earnings_yield.abs();
        let paying =
            if self.dividends_paid == 0 { self.anchor * traits.dividend_yield } else { 4.0 * self.dividend };
        Figures {
            eps: self.anchor * earnings_yield,
            book_value: self.anchor * traits.book_to_price * libm::exp(0.10 * self.quality),
            sales: self.anchor * traits.sales_to_price * libm::exp(0.04 * self.books.normal()),
            cash_flow: self.anchor * (earnings_yield + depreciation + 0.005 * self.books.normal()),
            dividend: paying,
            shares: traits.shares * self.share_factor,
        }
    }
}

impl Figures {
    fn after_split(self, factor: f64) -> Self {
        Self {
            eps: self.eps / factor,
            book_value: self.book_value / factor,
            sales: self.sales / factor,
            cash_flow: self.cash_flow / factor,
            dividend: self.dividend / factor,
            shares: self.shares * factor,
        }
    }
}

/// Least shares traded on a session: enough for every print of the tape.
const VOLUME_MIN: i64 = 5_000;
/// Most shares traded on a session.
const VOLUME_MAX: i64 = 4_000_000_000;

/// The quarter that the figures known before the first session describe, with the day they became known.
pub fn first_known(traits: &Traits) -> (NaiveDate, NaiveDate) {
    let period_end = NaiveDate::from_ymd_opt(2020, 12, 31).unwrap_or_default();
    let known_at = period_end + chrono::Duration::days(i64::from(traits.report_lag_days));
    (period_end, known_at.min(date_of(0)))
}

/// The figures known before the first session.
pub fn first_figures(universe: &Universe) -> Vec<Figures> {
    let state = State::start(universe);
    state.names.iter().filter_map(|n| n.last_report.map(|(_, f)| f)).collect()
}

fn usual_vol(traits: &Traits) -> f64 {
    let (market, sector) = (traits.beta * MARKET_VOL, traits.sector_beta * SECTOR_VOL);
    let own = traits.own_vol * OWN_TOTAL;
    (market * market + sector * sector + own * own).sqrt()
}

/// Own volatility with jumps over own volatility without.
const OWN_TOTAL: f64 = 1.11;

fn bound(log_move: f64) -> f64 {
    log_move.clamp(-LOG_MOVE_MAX, LOG_MOVE_MAX)
}

/// Nearest whole cents, at least one.
fn cents(dollars: f64) -> i64 {
    (libm::floor(dollars * 100.0 + 0.5) as i64).max(1)
}
