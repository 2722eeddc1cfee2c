"""``python -m tomosplat``."""

import sys

from tomosplat.cli import main

sys.exit(main())
