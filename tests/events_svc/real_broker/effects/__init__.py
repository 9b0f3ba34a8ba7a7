"""A service with a visible effect: each applied event leaves a row, so a repeated one would leave two."""
