#!/usr/bin/env python3
"""Makes the panel that the factor engines are timed on: the same bytes for every engine, from a fixed seed.

    make_panel.py OUT [--symbols 800] [--days 3400] [--seed 20240607]

writes
    OUT/qlib/       a Qlib data folder: calendars/day.txt, instruments/all.txt, features/SYMBOL/FIELD.day.bin
    OUT/panel.f32   a line of JSON (rows, instruments, fields, calendar, symbols, spans), then little-endian f32:
                    field by field, instrument by instrument, one value a session, NaN where there is none

The market is invented: a common return, a return of the name, prices around it, volume that grows with the move.
Between 8 and 9 % of the cells are missing: one name in five is listed late, 6 % are delisted early, and every name
is suspended now and then, for a day or for weeks. All numbers are single precision, in both forms.
"""

import argparse
import json
import pathlib

import numpy as np

FIELDS = ["open", "high", "low", "close", "volume", "vwap"]
LATE_SHARE = 0.20
DELISTED_SHARE = 0.06
# A suspension begins on this share of the days and lasts a geometric number of days.
SUSPENSION_RATE = 0.0012
SUSPENSION_DAYS_MEAN = 12


def one_symbol(rng, market, days):
    """The fields of one name over all days, before anything is missing."""
    own = rng.standard_t(5, days) * 0.012
    close = rng.uniform(5, 120) * np.exp(np.cumsum(rng.uniform(0.5, 1.5) * market + own))
    before = np.concatenate([[close[0]], close[:-1]])
    opened = before * np.exp(rng.normal(0, 0.004, days))
    top, bottom = np.maximum(opened, close), np.minimum(opened, close)
    high = top * np.exp(np.abs(rng.normal(0, 0.006, days)))
    low = bottom * np.exp(-np.abs(rng.normal(0, 0.006, days)))
    move = np.abs(np.log(close / before))
    level = rng.normal(14, 1.2) + np.cumsum(rng.normal(0, 0.02, days))
    volume = np.round(np.exp(level + 8 * move + rng.normal(0, 0.35, days)) / 100) * 100
    share = rng.uniform(0.3, 0.7, days)
    vwap = low + share * (high - low)
    return np.stack([opened, high, low, close, volume, vwap]).astype(np.float32)


def listed(rng, days):
    """First row and the row after the last."""
    first, end = 0, days
    if rng.random() < LATE_SHARE:
        first = int(rng.uniform(0.02, 0.45) * days)
    if rng.random() < DELISTED_SHARE:
        end = first + max(1, int((days - first) * rng.uniform(0.4, 0.95)))
    return first, end


def suspend(rng, values, first, end):
    """Makes all fields missing on suspended days, never on the first and last listed one."""
    row = first + 1
    for gap in rng.geometric(SUSPENSION_RATE, size=values.shape[1]):
        row += int(gap)
        length = int(rng.geometric(1 / SUSPENSION_DAYS_MEAN))
        if row + length >= end - 1:
            return
        values[:, row : row + length] = np.nan
        row += length


def write_qlib(folder, symbol, values, first, end):
    features = folder / "features" / symbol.lower()
    features.mkdir(parents=True, exist_ok=True)
    for name, series in zip(FIELDS, values):
        body = np.concatenate([[np.float32(first)], series[first:end]]).astype("<f4")
        body.tofile(features / f"{name}.day.bin")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--symbols", type=int, default=800)
    parser.add_argument("--days", type=int, default=3400)
    parser.add_argument("--seed", type=int, default=20240607)
    args = parser.parse_args()

    rng = np.random.default_rng(args.seed)
    calendar = np.busday_offset("2007-01-01", np.arange(args.days), roll="forward").astype(str).tolist()
    symbols = [f"S{number:04d}" for number in range(args.symbols)]
    market = rng.normal(0.0002, 0.010, args.days)
    panel = np.full((len(FIELDS), args.symbols, args.days), np.nan, np.float32)
    spans = []
    for at in range(args.symbols):
        values = one_symbol(rng, market, args.days)
        first, end = listed(rng, args.days)
        suspend(rng, values, first, end)
        panel[:, at, first:end] = values[:, first:end]
        spans.append([first, end])

    qlib = args.out / "qlib"
    (qlib / "calendars").mkdir(parents=True, exist_ok=True)
    (qlib / "instruments").mkdir(parents=True, exist_ok=True)
    (qlib / "calendars" / "day.txt").write_text("".join(day + "\n" for day in calendar))
    lines = [f"{s}\t{calendar[a]}\t{calendar[b - 1]}\n" for s, (a, b) in zip(symbols, spans)]
    (qlib / "instruments" / "all.txt").write_text("".join(lines))
    for at, symbol in enumerate(symbols):
        write_qlib(qlib, symbol, panel[:, at], *spans[at])

    header = {
        "rows": args.days,
        "instruments": args.symbols,
        "fields": FIELDS,
        "calendar": calendar,
        "symbols": symbols,
        "spans": spans,
        "seed": args.seed,
    }
    with open(args.out / "panel.f32", "wb") as file:
        file.write(json.dumps(header, separators=(",", ":")).encode() + b"\n")
        panel.astype("<f4").tofile(file)
    missing = float(np.isnan(panel[3]).mean())
    print(json.dumps({"rows": args.days, "instruments": args.symbols, "missing": round(missing, 4)}))


if __name__ == "__main__":
    main()
