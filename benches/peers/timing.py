"""What the scripts of the peers share: one line of JSON per work, and the detectors all of them use."""

import json
import statistics
import sys
import time


def detectors(shape):
    """Bright field and annular dark field in pixels: centre (row, column), radius, inner and outer radius."""
    rows, columns = shape[-2:]
    smaller = min(rows, columns)
    return {
        "centre": (rows // 2, columns // 2),
        "radius": smaller / 16,
        "inner": smaller / 10,
        "outer": smaller / 3,
    }


def report(peer, work, source, run, repeat=3, warm_up=True, **more):
    """Times `run()`; its first call is not counted where caches and compilers warm up."""
    try:
        if warm_up:
            run()
        seconds = []
        for _ in range(repeat):
            began = time.perf_counter()
            run()
            seconds.append(time.perf_counter() - began)
        line = {"bench": "peers", "peer": peer, "work": work, "source": source, "seconds": seconds, **more}
        line["median"] = statistics.median(seconds)
    except Exception as error:  # one peer that cannot do a work must not hide the others
        line = {"bench": "peers", "peer": peer, "work": work, "source": source, "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(line), flush=True)
    print(f"  {peer:24} {work:28} {source:10} {line.get('median', line.get('error'))}", file=sys.stderr, flush=True)
