# SPDX-License-Identifier: Apache-2.0
"""Measurements: each gives a dictionary of figures, without saying how they are shown."""
import array
import itertools
import os
import random
import statistics

import models
from processes import Busy, Machine, Skipped, onnxruntime, peak_gflops, tandem

TURN_MS = 80  # how long one runtime computes before the other has its turn


class Setup:
    """What all measurements of one call share."""

    def __init__(self, build, work, rounds, timings):
        self.build, self.work, self.rounds, self.timings = build, work, rounds, timings
        self.peaks = {}

    def peak(self, threads):
        """The best that was seen: measured anew each time, as the clock of the processor varies."""
        self.peaks[threads] = max(self.peaks.get(threads, 0), peak_gflops(self.build, threads))
        return self.peaks[threads]

    def feed(self, runtimes):
        first = runtimes[0].about["inputs"]
        for index, tensor in enumerate(first):
            path = self.work / f"input.{index}"
            models.write_input(path, tensor["dtype"], tensor["shape"])
            for runtime in runtimes:
                theirs = [t["name"] for t in runtime.about["inputs"]].index(tensor["name"])
                runtime.ask(f"feed {theirs} {path}")


def turn_length(runtime):
    """How many inferences make a turn; also the warm-up."""
    fastest = min(inference.ms for inference in runtime.run(3))
    return max(1, min(200, round(TURN_MS / fastest)))


def turn(runtime, count):
    """One turn. The first inference finds the other's data in the caches and is left out where there are several."""
    inferences = runtime.run(count)
    return inferences[1:] if count > 2 else inferences


def median(inferences):
    return statistics.median(inference.ms for inference in inferences)


def undisturbed(inferences):
    """Those during which no thread was preempted, where they are enough to say something; else all. And their share."""
    quiet = [inference for inference in inferences if not inference.preempted]
    share = len(quiet) / len(inferences)
    return (quiet if len(quiet) >= 5 else inferences), share


def alternate(runtimes, rounds):
    """Inferences of each, in short turns, in random order, never two at once."""
    order = random.Random(1)
    counts = [turn_length(r) for r in runtimes]
    times = [[] for _ in runtimes]
    for _ in range(rounds):
        for i in order.sample(range(len(runtimes)), len(runtimes)):
            times[i] += turn(runtimes[i], counts[i])
    return times


def largest_difference(setup, runtimes):
    """Between the first outputs, in units of the largest absolute value; None where the types have no such thing."""
    outputs = []
    for index, runtime in enumerate(runtimes):
        tensors = runtime.about["outputs"]
        if tensors[0]["dtype"] != "float32":
            return None
        runtime.ask(f"save {setup.work / f'output{index}'}")
        content = array.array("f")
        content.frombytes((setup.work / f"output{index}.0").read_bytes())
        outputs.append(content)
    if len(outputs[0]) != len(outputs[1]):
        raise Skipped("the outputs have different sizes")
    scale = max(abs(value) for value in outputs[1]) or 1.0
    return max(abs(a - b) for a, b in zip(*outputs)) / scale


def close_all(runtimes):
    for runtime in runtimes:
        runtime.close()


def compare(setup, path, batch, threads, precision):
    """Tandem beside onnxruntime."""
    peak = setup.peak(threads)
    runtimes = []
    first = tandem(setup, path, batch, threads, precision)
    first.close()  # what follows is a later start, whose kernels were chosen before
    try:
        runtimes.append(tandem(setup, path, batch, threads, precision))
        runtimes.append(onnxruntime(path, batch, threads))
        setup.feed(runtimes)
        machine, cpu = Machine(), sum(r.cpu_seconds() for r in runtimes)
        ours, theirs = alternate(runtimes, setup.rounds)
        others = machine.others(sum(r.cpu_seconds() for r in runtimes) - cpu)
        difference = largest_difference(setup, runtimes)
    finally:
        close_all(runtimes)
    (ours, quiet), (theirs, other_quiet) = undisturbed(ours), undisturbed(theirs)
    ms, other_ms = median(ours), median(theirs)
    least, other_least = (min(inference.ms for inference in side) for side in (ours, theirs))
    about = runtimes[0].about
    gflop = 2e-9 * about["macs"] * batch
    mb = 1e-6
    return {
        "batch": batch, "threads": threads, "precision": precision,
        "tandem_ms": ms, "tandem_min_ms": least, "onnxruntime_ms": other_ms, "onnxruntime_min_ms": other_least,
        "ratio": ms / other_ms, "ratio_of_minima": least / other_least,
        "tandem_images_per_s": 1000 * batch / ms, "onnxruntime_images_per_s": 1000 * batch / other_ms,
        "peak_gflops": peak, "peak_share": gflop / (ms / 1000) / peak,
        "onnxruntime_peak_share": gflop / (other_ms / 1000) / peak,
        "max_difference": difference,
        "peak_rss_mb": runtimes[0].peak_rss_bytes * mb, "onnxruntime_peak_rss_mb": runtimes[1].peak_rss_bytes * mb,
        "onnxruntime_bare_rss_mb": runtimes[1].about["bare_rss_bytes"] * mb,
        "weights_mb": about["weights_bytes"] * mb, "arena_mb": about["arena_bytes"] * mb,
        "scratch_mb": about["scratch_bytes"] * mb,
        "tandem_first_load_ms": first.about["load_ms"], "tandem_load_ms": about["load_ms"],
        "onnxruntime_load_ms": runtimes[1].about["load_ms"],
        "inferences": [len(ours), len(theirs)], "undisturbed_share": min(quiet, other_quiet), "others_cpu_share": others,
    }


def itself(setup, path, batch, threads, precision):
    """Tandem beside Tandem: how far from 1 a ratio of equals is on this machine now."""
    runtimes = []
    try:
        for _ in range(2):
            runtimes.append(tandem(setup, path, batch, threads, precision))
        setup.feed(runtimes)
        first, second = (undisturbed(side)[0] for side in alternate(runtimes, setup.rounds))
    finally:
        close_all(runtimes)
    return {"batch": batch, "threads": threads, "precision": precision, "first_ms": median(first),
            "second_ms": median(second), "ratio": median(first) / median(second)}


def layers(setup, path, batch, threads, precision):
    """Where the time of one inference goes."""
    peak = setup.peak(threads)
    runtime = tandem(setup, path, batch, threads, precision)
    try:
        setup.feed([runtime])
        count = max(5, min(400, setup.rounds * turn_length(runtime)))
        steps = runtime.ask(f"layers {count}")["layers"]
        whole = median(undisturbed(runtime.run(count))[0])
    finally:
        runtime.close()
    total = sum(step["ns"] for step in steps)
    for step in steps:
        step["ms"] = step.pop("ns") / 1e6
        step["share"] = step["ms"] * 1e6 / total
        step["gflops"] = 2e-6 * step["macs"] / step["ms"] if step["ms"] else 0.0
        step["peak_share"] = step["gflops"] / peak
    return {"batch": batch, "threads": threads, "precision": precision, "tandem_ms": whole,
            "steps_ms": total / 1e6, "peak_gflops": peak, "layers": steps}


def steady(setup, path, batch, threads, precision):
    """Each runtime with every processor kept busy by somebody else, against alone; in turns."""
    runtimes, row = [], {"batch": batch, "threads": threads, "precision": precision}
    busy = Busy(setup.build, os.cpu_count())
    try:
        runtimes.append(tandem(setup, path, batch, threads, precision))
        runtimes.append(onnxruntime(path, batch, threads))
        setup.feed(runtimes)
        for runtime in runtimes:
            count, alone, loaded = turn_length(runtime), [], []
            for _ in range(setup.rounds):
                alone += turn(runtime, count)
                busy.wake()
                loaded += turn(runtime, count)
                busy.sleep()
            row[f"{runtime.name}_ms"] = median(alone)
            row[f"{runtime.name}_loaded_ms"] = median(loaded)
            row[f"{runtime.name}_factor"] = median(loaded) / median(alone)
    finally:
        busy.close()
        close_all(runtimes)
    return row


def at_once(runtimes, count):
    """Inferences of each while all compute: those are left out during which another had finished already."""
    for runtime in runtimes:
        runtime.start(f"run {count}")
    turns = [runtime.finish_run() for runtime in runtimes]
    shortest = min(sum(inference.ms for inference in inferences) for inferences in turns)
    return [[inference for inference, end in zip(inferences, itertools.accumulate(i.ms for i in inferences))
             if end <= shortest] for inferences in turns]


def two(setup, path, batch, threads, precision):
    """Two programs at once against one alone; in turns."""
    runtimes, row = [], {"batch": batch, "threads": threads, "precision": precision}
    try:
        for _ in range(2):
            runtimes.append(tandem(setup, path, batch, threads, precision))
        setup.feed(runtimes)
        count, alone, both = turn_length(runtimes[0]), [], [[], []]
        for _ in range(setup.rounds):
            alone += turn(runtimes[0], count)
            for kept, times in zip(both, at_once(runtimes, 2 * count)):
                kept += times
    finally:
        close_all(runtimes)
    row["alone_ms"] = median(alone)
    for name, times in zip(("first", "second"), both):
        row[f"{name}_ms"] = median(times)
        row[f"{name}_factor"] = row[f"{name}_ms"] / row["alone_ms"]
    return row
