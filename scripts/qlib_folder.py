"""Takes a Qlib data folder through a home and back, and lets pyqlib say whether the values are the same.

From a bars file (date, symbol, open, high, low, close, volume and optionally vwap) it makes a folder with awkward
spans, gaps and factors, imports it into a new home, exports it again, and reads both folders with pyqlib. Features must
be equal bit for bit where the exchange has a session and the row was good; `change` follows from close and may differ
in its last digits. Then expressions computed with `factor compute --qlib` on the first folder are compared with
pyqlib's on the same folder.

    python scripts/qlib_folder.py --program target/release/qlib-pro --bars FILE [--symbols N]

Run it with a Python that has pyqlib 0.9.7, numpy and pandas.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import numpy as np
import pandas as pd

FIELDS = ["open", "high", "low", "close", "volume", "vwap", "factor", "change"]
EXPRESSIONS = {
    "mean": "Mean($close,5)/$close",
    "std": "Std($close/Ref($close,1)-1,20)",
    "corr": "Corr($close,Log($volume+1),10)",
    "rank": "Rank($close,30)",
    "factor": "$factor",
    "vwap": "$vwap/$close",
}


def make_folder(bars, root):
    """A folder in Qlib's layout; prices are restated by a factor that halves in the middle of every third name."""
    days = np.sort(bars["date"].unique())
    place = {day: at for at, day in enumerate(days)}
    for part in ["calendars", "instruments", "features"]:
        (root / part).mkdir(parents=True)
    (root / "calendars" / "day.txt").write_text("".join(f"{d}\n" for d in days))
    lists = {"all": [], "few": []}
    for number, (symbol, own) in enumerate(bars.groupby("symbol", sort=True)):
        own = own.set_index(own["date"].map(place)).reindex(range(place[own["date"].min()], place[own["date"].max()] + 1))
        factor = np.full(len(own), 0.37)
        if number % 3 == 0:
            factor[: len(own) // 2] /= 2
        if number % 5 == 1 and len(own) > 40:
            own.iloc[20:27] = np.nan
        close = own["close"].to_numpy() * factor
        values = {name: own[name].to_numpy() * factor for name in ["open", "high", "low", "close"]}
        values["vwap"] = (own["vwap"] if "vwap" in own else (own["high"] + own["low"]) / 2).to_numpy() * factor
        values["volume"] = np.round(own["volume"].to_numpy() / factor)
        values["factor"] = np.where(np.isnan(close), np.nan, factor)
        filled = pd.Series(close).ffill()
        values["change"] = (filled / filled.shift(1) - 1).to_numpy()
        values["change"][np.isnan(close)] = np.nan
        folder = root / "features" / symbol.lower()
        folder.mkdir()
        start = int(own.index[0])
        for name, series in values.items():
            np.hstack([[start], series]).astype("<f4").tofile(folder / f"{name}.day.bin")
        first, last = days[start], days[start + len(own) - 1]
        middle = len(own) // 2
        if number % 4 == 2 and len(own) > 100:
            lists["all"] += [(symbol, first, days[start + middle]), (symbol, days[start + middle + 10], last)]
        else:
            lists["all"].append((symbol, first, last))
        if number % 2 == 0:
            lists["few"].append((symbol, days[start + middle], last))
    for name, rows in lists.items():
        (root / "instruments" / f"{name}.txt").write_text("".join("\t".join(map(str, row)) + "\n" for row in rows))


def read_folder(folder, market, expressions, out):
    """Reads a folder with pyqlib, in a process of its own, since pyqlib remembers the first folder it saw."""
    import qlib
    from qlib.data import D

    qlib.init(provider_uri=folder, region="us", expression_cache=None, dataset_cache=None, kernels=1)
    read = D.features(D.instruments(market), list(expressions.values()), freq="day")
    read.columns = list(expressions)
    read.to_pickle(out)


def read(folder, market, expressions, work):
    out = work / "read.pickle"
    wanted = json.dumps([str(folder), market, expressions, str(out)])
    subprocess.run([sys.executable, __file__, "--read", wanted], check=True, stderr=subprocess.DEVNULL)
    frame = pd.read_pickle(out)
    frame.index = frame.index.set_levels([frame.index.levels[0].str.upper(), frame.index.levels[1]])
    return frame.sort_index()


def run(program, home, *words, codes=(0,)):
    environment = {**os.environ, "QLIB_PRO_HOME": str(home), "QLIB_PRO_USER": "root", "QLIB_PRO_PASSWORD": "a long pass phrase"}
    done = subprocess.run([program, *words], env=environment, capture_output=True, text=True)
    if done.returncode not in codes:
        sys.exit(f"{' '.join(words)} ended with {done.returncode}: {done.stderr}")
    return done.stdout


def differing(ours, theirs):
    """Cells that are not the same bits; missing equals missing."""
    same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
    return int((~same).sum())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=pathlib.Path, default="target/release/qlib-pro")
    parser.add_argument("--bars", type=pathlib.Path)
    parser.add_argument("--symbols", type=int, default=60)
    parser.add_argument("--read", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        return read_folder(*json.loads(given.read))
    program = str(given.program.resolve())
    work = pathlib.Path(tempfile.mkdtemp(prefix="qlib-folder-"))
    bars = pd.read_csv(given.bars)
    bars = bars[bars["symbol"].isin(sorted(bars["symbol"].unique())[: given.symbols])]
    first, second, home = work / "first", work / "second", work / "home"
    make_folder(bars, first)
    run(program, home, "user", "add", "root")
    report = json.loads(run(program, home, "--format", "json", "import", "qlib", str(first), codes=(0, 5)))
    print("imported:", {k: v for k, v in report.items() if k not in ("quarantine",)})
    again = json.loads(run(program, home, "--format", "json", "import", "qlib", str(first), codes=(0, 5)))
    assert again["unchanged"] == report["stored"] and again["stored"] == 0, again
    print("exported:", run(program, home, "--format", "json", "export", "qlib", str(second)).strip())
    kept_out = {(q["symbol"].upper(), pd.Timestamp(q["date"])) for q in report["quarantine"] if q["date"]}
    features = {name: f"${name}" for name in FIELDS}
    faults = 0
    for market in ["all", "few"]:
        theirs = read(first, market, features, work)
        ours = read(second, market, features, work)
        theirs = theirs[theirs["close"].notna() & ~theirs.index.isin(kept_out)]
        gaps = ours["close"].isna().sum()
        ours = ours[ours["close"].notna()]
        assert ours.index.equals(theirs.index), (len(ours), len(theirs))
        cells = {name: differing(ours[name].to_numpy(), theirs[name].to_numpy()) for name in FIELDS}
        apart = np.abs(ours["change"] - theirs["change"])
        for symbol, day in kept_out:
            # The change after a row that was kept out is over another close.
            later = apart.index[(apart.index.get_level_values(0) == symbol) & (apart.index.get_level_values(1) > day)]
            apart = apart.drop(later[:1])
        change = np.nanmax(apart)
        print(f"{market}: {len(ours)} rows ({gaps} gaps), cells that differ: {cells}, change by at most {change:.1e}")
        faults += sum(v for name, v in cells.items() if name != "change") + int(change > 1e-6)
    for market in ["all", "few"]:
        theirs = read(first, market, EXPRESSIONS, work)
        out = work / "factors.csv"
        words = [word for name, text in EXPRESSIONS.items() for word in ("--expr", f"{name}={text}")]
        run(program, home, "factor", "compute", "--qlib", str(first), "--universe", market, *words, "--out", str(out))
        ours = pd.read_csv(out, parse_dates=["date"], keep_default_na=False, na_values=[""])
        ours = ours.rename(columns={"symbol": "instrument", "date": "datetime"}).set_index(["instrument", "datetime"])
        ours = ours.sort_index().reindex(theirs.index)
        for name in EXPRESSIONS:
            a, b = ours[name].to_numpy(float), theirs[name].to_numpy(float)
            mask = int((np.isnan(a) != np.isnan(b)).sum())
            apart = np.nanmax(np.abs(a - b) / np.maximum(np.abs(b), 1e-3))
            print(f"{market} {name}: {len(a)} cells, {mask} missing on one side only, farthest apart {apart:.1e}")
            faults += mask + int(apart > 1e-5)
    shutil.rmtree(work)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
