"""The scheduler: claims executions, drives them, performs their steps. See ``scheduler.scheduler``."""
