"""Events under chaos: real TODO writes, three subscribers, and somebody who kills and freezes whatever carries events.

The writes are made by processes that run TODO's own services in their own transactions, each with a relay, and not
through the HTTP API: what is proven begins at the commit, gateway and HTTP have their own chaos in `tests.chaos`, and
on two cores they would take most of the time that the event path needs.
"""
