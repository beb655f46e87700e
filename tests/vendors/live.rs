//! What the live feed misses while it is away is fetched from the vendor's other side.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use qlib_pro::domain::{Exchange, InstrumentId};
use qlib_pro::market::live::{LiveEvent, Stream};
use qlib_pro::service::minutes::{BarLength, MinutesWish, PriceSide};
use qlib_pro::service::permit::ViewMarket;

use super::rig::{Rig, id};
use super::server::Canned;

/// Longest wait for the feed's threads.
const PATIENCE: Duration = Duration::from_secs(60);

/// Connected, then cut and connected again as often as it is told.
#[derive(Debug)]
struct Cut {
    told: Arc<AtomicUsize>,
    done: usize,
}

#[async_trait]
impl Stream for Cut {
    fn name(&self) -> &'static str {
        "polygon"
    }

    async fn subscribe(&mut self, _: &BTreeSet<InstrumentId>) {}

    async fn next(&mut self, out: &mut Vec<LiveEvent>) -> bool {
        if self.done < self.told.load(Ordering::Acquire) {
            self.done += 1;
            if self.done > 1 {
                out.push(LiveEvent::Gap { reason: "the cable is out".into() });
            }
            out.push(LiveEvent::Connected);
        } else {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        true
    }
}

#[test]
fn minutes_missed_between_two_connections_are_fetched_and_stored() {
    let rig = Rig::at("2024-07-08T15:00:30Z");
    rig.server.set_maker(Arc::new(|seen| {
        let row = |t: i64| serde_json::json!({ "o": 10, "h": 12, "l": 9, "c": 11, "v": 500, "n": 3, "t": t });
        let rows = [row(1_720_450_680_000), row(1_720_450_740_000)];
        let body = serde_json::json!({ "status": "OK", "adjusted": false, "results": rows });
        seen.path.contains("/range/1/minute/").then(|| Canned::json(&body))
    }));
    let permit = rig.session().permit::<ViewMarket>().unwrap();
    rig.house().watch(&permit, &[id("AAPL.XNYS")]).unwrap();
    let told = Arc::new(AtomicUsize::new(1));
    let stream = Cut { told: Arc::clone(&told), done: 0 };
    let guard = rig.house().start_feed_of(Box::new(stream), Exchange::Xnys).unwrap();
    let began = Instant::now();
    let until = |done: &dyn Fn() -> bool| {
        while !done() {
            assert!(began.elapsed() < PATIENCE, "{:?}", rig.house().feed_status());
            std::thread::yield_now();
        }
    };
    until(&|| rig.house().feed_status().is_some_and(|status| status.symbols == 1));
    told.store(2, Ordering::Release);
    until(&|| rig.house().feed_status().is_some_and(|status| status.fetched_minutes == 2));
    drop(guard);
    let status = rig.house().feed_status().unwrap();
    assert_eq!((status.gaps, status.last_error.unwrap().1.as_str()), (1, "the cable is out"));
    let wish = MinutesWish {
        instrument: id("AAPL.XNYS"),
        source: "polygon".to_owned(),
        side: PriceSide::Trade,
        length: BarLength::Minutes(5),
        days: (None, None),
    };
    let bars = rig.house().export_minutes(&permit, &wish).unwrap();
    assert_eq!((bars.len(), bars[0].ts.to_string().as_str()), (1, "2024-07-08T14:55:00Z"));
    assert_eq!((bars[0].high.to_string(), bars[0].volume.to_string()), ("12".into(), "1000".into()));
    let asked: Vec<String> = rig.server.log().into_iter().map(|seen| seen.path).collect();
    assert_eq!(asked, ["/v2/aggs/ticker/AAPL/range/1/minute/2024-07-08/2024-07-08"]);
}
