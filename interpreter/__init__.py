"""What runs workflows: the machine, the journal, the scheduler, the client."""
