"""The internal protocol: HTTP carried over gRPC, from the ASGI door of one process to the WSGI handler of another."""
