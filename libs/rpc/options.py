"""The gRPC options of all channels, each with its reason."""

Options = list[tuple[str, int]]

CHANNEL_OPTIONS: Options = [
    ("grpc.enable_http_proxy", 0),  # internal calls never leave by a proxy of the environment
    ("grpc.initial_reconnect_backoff_ms", 100),  # an instance that restarts is used again at once, not after 20 s
    ("grpc.min_reconnect_backoff_ms", 2_000),  # in gRPC core this is the time a connect may take
    ("grpc.max_reconnect_backoff_ms", 1_000),
    ("grpc.keepalive_time_ms", 20_000),  # a silent loss of the network breaks calls after 25 s at most
    ("grpc.keepalive_timeout_ms", 5_000),
]
