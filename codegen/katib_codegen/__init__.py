"""The press: prints everything that the schemas in apis/ decide."""
