#!/usr/bin/env python3
"""Times nautilus_trader's simulated venue in memory and prints a Markdown table, with our engine's figures if given.

    venue.py [--rounds 3] [--resting 0 500 5000] [--workloads quotes orders pairs] [--ours 'COMMAND'] [--json FILE]

One venue (netting, cash account, top of book), 100 instruments, logging bypassed, everything else at its defaults:
the risk engine is not bypassed and keeps its 100 orders a second, so orders come in bursts of 100 every two simulated
seconds. Quotes and prices are those of benches/engine.rs. Before the clock starts, the resting orders (buys, a tenth
below the market) are placed and accepted in a first streaming run; the timed part is the second run alone.

    quotes   quotes through the engine; no strategy listens to them
    orders   market orders of a strategy, one for each instrument in turn, each filled at once
    pairs    limit orders of a strategy, each cancelled by it when it hears that it is accepted

Time is CPU time of the whole process (all its threads), each sample in a process of its own; figures are medians. The
shape matters: what an order costs it grows with the open orders of the same instrument, here a hundredth of all.
COMMAND is that of our bench (`cargo bench --bench engine --`); it has a turn in every round too. It measures wall time
of one thread, which is never less than its CPU time.
"""

import argparse
import json
import pathlib
import re
import resource
import shlex
import statistics
import subprocess
import sys
import time

NAMES = 100
BURST = 100
BURST_EVERY_NS = 2_000_000_000
QUOTE_EVERY_NS = 1_000_000
START_NS = 1_709_650_800_000_000_000  # 2024-03-05T15:00:00Z
WORKLOADS = {"quotes": 200_000, "orders": 2_000, "pairs": 5_000}
# Functions of benches/engine.rs.
OURS = {
    "quotes_with_resting_orders": "quotes",
    "market_orders_checked_and_filled": "orders",
    "limit_and_cancel_pairs": "pairs",
}
UNITS = {"": 1, "K": 1e3, "M": 1e6, "G": 1e9}


class Rival:
    """A backtest engine with a strategy that gives bursts of orders, and what has been given so far."""

    def __init__(self):
        from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
        from nautilus_trader.config import LoggingConfig
        from nautilus_trader.model.currencies import USD
        from nautilus_trader.model.enums import AccountType, OmsType
        from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
        from nautilus_trader.model.instruments import Equity
        from nautilus_trader.model.objects import Money, Price, Quantity

        self.engine = BacktestEngine(
            config=BacktestEngineConfig(logging=LoggingConfig(bypass_logging=True), run_analysis=False)
        )
        venue = Venue("XNYS")
        self.engine.add_venue(
            venue=venue,
            oms_type=OmsType.NETTING,
            account_type=AccountType.CASH,
            base_currency=USD,
            starting_balances=[Money(1_000_000_000, USD)],
        )
        # The last instrument is the beat: its quotes call the strategy, and no order names it.
        self.names = [InstrumentId(Symbol(f"N{at:03}"), venue) for at in range(NAMES)]
        self.beat = InstrumentId(Symbol("BEAT"), venue)
        for name in [*self.names, self.beat]:
            self.engine.add_instrument(
                Equity(
                    instrument_id=name,
                    raw_symbol=name.symbol,
                    currency=USD,
                    price_precision=2,
                    price_increment=Price.from_str("0.01"),
                    lot_size=Quantity.from_int(1),
                    ts_event=0,
                    ts_init=0,
                )
            )
        self.desk = desk(self.names, self.beat)
        self.engine.add_strategy(self.desk)
        self.now = START_NS

    def quotes(self, number):
        """Quotes of 50.00 to 50.02, a tick up or down each round of the names."""
        from nautilus_trader.model.data import QuoteTick
        from nautilus_trader.model.objects import Price, Quantity

        sides = [[Price.from_str(f"50.0{bid + side}") for side in (0, 2)] for bid in (0, 1)]
        size = Quantity.from_int(500)
        made = []
        for at in range(number):
            bid, ask = sides[at // NAMES % 2]
            self.now += QUOTE_EVERY_NS
            made.append(QuoteTick(self.names[at % NAMES], bid, ask, size, size, self.now, self.now))
        return made

    def beats(self, number):
        """Quotes of the beat, each of which lets the strategy give a burst."""
        from nautilus_trader.model.data import QuoteTick
        from nautilus_trader.model.objects import Price, Quantity

        price, size = Price.from_str("1.00"), Quantity.from_int(1)
        made = []
        for _ in range(number):
            self.now += BURST_EVERY_NS
            made.append(QuoteTick(self.beat, price, price, size, size, self.now, self.now))
        return made

    def run(self, data):
        """Runs the data; CPU and wall seconds of the run alone."""
        self.engine.clear_data()
        self.engine.add_data(data)
        cpu, wall = time.process_time(), time.perf_counter()
        self.engine.run(streaming=True)
        return time.process_time() - cpu, time.perf_counter() - wall


def desk(names, beat):
    """The strategy."""
    from nautilus_trader.model.enums import OrderSide, TimeInForce
    from nautilus_trader.model.objects import Price, Quantity
    from nautilus_trader.trading.strategy import Strategy

    class Desk(Strategy):
        def __init__(self):
            super().__init__()
            self.kind, self.given = "resting", 0
            self.heard = {"accepted": 0, "filled": 0, "cancelled": 0, "refused": 0}
            self.size, self.far = Quantity.from_int(10), Price.from_str("45.00")

        def on_start(self):
            self.subscribe_quote_ticks(beat)

        def on_quote_tick(self, _tick):
            for _ in range(BURST):
                name = names[self.given % NAMES]
                self.given += 1
                if self.kind == "orders":
                    order = self.order_factory.market(name, OrderSide.BUY, self.size, TimeInForce.GTC)
                else:
                    order = self.order_factory.limit(name, OrderSide.BUY, self.size, self.far, TimeInForce.GTC)
                self.submit_order(order)

        def on_order_accepted(self, event):
            self.heard["accepted"] += 1
            if self.kind == "pairs":
                self.cancel_order(self.cache.order(event.client_order_id))

        def on_order_filled(self, _event):
            self.heard["filled"] += 1

        def on_order_canceled(self, _event):
            self.heard["cancelled"] += 1

        def on_order_denied(self, _event):
            self.heard["refused"] += 1

        def on_order_rejected(self, _event):
            self.heard["refused"] += 1

    return Desk()


def expect(what, found, wanted):
    if found != wanted:
        raise SystemExit(f"{what}: {found} instead of {wanted}; the figure would be of something else")


def once(workload, number, resting):
    """One sample in this process."""
    import nautilus_trader

    if resting % BURST or (workload != "quotes" and number % BURST):
        raise SystemExit(f"orders come in bursts: give a multiple of {BURST}")
    rival = Rival()
    started = time.process_time()
    # A quote for every name and, so that the engine's first run has them behind it, all resting orders.
    placed_s, _ = rival.run([*rival.quotes(NAMES), *rival.beats(resting // BURST)])
    expect("resting orders", rival.engine.cache.orders_open_count(), resting)
    rival.desk.kind = workload
    rival.desk.heard = dict.fromkeys(rival.desk.heard, 0)
    data = rival.quotes(number) if workload == "quotes" else rival.beats(number // BURST)
    set_up_s = time.process_time() - started
    cpu_s, wall_s = rival.run(data)
    heard, orders = rival.desk.heard, 0 if workload == "quotes" else number
    expect("refused orders", heard["refused"], 0)
    expect("filled orders", heard["filled"], orders if workload == "orders" else 0)
    expect("cancelled orders", heard["cancelled"], orders if workload == "pairs" else 0)
    expect("orders open at the end", rival.engine.cache.orders_open_count(), resting)
    sample = {
        "engine": f"nautilus_trader {nautilus_trader.__version__}",
        "name": workload,
        "resting": resting,
        "number": number,
        "cpu_s": round(cpu_s, 4),
        "wall_s": round(wall_s, 4),
        "placing_cpu_s": round(placed_s, 4),
        "set_up_cpu_s": round(set_up_s, 4),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1),
        "per_second": round(number / cpu_s, 1),
    }
    print(json.dumps(sample), flush=True)


def rival_samples(args):
    """A sample of every workload with every number of resting orders."""
    for workload in args.workloads:
        for resting in args.resting:
            command = [sys.executable, __file__, "--once", "--workloads", workload, "--resting", str(resting)]
            command += ["--number", str(args.number or WORKLOADS[workload])]
            out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            yield json.loads(out.strip().splitlines()[-1])


def our_samples(command):
    """Our bench's medians, read from the rates that it prints under each row of times."""
    out = subprocess.run(shlex.split(command), check=True, stdout=subprocess.PIPE, text=True).stdout
    name = resting = None
    for line in out.splitlines():
        row = re.match(r"[│ ]*[├╰]─ (\S+)", line)
        if row and row[1] in OURS:
            name, resting = OURS[row[1]], None
        elif row and line[0] in "├╰":
            name = None
        elif row and row[1].isdigit():
            resting = int(row[1])
        rates = re.findall(r"([\d.]+) ([KMG]?)item/s", line)
        if name and resting is not None and len(rates) >= 3:
            rate = float(rates[2][0]) * UNITS[rates[2][1]]
            yield {"engine": "qlib-pro", "name": name, "resting": resting, "per_second": rate}


def table(results):
    """Markdown: the rival, and ours beside it with the ratio of the rates."""
    ours = {(r["name"], r["resting"]): r["per_second"] for r in results if r["engine"] == "qlib-pro"}
    lines = [
        "| workload | resting orders | engine | number | CPU s | a CPU second | qlib-pro, a second | qlib-pro ÷ it |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in results:
        if r["engine"] == "qlib-pro":
            continue
        mine = ours.get((r["name"], r["resting"]))
        beside = f"{mine:,.0f} | {mine / r['per_second']:.1f}" if mine else "|"
        lines.append(
            f"| {r['name']} | {r['resting']:,} | {r['engine']} | {r['number']:,} | {r['cpu_s']:.3f} "
            f"| {r['per_second']:,.0f} | {beside} |"
        )
    return "\n".join(lines)


def median_of(samples):
    """One sample with the median of every measured figure."""
    result = dict(samples[0])
    for key in ("cpu_s", "wall_s", "placing_cpu_s", "set_up_cpu_s", "peak_rss_mb", "per_second"):
        if key in result:
            result[key] = statistics.median(sample[key] for sample in samples)
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--resting", nargs="+", type=int, default=[0, 500, 5_000])
    parser.add_argument("--workloads", nargs="+", choices=list(WORKLOADS), default=list(WORKLOADS))
    parser.add_argument("--number", type=int, help="quotes, orders or pairs of a sample (default: by workload)")
    parser.add_argument("--ours", help="command of our own bench; without it only the rival runs")
    parser.add_argument("--json", type=pathlib.Path, help="every sample, one line each")
    parser.add_argument("--once", action="store_true", help="one sample in this process")
    args = parser.parse_args()
    if args.once:
        workload = args.workloads[0]
        once(workload, args.number or WORKLOADS[workload], args.resting[0])
        return
    samples = {}
    for number in range(args.rounds):
        turns = [rival_samples(args)] + ([our_samples(args.ours)] if args.ours else [])
        for sample in (sample for turn in turns for sample in turn):
            print(f"round {number + 1}: {json.dumps(sample)}", file=sys.stderr, flush=True)
            samples.setdefault((sample["engine"], sample["name"], sample["resting"]), []).append(sample)
    if args.ours and not any(engine == "qlib-pro" for engine, _, _ in samples):
        raise SystemExit("no figure of ours: did the bench print items a second?")
    if args.json:
        args.json.write_text("".join(json.dumps(line) + "\n" for group in samples.values() for line in group))
    print(table([median_of(group) for group in samples.values()]))


if __name__ == "__main__":
    main()
