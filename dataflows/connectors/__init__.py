"""Connectors: what services send, as events; what services can do, as plain functions for steps.

One module for each service has all of it::

    from dataflows.connectors import azure_devops as azure, clickup, github

    @workflow("copy-to-clickup", trigger=azure.work_item_created(project="Shop"))

A module that calls its service owns how that is done, and offers the triggers too, which stand in ``sources`` with how
deliveries are proven and read. What only sends is offered here from there. The modules that call share one HTTP layer
and need ``pip install 'dataflows-engine[connectors]'``; reading deliveries needs nothing. None of them knows of
executions and journals.
"""

from dataflows.connectors.sources import cloudevents, generic, github, slack, standard_webhooks, stripe

__all__ = ["cloudevents", "generic", "github", "slack", "standard_webhooks", "stripe"]
