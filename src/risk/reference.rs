//! The reference page of the controls, `docs/limits.md`: made from the tables, so that it cannot drift from them.

use std::fmt::Write;

use crate::domain::limit::LimitName;

use super::checks::{CONTROLS, Control, Phase, Rule};

const HEAD: &str = "\
# Risk controls

This page is made by the program (`cargo run --example limits`); a test keeps it true.

Before an order works, every control looks at it, in this order. The first that refuses names the refusal; all that
speak are told. What was looked at is kept in the journal with the decision, passed or refused, and gives the same
verdict again.

A limit has a hard value that nothing passes, a soft value above which an order waits for a second person, or both.
Equal to a value passes. Scopes are `firm`, `account:NAME`, `symbol:NAME` and `strategy:NAME`. For the firm and for an
account a limit measures each account by itself, where the control does not say that it is the firm's; for a symbol what
each account holds and orders in it; for a strategy its orders, and what it [holds](trading.md#what-a-strategy-holds) and
orders in each account: open orders count at worst as an account's do, shares are of the account's equity, and what makes
the strategy's own holding smaller is a reduction. What cannot be told apart so is not taken: the table says for what each
limit may be set, and one of another scope, which an older home may have, still measures the account. All that fit bind,
the tightest speaks. A simulation account knows only limits of its own account. What cannot be measured, because a price
or a fact is missing, is never passed: the check says NOT_EVALUATED, and the order is refused, or waits where only a soft
value is set.

No limit and no halt speaks against what only closes a position: a flatten of a person, and an exit that is let work
because its entry fills and can only reduce what that made. What adds risk when it is let work is judged then.

Tightening applies at once; loosening waits for a second person. It is tighter or equal when nothing passes that was held or
refused before, and nothing is only held that was refused: a hard value alone at or below the soft one before is tighter. Where a home has one person only, that person may
agree after 24 hours, and the version says so. A version may begin later (`--from`), end by itself (`--until`), be meant
for one order (`--order`), name the version its author saw (`--based-on`), and be approved together with others (`--set`).
Nobody agrees to what they were not shown: `limits approve SET` says all that is in a change set, with the values in force, who asked,
why and which versions cancel working orders, and what approves it (`--seen`
with its newest version); a set that another version joined since is shown again, and no version of one is approved by itself.
A change set has at least one character in its name that is no digit, so that `limits approve` and `limits reject` never take it
for a version.
A version for one order always waits for a second person, and counts for nothing beside a later version of the same limit:
what they agreed to was an exception from what they saw. Where no limit of its name and scope stands it is one for that order;
where it cancels working orders (`--working cancel`) it cancels none but that. Its preview (`--preview`) looks at that order alone, open or
decided on. `limits revert` puts a version back for its one order or until its
end, where it had one, and never for more.

A list names known instruments by symbol, in any case where one is meant, or as printed (`AAA.XNYS` stands for `AAA`). A name
that is not known is refused, unless the list had it before.

`--from` and `--until` are market time, and each exchange has its own. Of those on which the scope can trade (the account's
own, those with the symbol, else all) the first that reaches it counts where the turn allows no more than before, and the last
where it allows more: nobody ends a tightening by moving the time of another exchange. A version that is
approved when the home's main exchange is already past its `--from` begins at once; one whose window is over is not approved.

";

const TAIL: &str = "
A continuous control is also judged after market events, fills and refusals without an order: one that speaks is a
risk event, told once until it no longer holds (a daily loss until the next day, a drawdown until a person lifts it: a refusal after a recovery tells the fall of then, which may be 0); a
daily loss of a symbol or a strategy is told so too, with its scope, and stops new risk there alone; a
fat fill is told each time. A use of 50, 75, 90 and 100 % of a limit on the account or on a position is told once, until it falls below all of
them. 100 % without an order is a passive breach: nothing is traded away by itself.
";

/// The page.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str(
        "| control | code | unit | for | when | reductions pass | what it holds |\n|---|---|---|---|---|---|---|\n",
    );
    CONTROLS.iter().for_each(|control| row(&mut page, *control));
    page.push_str(TAIL);
    page
}

fn row(page: &mut String, control: &dyn Control) {
    let (code, unit) = match control.rule() {
        Rule::Limit(name) => (name.code().as_str(), unit_of(name)),
        Rule::Always { .. } => ("", "always in force"),
    };
    let when = match control.phase() {
        Phase::PreTrade => "before an order",
        Phase::Continuous => "before an order and continuously",
        Phase::AfterFill => "after a fill",
        Phase::WhileHeld => "while an order waits",
    };
    let spares = if control.spares_reductions() { "yes" } else { "no" };
    let rule = control.rule();
    let scopes = match rule {
        Rule::Limit(_) => control.grain().scopes(),
        Rule::Always { .. } => "",
    };
    let line =
        format!("| `{}` | {code} | {unit} | {scopes} | {when} | {spares} | {} |", rule.name(), rule.doc());
    // Writing to a text cannot fail.
    writeln!(page, "{line}").unwrap_or_default();
}

const fn unit_of(name: LimitName) -> &'static str {
    name.unit().as_str()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_page_in_the_docs_is_the_one_the_tables_make() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/limits.md");
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(kept == super::page(), "docs/limits.md is old: renew it with `cargo run --example limits`");
    }
}
