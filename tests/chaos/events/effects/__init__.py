"""A subscriber whose effects can be counted: each applied event leaves a row with what its reaction found before it."""
