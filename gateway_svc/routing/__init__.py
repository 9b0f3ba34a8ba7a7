"""Routing: the pipeline that takes requests to services, and the pages that describe them."""
