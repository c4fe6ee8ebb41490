# SPDX-License-Identifier: Apache-2.0
"""The processes that a measurement drives: runtimes that are told when to run, and what the system says about them."""
import json
import os
import pathlib
import signal
import subprocess
import time
import typing

HERE = pathlib.Path(__file__).resolve().parent
TICKS = os.sysconf("SC_CLK_TCK")


class Skipped(Exception):
    """Something that a measurement needs is not there; the text says what."""


class Inference(typing.NamedTuple):
    ms: float
    preempted: bool  # the system gave the processor of one of its threads to somebody else meanwhile


class Runtime:
    """One runtime with one model loaded, in a process of its own that sleeps between commands."""

    def __init__(self, name, command, environment):
        self.name = name
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **environment})
        self.about = self._answer()
        self.peak_rss_bytes = 0

    def _answer(self):
        line = self.process.stdout.readline()
        if line:
            return json.loads(line)
        message = self.process.stderr.read().strip() or f"{self.name} ended without a word"
        raise Skipped(message.splitlines()[-1].removeprefix("skipped: "))

    def start(self, command):
        """Sends a command whose answer is taken later, so that two runtimes can work at once."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def ask(self, command):
        self.start(command)
        return self._answer()

    def finish_run(self):
        answer = self._answer()
        return [Inference(ns / 1e6, switches > 0) for ns, switches in zip(answer["ns"], answer["preempted"])]

    def run(self, count):
        """`count` inferences. On return its idle threads have stopped spinning for work."""
        self.start(f"run {count}")
        inferences = self.finish_run()
        self._settle()
        return inferences

    def cpu_seconds(self):
        """Processor time of all its threads."""
        total = 0
        for task in pathlib.Path(f"/proc/{self.process.pid}/task").iterdir():
            try:
                total += int((task / "schedstat").read_text().split()[0])
            except OSError:
                pass  # a thread that has ended
        return total / 1e9

    def _settle(self):
        for _ in range(100):
            before = self.cpu_seconds()
            time.sleep(0.01)
            if self.cpu_seconds() - before < 0.0005:
                return
        raise Skipped(f"{self.name} does not stop computing between its turns")

    def close(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        for line in status.splitlines():
            if line.startswith("VmHWM:"):
                self.peak_rss_bytes = int(line.split()[1]) * 1024
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
        self.process.stderr.close()


def tandem(setup, model, batch, threads, precision):
    worker = setup.build / "bench" / "engine" / "bench_engine_worker"
    if not worker.exists():
        raise Skipped(f"{worker} is not built")
    command = [worker, model, str(batch), str(threads), precision]
    if setup.timings:
        command.append(setup.timings)
    # What the program `tandem` gives itself: see td_environment_check().
    environment = {"GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "1000")}
    return Runtime("tandem", command, environment)


def install_onnxruntime():
    """Where it is missing, unless TANDEM_NODE says that it is elsewhere."""
    if "TANDEM_NODE" not in os.environ:
        subprocess.run([HERE.parents[1] / "scripts" / "install-onnxruntime"], stdout=subprocess.DEVNULL)


def onnxruntime(model, batch, threads):
    try:
        return Runtime("onnxruntime", ["node", HERE / "worker.js", model, str(batch), str(threads)], {})
    except FileNotFoundError:
        raise Skipped("node is not installed (Debian packages nodejs, npm)") from None


def peak_gflops(build, threads):
    """The f32 multiply-add peak of that many threads."""
    command = [build / "bench" / "engine" / "bench_peak", str(threads)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


class Busy:
    """Processes that keep `count` processors busy while they are awake; asleep at first."""

    def __init__(self, build, count):
        command = [build / "bench" / "engine" / "bench_peak", "busy"]
        self.processes = [subprocess.Popen(command) for _ in range(count)]
        self.sleep()

    def _signal(self, number):
        for process in self.processes:
            process.send_signal(number)

    def sleep(self):
        self._signal(signal.SIGSTOP)

    def wake(self):
        self._signal(signal.SIGCONT)

    def close(self):
        for process in self.processes:
            process.kill()
            process.wait()


class Machine:
    """How much of the machine others use while we measure."""

    def __init__(self):
        self.begin, self.ours = self._busy_ticks(), os.times()

    @staticmethod
    def _busy_ticks():
        fields = [int(f) for f in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
        idle = fields[3] + fields[4]
        return sum(fields[:8]) - idle, sum(fields[:8])

    def others(self, own_seconds):
        """Share of all processor time since the start that went to processes other than this one and `own_seconds`."""
        busy, total = (now - then for now, then in zip(self._busy_ticks(), self.begin))
        times = os.times()
        own = own_seconds + times.user - self.ours.user + times.system - self.ours.system
        return max(0.0, busy / TICKS - own) / max(total / TICKS, 1e-9)
