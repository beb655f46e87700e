//! What holds for every pane: it fits any size, stays inside, needs no colour, leaks nothing, and lines up.

use proptest::prelude::*;
use ratatui::style::Color;

use super::{PANES, PaneDef, PaneId, View, fixture};
use crate::domain::Capability;
use crate::domain::role::{Reach, Role};
use crate::service::view::{AskedPrice, Screen};
use crate::tui::format;
use crate::tui::theme::Theme;
use crate::tui::widgets::testing;

fn view<'a>(screen: &'a Screen, theme: &'a Theme) -> View<'a> {
    let lab = if screen.watchlist.is_empty() { fixture::no_lab() } else { fixture::lab() };
    let (selected, scroll, filter) = (0, 0, "");
    View { screen, lab, theme, ascii: theme.ascii, focused: true, typing: false, selected, scroll, filter }
}

fn drawn(pane: &PaneDef, screen: &Screen, (width, height): (u16, u16)) -> String {
    let theme = Theme::plain(false);
    testing::text(width, height, |area, buf| (pane.draw)(&view(screen, &theme), area, buf))
}

fn shown(id: PaneId, role: Role, size: (u16, u16)) -> String {
    drawn(id.def(), &fixture::for_role(role), size)
}

#[test]
fn every_pane_fits_every_size() {
    let screens =
        [fixture::for_role(Role::Admin), fixture::for_role(Role::Customer), fixture::empty(Role::Admin)];
    let themes = [Theme::plain(true), Theme::load(Theme::DEFAULT, false, false).unwrap()];
    let sizes =
        [(0, 0), (1, 1), (1, 36), (120, 1), (3, 3), (20, 5), (40, 10), (80, 20), (120, 36), (200, 60)];
    for (screen, theme) in screens.iter().flat_map(|s| themes.iter().map(move |t| (s, t))) {
        for pane in PANES {
            for (width, height) in sizes {
                let view = view(screen, theme);
                testing::buffer(width, height, |area, buf| (pane.draw)(&view, area, buf));
            }
        }
    }
}

#[test]
fn an_empty_pane_says_what_it_is_and_how_it_fills() {
    let screen = fixture::empty(Role::Admin);
    for pane in PANES {
        let text = drawn(pane, &screen, (60, 12));
        let first: String = pane.empty.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
        assert!(text.contains(&first), "{:?} shows {text:?}", pane.id);
        assert!(pane.empty.len() > 40, "{:?} explains too little", pane.id);
    }
}

#[test]
fn without_colour_no_cell_has_one() {
    let (screen, theme) = (fixture::for_role(Role::Admin), Theme::load("dark", true, false).unwrap());
    for pane in PANES {
        let buf = testing::buffer(100, 30, |area, buf| (pane.draw)(&view(&screen, &theme), area, buf));
        let coloured = buf.content.iter().find(|c| c.fg != Color::Reset || c.bg != Color::Reset);
        assert!(coloured.is_none(), "{:?}: {coloured:?}", pane.id);
    }
}

#[test]
fn ascii_mode_draws_ascii_only() {
    let mut screen = fixture::for_role(Role::Admin);
    screen.watchlist.retain(|w| w.name.is_ascii());
    screen.news.retain(|n| n.headline.is_ascii());
    let theme = Theme::plain(true);
    for pane in PANES {
        let text = testing::text(100, 30, |area, buf| (pane.draw)(&view(&screen, &theme), area, buf));
        let odd = text.chars().find(|c| !c.is_ascii());
        assert!(odd.is_none(), "{:?} draws {odd:?}\n{text}", pane.id);
    }
}

#[test]
fn codes_are_unique_and_find_their_pane() {
    for (pane, id) in PANES.iter().zip(PaneId::ALL) {
        assert_eq!(pane.id, *id);
        assert_eq!(PaneDef::by_code(&pane.code.to_lowercase()).map(|p| p.id), Some(*id));
    }
    assert!(PaneDef::by_code("NOPE").is_none());
    // Who wants to look at a pane must not find a question about money in front of it.
    for pane in PANES {
        let action = crate::tui::actions::action_named(pane.code);
        assert!(action.is_none_or(|a| a.confirm == crate::tui::actions::Confirm::None), "{}", pane.code);
    }
}

#[test]
fn a_customer_sees_no_limit_signal_or_model() {
    let screen = fixture::for_role(Role::Customer);
    for pane in PANES.iter().filter(|p| Role::Customer.reach(p.capability) != Reach::None) {
        let text = drawn(pane, &screen, (160, 40)).to_lowercase();
        for word in ["max_position", "0.175", "concentration", "families-equal", "score", "rank", " sig"] {
            assert!(!text.contains(word), "{:?} shows '{word}' to a customer:\n{text}", pane.id);
        }
    }
}

#[test]
fn signals_stay_hidden_even_if_the_screen_carries_them() {
    let mut screen = fixture::for_role(Role::Trader);
    screen.capabilities.retain(|c| *c != Capability::ViewSignals);
    for id in [PaneId::Watchlist, PaneId::Quote] {
        let text = drawn(id.def(), &screen, (120, 40));
        assert!(!text.contains("SIG") && !text.contains("signal"), "{text}");
    }
}

#[test]
fn wide_names_keep_columns_in_line() {
    let mut screen = fixture::screen();
    for (i, row) in screen.positions.iter_mut().enumerate() {
        row.name = ["東京電力", "a", "é", "ﾊﾛｰ", "日本", ""][i % 6].to_owned();
    }
    let theme = Theme::plain(false);
    let view = view(&screen, &theme);
    let rows = PaneId::Positions.def().rows(&view).unwrap();
    let lines = testing::lines(110, 12, |area, buf| (PaneId::Positions.def().draw)(&view, area, buf));
    let column = |line: &str, what: &str| line.find(what).map(|at| format::width(&line[..at]));
    let end = column(&lines[0], "WT%").unwrap() + 3;
    for (row, line) in rows.rows.iter().zip(&lines[1..]).take(5) {
        let weight = &row.cells[8].text;
        assert_eq!(column(line, weight).unwrap() + weight.len(), end, "{line}");
    }
}

#[test]
fn the_selected_row_is_always_in_view() {
    let screen = fixture::screen();
    let theme = Theme::plain(false);
    for height in [1_u16, 2, 4, 7, 12] {
        for selected in 0..screen.watchlist.len() {
            for scroll in [0, 3, 99] {
                let view = View { selected, scroll, ..view(&screen, &theme) };
                let text = testing::text(60, height, |a, b| (PaneId::Watchlist.def().draw)(&view, a, b));
                let symbol = screen.watchlist[selected].symbol.as_str();
                assert!(text.contains(&format!("▸{symbol}")), "{selected} of height {height}:\n{text}");
            }
        }
    }
}

#[test]
fn a_filter_leaves_matching_rows_and_says_so() {
    let screen = fixture::screen();
    let theme = Theme::plain(false);
    let view = View { filter: "inc.", ..view(&screen, &theme) };
    let rows = PaneId::Watchlist.def().rows(&view).unwrap();
    assert_eq!((rows.rows.len(), rows.unfiltered), (5, Some(12)));
    assert_eq!(
        PaneId::Watchlist.def().selected_key(&view),
        super::RowKey::Instrument("AAPL.XNYS".parse().unwrap())
    );
    let none = View { filter: "zzz", ..view };
    let text = testing::text(60, 6, |a, b| (PaneId::Watchlist.def().draw)(&none, a, b));
    assert!(text.contains("None of 12 rows contains 'zzz'"), "{text}");
}

#[test]
fn copied_rows_hold_every_column_and_the_reason() {
    let screen = fixture::screen();
    let theme = Theme::plain(false);
    let table = PaneId::Orders.def().rows(&view(&screen, &theme)).unwrap();
    let tsv = table.to_tsv();
    let header = tsv.lines().next().unwrap();
    assert_eq!(
        header,
        "TIME\tSIDE\tSYM\tFILLED/QTY\tTYPE\tLIMIT\tTRIGGER\tTIF\tSTATUS\tAVG\tFEES\tID\tBY\tNOTE"
    );
    assert!(tsv.lines().all(|l| l.matches('\t').count() == header.matches('\t').count()));
    let csv = PaneId::Positions.def().rows(&view(&screen, &theme)).unwrap().to_csv();
    assert!(csv.contains("\"36,644\""), "{csv}");
}

#[test]
fn what_is_stale_or_unknown_is_marked() {
    let watch = shown(PaneId::Watchlist, Role::Trader, (110, 14));
    let line = watch.lines().find(|l| l.contains("BRK.B")).unwrap();
    assert!(line.contains("488.60 ?") && line.contains("? stale"), "{line}");
    let line = watch.lines().find(|l| l.contains("NEWCO")).unwrap();
    assert!(!line.contains("0.00"), "{line}");
    assert!(shown(PaneId::Allocation, Role::Trader, (90, 14)).contains("? no price"));
}

#[test]
fn a_price_that_was_asked_for_says_so_and_has_its_age_by_the_wall() {
    let mut screen = fixture::for_role(Role::Trader);
    let chart = screen.chart.as_ref().unwrap().instrument;
    let row = screen.watchlist.iter_mut().find(|row| row.instrument == chart).unwrap();
    let made = row.price_time.unwrap();
    // Market time stands; the wall is two days on.
    let now = made.plus_millis(2 * 86_400_000);
    row.asked = Some(AskedPrice { now, is_timed: true });
    row.source = "asx, polled, delay not told".to_owned();
    assert_eq!(row.symbol.as_str(), "AAPL");
    let list = |screen: &Screen| drawn(PaneId::Watchlist.def(), screen, (78, 12));
    let line = |screen: &Screen| list(screen).lines().find(|line| line.contains("AAPL")).unwrap().to_owned();
    assert!(line(&screen).contains(" 2d ") && !line(&screen).contains(">2d"), "{}", line(&screen));
    let theme = Theme::plain(false);
    let note = (PaneId::Watchlist.def().note)(&view(&screen, &theme));
    assert!(note.contains("1 polled"), "{note}");
    let row = screen.watchlist.iter_mut().find(|row| row.instrument == chart).unwrap();
    row.asked = Some(AskedPrice { now, is_timed: false });
    assert!(line(&screen).contains(" >2d "), "{}", line(&screen));
    let quote = drawn(PaneId::Quote.def(), &screen, (60, 20));
    assert!(quote.contains("asx, polled, delay not told") && quote.contains("age >2d"), "{quote}");
    let bar = screen.chart.as_ref().unwrap().bars.last().unwrap();
    let previous = format!("{} {}", format::price(bar.close), bar.date);
    assert!(quote.replace("  ", " ").contains(&previous) && !quote.contains("Day  "), "{quote} {previous}");
}

#[test]
fn simulated_prices_are_called_so() {
    let mut screen = fixture::screen();
    screen.data.simulated = true;
    let theme = Theme::plain(false);
    for id in
        [PaneId::Watchlist, PaneId::Chart, PaneId::Positions, PaneId::History, PaneId::Signals, PaneId::News]
    {
        let note = (id.def().note)(&view(&screen, &theme));
        assert!(note.contains("SIMULATED"), "{id:?}: {note}");
    }
}

fn framed(id: PaneId, (width, height): (u16, u16)) -> String {
    let screen = fixture::for_role(Role::Admin);
    let theme = Theme::plain(false);
    testing::framed(width, height, |area, buf| (id.def().draw)(&view(&screen, &theme), area, buf))
}

#[test]
fn orders_tell_their_reasons() {
    let text = framed(PaneId::Orders, (70, 18));
    for line in [
        "JPM          0/90  LMT    298.00  ! HELD",
        "a second person must approve it",
        "trigger 178.40, trails by 2%, reduce only",
        "waits for fills of 1042, one of group 1042-oco",
        "trigger 190.00, waits for fills of 1042, one of group 1042-oco",
        "40 still working: volume cap of the bar reached",
        "max position weight: 17.5%, allowed 15.0%",
        "10 of 50 filled; the session ended",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
}

#[test]
fn limits_show_bar_mark_and_figure() {
    insta::assert_snapshot!(framed(PaneId::Limits, (96, 5)), @r"
    | LIMIT                  SCOPE         ACCOUNT           USED     OBSERVED   SOFT     HARD  V
    |▸max position weight    firm          desk     ████████ 122%  X     14.6%  10.0%    12.0%  1
    | └ ! version 28 makes it 15.0% once a second person agrees
    | max order notional     firm          desk     ███████▌  93%  !    46,500      -   50,000  2
    | max daily loss         firm          desk     ██████▍·  79%  +    15,800      -   20,000  3
    ");
}

#[test]
fn differences_say_their_age_who_asks_and_what_to_do() {
    insta::assert_snapshot!(framed(PaneId::Differences, (78, 8)), @r"
    | ACCOUNT  AGE  WHAT DIFFERS                                        TAKE-OVER
    |▸alp       3h  AAPL.XNYS: 10 here and 15 at the broker             -
    | └ T asks a second person to take it over; else correct it at the broker
    | alp       3h  JPM.XNYS: 0 here and 5 at the broker                ! root asks
    | └ T agrees to take it over, not by root; else correct it at the broker
    | alp       3h  order 1044 works here and is not known at the bro…  -
    | └ look for it at the broker; if it is not there, cancel it here
    |
    ");
}

#[test]
fn listings_that_nobody_gave_stand_above_prices_with_reason_and_next_try() {
    insta::assert_snapshot!(framed(PaneId::Sources, (78, 5)), @r"
    | SYMBOL     SOURCE    LAST          BEHIND  GAPS  ASIDE  DIFFER  ODD
    |▸XASX       listings  -           X failed     -      -       -    -
    | └ asked for again in 11m; 20m ago: asx: the server failed (503)
    | GONE.XNYS  yahoo     2024-11-19      ? 12     4      2       4    1
    | AAPL.XNYS  yahoo     2024-11-19       ? 1     2      1       2    1
    ");
}

#[test]
fn a_narrow_watchlist_keeps_what_matters() {
    insta::assert_snapshot!(framed(PaneId::Watchlist, (40, 8)), @r"
    | SYM        LAST      CHG%   AGE   SIG
    |▸AAPL     231.42  ▲ +1.12%    1s    #3
    | MSFT     508.10  ▼ -0.31%    1s    #8
    | NVDA     183.22  ▲ +2.97%    0s    #1
    | GOOGL    201.77  ▲ +0.40%    1s   #41
    | AMZN     219.36  ▼ -0.88%    2s  #287
    | META     741.05  ▲ +0.15%    1s   #36
    |                               1-6 of 12
    ");
}

#[test]
fn an_expression_says_what_it_is_and_where_the_focused_name_stands() {
    insta::assert_snapshot!(framed(PaneId::Expression, (60, 8)), @r"
    | $close/Mean($close,20)-1
    |
    | ✓ a number, reads 19 sessions back
    |
    | AAPL  0.04100  rank 2 of 11  1 without a value
    | IC +0.0213  rank IC -0.0108  ICIR +0.15  38 sessions
    | 12 names, sessions to 2024-11-20, without the running one
    |
    ");
    insta::assert_snapshot!(framed(PaneId::Values, (37, 7)), @r"
    | RANK  SYM                 VALUE
    |▸   1  NVDA        │■■■■  0.1180
    |    2  AAPL ◄      │■     0.0410
    |    3  JPM         │■     0.0310
    |    4  AMZN        │■     0.0230
    |    5  BRK.B       │■     0.0160
    | AAPL 0.0410 #2  1 without  1-5 of 11
    ");
    insta::assert_snapshot!(framed(PaneId::Factors, (56, 5)), @r"
    | NAME            BACK  EXPRESSION
    |▸trend20           19  $close/Mean($close,20)-1
    | └ own: kept by ana (ratio)
    | mom_12_1         252  Ref($close,21)/Ref($close,252)-1
    | earnings_yield     0  $eps/$close
    ");
}

#[test]
fn evidence_shows_coefficients_and_fifths() {
    insta::assert_snapshot!(framed(PaneId::Evidence, (36, 13)), @r"
    | IC         +0.0213  ICIR +0.15
    | Rank IC    -0.0108  ICIR -0.07
    | over time  ▅▅▆▇▇█▁
    | ── mean next return by fifth ─────
    | highest         │■■■■■■■■ +0.210%
    | 2nd             │■■■      +0.070%
    | 3rd             │          ? none
    | 4th            ■│         -0.020%
    | lowest      ■■■■│         -0.110%
    | spread     +0.320% a session
    | turnover   11%  autocorr 0.96
    | 2024-09-26 to 2024-11-18; the next
    | session's return,          ↓ 1 more
    ");
}

proptest! {
    #[test]
    fn nothing_is_drawn_outside_of_any_pane(
        pane in 0..PANES.len(), width in 0_u16..130, height in 0_u16..45,
        selected in 0_usize..20, scroll in 0_usize..200, filter in "[a-z]{0,2}", ascii: bool, focused: bool,
    ) {
        let screen = fixture::for_role(Role::Admin);
        let theme = Theme::plain(ascii);
        let typing = focused;
        let view = View { ascii, focused, typing, selected, scroll, filter: &filter, ..view(&screen, &theme) };
        testing::buffer(width, height, |area, buf| (PANES[pane].draw)(&view, area, buf));
    }
}
