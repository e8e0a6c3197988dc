"""Every test of pictures gets a folder of its own for what is prepared, and flowers if it asks for them."""

from loopback import root, shared_root  # noqa: F401 - fixtures
from own_files import flowers  # noqa: F401
