"""Writing: every change of Auth's data, one module per noun."""
