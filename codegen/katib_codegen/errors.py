"""What goes wrong in a source, said so that its author finds the place."""


class SourceError(Exception):
    """A source under apis/ cannot be printed. The message names file, place and cure."""


class PressError(Exception):
    """The press fell over sources that it took for sound: a mistake of its own. The message names the product."""
