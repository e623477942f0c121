"""Times `why403 replay` beside other readers of the same logs, in turn, and prints ratios.

Called by `cargo bench --bench replay`: compare.py WHY403 INFLATE DATA ROUNDS [SET...]
Only a ratio within one round means anything on a machine that others use as well.
"""

import glob
import os
import shutil
import statistics
import subprocess
import sys
import time

WHY403, INFLATE, DATA, ROUNDS, *WANTED = sys.argv[1:]
AWK = r"""BEGIN { FS = "\t" } $9 == 403 { n[$8 FS $3]++ } END { for (k in n) print n[k], k }"""
SQL = (
    "copy (select column07, column02, count(*) from read_csv('{logs}/*.gz', delim='\t', skip=2,"
    " header=false, quote='', escape='', all_varchar=true) where column08='403' group by all)"
    " to '/dev/null'"
)
REPLAY = ["why403 replay, 1 thread", "why403 replay, 2 threads"]
# The ratio that must be held and the one that is aimed at, and the same of the peak in MiB.
BOUNDS = {
    ("large", REPLAY[0]): (1.00, 0.95),
    ("large", REPLAY[1]): (0.55, 0.50),
    ("small", REPLAY[0]): (0.80, 0.65),
    ("small", REPLAY[1]): (0.45, 0.35),
}
PEAK = (64, 32)
GROWTH = (8, 2)


def readers(name, folder):
    """Name, command, and in how many rounds it takes part, by default in all."""
    logs = f"{folder}/logs"
    replay = [WHY403, "replay", folder, "--quiet", "--threads"]
    yield "inflate into nothing", [INFLATE, "inflate", folder], ROUNDS
    for threads, label in enumerate(REPLAY, start=1):
        yield label, [*replay, str(threads)], ROUNDS
    if name not in ("large", "small"):
        return
    files = sorted(glob.glob(f"{logs}/*.gz"))
    if len(files) > 100:
        return
    for awk in filter(shutil.which, ("mawk", "gawk")):
        if shutil.which("zcat"):
            command = f"zcat {logs}/*.gz | {awk} '{AWK}'"
            yield f"zcat | {awk}", ["sh", "-c", command], 2
    if shutil.which("duckdb"):
        yield "duckdb", ["duckdb", "-c", SQL.format(logs=logs)], 2
    if shutil.which("goaccess"):
        command = f"zcat {logs}/*.gz | goaccess - --log-format=CLOUDFRONT -o /tmp/why403-bench.json"
        yield "goaccess (all its reports)", ["sh", "-c", command], 1


def run(command):
    """Seconds of wall, seconds of processor, and peak memory of the largest process, in MiB."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    complaint = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{command}: {process.returncode}: {complaint.decode(errors='replace')[-500:]}")
    # Includes the children that a shell waited for.
    return took, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def bound(pair, form="{:.2f}"):
    return " / ".join(form.format(each) for each in pair) if pair else ""


def compare(name):
    """Prints the table of a set, and says the peak of each reader."""
    folder = os.path.join(DATA, name)
    rows = list(readers(name, folder))
    packed = sum(os.path.getsize(file) for file in glob.glob(f"{folder}/logs/*.gz"))
    text = int(subprocess.check_output([INFLATE, "inflate", folder]))
    print(f"{name}: {text / 1e6:,.0f} MB of text, {text / packed:.2f} : 1")
    took = {row[0]: [] for row in rows}
    for turn in range(int(ROUNDS)):
        for label, command, rounds in rows:
            if turn < int(rounds):
                took[label].append(run(command))
    base = [wall for wall, _, _ in took[rows[0][0]]]
    print(
        f"  {'':<28}{'seconds, min':>14}{'median':>9}{'ratio, min':>13}{'median':>9}"
        f"{'must / aim':>13}{'peak MiB':>11}{'must / aim':>13}"
    )
    peaks = {}
    for label, _, _ in rows:
        walls = [wall for wall, _, _ in took[label]]
        ratios = [wall / base[turn] for turn, wall in enumerate(walls)]
        peaks[label] = max(peak for _, _, peak in took[label])
        print(
            f"  {label:<28}{min(walls):>14.2f}{statistics.median(walls):>9.2f}"
            f"{min(walls) / min(base):>13.2f}{statistics.median(ratios):>9.2f}"
            f"{bound(BOUNDS.get((name, label))):>13}{peaks[label]:>11.1f}"
            f"{bound(PEAK if label in REPLAY else None, '{:.0f}'):>13}",
            flush=True,
        )
    return peaks


sets = WANTED or ["large", "small", "one", "tenth", "served", "refused", "waf"]
peaks = {each: compare(each) for each in sets}
if "one" in peaks and "tenth" in peaks:
    growth = peaks["one"][REPLAY[0]] - peaks["tenth"][REPLAY[0]]
    print(f"memory of one less that of a tenth: {growth:.1f} MiB, must / aim {bound(GROWTH, '{}')}")
