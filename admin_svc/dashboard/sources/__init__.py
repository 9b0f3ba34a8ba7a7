"""Where the dashboard's facts come from: the running platform, or a recording of one in tests."""
