//! Live expressions: what a person types, watches and screens by, kept computed on the compute pool.
//!
//! A [`Bench`] is one thread behind one desk. It holds the newest wish only: a newer text drops the older one's
//! result, and a job is stopped when it is no longer wanted. Values rest on the daily panel as known at market time
//! and, while a session runs and is quoted, on that session so far as a provisional row; evidence never does. They are
//! published as one immutable [`Research`], and computed again when market time or quotes move, at most twice a second.
//! Every round asks for the permit to see values; nobody without it ever has a bench.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use chrono::NaiveDate;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError, bounded};

use crate::domain::{CleanText, InstrumentId};
use crate::factor::expr::{EvalError, Expression, Watch};
use crate::factor::panel::{Column, Panel};
use crate::factor::{self, evaluate, rank};

use super::access::Session;
use super::desk::{ResearchWish, Wake};
use super::desk_worker::spawn;
use super::engine::lock;
use super::error::ServiceError;
use super::language;
use super::permit::{Permit, ViewSignals};
use super::running_session::running_panel;
use super::screens::Focus;
use super::view::{Evidence, Formula, FormulaColumn, FormulaScreen, NameValue, Research};

/// Sessions for which a live expression is computed: what a chart shows, and a year of evidence.
const LIVE_SESSIONS: usize = 504;
/// Sessions of evidence.
const EVIDENCE_SESSIONS: usize = 252;
/// Fifths of a ranking, highest values first.
const FIFTHS: [&str; 5] = ["highest", "2nd", "3rd", "4th", "lowest"];
/// How often the bench looks whether market time has moved.
const LOOK: Duration = Duration::from_millis(500);

/// One thread that keeps one person's expressions computed. It ends when this is dropped.
#[derive(Debug)]
pub(super) struct Bench {
    wish: Arc<Mutex<Option<ResearchWish>>>,
    newest: Arc<AtomicU64>,
    running: Arc<Mutex<Arc<Watch>>>,
    nudge: Sender<()>,
}

impl Bench {
    /// Starts the thread.
    pub(super) fn start(
        session: &Arc<Session>,
        focus: &Arc<Mutex<Focus>>,
        slot: &Arc<ArcSwapOption<Research>>,
        wakes: Sender<Wake>,
    ) -> Result<Self, ServiceError> {
        let (nudge, nudged) = bounded(1);
        let bench = Self { wish: Arc::default(), newest: Arc::default(), running: Arc::default(), nudge };
        let mut worker = BenchWorker {
            session: Arc::clone(session),
            focus: Arc::clone(focus),
            wish: Arc::clone(&bench.wish),
            newest: Arc::clone(&bench.newest),
            running: Arc::clone(&bench.running),
            slot: Arc::clone(slot),
            wakes,
            kept: Kept::default(),
        };
        spawn("desk-research", move || worker.run(&nudged))?;
        Ok(bench)
    }

    /// Replaces the wish; a job for an older one is stopped.
    pub(super) fn ask(&self, wish: ResearchWish) {
        self.newest.store(wish.generation, Ordering::Release);
        *lock(&self.wish) = Some(wish);
        lock(&self.running).cancel();
        // One waiting nudge is enough.
        self.nudge.try_send(()).unwrap_or_default();
    }
}

struct BenchWorker {
    session: Arc<Session>,
    focus: Arc<Mutex<Focus>>,
    wish: Arc<Mutex<Option<ResearchWish>>>,
    newest: Arc<AtomicU64>,
    running: Arc<Mutex<Arc<Watch>>>,
    slot: Arc<ArcSwapOption<Research>>,
    wakes: Sender<Wake>,
    kept: Kept,
}

/// What stays true while the panel stays the same.
#[derive(Default)]
struct Kept {
    panel: Option<Arc<Panel>>,
    names: Arc<BTreeMap<InstrumentId, String>>,
    columns: BTreeMap<String, Result<Arc<Column>, String>>,
    evidence: BTreeMap<String, Option<Evidence>>,
    label: Option<Arc<Column>>,
    /// The panel with the running session, and the quotes it was made of.
    live: Option<Arc<Panel>>,
    quotes: u64,
    newest: BTreeMap<String, Result<Vec<f32>, String>>,
}

/// The newest wish is another one by now.
struct Dropped;

impl BenchWorker {
    fn run(&mut self, nudged: &Receiver<()>) {
        let (mut done, mut problem) = (0, String::new());
        loop {
            let asked = match nudged.recv_timeout(LOOK) {
                Ok(()) => true,
                Err(RecvTimeoutError::Timeout) => false,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let Some(wish) = lock(&self.wish).clone() else { continue };
            let round = self.round(&wish, asked || wish.generation != done);
            match round {
                Ok(Ok(())) => {
                    done = wish.generation;
                    problem.clear();
                }
                Ok(Err(Dropped)) | Err(ServiceError::Locked) => {}
                Err(ServiceError::SessionOver) => return,
                Err(error) => {
                    // Said once, and again when it is another one or answers another wish.
                    let said = CleanText::new(&error.to_string()).to_string();
                    if wish.generation != done || said != problem {
                        tracing::warn!(%error, "expressions could not be computed");
                        let (generation, problem) = (wish.generation, said.clone());
                        self.publish(Research { generation, problem, ..Research::default() });
                    }
                    (done, problem) = (wish.generation, said);
                }
            }
        }
    }

    fn round(&mut self, wish: &ResearchWish, asked: bool) -> Result<Result<(), Dropped>, ServiceError> {
        let permit = self.session.permit::<ViewSignals>()?;
        let house = Arc::clone(self.session.house());
        let exchange = house.exchange_of(lock(&self.focus).account)?;
        let panel = house.research_panel(exchange)?;
        let same = self.kept.panel.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, &panel));
        let quotes = house.quotes().version();
        if same && !asked && quotes == self.kept.quotes {
            return Ok(Ok(()));
        }
        if !same {
            let names = Arc::new(house.names()?);
            self.kept = Kept { panel: Some(Arc::clone(&panel)), names, ..Kept::default() };
        }
        if !same || quotes != self.kept.quotes {
            self.kept.live = running_panel(&house, exchange, &panel)?.map(Arc::new);
            self.kept.quotes = quotes;
            self.kept.newest.clear();
        }
        let watch = Arc::new(Watch::default());
        *lock(&self.running) = Arc::clone(&watch);
        Ok(self.compute(&permit, wish, &panel, &watch))
    }

    fn compute(
        &mut self,
        _: &Permit<ViewSignals>,
        wish: &ResearchWish,
        panel: &Panel,
        watch: &Watch,
    ) -> Result<(), Dropped> {
        self.wanted(wish)?;
        let wanted = |text: &String| {
            *text == wish.formula || wish.column.as_ref() == Some(text) || wish.screen.as_ref() == Some(text)
        };
        self.kept.columns.retain(|text, _| wanted(text));
        self.kept.newest.retain(|text, _| wanted(text));
        self.kept.evidence.retain(|text, _| wanted(text));
        let mut research = Research {
            generation: wish.generation,
            session: panel.sessions().last().copied(),
            running: self.kept.live.as_ref().and_then(|live| live.sessions().last().copied()),
            names: panel.symbols().len(),
            ..Research::default()
        };
        if !wish.formula.is_empty() {
            let newest = self.newest(panel, &wish.formula, watch)?;
            research.formula = Some(self.formula(panel, wish, newest, watch)?);
        }
        if let Some(text) = &wish.column {
            research.column = Some(watch_column(panel, text, self.newest(panel, text, watch)?));
        }
        if let Some(text) = &wish.screen {
            research.screen = Some(screen(panel, text, self.newest(panel, text, watch)?));
        }
        self.wanted(wish)?;
        let pending = research.formula.as_ref().is_some_and(|f| f.pending);
        self.publish(research.clone());
        if pending {
            let found = self.evidence(panel, &wish.formula, watch)?;
            self.wanted(wish)?;
            if let Some(formula) = &mut research.formula {
                (formula.evidence, formula.pending) = (found, false);
            }
            self.publish(research);
        }
        Ok(())
    }

    /// Whether this wish is still the newest.
    fn wanted(&self, wish: &ResearchWish) -> Result<(), Dropped> {
        if self.newest.load(Ordering::Acquire) == wish.generation { Ok(()) } else { Err(Dropped) }
    }

    fn publish(&self, research: Research) {
        self.slot.store(Some(Arc::new(research)));
        // A full queue means that the terminal has a wake to come; it reads the newest values then.
        match self.wakes.try_send(Wake::Research) {
            Ok(()) | Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
        }
    }

    /// The column of a text over the live sessions, computed once while the panel stays.
    fn column(&mut self, panel: &Panel, text: &str, watch: &Watch) -> Result<Daily, Dropped> {
        if let Some(known) = self.kept.columns.get(text) {
            return Ok(known.clone());
        }
        let computed = computed(panel, text, None, watch)?.map(Arc::new);
        self.kept.columns.insert(text.to_owned(), computed.clone());
        Ok(computed)
    }

    /// Every name's newest value: of the running session where there is one, else of the last that is over.
    fn newest(
        &mut self,
        panel: &Panel,
        text: &str,
        watch: &Watch,
    ) -> Result<Result<Vec<f32>, String>, Dropped> {
        let Some(live) = self.kept.live.clone() else {
            return Ok(self.column(panel, text, watch)?.map(|c| c.cross_section(c.rows().saturating_sub(1))));
        };
        if let Some(known) = self.kept.newest.get(text) {
            return Ok(known.clone());
        }
        let computed = match language::parsed(text) {
            Ok(expression) => one(factor::expr::latest(&live, &[expression], watch))?,
            Err(mistake) => Err(said(&mistake)),
        };
        let newest = computed.map(|column| column.cross_section(0));
        self.kept.newest.insert(text.to_owned(), newest.clone());
        Ok(newest)
    }

    fn formula(
        &mut self,
        panel: &Panel,
        wish: &ResearchWish,
        newest: Result<Vec<f32>, String>,
        watch: &Watch,
    ) -> Result<Formula, Dropped> {
        let parsed = language::parsed(&wish.formula).ok();
        let mut formula = Formula {
            text: wish.formula.clone(),
            truth: parsed.as_ref().is_some_and(language::is_truth),
            ahead: parsed.as_ref().map_or(0, Expression::lookahead),
            values: Vec::new(),
            missing: 0,
            evidence: None,
            pending: false,
            series: None,
            problem: String::new(),
        };
        match (self.column(panel, &wish.formula, watch)?, newest) {
            (Ok(column), Ok(newest)) => {
                formula.values = ranked(panel, &newest, &self.kept.names);
                formula.missing = panel.symbols().len() - formula.values.len();
                formula.series =
                    wish.instrument.and_then(|i| Some((i, self.series(panel, &column, &newest, i)?)));
                formula.evidence = self.kept.evidence.get(&wish.formula).cloned().flatten();
                formula.pending = !self.kept.evidence.contains_key(&wish.formula);
            }
            (Err(problem), _) | (_, Err(problem)) => formula.problem = problem,
        }
        Ok(formula)
    }

    /// One name's series over the live sessions, the running one at its end.
    fn series(&self, panel: &Panel, column: &Column, newest: &[f32], id: InstrumentId) -> Option<Points> {
        let at = panel.index_of(id)?;
        let first = panel.sessions().len().saturating_sub(column.rows().min(LIVE_SESSIONS));
        let sessions = panel.sessions().get(first..)?;
        let values = column.series(at);
        let values = values.get(values.len().saturating_sub(sessions.len())..)?;
        let running = self.kept.live.as_ref().and_then(|live| live.sessions().last().copied());
        let now = running.zip(newest.get(at).copied());
        let points = sessions.iter().copied().zip(values.iter().copied()).chain(now);
        Some(points.map(|(day, v)| (day, f64::from(v))).filter(|(_, v)| v.is_finite()).collect())
    }

    fn evidence(&mut self, panel: &Panel, text: &str, watch: &Watch) -> Result<Option<Evidence>, Dropped> {
        let Ok(column) = self.column(panel, text, watch)? else { return Ok(None) };
        let total = panel.sessions().len();
        let rows = total.saturating_sub(column.rows())..total;
        let label = match self.kept.label.take().filter(|label| label.rows() == rows.len()) {
            Some(label) => label,
            None => match computed(panel, Evidence::LABEL, Some(rows), watch)? {
                Ok(label) => Arc::new(label),
                Err(_) => return Ok(None),
            },
        };
        let truth = language::parsed(text).is_ok_and(|e| language::is_truth(&e));
        let found = weigh(panel, &column, &label, truth);
        self.kept.label = Some(label);
        self.kept.evidence.insert(text.to_owned(), found.clone());
        Ok(found)
    }
}

/// A column, or why there is none.
type Daily = Result<Arc<Column>, String>;
/// Session and value, oldest first.
type Points = Vec<(NaiveDate, f64)>;

/// Rows for which an expression is computed: all of them where its values depend on where they begin.
fn live_rows(panel: &Panel, expression: &Expression) -> Range<usize> {
    let rows = panel.sessions().len();
    let first = if expression.needs_history() { 0 } else { rows.saturating_sub(LIVE_SESSIONS) };
    first..rows
}

fn computed(
    panel: &Panel,
    text: &str,
    rows: Option<Range<usize>>,
    watch: &Watch,
) -> Result<Result<Column, String>, Dropped> {
    match language::parsed(text) {
        Ok(expression) => {
            let rows = rows.unwrap_or_else(|| live_rows(panel, &expression));
            one(factor::expr::compute_watched(panel, &[expression], rows, watch))
        }
        Err(mistake) => Ok(Err(said(&mistake))),
    }
}

/// The one column of a job, or why there is none; a job that was stopped is dropped.
fn one(done: Result<Vec<Column>, EvalError>) -> Result<Result<Column, String>, Dropped> {
    match done {
        Ok(columns) => Ok(columns.into_iter().next().ok_or_else(|| "nothing was computed".to_owned())),
        Err(EvalError::Cancelled) => Err(Dropped),
        Err(error) => Ok(Err(CleanText::new(&error.to_string()).to_string())),
    }
}

fn said(mistake: &language::Mistake) -> String {
    format!("at character {}: {}", mistake.character, mistake.message)
}

/// Names with a value, highest first.
fn ranked(panel: &Panel, newest: &[f32], names: &BTreeMap<InstrumentId, String>) -> Vec<NameValue> {
    let values: Vec<f64> = newest.iter().copied().map(f64::from).collect();
    let ranks = rank::descending(&values);
    let named = panel.symbols().iter().zip(values).zip(ranks);
    let mut rows: Vec<NameValue> = named
        .filter_map(|((id, value), rank)| {
            let name = names.get(id).cloned().unwrap_or_default();
            Some(NameValue { instrument: *id, name, value, rank: rank? })
        })
        .collect();
    rows.sort_by_key(|r| r.rank);
    rows
}

fn watch_column(panel: &Panel, text: &str, newest: Result<Vec<f32>, String>) -> FormulaColumn {
    let truth = language::parsed(text).is_ok_and(|e| language::is_truth(&e));
    let (values, problem) = match newest {
        Ok(newest) => {
            let named = panel.symbols().iter().zip(newest);
            (named.filter(|(_, v)| !v.is_nan()).map(|(id, v)| (*id, f64::from(v))).collect(), String::new())
        }
        Err(problem) => (BTreeMap::new(), problem),
    };
    FormulaColumn { text: text.to_owned(), truth, values, problem }
}

fn screen(panel: &Panel, text: &str, newest: Result<Vec<f32>, String>) -> FormulaScreen {
    let truth = language::parsed(text).is_ok_and(|e| language::is_truth(&e));
    let mut screen = FormulaScreen {
        text: text.to_owned(),
        passing: Default::default(),
        names: panel.symbols().len(),
        problem: String::new(),
    };
    match newest {
        Ok(newest) if truth => {
            let named = panel.symbols().iter().zip(newest);
            screen.passing = named.filter(|(_, v)| *v > 0.0).map(|(id, _)| *id).collect();
        }
        Ok(_) => screen.problem = "a screen must be true or false: compare it with something".to_owned(),
        Err(problem) => screen.problem = problem,
    }
    screen
}

/// What the last year says of a score; both columns have the same rows, the last of them the panel's last.
fn weigh(panel: &Panel, score: &Column, label: &Column, truth: bool) -> Option<Evidence> {
    let rows = score.rows();
    let year = rows.saturating_sub(EVIDENCE_SESSIONS)..rows;
    let judged = evaluate::judge_columns(score, label, year.clone(), FIFTHS.len());
    let summary = judged.information()?;
    let first = panel.sessions().len().saturating_sub(year.len());
    let dated = || judged.daily.iter().zip(panel.sessions().get(first..).unwrap_or(&[]));
    let with = |(day, date): (&evaluate::DayQuality, &NaiveDate)| day.information.ic.map(|_| *date);
    let groups = if truth {
        by_truth(score, label, year)
    } else {
        FIFTHS.into_iter().zip(judged.quantile_returns().into_iter().rev()).collect()
    };
    Some(Evidence {
        sessions: (dated().find_map(with)?, dated().rev().find_map(with)?),
        days: summary.days,
        ic: summary.ic,
        icir: summary.icir,
        rank_ic: summary.rank_ic,
        rank_icir: summary.rank_icir,
        daily: judged.daily.iter().map(|d| d.information.ic).collect(),
        groups,
        turnover: judged.mean(|d| d.turnover),
        autocorrelation: judged.mean(|d| d.autocorrelation),
    })
}

/// Mean label of the names for which an expression was true, and of the others: a mean of the days' means.
fn by_truth(score: &Column, label: &Column, rows: Range<usize>) -> Vec<(&'static str, Option<f64>)> {
    let mut groups = [("true", 0.0, 0_u32), ("false", 0.0, 0_u32)];
    for row in rows {
        let (values, labels) = (score.cross_section(row), label.cross_section(row));
        for (name, sum, days) in &mut groups {
            let wanted = *name == "true";
            let of_day = values
                .iter()
                .zip(&labels)
                .filter(|(v, l)| !l.is_nan() && !v.is_nan() && (**v > 0.0) == wanted);
            let (total, count) = of_day.fold((0.0, 0_u32), |(t, n), (_, l)| (t + f64::from(*l), n + 1));
            if count > 0 {
                *sum += total / f64::from(count);
                *days += 1;
            }
        }
    }
    groups.into_iter().map(|(name, sum, days)| (name, (days > 0).then(|| sum / f64::from(days)))).collect()
}
