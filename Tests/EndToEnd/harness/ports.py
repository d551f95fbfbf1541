"""Free TCP ports, reserved against other test processes on the machine.

The gateway listens with SO_REUSEPORT, so two processes that picked the same "free" port would not notice: they would
silently share its connections. A port is therefore reserved by holding the UDP port of the same number until this
process ends, which no TCP listener minds. Ports lie below the kernel's ephemeral range.
"""

import random
import socket

FIRST, LAST = 15000, 32000
_reservations = []


def free_port():
    for _ in range(1000):
        port = random.randint(FIRST, LAST)
        reservation = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            reservation.bind(("127.0.0.1", port))
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            reservation.close()
            continue
        _reservations.append(reservation)
        return port
    raise RuntimeError("no free port found")
