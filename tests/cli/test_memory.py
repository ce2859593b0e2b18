"""What a burst of documents took is given back; what is there from the start is left alone."""

import platform
import subprocess
import sys

import pytest

#: Large buffers are made and freed, and others made after that, beneath things that stay.
BURST = """
import sys
from wirefeed.cli.memory import return_large_buffers
from wirefeed.telemetry import resident_bytes

if sys.argv[1] == "returned":
    assert return_large_buffers()
before = resident_bytes()
del (first := [b"x" * 250_000])[:]
burst, stays = [], []
for number in range(200):
    burst.append(bytes([number]) * 250_000)
    stays.append(bytes([number]) * 20_000)
burst.clear()
print(resident_bytes() - before)
"""


def grown_by(how: str) -> int:
    run = subprocess.run(
        [sys.executable, "-c", BURST, how], capture_output=True, text=True, check=True
    )
    return int(run.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another library hands out memory")
def test_what_a_burst_of_documents_took_is_given_back():
    stays = 200 * 20_000
    assert grown_by("kept") > 40_000_000
    assert grown_by("returned") < 2 * stays


#: Something that lives on, of whatever was there before.
STAYS = """
import gc
from wirefeed.cli.memory import leave_to_stay

stays = [[number] for number in range(1_000)]
leave_to_stay()
came = [[number] for number in range(1_000)]
looked_through = {id(one) for one in gc.get_objects()}
for kind in (stays, came):
    print(sum(id(one) in looked_through for one in kind))
"""


def test_garbage_is_looked_for_only_among_what_came_later():
    run = subprocess.run([sys.executable, "-c", STAYS], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["0", "1000"]
