//! The demo home is populated in every role, sound, and the same for the same seed.

use super::*;
use crate::service::screens::{self, Focus};
use crate::service::view::Screen;

fn screen(home: &Home, role: Role) -> Screen {
    let session = home.login(role);
    let focus = Focus::first(&session).unwrap();
    screens::build(&session, &focus, 1).unwrap()
}

#[test]
fn a_demo_is_populated_in_every_role() {
    let folder = tempfile::tempdir().unwrap();
    let home = Home::open(folder.path());
    let t = std::time::Instant::now();
    crate::service::demo::found(&home.house, 7, 60).unwrap();
    println!("found {:?}", t.elapsed());
    for role in Role::ALL {
        let t = std::time::Instant::now();
        let s = screen(&home, role);
        println!("{role} screen {:?}", t.elapsed());
        println!(
            "pos {} orders {} hist {} sig {:?} lim {:?} br {:?} ins {} news {} notices {} unread {} watch {} eq {}",
            s.positions.len(),
            s.orders.len(),
            s.history.len(),
            s.signals.as_ref().map(|x| x.rows.len()),
            s.limits.as_ref().map(|l| l.limits.len()),
            s.breaches.as_ref().map(|b| b.len()),
            s.insights.len(),
            s.news.len(),
            s.notices.len(),
            s.unread,
            s.watchlist.len(),
            s.equity.len()
        );
        for o in &s.orders {
            println!(
                "  {} {} {} {} {} {} {:?} {}",
                o.id,
                o.symbol,
                o.side.as_str(),
                o.quantity,
                o.status.as_str(),
                o.filled,
                o.code,
                o.reason
            );
        }
        for a in &s.accounts {
            println!("  {a:?}");
        }
        for n in s.notices.iter().take(8) {
            println!("  {} {}: {}", n.time, n.title, n.text);
        }
        println!("  {:?}", s.breaches.as_ref().map(|b| b.iter().map(|b| (b.id, b.code)).collect::<Vec<_>>()));
    }
    home.close();
}
