//! The composition root: the only place that sees every room. It finds the home, starts log and clock, opens the house,
//! gives the engine its thread, and lends the command line and the terminal what they need.

use std::cell::RefCell;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::cli::args::{Color, LogLevel};
use crate::cli::context::{Context, Demo, HomeWish, Launch, OpenMode};
use crate::cli::errors::Failure;
use crate::config::{self, Paths};
use crate::domain::{Clock, CleanText};
use crate::observe::{self, LogRing, SystemClock};
use crate::service::admin::BackupReport;
use crate::service::door::Door;
use crate::service::house::{self, Parts};
use crate::service::permit::{Administer, Permit};
use crate::service::simulate::SYMBOLS_DEFAULT;
use crate::service::view::HealthRow;
use crate::service::{House, ServiceError, demo};
use crate::store::HeldBy;
use crate::tui;

/// Seed of the demo's simulated market unless another is asked for.
const DEMO_SEED: u64 = 2_024;
/// How long the engine may take to finish its work at the end.
const SHUTDOWN_MAX: Duration = Duration::from_secs(5);

/// Runs the program; the exit code is a promise to scripts.
pub fn run(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let app = App::default();
    let context = Context {
        open: &|wish| app.open(wish, "command"),
        terminal: &|launch| app.terminal(launch),
        places: &|home| Ok(Paths::find(home)?.all().to_vec()),
        doctor: &|home| doctor(home),
        restore: &|file, home, permit| restore(file, home, permit),
    };
    let code = crate::cli::run(args, &context);
    app.finish();
    code
}

/// What must be waited for at the end.
#[derive(Debug, Default)]
struct App {
    engines: RefCell<Vec<JoinHandle<()>>>,
    log: RefCell<Option<LogRing>>,
}

impl App {
    fn open(&self, wish: &HomeWish<'_>, process: &str) -> Result<Arc<House>, ServiceError> {
        let paths = Paths::find(wish.home)?;
        self.open_at(&paths, wish.mode == OpenMode::Own, wish.log_level, process)
    }

    fn open_at(&self, paths: &Paths, own: bool, level: LogLevel, process: &str) -> Result<Arc<House>, ServiceError> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (house, engine_loop) = house::open(Parts {
            home: paths.home().to_path_buf(),
            settings: config::load(&paths.settings())?,
            log: self.log(paths, level, &clock)?,
            clock,
            process: process.to_string(),
            runs_as: runs_as(),
            own,
        })?;
        if let Some(engine_loop) = engine_loop {
            let engine = thread::Builder::new().name("engine".into()).spawn(move || engine_loop.run());
            let engine = engine.map_err(|e| ServiceError::Invalid(format!("the engine's thread could not be started: {e}")))?;
            self.engines.borrow_mut().push(engine);
            house.prime()?;
        }
        Ok(house)
    }

    /// One log a process, in the first home it opens.
    fn log(&self, paths: &Paths, level: LogLevel, clock: &Arc<dyn Clock>) -> Result<LogRing, ServiceError> {
        let mut log = self.log.borrow_mut();
        if log.is_none() {
            let ring = observe::start(Some(&paths.logs()), level.as_str(), Arc::clone(clock));
            *log = Some(ring.map_err(|e| ServiceError::Invalid(e.to_string()))?);
        }
        Ok(log.clone().unwrap_or_default())
    }

    fn terminal(&self, launch: &Launch) -> Result<(), Failure> {
        match &launch.demo {
            Some(demo) => self.demo(launch, demo),
            None => {
                let paths = Paths::find(launch.home.as_deref()).map_err(ServiceError::from)?;
                let house = self.open_at(&paths, true, launch.log_level, "workstation")?;
                self.workstation(launch, &paths, house, launch.user.clone())
            }
        }
    }

    /// A throw-away home: made, lived in, removed.
    fn demo(&self, launch: &Launch, wish: &Demo) -> Result<(), Failure> {
        if !tui::terminal::is_alive() {
            return Err(Failure::from(tui::TuiError::NoTerminal.to_string()));
        }
        let folder = tempfile::Builder::new().prefix("qlib-pro-demo-").tempdir();
        let folder = folder.map_err(|e| Failure::from(format!("no temporary folder could be made: {e}; set TMPDIR to one that can be written")))?;
        let paths = Paths::at(folder.path());
        let house = self.open_at(&paths, true, launch.log_level, "demo")?;
        let symbols = wish.symbols.map_or(SYMBOLS_DEFAULT, |n| usize::try_from(n).unwrap_or(SYMBOLS_DEFAULT));
        demo::found(&house, wish.seed.unwrap_or(DEMO_SEED), symbols)?;
        let user = wish.role.map(|role| role.demo_name().to_string());
        let done = self.workstation(launch, &paths, house, user);
        // The engine must be gone before the folder is.
        self.finish();
        done
    }

    fn workstation(&self, launch: &Launch, paths: &Paths, house: Arc<House>, user: Option<String>) -> Result<(), Failure> {
        let settings = config::load(&paths.settings()).map_err(ServiceError::from)?;
        let clock = house.start_clock(settings.simulation_speed)?;
        let options = tui::Options {
            theme: settings.theme,
            no_color: !config::wants_color(launch.color == Color::Always, launch.color == Color::Never),
            ascii: settings.ascii,
            user,
        };
        let door = Door::new(house);
        let done = tui::run(door, &options);
        drop(clock);
        done.map_err(|e| Failure::from(e.to_string()))
    }

    /// Waits until the engines have written what they have.
    fn finish(&self) {
        let end = Instant::now() + SHUTDOWN_MAX;
        for engine in self.engines.borrow_mut().drain(..) {
            while !engine.is_finished() && Instant::now() < end {
                thread::sleep(Duration::from_millis(1));
            }
            if engine.is_finished() {
                // An engine that panicked has written all that it acknowledged; the next start reads it back.
                engine.join().unwrap_or_default();
            }
        }
    }
}

/// The machine's name for whoever runs this process, to tell others who holds a home.
fn runs_as() -> String {
    config::machine_user().unwrap_or_else(|| "unknown".to_string())
}

fn restore(file: &Path, home: Option<&Path>, permit: Option<Permit<Administer>>) -> Result<BackupReport, ServiceError> {
    let paths = Paths::find(home)?;
    let holder = HeldBy::this_process("restore", &runs_as(), SystemClock.now());
    Ok(crate::store::restore(file, paths.home(), permit.is_some(), &holder)?)
}

fn doctor(home: Option<&Path>) -> Vec<HealthRow> {
    let row = |name: &str, value: String, ok: bool| HealthRow { name: name.to_string(), value, ok };
    let shown = |path: &PathBuf| CleanText::new(&path.display().to_string()).to_string();
    let mut rows = vec![row("program", format!("qlib-pro {}", env!("CARGO_PKG_VERSION")), true)];
    let sqlite = crate::store::sqlite_version();
    rows.push(row("sqlite", sqlite.to_string(), true));
    match crate::domain::calendar::Calendars::bundled() {
        Ok(_) => rows.push(row("calendars", "XNYS, XASX, SIM".into(), true)),
        Err(error) => rows.push(row("calendars", error.to_string(), false)),
    }
    match Paths::find(home) {
        Err(error) => rows.push(row("home", error.to_string(), false)),
        Ok(paths) => {
            let made = crate::store::is_home(paths.home());
            let state = if made { "" } else { " (not made yet; the first 'user add' makes it)" };
            rows.push(row("home", format!("{}{state}", shown(&paths.home().to_path_buf())), true));
            match config::load(&paths.settings()) {
                Ok(_) => rows.push(row("settings", shown(&paths.settings()), true)),
                Err(error) => rows.push(row("settings", error.to_string(), false)),
            }
            if made {
                let held = crate::store::holder(paths.home());
                let text = held.map(|h| h.map_or("free".to_string(), |by| format!("held by {by}")));
                rows.push(text.map_or_else(|e| row("trades", e.to_string(), false), |t| row("trades", t, true)));
            }
        }
    }
    rows.push(row("terminal", if tui::terminal::is_alive() { "yes" } else { "no" }.to_string(), true));
    rows
}
