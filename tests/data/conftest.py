"""Every test of data gets a folder of its own, no mirror, no proxy, and servers on the loopback only."""

from loopback import entry, root, server, shared_root  # noqa: F401 - fixtures
