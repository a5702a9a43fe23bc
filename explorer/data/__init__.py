"""Data sets: what they are, how they are split, where they lie on this machine; `download/` fetches them."""
