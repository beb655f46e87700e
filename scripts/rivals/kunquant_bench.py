#!/usr/bin/env python3
"""Times KunQuant's own Alpha158 on the panel file of make_panel.py and prints one line of JSON a setting.

    kunquant_bench.py PANEL [--threads 1 2] [--layout STs TS] [--repeat 1]

Single precision, its fastest form. `STs` holds blocks of stocks (16 lanes where the processor has AVX-512, else 8),
`TS` is time by stock with 8 lanes. Needs g++: KunQuant makes C++ of the factors. Making and compiling it is reported
(`build_s`) and left out of the time, as are reading the file and laying out the input. One run before the timed one
touches the output's memory, so it is to be compared with what we do into memory that is there already. Its values are not those of Qlib: no partial windows, and running sums in single
precision.
"""

import argparse
import json
import time

import measure
import numpy as np

LAYOUTS = ["STs", "TS"]


def read_panel(path):
    with open(path, "rb") as file:
        header = json.loads(file.readline())
        values = np.fromfile(file, "<f4")
    shape = (len(header["fields"]), header["instruments"], header["rows"])
    return header, dict(zip(header["fields"], values.reshape(shape)))


def lanes_of(layout):
    """Lanes of one vector: 16 with AVX-512 in the blocked layout."""
    with open("/proc/cpuinfo") as file:
        wide = "avx512dq" in file.read()
    return 16 if wide and layout == "STs" else 8


def compiled(layout, lanes):
    from KunQuant.Driver import KunCompilerConfig
    from KunQuant.jit import cfake
    from KunQuant.Op import Builder, Input, Output
    from KunQuant.predefined.Alpha158 import AllData
    from KunQuant.Stage import Function

    builder = Builder()
    with builder:
        inputs = {name: Input(name) for name in ("open", "high", "low", "close", "volume", "amount")}
        data = AllData(**inputs)
        prices = [("OPEN", data.open), ("HIGH", data.high), ("LOW", data.low), ("VWAP", data.vwap)]
        factors, names = data.build(
            {
                "kbar": {},
                "price": {"windows": [0], "feature": prices},
                "rolling": {"windows": [5, 10, 20, 30, 60]},
            }
        )
        for factor, name in zip(factors, names):
            Output(factor, name)
    config = KunCompilerConfig(
        dtype="float",
        blocking_len=lanes,
        partition_factor=4,
        input_layout=layout,
        output_layout=layout,
        options={"opt_reduce": True, "fast_log": True, "no_fast_stat": "no_warn"},
    )
    function = Function(builder.ops)
    return cfake.compileit([("alpha158", function, config)], "alpha158", cfake.CppCompilerConfig()), names


def laid_out(values, layout, lanes):
    """Instrument by instrument into KunQuant's layout."""
    if layout == "TS":
        return np.ascontiguousarray(values.T)
    instruments, rows = values.shape
    return np.ascontiguousarray(values.reshape(instruments // lanes, lanes, rows).transpose(0, 2, 1))


def once(path, threads, layout):
    from KunQuant.runner import KunRunner

    header, fields = read_panel(path)
    lanes = lanes_of(layout)
    kept = header["instruments"] // lanes * lanes
    if kept != header["instruments"]:
        raise SystemExit(f"KunQuant takes whole blocks: make the panel with a multiple of {lanes} symbols")
    fields["amount"] = fields["vwap"] * fields["volume"]
    del fields["vwap"]
    inputs = {name: laid_out(values, layout, lanes) for name, values in fields.items()}
    start = time.perf_counter()
    library, names = compiled(layout, lanes)
    build_s = time.perf_counter() - start
    module = library.getModule("alpha158")
    executor = (
        KunRunner.createSingleThreadExecutor() if threads == 1 else KunRunner.createMultiThreadExecutor(threads)
    )
    shape = next(iter(inputs.values())).shape
    outputs = {name: np.full(shape, np.nan, np.float32) for name in names}

    def work():
        KunRunner.runGraph(executor, module, inputs, 0, header["rows"], outputs)
        rows = header["rows"] * header["instruments"]
        return {"rows": rows, "columns": len(names), "values": rows * len(names)}

    work()
    taken = measure.measured(work)
    print(
        json.dumps(
            {
                "engine": f"KunQuant f32 {layout} {lanes} lanes",
                "name": "alpha158 into held memory",
                "threads": threads,
                **taken,
                "build_s": round(build_s, 2),
            }
        )
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("panel")
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--layout", nargs="+", choices=LAYOUTS, default=LAYOUTS)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--once", action="store_true", help="one sample in this process")
    args = parser.parse_args()
    if args.once:
        once(args.panel, args.threads[0], args.layout[0])
        return
    for threads in args.threads:
        for layout in args.layout:
            arguments = [args.panel, "--threads", str(threads), "--layout", layout]
            print(json.dumps(measure.repeated(__file__, arguments, args.repeat)), flush=True)


if __name__ == "__main__":
    main()
