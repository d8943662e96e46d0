"""Speed and memory of each step on one core, on the sentences of the shipped corpus.

    .venv/bin/python benchmarks/speed.py [--seconds 3]

Machines are noisy: every figure is the best of several runs, and the ratios come from one run of this script.
"""

import argparse
import datetime as dt
import gc
import os
import re
import resource
import time
from collections.abc import Callable

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(name, "1")

from relations import anaphora, artifact, gazetteer, registry, sentences
from relations.analyser import Analyser, Options
from relations.encoder import ENCODER_FILE, TOKENIZER_FILE
from relations.folding import fold
from relations.mentions import MentionFinder
from training import corpus

AS_OF = dt.date(2024, 6, 1)
SPARSE_FILLER = (
    "The committee met again in the afternoon and went through the figures that the auditors had sent. "
    "Prices rose by two per cent over the year, which most people had expected, and wages by a little more. "
    "Nobody was hurt when the roof of the old station fell in, the fire brigade said. "
)


def best(task: Callable[[], object], seconds: float) -> float:
    """Seconds of the fastest run."""
    end = time.perf_counter() + seconds
    runs = []
    while not runs or time.perf_counter() < end:
        start = time.perf_counter()
        task()
        runs.append(time.perf_counter() - start)
    return min(runs)


def measure(analyser: Analyser, label: str, part: list[str], seconds: float) -> None:
    """Print sentences a second through the whole way."""
    options = Options(AS_OF)
    for name, texts in ((label, part), (f"{label}, half other news", [SPARSE_FILLER * 4 + text for text in part])):
        analyses = analyser.analyse_all(texts, options)
        count = sum(len(one.sentences) for one in analyses)
        pairs = sum(len(sentence.relations) for one in analyses for sentence in one.sentences)
        spent = best(lambda texts=texts: analyser.analyse_all(texts, options), seconds)
        print(f"whole way, {name:24} {count / spent:5.0f} sentences/s ({pairs / count:.1f} pairs each)")
    spent = best(lambda: [analyser.analyse(text, options) for text in part], seconds)
    count = sum(len(analyser.analyse(text, options).sentences) for text in part)
    print(f"  one article at a time         {count / spent:8.0f} sentences/s")


def context(fast: Analyser, part: list[str], seconds: float) -> None:
    """Print the same of the context tier, and how that compares."""
    options = Options(AS_OF)
    count = sum(len(fast.analyse(text, options).sentences) for text in part)
    spent_by_fast = best(lambda: [fast.analyse(text, options) for text in part], seconds)
    folder = registry.resolve(tier="context")
    for threads in (1, 2):
        start = time.perf_counter()
        model, _ = artifact.load(folder, threads=threads)
        analyser = Analyser(fast.finder, model)
        analyser.analyse(part[0], options)
        print(f"context tier, {threads} thread(s): ready in  {time.perf_counter() - start:8.2f} s")
        spent = best(lambda analyser=analyser: [analyser.analyse(text, options) for text in part], seconds)
        print(f"  newswire, one article at a time {count / spent:6.0f} sentences/s")
        print(f"  the fast tier                   {spent / spent_by_fast:6.0f} times that")
    size = sum((folder / name).stat().st_size for name in (artifact.MODEL_FILE, ENCODER_FILE, TOKENIZER_FILE))
    print(f"its files                       {size / 1e6:8.1f} MB")
    print(f"resident, at most               {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="time for each figure")
    seconds = parser.parse_args().seconds
    start = time.perf_counter()
    known = gazetteer.load()
    finder = MentionFinder(known)
    print(f"gazetteer ready in              {time.perf_counter() - start:8.2f} s")
    start = time.perf_counter()
    fast = registry.resolve(tier="fast")
    model, _ = artifact.load(fast)
    print(f"model verified and loaded in    {time.perf_counter() - start:8.2f} s")
    analyser = Analyser(finder, model)
    gc.freeze()  # as the service does before it forks

    rows = corpus.read(corpus.DEFAULT_FOLDER, frozenset(known.countries))
    lines = [row.text for row in rows if not row.slice.startswith("actors")][:12000]
    articles = [" ".join(lines[k : k + 14]) for k in range(0, len(lines), 14)]
    dense = "\n".join(articles)
    news = [SPARSE_FILLER * 8 + article for article in articles]
    sparse = [SPARSE_FILLER * 32 + article for article in articles[:400]]

    alternatives = sorted({fold(name.surface)[0] for name in known.names}, key=len, reverse=True)
    pattern = re.compile(r"(?<!\w)(?:" + "|".join(map(re.escape, alternatives)) + r")(?!\w)")
    for label, texts in (
        ("one text of countries only", [dense]),
        ("articles on countries", articles),
        ("half other news", news),
        ("four fifths other news", sparse),
    ):
        megabytes = sum(len(text.encode()) for text in texts) / 1e6
        ours = best(lambda texts=texts: [finder.find(text, AS_OF) for text in texts], seconds)
        count = sum(len(finder.find(text, AS_OF)) for text in texts)
        print(f"mentions, {label:27} {megabytes / ours:8.1f} MB/s ({count / megabytes / 1000:.1f} mentions a kB)")
        short = "\n".join(texts)[:300_000]
        regex = best(lambda short=short: list(pattern.finditer(short)), seconds)
        ratio = (len(short.encode()) / 1e6 / regex) / (megabytes / ours)
        print(f"  one regular expression of all names           {ratio:8.3f} times that")
    spent = best(lambda: sentences.split(dense), seconds)
    print(f"sentences                       {len(dense.encode()) / 1e6 / spent:8.1f} MB/s")
    split, named = sentences.split(dense), finder.find(dense, AS_OF)
    spent = best(lambda: anaphora.resolve(dense, split, named), seconds)
    print(f"anaphora                        {len(dense.encode()) / 1e6 / spent:8.1f} MB/s")

    wire = [
        row.text for row in rows if row.slice in {"leads_1999_2009", "front_page", "newswire", "hard_neutrals"}
    ]
    for label, part in (
        ("newswire", [" ".join(wire[k : k + 14]) for k in range(0, 700, 14)]),
        ("hardest", articles[:40]),
    ):
        measure(analyser, label, part, seconds)
    size = (fast / artifact.MODEL_FILE).stat().st_size
    print(f"model file                      {size / 1e6:8.1f} MB")
    print(f"resident, at most               {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:8.0f} MB")
    context(analyser, [" ".join(wire[k : k + 14]) for k in range(0, 140, 14)], seconds)


if __name__ == "__main__":
    main()
