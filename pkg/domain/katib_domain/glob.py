"""Glob patterns of GJSON: ``*`` for any text, ``?`` for one character, a backslash before a literal one."""


def glob_matches(text: str, pattern: str) -> bool:
    """Whether the whole ``text`` fits ``pattern``; the time grows with the product of the lengths, never faster."""
    tokens = _tokens(pattern)
    at = token = 0
    star, resume = -1, 0
    while at < len(text):
        if token < len(tokens) and tokens[token] == ("*", True):
            star, resume = token, at
            token += 1
        elif token < len(tokens) and (tokens[token] == ("?", True) or tokens[token] == (text[at], False)):
            at, token = at + 1, token + 1
        elif star >= 0:
            resume += 1
            at, token = resume, star + 1
        else:
            return False
    return all(rest == ("*", True) for rest in tokens[token:])


def _tokens(pattern: str) -> list[tuple[str, bool]]:
    """Pairs of a character and whether it is a wildcard."""
    tokens, escaped = [], False
    for character in pattern:
        if character == "\\" and not escaped:
            escaped = True
            continue
        tokens.append((character, character in "*?" and not escaped))
        escaped = False
    return tokens
