//! What works on files alone, help, and the ways of the output.

use std::process::Stdio;

use clap::CommandFactory;
use qlib_pro::cli::args::Cli;

use crate::bench::{Bench, bars, finish, names_in};

#[test]
fn factors_are_computed_without_home_or_user() {
    let bench = Bench::empty();
    let file = bench.file("bars.csv", bars(2, 3));
    let mut command = bench.bare();
    command.args(["factor", "compute", "--expr", "up=$close/Ref($close,1)-1", "--bars", &file]);
    let text = finish(command, "").ended(0);
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("date,symbol,up"));
    assert_eq!(lines.next(), Some("2017-01-03,S00,"));
    assert_eq!(text.lines().count(), 7);
    assert!(!bench.path("home").exists(), "no home was made");
}

#[test]
fn sets_are_listed_and_computed_by_name_and_own_factors_with_them() {
    let bench = Bench::empty();
    let file = bench.file("bars.csv", bars(2, 3));
    let header = |set: &str| {
        let ran = bench.run("", &["factor", "compute", "--set", set, "--bars", &file]);
        ran.ended(0).lines().next().unwrap_or("").split(',').count()
    };
    assert_eq!((header("alpha158"), header("alpha360"), header("momentum")), (160, 362, 6));
    std::fs::create_dir_all(bench.path("home")).unwrap();
    let own = "[[factor]]\nfamily = \"mine\"\nname = \"gap\"\nexpression = \"$open/Ref($close,1)-1\"\n";
    std::fs::write(bench.path("home/factors.toml"), own).unwrap();
    assert_eq!((header("user"), header("mine"), header("gap")), (3, 3, 3));
    let listed = bench.run("", &["factor", "list", "--set", "mine", "--format", "json"]).ended(0);
    assert!(listed.contains("\"lookback\":1") || listed.contains("\"lookback\": 1"), "{listed}");
    std::fs::write(bench.path("home/factors.toml"), own.replace("$open", "$opn")).unwrap();
    assert_eq!(header("alpha158"), 160, "a wrong file of one's own takes nothing else away");
    let refused = bench.run("", &["factor", "list", "--set", "mine"]);
    assert!(refused.err.contains("factors.toml: line 4: factor 'gap': at character 1"), "{}", refused.err);
    refused.ended(1);
}

#[test]
fn what_looks_odd_is_noted_beside_the_values() {
    let bench = Bench::empty();
    let file = bench.file("bars.csv", bars(2, 3));
    let run = |more: &[&str]| {
        let asked =
            ["factor", "compute", "--expr", "x=$close+$volume", "--expr", "y=Ref($close,-1)/$close-1"];
        bench.run("", &[&asked[..], &["--bars", &file], more].concat())
    };
    let ran = run(&[]);
    assert_eq!(
        ran.err,
        "note: factor 'x' adds a price to shares\n\
         note: factor 'y' looks ahead 1 row: fit for a label, not for a signal\n"
    );
    assert!(ran.ended(0).starts_with("date,symbol,x,y\n"));
    assert_eq!(run(&["--quiet"]).err, "");
}

/// Six names over four days: the label follows the score, the sector says which half.
fn scores() -> String {
    let mut text = String::from("date,symbol,score,LABEL0,sector\n");
    for day in 3..7 {
        for name in 0..6 {
            let sector = if name < 3 { "Energy" } else { "Tech" };
            text.push_str(&format!("2017-01-0{day},S{name},{name},{},{sector}\n", name * day));
        }
    }
    text
}

#[test]
fn a_score_is_evaluated_by_day_over_horizons_and_by_sector() {
    let bench = Bench::empty();
    let file = bench.file("scores.csv", scores());
    let asked = ["factor", "evaluate", "--in", &file, "--score", "score", "--label", "LABEL0"];
    let found =
        bench.run("", &[&asked[..], &["--format", "json", "--by", "sector", "--horizons", "1,3"]].concat());
    let found = found.json(0);
    assert_eq!(found["daily"][0]["date"], "2017-01-03");
    assert_eq!(found["summary"]["rank_ic"], 1.0);
    assert_eq!(found["summary"]["decay"][1]["days"], 2);
    assert_eq!(found["summary"]["sectors"][1]["sector"], "Tech");
    let text = bench.run("", &asked).ended(0);
    assert!(text.contains("long_short_annual") && text.contains("horizon"), "{text}");
    let refused = bench.run("", &[&asked[..], &["--horizons", "0"]].concat());
    assert!(refused.err.contains("--horizons"), "{}", refused.err);
    refused.ended(2);
}

#[test]
fn processors_change_a_factor_file_in_order() {
    let bench = Bench::empty();
    let text = "date,symbol,x,y,LABEL0\n2017-01-03,A,1,5,\n2017-01-03,B,,6,2\n2017-01-04,B,3,7,3\n";
    let file = bench.file("raw.csv", text);
    let out = bench.path("ready.csv").to_string_lossy().into_owned();
    let process =
        |steps: &str| bench.run("", &["factor", "process", "--steps", steps, "--in", &file, "--out", &out]);
    process("DropnaLabel;DropCol(y);Fillna(0)").ended(0);
    let ready = std::fs::read_to_string(&out).unwrap();
    assert_eq!(ready, "date,symbol,x,LABEL0\n2017-01-03,B,0,2\n2017-01-04,B,3,3\n");
    let refused = process("ZScoreNorm");
    assert!(refused.err.contains("--fit-from"), "{}", refused.err);
    refused.ended(2);
}

#[test]
fn a_wrong_expression_points_at_the_place_and_is_wrong_usage() {
    let bench = Bench::empty();
    let file = bench.file("bars.csv", bars(1, 2));
    let ran = bench.run("", &["factor", "compute", "--expr", "x=Maen($close,5)", "--bars", &file]);
    assert!(ran.err.contains("did you mean Mean"), "{}", ran.err);
    ran.ended(2);
    bench.run("", &["factor", "compute", "--set", "none", "--bars", &file]).ended(2);
    // Without a file it works on the home, where nobody lives yet.
    bench.run("", &["factor", "compute", "--expr", "x=$close"]).ended(3);
}

#[test]
fn an_output_file_appears_whole_or_not_at_all() {
    let bench = Bench::empty();
    let script = bench.file("s.jsonl", "{\"do\":\"account\",\"t\":\"2024-01-02T14:30:00Z\"}\nnonsense\n");
    let out = bench.path("out.jsonl");
    let ran = bench.run("", &["replay", &script, "--out", out.to_str().unwrap()]);
    assert!(ran.err.contains("line 1") || ran.err.contains("line 2"), "{}", ran.err);
    ran.ended(1);
    assert_eq!(names_in(&bench.path("")), ["s.jsonl"]);
}

#[test]
fn a_replay_gives_the_same_bytes_twice() {
    let bench = Bench::empty();
    let script = "{\"t\":\"2024-01-02T14:30:00Z\",\"do\":\"account\",\"account\":\"A\",\"cash\":\"1000.00\",\"currency\":\"USD\"}\n";
    let file = bench.file("s.jsonl", script);
    let first = bench.run("", &["replay", &file]).ended(0);
    assert_eq!(first, bench.run("", &["replay", &file]).ended(0));
    assert!(first.lines().last().unwrap().contains("\"event\":\"state\""));
    let marked = bench.file("marked.jsonl", format!("\u{feff}{script}"));
    assert_eq!(first, bench.run("", &["replay", &marked]).ended(0));
    let wrong = bench.file("wrong.jsonl", format!("{script}{}", script.replace("1000.00", "NaN")));
    let ran = bench.run("", &["replay", &wrong]);
    let said =
        "wrong.jsonl', line 2: field 'cash': 'NaN' is not a plain decimal number; write it as \"12.50\"";
    assert!(ran.err.contains(said), "{}", ran.err);
    ran.ended(1);
    for (fee, said) in [("[]", "list"), ("\"0\"", "string \"0\"")] {
        let config = format!("{{\"t\":\"2024-01-02T14:30:00Z\",\"do\":\"config\",\"fee\":{fee}}}\n");
        let shaped = bench.file("shaped.jsonl", format!("{script}{config}"));
        let ran = bench.run("", &["replay", &shaped]);
        let said = format!(
            "shaped.jsonl', line 2: field 'fee': invalid type: {said}, expected an object; write its fields by name"
        );
        assert!(ran.err.contains(&said), "{}", ran.err);
        ran.ended(1);
    }
    let trade = "{\"t\":\"2024-01-02T14:30:01Z\",\"market\":\"trade\",\"symbol\":\"NONE\",\"price\":\"1\",\"size\":\"1\"}\n";
    let unknown = bench.file("unknown.jsonl", format!("{script}{trade}"));
    let ran = bench.run("", &["replay", &unknown]);
    assert!(ran.err.contains("unknown.jsonl', line 2: symbol NONE is unknown; define it"), "{}", ran.err);
    ran.ended(1);
}

#[test]
fn help_completions_man_and_paths_need_nothing() {
    let bench = Bench::empty();
    for args in [
        &["--help"][..],
        &["--version"],
        &["order", "submit", "--help"],
        &["completions", "zsh"],
        &["man"],
        &["paths"],
        &["doctor"],
        &["factor", "list"],
    ] {
        let mut command = bench.bare();
        command.args(args);
        assert!(!finish(command, "").ended(0).is_empty(), "{args:?}");
    }
    assert!(!bench.path("home").exists(), "no home was made");
}

#[test]
fn wrong_usage_is_exit_2_and_cannot_move_the_cursor() {
    let bench = Bench::empty();
    let ran = bench.run("", &["\u{1b}[2Jnonsense"]);
    assert!(!ran.err.contains('\u{1b}'), "{:?}", ran.err);
    ran.ended(2);
    bench.run("", &["--format", "xml", "paths"]).ended(2);
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let bench = Bench::empty();
    let mut command = bench.bare();
    command.args(["man"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(done.stderr).unwrap(), "");
    assert_eq!(done.status.code(), Some(0));
}

#[test]
fn the_definition_of_the_command_line_is_consistent() {
    Cli::command().debug_assert();
}
