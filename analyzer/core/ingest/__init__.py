"""Step 1: raw records of one source become event columns; late and bad ones go aside."""
