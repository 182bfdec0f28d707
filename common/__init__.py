"""What the reproductions share. Nothing here knows of any one reproduction."""
