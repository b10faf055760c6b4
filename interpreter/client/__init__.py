"""Starting executions and looking after them, from a process that performs none.

The package owns the classes that people hold: clients and handles, in plain code and in asyncio's.
"""

from interpreter.client.clients import AsyncClient, Client
from interpreter.client.handles import AsyncHandle, Handle
from interpreter.client.verbs import AsyncVerbs, Verbs

__all__ = ["AsyncClient", "AsyncHandle", "AsyncVerbs", "Client", "Handle", "Verbs"]
