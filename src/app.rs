//! The composition root: the only place that sees every room. It opens homes, runs the engine's loop on a thread of
//! its own, and lends the command line and the terminal what they may use.
//!
//! Nothing starts anything else as a side effect: what is running is what this file started.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use crate::cli::args::{Color, LogLevel};
use crate::cli::context::{Context, Demo, HomeWish, Launch, OpenMode};
use crate::cli::errors::Failure;
use crate::config::{self, Paths};
use crate::domain::{Clock, UserName};
use crate::observe::{self, LogRing, SystemClock};
use crate::secret::keys::open_to_others;
use crate::service::broker::Brokers;
use crate::service::door::Door;
use crate::service::factors::UserFactors;
use crate::service::feed::FeedGuard;
use crate::service::house::{self, Parts};
use crate::service::passing::{self, Listening};
use crate::service::simulate::SYMBOLS_DEFAULT;
use crate::service::vendor_test::VENDORS_ROW;
use crate::service::view::HealthRow;
use crate::service::{House, ServiceError, admin, demo, nightly};
use crate::store::{self, HeldBy};
use crate::tui::{self, Options};

/// What this process is called in the lock of a home while the workstation is open.
const WORKSTATION: &str = "workstation";
/// The same for a single command.
const COMMAND: &str = "qlib-pro";

/// Seed of the demo's simulated market unless another is asked for.
const DEMO_SEED: u64 = 2_024;

/// Runs the program with these arguments.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    #[cfg(debug_assertions)]
    if let Some((name, count)) = config::fail_point() {
        store::fail::arm(&name, count);
    }
    let app = App {
        clock: Arc::new(SystemClock),
        engines: RefCell::default(),
        brokers: RefCell::default(),
        listening: RefCell::default(),
        log: RefCell::default(),
    };
    let context = Context {
        open: &|wish| app.open(wish, COMMAND),
        terminal: &|launch| app.terminal(launch),
        places: &|home| Ok(Paths::find(home)?.all().to_vec()),
        doctor: &|home| app.doctor(home),
        restore: &|source, wish, permit| {
            let holder = HeldBy::this_process(COMMAND, &runs_as(), app.clock.now());
            let paths = Paths::find(wish.home)?;
            admin::restore(source, paths.home(), permit, &holder, || app.open(wish, COMMAND))
        },
    };
    let code = crate::cli::run(args, &context);
    app.finish();
    code
}

struct App {
    clock: Arc<dyn Clock>,
    engines: RefCell<Vec<JoinHandle<()>>>,
    brokers: RefCell<Vec<Brokers>>,
    listening: RefCell<Vec<Listening>>,
    log: RefCell<Option<LogRing>>,
}

impl App {
    fn open(&self, wish: &HomeWish<'_>, process: &str) -> Result<Arc<House>, ServiceError> {
        let paths = Paths::find(wish.home)?;
        if !wish.may_make && !store::is_home(paths.home()) {
            return Err(ServiceError::NoHome(paths.home().display().to_string()));
        }
        let (house, engine) = house::open(Parts {
            home: paths.home().to_path_buf(),
            clock: Arc::clone(&self.clock),
            settings: config::load(&paths.settings())?,
            log: self.start_log(&paths, wish.log_level)?,
            process: process.to_string(),
            runs_as: runs_as(),
            own: wish.mode == OpenMode::Own,
            keyring: true,
        })?;
        if let Some(engine) = engine {
            let spawned = thread::Builder::new().name("engine".to_string()).spawn(move || engine.run());
            let handle = spawned.map_err(|source| ServiceError::File {
                path: paths.home().to_path_buf(),
                doing: "the engine's thread could not be started; close other programs",
                source,
            })?;
            self.engines.borrow_mut().push(handle);
            house.prime()?;
            house.follow_settings()?;
            self.brokers.borrow_mut().extend(house.start_brokers()?);
            self.listen(&house);
        }
        Ok(house)
    }

    /// Commands of other processes are taken while this one holds the trades; without a socket they are told who does.
    fn listen(&self, house: &Arc<House>) {
        match passing::listen(house) {
            Ok(listening) => self.listening.borrow_mut().extend(listening),
            Err(error) => tracing::warn!(%error, "commands of other processes are not taken"),
        }
    }

    /// One log a process: the first home that is opened has it.
    fn start_log(&self, paths: &Paths, level: LogLevel) -> Result<LogRing, ServiceError> {
        let mut kept = self.log.borrow_mut();
        if let Some(ring) = kept.as_ref() {
            return Ok(ring.clone());
        }
        let ring = observe::start(Some(&paths.logs()), level.as_str(), Arc::clone(&self.clock))
            .map_err(|e| ServiceError::Data(e.to_string()))?;
        *kept = Some(ring.clone());
        Ok(ring)
    }

    fn terminal(&self, launch: &Launch) -> Result<(), Failure> {
        match &launch.demo {
            Some(demo) => self.demo(launch, demo),
            None => {
                let paths = Paths::find(launch.home.as_deref()).map_err(Failure::of)?;
                let user = launch.user.as_deref().map(str::parse).transpose().map_err(Failure::of)?;
                self.workstation(launch, &paths, user, |_| Ok(()))
            }
        }
    }

    /// The workstation on a throw-away home: made, lived in, removed.
    fn demo(&self, launch: &Launch, wish: &Demo) -> Result<(), Failure> {
        let folder = tempfile::Builder::new().prefix("qlib-pro-demo-").tempdir();
        let folder = folder.map_err(|e| {
            Failure::failed(format!(
                "no temporary folder could be made: {e}; set TMPDIR to one that can be written"
            ))
        })?;
        let symbols = wish.symbols.map_or(SYMBOLS_DEFAULT, |n| n as usize);
        let user = wish.role.map(|role| role.demo_name().parse()).transpose().map_err(Failure::of)?;
        let done = self.workstation(launch, &Paths::at(folder.path()), user, |house| {
            demo::found(house, wish.seed.unwrap_or(DEMO_SEED), symbols)
        });
        // The engine must be gone before its folder is.
        self.finish();
        done
    }

    fn workstation(
        &self,
        launch: &Launch,
        paths: &Paths,
        user: Option<UserName>,
        prepare: impl FnOnce(&Arc<House>) -> Result<(), ServiceError>,
    ) -> Result<(), Failure> {
        if !tui::terminal::is_alive() {
            return Err(Failure::of(tui::TuiError::NoTerminal));
        }
        let settings = config::load(&paths.settings()).map_err(Failure::of)?;
        let wish = HomeWish {
            home: Some(paths.home()),
            mode: OpenMode::Own,
            may_make: true,
            log_level: launch.log_level,
        };
        let house = self.open(&wish, WORKSTATION)?;
        prepare(&house)?;
        let clock = house.start_clock(settings.simulation_speed)?;
        let nightly = house.start_nightly()?;
        let schedule = house.start_schedule()?;
        let feed = start_feed(&house);
        let polling = house.start_polling()?;
        let no_color = match launch.color {
            Color::Always => false,
            Color::Never => true,
            Color::Auto => config::no_color(),
        };
        let options = Options { theme: settings.theme.clone(), no_color, ascii: settings.ascii, user };
        let done = tui::run(Door::new(house), &options).map_err(Failure::of);
        drop((clock, nightly, schedule, feed, polling));
        done
    }

    /// What can be told of machine and home without entering it.
    fn doctor(&self, home: Option<&Path>) -> Vec<HealthRow> {
        let row = |name: &str, value: String, ok: bool| HealthRow { name: name.to_string(), value, ok };
        let mut rows = vec![row("version", env!("CARGO_PKG_VERSION").to_string(), true)];
        let paths = match Paths::find(home) {
            Ok(paths) => paths,
            Err(error) => {
                rows.push(row("home", error.to_string(), false));
                return rows;
            }
        };
        let is_home = store::is_home(paths.home());
        let said = if is_home { "" } else { " (not made yet: 'qlib-pro user add NAME' makes it)" };
        rows.push(row("home", format!("{}{said}", paths.home().display()), true));
        if is_home {
            let (said, is_fit) = match store::room(paths.home()) {
                Ok(bytes) => (format!("can be written, and there is room for {bytes} bytes"), true),
                Err(error) => (error.to_string(), false),
            };
            rows.push(row("disk", said, is_fit));
        }
        match config::load(&paths.settings()) {
            Ok(_) => rows.push(row("settings", "good".to_string(), true)),
            Err(error) => rows.push(row("settings", error.to_string(), false)),
        }
        let own = UserFactors::read(&paths.factors());
        let count: usize = own.families.iter().map(|f| f.factors.len()).sum();
        let is_good = own.problem.is_none();
        // What is in the file of a home is for those who may see it.
        let hidden = "cannot be used; 'qlib-pro factor list --set user' says why".to_string();
        let problem = own.problem.map(|problem| if is_home { hidden } else { problem });
        rows.push(row("factors", problem.unwrap_or_else(|| format!("{count} of your own")), is_good));
        match store::holder(paths.home()) {
            Ok(None) => rows.push(row("trades", "free".to_string(), true)),
            Ok(Some(holder)) => rows.push(row("trades", format!("held by {holder}"), true)),
            Err(error) => rows.push(row("trades", error.to_string(), false)),
        }
        for (path, mode) in open_to_others(paths.home()) {
            let name = path.display();
            let said =
                format!("others may read {name} (mode {mode:o}): 'chmod 600 {name}', then set its keys anew");
            rows.push(row("keys", said, false));
        }
        if let Some((said, is_sound)) = nightly::last_of(paths.home()) {
            rows.push(row("last verify", said, is_sound));
        }
        rows.extend(nightly::unsound_row(paths.home()));
        if is_home {
            let said = "not asked; with --user (one who may manage data) each is asked";
            rows.push(row(VENDORS_ROW, said.to_string(), true));
        }
        let now = self.clock.now();
        for file in observe::health(&store::files(paths.home()), now, now).files {
            let size = file.bytes.map_or("not there".to_string(), |b| format!("{b} bytes"));
            rows.push(row(file.name, size, file.bytes.is_some() || !is_home));
        }
        rows
    }

    /// Takes no more from other processes, and waits until the engines have put everything away.
    fn finish(&self) {
        drop(self.listening.take());
        // What still waits for a broker is sent before the engine goes.
        drop(self.brokers.take());
        for engine in self.engines.take() {
            if engine.join().is_err() {
                tracing::error!("the engine's thread ended badly; the journal up to its last write is whole");
            }
        }
    }
}

/// Prices as they happen are a help, not a condition: without them the workstation opens and says why in its log.
fn start_feed(house: &Arc<House>) -> Option<FeedGuard> {
    match house.start_feed() {
        Ok(feed) => feed,
        Err(error) => {
            tracing::error!(%error, "there is no live feed");
            None
        }
    }
}

/// The person of the machine, for others who find the home held.
#[allow(clippy::disallowed_methods, reason = "a name for messages, not a setting")]
fn runs_as() -> String {
    std::env::var("USER").or_else(|_| std::env::var("LOGNAME")).unwrap_or_else(|_| "somebody".to_string())
}
