use super::*;

fn date(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

fn at(text: &str) -> UnixNanos {
    text.parse().unwrap()
}

fn calendars() -> Calendars {
    Calendars::bundled().unwrap()
}

#[test]
fn new_york_has_1259_sessions_in_the_five_years_of_the_sample() {
    let sessions = calendars().of(Exchange::Xnys).sessions_between(date("2013-02-08"), date("2018-02-07"));
    assert_eq!(sessions.len(), 1_259);
    assert!(sessions.windows(2).all(|w| w[0].close < w[1].open && w[0].date < w[1].date));
}

#[test]
fn holidays_and_half_days_are_known() {
    let calendars = calendars();
    let (us, au) = (calendars.of(Exchange::Xnys), calendars.of(Exchange::Xasx));
    for closed in ["2012-10-29", "2012-10-30", "2024-01-15", "2001-09-12", "2024-12-25", "2024-03-29"] {
        assert_eq!(us.session_on(date(closed)), None, "{closed}");
    }
    let half = us.session_on(date("2024-11-29")).unwrap();
    assert!(half.early);
    assert_eq!(half.close, at("2024-11-29T18:00:00Z"));
    assert_eq!(au.session_on(date("2024-01-26")), None);
    let eve = au.session_on(date("2024-12-24")).unwrap();
    assert_eq!((eve.early, eve.close), (true, at("2024-12-24T03:10:00Z")));
    assert!(!us.session_on(date("2024-11-27")).unwrap().early);
}

#[test]
fn clocks_change_on_both_sides_of_the_world_on_their_own_weekends() {
    let calendars = calendars();
    let open = |exchange, day: &str| calendars.of(exchange).session_on(date(day)).unwrap().open;
    assert_eq!(open(Exchange::Xnys, "2024-03-08"), at("2024-03-08T14:30:00Z"));
    assert_eq!(open(Exchange::Xnys, "2024-03-11"), at("2024-03-11T13:30:00Z"));
    assert_eq!(open(Exchange::Xasx, "2024-04-05"), at("2024-04-04T23:00:00Z"));
    assert_eq!(open(Exchange::Xasx, "2024-04-08"), at("2024-04-08T00:00:00Z"));
}

#[test]
fn a_session_holds_its_open_and_its_close() {
    let calendars = calendars();
    let us = calendars.of(Exchange::Xnys);
    let session = us.session_on(date("2024-01-02")).unwrap();
    assert_eq!(us.session_at(session.open), Some(session));
    assert_eq!(us.session_at(session.close), Some(session));
    assert_eq!(us.session_at(session.close.plus_nanos(1)), None);
    assert_eq!(us.session_at(session.open.plus_nanos(-1)), None);
    assert_eq!(us.next_close_after(session.close.plus_nanos(-1)), Some(session.close));
    assert_eq!(us.next_close_after(session.close), Some(at("2024-01-03T21:00:00Z")));
}

#[test]
fn an_order_after_the_close_belongs_to_the_next_session() {
    let calendars = calendars();
    let us = calendars.of(Exchange::Xnys);
    let of = |time: &str| us.session_for_order(at(time)).unwrap().date;
    assert_eq!(of("2024-01-12T12:00:00Z"), date("2024-01-12"));
    assert_eq!(of("2024-01-12T20:59:59Z"), date("2024-01-12"));
    assert_eq!(of("2024-01-12T21:00:00Z"), date("2024-01-16"));
}

#[test]
fn neighbours_skip_weekends_and_holidays() {
    let calendars = calendars();
    let us = calendars.of(Exchange::Xnys);
    let next = |day: &str| us.next_session(date(day)).map(|s| s.date);
    let previous = |day: &str| us.previous_session(date(day)).map(|s| s.date);
    assert_eq!(next("2024-01-12"), Some(date("2024-01-16")));
    assert_eq!(next("2024-01-13"), Some(date("2024-01-16")));
    assert_eq!(previous("2024-01-16"), Some(date("2024-01-12")));
    assert_eq!(previous("2024-01-15"), Some(date("2024-01-12")));
    assert_eq!(previous("1990-01-02"), None);
    assert_eq!(next("2027-12-31"), None);
}

#[test]
fn outside_the_covered_years_it_does_not_guess() {
    let calendars = calendars();
    let us = calendars.of(Exchange::Xnys);
    assert_eq!(us.session_on(date("1989-12-29")), None);
    assert_eq!(us.next_session(date("1980-01-01")), None);
    assert_eq!(us.next_close_after(at("1980-01-01T00:00:00Z")), None);
    assert_eq!(us.next_close_after(at("2028-01-03T00:00:00Z")), None);
    let refusal = us.session_for_order(at("2030-05-01T12:00:00Z")).unwrap_err().to_string();
    assert!(refusal.contains("XNYS covers 1990 to 2027") && refusal.contains("2030-05-01"), "{refusal}");
    assert!(us.require(date("2027-12-31")).is_ok());
    assert!(us.sessions_between(date("1985-01-01"), date("1990-01-05")).len() == 4);
}

#[test]
fn the_simulated_exchange_trades_every_weekday_of_any_year() {
    let calendars = calendars();
    let sim = calendars.of(Exchange::Sim);
    let session = sim.session_on(date("2024-12-25")).unwrap();
    assert_eq!((session.open, session.close), (at("2024-12-25T09:30:00Z"), at("2024-12-25T16:00:00Z")));
    assert_eq!(sim.session_on(date("2024-12-28")), None);
    assert_eq!(sim.next_session(date("1950-06-02")).map(|s| s.date), Some(date("1950-06-05")));
    assert_eq!(sim.previous_session(date("2101-01-03")).map(|s| s.date), Some(date("2100-12-31")));
    assert_eq!(sim.session_at(at("2024-12-25T16:00:00Z")), Some(session));
    assert_eq!(sim.session_at(at("2024-12-28T12:00:00Z")), None);
    assert_eq!(sim.session_for_order(at("2024-12-27T16:00:00Z")).unwrap().date, date("2024-12-30"));
    assert_eq!(sim.session_for_order(at("2024-12-28T16:00:00Z")).unwrap().date, date("2024-12-30"));
    assert_eq!(sim.session_for_order(at("2024-12-30T01:00:00Z")).unwrap().date, date("2024-12-30"));
    assert_eq!(sim.sessions_between(date("2024-01-01"), date("2024-12-31")).len(), 262);
    assert_eq!(sim.covered(), None);
}

#[test]
fn positions_are_consecutive() {
    let calendars = calendars();
    for exchange in Exchange::ALL {
        let calendar = calendars.of(exchange);
        let mut last = None;
        for session in calendar.sessions_between(date("2019-12-01"), date("2021-02-01")) {
            let position = calendar.position_of(session.date).unwrap();
            assert_eq!(calendar.at_position(position), Some(session));
            assert!(last.is_none_or(|p: i64| p + 1 == position));
            last = Some(position);
        }
    }
}

#[test]
fn own_lines_replace_the_bundled_ones() {
    let own = "2025-03-03,closed,,\n2024-12-25,regular,,\n2026-01-05,early_close,09:30,12:00\n".to_owned();
    let calendars = Calendars::with_overrides(&BTreeMap::from([(Exchange::Xnys, own)])).unwrap();
    let us = calendars.of(Exchange::Xnys);
    assert_eq!(us.session_on(date("2025-03-03")), None);
    assert!(us.session_on(date("2024-12-25")).is_some());
    assert_eq!(us.session_on(date("2026-01-05")).map(|s| s.close), Some(at("2026-01-05T17:00:00Z")));
    for bad in ["2025-13-01,closed,,", "2025-01-02,maybe,,", "2025-01-02,early_close,12:00,09:30"] {
        let own = BTreeMap::from([(Exchange::Xasx, format!("date,kind\n{bad}"))]);
        let error = Calendars::with_overrides(&own).unwrap_err();
        assert!(matches!(error, CalendarError::BadLine { line: 2, exchange: Exchange::Xasx, .. }), "{error}");
    }
}
