//! The second exit of a position in the ticket, at both sizes.

use super::*;
use crate::tui::testing::text;

/// A ticket that sells 121 of the 150 held at a limit, with a stop beside it.
fn with_or_stop() -> UiState {
    let mut state = state_of(Role::Trader);
    let first = ticket_of(&press(&mut state, "s =121 Tab Tab Tab Tab Tab Left"));
    press(&mut state, "Tab =215");
    let newest = ticket_of(&whatif(&mut state, first, None));
    assert_eq!(newest.order.or_stop, "215".parse().ok());
    whatif(&mut state, newest, None);
    state
}

/// The lines of the window, without its frame.
fn window(state: &mut UiState, (width, height): (u16, u16)) -> String {
    let shown = text(state, width, height);
    let inside =
        shown.lines().filter_map(|line| Some(line.split_once('║')?.1.rsplit_once('║')?.0.trim_end()));
    inside.map(|line| format!("|{line}\n")).collect()
}

#[test]
fn the_second_exit_is_a_field_of_the_ticket_with_a_line_of_what_it_does() {
    let mut state = with_or_stop();
    insta::assert_snapshot!(window(&mut state, (80, 24)), @r"
    | Side     buy [SELL]                     Symbol  AAPL
    | Size by [SHARES] risk  weight  vol      Type    [LIMIT] 2/11
    | Qty     121                             TIF     [DAY] gtc  gtd  ioc  fok
    | Limit   231.41                          Post    [NO] only
    | Reduce  [NO] only                       Exits    none  bracket [OR STOP]
    |>Or stop 215
    | Apple Inc.  bid 231.41  ask 231.43  last 231.42  polygon
    | WHAT-IF                            NOW       AFTER      LIMIT
    | max position weight              13.8%       25.0%      15.0%  167% !
    | Or stop     215.00; of the two exits at most one is done
    | Position    150 -> 271 sh
    | Cash        158,626.00 -> 130,626.00 USD
    | Order value 27,999.00 USD   fee 1.00 USD
    |
    |
    | passes all checks
    |
    |
    | [ Review ] Enter
    ");
    insta::assert_snapshot!(window(&mut state, (120, 36)), @r"
    | Side     buy [SELL]                     Symbol  AAPL
    | Size by [SHARES] risk  weight  vol      Type    [LIMIT] 2/11
    | Qty     121                             TIF     [DAY] gtc  gtd  ioc  fok
    | Limit   231.41                          Post    [NO] only
    | Reduce  [NO] only                       Exits    none  bracket [OR STOP]
    |>Or stop 215
    | Apple Inc.  bid 231.41  ask 231.43  last 231.42  polygon
    | WHAT-IF                            NOW       AFTER      LIMIT
    | max position weight              13.8%       25.0%      15.0%  167% !
    | Or stop     215.00; of the two exits at most one is done
    | Position    150 -> 271 sh
    | Cash        158,626.00 -> 130,626.00 USD
    | Order value 27,999.00 USD   fee 1.00 USD
    |
    |
    |
    | passes all checks
    |
    |
    | [ Review ] Enter
    ");
    let sent = requests(&press(&mut state, "Enter"));
    assert!(sent.is_empty(), "{sent:?}");
    for size in [(80, 24), (120, 36)] {
        let shown = window(&mut state, size);
        assert!(shown.contains("for account desk, or stop 215.00, at most one of the two"), "{shown}");
    }
    let sent = requests(&press(&mut state, "Enter"));
    let [Request::Submit { ticket, .. }] = sent.as_slice() else { panic!("{sent:?}") };
    assert_eq!(ticket.order.or_stop, "215".parse().ok());
}

#[test]
fn an_exit_of_what_is_not_held_is_marked() {
    let mut state = state_of(Role::Trader);
    let first = ticket_of(&press(&mut state, "b =121 Tab Tab Tab Tab Tab Left"));
    press(&mut state, "Tab =300");
    let newest = ticket_of(&whatif(&mut state, first, None));
    whatif(&mut state, newest, None);
    let shown = window(&mut state, (80, 24));
    assert!(shown.contains("! an exit needs a position: nothing is held to buy back"), "{shown}");
}
