"""Checked reading of records: what the tests of the files that hold them cannot show."""

import subprocess
import sys
from pathlib import Path

import pytest

# many classes whose fields are not known yet, each needed by four threads at once, which take turns all the time
FIRST_USE = """
import sys, threading
from dataclasses import make_dataclass
from explorer import records
sys.setswitchinterval(1e-6)
for number in range(300):
    inner = make_dataclass(f"Inner{number}", [(f"value{place}", int) for place in range(10)])
    outer = make_dataclass(f"Outer{number}", [("inner", inner), *((f"other{place}", float) for place in range(20))])
    values = {"inner": {f"value{place}": place for place in range(10)}, **{f"other{place}": 1.0 for place in range(20)}}
    together = threading.Barrier(4)
    def read():
        together.wait()
        READ
    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("read")
"""


@pytest.mark.parametrize(
    "read", ["records.from_values(values, outer)", "records.from_json(records.msgspec.json.encode(values), outer)"]
)
def test_threads_may_read_records_of_a_new_kind_at_once(read):
    script = FIRST_USE.replace("READ", read)
    done = subprocess.run([sys.executable, "-c", script], cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout == "read\n", (done.returncode, done.stderr)
