use super::*;

fn day(d: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 1, d).unwrap()
}

fn company(symbol: &str, name: &str) -> Company {
    Company { instrument: format!("{symbol}.SIM").parse().unwrap(), name: name.into() }
}

fn all_facts() -> Vec<Fact> {
    let usd = Currency::USD;
    let m = |t: &str| t.parse::<Money>().unwrap();
    let r = |t: &str| t.parse::<Ratio>().unwrap();
    let acme = || company("ACME", "Acme Ltd");
    vec![
        Fact::CashShare { cash: m("30000"), share: r("0.3"), currency: usd, on: day(5) },
        Fact::Outlook { company: acme(), now: Outlook::Favourable, before: None, on: day(5) },
        Fact::Outlook {
            company: company("BOLT", ""),
            now: Outlook::Unfavourable,
            before: Some(Outlook::Neutral),
            on: day(5),
        },
        Fact::News {
            company: acme(),
            tone: NewsTone::Bad,
            headlines: 3,
            since: day(1),
            until: day(5),
            told: vec![("polygon".into(), NewsTone::Mixed)],
        },
        Fact::Concentration { company: acme(), share: r("0.4125"), on: day(5) },
        Fact::PriceMove {
            company: acme(),
            before: "100".parse().unwrap(),
            after: "88.5".parse().unwrap(),
            currency: usd,
            on: day(5),
        },
        Fact::HoldingTraded {
            company: acme(),
            change: "-1200".parse().unwrap(),
            now: Quantity::ZERO,
            on: day(4),
        },
        Fact::HoldingChange {
            company: acme(),
            change: m("-1234.5"),
            share: r("-0.02"),
            currency: usd,
            since: day(1),
            until: day(5),
        },
        Fact::PortfolioChange {
            before: m("100000"),
            after: m("101550"),
            currency: usd,
            since: day(1),
            until: day(5),
        },
        Fact::SimulatedData { on: day(5) },
    ]
}

#[test]
fn the_important_comes_first_and_reads_like_english() {
    let shown: Vec<String> = insights(&all_facts())
        .iter()
        .map(|i| format!("{:?} | {} | {}", i.importance, i.headline, i.text))
        .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    Notice | These are simulated prices | All prices up to 5 January 2024 come from a simulated market. No real money is at stake.
    High | Acme Ltd is 41.2 % of your portfolio | On 5 January 2024 Acme Ltd made up 41.2 % of your portfolio. What happens to this one company moves the whole more than anything else does.
    High | Acme Ltd fell sharply, by 11.5 % | On 5 January 2024 the shares closed at USD 88.50, after USD 100.00 the session before.
    High | Your portfolio gained 1.6 % | It was worth USD 101,550.00 on 5 January 2024, after USD 100,000.00 on 1 January 2024. That is a change of USD 1,550.00.
    High | The outlook for BOLT is now unfavourable | As of 5 January 2024 it is unfavourable; it was neutral before. Compared with other companies, recent prices, news and accounts speak against it.
    Medium | 30.0 % of your portfolio is cash | On 5 January 2024 you had USD 30,000.00 in cash, which does not move with share prices.
    Medium | Bad news about Acme Ltd | The tone of 3 headlines between 1 January 2024 and 5 January 2024 was mostly bad. polygon itself calls it neither clearly good nor clearly bad.
    Medium | Acme Ltd left your portfolio | On 4 January 2024 1,200 shares of Acme Ltd were sold. None are left in your portfolio.
    Medium | Acme Ltd: favourable outlook | As of 5 January 2024 the outlook for Acme Ltd is favourable. Compared with other companies, recent prices, news and accounts speak for it.
    Low | Acme Ltd cost you USD 1,234.50 | Between 1 January 2024 and 5 January 2024 your holding took USD 1,234.50 from your portfolio: the share price fell 2.0 %.
    ");
}

#[test]
fn no_sentence_advises_or_names_what_customers_do_not_see() {
    let forbidden =
        ["model", "factor", "score", "rank", "signal", "should", "recommend", "buy ", "sell ", "limit"];
    for insight in insights(&all_facts()) {
        let text = format!("{} {}", insight.headline, insight.text).to_lowercase();
        for word in forbidden {
            assert!(!text.contains(word), "{word} in {text}");
        }
    }
}

#[test]
fn the_order_of_the_facts_does_not_matter() {
    let mut facts = all_facts();
    let first = insights(&facts);
    facts.reverse();
    assert_eq!(first, insights(&facts));
}

#[test]
fn a_name_cannot_bring_control_characters_in() {
    let fact = Fact::Concentration {
        company: company("X", "Evil\u{1b}[2J\u{202e} Ltd"),
        share: "0.5".parse().unwrap(),
        on: day(5),
    };
    assert!(insights(&[fact]).iter().all(|i| !i.text.as_str().contains(['\u{1b}', '\u{202e}'])));
}

#[test]
fn the_list_is_bounded() {
    let facts: Vec<Fact> = (0..500).map(|_| Fact::SimulatedData { on: day(5) }).collect();
    assert_eq!(insights(&facts).len(), INSIGHTS_MAX);
}
