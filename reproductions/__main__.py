"""`python -m reproductions NAME ...` is `python run_all.py NAME ...`."""

import pathlib
import runpy

if __name__ == "__main__":  # the worker processes import this file, too
    entry = pathlib.Path(__file__).parents[1] / "run_all.py"
    runpy.run_path(str(entry), run_name="__main__")
