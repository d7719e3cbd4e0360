"""Run the command line: ``temei``, or ``python -m temei``."""

from ui.cli import main

if __name__ == "__main__":
    main()
