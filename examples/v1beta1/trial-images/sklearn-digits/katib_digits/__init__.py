"""A small training program for examples: handwritten digits with a neural network."""
