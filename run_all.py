"""Run the reproductions and judge what the documents say: `python run_all.py --help`."""

import sys

try:
    from common import cli
except ImportError as error:
    print(f"{error}: run `make reproduce`, or `pip install -e .`", file=sys.stderr)
    sys.exit(2)
except KeyboardInterrupt:
    sys.exit(2)

if __name__ == "__main__":
    cli.main()
