"""Training programs for examples of architecture search: networks of handwritten digits, made as they are told."""
