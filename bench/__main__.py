"""`python -m bench [NAME …]`: the measurements, each against its comparison in the same run."""

import importlib
import sys

MEASUREMENTS = {
    "intake": "batch intake of the full real data against plain COPY of the same rows",
    "http": "orders over HTTP: batches, and single orders against a bare route",
    "ledger": "ledger transfers against one SQL statement a transfer",
    "redirect": "redirects against a bare WSGI 302 and a Flask hello-world 302",
    "coupons": "claims of a hot coupon against one UPDATE of one row",
    "red_packets": "claims of a red packet against one UPDATE of one row",
    "clicks": "CPU seconds a million clicks cost from the segment to the sums",
    "stats": "the stats of a link with 5 million clicks over a year, and the nightly work",
    "settlement": "maturing and preparing a settlement of 200,000 commissions",
    "notices": "notices through the worker against a bare loop of HTTP posts",
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in MEASUREMENTS]
    if unknown:
        print(f"There is no measurement {', '.join(unknown)}. There are: {', '.join(MEASUREMENTS)}.", file=sys.stderr)
        return 2
    for name in names or MEASUREMENTS:
        print(f"\n== {name}: {MEASUREMENTS[name]}", flush=True)
        importlib.import_module(f"bench.{name}").run()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
