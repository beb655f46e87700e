//! Names as people type them: a preferred share keeps its small letter, everything else comes in capitals.

use super::*;
use crate::domain::{Exchange, InstrumentId, Symbol};

/// A trader whose watchlist begins with a preferred share.
fn trader() -> UiState {
    let mut state = state_of(Role::Trader);
    let symbol: Symbol = "BACpL".parse().unwrap();
    let row = &mut Arc::make_mut(&mut state.screen).watchlist[0];
    (row.symbol, row.instrument) = (symbol, InstrumentId::new(symbol, Exchange::Xnys));
    row.name = "Bank of America Pfd. L".to_owned();
    state
}

#[test]
fn a_preferred_share_is_ordered_as_it_is_spelled_or_in_small_letters() {
    for (typed, symbol) in
        [("BACpL", "BACpL"), ("bacpl", "BACpL"), ("BACpM", "BACpM"), ("msft", "MSFT"), ("BACPL", "BACPL")]
    {
        for command in [
            format!(": ={typed} Space =buy Space =50 Enter"),
            format!(": =buy Space ={typed} Space =50 Enter"),
        ] {
            let mut state = trader();
            press(&mut state, &command);
            let Some(Modal::Ticket(form)) = state.modals.last() else { panic!("no ticket: {command}") };
            let meant = form.symbol().unwrap();
            assert_eq!((meant.as_str(), form.entry.symbol.text()), (symbol, symbol), "{command}");
        }
    }
}

#[test]
fn a_ticket_reads_a_typed_name_by_what_was_on_the_screen() {
    let mut state = trader();
    press(&mut state, ": =buy Space =MSFT Space =50 Enter");
    let Some(Modal::Ticket(form)) = state.modals.last_mut() else { panic!("no ticket") };
    for (typed, symbol) in [("bacpl", "BACpL"), (" aapl ", "AAPL"), ("TpC", "TpC")] {
        form.entry.symbol.set(typed);
        assert_eq!(form.ticket().unwrap().instrument.symbol.as_str(), symbol, "{typed}");
    }
    form.entry.symbol.set("A B");
    assert!(form.ticket().is_err());
}
