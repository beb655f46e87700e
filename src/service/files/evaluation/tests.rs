//! A small file judged, and the oracle's.

use std::fs;

use super::*;
use crate::service::files::testing::oracle;

fn request(input: &Path) -> Request {
    Request {
        input: input.to_path_buf(),
        score: "score".into(),
        label: "label".into(),
        quantiles: 2,
        horizons: vec![1, 2, 5],
        sectors: SectorSource::None,
    }
}

/// Four names over four days; the label grows with the score, the last day lacks one.
fn file(folder: &Path) -> PathBuf {
    let mut text = String::from("date,symbol,score,label,note,sector\n");
    for day in 2..6 {
        for name in 0..4 {
            let label = if name == 3 && day == 5 { String::new() } else { format!("{}", name * day) };
            let sector = if name < 2 { "Energy" } else { "Tech" };
            text.push_str(&format!("2024-01-0{day},N{name},{name},{label},x,{sector}\n"));
        }
    }
    let path = folder.join("scores.csv");
    fs::write(&path, text).unwrap();
    path
}

#[test]
fn a_perfect_score_has_perfect_coefficients_and_no_turnover() {
    let folder = tempfile::tempdir().unwrap();
    let found = evaluate(&request(&file(folder.path()))).unwrap();
    assert_eq!(found.daily[0].rank_ic, Some(1.0));
    assert_eq!(found.daily[0].quantile_returns, [Some(1.0), Some(5.0)]);
    assert_eq!((found.daily[0].turnover, found.daily[1].turnover), (None, Some(0.0)));
    assert_eq!(found.daily[3].names, 3);
    let decay: Vec<_> = found.summary.decay.iter().map(|d| (d.horizon, d.days, d.rank_ic)).collect();
    assert_eq!(decay, [(1, 4, Some(1.0)), (2, 3, Some(1.0)), (5, 0, None)]);
    assert_eq!((found.summary.figures.days, found.summary.sectors.len()), (4, 0));
}

#[test]
fn sectors_come_from_a_column_or_from_a_file_alike() {
    let folder = tempfile::tempdir().unwrap();
    let mut asked = request(&file(folder.path()));
    asked.sectors = SectorSource::Column("sector".into());
    let by_column = evaluate(&asked).unwrap().summary.sectors;
    assert_eq!(by_column.iter().map(|s| s.sector.as_str()).collect::<Vec<_>>(), ["Energy", "Tech"]);
    assert_eq!((by_column[1].names, by_column[1].figures.days), (Some(1.75), 3));
    let sectors = folder.path().join("sectors.csv");
    fs::write(&sectors, "symbol,name,sector\nN0,x,Energy\nN1,x,Energy\nN2,x,Tech\nN3,x,Tech\nN9,x,Other\n")
        .unwrap();
    asked.sectors = SectorSource::File(sectors);
    assert_eq!(evaluate(&asked).unwrap().summary.sectors, by_column);
}

#[test]
fn what_makes_no_sense_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let good = request(&file(folder.path()));
    let said = |change: fn(&mut Request)| {
        let mut asked = good.clone();
        change(&mut asked);
        evaluate(&asked).unwrap_err().to_string()
    };
    let unknown = said(|r| r.score = "scroe".into());
    assert!(unknown.contains("scroe") && unknown.contains("score, label"), "{unknown}");
    assert!(said(|r| r.quantiles = 0).contains("--quantiles"));
    assert!(said(|r| r.horizons = vec![0]).contains("--horizons"));
    assert!(said(|r| r.sectors = SectorSource::Column("industry".into())).contains("industry"));
}

#[test]
fn every_daily_figure_agrees_with_the_oracle() {
    let (Some(signal), Some(expected)) = (oracle("signal.csv"), oracle("ic.csv")) else { return };
    let found = evaluate(&request(&signal)).unwrap();
    let expected = fs::read_to_string(expected).unwrap();
    let mut compared = 0;
    for (day, line) in found.daily.iter().zip(expected.lines().skip(1)) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(day.date.to_string(), cells[0]);
        let ours = [day.ic, day.rank_ic, day.long_short, day.long_average, day.autocorrelation];
        for (at, (value, cell)) in ours.iter().zip(&cells[1..]).enumerate() {
            let theirs: Option<f64> = cell.parse().ok();
            assert_eq!(value.is_some(), theirs.is_some(), "{line} {at}");
            if let Some((value, theirs)) = value.zip(theirs) {
                assert!((value - theirs).abs() <= 1e-9, "{line} {at}: {value}");
                compared += 1;
            }
        }
    }
    assert_eq!((found.daily.len(), expected.lines().count() - 1), (400, 400));
    assert!(compared > 1_900, "{compared}");
}

#[test]
fn the_summary_agrees_with_the_oracle() {
    let (Some(signal), Some(summary)) = (oracle("signal.csv"), oracle("summary.json")) else { return };
    let found = evaluate(&request(&signal)).unwrap().summary.figures;
    let text = fs::read_to_string(summary).unwrap();
    let expected: serde_json::Value = serde_json::from_str(&text).unwrap();
    let ours = [
        ("IC", found.ic),
        ("ICIR", found.icir),
        ("Rank IC", found.rank_ic),
        ("Rank ICIR", found.rank_icir),
        ("Long-Short Ann Return", found.long_short_annual),
        ("Long-Short Ann Sharpe", found.long_short_sharpe),
    ];
    for (name, value) in ours {
        let theirs = expected["signal_summary"][name].as_f64().unwrap();
        assert!((value.unwrap() - theirs).abs() <= 1e-9 * theirs.abs(), "{name}: {value:?} {theirs}");
    }
    // Qlib averages its single-precision series in single precision.
    let average = [
        ("Long-Avg Ann Return", found.long_average_annual),
        ("Long-Avg Ann Sharpe", found.long_average_sharpe),
    ];
    for (name, value) in average {
        let theirs = expected["signal_summary"][name].as_f64().unwrap();
        assert!((value.unwrap() - theirs).abs() <= 1e-6 * theirs.abs(), "{name}: {value:?} {theirs}");
    }
}
