//! The registry of actions: one row each, from which keys, command line, palette, hints, help, mouse and role
//! checks are made.
//!
//! A row says what an action is called, what it does, who may do it and how strongly it must be confirmed. An
//! action that touches money or limits always has a review or a typed confirmation (a test holds this). What an
//! action then does is in [`super::update::perform`].

use crate::domain::Capability;

use super::keys::{Key, parse_keys};
use super::panes::PaneId;

/// Who may do it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Anybody who is logged in.
    Anyone,
    /// Who has the capability.
    Needs(Capability),
    /// Who may trade the current account: `Simulate` for an own simulation, `TradeDesk` for the desk's.
    Trade,
}

/// What stands between the key and the deed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirm {
    /// Nothing: it can be undone or changes only the screen.
    None,
    /// A window that shows what will happen, then Enter.
    Review,
    /// A word or number that must be typed.
    Typed,
}

/// Where an action belongs: its hint is shown first there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Context {
    /// Everywhere.
    Global,
    /// Panes whose rows are instruments, and the chart.
    Instrument,
    /// Orders.
    Orders,
    /// Limits and their versions.
    Limits,
    /// What differs between accounts and their brokers.
    Brokers,
    /// Signals.
    Signals,
    /// People.
    Users,
    /// Settings.
    Settings,
    /// The expression under the pen and what comes of it.
    Research,
    /// Vendors, what is stored of them and what was set aside.
    Data,
}

impl Context {
    /// The context of a pane.
    pub fn of(pane: PaneId) -> Self {
        match pane {
            PaneId::Watchlist | PaneId::Quote | PaneId::Chart | PaneId::Positions => Context::Instrument,
            PaneId::Orders => Context::Orders,
            PaneId::Limits | PaneId::Versions => Context::Limits,
            PaneId::Differences => Context::Brokers,
            PaneId::Signals | PaneId::Explain => Context::Signals,
            PaneId::Users => Context::Users,
            PaneId::Settings => Context::Settings,
            PaneId::Factors | PaneId::Expression | PaneId::Values | PaneId::Evidence => Context::Research,
            PaneId::Vendors | PaneId::Sync | PaneId::Sources | PaneId::SetAside => Context::Data,
            _ => Context::Global,
        }
    }
}

macro_rules! actions {
    ($($id:ident = $name:literal $aliases:expr, $keys:expr, $context:ident, $right:expr, $confirm:ident, $hint:literal $label:literal, $args:literal, $help:literal;)*) => {
        /// An action. One row of the registry each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum ActionId { $( #[doc = $help] $id, )* }

        /// All actions, in the order in which help shows them.
        pub const ACTIONS: &[ActionDef] = &[$(ActionDef {
            id: ActionId::$id, name: $name, aliases: &$aliases, keys: &$keys, context: Context::$context,
            right: $right, confirm: Confirm::$confirm, hint: $hint, label: $label, args: $args, help: $help,
        }),*];
    };
}

/// One row of the registry.
#[derive(Debug, Clone, Copy)]
pub struct ActionDef {
    /// Which.
    pub id: ActionId,
    /// Name on the command line and in the palette.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// Default keys; two keys with a space between them are a sequence.
    pub keys: &'static [&'static str],
    /// Where its hint is shown.
    pub context: Context,
    /// Who may.
    pub right: Right,
    /// What stands between the key and the deed.
    pub confirm: Confirm,
    /// Place in the hint row, 1 is shown first and dropped last; 0 is never shown there.
    pub hint: u8,
    /// Word in the hint row.
    pub label: &'static str,
    /// What may follow the name on the command line; empty when nothing may.
    pub args: &'static str,
    /// What it does, in one sentence.
    pub help: &'static str,
}

use Right::{Anyone, Needs, Trade};

actions! {
    Buy = "buy" ["ord", "ticket"], ["b"], Global, Trade, Review, 2 "buy", "[SYMBOL] [QTY]", "Open a buy ticket; shows what it would do before anything is sent.";
    Sell = "sell" [], ["s"], Global, Trade, Review, 3 "sell", "[SYMBOL] [QTY]", "Open a sell ticket; shows what it would do before anything is sent.";
    Discard = "discard" ["drop"], ["D"], Global, Anyone, None, 0 "discard draft", "", "Throw away the order draft that was kept.";
    Amend = "amend" ["modify"], ["m"], Orders, Trade, Review, 2 "change", "", "Change quantity, limit or trigger of the selected order; shows what changes first.";
    Cancel = "cancel" [], ["c"], Orders, Trade, Review, 1 "cancel", "", "Cancel the selected order, after a question.";
    CancelAll = "cancel-all" ["cxl"], ["C"], Orders, Trade, Typed, 4 "cancel all", "[SYMBOL]", "Cancel all working orders of the account, or those on one symbol; the count must be typed.";
    Approve = "approve" ["ack"], ["A"], Global, Needs(Capability::ControlRisk), Review, 1 "approve", "", "Approve or acknowledge the selected row (held order, waiting limit, take-over, risk event), after a question.";
    EditLimit = "limit" ["edit-limit"], ["e"], Limits, Needs(Capability::ControlRisk), Review, 1 "edit", "[NAME] [SCOPE]", "Draft a limit, see what it would break, then set it.";
    ChangeSet = "change-set" ["set-of-limits"], ["B"], Limits, Needs(Capability::ControlRisk), Review, 2 "change set", "[NAME]", "Show the change set: limits that are asked for and approved together; submit it, approve it or turn it down.";
    RevertLimit = "revert" [], ["V"], Limits, Needs(Capability::ControlRisk), Review, 3 "revert", "[VERSION|SET]", "Put back what a limit was before, an earlier version, or what stood before a change set, after a question.";
    Halt = "halt" ["stop"], ["H"], Global, Needs(Capability::ControlRisk), Review, 9 "halt", "[SCOPE]", "Stop trading for the firm, an account or a symbol: this key, then Enter.";
    Flatten = "flatten" ["close-all"], [], Global, Needs(Capability::ControlRisk), Typed, 0 "flatten", "[SCOPE]", "Close the positions of the firm, an account or a symbol at market; the word must be typed.";
    Drill = "drill" [], [], Global, Needs(Capability::ControlRisk), None, 0 "drill", "[SCOPE]", "Try a halt on a copy of the book: how many open orders it would end, and how fast; nothing is done.";
    Resume = "resume" [], ["R"], Global, Needs(Capability::ControlRisk), Typed, 1 "resume", "[SCOPE]", "Lift a halt that somebody else set; the word must be typed.";
    Adopt = "adopt" ["take-over"], ["T"], Brokers, Needs(Capability::ControlRisk), Typed, 1 "take over", "[ACCOUNT SYMBOL]", "Ask to take over into the book what a broker holds more, or agree to it as the second person; the word must be typed.";
    RunSignals = "run" ["signals-run"], ["r"], Signals, Needs(Capability::TradeDesk), None, 2 "run model", "", "Run the model now and rank the universe.";
    Rebalance = "rebalance" ["orders-from-signals"], ["G"], Global, Needs(Capability::TradeDesk), Review, 0 "make orders", "", "Turn signals into a basket of orders: a dry run first, then a question.";
    Explain = "explain" ["why"], ["x"], Global, Needs(Capability::ViewSignals), None, 6 "explain", "[SYMBOL]", "Show why the selected name ranks where it does.";
    Formula = "formula" ["expression", "fx"], ["="], Research, Needs(Capability::ViewSignals), None, 1 "type", "[EXPRESSION]", "Type an expression; values and ranks follow as you type.";
    SaveFactor = "save-factor" ["save"], ["S"], Research, Needs(Capability::TradeDesk), None, 5 "save", "[NAME]", "Keep the expression under the pen as a factor of your own; asks for its name.";
    Column = "column" ["col"], ["v"], Research, Needs(Capability::ViewSignals), None, 2 "column", "[EXPRESSION|off]", "Make the expression a column of the watchlist, or take the column away.";
    Screen = "screen" ["eqs"], ["F"], Research, Needs(Capability::ViewSignals), None, 3 "screen", "[EXPRESSION|off]", "Show only names for which the expression is true, or show all again.";
    Overlay = "overlay" [], ["O"], Research, Needs(Capability::ViewSignals), None, 4 "overlay", "", "Draw the expression on the chart, or stop drawing it.";
    Open = "open" [], ["Enter"], Global, Anyone, None, 1 "open", "", "Open the selected row: chart of a name, detail of an order, choice of a setting, a factor under the pen.";
    Watch = "watch" ["add"], ["w"], Global, Needs(Capability::ViewMarket), None, 5 "watch", "[SYMBOL]", "Add the selected name to the watchlist, or find one to add.";
    Unwatch = "unwatch" ["remove"], ["d"], Instrument, Needs(Capability::ViewMarket), None, 7 "take off", "[SYMBOL]", "Take the selected name off the watchlist.";
    Find = "find" ["symbol", "sym"], ["f"], Global, Needs(Capability::ViewMarket), None, 0 "find", "[TEXT]", "Find a name by ticker or company and show its chart.";
    Account = "account" ["acc"], ["a"], Global, Needs(Capability::ViewPortfolio), None, 0 "account", "[NAME]", "Choose the account that panes and tickets speak of.";
    PlayPause = "play" ["pause"], ["Space"], Global, Needs(Capability::ManageData), None, 8 "play/pause", "", "Start or pause the clock of the simulated market.";
    Faster = "faster" [], [">"], Global, Needs(Capability::ManageData), None, 0 "faster", "", "Double the speed of the simulated clock.";
    Slower = "slower" [], ["<"], Global, Needs(Capability::ManageData), None, 0 "slower", "", "Halve the speed of the simulated clock.";
    Advance = "advance" ["next-day"], ["."], Global, Needs(Capability::ManageData), Review, 8 "next session", "[SESSIONS]", "Play the next session; working orders may fill. Asks first.";
    Older = "older" ["back-in-time"], ["Left"], Global, Needs(Capability::ViewMarket), None, 0 "older", "", "Move the chart back in time.";
    Newer = "newer" [], ["Right"], Global, Needs(Capability::ViewMarket), None, 0 "newer", "", "Move the chart forward in time.";
    Sync = "sync" ["fetch"], ["u"], Data, Needs(Capability::ManageData), None, 1 "sync", "[KIND] [SYMBOL ...|UNIVERSE|all]", "Fetch what is missing of the selected name, or of those named, from the vendors: prices, or another KIND (news, fundamentals, ...).";
    SyncAll = "sync-all" [], ["U"], Data, Needs(Capability::ManageData), None, 2 "sync all", "", "Fetch what is missing of everything that was synced before.";
    SyncStop = "sync-stop" ["stop-sync"], ["I"], Data, Needs(Capability::ManageData), None, 3 "stop sync", "", "Stop the sync after its present page; what is stored stays.";
    SyncOther = "sync-other" ["fetch-other"], ["N"], Data, Needs(Capability::ManageData), None, 7 "news, figures", "", "Choose what else than prices to fetch of the selected name: minutes, news, figures, what its exchange lists.";
    Accept = "accept" ["take"], ["t"], Data, Needs(Capability::ManageData), Review, 4 "accept", "", "Store the selected row that was set aside as it was read, after a question.";
    Refetch = "refetch" ["ask-again"], ["o"], Data, Needs(Capability::ManageData), None, 5 "ask again", "", "Have the next sync ask for the day of the selected row again.";
    Ignore = "ignore" [], ["i"], Data, Needs(Capability::ManageData), None, 6 "ignore", "", "Leave the selected row out and say no more about it.";
    OpenKeys = "open-keys" ["unlock-keys", "passphrase"], ["K"], Data, Needs(Capability::ManageData), None, 0 "open keys", "", "Open the vault of keys with its passphrase, or have the system ask for its keyring.";
    DisableUser = "disable-user" [], ["X"], Users, Needs(Capability::Administer), Typed, 1 "disable", "[NAME]", "Disable a person's login; the name must be typed.";
    Set = "set" ["setting"], [], Settings, Anyone, None, 0 "set", "KEY VALUE", "Change a setting.";
    Verify = "verify" ["audit"], [], Global, Needs(Capability::Audit), None, 0 "verify", "", "Prove that the journal is complete and unchanged.";
    Export = "export" [], ["E"], Global, Anyone, None, 8 "export", "[csv|json]", "Write the table in front into the exports folder.";
    Copy = "copy" ["yank"], ["y"], Global, Anyone, None, 0 "copy", "", "Copy the selected row to the clipboard of the terminal.";
    Notices = "notices" ["inbox"], ["n"], Global, Anyone, None, 0 "notices", "", "Show notices and mark them as read.";
    Workspace = "workspace" ["ws", "go"], ["1", "2", "3", "4", "5", "6", "7", "8", "9", "0"], Global, Anyone, None, 0 "workspace", "NAME", "Go to a workspace by number (0 is the tenth) or name.";
    GoTo = "goto" [], ["g"], Global, Anyone, None, 0 "go to", "", "Wait for a second key that names a workspace.";
    NextPane = "next-pane" [], ["Tab"], Global, Anyone, None, 11 "pane", "", "Go to the next pane.";
    PreviousPane = "previous-pane" [], ["S-Tab"], Global, Anyone, None, 0 "previous pane", "", "Go to the previous pane.";
    Zoom = "zoom" [], ["z"], Global, Anyone, None, 13 "zoom", "", "Give the pane the whole screen, or give it back.";
    Filter = "filter" [], ["/"], Global, Anyone, None, 12 "filter", "[TEXT]", "Show only rows that contain a text.";
    Up = "up" [], ["Up", "k"], Global, Anyone, None, 0 "up", "", "Select the row above.";
    Down = "down" [], ["Down", "j"], Global, Anyone, None, 0 "down", "", "Select the row below.";
    PageUp = "page-up" [], ["PgUp"], Global, Anyone, None, 0 "page up", "", "Go up by a page of rows.";
    PageDown = "page-down" [], ["PgDn"], Global, Anyone, None, 0 "page down", "", "Go down by a page of rows.";
    First = "first" ["top"], ["Home"], Global, Anyone, None, 0 "first", "", "Select the first row.";
    Last = "last" ["bottom"], ["End"], Global, Anyone, None, 0 "last", "", "Select the last row.";
    Command = "command" [], [":"], Global, Anyone, None, 14 "command", "", "Type a command.";
    Palette = "palette" [], ["Ctrl-P"], Global, Anyone, None, 0 "palette", "", "Find an action by name and run it.";
    Help = "help" ["keys"], ["?", "F1"], Global, Anyone, None, 10 "keys", "", "Show every key and command; type to search.";
    Repaint = "repaint" ["redraw"], ["Ctrl-L"], Global, Anyone, None, 0 "repaint", "", "Draw the whole screen again.";
    Lock = "lock" [], ["Ctrl-K"], Global, Anyone, None, 0 "lock", "", "Lock the screen until the password is typed.";
    SignOut = "sign-out" ["logout"], [], Global, Anyone, None, 0 "sign out", "", "End the session and show the login screen.";
    Back = "back" [], ["Esc"], Global, Anyone, None, 0 "back", "", "Up one level: close, leave the filter, leave zoom.";
    Quit = "quit" ["q", "exit"], ["q", "Ctrl-C"], Global, Anyone, None, 15 "quit", "", "Leave; asks first while a draft is open.";
}

impl ActionId {
    /// Its row in the registry.
    pub fn def(self) -> Option<&'static ActionDef> {
        ACTIONS.iter().find(|a| a.id == self)
    }

    /// Whether it changes orders, positions, limits or halts.
    pub const fn is_money(self) -> bool {
        matches!(
            self,
            ActionId::Buy
                | ActionId::Sell
                | ActionId::Amend
                | ActionId::Cancel
                | ActionId::CancelAll
                | ActionId::Approve
                | ActionId::EditLimit
                | ActionId::ChangeSet
                | ActionId::RevertLimit
                | ActionId::Halt
                | ActionId::Flatten
                | ActionId::Resume
                | ActionId::Adopt
                | ActionId::Rebalance
                | ActionId::Advance
        )
    }
}

impl ActionDef {
    /// Its first key, for hints and help; empty when it has none.
    pub fn key_text(&self) -> &'static str {
        self.keys.first().copied().unwrap_or("")
    }
}

/// The action of a key; a key means one thing everywhere.
pub fn action_of(key: Key) -> Option<&'static ActionDef> {
    ACTIONS.iter().find(|a| a.keys.iter().any(|k| parse_keys(k).is_ok_and(|keys| keys == [key])))
}

/// The action with a name or alias.
pub fn action_named(name: &str) -> Option<&'static ActionDef> {
    let name = name.to_ascii_lowercase();
    ACTIONS
        .iter()
        .find(|a| a.name == name)
        .or_else(|| ACTIONS.iter().find(|a| a.aliases.contains(&name.as_str())))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_key_means_two_things() {
        let mut seen = BTreeSet::new();
        for action in ACTIONS {
            for key in action.keys {
                assert!(parse_keys(key).is_ok(), "{key}");
                assert!(seen.insert(*key), "{key} is bound twice, second time by {}", action.name);
            }
        }
    }

    #[test]
    fn no_name_means_two_things() {
        let mut seen = BTreeSet::new();
        for action in ACTIONS {
            assert!(seen.insert(action.name), "{}", action.name);
            assert_eq!(action_named(action.name).map(|a| a.id), Some(action.id));
            for alias in action.aliases {
                assert!(seen.insert(alias), "{alias}");
            }
        }
    }

    #[test]
    fn an_action_on_money_or_limits_is_reviewed_or_typed() {
        for action in ACTIONS.iter().filter(|a| a.id.is_money()) {
            assert_ne!(action.confirm, Confirm::None, "{}", action.name);
            assert_ne!(action.right, Right::Anyone, "{}", action.name);
        }
    }

    #[test]
    fn every_action_says_what_it_does() {
        for action in ACTIONS {
            assert!(action.help.ends_with('.') && action.help.len() > 10, "{}", action.name);
            assert!(!action.label.is_empty(), "{}", action.name);
        }
    }
}
