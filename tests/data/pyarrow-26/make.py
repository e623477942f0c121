"""Writes the access log of events/incident as Parquet, each column a string.

    pip install pyarrow==26.0.1 && python make.py
"""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

here = Path(__file__).parent
logs = sorted((here.parents[2] / "events/incident/logs/access").rglob("*.gz"))
lines = [line for log in logs for line in gzip.open(log, "rt").read().splitlines()]
header = next(line for line in lines if line.startswith("#Fields: "))
names = [
    name.lower().replace("-", "_").replace("(", "_").replace(")", "")
    for name in header.split()[1:]
]
rows = [line.split("\t") for line in lines if not line.startswith("#")]


def write(name, absent="-", **options):
    columns = {
        column: pa.array([absent if row[at] == "-" else row[at] for row in rows], pa.string())
        for at, column in enumerate(names)
    }
    pq.write_table(pa.table(columns), here / name, **options)


write("snappy.parquet", compression="snappy")
write("gzip-v2-pages.parquet", compression="gzip", data_page_version="2.0", row_group_size=200)
write("zstd-nulls.parquet", absent=None, compression="zstd", row_group_size=200)
