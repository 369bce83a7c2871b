"""How a worker is told to end all that it runs before it stops: no other worker could continue it."""

from __future__ import annotations

import signal
from typing import Final

PATIENTLY: Final = signal.SIGUSR1
"""In the place of SIGTERM. A SIGTERM after it ends the patience."""
PATIENT_SECONDS: Final = 600.0
"""What has not ended then is given back to the line."""
