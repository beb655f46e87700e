#!/usr/bin/env python3
"""Times pyqlib on a Qlib data folder and prints one line of JSON a workload.

    pyqlib_bench.py FOLDER [--workload alpha158 proxy14 latest] [--processes 1 2] [--repeat 1]

    alpha158   all 158 factors, every session
    proxy14    fourteen factors like those of Qlib's own table (its list is not published) and the label,
               with DropnaLabel and CSZScoreNorm of the label, as its Alpha158 handler does
    latest     all 158 factors of the last session only

Neither of pyqlib's disk caches is on: they need a Redis server. The time to import pyqlib is left out.
"""

import argparse
import json

import measure

PROXY14 = {
    "ROC1": "Ref($close,1)/$close",
    "ROC5": "Ref($close,5)/$close",
    "MA5": "Mean($close,5)/$close",
    "MA20": "Mean($close,20)/$close",
    "STD5": "Std($close,5)/$close",
    "STD20": "Std($close,20)/$close",
    "MAX20": "Max($high,20)/$close",
    "MIN20": "Min($low,20)/$close",
    "KMID": "($close-$open)/$open",
    "KLEN": "($high-$low)/$open",
    "CORR20": "Corr($close,Log($volume+1),20)",
    "VMA5": "Mean($volume,5)/($volume+1e-12)",
    "VSTD20": "Std($volume,20)/($volume+1e-12)",
    "LABEL0": "Ref($close,-2)/Ref($close,-1)-1",
}
WORKLOADS = ["alpha158", "proxy14", "latest"]


def prepared(folder, processes):
    """Starts pyqlib; hands back its data interface and the names and expressions of Alpha158."""
    import logging

    import qlib
    from qlib.contrib.data.loader import Alpha158DL
    from qlib.data import D

    qlib.init(
        provider_uri=str(folder),
        region="us",
        kernels=processes,
        expression_cache=None,
        dataset_cache=None,
        logging_level=logging.ERROR,
    )
    config = {
        "kbar": {},
        "price": {"windows": [0], "feature": ["OPEN", "HIGH", "LOW", "VWAP"]},
        "rolling": {},
    }
    return D, Alpha158DL.get_feature_config(config)


def once(folder, workload, processes):
    data, (fields, names) = prepared(folder, processes)
    names_of_panel = data.instruments("all")

    def query(fields, names, start=None):
        frame = data.features(names_of_panel, fields, start_time=start, freq="day", disk_cache=0)
        frame.columns = names
        return frame

    def alpha158():
        return query(fields, names)

    def latest():
        return query(fields, names, start=data.calendar(freq="day")[-1])

    def proxy14():
        import pandas as pd
        from qlib.data.dataset.processor import CSZScoreNorm, DropnaLabel

        frame = query(list(PROXY14.values()), list(PROXY14))
        groups = ["label" if name == "LABEL0" else "feature" for name in PROXY14]
        frame.columns = pd.MultiIndex.from_arrays([groups, list(PROXY14)])
        return CSZScoreNorm(fields_group="label")(DropnaLabel()(frame).copy())

    work = {"alpha158": alpha158, "proxy14": proxy14, "latest": latest}[workload]

    def counted():
        rows, columns = work().shape
        return {"rows": rows, "columns": columns, "values": rows * columns}

    taken = measure.measured(counted)
    print(json.dumps({"engine": "pyqlib", "name": workload, "threads": processes, **taken}))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--workload", nargs="+", choices=WORKLOADS, default=WORKLOADS)
    parser.add_argument("--processes", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--once", action="store_true", help="one sample in this process")
    args = parser.parse_args()
    if args.once:
        once(args.folder, args.workload[0], args.processes[0])
        return
    for workload in args.workload:
        for processes in args.processes:
            arguments = [args.folder, "--workload", workload, "--processes", str(processes)]
            print(json.dumps(measure.repeated(__file__, arguments, args.repeat)), flush=True)


if __name__ == "__main__":
    main()
