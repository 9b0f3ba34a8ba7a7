"""The pages, one module each; they parse, ask one selector or service, and render."""
