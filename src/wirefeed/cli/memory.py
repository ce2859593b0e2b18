"""The memory of a process that serves: what goes back to the system, and what stays.

A document is hundreds of kilobytes, made, kept for a while and dropped for its successor, among
millions of small things that stay.
"""

import ctypes
import gc

#: <malloc.h> of glibc.
_M_MMAP_THRESHOLD = -3
#: Bytes from which on a buffer has pages of its own.
_LARGE = 64 * 1024


def return_large_buffers() -> bool:
    """Have large buffers go back to the system when they are freed; say whether they will.

    A hint to the C library: another than that of GNU does as it likes.

    glibc means to, and gives it up for whatever size it has once seen freed (mallopt(3): "the
    value of this threshold is dynamically adjusted"): from then on documents lie between things
    that outlive them, and the holes that they leave are never given back.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGE))


def leave_to_stay() -> None:
    """Have what there is by now left out whenever garbage is looked for: it stays until the end.

    To look through all of it takes a tenth of a second, in which nobody is answered, and what
    many ask for at one moment makes Python do so.
    """
    gc.collect()
    gc.freeze()
