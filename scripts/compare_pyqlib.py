"""Compares qlib-pro's Alpha158, or the expressions of a file, with pyqlib's on the same bars, cell by cell. Started by
`compare_pyqlib`.

A cell agrees when both are missing, or when |ours - theirs| <= 1e-5 x max(|theirs|, 1e-3). The table shows the
factors whose cells are farthest apart, in units of max(|theirs|, 1e-3).

pyqlib works through the symbols in groups, and our file is read in pieces, so the memory needed is one single
precision number a cell and a little more.
"""

import argparse
import json
import pathlib
import shutil
import subprocess
import sys
import time

import numpy as np
import pandas as pd

TOLERANCE = 1e-5
SMALL = 1e-3
FIELDS = ["open", "high", "low", "close", "volume", "vwap"]
ROWS_AT_ONCE = 20_000
SHOWN = 20


def read_bars(path, symbols):
    """The bars, by symbol and date; all of them or those of the first `symbols` symbols."""
    known = ["date", "symbol", *FIELDS]
    if path.suffix == ".zst":
        zstd = subprocess.Popen(["zstd", "-dc", str(path)], stdout=subprocess.PIPE)
        bars = pd.read_csv(zstd.stdout, usecols=lambda name: name in known)
    else:
        bars = pd.read_csv(path, usecols=lambda name: name in known)
    bars["date"] = pd.to_datetime(bars["date"])
    if symbols:
        bars = bars[bars["symbol"].isin(sorted(bars["symbol"].unique())[:symbols])]
    return bars.sort_values(["symbol", "date"], ignore_index=True)


def write_folder(bars, folder):
    """A Qlib data folder of the bars; the calendar is their dates. Hands back each symbol's rows of it."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("calendars", "instruments"):
        (folder / name).mkdir(parents=True)
    calendar = np.sort(bars["date"].unique())
    days = [str(day)[:10] for day in calendar]
    (folder / "calendars" / "day.txt").write_text("".join(day + "\n" for day in days))
    spans, lines = {}, []
    for symbol, rows in bars.groupby("symbol"):
        at = np.searchsorted(calendar, rows["date"].values)
        first, end = int(at[0]), int(at[-1]) + 1
        spans[symbol] = (first, end)
        lines.append(f"{symbol}\t{days[first]}\t{days[end - 1]}\n")
        features = folder / "features" / symbol.lower()
        features.mkdir(parents=True)
        for field in FIELDS:
            series = np.full(end - first + 1, np.nan, "<f4")
            series[0] = first
            if field in rows:
                series[1 + at - first] = rows[field].values.astype("<f4")
            series.tofile(features / f"{field}.day.bin")
    (folder / "instruments" / "all.txt").write_text("".join(lines))
    return calendar, spans


class Cells:
    """pyqlib's values: row of a symbol and date, column of a factor."""

    def __init__(self, calendar, spans, names):
        self.calendar, self.spans, self.names = calendar, spans, names
        starts = np.cumsum([0] + [end - first for first, end in spans.values()])
        self.start = dict(zip(spans, starts))
        self.values = np.full((int(starts[-1]), len(names)), np.nan, np.float32)
        self.seen = np.zeros(int(starts[-1]), bool)

    def rows_of(self, symbols, dates):
        """Row numbers of keys; fails on a key that is outside its symbol's span."""
        if not self.inside(symbols, dates).all():
            raise SystemExit("a row lies outside the days its symbol has bars for")
        first = np.array([self.spans[s][0] for s in symbols])
        return np.array([self.start[s] for s in symbols]) + np.searchsorted(self.calendar, dates) - first

    def inside(self, symbols, dates):
        """Which keys are inside their symbol's span."""
        at = np.searchsorted(self.calendar, dates)
        first = np.array([self.spans[s][0] for s in symbols])
        end = np.array([self.spans[s][1] for s in symbols])
        return (at >= first) & (at < end)


def run_pyqlib(folder, calendar, spans, processes, group, wanted):
    """All cells, one group of symbols after the other."""
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "rivals"))
    import pyqlib_bench

    data, (expressions, names) = pyqlib_bench.prepared(folder, processes)
    if wanted:
        names, expressions = list(wanted), list(wanted.values())
    cells = Cells(calendar, spans, names)
    symbols = list(spans)
    for at in range(0, len(symbols), group):
        frame = data.features(symbols[at : at + group], expressions, freq="day", disk_cache=0)
        keys = frame.index
        # ChangeInstrument adds the other symbol's days.
        kept = cells.inside(keys.get_level_values("instrument"), keys.get_level_values("datetime").values)
        frame, keys = frame[kept], keys[kept]
        rows = cells.rows_of(keys.get_level_values("instrument"), keys.get_level_values("datetime").values)
        cells.values[rows] = frame.values
        cells.seen[rows] = True
        print(f"pyqlib: {min(at + group, len(symbols))} of {len(symbols)} symbols", file=sys.stderr)
    if not cells.seen.all():
        raise SystemExit("pyqlib left out rows that have bars")
    return cells, dict(zip(names, expressions))


def run_ours(args, bars, expressions, out):
    """Our values as a CSV file."""
    binary = args.binary
    if binary is None:
        subprocess.run(["cargo", "build", "--release", "--quiet"], check=True, cwd=args.root)
        binary = args.root / "target" / "release" / "qlib-pro"
    what = ["--set", "alpha158"]
    if args.expr or args.expressions:
        file = args.work / "expressions.json"
        file.write_text(json.dumps(expressions))
        what = ["--expr-file", str(file)]
    command = [str(binary), "factor", "compute", *what, "--bars", str(bars), "--out", str(out)]
    start = time.perf_counter()
    subprocess.run(command, check=True)
    print(f"qlib-pro: {time.perf_counter() - start:.1f} s", file=sys.stderr)


class Differences:
    """What was found, by factor."""

    def __init__(self, names):
        self.names = names
        self.worst = np.zeros(len(names))
        self.where = [""] * len(names)
        self.over = np.zeros(len(names), np.int64)
        self.masks = np.zeros(len(names), np.int64)
        self.cells = 0

    def add(self, keys, ours, theirs):
        ours, theirs = ours.astype(np.float64), theirs.astype(np.float64)
        self.cells += ours.size
        self.masks += (np.isnan(ours) != np.isnan(theirs)).sum(axis=0)
        with np.errstate(invalid="ignore"):
            apart = np.abs(ours - theirs) / np.maximum(np.abs(theirs), SMALL)
        apart[ours == theirs] = 0.0
        apart[np.isnan(ours) | np.isnan(theirs)] = 0.0
        apart[np.isnan(apart)] = np.inf
        self.over += (apart > TOLERANCE).sum(axis=0)
        row = apart.argmax(axis=0)
        for column, at in enumerate(row):
            if apart[at, column] > self.worst[column]:
                self.worst[column] = apart[at, column]
                self.where[column] = f"{keys[at]}: {ours[at, column]:.9g} / {theirs[at, column]:.9g}"

    def report(self):
        order = np.lexsort((-self.worst, -self.over, -self.masks))[:SHOWN]
        print("| factor | cells over | masks differ | largest difference | where: ours / pyqlib |")
        print("|---|---|---|---|---|")
        for at in order:
            where = self.where[at]
            print(f"| {self.names[at]} | {self.over[at]} | {self.masks[at]} | {self.worst[at]:.3g} | {where} |")
        missed = int(self.over.sum() + self.masks.sum())
        print(f"{self.cells} cells of {len(self.names)} factors compared, {missed} do not agree")
        return missed


def compare(out, cells):
    """Reads our file in pieces against pyqlib's cells."""
    found, rows_read = Differences(cells.names), 0
    types = {name: np.float32 for name in cells.names}
    for piece in pd.read_csv(out, chunksize=ROWS_AT_ONCE, dtype=types, parse_dates=["date"], keep_default_na=False,
                             na_values={name: [""] for name in cells.names}):
        if list(piece.columns[2:]) != cells.names:
            raise SystemExit(f"our columns are not pyqlib's: {list(piece.columns)}")
        rows = cells.rows_of(piece["symbol"], piece["date"].values)
        keys = (piece["date"].dt.strftime("%Y-%m-%d") + " " + piece["symbol"]).values
        found.add(keys, piece[cells.names].values, cells.values[rows])
        rows_read += len(piece)
    if rows_read != len(cells.values):
        raise SystemExit(f"qlib-pro gave {rows_read} rows, pyqlib {len(cells.values)}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("bars", type=pathlib.Path)
    parser.add_argument("--work", type=pathlib.Path, required=True, help="folder for files made on the way")
    parser.add_argument("--root", type=pathlib.Path, required=True, help="folder of the project")
    parser.add_argument("--binary", type=pathlib.Path, help="qlib-pro; built with cargo without it")
    parser.add_argument("--symbols", type=int, default=0, help="only the first N symbols; 0 is all")
    parser.add_argument("--processes", type=int, default=2, help="processes of pyqlib")
    parser.add_argument("--group", type=int, default=100, help="symbols that pyqlib works on at once")
    parser.add_argument("--expr", action="store_true", help="give qlib-pro pyqlib's expressions, not its own set")
    parser.add_argument("--expressions", type=pathlib.Path, help="JSON: name to expression, instead of Alpha158")
    args = parser.parse_args()
    wanted = json.loads(args.expressions.read_text()) if args.expressions else None

    bars = read_bars(args.bars, args.symbols)
    calendar, spans = write_folder(bars, args.work / "compare-qlib")
    given = args.work / "compare-bars.csv"
    bars.to_csv(given, index=False, date_format="%Y-%m-%d")
    start = time.perf_counter()
    cells, expressions = run_pyqlib(args.work / "compare-qlib", calendar, spans, args.processes, args.group, wanted)
    print(f"pyqlib: {time.perf_counter() - start:.1f} s with {args.processes} processes", file=sys.stderr)
    out = args.work / "compare-ours.csv"
    run_ours(args, given, expressions, out)
    sys.exit(1 if compare(out, cells).report() else 0)


if __name__ == "__main__":
    main()
