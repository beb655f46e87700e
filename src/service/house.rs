//! [`House`]: one open home. It holds the three stores, the way to the engine, the clock and the settings, and
//! nothing that could be derived. Every public way to use it is in the sibling files and takes a permit.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use crate::config::Settings;
use crate::domain::calendar::Calendars;
use crate::domain::command::Independence;
use crate::domain::limit::{LimitDraft, LimitName, LimitTerms, Scope, WorkingOrders};
use crate::domain::role::FIRM_DEFAULTS;
use crate::domain::venue::VenueModel;
use crate::domain::{
    AccountId, AccountKind, AccountSpec, BrokerId, CleanText, Clock, Command, Event, Exchange, Margin, Money,
    UnixNanos, UserName,
};
use crate::execution::State;
use crate::factor::sentiment::Lexicon;
use crate::observe::LogRing;
use crate::store::snapshots::Snapshots;
use crate::store::trades::{TradesReader, TradesStore};
use crate::store::{HeldBy, MarketStore, StoreError, UsersStore, mark_unsound};

use super::courier::Courier;
use super::curve::Curves;
use super::engine::{self, EngineHandle, EngineLoop, Wish, lock};
use super::error::ServiceError;
use super::factors::FactorFile;
use super::feed::FeedBoard;
use super::keys::Keys;
use super::live::QuoteBoard;
use super::market::ClosesCache;
use super::panel::PanelCache;
use super::permit::Actor;
use super::polled::PollBoard;
use super::preview::Decided;
use super::risk_facts::FactsCache;
use super::simulate::{Pace, Sim};
use super::sync::SyncBoard;

/// Who acts when the house itself does (set-up, clock).
pub const HOUSE_ACTOR: &str = "qlib-pro";
/// The account that a new home opens.
pub const DESK_ACCOUNT: &str = "desk";
/// Its cash, in whole units of its currency.
const DESK_CASH: i64 = 1_000_000;

/// What a house is opened with; made by the composition root.
#[derive(Debug)]
pub struct Parts {
    /// Folder of the home; made when missing.
    pub home: PathBuf,
    /// Where wall time comes from.
    pub clock: Arc<dyn Clock>,
    /// Settings in force.
    pub settings: Settings,
    /// The newest lines of the log.
    pub log: LogRing,
    /// What this process is, for others who find the home held, such as `workstation`.
    pub process: String,
    /// Which person of the machine runs it, for the same purpose.
    pub runs_as: String,
    /// Whether to own the trades when nobody does.
    pub own: bool,
    /// Whether keys may be in the system's keyring; where not, it is never asked.
    pub keyring: bool,
}

enum Trades {
    Owned(EngineHandle),
    Held { by: String, fold: Mutex<Option<(u64, Arc<State>)>> },
}

impl std::fmt::Debug for Trades {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Trades::Owned(_) => f.write_str("owned"),
            Trades::Held { by, .. } => write!(f, "held by {by}"),
        }
    }
}

/// One open home.
#[derive(Debug)]
pub struct House {
    home: PathBuf,
    clock: Arc<dyn Clock>,
    calendars: Calendars,
    settings: Mutex<Settings>,
    log: LogRing,
    users: Arc<Mutex<UsersStore>>,
    market: Mutex<MarketStore>,
    ledger: Mutex<TradesReader>,
    trades: Trades,
    quotes: QuoteBoard,
    closes: Mutex<ClosesCache>,
    decided: Mutex<Decided>,
    simulated: Mutex<Option<Sim>>,
    pace: Pace,
    opened: UnixNanos,
    curves: Mutex<Curves>,
    lexicon: OnceLock<Lexicon>,
    panels: Mutex<PanelCache>,
    facts: Mutex<FactsCache>,
    factor_file: Mutex<FactorFile>,
    sync_board: SyncBoard,
    feed_board: FeedBoard,
    poll_board: PollBoard,
    keys: Keys,
}

/// Opens a home. The caller runs the engine's loop, when there is one, on a thread of its own.
pub fn open(parts: Parts) -> Result<(Arc<House>, Option<EngineLoop>), ServiceError> {
    let calendars = Calendars::bundled().map_err(|e| ServiceError::Data(e.to_string()))?;
    let users = Arc::new(Mutex::new(UsersStore::open(&parts.home)?));
    let market = MarketStore::open(&parts.home)?;
    let holder = HeldBy::this_process(&parts.process, &parts.runs_as, parts.clock.now());
    let (trades, engine_loop) = open_trades(&parts, &users, &calendars, &holder)?;
    let keys = Keys::of_home(&parts.home, parts.keyring);
    let house = Arc::new(House {
        ledger: Mutex::new(open_ledger(&parts.home)?),
        home: parts.home,
        clock: parts.clock,
        calendars,
        settings: Mutex::new(parts.settings),
        log: parts.log,
        users,
        market: Mutex::new(market),
        trades,
        quotes: QuoteBoard::default(),
        closes: Mutex::default(),
        decided: Mutex::default(),
        simulated: Mutex::default(),
        pace: Pace::default(),
        opened: holder.since,
        curves: Mutex::default(),
        lexicon: OnceLock::new(),
        panels: Mutex::default(),
        facts: Mutex::default(),
        factor_file: Mutex::default(),
        sync_board: SyncBoard::default(),
        feed_board: FeedBoard::default(),
        poll_board: PollBoard::default(),
        keys,
    });
    Ok((house, engine_loop))
}

/// Opens the trades for looking. Where they are damaged beyond that, whoever holds them takes no new risk either.
fn open_ledger(home: &Path) -> Result<TradesReader, StoreError> {
    TradesReader::open(home).inspect_err(|error| {
        if error.is_of_the_disk() {
            // Without its mark, the damage is said all the same.
            mark_unsound(home, &CleanText::new(&error.to_string())).unwrap_or_default();
        }
    })
}

fn open_trades(
    parts: &Parts,
    users: &Arc<Mutex<UsersStore>>,
    calendars: &Calendars,
    holder: &HeldBy,
) -> Result<(Trades, Option<EngineLoop>), ServiceError> {
    let held = |by: String| (Trades::Held { by, fold: Mutex::new(None) }, None);
    if !parts.own && crate::store::is_home(&parts.home) && parts.home.join(crate::store::TRADES_FILE).exists()
    {
        let by = crate::store::holder(&parts.home)?.map(|h| h.to_string());
        return Ok(held(by.unwrap_or_else(|| "nobody (opened for reading)".to_string())));
    }
    match TradesStore::open_owner(&parts.home, holder) {
        Ok(store) => {
            let (handle, engine_loop) = engine::open(
                &parts.home,
                store,
                Courier::new(Arc::clone(users)),
                calendars.clone(),
                Arc::clone(&parts.clock),
            )?;
            Ok((Trades::Owned(handle), Some(engine_loop)))
        }
        Err(StoreError::Held { by, .. }) => Ok(held(by.to_string())),
        Err(error) => Err(error.into()),
    }
}

impl House {
    /// Folder of the home.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// Where wall time comes from.
    pub fn clock(&self) -> &dyn Clock {
        self.clock.as_ref()
    }

    /// The same, for threads of their own.
    pub(super) fn clock_arc(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }

    /// Exchange calendars.
    pub fn calendars(&self) -> &Calendars {
        &self.calendars
    }

    /// Whether this process may change trades.
    pub fn owns_trades(&self) -> bool {
        matches!(self.trades, Trades::Owned(_))
    }

    /// Who holds the trades, when it is not this process.
    pub fn held_by(&self) -> Option<String> {
        match &self.trades {
            Trades::Owned(_) => None,
            Trades::Held { by, .. } => Some(by.clone()),
        }
    }

    /// Whether anybody lives here yet.
    pub fn has_users(&self) -> Result<bool, ServiceError> {
        Ok(lock(&self.users).read().user_count()? > 0)
    }

    pub(super) fn users(&self) -> &Mutex<UsersStore> {
        &self.users
    }

    pub(super) fn market_store(&self) -> &Mutex<MarketStore> {
        &self.market
    }

    pub(super) fn ledger(&self) -> &Mutex<TradesReader> {
        &self.ledger
    }

    pub(super) fn decided(&self) -> &Mutex<Decided> {
        &self.decided
    }

    pub(super) fn settings(&self) -> &Mutex<Settings> {
        &self.settings
    }

    pub(super) fn factor_file(&self) -> &Mutex<FactorFile> {
        &self.factor_file
    }

    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    pub(super) fn sync_board(&self) -> &SyncBoard {
        &self.sync_board
    }

    pub(super) fn feed_board(&self) -> &FeedBoard {
        &self.feed_board
    }

    pub(super) fn poll_board(&self) -> &PollBoard {
        &self.poll_board
    }

    pub(super) fn log(&self) -> &LogRing {
        &self.log
    }

    pub(super) fn quotes(&self) -> &QuoteBoard {
        &self.quotes
    }

    pub(super) fn simulated(&self) -> &Mutex<Option<Sim>> {
        &self.simulated
    }

    pub(super) fn pace(&self) -> &Pace {
        &self.pace
    }

    /// Wall time at which this process opened the home.
    pub(super) fn opened(&self) -> UnixNanos {
        self.opened
    }

    pub(super) fn curves(&self) -> &Mutex<Curves> {
        &self.curves
    }

    /// The words that give headlines their tone, read once.
    pub(super) fn lexicon(&self) -> Result<&Lexicon, ServiceError> {
        if let Some(known) = self.lexicon.get() {
            return Ok(known);
        }
        let read = Lexicon::builtin().map_err(|e| ServiceError::Data(e.to_string()))?;
        Ok(self.lexicon.get_or_init(|| read))
    }

    pub(super) fn panels(&self) -> &Mutex<PanelCache> {
        &self.panels
    }

    pub(super) fn facts(&self) -> &Mutex<FactsCache> {
        &self.facts
    }

    pub(super) fn closes_cache(&self) -> &Mutex<ClosesCache> {
        &self.closes
    }

    pub(super) fn engine(&self) -> Result<&EngineHandle, ServiceError> {
        match &self.trades {
            Trades::Owned(handle) => Ok(handle),
            Trades::Held { by, .. } => Err(ServiceError::ReadOnly(by.clone())),
        }
    }

    /// The book as of the last change on disk: asked of the engine, or folded from the journal when others hold it.
    pub(super) fn state(&self) -> Result<Arc<State>, ServiceError> {
        let fold = match &self.trades {
            Trades::Owned(handle) => return handle.snapshot(),
            Trades::Held { fold, .. } => fold,
        };
        let reader = lock(&self.ledger);
        let (last, _) = reader.head()?;
        let mut cached = lock(fold);
        if let Some((_, state)) = cached.as_ref().filter(|(seq, _)| *seq == last) {
            return Ok(Arc::clone(state));
        }
        let snapshots = Snapshots::find(&self.home);
        let mut engine = engine::resume(&self.calendars, &reader, snapshots.as_ref(), None)?.engine;
        drop(reader);
        for (instrument, price, time) in super::market::prices_to_prime(self, engine.state())? {
            engine.prime(instrument, price, time);
        }
        let state = Arc::new(engine.state().clone());
        *cached = Some((last, Arc::clone(&state)));
        Ok(state)
    }

    /// Counts changes of the book, for those who redraw.
    pub(super) fn book_version(&self) -> Result<u64, ServiceError> {
        match &self.trades {
            Trades::Owned(handle) => Ok(handle.version()),
            Trades::Held { .. } => Ok(lock(&self.ledger).head()?.0),
        }
    }

    pub(super) fn note_epoch(&self, user: UserName, epoch: u64) {
        if let Trades::Owned(handle) = &self.trades {
            handle.note_epoch(user, epoch);
        }
    }

    /// Gives a command in a person's name.
    pub(super) fn give(
        &self,
        actor: &Actor,
        now: UnixNanos,
        command: Command,
    ) -> Result<Vec<Event>, ServiceError> {
        if may_add_risk(&command) {
            self.refuse_unsound()?;
        }
        self.tell_facts_for(&command)?;
        let tied = lock(&self.users).read().ties(actor.user, self.clock.now())?;
        let independent_of = if self.has_one_person()? {
            Independence::Alone
        } else if tied.is_empty() {
            Independence::Everyone
        } else {
            Independence::AllBut(tied)
        };
        self.engine()?.command(Wish { actor: Some(actor.clone()), independent_of, now, command })
    }

    /// Refuses while the last verification stands that found the trades unsound.
    fn refuse_unsound(&self) -> Result<(), ServiceError> {
        crate::store::unsound(&self.home).map_or(Ok(()), |said| Err(ServiceError::Unsound(said)))
    }

    /// Whether only one person may log in here.
    pub(super) fn has_one_person(&self) -> Result<bool, ServiceError> {
        let people = lock(&self.users).read().users()?;
        Ok(people.iter().filter(|p| !p.user.disabled).count() < 2)
    }

    /// What a command of a person would do, with nothing kept.
    pub(super) fn rehearse(
        &self,
        actor: &Actor,
        now: UnixNanos,
        command: Command,
    ) -> Result<Vec<Event>, ServiceError> {
        self.tell_facts_for(&command)?;
        let independent_of = Independence::Everyone;
        self.engine()?.rehearse(Wish { actor: Some(actor.clone()), independent_of, now, command })
    }

    /// Gives commands in the house's own name; together they are one write to disk.
    pub(super) fn give_as_house(&self, commands: Vec<Command>) -> Result<Vec<Event>, ServiceError> {
        let now = self.house_time()?;
        let independent_of = Independence::Everyone;
        let wish = |command| Wish { actor: None, independent_of: independent_of.clone(), now, command };
        self.engine()?.commands(commands.into_iter().map(wish).collect())
    }

    /// The time of an order that is given now: market time, or where a live feed moves that, the time it has come to
    /// meanwhile. While a feed is silent market time stands, and nothing given then may take its old quotes for new.
    pub(super) fn order_time(&self, exchange: Exchange) -> Result<UnixNanos, ServiceError> {
        let known = engine::time_of(&*self.state()?, Some(exchange), self.clock());
        Ok(self.live_time(exchange).map_or(known, |live| live.max(known)))
    }

    /// Market time of the main exchange, else wall time.
    pub(super) fn house_time(&self) -> Result<UnixNanos, ServiceError> {
        let exchange = self.main_exchange()?;
        Ok(engine::time_of(&*self.state()?, Some(exchange), self.clock()))
    }

    /// What the settings say of the paper exchange is in force in a home opened for trading, also where they were
    /// changed while it was closed. A home that is not set up yet starts with them.
    pub fn follow_settings(&self) -> Result<(), ServiceError> {
        if self.state()?.accounts().is_empty() { Ok(()) } else { self.configure(None) }
    }

    /// Puts the settings' venue model in force, when it differs from the journal's: in the name of the person who
    /// changed it, or of the house, which finds it changed.
    pub(super) fn configure(&self, actor: Option<&Actor>) -> Result<(), ServiceError> {
        self.configure_for(self.main_exchange()?, actor)
    }

    fn configure_for(&self, exchange: Exchange, actor: Option<&Actor>) -> Result<(), ServiceError> {
        let state = self.state()?;
        // The seed belongs to the home: settings do not move it.
        let wanted = self.wanted_venue(exchange, state.venue().seed);
        if *state.venue() != wanted {
            let command = Command::Configure(wanted);
            match actor {
                Some(actor) => self.give(actor, self.house_time()?, command)?,
                None => self.give_as_house(vec![command])?,
            };
        }
        Ok(())
    }

    /// How paper orders of a home fill whose desk trades on an exchange. The simulated market quotes a name about once a
    /// minute and is never away, so its quotes do not grow stale.
    fn wanted_venue(&self, exchange: Exchange, seed: u64) -> VenueModel {
        let wanted = VenueModel { seed, ..lock(&self.settings).venue };
        match exchange {
            Exchange::Sim => VenueModel { stale_after_ms: None, ..wanted },
            Exchange::Xnys | Exchange::Xasx => wanted,
        }
    }

    /// Gives the home its seed, from which its simulated market follows; before that market is generated.
    pub(super) fn set_seed(&self, seed: u64) -> Result<(), ServiceError> {
        let wanted = self.wanted_venue(self.main_exchange()?, seed);
        self.give_as_house(vec![Command::Configure(wanted)]).map(drop)
    }

    /// What a new home starts with: how the paper exchange fills, the desk's account, the firm's limits.
    pub(super) fn set_up_desk(&self, exchange: Exchange) -> Result<(), ServiceError> {
        self.configure_for(exchange, None)?;
        let mut commands = vec![Command::OpenAccount(AccountSpec {
            account: DESK_ACCOUNT.parse()?,
            kind: AccountKind::Paper,
            owner: None,
            exchange: Some(exchange),
            currency: exchange.currency(),
            cash: whole_money(DESK_CASH)?,
            short: false,
            margin: Margin::Cash,
            broker: BrokerId::Paper,
            lots: crate::domain::LotMethod::Fifo,
            trigger: crate::domain::TriggerType::Last,
        })];
        let firm = [
            (LimitName::MaxOrderNotional, FIRM_DEFAULTS.max_order_notional.to_string()),
            (LimitName::MaxPositionWeight, FIRM_DEFAULTS.max_position_weight.to_string()),
            (LimitName::MaxGrossExposure, FIRM_DEFAULTS.max_gross_exposure.to_string()),
            (LimitName::PriceCollar, FIRM_DEFAULTS.price_collar.to_string()),
            (LimitName::MaxDailyLoss, FIRM_DEFAULTS.max_daily_loss.to_string()),
        ];
        let reason = "default of a new home";
        commands.extend(firm.into_iter().map(|(name, hard)| own_limit(name, Scope::Firm, hard, reason)));
        self.give_as_house(commands).map(drop)
    }

    /// Exchange that new accounts trade on: the desk's, or New York while there is no desk.
    pub fn main_exchange(&self) -> Result<Exchange, ServiceError> {
        let desk: AccountId = DESK_ACCOUNT.parse()?;
        let state = self.state()?;
        Ok(state.accounts().get(&desk).and_then(|a| a.spec().exchange).unwrap_or(Exchange::Xnys))
    }
}

/// Whether a command can bring new risk into the book.
fn may_add_risk(command: &Command) -> bool {
    match command {
        Command::Submit(order) => !order.reduce_only,
        Command::SubmitList(orders) => orders.iter().any(|order| !order.reduce_only),
        Command::Amend { .. } | Command::ApproveOrder { .. } => true,
        _ => false,
    }
}

/// A limit that the house itself sets when it opens an account.
pub(super) fn own_limit(name: LimitName, scope: Scope, hard: String, reason: &str) -> Command {
    Command::SetLimit(LimitDraft {
        name,
        scope,
        hard: Some(hard),
        soft: None,
        reason: CleanText::new(reason),
        working: WorkingOrders::Keep,
        terms: LimitTerms::default(),
    })
}

/// Whole units of money.
pub(super) fn whole_money(units: i64) -> Result<Money, ServiceError> {
    Money::from_whole(units).ok_or(ServiceError::Number(crate::domain::NumberError::Overflow))
}
