"""Wall time, CPU time and peak memory of one piece of work, its child processes included.

Each sample is taken in a process of its own, so that no sample finds the memory or the caches of another.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time

import psutil

SAMPLE_EVERY_S = 0.05


def cpu_seconds():
    """User and system time of this process and of its children that have ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(kind) for kind in kinds]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def tree_rss(process):
    """Resident bytes of a process and its descendants. Shared pages count once for each."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        try:
            total += one.memory_info().rss
        except psutil.Error:
            pass  # it ended between being listed and being asked
    return total


def measured(work):
    """Runs `work()`, which returns how many values it made, and says what that took."""
    peak, done, process = [0], threading.Event(), psutil.Process()

    def watch():
        while not done.wait(SAMPLE_EVERY_S):
            peak[0] = max(peak[0], tree_rss(process))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    cpu, start = cpu_seconds(), time.perf_counter()
    values = work()
    wall = time.perf_counter() - start
    cpu = cpu_seconds() - cpu
    done.set()
    watcher.join()
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    peak_mb = max(peak[0], own, tree_rss(process)) / 1e6
    return {"wall_s": round(wall, 4), "cpu_s": round(cpu, 4), "peak_rss_mb": round(peak_mb, 1), **values}


def repeated(script, arguments, repeat):
    """Runs a script again in `repeat` processes, each printing one line of JSON; medians of what they took."""
    samples = []
    for _ in range(repeat):
        command = [sys.executable, script, *arguments, "--once"]
        out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ).stdout
        samples.append(json.loads(out.strip().splitlines()[-1]))
    return median_of(samples)


def median_of(samples):
    """One sample with the median of every figure, and all wall times."""
    result = dict(samples[0])
    for key in ("wall_s", "cpu_s", "peak_rss_mb"):
        result[key] = round(statistics.median(sample[key] for sample in samples), 4)
    result["walls_s"] = [sample["wall_s"] for sample in samples]
    return result
