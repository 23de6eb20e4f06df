#!/usr/bin/env python3
"""pyperformance's benchmarks in a packaged application, against another interpreter; prints a table of ratios.

    python3 benches/pyperformance/run.py --baseline /opt/python/bin/python3.13 --write benches/RESULTS.md

The baseline is a CPython of the same version, for instance one built from the same source with
`./configure --enable-optimizations --with-lto && make`. pyperformance, pyperf and what the benchmarks need are installed
by pip into target/pyperformance (or --site) and packaged. The processes of both sides take turns; each benchmark's figure
is the ratio of the medians of CPU time, below 100 % means that the packaged application is faster. `--write` replaces the
section "pyperformance" of the file and leaves the rest.
"""

import argparse
import json
import math
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent

# Versions are those of pyperformance 1.14. Whatever these install as native code is for the interpreter that runs pip,
# so it is taken out and the pure Python variants are measured.
PACKAGES = """
pyperformance==1.14.0 pyperf==2.10.0 chameleon==4.6.0 pyaes==1.6.1 docutils==0.18.1 genshi==0.7.7 six==1.16.0 html5lib==1.1
webencodings==0.5.1 mako==1.1.4 markupsafe==2.0.1 sqlglot==4.6.0 tomli==2.0.1
""".split()

# Folder of the benchmark without "bm_", its arguments, how many timings the script has. Left out: what starts servers or other
# processes (their time is not the process's own), and what needs native packages or the removed distutils.
BENCHMARKS = [
    ("argparse", ["subparsers"], 1),
    ("async_generators", [], 1),
    ("async_tree", ["none"], 1),
    ("async_tree", ["cpu_io_mixed"], 1),
    ("barnes_hut", [], 1),
    ("chameleon", [], 1),
    ("chaos", [], 1),
    ("comprehensions", [], 1),
    ("coroutines", [], 1),
    ("crypto_pyaes", [], 1),
    ("decimal_pi", [], 1),
    ("deepcopy", [], 3),
    ("deltablue", [], 1),
    ("docutils", [], 1),
    ("fannkuch", [], 1),
    ("float", [], 1),
    ("gc_collect", [], 1),
    ("gc_traversal", [], 1),
    ("generators", [], 1),
    ("genshi", [], 2),
    ("go", [], 1),
    ("hexiom", [], 1),
    ("html5lib", [], 1),
    ("json_dumps", [], 1),
    ("json_loads", [], 1),
    ("logging", ["format"], 1),
    ("logging", ["silent"], 1),
    ("logging", ["simple"], 1),
    ("mako", [], 1),
    ("mdp", [], 1),
    ("meteor_contest", [], 1),
    ("nbody", [], 1),
    ("nqueens", [], 1),
    ("pathlib", [], 1),
    ("pickle", ["pickle"], 1),
    ("pickle", ["unpickle"], 1),
    ("pickle", ["--pure-python", "pickle"], 1),
    ("pidigits", [], 1),
    ("pprint", [], 2),
    ("pyflate", [], 1),
    ("raytrace", [], 1),
    ("regex_compile", [], 1),
    ("regex_dna", [], 1),
    ("regex_effbot", [], 1),
    ("regex_v8", [], 1),
    ("richards", [], 1),
    ("richards_super", [], 1),
    ("scimark", [], 5),
    ("spectral_norm", [], 1),
    ("sqlglot_v2", ["parse"], 1),
    ("sqlglot_v2", ["optimize"], 1),
    ("sqlite_synth", [], 1),
    ("telco", [], 1),
    ("tomli_loads", [], 1),
    ("typing_runtime_protocols", [], 1),
    ("unpack_sequence", [], 1),
    ("xml_etree", [], 4),
]


def install(site):
    """Fills the folder `site` with the packages, once."""
    if (site / "pyperformance").is_dir():
        return
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(site), *PACKAGES]
    subprocess.run(command, check=True)
    for native in site.rglob("*.so"):
        native.unlink()


def package(injector, site, folder):
    """Packages the starter with everything in `site`; answers the application."""
    output = folder / "pyperformance"
    shutil.copy(HERE / "start.py", site / "__main__.py")
    subprocess.run([str(injector), str(output), "--resources", str(site), "-q"], check=True)
    return output


def worker(python, script, arguments, folder):
    """One process that measures; answers its timings per loop in seconds, or the number of loops when it calibrates."""
    result = folder / "result.json"
    result.unlink(missing_ok=True)
    command = [*python, str(script), "--worker", "-o", str(result), *arguments]
    run = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if run.returncode or not result.is_file():
        raise RuntimeError(f"{' '.join(command)}\n{run.stderr[-2000:]}")
    document = json.loads(result.read_text())
    (benchmark,) = document["benchmarks"]
    (one,) = benchmark["runs"]
    metadata = {**document.get("metadata", {}), **benchmark.get("metadata", {}), **one.get("metadata", {})}
    return metadata["name"], metadata.get("calibrate_loops") or metadata.get("loops", 1), one.get("values", [])


def measure(sides, script, extra, task, rounds, folder):
    """Lets both sides take turns; answers the benchmark's name and the ratio of the first to the second."""
    extra = [*extra, f"--worker-task={task}"]
    name, loops, _ = worker(sides[1], script, [*extra, "--calibrate-loops", "--min-time", "0.1"], folder)
    timings = ([], [])
    for _ in range(rounds):
        for side, found in zip(sides, timings):
            found += worker(side, script, [*extra, f"--loops={loops}", "-w1", "-n1"], folder)[2]
    return name, statistics.median(timings[0]) / statistics.median(timings[1])


def percent(ratio):
    return f"{ratio * 100:.1f} %"


def section(results, failed, baseline, rounds):
    """The text of the results."""
    mean = math.exp(statistics.fmean(math.log(ratio) for _, ratio in results))
    lines = [
        "## pyperformance",
        "",
        f"Made by `benches/pyperformance/run.py`: CPU time in a packaged application against {baseline}, medians of {rounds}",
        "processes of each that took turns; below 100 % the application is faster.",
        "",
        f"**Geometric mean of {len(results)} benchmarks: {percent(mean)}**",
        "",
        "| benchmark | ratio |",
        "| --- | ---: |",
        *(f"| {name} | {percent(ratio)} |" for name, ratio in results),
    ]
    if failed:
        lines += ["", "Did not run on both: " + ", ".join(failed) + "."]
    return "\n".join(lines) + "\n"


def replace(path, text):
    """Puts the section into the file, in place of the one that is there."""
    old = path.read_text() if path.is_file() else ""
    head, mark, tail = old.partition("## pyperformance\n")
    following = tail.find("\n## ")
    tail = tail[following + 1 :] if mark and following >= 0 else ""
    path.write_text(head.rstrip("\n") + "\n\n" + text + ("\n" + tail if tail else ""))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baseline", required=True, help="the interpreter to compare with")
    parser.add_argument("--describe", help="what to call the baseline in the table [default: its version and compiler]")
    parser.add_argument("--injector", type=pathlib.Path, default=REPOSITORY / "target/release/oxidize-inject")
    parser.add_argument("--site", type=pathlib.Path, default=REPOSITORY / "target/pyperformance")
    parser.add_argument("--program", help="measure this interpreter instead of a packaged application")
    parser.add_argument("--rounds", type=int, default=5, help="processes of each side [default: 5]")
    parser.add_argument("--only", action="append", help="only benchmarks whose name holds this; repeatable")
    parser.add_argument("--write", type=pathlib.Path, help="put the results into this file too")
    options = parser.parse_args()
    install(options.site)
    starter = str(HERE / "start.py")
    # Both sides see the same packages; the interpreter finds them by PYTHONPATH.
    os.environ["PYTHONPATH"] = str(options.site)
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        if options.program:
            ours = [options.program, starter]
        else:
            ours = [str(package(options.injector, options.site, folder))]
        sides = (ours, [options.baseline, starter])
        results, failed = [], []
        for short, extra, tasks in BENCHMARKS:
            if options.only and not any(word in short for word in options.only):
                continue
            script = options.site / f"pyperformance/data-files/benchmarks/bm_{short}/run_benchmark.py"
            for task in range(tasks):
                try:
                    name, ratio = measure(sides, script, extra, task, options.rounds, folder)
                except RuntimeError as error:
                    print(f"{short} {' '.join(extra)}: {error}", file=sys.stderr)
                    failed.append(short)
                    break
                print(f"{name:32} {percent(ratio):>8}", flush=True)
                results.append((name, ratio))
    if not results:
        sys.exit("error: nothing was measured")
    code = "import platform; print('CPython', platform.python_version(), 'by', platform.python_compiler())"
    described = options.describe or subprocess.check_output([options.baseline, "-c", code], text=True).strip()
    text = section(results, failed, described, options.rounds)
    print(text)
    if options.write:
        replace(options.write, text)


main()
