"""Early stopping: when a trial that promises little is to end. Pure rules of what trials have reported, and their service."""
