//! Groups as the venue keeps them: exits under names of its own that are held until the entry is filled, and of which
//! one ends or cuts the other.

use serde_json::{Value, json};

use super::{Book, Fake, is_done, number};

/// What is to be told: an event and the order it is about.
pub(super) type News = Vec<(&'static str, Value)>;

impl Fake {
    /// The venue's own client order id of an exit (`take_profit` or `stop_loss`) of the group that an order leads.
    pub fn exit_of(&self, client: &str, kind: &str) -> String {
        let mut book = self.book();
        let lead = book.live(client).unwrap_or_else(|| panic!("no live order {client}"))["id"].clone();
        let is_stop = kind == "stop_loss";
        let mut legs = book.orders.iter().rev().filter(|o| o["lead"] == lead);
        let leg =
            legs.find(|o| o["stop_price"].is_string() == is_stop).unwrap_or_else(|| panic!("no {kind}"));
        leg["client_order_id"].as_str().unwrap().to_owned()
    }

    pub(super) fn tell_all(&self, news: News) {
        for (event, order) in news {
            self.tell_order(event, order);
        }
    }
}

impl Book {
    /// Opens the exits that an order brings along.
    pub(super) fn open_legs(&mut self, body: &Value, lead: &mut Value) -> News {
        let Some(class) = body["order_class"].as_str() else { return News::new() };
        lead["order_class"] = json!(class);
        let is_oco = class == "oco";
        if is_oco {
            lead["limit_price"] = body["take_profit"]["limit_price"].clone();
        }
        let kinds = ["take_profit", "stop_loss"].into_iter().skip(usize::from(is_oco));
        let opposite = if lead["side"] == "buy" { "sell" } else { "buy" };
        let mut news = News::new();
        for terms in kinds.map(|kind| &body[kind]).filter(|terms| terms.is_object()) {
            let mut leg = lead.clone();
            leg["id"] = json!(format!("00000000-0000-4000-8000-{:012}", self.next));
            leg["client_order_id"] = json!(format!("99999999-0000-4000-8000-{:012}", self.next));
            self.next += 1;
            if !is_oco {
                leg["side"] = json!(opposite);
            }
            for key in ["limit_price", "stop_price"] {
                leg[key] = terms.get(key).cloned().unwrap_or(Value::Null);
            }
            let kind = match (leg["stop_price"].is_string(), leg["limit_price"].is_string()) {
                (true, true) => "stop_limit",
                (true, false) => "stop",
                (false, _) => "limit",
            };
            (leg["type"], leg["order_type"]) = (json!(kind), json!(kind));
            (leg["status"], leg["lead"]) = (json!("held"), lead["id"].clone());
            self.orders.push(leg.clone());
            news.push(("new", leg));
        }
        news
    }

    /// An order with those that it leads.
    pub(super) fn nested(&self, mut order: Value) -> Value {
        let legs: Vec<Value> = self.orders.iter().filter(|o| o["lead"] == order["id"]).cloned().collect();
        if !legs.is_empty() {
            order["legs"] = Value::Array(legs);
        }
        order
    }

    /// What a change of one order does to the others of its group.
    pub(super) fn ripple(&mut self, id: &str) -> News {
        let Some(order) = self.orders.iter().find(|o| o["id"] == id).cloned() else { return News::new() };
        let is_lead = order["lead"].is_null();
        let lead = if is_lead { order["id"].clone() } else { order["lead"].clone() };
        let class = order["order_class"].as_str().unwrap_or("").to_owned();
        let is_exit = !is_lead || class == "oco";
        let is_mate = |o: &Value| o["lead"] == lead || (class == "oco" && o["id"] == lead);
        let status = order["status"].as_str().unwrap().to_owned();
        let mut news = News::new();
        for mate in self.orders.iter_mut().filter(|o| o["id"] != id && is_mate(o) && !is_done(o)) {
            match (status.as_str(), is_exit) {
                // The stop of a bracket stays held while the limit works.
                ("filled", false) if class == "bracket" && mate["stop_price"].is_string() => {}
                ("filled", false) => {
                    mate["status"] = json!("new");
                    news.push(("new", mate.clone()));
                }
                ("filled" | "canceled" | "expired" | "rejected", _) => {
                    mate["status"] = json!("canceled");
                    news.push(("canceled", mate.clone()));
                }
                ("partially_filled", true) => {
                    let rest = number(&order["qty"]).checked_sub(number(&order["filled_qty"])).unwrap();
                    mate["qty"] = json!(rest.to_string());
                    news.push(("new", mate.clone()));
                }
                _ => {}
            }
        }
        news
    }
}
