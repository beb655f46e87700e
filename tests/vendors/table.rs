//! The thirty ways in which a vendor fails, each with the vendors it applies to and the tests that hold it there. Those
//! of a broker are held by its own suites; nothing is tried twice.

use std::collections::BTreeSet;

use super::faults::CASES;

/// One vendor or several, as in the table: alpha_vantage, yahoo, polygon, asx, alpaca.
type Held = (&'static [&'static str], &'static str, &'static str);

const AV: &str = "alpha_vantage";
const YAHOO: &str = "yahoo";
const POLYGON: &str = "polygon";
const ASX: &str = "asx";
const ALPACA: &str = "alpaca";
const PRICES: &[&str] = &[AV, YAHOO, POLYGON];

/// The table of `faults`, whose rows name their own vendors.
const LINE: &str = "every_fault_of_a_vendor_or_the_line_is_told_and_survived";
const SITE: Held =
    (&[ASX], "tests/vendors/fetching.rs", "every_fault_is_told_and_survived_at_the_exchanges_site_too");
const BROKER: &str = "tests/broker/faults.rs";
const REPORTS: &str = "tests/broker/reports.rs";
const HOME: &str = "tests/vendors/scenarios.rs";
const BELOW: &str = "tests/vendors/fetching.rs";
const STREAM: &str = "tests/vendors/stream.rs";
const ROWS: &str = "src/market/vendors/rows.rs";

const fn line(vendors: &'static [&'static str]) -> Held {
    (vendors, "tests/vendors/faults.rs", LINE)
}

#[rustfmt::skip]
const TABLE: &[(u32, &str, &[Held])] = &[
    (1, "429 with Retry-After, in seconds and as a date", &[line(PRICES), SITE,
        (&[ALPACA], BROKER, "too_many_requests_is_not_sent_and_nothing_is_asked_before_the_date")]),
    (2, "429 without a word", &[line(PRICES), SITE]),
    (3, "its own count of requests is at nothing", &[
        (PRICES, HOME, "s03_its_own_count_of_requests_stops_us_before_it_does"),
        (&[ALPACA], BROKER, "the_last_of_the_budget_is_kept_for_cancels")]),
    (4, "a notice of a burst", &[line(&[AV])]),
    (5, "a notice of a spent day", &[line(&[AV]),
        (&[AV], HOME, "s05_a_spent_day_stays_spent_after_a_restart_and_others_go_on")]),
    (6, "a premium notice, a made-up sample", &[
        (&[AV], HOME, "s06_a_premium_notice_turns_the_kind_off_and_bars_go_on"),
        (&[AV], HOME, "s06_made_up_samples_are_never_stored")]),
    (7, "500, 502 and 503", &[line(PRICES), SITE,
        (&[YAHOO, POLYGON], HOME, "s07_failures_open_the_circuit_which_closes_by_itself"),
        (&[ALPACA], BROKER, "a_broken_gateway_is_unknown_and_never_a_refusal")]),
    (8, "a slow answer, and one without an end", &[line(PRICES), SITE]),
    (9, "an answer that is cut off", &[line(PRICES), SITE]),
    (10, "a page for people with status 200", &[line(PRICES), SITE,
        (&[YAHOO, POLYGON], HOME, "s10_after_a_wall_for_robots_the_vendor_is_left_alone")]),
    (11, "another content type, and a notice in place of CSV", &[line(PRICES), SITE,
        (&[ASX], HOME, "s11_a_notice_in_place_of_a_csv_file_is_no_directory")]),
    (12, "a crumb that is none, or stale", &[
        (&[YAHOO], BELOW, "s12_a_session_is_made_once_and_goes_with_later_calls"),
        (&[YAHOO], BELOW, "s12_what_is_no_crumb_is_never_taken_for_one"),
        (&[YAHOO], BELOW, "s12_a_stale_crumb_is_renewed_once_and_then_it_ends")]),
    (13, "bars twice and out of order", &[
        (&[YAHOO, POLYGON], HOME, "s13_s14_bad_rows_are_held_back_and_the_rest_is_stored"),
        (PRICES, ROWS, "identical_rows_are_counted_and_of_different_ones_the_later_stays")]),
    (14, "rows of nonsense", &[
        (&[YAHOO, POLYGON], HOME, "s13_s14_bad_rows_are_held_back_and_the_rest_is_stored"),
        (PRICES, ROWS, "bad_rows_are_refused_with_their_reasons_and_the_rest_stands_in_order")]),
    (15, "a split in the middle of the history", &[
        (PRICES, HOME, "s15_a_split_in_the_middle_leaves_no_jump_in_restated_prices"),
        (PRICES, "src/notify/mod.rs", "a_split_is_told_to_whom_it_concerns_and_nobody_else"),
        (PRICES, "src/service/tests/feed.rs", "stored_sessions_and_splits_come_before_the_first_live_event_of_a_day")]),
    (16, "a new split between two syncs", &[
        (PRICES, HOME, "s16_a_new_split_brings_the_whole_history_again_and_never_two_bases")]),
    (17, "a bar of a running session", &[
        (PRICES, HOME, "s17_a_session_that_is_running_is_never_stored_as_final")]),
    (18, "an unknown symbol", &[
        (PRICES, HOME, "s18_an_unknown_symbol_is_the_same_from_every_vendor"),
        (&[ASX], BELOW, "s18_an_unknown_code_of_the_exchange_is_not_found"),
        (&[ALPACA], "tests/broker/conformance.rs", "what_the_venue_does_not_know_is_not_found")]),
    (19, "no longer listed", &[
        (&[POLYGON], HOME, "s19_what_a_directory_says_is_no_longer_listed_keeps_its_history_and_is_not_fetched"),
        (&[ASX, YAHOO], HOME, "s19_what_the_directory_drops_and_nobody_knows_for_days_is_no_longer_listed")]),
    (20, "a cursor that expires", &[
        (&[POLYGON], HOME, "s20_an_expired_cursor_goes_on_behind_what_is_stored"),
        (&[ALPACA], "tests/broker/conformance.rs", "pages_of_fills_hold_each_fill_once")]),
    (21, "pages in a circle, a foreign host", &[
        (&[POLYGON], HOME, "s21_pages_in_a_circle_end_and_no_key_goes_to_another_host"),
        (&[ALPACA], BROKER, "pages_that_do_not_end_are_an_error")]),
    (22, "days on which clocks change", &[
        (PRICES, HOME, "s22_days_on_which_clocks_change_are_one_bar_each")]),
    (23, "sent elsewhere, a bomb, a huge body", &[line(PRICES), SITE,
        (&[ALPACA], BROKER, "answers_that_are_too_long_not_json_or_sent_elsewhere_are_errors")]),
    (24, "a stream that ends, refuses, is taken, or finds us slow", &[
        (&[POLYGON], "tests/vendors/live.rs", "s24_a_network_that_is_cut_and_restored_leaves_every_minute_as_it_was"),
        (&[POLYGON], STREAM, "s24_after_a_disconnect_it_comes_back_and_subscribes_again"),
        (&[POLYGON], STREAM, "s24_a_refused_key_is_told_without_it_and_tried_again_later"),
        (&[POLYGON], STREAM, "s24_a_second_connection_is_told_to_close_the_other_program"),
        (&[POLYGON], STREAM, "s24_a_client_that_does_not_keep_up_is_dropped_and_comes_back"),
        (&[ALPACA], REPORTS, "a_lost_stream_is_a_gap_then_connected_and_what_was_missed_is_on_record"),
        (&[ALPACA], REPORTS, "a_wrong_key_never_connects_and_never_shows"),
        (&[ALPACA], "tests/broker/desk.rs", "a_venue_that_cannot_be_compared_takes_no_new_risk")]),
    (25, "frames that are unknown, binary, mixed or cut", &[
        (&[POLYGON], STREAM, "s25_what_cannot_be_used_is_counted_and_the_rest_is_kept"),
        (&[ALPACA], REPORTS, "frames_of_text_and_of_bytes_say_the_same"),
        (&[ALPACA], REPORTS, "nonsense_is_a_gap_and_the_connection_lives_on")]),
    (26, "reports twice, out of order, or missed", &[
        (&[ALPACA], REPORTS, "a_repeat_carries_the_same_trade_and_the_same_cumulative_quantity"),
        (&[ALPACA], REPORTS, "the_stream_and_the_record_of_executions_agree_on_cumulative_quantities"),
        (&[ALPACA], REPORTS, "a_fill_after_a_cancel_is_told_as_it_is"),
        (&[ALPACA], "tests/broker/desk.rs", "an_order_is_sent_once_fills_there_and_shows_here")]),
    (27, "an order whose answer is lost", &[
        (&[ALPACA], BROKER, "no_answer_after_the_venue_accepted_is_unknown_and_resolves_to_one_order"),
        (&[ALPACA], "tests/broker/desk.rs", "killed_between_sending_and_answer_there_is_one_order_and_it_is_found")]),
    (28, "a clock that is off, bars of the future", &[
        (PRICES, HOME, "s28_rows_from_the_future_are_not_stored"),
        (PRICES, HOME, "s28_a_clock_that_is_far_from_ours_is_told_and_nothing_else_changes")]),
    (29, "two syncs at once", &[
        (&[YAHOO, POLYGON], HOME, "s29_two_syncs_at_once_share_one_budget_and_fetch_nothing_twice")]),
    (30, "offline from the start", &[
        (PRICES, HOME, "s30_offline_from_the_start_the_store_is_used_and_nothing_breaks"),
        (&[ASX], BELOW, "s30_nobody_at_the_address_is_told_as_that"),
        (&[ALPACA], BROKER, "a_venue_that_is_not_there_was_sent_nothing")]),
];

#[test]
fn all_thirty_are_held_by_tests_that_are_there() {
    let numbers: Vec<u32> = TABLE.iter().map(|row| row.0).collect();
    assert_eq!(numbers, (1..=30).collect::<Vec<u32>>());
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    for (number, what, held) in TABLE {
        assert!(!held.is_empty(), "{number} ({what})");
        for (vendors, file, test) in *held {
            let text = std::fs::read_to_string(root.join(file)).unwrap();
            assert!(text.contains(&format!("fn {test}(")), "{number} ({what}): {file} has no {test}");
            assert!(!vendors.is_empty(), "{number} ({what}): {test}");
        }
    }
}

#[test]
fn the_table_of_faults_says_the_same_of_its_vendors() {
    for (number, what, held) in TABLE {
        let of_line = held.iter().filter(|(_, _, test)| *test == LINE).flat_map(|(vendors, ..)| *vendors);
        let told: BTreeSet<&str> = of_line.copied().collect();
        let cases = CASES.iter().filter(|case| case.number == *number);
        let tried: BTreeSet<&str> =
            cases.flat_map(|case| case.vendors).map(|vendor| vendor.as_str()).collect();
        assert_eq!(told, tried, "{number} ({what})");
        let is_site = held.contains(&SITE);
        assert_eq!(is_site, tried.len() > 1, "{number} ({what}) at the exchange's site");
    }
}
