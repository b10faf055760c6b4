"""Connectors: what services send, as events; what services can do, as plain functions for steps.

Each module owns one service's protocol: how to read its deliveries, and how to call it. They
share one HTTP layer and know nothing of executions and journals. The connectors that call need
``pip install 'dataflows-engine[connectors]'``; reading deliveries needs nothing.
"""
