"""One example of the documents a module: NAME.py is what runs, NAME.toml what the documents say."""

import pathlib
import sys

if sys.argv[0] == "-m":
    # `python -m reproductions.NAME`: hand over to the command line before NAME imports TensorFlow,
    # which takes seconds and writes to the terminal. The workers import it, and keep it quiet.
    from common import cli

    module = sys.orig_argv[sys.orig_argv.index("-m") + 1]
    cli.run_one(str(pathlib.Path(__file__).with_name(f"{module.rpartition('.')[2]}.py")))
