//! Events to notices: who should hear of what, in which words.
//!
//! Pure: a batch of events and an [`Audience`] in, notices out. A person who sees only own accounts never reads a
//! limit's name, threshold or version here. Each notice has an origin, so that delivering twice changes nothing.

use std::collections::BTreeMap;

use crate::domain::event::{Event, EventBody, Fill, Refusal};
use crate::domain::limit::{LimitDraft, Scope};
use crate::domain::market::SplitRatio;
use crate::domain::notice::{Notice, NoticeLevel};
use crate::domain::row::Stake;
use crate::domain::{AccountId, CleanText, InstrumentId, OrderSpec, RefusalCode, UserName};

/// Fills of one account in one batch from which they are told as one.
const FILLS_TOLD_SINGLY: usize = 3;
/// Use of a limit that is told to those who control risk, in percent.
const USE_TOLD_FROM: u8 = 90;

/// Who hears of what.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Audience {
    /// People who trade for the desk.
    pub traders: Vec<UserName>,
    /// People who control risk.
    pub controllers: Vec<UserName>,
    /// Everybody.
    pub everybody: Vec<UserName>,
    /// Owners of own accounts; every other account is the desk's.
    pub owners: BTreeMap<AccountId, UserName>,
    /// Who has something in an instrument that was split.
    pub stakes: BTreeMap<InstrumentId, Vec<Stake>>,
}

/// A notice and where it comes from.
pub type Sourced = (Notice, Option<String>);

struct Letter<'a> {
    event: &'a Event,
    level: NoticeLevel,
    title: &'a str,
    text: String,
}

/// The notices that a batch of events gives rise to.
pub fn notices(events: &[Event], audience: &Audience) -> Vec<Sourced> {
    let mut out = Vec::new();
    for event in events {
        tell(event, audience, &mut out);
    }
    tell_fills(events, audience, &mut out);
    out
}

fn tell(event: &Event, audience: &Audience, out: &mut Vec<Sourced>) {
    match &event.body {
        EventBody::OrderDenied { order, refusal, .. } | EventBody::OrderRejected { order, refusal } => {
            refused(event, order, refusal, audience, out);
        }
        EventBody::OrderHeld { order, code: RefusalCode::ApprovalRequired, .. } => {
            let text = format!(
                "{} of {} waits for a second person: approve or cancel it",
                summary(order),
                order.account
            );
            let letter = Letter { event, level: NoticeLevel::Action, title: "Approval needed", text };
            send(out, &audience.controllers, letter);
        }
        EventBody::OrderExpired { account, id, .. } => {
            let text = format!("order {id} of {account} ended with its session");
            inform(event, ("Order expired", text), of_account(audience, account), out);
        }
        EventBody::LimitProposed { version, draft, actor } => {
            let text =
                format!("{actor} asks for {}, version {version}: approve it or leave it", limit_words(draft));
            let letter = Letter { event, level: NoticeLevel::Action, title: "Limit waits", text };
            send(out, &audience.controllers, letter);
        }
        EventBody::LimitApproved { version, draft, actor, .. } => {
            let text = format!("{} is in force, version {version}, by {actor}", limit_words(draft));
            let letter = |text| Letter { event, level: NoticeLevel::Info, title: "Limit changed", text };
            send(out, &audience.controllers, letter(text.clone()));
            send(out, &only_traders(audience), letter(text));
        }
        EventBody::LimitRejected { version, actor, reason } => {
            let text =
                format!("{actor} closed limit version {version} without putting it in force: {reason}");
            let letter = Letter { event, level: NoticeLevel::Info, title: "Limit not approved", text };
            send(out, &audience.controllers, letter);
        }
        EventBody::Halted { .. } | EventBody::Flattened { .. } | EventBody::Resumed { .. } => {
            stopped(event, audience, out);
        }
        EventBody::LimitUsed { account, limit, scope, level, observed, threshold }
            if *level >= USE_TOLD_FROM =>
        {
            let how = if *level >= 100 { "is over" } else { "is near" };
            let text = format!("{account} {how} {limit} ({scope}): {observed} of {threshold}");
            let letter = Letter { event, level: NoticeLevel::Action, title: "Limit used up", text };
            send(out, &audience.controllers, letter);
        }
        EventBody::CorporateAction { instrument, ratio, .. } => {
            split(event, *instrument, *ratio, audience, out);
        }
        EventBody::DividendDue { account, instrument, amount, pay_date, .. } => {
            let text = format!("{}: {amount} for {account}, paid on {pay_date}", instrument.symbol);
            inform(event, ("Dividend", text), of_account(audience, account), out);
        }
        EventBody::MarginEased { account, code, .. } => {
            margin_eased(event, (*code, *account), audience, out);
        }
        EventBody::RiskEased { account, code } => {
            let text = format!("{account}: no longer so: {}", code.text());
            inform(event, ("Risk", text), of_account(audience, account), out);
        }
        EventBody::RiskEvent { code, account, observed, threshold, scope, .. } => {
            risk(event, (*code, *account, *scope), (observed, threshold), audience, out);
        }
        _ => {}
    }
}

/// Trading stopped or goes on, or positions are closed: everybody is told.
fn stopped(event: &Event, audience: &Audience, out: &mut Vec<Sourced>) {
    let (level, title, text) = match &event.body {
        EventBody::Halted { scope, actor, .. } => {
            let text = format!("{actor} halted trading ({scope}); another person can resume it");
            (NoticeLevel::Action, "Trading halted", text)
        }
        EventBody::Flattened { scope, actor, .. } => {
            let text = format!("{actor} closes the positions of {scope} at market");
            (NoticeLevel::Action, "Positions are closed", text)
        }
        EventBody::Resumed { scope, actor, .. } => {
            (NoticeLevel::Info, "Trading resumed", format!("{actor} resumed trading ({scope})"))
        }
        _ => return,
    };
    send(out, &audience.everybody, Letter { event, level, title, text });
}

fn inform(event: &Event, (title, text): (&'static str, String), to: &[UserName], out: &mut Vec<Sourced>) {
    send(out, to, Letter { event, level: NoticeLevel::Info, title, text });
}

/// A margin call or warning is over.
fn margin_eased(
    event: &Event,
    (code, account): (RefusalCode, AccountId),
    audience: &Audience,
    out: &mut Vec<Sourced>,
) {
    let what = if code == RefusalCode::MarginCall { "margin call" } else { "margin warning" };
    let text = format!("{account}: the {what} is over");
    let letter = |text| Letter { event, level: NoticeLevel::Info, title: "Margin", text };
    send(out, of_account(audience, &account), letter(text.clone()));
    if !audience.owners.contains_key(&account) {
        send(out, &only_controllers(audience), letter(text));
    }
}

/// A split is told for every account whose position or open orders it changed.
fn split(
    event: &Event,
    instrument: InstrumentId,
    ratio: SplitRatio,
    audience: &Audience,
    out: &mut Vec<Sourced>,
) {
    for stake in audience.stakes.get(&instrument).into_iter().flatten() {
        let orders = match stake.orders {
            0 => String::new(),
            1 => ", one open order was changed with it".to_owned(),
            n => format!(", {n} open orders were changed with it"),
        };
        let (symbol, account) = (instrument.symbol, stake.account);
        let text = format!(
            "{symbol} was split {} for {}: {account} holds {}{orders}",
            ratio.new, ratio.old, stake.held
        );
        let letter = Letter { event, level: NoticeLevel::Warning, title: "Split", text };
        send(out, of_account(audience, &account), letter);
    }
}

fn limit_words(draft: &LimitDraft) -> String {
    format!("{} = {} ({})", draft.name, draft.hard.as_deref().unwrap_or("none"), draft.scope)
}

fn risk(
    event: &Event,
    (code, account, scope): (RefusalCode, AccountId, Option<Scope>),
    (observed, threshold): (&str, &str),
    audience: &Audience,
    out: &mut Vec<Sourced>,
) {
    let own = audience.owners.contains_key(&account);
    let bound = if own || threshold.is_empty() {
        String::new()
    } else {
        format!(" ({observed} against {threshold})")
    };
    let part = scope.map(|scope| format!(" ({scope})")).unwrap_or_default();
    let text = format!("{account}{part}: {}{bound}", code.text());
    let letter = |text| Letter { event, level: NoticeLevel::Warning, title: "Risk", text };
    send(out, of_account(audience, &account), letter(text.clone()));
    if !own {
        send(out, &only_controllers(audience), letter(text));
    }
}

fn refused(event: &Event, order: &OrderSpec, refusal: &Refusal, audience: &Audience, out: &mut Vec<Sourced>) {
    let own = audience.owners.contains_key(&order.account);
    let why = if own && refusal.limit.is_some() { RefusalCode::Refused } else { refusal.code };
    let text = format!("{} of {} was refused: {}", summary(order), order.account, why.text());
    let title = "Order refused";
    send(
        out,
        of_account(audience, &order.account),
        Letter { event, level: NoticeLevel::Warning, title, text: text.clone() },
    );
    if !own && refusal.limit.is_some() {
        send(out, &only_controllers(audience), Letter { event, level: NoticeLevel::Warning, title, text });
    }
}

fn tell_fills(events: &[Event], audience: &Audience, out: &mut Vec<Sourced>) {
    let mut by_account: BTreeMap<AccountId, Vec<(&Event, &Fill)>> = BTreeMap::new();
    for event in events {
        if let EventBody::Fill(fill) = &event.body {
            by_account.entry(fill.account).or_default().push((event, fill));
        }
    }
    for (account, fills) in by_account {
        let people = of_account(audience, &account);
        if fills.len() > FILLS_TOLD_SINGLY {
            let Some((event, _)) = fills.last() else { continue };
            let text = format!("{} fills on {account}; the orders pane has them all", fills.len());
            send(out, people, Letter { event, level: NoticeLevel::Info, title: "Filled", text });
            continue;
        }
        for (event, fill) in fills {
            let rest = if fill.leaves.is_zero() { String::new() } else { format!(", {} left", fill.leaves) };
            let text = format!(
                "{} {} {} at {} on {account}{rest}",
                fill.side.as_str(),
                fill.quantity,
                fill.instrument.symbol,
                fill.price
            );
            let title = if fill.leaves.is_zero() { "Filled" } else { "Partly filled" };
            send(out, people, Letter { event, level: NoticeLevel::Info, title, text });
        }
    }
}

fn summary(order: &OrderSpec) -> String {
    format!("{} {} {}", order.side.as_str(), order.quantity, order.instrument.symbol)
}

fn of_account<'a>(audience: &'a Audience, account: &AccountId) -> &'a [UserName] {
    audience.owners.get(account).map_or(&audience.traders, std::slice::from_ref)
}

/// Traders who do not control risk: they would hear it twice.
fn only_traders(audience: &Audience) -> Vec<UserName> {
    audience.traders.iter().filter(|u| !audience.controllers.contains(u)).copied().collect()
}

/// Controllers who do not trade: they would hear it twice.
fn only_controllers(audience: &Audience) -> Vec<UserName> {
    audience.controllers.iter().filter(|u| !audience.traders.contains(u)).copied().collect()
}

fn send(out: &mut Vec<Sourced>, people: &[UserName], letter: Letter<'_>) {
    for user in people {
        let notice = Notice {
            id: 0,
            user: *user,
            time: letter.event.t,
            level: letter.level,
            title: CleanText::new(letter.title),
            text: CleanText::new(&letter.text),
            read: false,
        };
        out.push((notice, Some(format!("journal:{}", letter.event.seq))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Side, UnixNanos};

    fn name(text: &str) -> UserName {
        text.parse().unwrap()
    }

    fn audience() -> Audience {
        Audience {
            traders: vec![name("ana"), name("root")],
            controllers: vec![name("raj"), name("root")],
            everybody: vec![name("ana"), name("kim"), name("raj"), name("root")],
            owners: BTreeMap::from([("sim-kim".parse().unwrap(), name("kim"))]),
            stakes: BTreeMap::new(),
        }
    }

    fn denied(account: &str) -> Event {
        let order = OrderSpec::plain(
            account.parse().unwrap(),
            "o-1".parse().unwrap(),
            "QX.SIM".parse().unwrap(),
            (Side::Buy, "10".parse().unwrap()),
            None,
        );
        let refusal = Refusal {
            code: RefusalCode::MaxOrderNotional,
            limit: Some("max_order_notional".into()),
            observed: Some("60000".into()),
            threshold: Some("50000".into()),
            breaches: Vec::new(),
        };
        let body = EventBody::OrderDenied { order: order.into(), refusal, decision: None };
        Event { seq: 7, t: UnixNanos::ZERO, wall: UnixNanos::ZERO, by: name("ana"), body }
    }

    #[test]
    fn a_desk_refusal_reaches_traders_and_controllers_once_each() {
        let told: Vec<String> =
            notices(&[denied("desk")], &audience()).iter().map(|(n, _)| n.user.to_string()).collect();
        assert_eq!(told, ["ana", "root", "raj"]);
    }

    #[test]
    fn a_split_is_told_to_whom_it_concerns_and_nobody_else() {
        let instrument: InstrumentId = "QX.SIM".parse().unwrap();
        let ratio = SplitRatio { new: "4".parse().unwrap(), old: "1".parse().unwrap() };
        let body =
            EventBody::CorporateAction { instrument, ratio, ex_date: None, is_late: false, to_tick: true };
        let event = Event { seq: 9, t: UnixNanos::ZERO, wall: UnixNanos::ZERO, by: name("engine"), body };
        assert!(notices(std::slice::from_ref(&event), &audience()).is_empty());
        let stake = |account: &str, held: &str, orders| Stake {
            account: account.parse().unwrap(),
            held: held.parse().unwrap(),
            orders,
        };
        let mut audience = audience();
        audience.stakes.insert(instrument, vec![stake("desk", "400", 2), stake("sim-kim", "0", 1)]);
        let told: Vec<String> =
            notices(&[event], &audience).iter().map(|(n, _)| format!("{}: {}", n.user, n.text)).collect();
        let desk = "QX was split 4 for 1: desk holds 400, 2 open orders were changed with it";
        let own = "kim: QX was split 4 for 1: sim-kim holds 0, one open order was changed with it";
        assert_eq!(told, [format!("ana: {desk}"), format!("root: {desk}"), own.to_owned()]);
    }

    #[test]
    fn a_loss_of_a_symbol_names_it() {
        let text = |scope: Option<&str>| {
            let body = EventBody::RiskEvent {
                code: RefusalCode::DailyLossLimit,
                account: "desk".parse().unwrap(),
                limit: "max_daily_loss".into(),
                observed: "400.00".into(),
                threshold: "300.00".into(),
                scope: scope.map(|scope| scope.parse().unwrap()),
            };
            let event = Event { seq: 9, t: UnixNanos::ZERO, wall: UnixNanos::ZERO, by: name("engine"), body };
            notices(&[event], &audience()).first().unwrap().0.text.to_string()
        };
        let said = "the daily loss limit is used up (400.00 against 300.00)";
        assert_eq!(text(Some("symbol:QX")), format!("desk (symbol:QX): {said}"));
        assert_eq!(text(None), format!("desk: {said}"));
    }

    #[test]
    fn an_owner_never_reads_which_limit_spoke() {
        let told = notices(&[denied("sim-kim")], &audience());
        let [(notice, origin)] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(notice.user, name("kim"));
        assert_eq!(origin.as_deref(), Some("journal:7"));
        for secret in ["max_order_notional", "50000", "60000", "value is above"] {
            assert!(!notice.text.as_str().contains(secret), "{}", notice.text);
        }
    }
}
