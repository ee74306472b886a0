"""Models of losses over mixed spaces, and the search for the point that they promise most of. Knows no trial, no message."""
