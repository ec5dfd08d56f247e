"""`python -m connector`: one participant, with its settings from the environment. `tidegate serve` has options."""

import sys

from connector.errors import ConfigurationError
from connector.serve import serve
from connector.settings import load_settings
from connector.telemetry import configure_logging


def main() -> int:
    """0 after a clean stop, 2 if the settings do not make a working participant."""
    try:
        settings = load_settings()
        configure_logging(settings.log_level)
        serve(settings)
    except ConfigurationError as error:
        print(f"error: {error.message}" + (f"\n  {error.hint}" if error.hint else ""), file=sys.stderr)  # noqa: T201
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
