"""One example of the documents a module: NAME.py is what runs, NAME.toml what the documents say about it."""
