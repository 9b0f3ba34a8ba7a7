"""`make up` and its helpers: keys, the embedded broker, supervised processes, the demo. For one machine."""
