//! What to fetch: by key, by name, of which kind, and not while another sync runs.

use std::sync::Arc;

use super::*;
use crate::domain::vendor::DataKind;

/// A trader at the workspace Data, with or without a sync that runs.
fn at_data(running: bool) -> UiState {
    let mut state = state_of(Role::Trader);
    let mut screen = (*state.screen).clone();
    let mut health = screen.data_health.as_deref().unwrap().clone();
    (health.sync.running, health.sealed) = (running, None);
    screen.data_health = Some(Arc::new(health));
    update(&mut state, Input::Screen(Arc::new(screen)));
    press(&mut state, "g a");
    state
}

/// The kind and names that are sent for after some keys.
fn wished(keys: &str) -> Vec<(DataKind, Vec<String>)> {
    let sent = requests(&press(&mut at_data(false), keys));
    let sync = |request| match request {
        Request::Sync(kind, names) => Some((kind, names)),
        _ => None,
    };
    sent.into_iter().filter_map(sync).collect()
}

#[test]
fn a_sync_is_of_prices_unless_a_kind_is_named_and_of_the_selected_name_unless_others_are() {
    let own = wished("u").remove(0);
    assert_eq!((own.0, own.1.len()), (DataKind::Daily, 1));
    let none: Vec<String> = Vec::new();
    assert_eq!(wished("U"), [(DataKind::Daily, none.clone())]);
    assert_eq!(wished(": =sync Space =news Enter"), [(DataKind::News, own.1.clone())]);
    let list = vec!["watchlist".to_owned()];
    assert_eq!(
        wished(": =sync Space =fundamentals Space =watchlist Enter"),
        [(DataKind::Fundamentals, list)]
    );
    assert_eq!(wished(": =sync Space =news Space =all Enter"), [(DataKind::News, none.clone())]);
    let allstate = vec!["ALL".to_owned()];
    assert_eq!(wished(": =sync Space =ALL Enter"), [(DataKind::Daily, allstate)]);
    assert_eq!(wished(": =sync Space =listings Enter"), [(DataKind::Directory, none)]);
    let two = vec!["AAPL".to_owned(), "BHP.AX".to_owned()];
    assert_eq!(wished(": =sync Space =AAPL Space =BHP.AX Enter"), [(DataKind::Daily, two)]);
}

#[test]
fn where_one_pane_is_shown_at_a_time_a_sync_comes_into_view_and_where_all_are_the_place_stays() {
    for (size, pane) in [((80, 24), PaneId::Sync), ((120, 36), PaneId::Sources)] {
        for keys in ["u", "U", "N"] {
            let mut state = at_data(false);
            press(&mut state, ": =SRC Enter");
            frame(&mut state, size.0, size.1);
            press(&mut state, keys);
            assert_eq!(state.pane(), Some(pane), "{keys}");
        }
    }
    let shown = crate::tui::testing::text(&mut at_data(true), 80, 24);
    assert!(shown.contains("sync 120/500"), "{shown}");
}

#[test]
fn what_else_to_fetch_is_chosen_and_nothing_is_sent_while_a_sync_runs() {
    let kinds: Vec<DataKind> = (0..6)
        .flat_map(|down| wished(&format!("N {}Enter", "Down ".repeat(down))))
        .map(|(kind, _)| kind)
        .collect();
    for kind in [DataKind::News, DataKind::Fundamentals, DataKind::Directory] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    assert!(!kinds.contains(&DataKind::Daily), "{kinds:?}");
    let mut running = at_data(true);
    for keys in ["u", "U", "N", ": =sync Space =news Enter"] {
        assert!(requests(&press(&mut running, keys)).is_empty(), "{keys}");
        assert!(running.modals.is_empty(), "{keys}");
    }
}
