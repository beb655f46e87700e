#!/usr/bin/env python3
"""Times the factor engines on one panel in one run, turn by turn, and prints one Markdown table with ratios.

    side_by_side.py PANEL_FOLDER --ours 'COMMAND' [--rounds 3] [--threads 1 2] [--skip pyqlib …] [--json FILE]

PANEL_FOLDER is what make_panel.py wrote. COMMAND is started with the path of the panel file, a workload and a number
of threads after it, and prints one line of JSON a timed run: name, threads, wall_s, cpu_s, peak_rss_mb, values.
In each round every engine has one turn at every workload, so that a busy moment of the machine meets them all;
figures are medians over the rounds. Of KunQuant's two layouts the faster one stands in the table; it is set beside
our run into memory that is there already, as its own is. Alpha360 is ours only.
"""

import argparse
import json
import pathlib
import shlex
import subprocess
import sys

import measure

HERE = pathlib.Path(__file__).resolve().parent
WORKLOADS = ["alpha158", "proxy14", "latest", "alpha360"]
OURS_ONLY = ["alpha360"]


def turns(args):
    """Every (engine, workload, command) of a round."""
    panel, qlib = str(args.panel / "panel.f32"), str(args.panel / "qlib")
    python = sys.executable
    for threads in map(str, args.threads):
        for workload in args.workloads:
            if args.ours:
                yield "qlib-pro", [*shlex.split(args.ours), panel, workload, threads]
            if "pyqlib" not in args.skip and workload not in OURS_ONLY:
                script = str(HERE / "pyqlib_bench.py")
                yield "pyqlib", [python, script, qlib, "--workload", workload, "--processes", threads, "--once"]
            if "kunquant" not in args.skip and workload == "alpha158":
                for layout in ("STs", "TS"):
                    script = str(HERE / "kunquant_bench.py")
                    yield "kunquant", [python, script, panel, "--threads", threads, "--layout", layout, "--once"]


def ran(engine, command):
    """The lines of JSON that a command printed."""
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = [json.loads(line) for line in out.splitlines() if line.startswith("{")]
    if not lines:
        raise SystemExit(f"no line of JSON from: {shlex.join(command)}")
    return [{**line, "engine": line.get("engine", engine)} for line in lines]


def table(results):
    """Markdown: every engine beside ours of the same workload and number of threads."""
    ours = {(r["name"], r["threads"]): r for r in results if r["engine"] == "qlib-pro"}
    lines = [
        "| workload | threads | engine | wall s | CPU s | peak MB | million values/s | wall ÷ ours |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in sorted(results, key=lambda r: (r["name"], r["threads"], r["wall_s"])):
        mine = ours.get((r["name"], r["threads"]))
        ratio = f"{r['wall_s'] / mine['wall_s']:.1f}" if mine and mine["wall_s"] > 0 else ""
        rate = r["values"] / r["wall_s"] / 1e6 if r["wall_s"] > 0 else float("nan")
        lines.append(
            f"| {r['name']} | {r['threads']} | {r['engine']} | {r['wall_s']:.4g} | {r['cpu_s']:.4g} "
            f"| {r['peak_rss_mb']:.0f} | {rate:.1f} | {ratio} |"
        )
    return "\n".join(lines)


def fastest_layout(results):
    """Drops KunQuant's slower layout."""
    best = {}
    for r in results:
        key = (r["engine"].split()[0], r["name"], r["threads"])
        if key not in best or r["wall_s"] < best[key]["wall_s"]:
            best[key] = r
    return list(best.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("panel", type=pathlib.Path)
    parser.add_argument("--ours", help="command of our own bench; without it only the rivals run")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--skip", nargs="*", choices=["pyqlib", "kunquant"], default=[])
    parser.add_argument("--json", type=pathlib.Path, help="every sample, one line each")
    args = parser.parse_args()

    samples = {}
    for number in range(args.rounds):
        for engine, command in turns(args):
            for line in ran(engine, command):
                print(f"round {number + 1}: {json.dumps(line)}", file=sys.stderr, flush=True)
                samples.setdefault((line["engine"], line["name"], line["threads"]), []).append(line)
    if args.json:
        lines = [json.dumps(line) for group in samples.values() for line in group]
        args.json.write_text("\n".join(lines) + "\n")
    print(table(fastest_layout([measure.median_of(group) for group in samples.values()])))


if __name__ == "__main__":
    main()
