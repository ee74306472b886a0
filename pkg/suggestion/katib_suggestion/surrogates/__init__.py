"""Models of losses over mixed spaces, and the search for the point that they promise most of. Knows no trial, no message."""

WIDEST = 60
"""Up to so many coordinates a model looks at few of them at a time too; a number is one, a list of texts has as many as
entries. Beyond, that costs too much, and teaches too slowly."""
