"""One example of the documents a folder: claims.toml, its experiment files and figures.py."""
