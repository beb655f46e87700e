//! What the simulated exchange promises: same bytes, bars that are bars, ticks that add up, an answer that pays.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::ticks::{QUOTES_MAX, QUOTES_MIN};
use super::*;
use crate::domain::calendar::Calendars;
use crate::domain::market::ActionKind;
use crate::domain::{Exchange, MarketEvent};

/// Everything a simulation says, as text of raw integers and bits: history, three sessions after it and the
/// ticks of the first.
fn said(simulation: &Simulation) -> String {
    let mut cursor = simulation.cursor();
    let sessions: Vec<Session> = (0..3).map(|_| cursor.advance()).collect();
    let mut out = String::new();
    for i in simulation.instruments() {
        out += &format!("{} {} {} {} {}\n", i.id, i.name, i.sector, i.tick, i.lot);
    }
    say_facts(
        simulation.bars(),
        simulation.actions(),
        simulation.fundamentals(),
        simulation.headlines(),
        &mut out,
    );
    for s in &sessions {
        say_facts(s.bars(), s.actions(), s.fundamentals(), s.headlines(), &mut out);
    }
    for tick in sessions[0].ticks_with(QUOTES_MIN, UnixNanos::ZERO) {
        out += &match tick {
            MarketEvent::Quote(q) => {
                format!("{} {} {} {} {} {}\n", q.instrument, q.time, q.bid, q.ask, q.bid_size, q.ask_size)
            }
            MarketEvent::Trade(t) => format!("{} {} {} {}\n", t.instrument, t.time, t.price, t.size),
            MarketEvent::Status { instrument, time, halted } => format!("{instrument} {time} {halted}\n"),
            other => panic!("{other:?}"),
        };
    }
    simulation.quality.iter().for_each(|q| out += &format!("{:x} ", q.to_bits()));
    out
}

fn say_facts(
    bars: &[DailyBar],
    actions: &[CorporateAction],
    fundamentals: &[Fundamental],
    headlines: &[Headline],
    out: &mut String,
) {
    for b in bars {
        *out += &format!("{} {} {} {} {} {}", b.instrument, b.session, b.open, b.high, b.low, b.close);
        *out += &format!(" {} {}\n", b.volume, b.vwap.unwrap_or_default());
    }
    for a in actions {
        *out += &match a.kind {
            ActionKind::Split(r) => format!("{} {} {}:{}\n", a.instrument, a.date, r.new, r.old),
            ActionKind::Dividend { amount, pay_date } => {
                format!("{} {} {amount} {pay_date}\n", a.instrument, a.date)
            }
        };
    }
    for f in fundamentals {
        let value = f.value.to_bits();
        *out += &format!("{} {} {} {} {value:x}\n", f.instrument, f.known_at, f.period_end, f.field);
    }
    for h in headlines {
        *out += &format!("{} {} {} {}\n", h.instrument, h.time, h.headline, h.source);
    }
}

fn hex(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|b| format!("{b:02x}")).collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_every_platform() {
    assert_eq!(
        hex(&said(&Simulation::new(7, 10))),
        "184e5805ae219a41617b2f6eb6a6bff891759656e71828702551b914dde07a46"
    );
    assert_ne!(hex(&said(&Simulation::new(8, 10))), hex(&said(&Simulation::new(7, 10))));
}

#[test]
fn history_is_five_years_of_the_exchange_calendar_up_to_the_start() {
    let simulation = Simulation::new(1, 3);
    let calendars = Calendars::bundled().unwrap();
    let calendar = calendars.of(Exchange::Sim);
    let sessions = calendar.sessions_between(simulation.first_session(), simulation.last_session());
    let dates: Vec<NaiveDate> = simulation.bars().iter().step_by(3).map(|b| b.session).collect();
    assert_eq!(sessions.iter().map(|s| s.date).collect::<Vec<_>>(), dates);
    let running = calendar.session_at(simulation.start_time()).unwrap();
    let first = simulation.cursor().advance();
    assert_eq!((running.date, running.open, running.close), (first.date(), first.open(), first.close()));
    assert_eq!(calendar.next_session(simulation.last_session()).unwrap().date, first.date());
}

#[test]
fn every_bar_is_a_bar_on_the_tick() {
    let simulation = Simulation::new(11, 40);
    let tick = simulation.instruments()[0].tick;
    assert_eq!(simulation.bars().len(), 40 * HISTORY_SESSIONS as usize);
    for bar in simulation.bars() {
        assert!(bar.low <= bar.open.min(bar.close) && bar.open.max(bar.close) <= bar.high, "{bar:?}");
        assert!(bar.low.is_positive() && bar.volume.is_positive());
        assert!([bar.open, bar.high, bar.low, bar.close].iter().all(|p| p.is_on_tick(tick)));
        assert!(bar.vwap.is_some_and(|v| bar.low <= v && v <= bar.high));
    }
}

/// (open, high, low, close, volume) of the trades of each name, after checking order, quotes and halts.
fn aggregated(ticks: Ticks) -> BTreeMap<InstrumentId, (i64, i64, i64, i64, i64)> {
    let mut bars = BTreeMap::new();
    let mut halted = BTreeMap::new();
    let mut last = UnixNanos::ZERO;
    for event in ticks {
        let time = event.time().unwrap();
        assert!(time >= last);
        last = time;
        match event {
            MarketEvent::Trade(t) => {
                assert!(!halted.get(&t.instrument).copied().unwrap_or(false), "trade in a halt");
                let (price, size) = (t.price.raw(), t.size.raw());
                assert!(size > 0);
                let bar = bars.entry(t.instrument).or_insert((price, price, price, price, 0));
                *bar = (bar.0, bar.1.max(price), bar.2.min(price), price, bar.4 + size);
            }
            MarketEvent::Quote(q) => {
                assert!(!q.is_crossed() && q.bid.is_positive() && q.bid_size.is_positive());
                assert!(!halted.get(&q.instrument).copied().unwrap_or(false), "quote in a halt");
            }
            MarketEvent::Status { instrument, halted: now, .. } => {
                halted.insert(instrument, now);
            }
            other => panic!("{other:?}"),
        }
    }
    assert!(halted.values().all(|h| !h), "a halt that does not end");
    bars
}

#[test]
fn the_ticks_of_a_session_add_up_to_its_bars() {
    let simulation = Simulation::new(5, 25);
    let mut cursor = simulation.cursor();
    for quotes in [QUOTES_MIN, 60, 390, QUOTES_MAX].into_iter().chain([100; 30]) {
        let session = cursor.advance();
        let bars = aggregated(session.ticks_with(quotes, UnixNanos::ZERO));
        for bar in session.bars() {
            let (open, high, low, close, size) = bars[&bar.instrument];
            let wanted = (bar.open.raw(), bar.high.raw(), bar.low.raw(), bar.close.raw());
            assert_eq!((open, high, low, close), wanted, "{} {}", bar.instrument, bar.session);
            assert_eq!(size / 1_000_000, bar.volume.raw());
        }
    }
}

#[test]
fn some_session_halts_a_name_and_lets_it_trade_again() {
    let simulation = Simulation::new(5, 100);
    let mut cursor = simulation.cursor();
    let status = |e: &MarketEvent| matches!(e, MarketEvent::Status { .. });
    let count: usize =
        (0..40).map(|_| cursor.advance().ticks_with(40, UnixNanos::ZERO).filter(status).count()).sum();
    assert!(count >= 2 && count.is_multiple_of(2) && count < 40, "{count}");
}

#[test]
fn the_rest_of_a_session_is_the_tail_of_the_whole() {
    let simulation = Simulation::new(9, 6);
    let session = simulation.cursor().advance();
    let now = simulation.start_time();
    let all: Vec<MarketEvent> = session.ticks().collect();
    let rest: Vec<MarketEvent> = session.ticks_after(now).collect();
    let tail: Vec<MarketEvent> = all.iter().filter(|e| e.time().unwrap() > now).cloned().collect();
    assert!(!rest.is_empty() && rest.len() < all.len());
    assert_eq!(rest, tail);
    assert_eq!(session.ticks_after(session.close()).count(), 0);
    let quotes = all.iter().filter(|e| matches!(e, MarketEvent::Quote(_))).count();
    assert!((380 * 6..=390 * 6).contains(&quotes), "{quotes}");
}

#[test]
fn walking_and_jumping_reach_the_same_session() {
    let simulation = Simulation::new(4, 5);
    let mut cursor = simulation.cursor();
    let last = (0..20).map(|_| cursor.advance()).last().unwrap();
    let jumped = simulation.session(last.date()).unwrap();
    assert_eq!((last.bars(), last.headlines()), (jumped.bars(), jumped.headlines()));
    assert_eq!(cursor.session(last.date()).map(|s| s.date()), None, "behind the cursor");
    assert!(simulation.session(simulation.last_session()).is_none());
    let saturday = NaiveDate::from_ymd_opt(2026, 1, 10).unwrap();
    assert!(simulation.session(saturday).is_none());
    assert!(simulation.session(NaiveDate::from_ymd_opt(2099, 1, 5).unwrap()).is_none());
}

#[test]
fn actions_are_events_before_the_session_and_none_on_the_day_the_clock_starts() {
    let simulation = Simulation::new(2, 200);
    let mut cursor = simulation.cursor();
    let mut events = Vec::new();
    for n in 0..70 {
        let session = cursor.advance();
        let today = session.action_events();
        assert_eq!(today.len(), session.actions().len());
        assert!(today.iter().all(|e| e.time().unwrap() < session.open()));
        assert!(n > 0 || today.is_empty());
        events.extend(today);
    }
    assert!(events.iter().filter(|e| matches!(e, MarketEvent::Dividend { .. })).count() > 120);
}

#[test]
fn a_raw_price_falls_by_its_split_and_fundamentals_are_restated() {
    let simulation = Simulation::new(2024, 200);
    let count = simulation.instruments().len();
    let mut seen = 0;
    for action in simulation.actions() {
        let ActionKind::Split(ratio) = action.kind else { continue };
        let at = simulation
            .bars()
            .iter()
            .position(|b| (b.instrument, b.session) == (action.instrument, action.date));
        let (before, after) = (simulation.bars()[at.unwrap() - count], simulation.bars()[at.unwrap()]);
        let jump = after.open.to_f64() * ratio.new.to_f64() / ratio.old.to_f64() / before.close.to_f64();
        assert!((0.8..1.25).contains(&jump), "{action:?} {jump}");
        let restated = |f: &&Fundamental| (f.instrument, f.known_at) == (action.instrument, action.date);
        assert!(simulation.fundamentals().iter().filter(restated).count() >= 6);
        seen += 1;
    }
    assert!(seen >= 20);
}

#[test]
fn fundamentals_are_known_weeks_after_the_period() {
    let simulation = Simulation::new(3, 30);
    let splits: Vec<_> = simulation.actions().iter().map(|a| (a.instrument, a.date)).collect();
    let mut reports = 0;
    for f in simulation.fundamentals() {
        if splits.contains(&(f.instrument, f.known_at)) {
            continue;
        }
        let days = (f.known_at - f.period_end).num_days();
        assert!((20..=62).contains(&days), "{f:?}");
        assert!(f.value.is_finite());
        reports += usize::from(f.field.as_str() == "eps");
    }
    assert!(reports > 30 * 18, "{reports}");
}

#[test]
fn headlines_are_labelled_ordered_and_complete() {
    let simulation = Simulation::new(3, 30);
    let headlines = simulation.headlines();
    assert!(headlines.is_sorted_by_key(|h| h.time));
    assert!(headlines.len() > 30 * 5 * 15, "{}", headlines.len());
    for h in headlines {
        assert_eq!(h.source.as_str(), NEWS_SOURCE);
        assert!(!h.headline.as_str().contains(['{', '}', '|']), "{}", h.headline);
    }
}

/// Spearman would rank; on near-normal data Pearson is the same figure within a hundredth.
fn correlation(pairs: &[(f64, f64)]) -> f64 {
    let n = pairs.len() as f64;
    let (mx, my) = (pairs.iter().map(|p| p.0).sum::<f64>() / n, pairs.iter().map(|p| p.1).sum::<f64>() / n);
    let sum = |f: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>();
    let cov = sum(&|p| (p.0 - mx) * (p.1 - my));
    cov / (sum(&|p| (p.0 - mx) * (p.0 - mx)) * sum(&|p| (p.1 - my) * (p.1 - my))).sqrt()
}

/// Mean over the weeks of history of the correlation, across names, of `score` with the next 20 sessions' return.
fn information(simulation: &Simulation, score: &dyn Fn(usize, usize) -> f64) -> f64 {
    const HORIZON: usize = 20;
    let count = simulation.instruments().len();
    let paid = adjusted(simulation);
    let days: Vec<usize> = (260..HISTORY_SESSIONS as usize - HORIZON).step_by(5).collect();
    let of_day = |&t: &usize| {
        let pairs: Vec<(f64, f64)> =
            (0..count).map(|n| (score(n, t), (paid[n][t + HORIZON] / paid[n][t]).ln())).collect();
        correlation(&pairs)
    };
    days.iter().map(of_day).sum::<f64>() / days.len() as f64
}

/// Adjusted closes by name, then session.
fn adjusted(simulation: &Simulation) -> Vec<Vec<f64>> {
    let count = simulation.instruments().len();
    let mut actions: BTreeMap<_, (f64, f64)> = BTreeMap::new();
    for a in simulation.actions() {
        let entry = actions.entry((a.instrument, a.date)).or_insert((1.0, 0.0));
        match a.kind {
            ActionKind::Split(r) => entry.0 = r.new.to_f64() / r.old.to_f64(),
            ActionKind::Dividend { amount, .. } => entry.1 = amount.to_f64(),
        }
    }
    let series = |n: usize| {
        let mut factor = 1.0;
        let bars = simulation.bars().iter().skip(n).step_by(count);
        let close = bars.map(|b| {
            let close = b.close.to_f64();
            if let Some((ratio, cash)) = actions.get(&(b.instrument, b.session)) {
                factor *= ratio * (1.0 + cash / close);
            }
            close * factor
        });
        close.collect()
    };
    (0..count).map(series).collect()
}

#[test]
fn the_planted_alpha_pays_and_the_families_see_it_dimly() {
    let simulation = Simulation::new(7, 200);
    let count = simulation.instruments().len();
    let ids: Vec<InstrumentId> = simulation.instruments().iter().map(|i| i.id).collect();
    let closes = adjusted(&simulation);
    let date = |t: usize| simulation.bars()[t * count].session;
    let truth = information(&simulation, &|n, t| simulation.planted_alpha(ids[n], date(t)).unwrap());
    let momentum = information(&simulation, &|n, t| closes[n][t] / closes[n][t - 120]);
    let mut eps: BTreeMap<InstrumentId, Vec<(NaiveDate, f64)>> = BTreeMap::new();
    for f in simulation.fundamentals().iter().filter(|f| f.field.as_str() == "eps") {
        eps.entry(f.instrument).or_default().push((f.known_at, f.value));
    }
    let value = information(&simulation, &|n, t| {
        let known = eps[&ids[n]].iter().rev().find(|(d, _)| *d <= date(t)).unwrap();
        known.1 / simulation.bars()[t * count + n].close.to_f64()
    });
    let mut tone: BTreeMap<(InstrumentId, NaiveDate), f64> = BTreeMap::new();
    for h in simulation.headlines() {
        let text = h.headline.as_str();
        let says = |words: &[&str]| words.iter().any(|w| text.contains(w));
        let good =
            says(&["beats", "upgrade", "raises", "wins", "record", "tops", "lifts", "gains", "strong"]);
        let bad =
            says(&["misses", "downgrade", "cuts", "loses", "probe", "short", "warning", "recall", "weak"]);
        let day = tone.entry((h.instrument, h.time.to_datetime().date_naive())).or_default();
        *day += f64::from(i8::from(good) - i8::from(bad));
    }
    let sentiment = information(&simulation, &|n, t| {
        (0..40).map(|k| tone.get(&(ids[n], date(t - k))).copied().unwrap_or(0.0)).sum()
    });
    println!(
        "IC at 20 sessions: truth {truth:.4} momentum {momentum:.4} value {value:.4} sentiment {sentiment:.4}"
    );
    assert!((0.05..0.14).contains(&truth), "{truth}");
    assert!(momentum > 0.005 && momentum < truth, "{momentum}");
    assert!(value > 0.01 && value < truth, "{value}");
    assert!(sentiment > 0.01 && sentiment < truth, "{sentiment}");
}
