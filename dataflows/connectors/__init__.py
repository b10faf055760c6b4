"""Connectors: what services send, as events; what services can do, as plain functions for steps.

Each module owns how to call one service; ``sources`` has how their deliveries are proven and read,
and the triggers on them. The modules that call share one HTTP layer and need
``pip install 'dataflows-engine[connectors]'``; reading deliveries needs nothing. None of them
knows of executions and journals.
"""
