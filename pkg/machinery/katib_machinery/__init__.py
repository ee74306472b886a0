"""Transport, informers, work queue, clock and the base of every model."""
