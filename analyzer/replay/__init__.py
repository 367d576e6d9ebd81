"""The same pipeline over files and historical topics, with the answers that live gave."""
